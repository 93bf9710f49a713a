#include "core/number.h"

#include <string.h>

#include "core/chars.h"

// Subtracts: a Cortex-M0+ does not divide.
size_t mh_decimal(uint32_t value, char *out) {
    static const uint32_t powers[] = { 1000000000, 100000000, 10000000, 1000000, 100000, 10000, 1000, 100, 10, 1 };
    size_t len = 0;
    size_t i = 9;
    while (i > 0 && value >= powers[i - 1]) {   // most are small
        --i;
    }
    for (; i < 10; ++i) {
        char digit = '0';
        for (; value >= powers[i]; value -= powers[i]) {
            ++digit;
        }
        out[len++] = digit;
    }
    return len;
}

size_t mh_int(int32_t value, char *out) {
    if (value >= 0) {
        return mh_decimal((uint32_t)value, out);
    }
    *out = '-';
    return 1 + mh_decimal(-(uint32_t)value, out + 1);
}

void mh_two_digits(uint32_t value, char *out) {
    uint32_t tens = value * 205 >> 11;      // value / 10 below 100
    out[0] = (char)('0' + tens);
    out[1] = (char)('0' + (value - tens * 10));
}

bool mh_decimal_read(const void *text, size_t len, uint32_t max, uint32_t *value) {
    const uint8_t *p = text;
    const uint8_t *end = p + len;
    uint32_t number = 0;
    if (p == end) {
        return false;
    }
    for (; p != end; ++p) {
        uint32_t digit = (uint32_t)(*p - '0');
        if (!mh_is(*p, MH_CHAR_DIGIT) || number > UINT32_MAX / 10 || number * 10 > max - digit) {
            return false;
        }
        number = number * 10 + digit;
    }
    *value = number;
    return true;
}

// --- Floats: Raffaello Giulietti, "The Schubfach way to render doubles" (2021), for binary32.

// Powers of ten from 10^-31 to 10^45: their first 64 bits, plus one.
#define POWER_MIN (-31)
static const uint64_t powers_of_ten[] = {
    0x81ceb32c4b43fcf5, 0xa2425ff75e14fc32, 0xcad2f7f5359a3b3f, 0xfd87b5f28300ca0e, 0x9e74d1b791e07e49,
    0xc612062576589ddb, 0xf79687aed3eec552, 0x9abe14cd44753b53, 0xc16d9a0095928a28, 0xf1c90080baf72cb2,
    0x971da05074da7bef, 0xbce5086492111aeb, 0xec1e4a7db69561a6, 0x9392ee8e921d5d08, 0xb877aa3236a4b44a,
    0xe69594bec44de15c, 0x901d7cf73ab0acda, 0xb424dc35095cd810, 0xe12e13424bb40e14, 0x8cbccc096f5088cc,
    0xafebff0bcb24aaff, 0xdbe6fecebdedd5bf, 0x89705f4136b4a598, 0xabcc77118461cefd, 0xd6bf94d5e57a42bd,
    0x8637bd05af6c69b6, 0xa7c5ac471b478424, 0xd1b71758e219652c, 0x83126e978d4fdf3c, 0xa3d70a3d70a3d70b,
    0xcccccccccccccccd, 0x8000000000000001, 0xa000000000000001, 0xc800000000000001, 0xfa00000000000001,
    0x9c40000000000001, 0xc350000000000001, 0xf424000000000001, 0x9896800000000001, 0xbebc200000000001,
    0xee6b280000000001, 0x9502f90000000001, 0xba43b74000000001, 0xe8d4a51000000001, 0x9184e72a00000001,
    0xb5e620f480000001, 0xe35fa931a0000001, 0x8e1bc9bf04000001, 0xb1a2bc2ec5000001, 0xde0b6b3a76400001,
    0x8ac7230489e80001, 0xad78ebc5ac620001, 0xd8d726b7177a8001, 0x878678326eac9001, 0xa968163f0a57b401,
    0xd3c21bcecceda101, 0x84595161401484a1, 0xa56fa5b99019a5c9, 0xcecb8f27f4200f3b, 0x813f3978f8940985,
    0xa18f07d736b90be6, 0xc9f2c9cd04674edf, 0xfc6f7c4045812297, 0x9dc5ada82b70b59e, 0xc5371912364ce306,
    0xf684df56c3e01bc7, 0x9a130b963a6c115d, 0xc097ce7bc90715b4, 0xf0bdc21abb48db21, 0x96769950b50d88f5,
    0xbc143fa4e250eb32, 0xeb194f8e1ae525fe, 0x92efd1b8d0cf37bf, 0xb7abc627050305ae, 0xe596b7b0c643c71a,
    0x8f7e32ce7bea5c70, 0xb35dbf821ae4f38c,
};

typedef struct _digits_t {
    uint32_t value;
    int exponent;       // of ten
} digits_t;

// The first 32 bits of power * value, of which the last says too whether any bit follows.
static uint32_t multiply(uint64_t power, uint32_t value) {
    uint64_t low = (uint64_t)(uint32_t)power * value;
    uint64_t high = (power >> 32) * value + (low >> 32);
    return (uint32_t)(high >> 32) | ((uint32_t)high > 1);
}

