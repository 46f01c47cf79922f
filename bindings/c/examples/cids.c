/* CIDs: plain values that parse, print, compare, and can be computed without a store. */
#include "example.h"

#include <string.h>

int main(void) {
    SHOULD(ips_version_number() == IPS_VERSION_NUMBER);
    printf("%s\n", ips_build_info());

    ips_cid cid;
    MUST(ips_cid_of_block((ips_bytes){"hello", 5}, IPS_CODEC_RAW, IPS_HASH_SHA2_256, &cid, &error));
    char text[IPS_CID_TEXT_SIZE];
    size_t length = 0;
    MUST(ips_cid_format(&cid, 0, text, sizeof text, &length, &error));
    SHOULD(strcmp(text, "bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq") == 0);
    SHOULD(length == strlen(text));

    /* In another base, and back: the same value. */
    ips_cid same;
    MUST(ips_cid_format(&cid, 'z', text, sizeof text, NULL, &error));
    printf("base58btc %s\n", text);
    MUST(ips_cid_parse(text, &same, &error));
    SHOULD(ips_cid_compare(&cid, &same) == 0);

    /* As bytes, to keep in a file or a database. */
    unsigned char binary[IPS_CID_BINARY_SIZE];
    MUST(ips_cid_to_bytes(&cid, binary, sizeof binary, &length, &error));
    MUST(ips_cid_from_bytes((ips_bytes){binary, length}, &same, &error));
    SHOULD(ips_cid_compare(&cid, &same) == 0);

    /* Zeros are no CID, and sort before all. */
    ips_cid none;
    memset(&none, 0, sizeof none);
    SHOULD(ips_cid_format(&none, 0, text, sizeof text, NULL, &error) == IPS_INVALID);
    SHOULD(ips_cid_compare(&none, &cid) < 0 && ips_cid_compare(&cid, NULL) > 0);
    return 0;
}
