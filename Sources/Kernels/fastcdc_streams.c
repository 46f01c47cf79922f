/* The exact gear scan at more than the speed of the byte loop, in plain C.
 *
 * The byte loop waits for its own last step. Four streams over four neighbouring strips do
 * not wait for each other. Bit k of the hash depends on the last k + 1 bytes only, so with no
 * mask bit above 47 a stream that starts from zero 48 bytes before its strip tests exactly as
 * the loop that came all the way does. A hit in a strip stands only when no earlier strip has
 * one; the streams of the later strips end there and then. */
#include "dispatch.h"

/* Bytes that decide a test: one more than the highest mask bit. Bytes a stream advances by
 * between two looks at its position. */
enum { window_bytes = 48, step_bytes = 8, least_strip_bytes = 64 };

/* Adding twice, not h * 2 + g: the scaled address computation that compilers make of that
 * takes two cycles of the only dependency there is. */
#define STEP(h, byte) ((h) = (h) + (h) + gear[byte])

/* The first hit in `strips` neighbouring strips of `strip` bytes from `first`, whose streams
 * have come to offset `at`; `none` when there is none. */
static size_t first_hit(
    const uint64_t *gear, const uint8_t *first, size_t strip, size_t at, uint64_t mask,
    size_t strips, const uint64_t hashes[4], size_t none) {
    for (size_t i = 0; i < strips; i++) {
        uint64_t hash = hashes[i];
        size_t hit = ipk_gear_scan_portable(gear, first + i * strip, at, strip, mask, &hash);
        if (hit < strip) return i * strip + hit;
    }
    return none;
}

size_t ipk_gear_scan_four_streams(
    const uint64_t *gear, const uint8_t *data, size_t from, size_t to, uint64_t mask,
    uint64_t *hash) {
    uint64_t h0 = *hash;
    while (to - from >= 4 * least_strip_bytes) {
        size_t strip = ipk_gear_strip(mask);
        if (strip < least_strip_bytes) strip = least_strip_bytes;
        if (strip > (to - from) / 4) strip = (to - from) / 4;
        strip -= strip % step_bytes;
        const uint8_t *s0 = data + from, *s1 = s0 + strip, *s2 = s1 + strip, *s3 = s2 + strip;
        uint64_t h1 = 0, h2 = 0, h3 = 0;
        for (ptrdiff_t i = -window_bytes; i < 0; i++) {
            STEP(h1, s1[i]);
            STEP(h2, s2[i]);
            STEP(h3, s3[i]);
        }
        const uint8_t *next_round = s0 + 4 * strip;
        for (size_t i = 0; i < strip; i += step_bytes) {
            /* Strips are too short for the processor to see where the next round will read. */
            __builtin_prefetch(next_round + 4 * i);
#pragma clang loop unroll(full)
            for (size_t k = 0; k < step_bytes; k++) {
                size_t hit = 0;
                STEP(h0, s0[k]);
                if ((h0 & mask) == 0) return from + i + k;
                STEP(h1, s1[k]);
                STEP(h2, s2[k]);
                STEP(h3, s3[k]);
                if ((h1 & mask) == 0) hit = 1;
                else if ((h2 & mask) == 0) hit = 2;
                else if ((h3 & mask) == 0) hit = 3;
                if (hit == 0) continue;
                const uint64_t hashes[4] = {h0, h1, h2, h3};
                size_t at = i + k + 1, none = hit * strip + i + k;
                return from + first_hit(gear, data + from, strip, at, mask, hit, hashes, none);
            }
            s0 += step_bytes, s1 += step_bytes, s2 += step_bytes, s3 += step_bytes;
        }
        h0 = h3;
        from += 4 * strip;
    }
    *hash = h0;
    return ipk_gear_scan_portable(gear, data, from, to, mask, hash);
}
