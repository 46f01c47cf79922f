/* What the header promises of fork: a child that uses an inherited handle is refused with IPS_FORKED and
 * does no harm by giving it back; one that opens the store for itself reads and writes, with all the
 * threads that the library starts for that. */
#include "../examples/tree.h"

#include <sys/wait.h>
#include <unistd.h>

/* A tree, a file of it and an iterator over it. */
static void trees_of_the_parent(ips_fs *fs, ips_fs_file *file, ips_iter *entries) {
    ips_cid cid;
    char name[16];
    size_t length = 0;
    SHOULD(ips_fs_make_directory(fs, p("child"), 0755, false, &error) == IPS_FORKED);
    SHOULD(ips_fs_commit(fs, "child", NULL, NULL, NULL, NULL, &cid, &error) == IPS_FORKED);
    SHOULD(ips_fs_file_write_at(file, 0, p("x"), &error) == IPS_FORKED);
    SHOULD(ips_fs_file_commit(file, &error) == IPS_FORKED);
    SHOULD(ips_iter_next_entry(entries, name, sizeof name, &length, NULL, &error) == IPS_FORKED);
    ips_iter_close(entries);
    ips_fs_file_close(file);
    ips_fs_close(fs);
}

static int child(const char *path, ips_store *store, ips_batch *batch, ips_view *view, ips_reader *reader,
                 ips_writer *writer, ips_iter *iter, const ips_cid *cid) {
    ips_cid other;
    ips_root root;
    ips_batch *mine = NULL;
    SHOULD(ips_store_put_buffer(store, (ips_bytes){"x", 1}, &other, &error) == IPS_FORKED);
    SHOULD(error.code == IPS_FORKED && strlen(error.message) > 0);
    SHOULD(ips_batch_begin(store, &mine, &error) == IPS_FORKED && mine == NULL);
    SHOULD(ips_batch_put_buffer(batch, (ips_bytes){"x", 1}, &other, &error) == IPS_FORKED);
    SHOULD(ips_batch_commit(batch, &error) == IPS_FORKED);
    SHOULD(ips_iter_next_root(iter, &root, &error) == IPS_FORKED);
    SHOULD(ips_view_bytes(view).data == NULL);
    size_t got = 0;
    SHOULD(ips_reader_read_at(reader, 0, &root, 1, &got, &error) == IPS_FORKED);
    SHOULD(ips_writer_append(writer, (ips_bytes){"x", 1}, &error) == IPS_FORKED);
    SHOULD(ips_writer_commit(writer, &other, &error) == IPS_FORKED);
    ips_view_close(view);
    ips_reader_close(reader);
    ips_writer_close(writer);
    ips_iter_close(iter);
    ips_batch_free(batch);
    ips_store_close(store);

    ips_store *own;
    MUST(ips_store_open(path, NULL, &own, &error));
    /* The inherited one is refused for ever. */
    SHOULD(ips_store_put_buffer(store, (ips_bytes){"x", 1}, &other, &error) == IPS_FORKED);
    char buffer[16];
    size_t length = 0;
    MUST(ips_store_get_buffer(own, cid, buffer, sizeof buffer, &length, &error));
    SHOULD(length == 6 && memcmp(buffer, "parent", 6) == 0);
    MUST(ips_batch_begin(own, &mine, &error));
    MUST(ips_batch_put_buffer(mine, (ips_bytes){"child", 5}, &other, &error));
    MUST(ips_batch_set_root(mine, "child", &other, &error));
    MUST(ips_batch_commit(mine, &error));
    ips_batch_free(mine);
    ips_store_close(own);
    return 0;
}

/* Much that is done by several threads, for the first time in this process and in its parent's. */
static int busy_child(const char *path) {
    enum { LENGTH = 12 << 20 };
    unsigned char *bytes = malloc(LENGTH);
    SHOULD(bytes != NULL);
    uint32_t state = 1;
    for (size_t i = 0; i < LENGTH; i++) {
        state = state * 1664525 + 1013904223;
        bytes[i] = (unsigned char)(state >> 24);
    }
    ips_store *own;
    ips_cid cid;
    MUST(ips_store_open(path, NULL, &own, &error));
    MUST(ips_store_put_buffer(own, (ips_bytes){bytes, LENGTH}, &cid, &error));
    ips_verify_report report = IPS_VERIFY_REPORT_INIT;
    MUST(ips_store_verify(own, NULL, NULL, &report, NULL, NULL, &error));
    SHOULD(report.problems == 0);
    ips_store_close(own);
    free(bytes);
    return 0;
}

