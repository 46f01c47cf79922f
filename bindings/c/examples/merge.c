/* Conflicts of a merge: a callback that decides, deciding by hand, and one tree over another. */
#include "tree.h"

/* Changes two files and removes a third, in a branch. */
static ips_cid change(ips_store *store, const char *branch, const char *gone) {
    ips_fs *fs;
    ips_cid version;
    MUST(ips_fs_open_branch(store, branch, &fs, &error));
    write_file(fs, "config", branch);
    write_file(fs, "notes", branch);
    MUST(ips_fs_remove(fs, p(gone), false, NULL, NULL, &error));
    MUST(ips_fs_commit(fs, branch, branch, NULL, NULL, NULL, &version, &error));
    ips_fs_close(fs);
    return version;
}

/* Takes theirs of one file, keeps both of all others, and counts. */
static ips_status decide(void *context, const ips_fs_conflict *conflict, int32_t *resolution) {
    unsigned *asked = context;
    SHOULD(conflict->kind == IPS_FS_BOTH_MODIFIED && conflict->fields == IPS_FS_CONTENT);
    SHOULD(conflict->base->size == 4 && conflict->ours != NULL && conflict->theirs != NULL);
    bool is_config = conflict->path.len == 6 && memcmp(conflict->path.data, "config", 6) == 0;
    *resolution = is_config ? IPS_FS_THEIRS : IPS_FS_BOTH;
    *asked += 1;
    return IPS_OK;
}

/* Stops a call as soon as it is heard of. */
static ips_status stop(void *context, uint64_t done) {
    *(uint64_t *)context = done;
    return IPS_CANCELLED;
}

/* Decides nothing, and has the merge end with a number of its own. */
static ips_status refuse(void *context, const ips_fs_conflict *conflict, int32_t *resolution) {
    (void)context, (void)conflict, (void)resolution;
    return 42;
}

int main(int argc, char **argv) {
    const char *path = place(argc, argv);
    ips_store *store;
    MUST(ips_store_create(path, NULL, &error));
    MUST(ips_store_open(path, NULL, &store, &error));

    ips_fs *fs;
    ips_cid base;
    MUST(ips_fs_open_branch(store, "main", &fs, &error));
    const char *files[] = {"config", "notes", "a", "b"};
    for (unsigned i = 0; i < 4; i++)
        write_file(fs, files[i], "base");
    MUST(ips_fs_commit(fs, "main", "base", NULL, NULL, NULL, &base, &error));
    ips_fs_close(fs);
    MUST(ips_fs_fork(store, &base, "dev", &error));
    ips_cid ours = change(store, "main", "a");
    ips_cid theirs = change(store, "dev", "b");

    /* A callback decides. What it refuses changes nothing. */
    ips_fs_merge_options options = IPS_FS_MERGE_OPTIONS_INIT;
    options.policy = IPS_FS_ASK;
    options.suffix = "dev";
    ips_cid merged;
    int32_t outcome;
    unsigned asked = 0;
    SHOULD(ips_fs_merge(store, "main", &theirs, &options, NULL, refuse, NULL, NULL, NULL, NULL, &error) ==
           42);
    /* So does what progress stops: the branch is where it was. */
    uint64_t done = 0;
    options.policy = IPS_FS_BOTH;
    SHOULD(ips_fs_merge(store, "main", &theirs, &options, stop, NULL, &done, NULL, NULL, NULL, &error) ==
           IPS_CANCELLED);
    MUST(ips_fs_branch_get(store, "main", &merged, &error));
    SHOULD(done > 0 && ips_cid_compare(&merged, &ours) == 0);
    options.policy = IPS_FS_ASK;
    MUST(ips_fs_fork(store, &ours, "asked", &error));
    MUST(ips_fs_merge(store, "asked", &theirs, &options, NULL, decide, &asked, &outcome, &merged, NULL,
                      &error));
    SHOULD(outcome == IPS_FS_MERGED && asked == 2);
    MUST(ips_fs_open(store, &merged, NULL, NULL, &fs, &error));
    expect_file(fs, "config", "dev");
    expect_file(fs, "notes", "main");
    expect_file(fs, "notes.dev", "dev");
    ips_fs_close(fs);

    /* By hand: the merged tree is open, its conflicts have ours; each is decided, then it is committed. */
    ips_iter *conflicts;
    int32_t kind, resolution;
    uint32_t fields;
    char name[100];
    size_t length;
    ips_fs_entry was = IPS_FS_ENTRY_INIT, our_entry = IPS_FS_ENTRY_INIT, their_entry = IPS_FS_ENTRY_INIT;
    ips_status status;
    MUST(ips_fs_merge_open(store, &ours, &theirs, NULL, NULL, NULL, NULL, &fs, &conflicts, &error));
    while ((status = ips_iter_next_conflict(conflicts, &kind, &resolution, &fields, name, sizeof name,
                                            &length, NULL, 0, NULL, &was, &our_entry, &their_entry,
                                            &error)) == IPS_OK) {
        printf("conflict %d in %.*s: %d bytes, and %d\n", kind, (int)length, name, (int)our_entry.size,
               (int)their_entry.size);
        SHOULD(resolution == IPS_FS_REPORT && fields == IPS_FS_CONTENT && was.size == 4);
        ips_bytes place = {name, length};
        if (length == 6)
            MUST(ips_fs_restore(fs, place, &theirs, place, NULL, NULL, &error));
        else
            write_file(fs, "notes", "both");
    }
    SHOULD(status == IPS_END);
    ips_iter_close(conflicts);
    MUST(ips_fs_commit(fs, "main", "decided by hand", "somebody", NULL, NULL, &merged, &error));
    expect_file(fs, "notes", "both");
    SHOULD(ips_fs_stat(fs, p("a"), false, &was, &error) == IPS_NOT_FOUND);
    SHOULD(ips_fs_stat(fs, p("b"), false, &was, &error) == IPS_NOT_FOUND);
    ips_fs_close(fs);
    ips_iter *parents;
    ips_cid parent;
    MUST(ips_fs_version_previous(store, &merged, &parents, &error));
    MUST(ips_iter_next_cid(parents, &parent, &error));
    SHOULD(ips_cid_compare(&parent, &ours) == 0);
    MUST(ips_iter_next_cid(parents, &parent, &error));
    SHOULD(ips_cid_compare(&parent, &theirs) == 0);
    ips_iter_close(parents);
    /* The branch has theirs now. */
    MUST(ips_fs_merge(store, "main", &theirs, NULL, NULL, NULL, NULL, &outcome, NULL, NULL, &error));
    SHOULD(outcome == IPS_FS_UP_TO_DATE);

    /* A layer over a base: its tombstone for "a" hides what the base has there. */
    MUST(ips_fs_overlay(store, &ours, &base, NULL, NULL, &fs, &error));
    expect_file(fs, "config", "main");
    expect_file(fs, "b", "base");
    SHOULD(ips_fs_stat(fs, p("a"), false, &was, &error) == IPS_NOT_FOUND);
    MUST(ips_fs_commit(fs, "layered", NULL, NULL, NULL, NULL, NULL, &error));
    ips_fs_close(fs);

    ips_store_close(store);
    return 0;
}
