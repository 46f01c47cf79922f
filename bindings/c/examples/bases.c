/* Bases that are moved, added and given up: what a layer reads through, and who reads through a store. */
#include "example.h"

#include <string.h>
#include <sys/stat.h>

static char images[4096], tools[4096], moved[4096], layer[4096];

/* How many bases are recorded in the layer; the last one's identity. */
static unsigned bases_of_layer(char *identity) {
    ips_iter *bases;
    ips_base base;
    ips_status status;
    unsigned count = 0;
    MUST(ips_store_bases(layer, &bases, &error));
    while ((status = ips_iter_next_base(bases, &base, &error)) == IPS_OK) {
        printf("over %s, which was at %s\n", base.identity, base.path);
        memcpy(identity, base.identity, sizeof base.identity);
        count++;
    }
    SHOULD(status == IPS_END);
    ips_iter_close(bases);
    return count;
}

static void make(const char *path, const char *text, ips_cid *cid) {
    ips_store *store;
    MUST(ips_store_create(path, NULL, &error));
    MUST(ips_store_open(path, NULL, &store, &error));
    MUST(ips_store_put_buffer(store, (ips_bytes){text, strlen(text)}, cid, &error));
    MUST(ips_root_set(store, text, cid, &error));
    ips_store_close(store);
}

int main(int argc, char **argv) {
    const char *directory = place(argc, argv);
    snprintf(images, sizeof images, "%s/images", directory);
    snprintf(tools, sizeof tools, "%s/tools", directory);
    snprintf(moved, sizeof moved, "%s/moved", directory);
    snprintf(layer, sizeof layer, "%s/layer", directory);
    SHOULD(mkdir(directory, 0777) == 0);
    ips_cid image, tool, found;
    make(images, "an image", &image);
    make(tools, "a tool", &tool);

    /* A layer over one base, and then over a second one, too. */
    const char *first[] = {images};
    char identity[40];
    MUST(ips_store_create_layer(layer, first, 1, NULL, &error));
    MUST(ips_store_add_base(layer, tools, &error));
    SHOULD(ips_store_add_base(layer, tools, &error) == IPS_EXISTS);
    SHOULD(bases_of_layer(identity) == 2);
    ips_store *fork;
    MUST(ips_store_open(layer, NULL, &fork, &error));
    MUST(ips_root_find(fork, "a tool", &found, &error));
    SHOULD(ips_cid_compare(&found, &tool) == 0);
    MUST(ips_root_set(fork, "mine", &tool, &error));
    ips_iter *none = NULL;
    SHOULD(ips_store_bases(layer, &none, &error) == IPS_BUSY && none == NULL);
    ips_store_close(fork);

    /* The base is moved: the layer is told where it is now. Another store is not taken for it. */
    SHOULD(rename(tools, moved) == 0);
    SHOULD(ips_store_open(layer, NULL, &fork, &error) != IPS_OK && fork == NULL);
    printf("%s\n", error.message);
    SHOULD(ips_store_set_base(layer, identity, images, &error) == IPS_INVALID);
    MUST(ips_store_set_base(layer, identity, moved, &error));
    MUST(ips_store_open(layer, NULL, &fork, &error));
    char text[16];
    size_t length = 0;
    MUST(ips_store_get_buffer(fork, &tool, text, sizeof text, &length, &error));
    SHOULD(length == 6 && memcmp(text, "a tool", 6) == 0);

    /* What a base holds for a layer that will not come back is released on request only. */
    ips_store *base;
    ips_iter *forks;
    ips_fork one;
    MUST(ips_store_open(moved, NULL, &base, &error));
    MUST(ips_store_forks(base, &forks, &error));
    MUST(ips_iter_next_fork(forks, &one, &error));
    ips_iter_close(forks);
    SHOULD(one.state == IPS_FORK_PRESENT && one.holds == 1);
    SHOULD(ips_store_forget_fork(base, "00000000000000000000000000000000", NULL, NULL, &error) ==
           IPS_NOT_FOUND);
    ips_store_close(fork);
    MUST(ips_store_forget_fork(base, one.identity, NULL, NULL, &error));
    MUST(ips_store_forks(base, &forks, &error));
    ips_status status = ips_iter_next_fork(forks, &one, &error);
    SHOULD(status == IPS_END || (status == IPS_OK && one.holds == 0));
    ips_iter_close(forks);
    ips_store_close(base);
    return 0;
}
