// What the C library has in the place of the runtime's table of the names of Unicode's characters, which is
// half a megabyte: the linker is told so (--wrap, scripts/build-libraries), and elsewhere nobody calls it.
#include <stdint.h>

intptr_t __wrap__swift_stdlib_getScalarName(uint32_t scalar, uint8_t *buffer, intptr_t capacity);

// 0: it has none. Unicode.Scalar.Properties.name is nil then.
intptr_t __wrap__swift_stdlib_getScalarName(uint32_t scalar, uint8_t *buffer, intptr_t capacity) {
    (void)scalar, (void)buffer, (void)capacity;
    return 0;
}
