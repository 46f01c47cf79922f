/* FastCDC-2020: where the next chunk ends. The cut points are exactly those of the public
 * implementations, which step two bytes at a time; hence the even bounds below. */
#include "dispatch.h"

size_t ipk_gear_scan_portable(
    const uint64_t *gear, const uint8_t *data, size_t from, size_t to, uint64_t mask,
    uint64_t *hash) {
    uint64_t h = *hash;
    for (size_t i = from; i < to; i++) {
        h = h + h + gear[data[i]];
        if ((h & mask) == 0) {
            *hash = h;
            return i;
        }
    }
    *hash = h;
    return to;
}

size_t ipk_fastcdc_cut_with(
    const ipk_kernels *kernels, const ipk_fastcdc *profile, const uint8_t *data, size_t length) {
    /* A smaller minimum could cut chunks of no bytes. */
    uint64_t minimum = profile->min_size < 64 ? 64 : profile->min_size;
    if (length <= minimum) return length;
    size_t end = length < profile->max_size ? length : (size_t)profile->max_size;
    size_t centre = end < profile->avg_size ? end : (size_t)profile->avg_size;
    size_t start = (size_t)minimum & ~(size_t)1;
    size_t even_centre = centre & ~(size_t)1, even_end = end & ~(size_t)1;
    /* The public masks end at bit 47; others need the whole hash. */
    int is_public = (profile->mask_small | profile->mask_large) >> 48 == 0;
    size_t (*scan)(const uint64_t *, const uint8_t *, size_t, size_t, uint64_t, uint64_t *) =
        is_public ? kernels->gear_scan : ipk_gear_scan_portable;

    uint64_t hash = 0;
    if (start < even_centre) {
        size_t hit = scan(profile->gear, data, start, even_centre, profile->mask_small, &hash);
        if (hit < even_centre) return hit;
        start = even_centre;
    }
    if (start < even_end) {
        size_t hit = scan(profile->gear, data, start, even_end, profile->mask_large, &hash);
        if (hit < even_end) return hit;
    }
    return end;
}
