/* What the kernels share among themselves: the table of functions that one kind of processor
 * gets, and the contracts of its entries. Nothing here is public.
 *
 * Every table gives the same results; `ipk_variants` lists those this processor can run, the
 * portable one first and the best one last. */
#ifndef IPLDSTORE_KERNELS_DISPATCH_H
#define IPLDSTORE_KERNELS_DISPATCH_H

#include "kernels.h"

#define IPK_BLAKE3_MAX_LANES 16

/* Equally shaped BLAKE3 inputs that are hashed side by side. */
typedef struct {
    const uint8_t *lane[IPK_BLAKE3_MAX_LANES]; /* `blocks` * 64 readable bytes each; all set */
    size_t count; /* lanes in use, 1 ... the lanes of the function */
    size_t blocks; /* 64-byte blocks a lane */
    uint64_t counter; /* of lane 0; `counter_step` more for each further lane */
    uint64_t counter_step; /* 1 for chunks, 0 for parents */
    uint32_t flags; /* of every block */
    uint32_t flags_first; /* also of the first */
    uint32_t flags_last; /* also of the last */
    size_t tail_blocks; /* the last lane in use ends after so many blocks, 1 ... blocks, */
    uint32_t tail_bytes; /* the last of which has so many bytes, 0 ... 64, zeros behind them */
    uint8_t *digests; /* count * 32 bytes; may overlap the lanes */
} ipk_blake3_batch;

typedef struct {
    const char *name;
    /* Hashes a batch of at most `blake3_lanes` lanes. The narrow form is the cheaper one for
     * batches that fit it. */
    void (*blake3_batch)(const ipk_blake3_batch *batch);
    size_t blake3_lanes;
    void (*blake3_narrow_batch)(const ipk_blake3_batch *batch);
    size_t blake3_narrow_lanes;
    /* Advances a SHA-256 state over `count` 64-byte blocks. */
    void (*sha256_blocks)(uint32_t state[8], const uint8_t *data, size_t count);
    uint32_t (*crc32c)(uint32_t crc, const uint8_t *data, size_t length);
    /* Scans data[from, to) with `mask`, where *hash is the state before data[from]. Returns the
     * first index whose hash has no bit of the mask, or `to`, with *hash the state there. Forms
     * other than the portable one keep the low 48 bits of the hash, and want masks within them. */
    size_t (*gear_scan)(
        const uint64_t *gear, const uint8_t *data, size_t from, size_t to, uint64_t mask,
        uint64_t *hash);
} ipk_kernels;

/* The best table for this processor. */
const ipk_kernels *ipk_chosen(void);

/* Table number `variant`, or the chosen one when there is none of that number. */
const ipk_kernels *ipk_variant(size_t variant);

/* The bodies that the public functions and the tests share. */
void ipk_blake3_with(const ipk_kernels *kernels, const void *data, size_t length, uint8_t digest[32]);
void ipk_sha256_with(const ipk_kernels *kernels, const void *data, size_t length, uint8_t digest[32]);
size_t ipk_fastcdc_cut_with(
    const ipk_kernels *kernels, const ipk_fastcdc *profile, const uint8_t *data, size_t length);

extern const uint32_t ipk_crc32c_table[8][256];
extern const uint32_t ipk_sha256_constants[64]; /* one a round; at a multiple of 16 */

/* Portable entries. */
void ipk_blake3_batch_portable(const ipk_blake3_batch *batch);
void ipk_sha256_blocks_portable(uint32_t state[8], const uint8_t *data, size_t count);
uint32_t ipk_crc32c_portable(uint32_t crc, const uint8_t *data, size_t length);
size_t ipk_gear_scan_portable(
    const uint64_t *gear, const uint8_t *data, size_t from, size_t to, uint64_t mask,
    uint64_t *hash);
/* Plain C as well. */
size_t ipk_gear_scan_four_streams(
    const uint64_t *gear, const uint8_t *data, size_t from, size_t to, uint64_t mask,
    uint64_t *hash);

/* Bytes of a strip for the scans that run several streams over neighbouring strips: longer ones
 * lose more where a hit is found, shorter ones more where they begin. A hit is found every
 * 2 ^ (one-bits of the mask) bytes; the best length grows as the root of that. */
static inline size_t ipk_gear_strip(uint64_t mask) {
    return (size_t)3 << __builtin_popcountll(mask) / 2;
}

extern const uint8_t ipk_gear_planes[6][256];

/* One BLAKE3 compression: replaces `chaining` by the next chaining value. */
void ipk_blake3_compress(
    uint32_t chaining[8], const uint8_t block[64], uint32_t block_bytes, uint64_t counter,
    uint32_t flags);

#if defined(__x86_64__)
void ipk_blake3_batch_sse4(const ipk_blake3_batch *batch);
void ipk_blake3_batch_avx2(const ipk_blake3_batch *batch);
void ipk_blake3_batch_avx512(const ipk_blake3_batch *batch);
void ipk_blake3_narrow_batch_avx512(const ipk_blake3_batch *batch);
void ipk_sha256_blocks_sha(uint32_t state[8], const uint8_t *data, size_t count);
uint32_t ipk_crc32c_sse4(uint32_t crc, const uint8_t *data, size_t length);
size_t ipk_gear_scan_vbmi(
    const uint64_t *gear, const uint8_t *data, size_t from, size_t to, uint64_t mask,
    uint64_t *hash);
#elif defined(__aarch64__)
void ipk_blake3_batch_neon(const ipk_blake3_batch *batch);
#endif

static inline uint32_t ipk_load32_le(const uint8_t *bytes) {
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16
        | (uint32_t)bytes[3] << 24;
}

static inline void ipk_store32_le(uint8_t *bytes, uint32_t word) {
    bytes[0] = (uint8_t)word;
    bytes[1] = (uint8_t)(word >> 8);
    bytes[2] = (uint8_t)(word >> 16);
    bytes[3] = (uint8_t)(word >> 24);
}

static inline uint32_t ipk_rotate_right32(uint32_t word, unsigned bits) {
    return word >> bits | word << (32 - bits);
}

#endif
