/* The wide BLAKE3 variant of arm64, where four lanes are what every processor has. */
#if defined(__aarch64__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__

#define LANES 4
#define NAME ipk_blake3_batch_neon
#define TARGET
#define ROTATE_BYTES 1
#include "blake3_lanes.h"

#endif
