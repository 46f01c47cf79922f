/* Errors: a status to act on, a sentence to show, and nothing that must be cleaned up. */
#include "example.h"

#include <errno.h>
#include <string.h>

int main(int argc, char **argv) {
    const char *path = place(argc, argv);

    /* A failed open leaves the handle NULL, and says which kind of nothing is there. */
    ips_store *store = (ips_store *)(void *)&error;
    SHOULD(ips_store_open(path, NULL, &store, &error) == IPS_NOT_FOUND);
    SHOULD(store == NULL && error.code == IPS_NOT_FOUND && error.os_errno == ENOENT);
    printf("%s: %s\n", ips_strerror(error.code), error.message);
    SHOULD(ips_store_open("/", NULL, &store, &error) == IPS_NOT_A_STORE);

    MUST(ips_store_create(path, NULL, &error));
    SHOULD(ips_store_create(path, NULL, &error) == IPS_EXISTS);
    MUST(ips_store_open(path, NULL, &store, &error));

    /* What is not here is not found; that is different from damaged, and from a failing disk. */
    ips_cid cid;
    MUST(ips_cid_parse("bafkr4ihkr4ld3m4gqkjf4reryxsy2s5tkbxprqkow6fin2iiyvreuzzab4", &cid, &error));
    char buffer[16];
    size_t got;
    SHOULD(ips_store_read_at(store, &cid, 0, buffer, sizeof buffer, &got, &error) == IPS_NOT_FOUND);

    /* An offset beyond the end is a mistake, the end itself is not. */
    MUST(ips_store_put_buffer(store, (ips_bytes){"hello", 5}, &cid, &error));
    MUST(ips_store_read_at(store, &cid, 5, buffer, sizeof buffer, &got, &error));
    SHOULD(ips_store_read_at(store, &cid, 6, buffer, sizeof buffer, &got, &error) == IPS_INVALID);

    /* Text that is no CID; a CID that this library cannot hold. */
    SHOULD(ips_cid_parse("hello", &cid, &error) == IPS_INVALID);
    SHOULD(ips_cid_parse("p-proquint", &cid, &error) == IPS_UNSUPPORTED);
    unsigned char long_digest[4 + 65] = {1, 0x55, 0x12, 65};
    ips_bytes too_long = {long_digest, sizeof long_digest};
    SHOULD(ips_cid_from_bytes(too_long, &cid, &error) == IPS_UNSUPPORTED);

    /* The error is optional, and a struct that was not initialised is caught. */
    SHOULD(ips_cid_parse(NULL, &cid, NULL) == IPS_INVALID);
    ips_stat stat;
    memset(&stat, 0, sizeof stat);
    SHOULD(ips_store_stat(store, &stat, &error) == IPS_INVALID);
    printf("%s\n", error.message);

    /* A handle that was given back is refused; giving NULL back is fine. */
    ips_store_close(store);
    SHOULD(ips_store_put_buffer(store, (ips_bytes){"late", 4}, &cid, &error) == IPS_INVALID);
    printf("%s\n", error.message);
    ips_store_close(NULL);

    /* Reading only. */
    ips_open_options options;
    ips_open_options_init(&options, sizeof options); /* as IPS_OPEN_OPTIONS_INIT, at run time */
    options.flags = IPS_OPEN_READ_ONLY;
    MUST(ips_store_open(path, &options, &store, &error));
    SHOULD(ips_store_put_buffer(store, (ips_bytes){"no", 2}, &cid, &error) == IPS_READ_ONLY);
    ips_store_close(store);

    /* Options of no sense, and such that only a newer library knows. */
    ips_create_options create;
    ips_create_options_init(&create, sizeof create);
    create.chunk_average = 3;
    SHOULD(ips_store_create("never.made", &create, &error) == IPS_INVALID);
    printf("%s\n", error.message);
    ips_open_options_init(&options, sizeof options);
    options.flags = UINT32_C(1) << 31;
    SHOULD(ips_store_open(path, &options, &store, &error) == IPS_UNSUPPORTED && store == NULL);
    printf("%s says: %s\n", ips_version_string(), error.message);
    return 0;
}
