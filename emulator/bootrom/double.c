// What the double-precision table needs beyond libgcc and libm.

#include <math.h>
#include <stdint.h>
#include <string.h>

#define TYPE double
#define NAME(prefix, suffix) prefix##double##suffix
#define FLOOR floor
#define SCALE scale

// 2^n by its bits; |n| beyond the exponent's range goes in two steps.
static double power_of_two(int n) {
    uint64_t bits = (uint64_t)(n + 1023) << 52;
    double power;
    memcpy(&power, &bits, sizeof power);
    return power;
}

static double scale(double value, int n) {
    for (; n > 1000; n -= 1000) {
        value *= power_of_two(1000);
    }
    for (; n < -1000; n += 1000) {
        value *= power_of_two(-1000);
    }
    return value * power_of_two(n);
}

#include "convert.h"