// Whether one of two neighbouring decimals, at `at` and `at` + `step`, is read back as the float, and not the other.
// It is the latter when *second.
static bool is_unique(uint32_t at, uint32_t step, uint32_t lower, uint32_t upper, bool *second) {
    bool first = lower <= at;
    *second = at + step <= upper;
    return first != *second;
}

// Of significand * 2^exponent, which is `regular` where its neighbours are equally far from it. In what follows the float
// and the ends of what is rounded to it are in quarters of 10^k.
static digits_t shortest(uint32_t significand, int exponent, bool regular) {
    int k = (exponent * 1262611 - (regular ? 0 : 524031)) >> 22;        // floor(log10(2^exponent)), or of 3/4 of it
    int shift = exponent + (-k * 1741647 >> 19) + 1;                    // of log2(10^-k)
    uint64_t power = powers_of_ten[-k - POWER_MIN];
    uint32_t middle = multiply(power, (4 * significand) << shift);
    uint32_t odd = significand & 1;     // the ends belong to an even one
    uint32_t lower = multiply(power, (4 * significand - (regular ? 2 : 1)) << shift) + odd;
    uint32_t upper = multiply(power, (4 * significand + 2) << shift) - odd;
    uint32_t value = middle / 4;
    bool up;
    if (value >= 10 && is_unique(value / 10 * 40, 40, lower, upper, &up)) {
        return (digits_t) { value / 10 + up, k + 1 };
    }
    if (!is_unique(4 * value, 4, lower, upper, &up)) {
        up = middle > 4 * value + 2 || (middle == 4 * value + 2 && (value & 1));
    }
    return (digits_t) { value + up, k };
}

static char *put(char *out, const char *text, size_t len) {
    memcpy(out, text, len);
    return out + len;
}

static char *put_zeros(char *out, int count) {
    for (; count > 0; --count) {
        *out++ = '0';
    }
    return out;
}

// Digits with the point behind so many of them, or before the first.
static char *put_point(char *out, const char *digits, int len, int point) {
    if (point <= 0) {
        out = put_zeros(put(out, "0.", 2), -point);
        return put(out, digits, (size_t)len);
    }
    if (point >= len) {
        out = put_zeros(put(out, digits, (size_t)len), point - len);
        return put(out, ".0", 2);
    }
    out = put(out, digits, (size_t)point);
    *out++ = '.';
    return put(out, digits + point, (size_t)(len - point));
}

// The length of digits without the zeros at their end, but for one that begins them.
static int without_zeros(const char *digits, int len) {
    while (len > 1 && digits[len - 1] == '0') {
        --len;
    }
    return len;
}

static char *put_exponent(char *out, const char *digits, int len, int exponent) {
    *out++ = *digits;
    if (len > 1) {
        *out++ = '.';
        out = put(out, digits + 1, (size_t)len - 1);
    }
    *out++ = 'e';
    *out++ = exponent < 0 ? '-' : '+';
    mh_two_digits((uint32_t)(exponent < 0 ? -exponent : exponent), out);
    return out + 2;
}

size_t mh_float(float value, char *out) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof(bits));
    uint32_t fraction = bits & 0x7fffff;
    int exponent = (int)(bits >> 23 & 0xff);
    char *end = out;
    if (exponent == 0xff) {
        return (size_t)(put(out, "null", 4) - out);
    }
    if (bits >> 31) {
        *end++ = '-';
    }
    if (exponent == 0 && fraction == 0) {
        return (size_t)(put(end, "0.0", 3) - out);
    }
    bool normal = exponent != 0;
    digits_t found = shortest(normal ? fraction | 0x800000 : fraction, (normal ? exponent : 1) - 150, fraction != 0 || exponent <= 1);
    char digits[MH_DECIMAL_MAX];
    int len = (int)mh_decimal(found.value, digits);
    int point = len + found.exponent;
    len = without_zeros(digits, len);
    // As Python's repr() has it.
    end = point > -4 && point <= 16 ? put_point(end, digits, len, point) : put_exponent(end, digits, len, point - 1);
    return (size_t)(end - out);
}

// How many zeros a power of ten from 10 on has; 0 for other numbers.
static int zeros_of(int32_t scale) {
    int zeros = 1;
    for (int32_t power = 10; power != scale; power *= 10) {
        if (++zeros == 10) {
            return 0;
        }
    }
    return zeros;
}

size_t mh_scaled(int32_t value, int32_t scale, char *out) {
    int places = zeros_of(scale);
    if (places == 0) {
        return mh_float((float)value / (float)scale, out);
    }
    char digits[MH_DECIMAL_MAX];
    char *end = out;
    if (value < 0) {
        *end++ = '-';
    }
    int len = (int)mh_decimal(value < 0 ? -(uint32_t)value : (uint32_t)value, digits);
    int point = value == 0 ? 1 : len - places;
    len = without_zeros(digits, len);
    return (size_t)(put_point(end, digits, len, point) - out);
}
