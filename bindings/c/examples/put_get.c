/* Bytes in, bytes out: from memory, from a descriptor, whole, and in the middle. */
#define _POSIX_C_SOURCE 200809L

#include "example.h"

#include <string.h>

int main(int argc, char **argv) {
    const char *path = place(argc, argv);

    /* Defaults suit most; a store keeps its options for ever. */
    ips_create_options options = IPS_CREATE_OPTIONS_INIT;
    options.compression_level = 3;
    MUST(ips_store_create(path, &options, &error));

    ips_store *store;
    MUST(ips_store_open(path, NULL, &store, &error));

    /* From memory. The CID is all one needs to keep. */
    const char *text = "To be stored once, and found again by what it says.";
    ips_bytes bytes = {text, strlen(text)};
    ips_cid cid;
    MUST(ips_store_put_buffer(store, bytes, &cid, &error));
    print_cid("stored", &cid);

    /* A buffer that is too small is told how much is needed. */
    size_t needed = 0;
    SHOULD(ips_store_get_buffer(store, &cid, NULL, 0, &needed, &error) == IPS_BUFFER_TOO_SMALL);
    char *copy = malloc(needed);
    SHOULD(copy != NULL);
    size_t length = 0;
    MUST(ips_store_get_buffer(store, &cid, copy, needed, &length, &error));
    SHOULD(length == strlen(text) && memcmp(copy, text, length) == 0);
    free(copy);

    /* A piece of it, as pread reads: fewer bytes than asked for only at the end. */
    char piece[10];
    size_t got = 0;
    MUST(ips_store_read_at(store, &cid, 6, piece, sizeof piece, &got, &error));
    SHOULD(got == 10 && memcmp(piece, "stored onc", 10) == 0);
    MUST(ips_store_read_at(store, &cid, strlen(text), piece, sizeof piece, &got, &error));
    SHOULD(got == 0);

    /* From a descriptor: this program's own file, 4 MB or 40 GB make no difference to memory. */
    FILE *file = fopen(argv[0], "rb");
    SHOULD(file != NULL);
    ips_cid program;
    MUST(ips_store_put_descriptor(store, fileno(file), NULL, NULL, &program, &error));
    fclose(file);
    uint64_t size = 0;
    MUST(ips_store_size(store, &program, &size, &error));
    print_cid("this program is", &program);

    /* To a descriptor, the same bytes. */
    FILE *target = tmpfile();
    SHOULD(target != NULL);
    MUST(ips_store_get_descriptor(store, &program, 0, IPS_ALL, fileno(target), NULL, NULL, &error));
    SHOULD(fseek(target, 0, SEEK_END) == 0 && (uint64_t)ftell(target) == size);
    fclose(target);

    /* Storing what is there already stores nothing. */
    ips_stat before = IPS_STAT_INIT, after = IPS_STAT_INIT;
    ips_cid again;
    MUST(ips_store_stat(store, &before, &error));
    MUST(ips_store_put_buffer(store, bytes, &again, &error));
    MUST(ips_store_stat(store, &after, &error));
    SHOULD(ips_cid_compare(&cid, &again) == 0 && before.blocks == after.blocks);

    bool is_here = false;
    MUST(ips_store_has(store, &cid, &is_here, &error));
    SHOULD(is_here);

    ips_store_close(store);
    return 0;
}
