/* Nodes: values that link to blocks, as DAG-CBOR bytes; and looking at a block without copying it. */
#include "example.h"

#include <string.h>

/* Appends a link: tag 42, a byte string of 0x00 and the CID's binary form. */
static size_t append_link(unsigned char *out, const ips_cid *cid) {
    unsigned char binary[IPS_CID_BINARY_SIZE];
    size_t length = 0;
    MUST(ips_cid_to_bytes(cid, binary, sizeof binary, &length, &error));
    const unsigned char head[] = {0xd8, 42, 0x58, (unsigned char)(length + 1), 0};
    memcpy(out, head, sizeof head);
    memcpy(out + sizeof head, binary, length);
    return sizeof head + length;
}

int main(int argc, char **argv) {
    const char *path = place(argc, argv);
    ips_store *store;
    MUST(ips_store_create(path, NULL, &error));
    MUST(ips_store_open(path, NULL, &store, &error));

    /* {"a": link, "b": link}, a node that keeps two leaves alive. Keys are sorted, shorter ones first. */
    ips_batch *batch;
    ips_cid left, right, node;
    MUST(ips_batch_begin(store, &batch, &error));
    MUST(ips_batch_put_block(batch, (ips_bytes){"left", 4}, IPS_CODEC_RAW, &left, &error));
    MUST(ips_batch_put_block(batch, (ips_bytes){"right", 5}, IPS_CODEC_RAW, &right, &error));
    unsigned char cbor[256];
    size_t length = 0;
    cbor[length++] = 0xa2;
    memcpy(cbor + length, "\x61" "a", 2);
    length += 2;
    length += append_link(cbor + length, &left);
    memcpy(cbor + length, "\x61" "b", 2);
    length += 2;
    length += append_link(cbor + length, &right);
    MUST(ips_batch_put_node(batch, (ips_bytes){cbor, length}, &node, &error));
    MUST(ips_batch_set_root(batch, "pair", &node, &error));
    MUST(ips_batch_commit(batch, &error));
    ips_batch_free(batch);
    print_cid("node", &node);

    /* What it links to, in order. */
    ips_iter *links;
    ips_cid link;
    MUST(ips_store_links(store, &node, &links, &error));
    MUST(ips_iter_next_cid(links, &link, &error));
    SHOULD(ips_cid_compare(&link, &left) == 0);
    MUST(ips_iter_next_cid(links, &link, &error));
    SHOULD(ips_cid_compare(&link, &right) == 0);
    SHOULD(ips_iter_next_cid(links, &link, &error) == IPS_END);
    ips_iter_close(links);

    /* The value comes back as the same bytes, for there is only one strict form. */
    unsigned char copy[256];
    size_t got = 0;
    MUST(ips_store_get_node(store, &node, copy, sizeof copy, &got, &error));
    SHOULD(got == length && memcmp(copy, cbor, length) == 0);

    /* What is not strict DAG-CBOR is refused: an integer with a shorter form. */
    SHOULD(ips_store_put_node(store, (ips_bytes){"\x18\x01", 2}, &link, &error) == IPS_INVALID);
    printf("refused: %s\n", error.message);

    ips_block_information information = IPS_BLOCK_INFORMATION_INIT;
    MUST(ips_store_inspect(store, &left, &information, &error));
    SHOULD(information.raw_length == 4 && information.references == 1);

    /* A view stays what it is, even when its block goes. */
    ips_view *view;
    MUST(ips_store_view(store, &right, &view, &error));
    ips_bytes bytes = ips_view_bytes(view);
    MUST(ips_root_delete(store, "pair", NULL, IPS_NO_LIMIT, NULL, &error));
    bool is_here = true;
    MUST(ips_store_has(store, &right, &is_here, &error));
    SHOULD(!is_here && bytes.len == 5 && memcmp(bytes.data, "right", 5) == 0);
    ips_view_close(view);

    ips_store_close(store);
    return 0;
}
