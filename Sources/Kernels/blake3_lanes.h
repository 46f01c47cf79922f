/* The body of one wide BLAKE3 variant, written once over vector types: every vector holds one
 * word of LANES independent inputs. A file that includes this defines
 *   LANES         4, 8 or 16
 *   NAME          the function to define, an `ipk_blake3_batch` entry (dispatch.h)
 *   TARGET        its attributes: what the processor must offer
 *   ROTATE_BYTES  1 where rotating by 16 and 8 bits is best a shuffle of bytes, 0 where the
 *                 processor rotates
 * and may include it several times with different names. Needs a little-endian processor. */

#include "dispatch.h"

#include <string.h>

#define JOIN_(a, b) a##_##b
#define JOIN(a, b) JOIN_(a, b)
#define LOCAL(name) JOIN(NAME, name)
#define INLINE TARGET static inline __attribute__((always_inline))

typedef uint32_t LOCAL(words) __attribute__((vector_size(LANES * 4)));
typedef uint64_t LOCAL(longs) __attribute__((vector_size(LANES * 4)));
typedef uint8_t LOCAL(bytes) __attribute__((vector_size(LANES * 4)));
#define WORDS LOCAL(words)
#define LONGS LOCAL(longs)
#define BYTES LOCAL(bytes)

INLINE WORDS LOCAL(rotate)(WORDS x, int bits) { return x >> bits | x << (32 - bits); }

/* Rotates right by 16 and by 8 bits: byte j of a word comes from byte (j + by) % 4. */
#if ROTATE_BYTES
#define FROM(i, by) i + by, i + (1 + by) % 4, i + (2 + by) % 4, i + (3 + by) % 4
#define FROM_16_BYTES(i, by) FROM(i, by), FROM(i + 4, by), FROM(i + 8, by), FROM(i + 12, by)
#if LANES == 4
#define ROTATED(x, by) (WORDS)__builtin_shufflevector((BYTES)(x), (BYTES)(x), FROM_16_BYTES(0, by))
#else
#define ROTATED(x, by) \
    (WORDS)__builtin_shufflevector( \
        (BYTES)(x), (BYTES)(x), FROM_16_BYTES(0, by), FROM_16_BYTES(16, by))
#endif
#else
#define ROTATED(x, by) LOCAL(rotate)(x, by * 8)
#endif
INLINE WORDS LOCAL(rotate_16)(WORDS x) { return ROTATED(x, 2); }
INLINE WORDS LOCAL(rotate_8)(WORDS x) { return ROTATED(x, 1); }
INLINE WORDS LOCAL(rotate_12)(WORDS x) { return LOCAL(rotate)(x, 12); }
INLINE WORDS LOCAL(rotate_7)(WORDS x) { return LOCAL(rotate)(x, 7); }

/* Unpacking within each 16 bytes, which every processor does at once, and joining of 16-byte
 * quarters across. */
#if LANES == 4
#define LOW_32(a, b) __builtin_shufflevector(a, b, 0, 4, 1, 5)
#define HIGH_32(a, b) __builtin_shufflevector(a, b, 2, 6, 3, 7)
#define LOW_64(a, b) (WORDS)__builtin_shufflevector((LONGS)(a), (LONGS)(b), 0, 2)
#define HIGH_64(a, b) (WORDS)__builtin_shufflevector((LONGS)(a), (LONGS)(b), 1, 3)
#elif LANES == 8
#define LOW_32(a, b) __builtin_shufflevector(a, b, 0, 8, 1, 9, 4, 12, 5, 13)
#define HIGH_32(a, b) __builtin_shufflevector(a, b, 2, 10, 3, 11, 6, 14, 7, 15)
#define LOW_64(a, b) (WORDS)__builtin_shufflevector((LONGS)(a), (LONGS)(b), 0, 4, 2, 6)
#define HIGH_64(a, b) (WORDS)__builtin_shufflevector((LONGS)(a), (LONGS)(b), 1, 5, 3, 7)
#define LOW_128(a, b) (WORDS)__builtin_shufflevector((LONGS)(a), (LONGS)(b), 0, 1, 4, 5)
#define HIGH_128(a, b) (WORDS)__builtin_shufflevector((LONGS)(a), (LONGS)(b), 2, 3, 6, 7)
#else
#define LOW_32(a, b) \
    __builtin_shufflevector(a, b, 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29)
#define HIGH_32(a, b) \
    __builtin_shufflevector(a, b, 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31)
#define LOW_64(a, b) \
    (WORDS)__builtin_shufflevector((LONGS)(a), (LONGS)(b), 0, 8, 2, 10, 4, 12, 6, 14)
#define HIGH_64(a, b) \
    (WORDS)__builtin_shufflevector((LONGS)(a), (LONGS)(b), 1, 9, 3, 11, 5, 13, 7, 15)
