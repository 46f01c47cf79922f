/* The layouts that include/ipldstore.h promises, held by the compiler. Tests/CAPITests holds the same
 * numbers against what Swift makes of the header. Those of frozen structs never change; of the others,
 * only what is behind the last field may. */
#include "ipldstore.h"

#define SIZE(type, size) _Static_assert(sizeof(type) == (size), "size of " #type)
#define AT(type, field, offset) _Static_assert(offsetof(type, field) == (offset), #type "." #field)

_Static_assert(sizeof(void *) == 8 && sizeof(size_t) == 8, "64-bit machines only");

/* Frozen. */
SIZE(ips_error, 512);
AT(ips_error, os_errno, 4);
AT(ips_error, message, 8);
SIZE(ips_bytes, 16);
AT(ips_bytes, len, 8);
SIZE(ips_cid, 88);
AT(ips_cid, hash, 8);
AT(ips_cid, version, 16);
AT(ips_cid, digest_length, 17);
AT(ips_cid, digest, 24);
SIZE(ips_root, 344);
AT(ips_root, name, 88);
SIZE(ips_hold, 352);
AT(ips_hold, count, 88);
AT(ips_hold, owner, 96);
SIZE(ips_problem, 608);
AT(ips_problem, has_cid, 4);
AT(ips_problem, cid, 8);
AT(ips_problem, message, 96);
SIZE(ips_node_change, 56);
AT(ips_node_change, key, 8);
AT(ips_node_change, position, 24);
AT(ips_node_change, values, 40);
SIZE(ips_base, 4136);
AT(ips_base, path, 40);
SIZE(ips_fork, 4152);
AT(ips_fork, state, 40);
AT(ips_fork, holds, 48);
AT(ips_fork, path, 56);
SIZE(ips_fs_entry, 168);
AT(ips_fs_entry, size, 24);
AT(ips_fs_entry, has_cid, 52);
AT(ips_fs_entry, cid, 56);
AT(ips_fs_entry, hard_link, 160);
SIZE(ips_fs_version, 1488);
AT(ips_fs_version, tree, 96);
AT(ips_fs_version, generation, 200);
AT(ips_fs_version, message, 464);
SIZE(ips_change, 32);
AT(ips_change, old_length, 8);
AT(ips_change, new_offset, 16);
AT(ips_change, new_length, 24);

/* Growing. */
SIZE(ips_create_options, 64);
AT(ips_create_options, kind, 56);
AT(ips_create_options, flatfs_levels, 60);
AT(ips_create_options, chunker, 4);
AT(ips_create_options, chunk_average, 8);
AT(ips_create_options, chunk_normalization, 20);
AT(ips_create_options, node_maximum, 36);
AT(ips_create_options, hash, 40);
AT(ips_create_options, compression_level, 52);
SIZE(ips_open_options, 16);
AT(ips_open_options, flags, 4);
AT(ips_open_options, owner, 8);
SIZE(ips_store_information, 520);
AT(ips_store_information, kind, 504);
AT(ips_store_information, bases, 512);
AT(ips_store_information, identity, 8);
AT(ips_store_information, layout, 48);
AT(ips_store_information, compression, 216);
AT(ips_store_information, warning, 248);
SIZE(ips_block_information, 32);
AT(ips_block_information, references, 24);
SIZE(ips_gc_report, 48);
AT(ips_gc_report, is_complete, 4);
AT(ips_gc_report, packs, 40);
SIZE(ips_usage, 40);
AT(ips_usage, shared_bytes, 32);
SIZE(ips_stat, 104);
AT(ips_stat, epoch, 96);
SIZE(ips_verify_report, 48);
AT(ips_verify_report, problems, 24);
AT(ips_verify_report, missing_links, 32);
AT(ips_verify_report, missing_blocks, 40);
SIZE(ips_repair_report, 64);
AT(ips_repair_report, recovered_roots, 56);
SIZE(ips_heal_report, 24);
AT(ips_heal_report, missing, 16);
SIZE(ips_copy_report, 32);
AT(ips_copy_report, bytes, 24);
