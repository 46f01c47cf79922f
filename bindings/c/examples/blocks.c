/* Single blocks: stored under a codec, looked at, viewed in place, linked, and taken away. */
#include "example.h"

#include <string.h>

int main(int argc, char **argv) {
    ips_store *store;
    MUST(ips_store_create(place(argc, argv), NULL, &error));
    MUST(ips_store_open(argv[1], NULL, &store, &error));

    /* The CID is known before anything is stored. */
    ips_bytes leaf = {"a leaf", 6};
    ips_cid expected, cid, link;
    MUST(ips_cid_of_block(leaf, IPS_CODEC_RAW, IPS_HASH_BLAKE3, &expected, &error));
    MUST(ips_store_put_block(store, leaf, IPS_CODEC_RAW, &cid, &error));
    SHOULD(ips_cid_compare(&cid, &expected) == 0);

    /* A dag-cbor block keeps what it links to: [leaf], tag 42 over 0 and the CID. */
    unsigned char node[6 + IPS_CID_BINARY_SIZE] = {0x81, 0xd8, 0x2a, 0x58, 0, 0};
    size_t length;
    MUST(ips_cid_to_bytes(&cid, node + 6, sizeof node - 6, &length, &error));
    node[4] = (unsigned char)(length + 1);
    ips_cid parent;
    MUST(ips_store_put_block(store, (ips_bytes){node, 6 + length}, IPS_CODEC_DAG_CBOR, &parent, &error));
    ips_iter *links;
    MUST(ips_store_links(store, &parent, &links, &error));
    MUST(ips_iter_next_cid(links, &link, &error));
    SHOULD(ips_cid_compare(&link, &cid) == 0 && ips_iter_next_cid(links, &link, &error) == IPS_END);
    ips_iter_close(links);

    ips_block_information information = IPS_BLOCK_INFORMATION_INIT;
    MUST(ips_store_inspect(store, &cid, &information, &error));
    /* The link, and the hold of the put. */
    SHOULD(information.raw_length == 6 && information.references == 2);

    /* Its bytes, copied and in place. */
    char copy[6];
    MUST(ips_store_get_block(store, &cid, copy, sizeof copy, &length, &error));
    SHOULD(length == 6 && memcmp(copy, "a leaf", 6) == 0);
    ips_view *view;
    MUST(ips_store_view(store, &cid, &view, &error));
    SHOULD(memcmp(ips_view_bytes(view).data, "a leaf", 6) == 0);

    /* What nothing keeps goes; a view keeps its bytes all the same. */
    ips_usage usage = IPS_USAGE_INIT;
    MUST(ips_store_dereference(store, &cid, NULL, 0, NULL, &error));
    MUST(ips_store_dereference(store, &parent, NULL, 0, NULL, &error));
    MUST(ips_store_gc_dry_run(store, NULL, NULL, &usage, &error));
    printf("gc would take %llu blocks\n", (unsigned long long)usage.exclusive_blocks);
    MUST(ips_store_gc(store, IPS_NO_LIMIT, NULL, NULL, NULL, &error));
    bool is_here = true;
    MUST(ips_store_has(store, &cid, &is_here, &error));
    SHOULD(!is_here && memcmp(ips_view_bytes(view).data, "a leaf", 6) == 0);
    ips_view_close(view);
    ips_store_close(store);
    return 0;
}
