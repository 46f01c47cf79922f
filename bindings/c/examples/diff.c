/* What differs between two files: each range of the old one, and what replaces it. */
#include "example.h"

#include <inttypes.h>
#include <string.h>

/* Says how far the comparison is, and would stop it. */
static ips_status heard(void *context, uint64_t done) {
    *(uint64_t *)context = done;
    return IPS_OK;
}

int main(int argc, char **argv) {
    const char *path = place(argc, argv);
    ips_store *store;
    MUST(ips_store_create(path, NULL, &error));
    MUST(ips_store_open(path, NULL, &store, &error));

    /* A mebibyte of numbers; then one of them changed, a line inserted, and the end cut off. */
    enum { LENGTH = 1 << 20 };
    char *bytes = malloc(LENGTH + 32);
    SHOULD(bytes != NULL);
    for (int i = 0; i < LENGTH; i += 8) snprintf(bytes + i, 9, "%07d\n", i);
    ips_cid from, to;
    MUST(ips_store_put_buffer(store, (ips_bytes){bytes, LENGTH}, &from, &error));
    bytes[1000] = 'x';
    memmove(bytes + 500000 + 9, bytes + 500000, LENGTH - 500000);
    memcpy(bytes + 500000, "inserted\n", 9);
    MUST(ips_store_put_buffer(store, (ips_bytes){bytes, LENGTH + 9 - 80}, &to, &error));
    free(bytes);

    ips_iter *changes;
    ips_change change;
    ips_status status;
    uint64_t done = 0;
    int count = 0;
    MUST(ips_store_diff(store, &from, &to, &changes, &error));
    while ((status = ips_iter_next_change(changes, &change, heard, &done, &error)) == IPS_OK) {
        printf("%" PRIu64 " bytes at %" PRIu64 " became %" PRIu64 " bytes at %" PRIu64 "\n",
               change.old_length, change.old_offset, change.new_length, change.new_offset);
        count++;
    }
    SHOULD(status == IPS_END && count == 3);
    SHOULD(done == LENGTH + 9 - 80);
    SHOULD(change.old_offset == LENGTH - 80 && change.old_length == 80 && change.new_length == 0);
    ips_iter_close(changes);

    /* Equal files have none. */
    MUST(ips_store_diff(store, &from, &from, &changes, &error));
    SHOULD(ips_iter_next_change(changes, &change, NULL, NULL, &error) == IPS_END);
    ips_iter_close(changes);
    ips_store_close(store);
    return 0;
}
