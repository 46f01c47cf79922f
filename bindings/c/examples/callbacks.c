/* Data that is made and used piece by piece, progress, and stopping half way. */
#include "example.h"

#include <string.h>

/* A generator of `left` bytes, each a function of its position, as a network or a decoder would be. */
struct generator {
    uint64_t position;
    uint64_t left;
    uint64_t reported;
};

static ips_status give(void *context, void *buffer, size_t capacity, size_t *got) {
    struct generator *generator = context;
    size_t count = capacity < generator->left ? capacity : (size_t)generator->left;
    for (size_t i = 0; i < count; i++) {
        uint64_t x = (generator->position + i) * UINT64_C(0x9E3779B97F4A7C15);
        ((unsigned char *)buffer)[i] = (unsigned char)(x >> 56);
    }
    generator->position += count;
    generator->left -= count;
    *got = count; /* 0 says that this was all. */
    return IPS_OK;
}

static ips_status report(void *context, uint64_t done) {
    struct generator *generator = context;
    SHOULD(done >= generator->reported);
    generator->reported = done;
    return IPS_OK;
}

static ips_status stop_after_a_megabyte(void *context, uint64_t done) {
    (void)context;
    return done > 1 << 20 ? IPS_CANCELLED : IPS_OK;
}

enum { MY_OWN_REASON = 77 };

static ips_status give_up(void *context, void *buffer, size_t capacity, size_t *got) {
    (void)context;
    (void)buffer;
    (void)capacity;
    (void)got;
    return MY_OWN_REASON;
}

static ips_status count_bytes(void *context, const void *data, size_t length) {
    (void)data;
    *(uint64_t *)context += length;
    return IPS_OK;
}

int main(int argc, char **argv) {
    const char *path = place(argc, argv);
    ips_store *store;
    MUST(ips_store_create(path, NULL, &error));
    MUST(ips_store_open(path, NULL, &store, &error));

    struct generator generator = {0, 20000000, 0};
    ips_cid cid;
    MUST(ips_store_put_callback(store, give, report, &generator, &cid, &error));
    SHOULD(generator.reported == 20000000);
    print_cid("20 MB from a callback:", &cid);

    /* The same bytes to a callback; any part of them. */
    uint64_t counted = 0;
    MUST(ips_store_get_callback(store, &cid, 1000, IPS_ALL, count_bytes, NULL, &counted, &error));
    SHOULD(counted == 19999000);

    /* Stopped by the progress callback: nothing is stored. */
    ips_stat stat = IPS_STAT_INIT;
    MUST(ips_store_stat(store, &stat, &error));
    uint64_t holds = stat.holds;
    struct generator other = {1, 20000000, 0};
    SHOULD(ips_store_put_callback(store, give, stop_after_a_megabyte, &other, &cid, &error) == IPS_CANCELLED);
    printf("cancelled: %s\n", error.message);

    /* Stopped by the source, which gets its own reason back. */
    SHOULD(ips_store_put_callback(store, give_up, NULL, NULL, &cid, &error) == MY_OWN_REASON);
    MUST(ips_store_stat(store, &stat, &error));
    SHOULD(stat.holds == holds);

    ips_store_close(store);
    return 0;
}
