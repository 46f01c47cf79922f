/* Names, what deleting them would free, and deleting them. */
#include "example.h"

#include <string.h>

static unsigned char data[3 << 20];

static void fill(unsigned seed) {
    uint64_t state = seed;
    for (size_t i = 0; i < sizeof data; i++) {
        state = state * UINT64_C(6364136223846793005) + 1442695040888963407;
        data[i] = (unsigned char)(state >> 56);
    }
}

/* Stores the data under a root. */
static void store_as(ips_store *store, const char *name) {
    ips_batch *batch;
    ips_cid cid;
    MUST(ips_batch_begin(store, &batch, &error));
    MUST(ips_batch_put_buffer(batch, (ips_bytes){data, sizeof data}, &cid, &error));
    MUST(ips_batch_set_root(batch, name, &cid, &error));
    MUST(ips_batch_commit(batch, &error));
    ips_batch_free(batch);
}

int main(int argc, char **argv) {
    const char *path = place(argc, argv);
    ips_store *store;
    MUST(ips_store_create(path, NULL, &error));
    MUST(ips_store_open(path, NULL, &store, &error));

    /* Two versions that differ in the middle. */
    fill(1);
    store_as(store, "image/v1");
    memset(data + (1 << 20), 0, 1000);
    store_as(store, "image/v2");

    /* In order of name. */
    ips_iter *roots;
    ips_root root;
    MUST(ips_root_list(store, NULL, &roots, &error));
    ips_status status;
    while ((status = ips_iter_next_root(roots, &root, &error)) == IPS_OK) print_cid(root.name, &root.cid);
    SHOULD(status == IPS_END);
    ips_iter_close(roots);

    /* What would deleting free? One version little, both everything. */
    const char *names[] = {"image/v1", "image/v2"};
    ips_usage one = IPS_USAGE_INIT, both = IPS_USAGE_INIT;
    MUST(ips_store_usage(store, names, 1, NULL, NULL, &one, &error));
    MUST(ips_store_usage(store, names, 2, NULL, NULL, &both, &error));
    printf("v1 alone would free %llu bytes, both %llu\n", (unsigned long long)one.exclusive_bytes,
           (unsigned long long)both.exclusive_bytes);
    SHOULD(one.exclusive_bytes < sizeof data / 4 && both.exclusive_bytes > sizeof data);

    /* Compare and set, the way to change a name that others change too. */
    ips_cid v1, v2;
    MUST(ips_root_get(store, "image/v1", &v1, &error));
    MUST(ips_root_get(store, "image/v2", &v2, &error));
    MUST(ips_root_swap(store, "image/latest", NULL, &v1, &error));
    SHOULD(ips_root_swap(store, "image/latest", NULL, &v2, &error) == IPS_CONFLICT);
    MUST(ips_root_swap(store, "image/latest", &v1, &v2, &error));
    MUST(ips_root_delete(store, "image/latest", &v2, IPS_DEFAULT_BUDGET, NULL, &error));

    /* A hold keeps a block for an owner, beside all roots. */
    MUST(ips_store_retain(store, &v1, "backup", &error));
    ips_iter *holds;
    ips_hold hold;
    MUST(ips_store_holds(store, "backup", &holds, &error));
    MUST(ips_iter_next_hold(holds, &hold, &error));
    SHOULD(strcmp(hold.owner, "backup") == 0 && hold.count == 1);
    SHOULD(ips_iter_next_hold(holds, &hold, &error) == IPS_END);
    ips_iter_close(holds);

    /* Deleting the root frees nothing yet; letting go does. */
    ips_gc_report report = IPS_GC_REPORT_INIT;
    MUST(ips_root_delete(store, "image/v1", NULL, IPS_DEFAULT_BUDGET, &report, &error));
    SHOULD(report.blocks == 0);
    MUST(ips_store_dereference(store, &v1, "backup", IPS_DEFAULT_BUDGET, &report, &error));
    SHOULD(report.blocks > 0 && report.is_complete);
    SHOULD(ips_store_dereference(store, &v1, "backup", IPS_DEFAULT_BUDGET, NULL, &error) == IPS_NOT_FOUND);

    /* Deleting without a budget leaves the work to a later gc. */
    MUST(ips_root_delete(store, "image/v2", NULL, 0, &report, &error));
    MUST(ips_store_gc(store, IPS_NO_LIMIT, NULL, NULL, &report, &error));
    ips_stat stat = IPS_STAT_INIT;
    MUST(ips_store_stat(store, &stat, &error));
    SHOULD(stat.blocks == 0 && stat.roots == 0 && stat.holds == 0);

    ips_store_close(store);
    return 0;
}