/* Quarters 0 and 2 of both, quarters 1 and 3 of both. */
#define EVEN_128(a, b) \
    (WORDS)__builtin_shufflevector((LONGS)(a), (LONGS)(b), 0, 1, 4, 5, 8, 9, 12, 13)
#define ODD_128(a, b) \
    (WORDS)__builtin_shufflevector((LONGS)(a), (LONGS)(b), 2, 3, 6, 7, 10, 11, 14, 15)
#endif

/* Transposes a square of LANES vectors: afterwards word i of vector j is what word j of
 * vector i was. */
INLINE void LOCAL(transpose)(WORDS v[LANES]) {
    WORDS t[LANES];
#pragma clang loop unroll(full)
    for (int i = 0; i < LANES; i += 4) {
        WORDS a = LOW_32(v[i], v[i + 1]), b = HIGH_32(v[i], v[i + 1]);
        WORDS c = LOW_32(v[i + 2], v[i + 3]), d = HIGH_32(v[i + 2], v[i + 3]);
        t[i] = LOW_64(a, c), t[i + 1] = HIGH_64(a, c);
        t[i + 2] = LOW_64(b, d), t[i + 3] = HIGH_64(b, d);
    }
    /* Now quarter q of t[4 * g + c] is word 4 * q + c of vectors 4 * g to 4 * g + 3. */
#if LANES == 4
    for (int i = 0; i < 4; i++) v[i] = t[i];
#elif LANES == 8
    for (int c = 0; c < 4; c++) {
        v[c] = LOW_128(t[c], t[4 + c]);
        v[4 + c] = HIGH_128(t[c], t[4 + c]);
    }
#else
    for (int c = 0; c < 4; c++) {
        WORDS even_low = EVEN_128(t[c], t[4 + c]), odd_low = ODD_128(t[c], t[4 + c]);
        WORDS even_high = EVEN_128(t[8 + c], t[12 + c]), odd_high = ODD_128(t[8 + c], t[12 + c]);
        v[c] = EVEN_128(even_low, even_high);
        v[4 + c] = EVEN_128(odd_low, odd_high);
        v[8 + c] = ODD_128(even_low, even_high);
        v[12 + c] = ODD_128(odd_low, odd_high);
    }
#endif
}

/* Word i of every lane's block, as m[i]. */
INLINE void LOCAL(load)(const uint8_t *const lane[LANES], size_t offset, WORDS m[16]) {
#pragma clang loop unroll(full)
    for (int part = 0; part < 16; part += LANES) {
#pragma clang loop unroll(full)
        for (int i = 0; i < LANES; i++) memcpy(&m[part + i], lane[i] + offset + part * 4, LANES * 4);
        LOCAL(transpose)(m + part);
    }
}

/* The same step of four independent mixings, side by side. */
#define ADD_MESSAGE(b, i0, i1, i2, i3) \
    v[0] += m[i0], v[1] += m[i1], v[2] += m[i2], v[3] += m[i3], \
    v[0] += v[b(0)], v[1] += v[b(1)], v[2] += v[b(2)], v[3] += v[b(3)]
#define MIX(to, from, rotate) \
    v[to(0)] = rotate(v[to(0)] ^ v[from(0)]), v[to(1)] = rotate(v[to(1)] ^ v[from(1)]), \
    v[to(2)] = rotate(v[to(2)] ^ v[from(2)]), v[to(3)] = rotate(v[to(3)] ^ v[from(3)])
#define ADD(to, from) \
    v[to(0)] += v[from(0)], v[to(1)] += v[from(1)], v[to(2)] += v[from(2)], v[to(3)] += v[from(3)]

/* Which word of each row takes part: columns first, then diagonals. */
#define A(i) i
#define B(i) 4 + i
#define C(i) 8 + i
#define D(i) 12 + i
#define B_DIAGONAL(i) 4 + (i + 1) % 4
#define C_DIAGONAL(i) 8 + (i + 2) % 4
#define D_DIAGONAL(i) 12 + (i + 3) % 4

#define HALF_ROUND(b, c, d, x0, y0, x1, y1, x2, y2, x3, y3) \
    ADD_MESSAGE(b, x0, x1, x2, x3); \
    MIX(d, A, LOCAL(rotate_16)); \
    ADD(c, d); \
    MIX(b, c, LOCAL(rotate_12)); \
    ADD_MESSAGE(b, y0, y1, y2, y3); \
    MIX(d, A, LOCAL(rotate_8)); \
    ADD(c, d); \
    MIX(b, c, LOCAL(rotate_7))

#define ROUND(i0, i1, i2, i3, i4, i5, i6, i7, i8, i9, i10, i11, i12, i13, i14, i15) \
    HALF_ROUND(B, C, D, i0, i1, i2, i3, i4, i5, i6, i7); \
    HALF_ROUND(B_DIAGONAL, C_DIAGONAL, D_DIAGONAL, i8, i9, i10, i11, i12, i13, i14, i15)

