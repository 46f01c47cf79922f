/* Forks of images: small layers over a shared base, which never loses what a fork still uses. */
#include "example.h"

#include <string.h>
#include <sys/stat.h>

int main(int argc, char **argv) {
    const char *place_of_all = place(argc, argv);
    char base_path[4096], fork_path[4096];
    snprintf(base_path, sizeof base_path, "%s/images", place_of_all);
    snprintf(fork_path, sizeof fork_path, "%s/sandbox-1", place_of_all);
    SHOULD(mkdir(place_of_all, 0777) == 0);

    /* The base, with an image. */
    ips_store *base, *fork;
    ips_cid image, mine;
    char bytes[200000];
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (char)(i * i >> 7);
    MUST(ips_store_create(base_path, NULL, &error));
    MUST(ips_store_open(base_path, NULL, &base, &error));
    MUST(ips_store_put_buffer(base, (ips_bytes){bytes, sizeof bytes}, &image, &error));
    MUST(ips_root_set(base, "debian", &image, &error));
    MUST(ips_store_dereference(base, &image, NULL, IPS_DEFAULT_BUDGET, NULL, &error));

    /* A fork: what the base has is there at once, and a root on it costs one hold in the base. */
    const char *bases[] = {base_path};
    MUST(ips_store_create_layer(fork_path, bases, 1, NULL, &error));
    MUST(ips_store_open(fork_path, NULL, &fork, &error));
    MUST(ips_root_find(fork, "debian", &image, &error));
    ips_iter *names;
    ips_root name;
    MUST(ips_root_list_base(fork, NULL, &names, &error));
    MUST(ips_iter_next_root(names, &name, &error));
    printf("the base has %s\n", name.name);
    ips_iter_close(names);
    MUST(ips_root_set(fork, "disk", &image, &error));

    /* Changes are the fork's own. */
    ips_writer *writer;
    MUST(ips_writer_open(fork, &image, NULL, NULL, &writer, &error));
    MUST(ips_writer_write_at(writer, 1000, (ips_bytes){"hello", 5}, &error));
    MUST(ips_writer_commit(writer, &mine, &error));
    ips_writer_close(writer);
    MUST(ips_root_set(fork, "disk", &mine, &error));

    /* The image is dropped in the base; the fork reads on. */
    MUST(ips_root_delete(base, "debian", NULL, IPS_DEFAULT_BUDGET, NULL, &error));
    MUST(ips_store_gc(base, IPS_NO_LIMIT, NULL, NULL, NULL, &error));
    char back[5];
    size_t got;
    MUST(ips_store_read_at(fork, &mine, 1000, back, sizeof back, &got, &error));
    SHOULD(got == 5 && memcmp(back, "hello", 5) == 0);

    /* Who has forked it? */
    ips_iter *forks;
    ips_fork one;
    MUST(ips_store_forks(base, &forks, &error));
    MUST(ips_iter_next_fork(forks, &one, &error));
    SHOULD(one.state == IPS_FORK_PRESENT && one.holds > 0);
    printf("%s holds %llu blocks\n", one.path, (unsigned long long)one.holds);
    SHOULD(ips_iter_next_fork(forks, &one, &error) == IPS_END);
    ips_iter_close(forks);

    /* A buffer in memory over the fork: nothing of it stays, unless it is copied down. */
    ips_store *buffer;
    ips_cid note;
    const ips_store *below[] = {fork};
    ips_copy_report copied = IPS_COPY_REPORT_INIT;
    MUST(ips_store_create_memory(below, 1, NULL, NULL, &buffer, &error));
    MUST(ips_store_put_buffer(buffer, (ips_bytes){"a note", 6}, &note, &error));
    MUST(ips_store_copy(fork, buffer, &note, "note", NULL, NULL, &copied, &error));
    SHOULD(copied.blocks == 1);
    ips_store_close(buffer);

    /* The fork stands alone from here on. */
    ips_store_close(fork);
    MUST(ips_store_flatten(fork_path, 0, NULL, NULL, &copied, &error));
    MUST(ips_store_gc(base, IPS_NO_LIMIT, NULL, NULL, NULL, &error));
    ips_stat stat = IPS_STAT_INIT;
    MUST(ips_store_stat(base, &stat, &error));
    SHOULD(stat.blocks == 0);
    MUST(ips_store_open(fork_path, NULL, &fork, &error));
    MUST(ips_store_read_at(fork, &mine, 1000, back, sizeof back, &got, &error));
    SHOULD(memcmp(back, "hello", 5) == 0);

    /* And never changes again. */
    MUST(ips_store_seal(fork, &error));
    SHOULD(ips_root_set(fork, "other", &mine, &error) == IPS_READ_ONLY);
    printf("sealed: %s\n", error.message);
    ips_store_close(fork);
    ips_store_close(base);
    return 0;
}
