/* Several things stored as one: all of their names appear together, or none does. */
#include "example.h"

#include <string.h>

int main(int argc, char **argv) {
    const char *path = place(argc, argv);
    ips_store *store;
    MUST(ips_store_create(path, NULL, &error));
    MUST(ips_store_open(path, NULL, &store, &error));

    ips_batch *batch;
    ips_cid kernel, disk;
    MUST(ips_batch_begin(store, &batch, &error));
    MUST(ips_batch_put_buffer(batch, (ips_bytes){"a kernel", 8}, &kernel, &error));
    MUST(ips_batch_put_buffer(batch, (ips_bytes){"a disk", 6}, &disk, &error));
    MUST(ips_batch_set_root(batch, "vm/kernel", &kernel, &error));
    MUST(ips_batch_set_root(batch, "vm/disk", &disk, &error));
    MUST(ips_batch_hold(batch, &disk, "vm-1", &error));

    /* Before the commit nobody sees a name. */
    ips_cid found;
    SHOULD(ips_root_get(store, "vm/kernel", &found, &error) == IPS_NOT_FOUND);
    MUST(ips_batch_commit(batch, &error));
    ips_batch_free(batch);
    MUST(ips_root_get(store, "vm/kernel", &found, &error));
    SHOULD(ips_cid_compare(&found, &kernel) == 0);

    /* Two who both replace what they saw: the second is told, and can look again. */
    ips_cid newer;
    MUST(ips_batch_begin(store, &batch, &error));
    MUST(ips_batch_put_buffer(batch, (ips_bytes){"a newer disk", 12}, &newer, &error));
    MUST(ips_batch_swap_root(batch, "vm/disk", &disk, &newer, &error));
    MUST(ips_root_set(store, "vm/disk", &kernel, &error)); /* Somebody else. */
    SHOULD(ips_batch_commit(batch, &error) == IPS_CONFLICT);
    printf("conflict: %s\n", error.message);
    ips_batch_free(batch);

    /* Given up: what was stored goes with the next collection. */
    MUST(ips_batch_begin(store, &batch, &error));
    MUST(ips_batch_put_buffer(batch, (ips_bytes){"never mind", 10}, &found, &error));
    MUST(ips_batch_abort(batch, &error));
    SHOULD(ips_batch_commit(batch, &error) == IPS_INVALID);
    ips_batch_free(batch);
    MUST(ips_store_gc(store, IPS_NO_LIMIT, NULL, NULL, NULL, &error));

    ips_stat stat = IPS_STAT_INIT;
    MUST(ips_store_stat(store, &stat, &error));
    SHOULD(stat.blocks == 2 && stat.roots == 2 && stat.holds == 1);
    ips_store_close(store);
    return 0;
}
