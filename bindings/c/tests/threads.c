/* What the header promises of threads: one store handle, many threads, each storing, reading and
 * deleting; a batch used by two at once is refused, never torn; and 512 KiB of stack suffice. */
#define _DEFAULT_SOURCE
#include "../examples/example.h"

#include <pthread.h>
#include <string.h>

enum { THREADS = 8, ROUNDS = 12, STACK = 512 << 10 };

static ips_store *store;
static ips_batch *shared;

#define HOPE(call)                                                                           \
    do {                                                                                     \
        ips_status status_ = (call);                                                         \
        if (status_ != IPS_OK) {                                                             \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, mine.message);                \
            exit(1);                                                                         \
        }                                                                                    \
    } while (0)

static void *work(void *argument) {
    int number = *(int *)argument;
    ips_error mine;
    static const char text[] = "stored by many";
    for (int round = 0; round < ROUNDS; round++) {
        unsigned char own[20000];
        memset(own, round, sizeof own);
        own[0] = (unsigned char)number;
        ips_cid cid, common;
        char name[32];
        snprintf(name, sizeof name, "thread/%d", number);
        HOPE(ips_store_put_buffer(store, (ips_bytes){own, sizeof own}, &cid, &mine));
        HOPE(ips_root_set(store, name, &cid, &mine));
        HOPE(ips_store_dereference(store, &cid, NULL, 0, NULL, &mine));
        HOPE(ips_store_put_buffer(store, (ips_bytes){text, sizeof text}, &common, &mine));
        unsigned char back[20000];
        size_t length = 0;
        HOPE(ips_store_get_buffer(store, &cid, back, sizeof back, &length, &mine));
        SHOULD(length == sizeof own && memcmp(own, back, length) == 0);

        ips_status status = ips_batch_put_block(shared, (ips_bytes){own, 100}, IPS_CODEC_RAW, &cid, &mine);
        SHOULD(status == IPS_OK || status == IPS_BUSY);
    }
    return NULL;
}

int main(int argc, char **argv) {
    const char *path = place(argc, argv);
    MUST(ips_store_create(path, NULL, &error));
    MUST(ips_store_open(path, NULL, &store, &error));
    MUST(ips_batch_begin(store, &shared, &error));

    pthread_t threads[THREADS];
    int numbers[THREADS];
    pthread_attr_t attributes;
    SHOULD(pthread_attr_init(&attributes) == 0 && pthread_attr_setstacksize(&attributes, STACK) == 0);
    for (int i = 0; i < THREADS; i++) {
        numbers[i] = i;
        SHOULD(pthread_create(&threads[i], &attributes, work, &numbers[i]) == 0);
    }
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);

    MUST(ips_batch_commit(shared, &error));
    ips_batch_free(shared);
    MUST(ips_store_gc(store, IPS_NO_LIMIT, NULL, NULL, NULL, &error));
    ips_stat stat = IPS_STAT_INIT;
    MUST(ips_store_stat(store, &stat, &error));
    SHOULD(stat.roots == THREADS && stat.blocks == THREADS + 1 && stat.leases == 0);
    ips_verify_report report = IPS_VERIFY_REPORT_INIT;
    MUST(ips_store_verify(store, NULL, NULL, &report, NULL, NULL, &error));
    SHOULD(report.problems == 0);
    ips_store_close(store);
    return 0;
}
