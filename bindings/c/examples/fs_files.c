/* Files of trees by descriptors and callbacks: in by what was stored, out by the CID that an entry has. And
 * long changes of a tree, which are heard of and stopped. */
#define _POSIX_C_SOURCE 200809L

#include "tree.h"

#include <unistd.h>

/* As much as it is asked for of a number of bytes that are left. */
static ips_status give(void *context, void *buffer, size_t capacity, size_t *got) {
    size_t *left = context;
    *got = capacity < *left ? capacity : *left;
    for (size_t i = 0; i < *got; i++)
        ((unsigned char *)buffer)[i] = (unsigned char)((*left - i) >> 7);
    *left -= *got;
    return IPS_OK;
}

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
    ips_cid disk, small, version;
    ips_fs *fs;
    ips_fs_entry entry;
    size_t left = 3000000;
    MUST(ips_store_create(path, NULL, &error));
    MUST(ips_store_open(path, NULL, &store, &error));

    /* In: what a callback, or a descriptor, gave is stored, and then named in a tree. */
    MUST(ips_store_put_callback(store, give, NULL, &left, &disk, &error));
    MUST(ips_store_put_buffer(store, p("a few bytes"), &small, &error));
    MUST(ips_fs_open_branch(store, "main", &fs, &error));
    MUST(ips_fs_make_directory(fs, p("machine"), 0755, false, &error));
    MUST(ips_fs_put_file(fs, p("machine/disk"), &disk, 0600, NULL, NULL, &error));
    MUST(ips_fs_put_file(fs, p("machine/note"), &small, 0644, NULL, NULL, &error));
    expect_file(fs, "machine/note", "a few bytes");
    MUST(ips_fs_commit(fs, "main", NULL, NULL, NULL, NULL, &version, &error));
    /* The tree keeps it now: the hold that storing made is not needed any more. */
    MUST(ips_store_dereference(store, &disk, NULL, IPS_NO_LIMIT, NULL, &error));
    SHOULD(ips_fs_put_file(fs, p("machine/tree"), &version, 0600, NULL, NULL, &error) == IPS_INVALID);

    /* Out: by the CID that the entry has. (What is no longer than 512 bytes has none: it is in the entry.) */
    ips_fs_entry_init(&entry, sizeof entry); /* as IPS_FS_ENTRY_INIT, at run time */
    MUST(ips_fs_stat(fs, p("machine/disk"), true, &entry, &error));
    SHOULD(entry.has_cid && ips_cid_compare(&entry.cid, &disk) == 0 && entry.size == 3000000);
    SHOULD(entry.mode == 0600);
    FILE *file = tmpfile();
    SHOULD(file != NULL);
    MUST(ips_store_get_descriptor(store, &entry.cid, 0, IPS_ALL, fileno(file), NULL, NULL, &error));
    SHOULD(lseek(fileno(file), 0, SEEK_CUR) == 3000000);

    /* Back in by the descriptor, changed. What is there keeps its metadata. */
    SHOULD(pwrite(fileno(file), "changed", 7, 1000000) == 7 && lseek(fileno(file), 0, SEEK_SET) == 0);
    MUST(ips_store_put_descriptor(store, fileno(file), NULL, NULL, &disk, &error));
    fclose(file);
    MUST(ips_fs_put_file(fs, p("machine/disk"), &disk, 0644, NULL, NULL, &error));
    MUST(ips_fs_stat(fs, p("machine/disk"), true, &entry, &error));
    SHOULD(ips_cid_compare(&entry.cid, &disk) == 0 && entry.mode == 0600);

    /* A change that goes through names is heard of. When it is stopped, the tree is as it was. */
    unsigned heard = 0;
    SHOULD(ips_fs_set_sync(fs, p("machine"), IPS_FS_SYNC_MERKLE_CRDT, true, stop_once, &heard, &error) ==
           IPS_CANCELLED);
    MUST(ips_fs_stat(fs, p("machine"), true, &entry, &error));
    SHOULD(entry.sync == IPS_FS_SYNC_DEFAULT && entry.entries == 2);
    MUST(ips_fs_set_sync(fs, p("machine"), IPS_FS_SYNC_MERKLE_CRDT, true, stop_once, &heard, &error));
    MUST(ips_fs_commit(fs, "main", NULL, NULL, NULL, NULL, &version, &error));
    heard = 0;
    SHOULD(ips_fs_remove(fs, p("machine"), true, stop_once, &heard, &error) == IPS_CANCELLED);
    expect_file(fs, "machine/note", "a few bytes");
    MUST(ips_fs_remove(fs, p("machine"), true, stop_once, &heard, &error));
    SHOULD(ips_fs_stat(fs, p("machine"), true, &entry, &error) == IPS_NOT_FOUND);
    printf("a removal was heard of %u times\n", heard);

    ips_fs_close(fs);
    ips_store_close(store);
    return 0;
}
