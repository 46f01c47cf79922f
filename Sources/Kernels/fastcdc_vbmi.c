/* The exact gear scan with eight streams in one register, for processors that permute bytes
 * (AVX-512 VBMI). Why strips may be scanned side by side is told in fastcdc_streams.c; here a
 * lane of eight bytes holds the hash of one stream.
 *
 * Looking up 64 gear values at once takes two permutations for each byte of the value, and as
 * no mask reaches above bit 47, the six low bytes are enough: what is above them in a lane is
 * noise that carries never bring down. */
#if defined(__x86_64__)

#include "dispatch.h"

#include <immintrin.h>
#include <string.h>

enum { streams = 8, window_bytes = 48, group_bytes = 64 };

#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512vbmi")))
#define INLINE TARGET static inline __attribute__((always_inline))

/* Constant permutations. */
typedef struct {
    /* Quarters 0 and 2, or 1 and 3, of two operands, the bytes of both lanes of a quarter by turns. */
    __m512i even_quarters, odd_quarters;
    __m512i join[4]; /* lanes of 32 bits from one operand and 16 from the other */
} permutations;

INLINE permutations make_permutations(void) {
    uint8_t even[64], odd[64];
    for (int i = 0; i < 64; i++) {
        /* Byte i % 16 / 2 of lane i % 2 of a quarter: the first two quarters are the first
         * operand's, which are 32 bytes apart. */
        even[i] = (uint8_t)(i / 16 * 32 + i % 2 * 8 + i % 16 / 2);
        odd[i] = (uint8_t)(even[i] + 16);
    }
    permutations constant = {_mm512_loadu_si512(even), _mm512_loadu_si512(odd), {{0}}};
    for (int pattern = 0; pattern < 4; pattern++) {
        uint16_t join[32];
        for (int word = 0; word < 32; word++) {
            int quarter = word / 8 * 8, lane = word % 8 / 4, part = word % 4;
            /* Words 0 and 1 of a lane from a pair of the first operand, word 2 from the second. */
            int of_first = quarter + pattern % 2 * 4 + lane * 2 + part;
            int of_second = 32 + quarter + pattern * 2 + lane;
            join[word] = (uint16_t)(part < 2 ? of_first : of_second);
        }
        constant.join[pattern] = _mm512_loadu_si512(join);
    }
    return constant;
}

/* Gear values of 64 bytes, eight of each of eight streams, as load_group leaves them: value[t]
 * holds that of byte t of every stream. */
INLINE void look_up(__m512i bytes, const permutations *constant, __m512i value[8]) {
    __mmask64 is_high = _mm512_movepi8_mask(bytes);
    __m512i plane[6];
#pragma clang loop unroll(full)
    for (int k = 0; k < 6; k++) {
        const __m512i *table = (const __m512i *)ipk_gear_planes[k];
        __m512i low = _mm512_permutex2var_epi8(table[0], bytes, table[1]);
        __m512i high = _mm512_permutex2var_epi8(table[2], bytes, table[3]);
        plane[k] = _mm512_mask_mov_epi8(low, is_high, high);
    }
#pragma clang loop unroll(full)
    for (int half = 0; half < 2; half++) {
        __m512i low, middle, high;
        if (half == 0) {
            low = _mm512_unpacklo_epi8(plane[0], plane[1]);
            middle = _mm512_unpacklo_epi8(plane[2], plane[3]);
            high = _mm512_unpacklo_epi8(plane[4], plane[5]);
        } else {
            low = _mm512_unpackhi_epi8(plane[0], plane[1]);
            middle = _mm512_unpackhi_epi8(plane[2], plane[3]);
            high = _mm512_unpackhi_epi8(plane[4], plane[5]);
        }
        __m512i first = _mm512_unpacklo_epi16(low, middle), second = _mm512_unpackhi_epi16(low, middle);
        value[4 * half] = _mm512_permutex2var_epi16(first, constant->join[0], high);
        value[4 * half + 1] = _mm512_permutex2var_epi16(first, constant->join[1], high);
        value[4 * half + 2] = _mm512_permutex2var_epi16(second, constant->join[2], high);
        value[4 * half + 3] = _mm512_permutex2var_epi16(second, constant->join[3], high);
    }
}

/* Transposes 64 bytes of each stream: afterwards bytes[b] holds eight of every stream, those from
 * 8 * b on; a quarter holds those of two streams, byte by byte by turns. */
