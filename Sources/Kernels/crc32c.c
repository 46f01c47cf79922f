/* CRC-32C (Castagnoli), reflected, complemented at both ends as in iSCSI (RFC 3720). */
#include "dispatch.h"

uint32_t ipk_crc32c_portable(uint32_t crc, const uint8_t *data, size_t length) {
    const uint32_t (*table)[256] = ipk_crc32c_table;
    crc = ~crc;
    for (; length >= 8; length -= 8, data += 8) {
        uint32_t low = crc ^ ipk_load32_le(data), high = ipk_load32_le(data + 4);
        crc = table[7][low & 255] ^ table[6][low >> 8 & 255] ^ table[5][low >> 16 & 255]
            ^ table[4][low >> 24] ^ table[3][high & 255] ^ table[2][high >> 8 & 255]
            ^ table[1][high >> 16 & 255] ^ table[0][high >> 24];
    }
    for (; length > 0; length--, data++) crc = crc >> 8 ^ table[0][(crc ^ *data) & 255];
    return ~crc;
}
