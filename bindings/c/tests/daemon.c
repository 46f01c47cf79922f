/* A host that has closed its standard streams prints into no file of a store: whatever the library opens is
 * led away from 0, 1 and 2, which lead to /dev/null. */
#define _POSIX_C_SOURCE 200809L

#include "../examples/tree.h"

#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv) {
    const char *path = place(argc, argv);
    ips_store *store;
    ips_cid cid;
    ips_verify_report report = IPS_VERIFY_REPORT_INIT;
    /* What it has to say of failures it says where nobody expects it. */
    int said = dup(STDERR_FILENO);
    SHOULD(said > STDERR_FILENO);
    stderr = fdopen(said, "w");
    SHOULD(stderr != NULL);
    for (int fd = 0; fd <= STDERR_FILENO; fd++) close(fd);

    MUST(ips_store_create(path, NULL, &error));
    MUST(ips_store_open(path, NULL, &store, &error));
    MUST(ips_store_put_buffer(store, p("kept"), &cid, &error));
    MUST(ips_root_set(store, "kept", &cid, &error));
    for (int fd = 0; fd <= STDERR_FILENO; fd++) {
        char link[32], target[256];
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        ssize_t length = readlink(link, target, sizeof target);
        SHOULD(length == 9 && memcmp(target, "/dev/null", 9) == 0);
    }
    /* One that closes them now, with the store open. */
    close(STDOUT_FILENO);
    ips_fs *fs;
    MUST(ips_fs_open_branch(store, "main", &fs, &error));
    write_file(fs, "file", "of the store");
    ips_reader *reader;
    MUST(ips_reader_open(store, &cid, &reader, &error));
    SHOULD(write(STDOUT_FILENO, "printed", 7) < 0);
    ips_reader_close(reader);
    ips_fs_close(fs);
    MUST(ips_store_verify(store, NULL, NULL, &report, NULL, NULL, &error));
    SHOULD(report.problems == 0);
    ips_store_close(store);
    return 0;
}