INLINE void load_group(
    const uint8_t *const start[streams], size_t offset, const permutations *constant,
    __m512i bytes[8]) {
    __m512i a[8], b[8];
#pragma clang loop unroll(full)
    for (int i = 0; i < 8; i += 2) {
        __m512i even = _mm512_loadu_si512(start[i] + offset);
        __m512i odd = _mm512_loadu_si512(start[i + 1] + offset);
        a[i] = _mm512_unpacklo_epi64(even, odd);
        a[i + 1] = _mm512_unpackhi_epi64(even, odd);
    }
#pragma clang loop unroll(full)
    for (int i = 0; i < 2; i++) {
        /* Quarter q of a[p + i] is bytes from 16 * q + 8 * i of streams p and p + 1. */
        b[4 * i] = _mm512_shuffle_i64x2(a[i], a[2 + i], 0x44);
        b[4 * i + 1] = _mm512_shuffle_i64x2(a[i], a[2 + i], 0xee);
        b[4 * i + 2] = _mm512_shuffle_i64x2(a[4 + i], a[6 + i], 0x44);
        b[4 * i + 3] = _mm512_shuffle_i64x2(a[4 + i], a[6 + i], 0xee);
        bytes[i] = _mm512_permutex2var_epi8(b[4 * i], constant->even_quarters, b[4 * i + 2]);
        bytes[2 + i] = _mm512_permutex2var_epi8(b[4 * i], constant->odd_quarters, b[4 * i + 2]);
        bytes[4 + i] = _mm512_permutex2var_epi8(b[4 * i + 1], constant->even_quarters, b[4 * i + 3]);
        bytes[6 + i] = _mm512_permutex2var_epi8(b[4 * i + 1], constant->odd_quarters, b[4 * i + 3]);
    }
}

/* Index of the hit that a lane has reported in the group from `group` on. `begin` and `hash`
 * are where the round began and the state there. */
static size_t hit_in_group(
    const uint64_t *gear, const uint8_t *data, size_t begin, uint64_t hash, size_t group,
    uint64_t mask) {
    size_t from = begin;
    if (group - begin >= window_bytes) {
        from = group - window_bytes;
        hash = 0;
    }
    for (; from < group; from++) hash = hash + hash + gear[data[from]];
    return ipk_gear_scan_portable(gear, data, group, group + group_bytes, mask, &hash);
}

TARGET size_t ipk_gear_scan_vbmi(
    const uint64_t *gear, const uint8_t *data, size_t from, size_t to, uint64_t mask,
    uint64_t *hash) {
    /* Only the public table is there by bytes; callers may well hold a copy of it. */
    if (gear != ipk_gear && memcmp(gear, ipk_gear, sizeof ipk_gear) != 0) {
        return ipk_gear_scan_four_streams(gear, data, from, to, mask, hash);
    }
    const permutations constant = make_permutations();
    const __m512i masks = _mm512_set1_epi64((long long)mask);
    const size_t best_strip = (ipk_gear_strip(mask) + group_bytes - 1) / group_bytes * group_bytes;

    /* Each round fetches the next one's bytes; a new chunk begins far from where the last one was read. */
    for (size_t ahead = 0; ahead < streams * best_strip && ahead < to - from; ahead += group_bytes) {
        _mm_prefetch((const char *)data + from + ahead, _MM_HINT_T0);
    }
    uint64_t begin_hash = *hash;
    while (to - from >= streams * group_bytes) {
        size_t strip = (to - from) / streams / group_bytes * group_bytes;
        if (strip > best_strip) strip = best_strip;
        const uint8_t *start[streams];
        for (size_t i = 0; i < streams; i++) start[i] = data + from + i * strip;

        __m512i bytes[8], value[8], h = _mm512_setzero_si512();
        /* The first stream goes on from where it is; it may not look back. */
        const uint8_t *before[streams];
        for (size_t i = 0; i < streams; i++) before[i] = i == 0 ? start[0] : start[i] - group_bytes;
        load_group(before, 0, &constant, bytes);
        for (int b = (group_bytes - window_bytes) / 8; b < 8; b++) {
            look_up(bytes[b], &constant, value);
            for (int t = 0; t < 8; t++) h = _mm512_add_epi64(_mm512_add_epi64(h, h), value[t]);
        }
        h = _mm512_mask_set1_epi64(h, 1, (long long)begin_hash);

        /* Lanes before the first that has a hit, and that hit. */
        unsigned open = 0xff;
        size_t found = to;
        for (size_t offset = 0; offset < strip; offset += group_bytes) {
            load_group(start, offset, &constant, bytes);
            /* Strips are too short for the processor to see where the next round will read. */
            for (size_t i = 0; i < streams; i++) {
                _mm_prefetch((const char *)start[i] + offset + streams * strip, _MM_HINT_T0);
            }
            __mmask8 misses[4] = {0xff, 0xff, 0xff, 0xff};
            for (int b = 0; b < 8; b++) {
                look_up(bytes[b], &constant, value);
#pragma clang loop unroll(full)
                for (int t = 0; t < 8; t++) {
                    h = _mm512_add_epi64(_mm512_add_epi64(h, h), value[t]);
                    misses[t % 4] = _mm512_mask_test_epi64_mask(misses[t % 4], h, masks);
                }
            }
            unsigned hits = open & ~(unsigned)(misses[0] & misses[1] & misses[2] & misses[3]);
            if (hits == 0) continue;
            unsigned lane = (unsigned)__builtin_ctz(hits);
            found = hit_in_group(gear, data, from, begin_hash, from + lane * strip + offset, mask);
            open = (1u << lane) - 1;
            if (open == 0) break;
        }
        if (open != 0xff) return found;
        uint64_t hashes[streams];
        _mm512_storeu_si512(hashes, h);
        begin_hash = hashes[streams - 1];
        from += streams * strip;
    }
    *hash = begin_hash;
    return ipk_gear_scan_four_streams(gear, data, from, to, mask, hash);
}

#endif
