/* A directory of the host goes in, and comes out elsewhere; what goes wrong with single files is heard of. */
#define _POSIX_C_SOURCE 200809L

#include "tree.h"

#include <sys/stat.h>
#include <unistd.h>

static void make_file(const char *directory, const char *name, const char *text, mode_t mode) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "w");
    SHOULD(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0 && chmod(path, mode) == 0);
}

/* Hears how far it is, and stops it when that is what its context says. */
static ips_status on_progress(void *context, const ips_fs_transfer *done) {
    SHOULD(done->total_entries == 0 || done->entries <= done->total_entries);
    return *(bool *)context ? IPS_CANCELLED : IPS_OK;
}

static ips_status on_trouble(void *context, const ips_fs_trouble *trouble) {
    (void)context;
    printf("  %.*s: %s (%d)\n", (int)trouble->path.len, (const char *)trouble->path.data, trouble->message,
           (int)trouble->os_errno);
    return IPS_OK;
}

int main(int argc, char **argv) {
    const char *path = place(argc, argv);
    char in[4096], out[4096];
    snprintf(in, sizeof in, "%s.in", path);
    snprintf(out, sizeof out, "%s.out", path);
    ips_store *store;
    MUST(ips_store_create(path, NULL, &error));
    MUST(ips_store_open(path, NULL, &store, &error));
    SHOULD(mkdir(in, 0755) == 0);
    make_file(in, "readme", "a file\n", 0644);
    make_file(in, "secret", "closed by its owner to himself\n", 0200);

    /* The directory becomes a version of a branch. */
    bool stop = false;
    ips_fs_import_options options = IPS_FS_IMPORT_OPTIONS_INIT;
    options.message = "the first";
    ips_fs_import_report report = IPS_FS_IMPORT_REPORT_INIT;
    MUST(ips_fs_import(store, in, "host", &options, on_progress, on_trouble, &stop, &report, &error));
    SHOULD(report.entries == 2 && report.files_read == 2 && report.unread == 0 && !report.is_unchanged);
    ips_cid first = report.version;

    /* Nothing has changed: no new version. Then something has. */
    MUST(ips_fs_import(store, in, "host", NULL, NULL, NULL, NULL, &report, &error));
    SHOULD(report.is_unchanged && ips_cid_compare(&report.version, &first) == 0);
    make_file(in, "readme", "another text\n", 0644);
    make_file(in, "new", "", 0600);
    stop = true;
    SHOULD(ips_fs_import(store, in, "host", NULL, on_progress, NULL, &stop, NULL, &error) == IPS_CANCELLED);
    stop = false;
    MUST(ips_fs_import(store, in, "host", NULL, on_progress, NULL, &stop, &report, &error));
    SHOULD(!report.is_unchanged && report.entries == 3);

    /* Another directory, or this one again, comes to a path of the branch; all else of it stays. */
    options.path = p("today");
    MUST(ips_fs_import(store, in, "host", &options, NULL, NULL, NULL, &report, &error));
    SHOULD(!report.is_unchanged && report.files_read == 3);
    SHOULD(ips_fs_import(store, in, NULL, &options, NULL, NULL, NULL, NULL, &error) == IPS_INVALID);

    /* Out again: the version of before, then today's in its place. */
    ips_fs_export_options how = IPS_FS_EXPORT_OPTIONS_INIT;
    ips_fs_export_report made = IPS_FS_EXPORT_REPORT_INIT;
    MUST(ips_fs_export(store, &first, p("/"), out, NULL, NULL, on_trouble, NULL, &made, &error));
    SHOULD(made.entries == 2 && made.files == 2 && made.unmade == 0);
    SHOULD(ips_fs_export(store, &first, p("/"), out, NULL, NULL, NULL, NULL, NULL, &error) == IPS_EXISTS);
    how.existing = IPS_FS_REPLACE;
    MUST(ips_fs_export(store, &report.version, p(""), out, &how, on_progress, NULL, &stop, &made, &error));
    SHOULD(made.entries == 7);
    struct stat status;
    char secret[4200];
    snprintf(secret, sizeof secret, "%s/secret", out);
    SHOULD(stat(secret, &status) == 0 && (status.st_mode & 07777) == 0200);

    MUST(ips_fs_remove_directory(in, NULL, on_trouble, NULL, &error));
    MUST(ips_fs_remove_directory(out, NULL, on_trouble, NULL, &error));
    SHOULD(ips_fs_remove_directory(out, NULL, NULL, NULL, &error) == IPS_NOT_FOUND);
    ips_store_close(store);
    return 0;
}
