/* Which variant of each kernel this processor gets. The choice is made once, by the first
 * caller, and kept in one atomic word: racing callers compute the same answer. */
#include "dispatch.h"

#include <stdatomic.h>

#define PORTABLE \
    "portable", ipk_blake3_batch_portable, 1, ipk_blake3_batch_portable, 1, \
        ipk_sha256_blocks_portable, ipk_crc32c_portable, ipk_gear_scan_portable

#if defined(__x86_64__)

#include <cpuid.h>

/* Sets of processor features, as bits. The SHA extensions came to some processors before the
 * wide vectors and to others long after, so every width exists with and without them. */
enum { has_sse4 = 1, has_avx2 = 2, has_avx512 = 4, has_sha = 8, has_vbmi = 16 };

#define WIDTH_SSE4 ipk_blake3_batch_sse4, 4, ipk_blake3_batch_sse4, 4
#define WIDTH_AVX2 ipk_blake3_batch_avx2, 8, ipk_blake3_batch_sse4, 4
#define WIDTH_AVX512 ipk_blake3_batch_avx512, 16, ipk_blake3_narrow_batch_avx512, 8
#define COMMON ipk_crc32c_sse4, ipk_gear_scan_four_streams

static const struct {
    unsigned features;
    ipk_kernels kernels;
} candidates[] = {
    {0, {PORTABLE}},
    {has_sse4, {"sse4", WIDTH_SSE4, ipk_sha256_blocks_portable, COMMON}},
    {has_sse4 | has_sha, {"sse4-sha", WIDTH_SSE4, ipk_sha256_blocks_sha, COMMON}},
    {has_avx2, {"avx2", WIDTH_AVX2, ipk_sha256_blocks_portable, COMMON}},
    {has_avx2 | has_sha, {"avx2-sha", WIDTH_AVX2, ipk_sha256_blocks_sha, COMMON}},
    {has_avx512, {"avx512", WIDTH_AVX512, ipk_sha256_blocks_portable, COMMON}},
    {has_avx512 | has_sha, {"avx512-sha", WIDTH_AVX512, ipk_sha256_blocks_sha, COMMON}},
    {has_avx512 | has_sha | has_vbmi,
     {"avx512-vbmi-sha", WIDTH_AVX512, ipk_sha256_blocks_sha, ipk_crc32c_sse4, ipk_gear_scan_vbmi}},
};

/* What the processor has and the operating system saves. Each width includes those before. */
static unsigned processor_features(void) {
    unsigned eax, ebx, ecx, edx, found = 0;
    if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx)) return 0;
    const unsigned needed = bit_SSSE3 | bit_SSE4_1 | bit_SSE4_2 | bit_PCLMUL;
    if ((ecx & needed) != needed) return 0;
    found |= has_sse4;
    unsigned saved = 0;
    if (ecx & bit_OSXSAVE) __asm__ volatile("xgetbv" : "=a"(saved), "=d"(edx) : "c"(0));
    if (!__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx)) return found;
    if (ebx & bit_SHA) found |= has_sha;
    const unsigned avx_state = 0x06, avx512_state = 0xe6;
    if (!(ebx & bit_AVX2) || (saved & avx_state) != avx_state) return found;
    found |= has_avx2;
    const unsigned avx512 = bit_AVX512F | bit_AVX512VL | bit_AVX512BW | bit_AVX512DQ;
    if ((ebx & avx512) != avx512 || (saved & avx512_state) != avx512_state) return found;
    if (ecx & bit_AVX512VBMI) found |= has_vbmi;
    return found | has_avx512;
}

#else

static const struct {
    unsigned features;
    ipk_kernels kernels;
} candidates[] = {
    {0, {PORTABLE}},
#if defined(__aarch64__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    {0, {"neon", ipk_blake3_batch_neon, 4, ipk_blake3_batch_neon, 4,
         ipk_sha256_blocks_portable, ipk_crc32c_portable, ipk_gear_scan_four_streams}},
#endif
};

static unsigned processor_features(void) { return 0; }

#endif

enum { candidate_count = sizeof candidates / sizeof candidates[0] };

/* Bits of `candidates` that this processor can run, and a high bit that says: looked up. */
static unsigned available_candidates(void) {
    static _Atomic unsigned available;
    unsigned known = atomic_load_explicit(&available, memory_order_relaxed);
    if (known) return known;
    unsigned features = processor_features();
    known = 1u << 31;
    for (unsigned i = 0; i < candidate_count; i++) {
        if ((candidates[i].features & ~features) == 0) known |= 1u << i;
    }
    atomic_store_explicit(&available, known, memory_order_relaxed);
    return known;
}

size_t ipk_variant_count(void) {
    size_t count = 0;
    for (unsigned i = 0; i < candidate_count; i++) count += available_candidates() >> i & 1;
    return count;
}

const ipk_kernels *ipk_variant(size_t variant) {
    const ipk_kernels *last = &candidates[0].kernels;
    size_t number = 0;
    for (unsigned i = 0; i < candidate_count; i++) {
        if (!(available_candidates() >> i & 1)) continue;
        last = &candidates[i].kernels;
        if (number++ == variant) break;
    }
    return last;
}

/* The last available one. */
const ipk_kernels *ipk_chosen(void) {
    unsigned known = available_candidates() & ~(1u << 31);
    return &candidates[31 - __builtin_clz(known)].kernels;
}

const char *ipk_variant_name(size_t variant) { return ipk_variant(variant)->name; }

void ipk_variant_blake3(size_t variant, const void *data, size_t length, uint8_t digest[32]) {
    ipk_blake3_with(ipk_variant(variant), data, length, digest);
}

void ipk_variant_sha256(size_t variant, const void *data, size_t length, uint8_t digest[32]) {
    ipk_sha256_with(ipk_variant(variant), data, length, digest);
}

uint32_t ipk_variant_crc32c(size_t variant, uint32_t crc, const void *data, size_t length) {
    return ipk_variant(variant)->crc32c(crc, data, length);
}

size_t ipk_variant_fastcdc_cut(
    size_t variant, const ipk_fastcdc *profile, const uint8_t *data, size_t length) {
    return ipk_fastcdc_cut_with(ipk_variant(variant), profile, data, length);
}

void ipk_blake3(const void *data, size_t length, uint8_t digest[32]) {
    ipk_blake3_with(ipk_chosen(), data, length, digest);
}

void ipk_sha256(const void *data, size_t length, uint8_t digest[32]) {
    ipk_sha256_with(ipk_chosen(), data, length, digest);
}

uint32_t ipk_crc32c(uint32_t crc, const void *data, size_t length) {
    return ipk_chosen()->crc32c(crc, data, length);
}

size_t ipk_fastcdc_cut(const ipk_fastcdc *profile, const uint8_t *data, size_t length) {
    return ipk_fastcdc_cut_with(ipk_chosen(), profile, data, length);
}
