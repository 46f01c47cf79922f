/* A damaged store: the damage is found, and mended from a copy; a lost index is rebuilt. */
#include "example.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Spoils a byte in the middle of the store's pack, as a disk would. */
static void spoil(const char *store) {
    char path[4096], name[600];
    snprintf(path, sizeof path, "%s/packs", store);
    DIR *directory = opendir(path);
    SHOULD(directory != NULL);
    struct dirent *entry;
    name[0] = 0;
    while ((entry = readdir(directory)) != NULL) {
        if (strstr(entry->d_name, ".pack") != NULL) snprintf(name, sizeof name, "/%s", entry->d_name);
    }
    closedir(directory);
    SHOULD(strlen(path) + strlen(name) < sizeof path);
    strcat(path, name);
    FILE *pack = fopen(path, "r+b");
    SHOULD(pack != NULL && fseek(pack, 100000, SEEK_SET) == 0);
    int byte = fgetc(pack);
    SHOULD(byte != EOF && fseek(pack, 100000, SEEK_SET) == 0 && fputc(byte ^ 0x40, pack) != EOF);
    fclose(pack);
}

static uint64_t problems_of(ips_store *store) {
    ips_verify_report report = IPS_VERIFY_REPORT_INIT;
    ips_iter *problems;
    ips_problem problem;
    MUST(ips_store_verify(store, NULL, NULL, &report, &problems, NULL, &error));
    while (ips_iter_next_problem(problems, &problem, &error) == IPS_OK) printf("  %s\n", problem.message);
    ips_iter_close(problems);
    return report.problems;
}

/* A link may come before what it names. That is no problem, but after a loss one wants to know. */
static void look_for_missing(ips_store *store) {
    ips_cid absent, node, found;
    MUST(ips_cid_of_block((ips_bytes){"elsewhere", 9}, IPS_CODEC_RAW, IPS_HASH_BLAKE3, &absent, &error));
    unsigned char list[6 + IPS_CID_BINARY_SIZE] = {0x81, 0xd8, 0x2a, 0x58, 0, 0}; /* of one link */
    size_t length;
    MUST(ips_cid_to_bytes(&absent, list + 6, sizeof list - 6, &length, &error));
    list[4] = (unsigned char)(length + 1);
    MUST(ips_store_put_node(store, (ips_bytes){list, 6 + length}, &node, &error));
    ips_verify_report report = IPS_VERIFY_REPORT_INIT;
    ips_iter *missing;
    MUST(ips_store_verify(store, NULL, NULL, &report, NULL, &missing, &error));
    SHOULD(report.problems == 0 && report.missing_links == 1 && report.missing_blocks == 1);
    MUST(ips_iter_next_cid(missing, &found, &error));
    SHOULD(ips_cid_compare(&found, &absent) == 0);
    print_cid("not here:", &found);
    ips_iter_close(missing);
}

int main(int argc, char **argv) {
    char path[1024], copy_path[1024];
    snprintf(path, sizeof path, "%s/store", place(argc, argv));
    snprintf(copy_path, sizeof copy_path, "%s/copy", argv[1]);
    SHOULD(mkdir(argv[1], 0700) == 0);

    static char bytes[300000], back[sizeof bytes];
    for (uint32_t i = 0; i < sizeof bytes; i++) bytes[i] = (char)(i * i * 2654435761u >> 13);
    ips_store *store, *copy;
    ips_cid cid;
    MUST(ips_store_create(path, NULL, &error));
    MUST(ips_store_open(path, NULL, &store, &error));
    MUST(ips_store_put_buffer(store, (ips_bytes){bytes, sizeof bytes}, &cid, &error));
    MUST(ips_root_set(store, "kept", &cid, &error));

    /* A copy in a store of the same options, where the same bytes have the same CIDs. */
    ips_create_options options = IPS_CREATE_OPTIONS_INIT;
    MUST(ips_store_get_configuration(store, &options, &error));
    MUST(ips_store_create(copy_path, &options, &error));
    MUST(ips_store_open(copy_path, NULL, &copy, &error));
    ips_store_information information = IPS_STORE_INFORMATION_INIT;
    MUST(ips_store_get_information(copy, &information, &error));
    printf("a copy in %s, %s\n", information.layout, information.compression);
    MUST(ips_store_copy(copy, store, &cid, "kept", NULL, NULL, NULL, &error));

    /* Wrong bytes are never handed out. */
    SHOULD(problems_of(store) == 0);
    spoil(path);
    SHOULD(ips_store_get_buffer(store, &cid, back, sizeof back, NULL, &error) == IPS_CORRUPT);
    printf("damaged: %s\n", error.message);
    SHOULD(problems_of(store) > 0);

    /* What is whole elsewhere comes back. */
    const ips_store *donors[] = {copy};
    ips_heal_report healing = IPS_HEAL_REPORT_INIT;
    MUST(ips_store_heal(store, donors, 1, NULL, NULL, &healing, &error));
    SHOULD(healing.healed == 1 && healing.missing == 0);
    MUST(ips_store_get_buffer(store, &cid, back, sizeof back, NULL, &error));
    SHOULD(memcmp(back, bytes, sizeof bytes) == 0 && problems_of(store) == 0);
    ips_store_close(store);

    /* The index is lost; packs and journal have all it said. */
    char index[1100];
    snprintf(index, sizeof index, "%s/index/data.mdb", path);
    SHOULD(unlink(index) == 0);
    SHOULD(ips_store_open(path, NULL, &store, &error) == IPS_CORRUPT);
    ips_repair_report repaired = IPS_REPAIR_REPORT_INIT;
    MUST(ips_store_repair_from(path, donors, 1, NULL, NULL, &repaired, &healing, &error));
    SHOULD(repaired.roots == 1 && healing.missing == 0);
    MUST(ips_store_open(path, NULL, &store, &error));
    MUST(ips_root_get(store, "kept", &cid, &error));
    MUST(ips_store_get_buffer(store, &cid, back, sizeof back, NULL, &error));
    SHOULD(memcmp(back, bytes, sizeof bytes) == 0 && problems_of(store) == 0);
    look_for_missing(store);
    printf("repaired: %llu blocks\n", (unsigned long long)repaired.blocks);
    ips_store_close(store);
    ips_store_close(copy);
    return 0;
}
