/* SHA-256 (FIPS 180-4): padding, and the portable compression. */
#include "dispatch.h"

#include <string.h>

const uint32_t ipk_sha256_constants[64] __attribute__((aligned(16))) = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static inline uint32_t load32_be(const uint8_t *bytes) {
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8
        | (uint32_t)bytes[3];
}

static inline void store32_be(uint8_t *bytes, uint32_t word) {
    bytes[0] = (uint8_t)(word >> 24);
    bytes[1] = (uint8_t)(word >> 16);
    bytes[2] = (uint8_t)(word >> 8);
    bytes[3] = (uint8_t)word;
}

#define ROTATE ipk_rotate_right32

void ipk_sha256_blocks_portable(uint32_t state[8], const uint8_t *data, size_t count) {
    for (; count > 0; count--, data += 64) {
        uint32_t w[64];
        for (int t = 0; t < 16; t++) w[t] = load32_be(data + 4 * t);
        for (int t = 16; t < 64; t++) {
            uint32_t x = w[t - 15], y = w[t - 2];
            uint32_t sigma0 = ROTATE(x, 7) ^ ROTATE(x, 18) ^ x >> 3;
            uint32_t sigma1 = ROTATE(y, 17) ^ ROTATE(y, 19) ^ y >> 10;
            w[t] = w[t - 16] + sigma0 + w[t - 7] + sigma1;
        }
        uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
        uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
        /* Eight rounds bring every variable back to its register. */
#pragma clang loop unroll_count(8)
        for (int t = 0; t < 64; t++) {
            uint32_t sum1 = ROTATE(e, 6) ^ ROTATE(e, 11) ^ ROTATE(e, 25);
            uint32_t choose = (e & f) ^ (~e & g);
            uint32_t first = h + sum1 + choose + ipk_sha256_constants[t] + w[t];
            uint32_t sum0 = ROTATE(a, 2) ^ ROTATE(a, 13) ^ ROTATE(a, 22);
            uint32_t majority = (a & b) ^ (a & c) ^ (b & c);
            h = g, g = f, f = e, e = d + first;
            d = c, c = b, b = a, a = first + sum0 + majority;
        }
        state[0] += a, state[1] += b, state[2] += c, state[3] += d;
        state[4] += e, state[5] += f, state[6] += g, state[7] += h;
    }
}

void ipk_sha256_with(const ipk_kernels *kernels, const void *data, size_t length, uint8_t digest[32]) {
    uint32_t state[8] = {
        0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
    };
    const uint8_t *bytes = data;
    size_t whole = length / 64, rest = length % 64;
    if (whole > 0) kernels->sha256_blocks(state, bytes, whole);

    /* The rest, a one bit, zeros, and the length in bits as the last eight bytes. */
    uint8_t last[128] = {0};
    if (rest > 0) memcpy(last, bytes + whole * 64, rest);
    last[rest] = 0x80;
    size_t last_blocks = rest < 56 ? 1 : 2;
    uint64_t bits = (uint64_t)length * 8;
    store32_be(last + last_blocks * 64 - 8, (uint32_t)(bits >> 32));
    store32_be(last + last_blocks * 64 - 4, (uint32_t)bits);
    kernels->sha256_blocks(state, last, last_blocks);

    for (int i = 0; i < 8; i++) store32_be(digest + 4 * i, state[i]);
}
