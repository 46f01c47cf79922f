/* The byte loops that decide the speed of a store: BLAKE3, SHA-256, CRC-32C and the
 * FastCDC gear scan. Every function has one portable body; faster variants are chosen
 * once, at run time, from what the processor offers, and give the same results.
 *
 * All functions are pure and may be called from any number of threads. */
#ifndef IPLDSTORE_KERNELS_H
#define IPLDSTORE_KERNELS_H

#include <stddef.h>
#include <stdint.h>

/* BLAKE3-256 of `length` bytes. */
void ipk_blake3(const void *data, size_t length, uint8_t digest[32]);

/* SHA-256 of `length` bytes. */
void ipk_sha256(const void *data, size_t length, uint8_t digest[32]);

/* CRC-32C (Castagnoli) of `length` bytes, continuing from `crc` (0 to begin). */
uint32_t ipk_crc32c(uint32_t crc, const void *data, size_t length);

/* The bounds and masks of one FastCDC-2020 profile; see ipk_fastcdc_cut. */
typedef struct {
    uint64_t min_size; /* bytes, at least 64 */
    uint64_t avg_size; /* bytes */
    uint64_t max_size; /* bytes */
    uint64_t mask_small; /* tested before the centre: the harder mask */
    uint64_t mask_large; /* tested after it: the easier mask */
    const uint64_t *gear; /* 256 entries */
} ipk_fastcdc;

/* The public gear table: entry i is the first 8 bytes, big-endian, of MD5 of 64 bytes
 * that are all i. */
extern const uint64_t ipk_gear[256];

/* The public masks by number of one-bits, 0 to 25. */
extern const uint64_t ipk_fastcdc_masks[26];

/* Length of the first FastCDC-2020 chunk of `data`, which is the rest of the input or
 * at least max_size bytes of it. Exactly the cut points of the public implementations.
 * Returns `length` when length <= min_size. */
size_t ipk_fastcdc_cut(const ipk_fastcdc *profile, const uint8_t *data, size_t length);

/* The variants of the kernels that this processor can run, the portable one (0) first and the
 * one that the functions above use last: for tests that hold them against each other, and for
 * measuring. A number out of range means the last. */
size_t ipk_variant_count(void);
const char *ipk_variant_name(size_t variant);
void ipk_variant_blake3(size_t variant, const void *data, size_t length, uint8_t digest[32]);
void ipk_variant_sha256(size_t variant, const void *data, size_t length, uint8_t digest[32]);
uint32_t ipk_variant_crc32c(size_t variant, uint32_t crc, const void *data, size_t length);
size_t ipk_variant_fastcdc_cut(
    size_t variant, const ipk_fastcdc *profile, const uint8_t *data, size_t length);

#endif
