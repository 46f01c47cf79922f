/* A file open for reading: in order, from anywhere, and kept while it is open. */
#include "example.h"

#include <string.h>

int main(int argc, char **argv) {
    const char *path = place(argc, argv);
    ips_store *store;
    ips_cid cid;
    MUST(ips_store_create(path, NULL, &error));
    MUST(ips_store_open(path, NULL, &store, &error));
    const char *text = "one two three four five";
    MUST(ips_store_put_buffer(store, (ips_bytes){text, strlen(text)}, &cid, &error));

    ips_reader *reader;
    MUST(ips_reader_open(store, &cid, &reader, &error));
    uint64_t size = 0, position = 0;
    MUST(ips_reader_size(reader, &size, &error));
    SHOULD(size == strlen(text));

    /* In order, as read does: 0 bytes say that the end was reached. */
    char buffer[8];
    size_t got = 0, sum = 0;
    do {
        MUST(ips_reader_read(reader, buffer, sizeof buffer, &got, &error));
        sum += got;
    } while (got > 0);
    SHOULD(sum == size);

    /* From the end, and from where it stands. The end is a place; beyond it there is none. */
    MUST(ips_reader_seek(reader, -4, IPS_SEEK_END, &position, &error));
    MUST(ips_reader_read(reader, buffer, 4, &got, &error));
    SHOULD(got == 4 && memcmp(buffer, "five", 4) == 0);
    MUST(ips_reader_seek(reader, -9, IPS_SEEK_CURRENT, &position, &error));
    SHOULD(position == size - 9);
    SHOULD(ips_reader_seek(reader, 1, IPS_SEEK_END, NULL, &error) == IPS_INVALID);
    MUST(ips_reader_tell(reader, &position, &error));
    SHOULD(position == size - 9);

    /* Anywhere, without moving the position: for any number of threads at once. */
    MUST(ips_reader_read_at(reader, 4, buffer, 3, &got, &error));
    SHOULD(got == 3 && memcmp(buffer, "two", 3) == 0);

    /* What is deleted now stays readable here. */
    ips_gc_report report = IPS_GC_REPORT_INIT;
    MUST(ips_store_dereference(store, &cid, NULL, IPS_NO_LIMIT, &report, &error));
    SHOULD(report.blocks == 0);
    MUST(ips_reader_read_at(reader, 0, buffer, 3, &got, &error));
    SHOULD(memcmp(buffer, "one", 3) == 0);
    ips_reader_close(reader);
    MUST(ips_store_gc(store, IPS_NO_LIMIT, NULL, NULL, &report, &error));
    SHOULD(report.blocks == 1);
    ips_store_close(store);
    return 0;
}
