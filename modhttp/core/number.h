#ifndef MODHTTP_CORE_NUMBER_H
#define MODHTTP_CORE_NUMBER_H

// Numbers as text, as JSON (RFC 8259 section 6), CSV and Prometheus read them.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MH_DECIMAL_MAX (10)
#define MH_INT_MAX (11)             // "-2147483648"
#define MH_FLOAT_MAX (19)           // "-123456780000000.0", and one digit more
#define MH_SCALED_MAX (19)          // a float's

// Each of these writes into `out`, without a NUL, at most the MAX of its name, and returns the number of bytes.

size_t mh_decimal(uint32_t value, char *out);
size_t mh_int(int32_t value, char *out);

// The shortest decimal that is read back as the same float, of these the nearest, with a point or an exponent, as Python
// writes a float; "null" for infinities and NaN.
size_t mh_float(float value, char *out);

// value / scale, of a scale from 2 on: exactly where that is a power of ten, with a point and no needless zeros ("3.0"),
// and else as the float that the two floats' quotient is.
size_t mh_scaled(int32_t value, int32_t scale, char *out);

// Two digits, of a value below 100.
void mh_two_digits(uint32_t value, char *out);

// Whether the text is digits and nothing else, of a number up to `max` (9 or more), which *value then is.
bool mh_decimal_read(const void *text, size_t len, uint32_t max, uint32_t *value);

#endif
