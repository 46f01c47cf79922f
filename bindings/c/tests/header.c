/* Every initializer of the header, compiled as each language that it is for; layouts as other compilers
 * see them. */
#include <ipldstore.h>

#include <stdio.h>
#include <string.h>

static int wrong = 0;

static void is(const char *what, uint64_t found, uint64_t expected) {
    if (found == expected) return;
    fprintf(stderr, "%s is %llu, not %llu\n", what, (unsigned long long)found, (unsigned long long)expected);
    wrong = 1;
}

/* What grows says its size first, and its initializers say so. Both set the same, and nothing of a struct
 * that is smaller than its first version. */
#define GROWS(type, init, size)                                                          \
    do {                                                                                 \
        type value = init, other;                                                        \
        unsigned char old[sizeof other];                                                 \
        is("sizeof " #type, sizeof value, size);                                         \
        is(#init, value.struct_size, size);                                              \
        memset(old, 0xaa, sizeof old);                                                   \
        memset(&other, 0xaa, sizeof other);                                              \
        type##_init(&other, 15);                                                         \
        is(#type "_init of too little", memcmp(&other, old, sizeof old) != 0, 0);        \
        type##_init(NULL, sizeof other);                                                 \
        type##_init(&other, sizeof other);                                               \
        is(#type "_init and " #init, memcmp(&other, &value, sizeof other) != 0, 0);      \
    } while (0)

int main(void) {
    GROWS(ips_create_options, IPS_CREATE_OPTIONS_INIT, 64);
    GROWS(ips_open_options, IPS_OPEN_OPTIONS_INIT, 16);
    GROWS(ips_store_information, IPS_STORE_INFORMATION_INIT, 520);
    GROWS(ips_block_information, IPS_BLOCK_INFORMATION_INIT, 32);
    GROWS(ips_gc_report, IPS_GC_REPORT_INIT, 48);
    GROWS(ips_usage, IPS_USAGE_INIT, 40);
    GROWS(ips_stat, IPS_STAT_INIT, 104);
    GROWS(ips_verify_report, IPS_VERIFY_REPORT_INIT, 48);
    GROWS(ips_repair_report, IPS_REPAIR_REPORT_INIT, 64);
    GROWS(ips_heal_report, IPS_HEAL_REPORT_INIT, 24);
    GROWS(ips_copy_report, IPS_COPY_REPORT_INIT, 32);
    GROWS(ips_fs_entry, IPS_FS_ENTRY_INIT, 168);
    GROWS(ips_fs_version, IPS_FS_VERSION_INIT, 1488);
    GROWS(ips_fs_merge_options, IPS_FS_MERGE_OPTIONS_INIT, 40);
    GROWS(ips_fs_import_options, IPS_FS_IMPORT_OPTIONS_INIT, 40);
    GROWS(ips_fs_import_report, IPS_FS_IMPORT_REPORT_INIT, 232);
    GROWS(ips_fs_export_options, IPS_FS_EXPORT_OPTIONS_INIT, 16);
    GROWS(ips_fs_export_report, IPS_FS_EXPORT_REPORT_INIT, 64);

    is("sizeof(ips_error)", sizeof(ips_error), 512);
    is("sizeof(ips_bytes)", sizeof(ips_bytes), 16);
    is("sizeof(ips_cid)", sizeof(ips_cid), 88);
    is("sizeof(ips_node_change)", sizeof(ips_node_change), 56);
    is("sizeof(ips_root)", sizeof(ips_root), 344);
    is("sizeof(ips_hold)", sizeof(ips_hold), 352);
    is("sizeof(ips_problem)", sizeof(ips_problem), 608);
    is("sizeof(ips_change)", sizeof(ips_change), 32);
    is("sizeof(ips_base)", sizeof(ips_base), 4136);
    is("sizeof(ips_fork)", sizeof(ips_fork), 4152);

    is("the codecs", IPS_CODEC_RAW + IPS_CODEC_DAG_PB + IPS_CODEC_DAG_CBOR, 0x136);
    is("the hashes", IPS_HASH_IDENTITY + IPS_HASH_BLAKE3 + IPS_HASH_SHA2_256, 0x30);
    is("the origins", IPS_SEEK_START + IPS_SEEK_CURRENT + IPS_SEEK_END, 3);

    is("the version of the library", ips_version_number(), IPS_VERSION_NUMBER);
    return wrong;
}
