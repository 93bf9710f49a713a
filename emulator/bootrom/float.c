// What the single-precision table needs beyond libgcc and libm.

#include <math.h>
#include <stdint.h>
#include <string.h>

#define TYPE float
#define NAME(prefix, suffix) prefix##float##suffix
#define FLOOR floorf
#define SCALE scale

uint64_t float_sincos(float angle);

// 2^n by its bits; |n| beyond the exponent's range goes in two steps.
static float power_of_two(int n) {
    uint32_t bits = (uint32_t)(n + 127) << 23;
    float power;
    memcpy(&power, &bits, sizeof power);
    return power;
}

static float scale(float value, int n) {
    for (; n > 100; n -= 100) {
        value *= power_of_two(100);
    }
    for (; n < -100; n += 100) {
        value *= power_of_two(-100);
    }
    return value * power_of_two(n);
}

#include "convert.h"

// Sine in r0, cosine in r1, as callers of the table's sine entry expect.
uint64_t float_sincos(float angle) {
    float sine = sinf(angle), cosine = cosf(angle);
    uint32_t low, high;
    memcpy(&low, &sine, sizeof low);
    memcpy(&high, &cosine, sizeof high);
    return (uint64_t)high << 32 | low;
}
