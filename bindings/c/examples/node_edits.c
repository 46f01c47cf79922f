/* A map of 200,000 entries, many blocks: entries are changed at the cost of a few blocks, and all are read
 * with the memory of a few. */
#include "example.h"

#include <string.h>

enum { ENTRIES = 200000 };

/* {"k000000": 65536, "k000001": 65537, …} as DAG-CBOR; its length. */
static size_t make_map(unsigned char *cbor) {
    size_t length = 0;
    cbor[length++] = 0xba;
    for (int shift = 24; shift >= 0; shift -= 8) cbor[length++] = (unsigned char)(ENTRIES >> shift);
    for (unsigned number = 0; number < ENTRIES; number++) {
        cbor[length++] = 0x67;
        char key[8];
        snprintf(key, sizeof key, "k%06u", number);
        memcpy(cbor + length, key, 7);
        length += 7;
        cbor[length++] = 0x1a;
        for (int shift = 24; shift >= 0; shift -= 8)
            cbor[length++] = (unsigned char)((0x10000 + number) >> shift);
    }
    return length;
}

int main(int argc, char **argv) {
    const char *path = place(argc, argv);
    ips_store *store;
    MUST(ips_store_create(path, NULL, &error));
    MUST(ips_store_open(path, NULL, &store, &error));

    unsigned char *cbor = malloc(5 + ENTRIES * (1 + 7 + 5));
    SHOULD(cbor != NULL);
    const size_t length = make_map(cbor);
    ips_cid map, edited;
    MUST(ips_store_put_node(store, (ips_bytes){cbor, length}, &map, &error));
    free(cbor);

    /* One key removed, one set to "new", one that was not there. */
    const ips_node_change changes[] = {
        {IPS_NODE_REMOVE, 0, {"k000000", 7}, 0, 0, {NULL, 0}},
        {IPS_NODE_SET, 0, {"k123456", 7}, 0, 0, {"\x63new", 4}},
        {IPS_NODE_SET, 0, {"list", 4}, 0, 0, {"\x82\x01\x02", 3}},
    };
    MUST(ips_store_edit_node(store, &map, "", changes, 3, &edited, &error));
    /* Two elements inserted before the second of the new list. */
    const ips_node_change insert = {IPS_NODE_REPLACE, 0, {NULL, 0}, 1, 0, {"\xf5\x61x", 3}};
    MUST(ips_store_edit_node(store, &edited, "list", &insert, 1, &edited, &error));
    unsigned char value[16];
    size_t got = 0;
    MUST(ips_store_get_value(store, &edited, "list", value, sizeof value, &got, &error));
    SHOULD(got == 6 && memcmp(value, "\x84\x01\xf5\x61x\x02", 6) == 0);

    /* Its elements in order: shorter keys first. A buffer that is too small loses nothing. */
    ips_iter *elements;
    char key[16];
    size_t key_length = 0, count = 0;
    uint64_t position = 0;
    ips_status status;
    MUST(ips_store_elements(store, &edited, "", &elements, &error));
    SHOULD(ips_iter_next_element(elements, key, 3, &key_length, value, sizeof value, &got, &error) ==
           IPS_BUFFER_TOO_SMALL);
    SHOULD(key_length == 4 && got == 6);
    while ((status = ips_iter_next_element(elements, key, sizeof key, &key_length, value, sizeof value, &got,
                                           &error)) == IPS_OK) {
        SHOULD(count > 0 || (key_length == 4 && memcmp(key, "list", 4) == 0));
        count++;
    }
    SHOULD(status == IPS_END && count == ENTRIES);
    /* To go on where somebody else stopped: at a key. */
    MUST(ips_iter_seek_key(elements, (ips_bytes){"k123456", 7}, &error));
    MUST(ips_iter_tell_element(elements, &position, NULL, NULL, &error));
    SHOULD(position == 123456);
    MUST(ips_iter_next_element(elements, NULL, 0, NULL, value, sizeof value, &got, &error));
    SHOULD(got == 4 && memcmp(value, "\x63new", 4) == 0);
    /* Or at a position. The end is one. */
    MUST(ips_iter_seek_element(elements, ENTRIES, &error));
    SHOULD(ips_iter_next_element(elements, NULL, 0, NULL, NULL, 0, NULL, &error) == IPS_END);
    SHOULD(ips_iter_seek_element(elements, ENTRIES + 1, &error) == IPS_INVALID);
    ips_iter_close(elements);
    printf("%zu elements gone through\n", count);

    ips_store_close(store);
    return 0;
}
