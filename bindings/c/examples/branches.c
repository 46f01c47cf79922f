/* Branches and tags of one store in another: copied with their history, gone on with, and given back. */
#include "tree.h"

#include <sys/stat.h>

/* Stops a call where it is heard of first. */
static ips_status stop(void *context, uint64_t done) {
    (void)context, (void)done;
    return IPS_CANCELLED;
}

/* The newest version of "main", with another file. */
static ips_cid commit_file(ips_store *store, const char *path, const char *text) {
    ips_fs *fs;
    ips_cid version;
    MUST(ips_fs_open_branch(store, "main", &fs, &error));
    write_file(fs, path, text);
    MUST(ips_fs_commit(fs, "main", path, "somebody", NULL, NULL, &version, &error));
    ips_fs_close(fs);
    return version;
}

int main(int argc, char **argv) {
    const char *directory = place(argc, argv);
    char path[4096], other_path[4096];
    snprintf(path, sizeof path, "%s/here", directory);
    snprintf(other_path, sizeof other_path, "%s/there", directory);
    SHOULD(mkdir(directory, 0777) == 0);
    ips_store *store, *other;
    MUST(ips_store_create(path, NULL, &error));
    MUST(ips_store_open(path, NULL, &store, &error));
    MUST(ips_store_create(other_path, NULL, &error));
    MUST(ips_store_open(other_path, NULL, &other, &error));
    commit_file(store, "one", "1\n");
    ips_cid newest = commit_file(store, "two", "2\n");

    /* A branch comes with its history. One that was stopped is named nowhere. */
    ips_copy_report copied = IPS_COPY_REPORT_INIT;
    uint64_t versions = 0;
    ips_cid found;
    SHOULD(ips_fs_branch_copy(other, store, &newest, "main", 0, false, stop, NULL, NULL, NULL, &error) ==
           IPS_CANCELLED);
    SHOULD(ips_fs_branch_get(other, "main", &found, &error) == IPS_NOT_FOUND);
    MUST(ips_fs_branch_copy(other, store, &newest, "main", 0, false, NULL, NULL, &versions, &copied, &error));
    SHOULD(versions == 2 && copied.blocks > 0);
    MUST(ips_fs_branch_get(other, "main", &found, &error));
    SHOULD(ips_cid_compare(&found, &newest) == 0);
    printf("%llu versions, %llu blocks\n", (unsigned long long)versions, (unsigned long long)copied.blocks);

    /* What was added there comes back: only what is missing, and only when nothing else was added here. */
    ips_cid theirs = commit_file(other, "three", "3\n");
    MUST(ips_fs_branch_copy(store, other, &theirs, "main", 0, false, NULL, NULL, &versions, NULL, &error));
    SHOULD(versions == 1);
    commit_file(store, "four", "4\n");
    theirs = commit_file(other, "five", "5\n");
    SHOULD(ips_fs_branch_copy(store, other, &theirs, "main", 0, false, NULL, NULL, NULL, NULL, &error) ==
           IPS_CONFLICT);
    printf("both went on: %s\n", error.message);
    /* It comes to a branch of its own, its newest version alone, and is merged. */
    MUST(ips_fs_branch_copy(store, other, &theirs, "theirs", 1, false, NULL, NULL, &versions, NULL, &error));
    SHOULD(versions == 1);
    MUST(ips_fs_merge(store, "main", &theirs, NULL, NULL, NULL, NULL, NULL, &newest, NULL, &error));
    /* Or this one's is given up for it. */
    MUST(ips_fs_branch_copy(other, store, &newest, "main", 0, true, NULL, NULL, NULL, NULL, &error));

    /* A tag comes alone. */
    MUST(ips_fs_tag_copy(other, store, &theirs, "before", false, NULL, NULL, &copied, &error));
    SHOULD(ips_fs_tag_copy(other, store, &newest, "before", false, NULL, NULL, NULL, &error) == IPS_EXISTS);
    MUST(ips_fs_tag_copy(other, store, &newest, "before", true, NULL, NULL, NULL, &error));

    /* What does the branch take? */
    ips_usage usage = IPS_USAGE_INIT;
    SHOULD(ips_fs_branch_usage(store, "none", NULL, NULL, &usage, &error) == IPS_NOT_FOUND);
    MUST(ips_fs_branch_usage(store, "main", NULL, NULL, &usage, &error));
    SHOULD(usage.logical_bytes == 10 && usage.exclusive_blocks > 0);
    printf("%llu bytes in %llu blocks of its own\n", (unsigned long long)usage.logical_bytes,
           (unsigned long long)usage.exclusive_blocks);
    ips_store_close(other);
    ips_store_close(store);
    return 0;
}