/* Writes the chaining values of the first `count` lanes, 32 bytes each. */
INLINE void LOCAL(store)(const WORDS chaining[8], size_t count, uint8_t *digests) {
#if LANES == 4
    WORDS low[4], high[4];
    for (int i = 0; i < 4; i++) low[i] = chaining[i], high[i] = chaining[4 + i];
    LOCAL(transpose)(low);
    LOCAL(transpose)(high);
    for (size_t i = 0; i < 4 && i < count; i++) {
        memcpy(digests + 32 * i, &low[i], 16);
        memcpy(digests + 32 * i + 16, &high[i], 16);
    }
#else
    WORDS rows[LANES];
    for (int i = 0; i < LANES; i++) rows[i] = chaining[i % 8];
    LOCAL(transpose)(rows);
    for (size_t i = 0; i < LANES && i < count; i++) memcpy(digests + 32 * i, &rows[i], 32);
#endif
}

TARGET void NAME(const ipk_blake3_batch *batch) {
    WORDS zero = {0}, lanes, chaining[8], ended[8] = {{0}};
    for (int i = 0; i < LANES; i++) lanes[i] = (uint32_t)i * (uint32_t)batch->counter_step;
    WORDS counter_low = zero + (uint32_t)batch->counter + lanes;
    /* A comparison that holds is all ones, or minus one: the carry. */
    WORDS counter_high = zero + (uint32_t)(batch->counter >> 32) - (WORDS)(counter_low < lanes);
    const uint32_t initial[8] = {
        0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
    };
    for (int i = 0; i < 8; i++) chaining[i] = zero + initial[i];
    int is_ragged = batch->tail_blocks < batch->blocks || batch->tail_bytes < 64;

    for (size_t block = 0; block < batch->blocks; block++) {
        uint32_t flags = batch->flags;
        if (block == 0) flags |= batch->flags_first;
        if (block + 1 == batch->blocks) flags |= batch->flags_last;
        WORDS m[16], v[16];
        v[14] = zero + 64;
        v[15] = zero + flags;
        int ends_tail = is_ragged && block + 1 == batch->tail_blocks;
        if (ends_tail) {
            uint32_t tail_flags = flags | batch->flags_last;
            memcpy((uint8_t *)&v[14] + 4 * (batch->count - 1), &batch->tail_bytes, 4);
            memcpy((uint8_t *)&v[15] + 4 * (batch->count - 1), &tail_flags, 4);
        }
        LOCAL(load)(batch->lane, 64 * block, m);
        for (int i = 0; i < 8; i++) v[i] = chaining[i];
        for (int i = 0; i < 4; i++) v[8 + i] = zero + initial[i];
        v[12] = counter_low;
        v[13] = counter_high;
        ROUND(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
        ROUND(2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8);
        ROUND(3, 4, 10, 12, 13, 2, 7, 14, 6, 5, 9, 0, 11, 15, 8, 1);
        ROUND(10, 7, 12, 9, 14, 3, 13, 15, 4, 0, 11, 2, 5, 8, 1, 6);
        ROUND(12, 13, 9, 11, 15, 10, 14, 8, 7, 2, 5, 3, 0, 1, 6, 4);
        ROUND(9, 14, 11, 5, 8, 12, 15, 1, 13, 3, 0, 10, 2, 6, 4, 7);
        ROUND(11, 15, 5, 0, 1, 9, 8, 6, 14, 10, 2, 12, 3, 4, 7, 13);
        for (int i = 0; i < 8; i++) chaining[i] = v[i] ^ v[8 + i];
        if (ends_tail) {
            for (int i = 0; i < 8; i++) ended[i] = chaining[i];
        }
    }
    LOCAL(store)(chaining, batch->count, batch->digests);
    if (is_ragged) {
        uint8_t *digest = batch->digests + 32 * (batch->count - 1);
        for (int i = 0; i < 8; i++) {
            memcpy(digest + 4 * i, (const uint8_t *)&ended[i] + 4 * (batch->count - 1), 4);
        }
    }
}

#undef A
#undef ADD
#undef ADD_MESSAGE
#undef B
#undef BYTES
#undef B_DIAGONAL
#undef C
#undef C_DIAGONAL
#undef D
#undef D_DIAGONAL
#undef EVEN_128
#undef FROM
#undef FROM_16_BYTES
#undef HALF_ROUND
#undef HIGH_128
#undef HIGH_32
#undef HIGH_64
#undef INLINE
#undef JOIN
#undef JOIN_
#undef LOCAL
#undef LONGS
#undef LOW_128
#undef LOW_32
#undef LOW_64
#undef MIX
#undef ODD_128
#undef ROTATED
#undef ROUND
#undef WORDS
#undef LANES
#undef NAME
#undef TARGET
#undef ROTATE_BYTES
