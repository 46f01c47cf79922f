/* A file system: a tree is made, changed and committed; a fork is changed too, compared and merged back. */
#include "tree.h"

/* Counts how often a call is heard of, and stops it the first time. */
static ips_status stop_once(void *context, uint64_t done) {
    unsigned *heard = context;
    (void)done;
    *heard += 1;
    return *heard == 1 ? IPS_CANCELLED : IPS_OK;
}

int main(int argc, char **argv) {
    const char *path = place(argc, argv);
    ips_store *store;
    MUST(ips_store_create(path, NULL, &error));
    MUST(ips_store_open(path, NULL, &store, &error));

    /* A tree of nothing, in which something is made. */
    ips_fs *fs;
    ips_cid first, ours, theirs, merged;
    MUST(ips_fs_open_branch(store, "main", &fs, &error));
    MUST(ips_fs_make_directory(fs, p("etc/deep"), 0755, true, &error));
    write_file(fs, "etc/hosts", "localhost\n");
    MUST(ips_fs_make_symlink(fs, p("hosts"), p("etc/hosts"), &error));
    MUST(ips_fs_link(fs, p("etc/hosts"), p("etc/hosts.too"), &error));
    MUST(ips_fs_make_node(fs, p("null"), IPS_FS_CHARACTER_DEVICE, 0666, 1, 3, &error));
    MUST(ips_fs_set_attribute(fs, p("etc"), p("user.note"), p("settings"), NULL, NULL, &error));
    MUST(ips_fs_set_owner(fs, p("etc/hosts"), 7, UINT32_MAX, true, NULL, NULL, &error));
    MUST(ips_fs_set_time(fs, p("etc/hosts"), 1000000000, 5, true, NULL, NULL, &error));
    MUST(ips_fs_commit(fs, "main", "the first version", "somebody", NULL, NULL, &first, &error));
    print_cid("first", &first);

    /* Looked at. Both names of the file are one file. */
    ips_fs_entry entry = IPS_FS_ENTRY_INIT;
    MUST(ips_fs_stat(fs, p("etc/hosts.too"), false, &entry, &error));
    SHOULD(entry.kind == IPS_FS_FILE && entry.size == 10 && entry.uid == 7 && entry.hard_link != 0);
    SHOULD(entry.mtime_seconds == 1000000000 && entry.mtime_nanoseconds == 5);
    MUST(ips_fs_stat(fs, p("/"), false, &entry, &error));
    SHOULD(entry.kind == IPS_FS_DIRECTORY && entry.entries == 6);
    expect_file(fs, "hosts", "localhost\n");
    char text[100];
    size_t length = 0;
    MUST(ips_fs_read_link(fs, p("hosts"), text, sizeof text, &length, &error));
    SHOULD(length == 9);
    MUST(ips_fs_get_attribute(fs, p("etc"), p("user.note"), text, sizeof text, &length, &error));
    SHOULD(length == 8 && memcmp(text, "settings", 8) == 0);
    MUST(ips_fs_list_attributes(fs, p("etc"), text, sizeof text, &length, &error));
    SHOULD(length == 10 && strcmp(text, "user.note") == 0);
    SHOULD(ips_fs_stat(fs, p("nowhere"), false, &entry, &error) == IPS_NOT_FOUND && error.os_errno == 2);
    SHOULD(ips_fs_rename(fs, p("etc"), p("etc/deep/etc"), NULL, NULL, &error) == IPS_INVALID);

    ips_iter *entries;
    MUST(ips_fs_walk(fs, p("/"), 0, &entries, &error));
    unsigned count = 0;
    ips_status status;
    while ((status = ips_iter_next_entry(entries, text, sizeof text, &length, &entry, &error)) == IPS_OK) {
        printf("  %.*s\n", (int)length, text);
        count++;
    }
    SHOULD(status == IPS_END && count == 6);
    ips_iter_close(entries);

    /* A fork is another branch at the same version. Both change. */
    MUST(ips_fs_fork(store, &first, "dev", &error));
    write_file(fs, "etc/motd", "hello\n");
    write_file(fs, "etc/issue", "ours\n");
    /* A commit that is stopped has changed nothing, and can be made again. */
    unsigned heard = 0;
    SHOULD(ips_fs_commit(fs, "main", "ours", NULL, stop_once, &heard, &ours, &error) == IPS_CANCELLED);
    MUST(ips_fs_commit(fs, "main", "ours", NULL, stop_once, &heard, &ours, &error));
    ips_fs *dev;
    MUST(ips_fs_open_branch(store, "dev", &dev, &error));
    MUST(ips_fs_rename(dev, p("null"), p("etc/null"), NULL, NULL, &error));
    MUST(ips_fs_copy(dev, p("etc"), p("backup"), NULL, NULL, &error));
    MUST(ips_fs_remove(dev, p("hosts"), false, NULL, NULL, &error));
    write_file(dev, "etc/issue", "theirs\n");
    MUST(ips_fs_commit(dev, "dev", "theirs", NULL, NULL, NULL, &theirs, &error));
    ips_fs_close(dev);

    ips_iter *differences;
    int32_t kind;
    MUST(ips_fs_diff(store, &ours, &theirs, IPS_FS_RENAMES, NULL, NULL, &differences, &error));
    while ((status = ips_iter_next_difference(differences, &kind, NULL, text, sizeof text, &length, NULL, 0,
                                              NULL, NULL, NULL, &error)) == IPS_OK) {
        printf("  %d %.*s\n", kind, (int)length, text);
    }
    SHOULD(status == IPS_END);
    ips_iter_close(differences);

    /* Both made a file of one name: a conflict, which a policy decides (merge.c has other ways). */
    ips_iter *conflicts;
    int32_t outcome = 0;
    SHOULD(ips_fs_merge(store, "main", &theirs, NULL, NULL, NULL, NULL, NULL, NULL, &conflicts, &error) ==
           IPS_CONFLICT);
    MUST(ips_iter_next_conflict(conflicts, &kind, NULL, NULL, text, sizeof text, &length, NULL, 0, NULL, NULL,
                                NULL, NULL, &error));
    SHOULD(kind == IPS_FS_BOTH_ADDED && length == 9);
    ips_iter_close(conflicts);
    ips_fs_merge_options options = IPS_FS_MERGE_OPTIONS_INIT;
    options.policy = IPS_FS_BOTH;
    options.message = "merged";
    options.author = "somebody";
    MUST(ips_fs_merge(store, "main", &theirs, &options, NULL, NULL, NULL, &outcome, &merged, NULL, &error));
    SHOULD(outcome == IPS_FS_MERGED);
    ips_fs_close(fs);
    MUST(ips_fs_open(store, &merged, NULL, NULL, &fs, &error));
    expect_file(fs, "etc/issue", "ours\n");
    expect_file(fs, "etc/issue.theirs", "theirs\n");
    expect_file(fs, "etc/motd", "hello\n");
    expect_file(fs, "backup/hosts", "localhost\n");
    SHOULD(ips_fs_stat(fs, p("hosts"), false, &entry, &error) == IPS_NOT_FOUND);
    ips_fs_close(fs);

    /* Its history, and a part of it that is given back. */
    ips_iter *versions;
    ips_cid cid;
    ips_fs_version version = IPS_FS_VERSION_INIT;
    count = 0;
    MUST(ips_fs_history(store, &merged, NULL, &versions, &error));
    while ((status = ips_iter_next_version(versions, &cid, &version, NULL, NULL, &error)) == IPS_OK) {
        printf("  %s (%s)\n", version.message, version.author);
        count++;
    }
    SHOULD(status == IPS_END && count == 4);
    ips_iter_close(versions);
    uint64_t dropped = 0;
    MUST(ips_fs_tag_set(store, "v1", &merged, false, &error));
    heard = 0;
    SHOULD(ips_fs_prune(store, "main", 1, INT64_MAX, stop_once, &heard, NULL, &error) == IPS_CANCELLED);
    MUST(ips_fs_prune(store, "main", 1, INT64_MAX, stop_once, &heard, &dropped, &error));
    SHOULD(dropped == 3);
    MUST(ips_fs_branch_delete(store, "dev", NULL, NULL, &error));
    SHOULD(ips_fs_branch_get(store, "dev", &cid, &error) == IPS_NOT_FOUND);
    MUST(ips_fs_tag_get(store, "v1", &cid, &error));
    SHOULD(ips_cid_compare(&cid, &merged) == 0);

    ips_store_close(store);
    return 0;
}
