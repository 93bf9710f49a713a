// Bit and memory functions: RP2040 datasheet, sections 2.8.3.1.1 and 2.8.3.1.2.

#include <stddef.h>
#include <stdint.h>
#include <string.h>

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

void *memset(void *to, int byte, size_t length) {
    uint8_t *p = to;
    uint32_t word = (uint8_t)byte * 0x01010101u;
    for (; length != 0 && ((uintptr_t)p & 3) != 0; length--) {
        *p++ = (uint8_t)byte;
    }
    uint32_t *w = (uint32_t *)p;
    for (; length >= 16; length -= 16, w += 4) {
        w[0] = word;
        w[1] = word;
        w[2] = word;
        w[3] = word;
    }
    for (p = (uint8_t *)w; length != 0; length--) {
        *p++ = (uint8_t)byte;
    }
    return to;
}

// Words when both sides can be aligned together, as nearly every caller's are.
static size_t copy_words(uint8_t *p, const uint8_t *q, size_t length) {
    uint32_t *w = (uint32_t *)p;
    const uint32_t *v = (const uint32_t *)q;
    size_t left = length;
    for (; left >= 16; left -= 16, w += 4, v += 4) {
        uint32_t a = v[0], b = v[1], c = v[2], d = v[3];
        w[0] = a;
        w[1] = b;
        w[2] = c;
        w[3] = d;
    }
    for (; left >= 4; left -= 4) {
        *w++ = *v++;
    }
    return length - left;
}

void *memcpy(void *restrict to, const void *restrict from, size_t length) {
    uint8_t *p = to;
    const uint8_t *q = from;
    if (length >= 8 && (((uintptr_t)p ^ (uintptr_t)q) & 3) == 0) {
        for (; ((uintptr_t)p & 3) != 0; length--) {
            *p++ = *q++;
        }
        size_t copied = copy_words(p, q, length);
        p += copied;
        q += copied;
        length -= copied;
    }
    for (; length != 0; length--) {
        *p++ = *q++;
    }
    return to;
}
