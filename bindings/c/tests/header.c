/* Every initializer of the header, compiled as each language that it is for; layouts as other compilers
 * see them. */
#include <ipldstore.h>


int main(void);

int main(void) {
    ips_create_options create = IPS_CREATE_OPTIONS_INIT;
    ips_open_options open = IPS_OPEN_OPTIONS_INIT;
    ips_store_information information = IPS_STORE_INFORMATION_INIT;
    ips_block_information block = IPS_BLOCK_INFORMATION_INIT;
    ips_gc_report gc = IPS_GC_REPORT_INIT;
    ips_usage usage = IPS_USAGE_INIT;
    ips_stat stat = IPS_STAT_INIT;
    ips_verify_report verify = IPS_VERIFY_REPORT_INIT;
    ips_repair_report repair = IPS_REPAIR_REPORT_INIT;
    ips_heal_report heal = IPS_HEAL_REPORT_INIT;
    ips_copy_report copy = IPS_COPY_REPORT_INIT;
    ips_fs_entry entry = IPS_FS_ENTRY_INIT;
    ips_fs_version version = IPS_FS_VERSION_INIT;
    ips_create_options same;
    uint64_t codec = IPS_CODEC_RAW + IPS_CODEC_DAG_PB + IPS_CODEC_DAG_CBOR;
    uint64_t hash = IPS_HASH_IDENTITY + IPS_HASH_BLAKE3 + IPS_HASH_SHA2_256;
    ips_create_options_init(&same, sizeof same);
    return create.struct_size == 64 && open.struct_size == 16 && information.struct_size == 520 &&
                   block.struct_size == 32 && gc.struct_size == 48 && usage.struct_size == 40 &&
                   stat.struct_size == 104 && verify.struct_size == 32 && repair.struct_size == 64 &&
                   heal.struct_size == 24 && copy.struct_size == 32 &&
                   entry.struct_size == 168 && version.struct_size == 1488 &&
                   sizeof(ips_error) == 512 && sizeof(ips_cid) == 88 && sizeof(ips_root) == 344 &&
                   sizeof(ips_hold) == 352 && sizeof(ips_problem) == 608 && sizeof(ips_change) == 32 &&
                   IPS_SEEK_START + IPS_SEEK_CURRENT + IPS_SEEK_END == 3 && codec == 0x136 && hash == 0x30 &&
                   same.struct_size == create.struct_size &&
                   same.chunk_normalization == create.chunk_normalization &&
                   ips_version_number() == IPS_VERSION_NUMBER
               ? 0
               : 1;
}
