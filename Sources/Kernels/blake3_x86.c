/* The wide BLAKE3 variants of x86-64, each compiled for its own processors. */
#if defined(__x86_64__)

#define LANES 4
#define NAME ipk_blake3_batch_sse4
#define TARGET __attribute__((target("sse4.2")))
#define ROTATE_BYTES 1
#include "blake3_lanes.h"

#define LANES 8
#define NAME ipk_blake3_batch_avx2
#define TARGET __attribute__((target("avx2")))
#define ROTATE_BYTES 1
#include "blake3_lanes.h"

#define LANES 8
#define NAME ipk_blake3_narrow_batch_avx512
#define TARGET __attribute__((target("avx512f,avx512vl")))
#define ROTATE_BYTES 0
#include "blake3_lanes.h"

#define LANES 16
#define NAME ipk_blake3_batch_avx512
#define TARGET __attribute__((target("avx512f,avx512vl")))
#define ROTATE_BYTES 0
#include "blake3_lanes.h"

#endif
