// Bit functions: RP2040 datasheet, section 2.8.3.1.1.

#include <stdint.h>

uint32_t popcount32(uint32_t value);
uint32_t reverse32(uint32_t value);
uint32_t clz32(uint32_t value);
uint32_t ctz32(uint32_t value);

uint32_t popcount32(uint32_t value) {
    uint32_t ones = 0;
    for (; value != 0; value &= value - 1) {
        ones++;
    }
    return ones;
}

uint32_t reverse32(uint32_t value) {
    value = ((value >> 1) & 0x55555555) | ((value & 0x55555555) << 1);
    value = ((value >> 2) & 0x33333333) | ((value & 0x33333333) << 2);
    value = ((value >> 4) & 0x0f0f0f0f) | ((value & 0x0f0f0f0f) << 4);
    return __builtin_bswap32(value);
}

uint32_t clz32(uint32_t value) {
    if (value == 0) {
        return 32;
    }
    uint32_t zeros = 0;
    for (uint32_t half = 16; half != 0; half >>= 1) {
        if (value >> (32 - half) == 0) {
            zeros += half;
            value <<= half;
        }
    }
    return zeros;
}

uint32_t ctz32(uint32_t value) {
    return value == 0 ? 32 : 31 - clz32(value & -value);
}
