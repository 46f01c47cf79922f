/* Runs the examples of docs/C_GUIDE.md, which scripts/snippets makes steps.h of: each with a store of its
 * own, data.store, beside a file rootfs.tar, in a new current directory. */
#include "../examples/example.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "steps.h"

int main(int argc, char **argv) {
    const char *directory = place(argc, argv);
    SHOULD(mkdir(directory, 0700) == 0 && chdir(directory) == 0);
    size_t count = sizeof steps / sizeof *steps;
    for (size_t step = 0; step < count; step++) {
        char name[32];
        snprintf(name, sizeof name, "%zu", step + 1);
        SHOULD(mkdir(name, 0700) == 0 && chdir(name) == 0);
        FILE *file = fopen("rootfs.tar", "wb");
        SHOULD(file != NULL);
        for (int i = 0; i < 300000; i++) fprintf(file, "%d\n", i);
        fclose(file);

        ips_store *store;
        MUST(ips_store_create("data.store", NULL, &error));
        MUST(ips_store_open("data.store", NULL, &store, &error));
        steps[step](store);
        ips_store_close(store);
        SHOULD(chdir("..") == 0);
    }
    printf("%zu steps\n", count);
    return 0;
}
