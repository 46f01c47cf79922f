/* What a tree knows of its entries beside their bytes, and what a store knows of a tree's versions. */
#include "tree.h"

static ips_fs_entry stat_of(ips_fs *fs, const char *path) {
    ips_fs_entry entry = IPS_FS_ENTRY_INIT;
    MUST(ips_fs_stat(fs, p(path), false, &entry, &error));
    return entry;
}

int main(int argc, char **argv) {
    const char *path = place(argc, argv);
    ips_store *store;
    MUST(ips_store_create(path, NULL, &error));
    MUST(ips_store_open(path, NULL, &store, &error));
    ips_fs *fs;
    ips_fs_file *file;
    ips_cid image, first, second;
    MUST(ips_store_put_buffer(store, p("an image"), &image, &error));
    MUST(ips_fs_open_branch(store, "main", &fs, &error));
    MUST(ips_fs_make_directory(fs, p("etc"), 0755, false, &error));
    MUST(ips_fs_make_node(fs, p("etc/hosts"), IPS_FS_FILE, 0644, 0, 0, &error));

    /* Modes and attributes are data, and ask nothing of the host. */
    MUST(ips_fs_set_mode(fs, p("etc/hosts"), 04750, true, NULL, NULL, &error));
    SHOULD(stat_of(fs, "etc/hosts").mode == 04750);
    SHOULD(ips_fs_set_mode(fs, p("etc/hosts"), 010000, true, NULL, NULL, &error) == IPS_INVALID);
    char value[16];
    size_t length = 0;
    MUST(ips_fs_set_attribute(fs, p("etc/hosts"), p("user.note"), p("mine"), NULL, NULL, &error));
    SHOULD(ips_fs_get_attribute(fs, p("etc/hosts"), p("user.note"), value, 2, &length, &error) ==
           IPS_BUFFER_TOO_SMALL);
    SHOULD(length == 4);
    /* A value of another kind is DAG-CBOR: the list [1, 2]. */
    ips_bytes list = {"\x82\x01\x02", 3};
    MUST(ips_fs_get_attribute_value(fs, p("etc/hosts"), p("user.note"), value, sizeof value, &length,
                                    &error));
    SHOULD(length == 5 && memcmp(value, "\x44mine", 5) == 0);
    SHOULD(ips_fs_set_attribute_value(fs, p("etc/hosts"), p("user.note"), p("no"), NULL, NULL, &error) ==
           IPS_INVALID);
    MUST(ips_fs_set_attribute_value(fs, p("etc/hosts"), p("user.note"), list, NULL, NULL, &error));
    MUST(ips_fs_get_attribute_value(fs, p("etc/hosts"), p("user.note"), value, sizeof value, NULL, &error));
    SHOULD(memcmp(value, list.data, 3) == 0);
    MUST(ips_fs_remove_attribute(fs, p("etc/hosts"), p("user.note"), NULL, NULL, &error));
    SHOULD(ips_fs_get_attribute(fs, p("etc/hosts"), p("user.note"), value, sizeof value, &length, &error) ==
           IPS_NOT_FOUND);

    /* How a directory is merged: for what is added from now on, or for all that is below it. */
    MUST(ips_fs_set_sync(fs, p("etc"), IPS_FS_SYNC_RAFT, false, NULL, NULL, &error));
    SHOULD(stat_of(fs, "etc/hosts").sync == IPS_FS_SYNC_DEFAULT);
    MUST(ips_fs_set_sync(fs, p("etc"), IPS_FS_SYNC_MERKLE_CRDT, true, NULL, NULL, &error));
    SHOULD(stat_of(fs, "etc/hosts").sync == IPS_FS_SYNC_MERKLE_CRDT);

    /* A file is cut and lengthened; a link to a CID keeps what it names, and is read through. */
    MUST(ips_fs_file_open(fs, p("data"), IPS_FS_WRITE | IPS_FS_CREATE, 0600, NULL, NULL, &file, &error));
    MUST(ips_fs_file_write_at(file, 10, p("end"), &error));
    MUST(ips_fs_file_truncate(file, 5, &error));
    MUST(ips_fs_file_truncate(file, 1 << 20, &error));
    MUST(ips_fs_file_commit(file, &error));
    ips_fs_file_close(file);
    SHOULD(stat_of(fs, "data").size == 1 << 20);
    MUST(ips_fs_make_cid_link(fs, p("image"), &image, &error));
    MUST(ips_fs_file_open(fs, p("image"), IPS_FS_READ, 0, NULL, NULL, &file, &error));
    MUST(ips_fs_file_read_at(file, 0, value, sizeof value, &length, &error));
    SHOULD(length == 8 && memcmp(value, "an image", 8) == 0);
    ips_fs_file_close(file);
    MUST(ips_fs_commit(fs, "main", "the first version", "somebody", NULL, NULL, &first, &error));

    /* What was removed leaves a tombstone, until it is dropped. */
    ips_iter *entries;
    ips_fs_entry entry = IPS_FS_ENTRY_INIT;
    MUST(ips_fs_remove(fs, p("data"), false, NULL, NULL, &error));
    MUST(ips_fs_list(fs, p("/"), p("data"), IPS_FS_ALL, &entries, &error));
    MUST(ips_iter_next_entry(entries, value, sizeof value, &length, &entry, &error));
    SHOULD(entry.kind == IPS_FS_TOMBSTONE && length == 4);
    ips_iter_close(entries);
    MUST(ips_fs_commit(fs, "main", "data is gone", "somebody", NULL, NULL, &second, &error));
    uint64_t dropped = 0;
    MUST(ips_fs_drop_tombstones(store, "main", INT64_MAX, NULL, NULL, &dropped, &error));
    SHOULD(dropped == 1);

    /* Versions, and tags, which stay where they are. */
    ips_fs_version version = IPS_FS_VERSION_INIT;
    MUST(ips_fs_version_get(store, &second, &version, &error));
    SHOULD(version.previous_count == 1 && ips_cid_compare(&version.previous, &first) == 0);
    SHOULD(strcmp(version.message, "data is gone") == 0 && strcmp(version.author, "somebody") == 0);
    SHOULD(ips_fs_version_get(store, &image, &version, &error) == IPS_INVALID);
    MUST(ips_fs_tag_set(store, "v1", &first, false, &error));
    SHOULD(ips_fs_tag_set(store, "v1", &second, false, &error) == IPS_EXISTS);
    MUST(ips_fs_tag_set(store, "v1", &second, true, &error));
    MUST(ips_fs_tag_delete(store, "v1", &error));
    SHOULD(ips_fs_tag_get(store, "v1", &first, &error) == IPS_NOT_FOUND);

    ips_fs_close(fs);
    ips_store_close(store);
    return 0;
}