static void wait_for(pid_t pid) {
    int status = 0;
    SHOULD(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(int argc, char **argv) {
    const char *path = place(argc, argv);
    ips_store *store;
    ips_batch *batch;
    ips_view *view;
    ips_reader *reader;
    ips_writer *writer;
    ips_iter *iter;
    ips_cid cid, found;
    ips_fs *fs;
    ips_fs_file *file;
    ips_iter *entries;
    MUST(ips_store_create(path, NULL, &error));
    MUST(ips_store_open(path, NULL, &store, &error));
    MUST(ips_store_put_buffer(store, (ips_bytes){"parent", 6}, &cid, &error));
    MUST(ips_root_set(store, "parent", &cid, &error));
    MUST(ips_batch_begin(store, &batch, &error));
    MUST(ips_batch_put_buffer(batch, (ips_bytes){"batch", 5}, &found, &error));
    MUST(ips_batch_set_root(batch, "batch", &found, &error));
    MUST(ips_store_view(store, &cid, &view, &error));
    MUST(ips_reader_open(store, &cid, &reader, &error));
    MUST(ips_writer_open(store, &cid, NULL, NULL, &writer, &error));
    MUST(ips_writer_append(writer, (ips_bytes){"'s", 2}, &error));
    MUST(ips_root_list(store, NULL, &iter, &error));

    MUST(ips_fs_open_branch(store, "main", &fs, &error));
    MUST(ips_fs_make_directory(fs, p("a"), 0755, false, &error));
    MUST(ips_fs_file_open(fs, p("b"), IPS_FS_WRITE | IPS_FS_CREATE, 0644, NULL, NULL, &file, &error));
    MUST(ips_fs_list(fs, p("/"), p(""), 0, &entries, &error));

    fflush(NULL);
    pid_t pid = fork();
    SHOULD(pid >= 0);
    if (pid == 0) trees_of_the_parent(fs, file, entries);
    if (pid == 0) _exit(child(path, store, batch, view, reader, writer, iter, &cid));
    wait_for(pid);
    for (int i = 0; i < 8; i++) {
        pid = fork();
        SHOULD(pid >= 0);
        if (pid == 0) {
            alarm(60);
            _exit(busy_child(path));
        }
        wait_for(pid);
    }

    /* Nothing of the parent's was touched; it sees what the child stored. */
    MUST(ips_root_get(store, "child", &found, &error));
    MUST(ips_batch_commit(batch, &error));
    MUST(ips_root_get(store, "batch", &found, &error));
    ips_root root;
    MUST(ips_iter_next_root(iter, &root, &error));
    char name[16];
    size_t length = 0;
    MUST(ips_iter_next_entry(entries, name, sizeof name, &length, NULL, &error));
    SHOULD(length == 1 && name[0] == 'a');
    MUST(ips_fs_file_write_at(file, 0, p("parent"), &error));
    MUST(ips_fs_file_commit(file, &error));
    ips_fs_file_close(file);
    ips_iter_close(entries);
    MUST(ips_fs_commit(fs, "main", NULL, NULL, NULL, NULL, NULL, &error));
    ips_fs_close(fs);
    SHOULD(ips_view_bytes(view).len == 6);
    MUST(ips_writer_commit(writer, &found, &error));
    uint64_t size = 0;
    MUST(ips_store_size(store, &found, &size, &error));
    SHOULD(size == 8);
    ips_verify_report report = IPS_VERIFY_REPORT_INIT;
    MUST(ips_store_verify(store, NULL, NULL, &report, NULL, NULL, &error));
    SHOULD(report.problems == 0);
    ips_view_close(view);
    ips_reader_close(reader);
    ips_writer_close(writer);
    ips_iter_close(iter);
    ips_batch_free(batch);
    ips_store_close(store);
    return 0;
}
