/* CRC-32C with the instruction of SSE4.2, three streams at a time for longer inputs: the
 * instruction takes three cycles, and can begin every one. */
#if defined(__x86_64__)

#include "dispatch.h"

#include <immintrin.h>
#include <string.h>

enum { strip_bytes = 256 };
static const uint32_t power_strip = 0xb9e02b86, power_two_strips = 0xdd7e3b0c;

__attribute__((target("sse4.2")))
static inline uint64_t advance(uint64_t crc, const uint8_t *data) {
    uint64_t word;
    memcpy(&word, data, 8);
    return _mm_crc32_u64(crc, word);
}

/* The remainder of `crc` followed by zero bytes, whose number the constant stands for: x to the
 * power of 8 * bytes - 33 modulo the polynomial, reflected. */
__attribute__((target("sse4.2,pclmul")))
static inline uint64_t shift(uint64_t crc, uint32_t power) {
    __m128i product = _mm_clmulepi64_si128(
        _mm_cvtsi64_si128((long long)crc), _mm_cvtsi64_si128((long long)power), 0);
    return _mm_crc32_u64(0, (uint64_t)_mm_cvtsi128_si64(product));
}

__attribute__((target("sse4.2,pclmul")))
uint32_t ipk_crc32c_sse4(uint32_t crc, const uint8_t *data, size_t length) {
    uint64_t first = ~crc;
    for (; length >= 3 * strip_bytes; length -= 3 * strip_bytes, data += 3 * strip_bytes) {
        uint64_t second = 0, third = 0;
        for (size_t i = 0; i < strip_bytes; i += 8) {
            first = advance(first, data + i);
            second = advance(second, data + strip_bytes + i);
            third = advance(third, data + 2 * strip_bytes + i);
        }
        first = shift(first, power_two_strips) ^ shift(second, power_strip) ^ third;
    }
    for (; length >= 8; length -= 8, data += 8) first = advance(first, data);
    for (; length > 0; length--, data++) first = _mm_crc32_u8((uint32_t)first, *data);
    return ~(uint32_t)first;
}

#endif
