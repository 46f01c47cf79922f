/*
 * The main job: a file goes in and comes back identical; a second version shares what it shares; both are
 * dropped, what only they kept is collected, and the store is empty.
 *
 *     main_job NEW-STORE [FILE]
 */
#define _POSIX_C_SOURCE 200809L

#include "example.h"

#include <string.h>

static ips_stat counters(ips_store *store) {
    ips_stat stat = IPS_STAT_INIT;
    MUST(ips_store_stat(store, &stat, &error));
    return stat;
}

/* 24 MiB that do not compress, where no file was given. */
static FILE *some_file(void) {
    FILE *file = tmpfile();
    SHOULD(file != NULL);
    uint64_t state = 1;
    for (int i = 0; i < 3 << 20; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        SHOULD(fwrite(&state, sizeof state, 1, file) == 1);
    }
    return file;
}

/* The file with a few bytes put in at its front: every byte moves. */
static FILE *second_version(FILE *first) {
    FILE *file = tmpfile();
    SHOULD(file != NULL);
    fputs("version 2\n", file);
    rewind(first);
    static char buffer[1 << 16];
    size_t count;
    while ((count = fread(buffer, 1, sizeof buffer, first)) > 0) {
        SHOULD(fwrite(buffer, 1, count, file) == count);
    }
    return file;
}

static void put(ips_store *store, FILE *file, const char *name, ips_cid *cid) {
    fflush(file);
    rewind(file);
    ips_batch *batch;
    MUST(ips_batch_begin(store, &batch, &error));
    MUST(ips_batch_put_descriptor(batch, fileno(file), NULL, NULL, cid, &error));
    MUST(ips_batch_set_root(batch, name, cid, &error));
    MUST(ips_batch_commit(batch, &error));
    ips_batch_free(batch);
    print_cid(name, cid);
}

/* Compares what comes back with the file, piece by piece. */
static ips_status compare(void *context, const void *data, size_t length) {
    static char buffer[1 << 16];
    const char *bytes = data;
    while (length > 0) {
        size_t want = length < sizeof buffer ? length : sizeof buffer;
        if (fread(buffer, 1, want, context) != want || memcmp(buffer, bytes, want) != 0) return 99;
        bytes += want;
        length -= want;
    }
    return IPS_OK;
}

static void check(ips_store *store, FILE *file, const ips_cid *cid) {
    rewind(file);
    MUST(ips_store_get_callback(store, cid, 0, IPS_ALL, compare, NULL, file, &error));
    SHOULD(fgetc(file) == EOF);
}

int main(int argc, char **argv) {
    const char *path = place(argc, argv);
    FILE *first = argc > 2 ? fopen(argv[2], "rb") : some_file();
    SHOULD(first != NULL);
    FILE *second = second_version(first);

    ips_store *store;
    MUST(ips_store_create(path, NULL, &error));
    MUST(ips_store_open(path, NULL, &store, &error));

    ips_cid v1, v2;
    put(store, first, "v1", &v1);
    ips_stat one = counters(store);
    put(store, second, "v2", &v2);
    ips_stat two = counters(store);
    printf("v1: %llu bytes in %llu blocks, stored as %llu; v2 cost %llu more\n",
           (unsigned long long)one.raw_bytes, (unsigned long long)one.blocks,
           (unsigned long long)one.stored_bytes, (unsigned long long)(two.stored_bytes - one.stored_bytes));
    SHOULD(two.stored_bytes - one.stored_bytes < one.stored_bytes / 10 + (1 << 20));

    check(store, first, &v1);
    check(store, second, &v2);
    printf("both came back identical\n");

    /* All that the store says of itself is true. */
    ips_verify_report report = IPS_VERIFY_REPORT_INIT;
    MUST(ips_store_verify(store, NULL, NULL, &report, NULL, NULL, &error));
    SHOULD(report.problems == 0 && report.blocks == two.blocks);

    MUST(ips_root_delete(store, "v1", NULL, IPS_NO_LIMIT, NULL, &error));
    check(store, second, &v2);
    MUST(ips_root_delete(store, "v2", NULL, IPS_NO_LIMIT, NULL, &error));
    MUST(ips_store_gc(store, IPS_NO_LIMIT, NULL, NULL, NULL, &error));
    ips_stat end = counters(store);
    SHOULD(end.blocks == 0 && end.stored_bytes == 0 && end.packs == 0 && end.leases == 0);
    printf("dropped and collected: the store is empty\n");

    fclose(first);
    fclose(second);
    ips_store_close(store);
    return 0;
}
