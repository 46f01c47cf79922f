/* A file changed in the middle: the old one stays, the new one shares its blocks. */
#include "example.h"

#include <string.h>

int main(int argc, char **argv) {
    const char *path = place(argc, argv);
    ips_store *store;
    MUST(ips_store_create(path, NULL, &error));
    MUST(ips_store_open(path, NULL, &store, &error));

    /* From nothing: a disk of a tebibyte, which costs nothing until it is written to. */
    ips_writer *writer;
    ips_cid blank, disk;
    MUST(ips_writer_open(store, NULL, NULL, NULL, &writer, &error));
    MUST(ips_writer_truncate(writer, UINT64_C(1) << 40, &error));
    MUST(ips_writer_commit(writer, &blank, &error)); /* Durable, held by the handle's owner. */
    ips_writer_close(writer);
    print_cid("a blank disk", &blank);

    /* A change of it. The writer reads back what it wrote. */
    char buffer[5];
    size_t got = 0;
    MUST(ips_writer_open(store, &blank, NULL, NULL, &writer, &error));
    MUST(ips_writer_write_at(writer, UINT64_C(1) << 39, (ips_bytes){"hello", 5}, &error));
    MUST(ips_writer_read_at(writer, UINT64_C(1) << 39, buffer, sizeof buffer, &got, &error));
    SHOULD(got == 5 && memcmp(buffer, "hello", 5) == 0);
    MUST(ips_writer_commit(writer, &disk, &error));
    ips_writer_close(writer);
    SHOULD(ips_cid_compare(&blank, &disk) != 0);
    print_cid("with five bytes in it", &disk);

    /* The CID is that of the bytes, whatever led there. */
    ips_cid same;
    MUST(ips_writer_open(store, &disk, NULL, NULL, &writer, &error));
    MUST(ips_writer_write_at(writer, UINT64_C(1) << 39, (ips_bytes){"\0\0\0\0\0", 5}, &error));
    MUST(ips_writer_flush(writer, &same, &error));
    SHOULD(ips_cid_compare(&blank, &same) == 0);
    ips_writer_close(writer); /* Not committed: given up. */

    uint64_t size = 0;
    MUST(ips_writer_open(store, &disk, NULL, NULL, &writer, &error));
    MUST(ips_writer_append(writer, (ips_bytes){"?", 1}, &error));
    MUST(ips_writer_size(writer, &size, &error));
    SHOULD(size == (UINT64_C(1) << 40) + 1);
    MUST(ips_writer_abort(writer, &error)); /* Given up at once: only ips_writer_close is left. */
    SHOULD(ips_writer_append(writer, (ips_bytes){"?", 1}, &error) == IPS_INVALID);
    ips_writer_close(writer);

    /* A root that moves if nobody else moved it: change and name in one batch. */
    ips_batch *batch;
    ips_cid next;
    MUST(ips_root_set(store, "disk", &disk, &error));
    MUST(ips_batch_begin(store, &batch, &error));
    MUST(ips_batch_open_writer(batch, &disk, NULL, NULL, &writer, &error));
    MUST(ips_writer_append(writer, (ips_bytes){"!", 1}, &error));
    MUST(ips_writer_commit(writer, &next, &error));
    ips_writer_close(writer);
    MUST(ips_batch_swap_root(batch, "disk", &disk, &next, &error));
    MUST(ips_batch_commit(batch, &error));
    ips_batch_free(batch);

    MUST(ips_store_size(store, &next, &size, &error));
    SHOULD(size == (UINT64_C(1) << 40) + 1);
    ips_store_close(store);
    return 0;
}
