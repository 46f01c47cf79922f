/* Several things stored as one: all of their names appear together, or none does. */
#include "example.h"

#include <string.h>

/* Gives 100,000 bytes. */
static ips_status give(void *context, void *buffer, size_t capacity, size_t *got) {
    size_t *left = context;
    *got = capacity < *left ? capacity : *left;
    memset(buffer, 'x', *got);
    *left -= *got;
    return IPS_OK;
}

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

    /* What is stored in a batch is there for the batch: an index of what came in, changed as it grows. */
    ips_cid index, streamed;
    size_t left = 100000;
    ips_node_change change = {IPS_NODE_SET, 0, {"streamed", 8}, 0, 0, {"\xf5", 1}};
    MUST(ips_batch_begin(store, &batch, &error));
    MUST(ips_batch_put_callback(batch, give, NULL, &left, &streamed, &error));
    MUST(ips_batch_put_node(batch, (ips_bytes){"\xa0", 1}, &index, &error));
    MUST(ips_batch_edit_node(batch, &index, "", &change, 1, &index, &error));
    MUST(ips_batch_set_root(batch, "index", &index, &error));
    MUST(ips_batch_commit(batch, &error));
    ips_batch_free(batch);
    char value[4];
    size_t length = 0;
    MUST(ips_store_get_value(store, &index, "streamed", value, sizeof value, &length, &error));
    SHOULD(length == 1 && left == 0);
    MUST(ips_root_delete(store, "index", NULL, IPS_NO_LIMIT, NULL, &error));
    MUST(ips_store_gc(store, IPS_NO_LIMIT, NULL, NULL, NULL, &error));

    ips_stat stat = IPS_STAT_INIT;
    MUST(ips_store_stat(store, &stat, &error));
    SHOULD(stat.blocks == 2 && stat.roots == 2 && stat.holds == 1);
    ips_store_close(store);
    return 0;
}
