/* BLAKE3-256: the tree over 1024-byte chunks, hashed in batches as wide as the processor's
 * registers.
 *
 * The tree of the specification, whose left subtrees are the largest complete ones, is the
 * tree that pairing neighbours level by level gives when an odd last node moves up unchanged.
 * So a group of chunks is hashed level by level, each level in full batches; groups are
 * complete subtrees of 256 chunks (but for the last), joined on a stack as they come. */
#include "dispatch.h"

#include <string.h>

enum { block_bytes = 64, chunk_bytes = 1024, chunk_blocks = 16, group_chunks = 256, digest_bytes = 32 };
/* A lane is loaded in vectors as wide as all lanes' words. Chaining values were stored a moment ago, each by
 * a store of its own; a load that spans two of them waits until both are in the cache, which cost a third of
 * the speed at 64 KiB. So parents are hashed in batches whose loads are no wider than a chaining value. */
enum { parent_lanes = digest_bytes / 4 };
enum { chunk_start = 1, chunk_end = 2, parent = 4, root = 8 };

static const uint32_t initial[8] = {
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
};

static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

static void run_batch(const ipk_kernels *kernels, const ipk_blake3_batch *batch) {
    if (batch->count <= kernels->blake3_narrow_lanes) {
        kernels->blake3_narrow_batch(batch);
    } else {
        kernels->blake3_batch(batch);
    }
}

/* Chaining values of the chunks of data[0, length), 1 ... group_chunks of them, the first of
 * which has number `counter`. Returns how many. */
static size_t hash_chunks(
    const ipk_kernels *kernels, const uint8_t *data, size_t length, uint64_t counter,
    uint8_t *values) {
    size_t count = (length + chunk_bytes - 1) / chunk_bytes;
    uint8_t padded[chunk_bytes];
    for (size_t first = 0; first < count;) {
        ipk_blake3_batch batch;
        batch.count = smaller(count - first, kernels->blake3_lanes);
        batch.blocks = batch.tail_blocks = chunk_blocks;
        batch.tail_bytes = block_bytes;
        batch.counter = counter + first;
        batch.counter_step = 1;
        batch.flags = 0;
        batch.flags_first = chunk_start;
        batch.flags_last = chunk_end;
        batch.digests = values + first * digest_bytes;
        /* Lanes not in use read what lane 0 reads. */
        for (size_t i = 0; i < IPK_BLAKE3_MAX_LANES; i++) {
            batch.lane[i] = data + (first + (i < batch.count ? i : 0)) * chunk_bytes;
        }
        first += batch.count;
        size_t tail = length - (count - 1) * chunk_bytes;
        if (first == count && tail < chunk_bytes) {
            memcpy(padded, data + (count - 1) * chunk_bytes, tail);
            memset(padded + tail, 0, chunk_bytes - tail);
            batch.lane[batch.count - 1] = padded;
            if (batch.count == 1) {
                for (size_t i = 0; i < IPK_BLAKE3_MAX_LANES; i++) batch.lane[i] = padded;
            }
            batch.tail_blocks = (tail + block_bytes - 1) / block_bytes;
            batch.tail_bytes = (uint32_t)(tail - (batch.tail_blocks - 1) * block_bytes);
        }
        run_batch(kernels, &batch);
    }
    return count;
}

/* Replaces `count` chaining values by those of their parents, in place, an odd last one moving
 * up unchanged. Returns how many there are now. */
static size_t hash_parents(const ipk_kernels *kernels, uint8_t *values, size_t count) {
    size_t pairs = count / 2;
    for (size_t first = 0; first < pairs;) {
        ipk_blake3_batch batch;
        batch.count = smaller(pairs - first, smaller(kernels->blake3_lanes, parent_lanes));
        batch.blocks = batch.tail_blocks = 1;
        batch.tail_bytes = block_bytes;
        batch.counter = batch.counter_step = 0;
        batch.flags = parent;
        batch.flags_first = batch.flags_last = 0;
        batch.digests = values + first * digest_bytes;
        for (size_t i = 0; i < IPK_BLAKE3_MAX_LANES; i++) {
            batch.lane[i] = values + (first + (i < batch.count ? i : 0)) * block_bytes;
        }
        first += batch.count;
        run_batch(kernels, &batch);
    }
    if (count % 2 == 1) {
        memmove(values + pairs * digest_bytes, values + (count - 1) * digest_bytes, digest_bytes);
    }
    return pairs + count % 2;
}

static void hash_pair(const uint8_t pair[block_bytes], uint32_t flags, uint8_t value[digest_bytes]) {
    uint32_t chaining[8];
    memcpy(chaining, initial, sizeof chaining);
    ipk_blake3_compress(chaining, pair, block_bytes, 0, parent | flags);
    for (int i = 0; i < 8; i++) ipk_store32_le(value + 4 * i, chaining[i]);
}

static void hash_only_chunk(const uint8_t *data, size_t length, uint8_t digest[digest_bytes]) {
    uint32_t chaining[8];
    memcpy(chaining, initial, sizeof chaining);
    uint32_t flags = chunk_start;
    for (; length > block_bytes; length -= block_bytes, data += block_bytes) {
        ipk_blake3_compress(chaining, data, block_bytes, 0, flags);
        flags = 0;
    }
    uint8_t last[block_bytes] = {0};
    if (length > 0) memcpy(last, data, length);
    ipk_blake3_compress(chaining, last, (uint32_t)length, 0, flags | chunk_end | root);
    for (int i = 0; i < 8; i++) ipk_store32_le(digest + 4 * i, chaining[i]);
}

void ipk_blake3_with(const ipk_kernels *kernels, const void *data, size_t length, uint8_t digest[32]) {
    const uint8_t *bytes = data;
    if (length <= chunk_bytes) {
        hash_only_chunk(bytes, length, digest);
        return;
    }
    uint8_t values[group_chunks * digest_bytes];
    /* Complete subtrees to the left of what is being hashed, the largest first: their sizes are
     * the one-bits of the number of groups, of which 64-bit lengths have at most 46. */
    uint8_t stack[48 * digest_bytes + digest_bytes];
    size_t depth = 0;
    uint64_t group = 0;
    const size_t group_bytes = (size_t)group_chunks * chunk_bytes;

    for (; length > group_bytes; length -= group_bytes, bytes += group_bytes) {
        size_t count = hash_chunks(kernels, bytes, group_bytes, group * group_chunks, values);
        while (count > 1) count = hash_parents(kernels, values, count);
        memcpy(stack + depth * digest_bytes, values, digest_bytes);
        depth++;
        group++;
        for (uint64_t groups = group; groups % 2 == 0; groups /= 2) {
            depth--;
            uint8_t *left = stack + (depth - 1) * digest_bytes;
            hash_pair(left, 0, left);
        }
    }

    size_t count = hash_chunks(kernels, bytes, length, group * group_chunks, values);
    size_t enough = depth == 0 ? 2 : 1;
    while (count > enough) count = hash_parents(kernels, values, count);
    if (depth == 0) {
        hash_pair(values, root, digest);
        return;
    }
    memcpy(stack + depth * digest_bytes, values, digest_bytes);
    for (; depth > 1; depth--) {
        uint8_t *left = stack + (depth - 1) * digest_bytes;
        hash_pair(left, 0, left);
    }
    hash_pair(stack, root, digest);
}
