/* What the examples of file systems share. */
#ifndef TREE_H
#define TREE_H

#include "example.h"

#include <string.h>

/* Paths, and what files have, are bytes. */
static inline ips_bytes p(const char *text) { return (ips_bytes){text, strlen(text)}; }

/* Gives a file these bytes, and makes it when it is not there. */
static inline void write_file(ips_fs *fs, const char *path, const char *text) {
    ips_fs_file *file;
    uint32_t flags = IPS_FS_WRITE | IPS_FS_CREATE | IPS_FS_TRUNCATE;
    MUST(ips_fs_file_open(fs, p(path), flags, 0644, NULL, NULL, &file, &error));
    MUST(ips_fs_file_write_at(file, 0, p(text), &error));
    MUST(ips_fs_file_commit(file, &error));
    ips_fs_file_close(file);
}

/* Ends the program when a file has other bytes. */
static inline void expect_file(ips_fs *fs, const char *path, const char *text) {
    ips_fs_file *file;
    char buffer[100];
    size_t got = 0;
    uint64_t size = 0;
    MUST(ips_fs_file_open(fs, p(path), IPS_FS_READ, 0, NULL, NULL, &file, &error));
    MUST(ips_fs_file_size(file, &size, &error));
    MUST(ips_fs_file_read_at(file, 0, buffer, sizeof buffer, &got, &error));
    SHOULD(got == strlen(text) && size == got && memcmp(buffer, text, got) == 0);
    ips_fs_file_close(file);
}

#endif
