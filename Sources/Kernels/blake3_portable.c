/* The BLAKE3 compression function (BLAKE3 specification, section 2.2), one block at a time. */
#include "dispatch.h"

#include <string.h>

#define ROTATE ipk_rotate_right32

#define G(a, b, c, d, x, y) \
    do { \
        a += b + (x); \
        d = ROTATE(d ^ a, 16); \
        c += d; \
        b = ROTATE(b ^ c, 12); \
        a += b + (y); \
        d = ROTATE(d ^ a, 8); \
        c += d; \
        b = ROTATE(b ^ c, 7); \
    } while (0)

/* One round, with the message words in the order that the permutation gives them there. */
#define ROUND(i0, i1, i2, i3, i4, i5, i6, i7, i8, i9, i10, i11, i12, i13, i14, i15) \
    do { \
        G(v0, v4, v8, v12, m[i0], m[i1]); \
        G(v1, v5, v9, v13, m[i2], m[i3]); \
        G(v2, v6, v10, v14, m[i4], m[i5]); \
        G(v3, v7, v11, v15, m[i6], m[i7]); \
        G(v0, v5, v10, v15, m[i8], m[i9]); \
        G(v1, v6, v11, v12, m[i10], m[i11]); \
        G(v2, v7, v8, v13, m[i12], m[i13]); \
        G(v3, v4, v9, v14, m[i14], m[i15]); \
    } while (0)

void ipk_blake3_compress(
    uint32_t chaining[8], const uint8_t block[64], uint32_t block_bytes, uint64_t counter,
    uint32_t flags) {
    uint32_t m[16];
    for (int i = 0; i < 16; i++) m[i] = ipk_load32_le(block + 4 * i);
    uint32_t v0 = chaining[0], v1 = chaining[1], v2 = chaining[2], v3 = chaining[3];
    uint32_t v4 = chaining[4], v5 = chaining[5], v6 = chaining[6], v7 = chaining[7];
    uint32_t v8 = 0x6a09e667, v9 = 0xbb67ae85, v10 = 0x3c6ef372, v11 = 0xa54ff53a;
    uint32_t v12 = (uint32_t)counter, v13 = (uint32_t)(counter >> 32), v14 = block_bytes, v15 = flags;
    ROUND(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    ROUND(2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8);
    ROUND(3, 4, 10, 12, 13, 2, 7, 14, 6, 5, 9, 0, 11, 15, 8, 1);
    ROUND(10, 7, 12, 9, 14, 3, 13, 15, 4, 0, 11, 2, 5, 8, 1, 6);
    ROUND(12, 13, 9, 11, 15, 10, 14, 8, 7, 2, 5, 3, 0, 1, 6, 4);
    ROUND(9, 14, 11, 5, 8, 12, 15, 1, 13, 3, 0, 10, 2, 6, 4, 7);
    ROUND(11, 15, 5, 0, 1, 9, 8, 6, 14, 10, 2, 12, 3, 4, 7, 13);
    chaining[0] = v0 ^ v8, chaining[1] = v1 ^ v9, chaining[2] = v2 ^ v10, chaining[3] = v3 ^ v11;
    chaining[4] = v4 ^ v12, chaining[5] = v5 ^ v13, chaining[6] = v6 ^ v14, chaining[7] = v7 ^ v15;
}

void ipk_blake3_batch_portable(const ipk_blake3_batch *batch) {
    static const uint32_t initial[8] = {
        0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
    };
    for (size_t lane = 0; lane < batch->count; lane++) {
        int is_tail = lane + 1 == batch->count;
        size_t blocks = is_tail ? batch->tail_blocks : batch->blocks;
        uint64_t counter = batch->counter + batch->counter_step * lane;
        uint32_t chaining[8];
        memcpy(chaining, initial, sizeof chaining);
        for (size_t i = 0; i < blocks; i++) {
            int is_last = i + 1 == blocks;
            uint32_t flags = batch->flags;
            if (i == 0) flags |= batch->flags_first;
            if (is_last) flags |= batch->flags_last;
            uint32_t bytes = is_tail && is_last ? batch->tail_bytes : 64;
            ipk_blake3_compress(chaining, batch->lane[lane] + 64 * i, bytes, counter, flags);
        }
        for (int i = 0; i < 8; i++) ipk_store32_le(batch->digests + 32 * lane + 4 * i, chaining[i]);
    }
}
