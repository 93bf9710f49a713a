// The conversions and the comparison of one floating-point table, written once for both types.
// RP2040 datasheet, sections 2.8.3.2.1 and 2.8.3.2.2: float to integer rounds towards minus infinity
// and saturates; fix means a binary point at a given bit. Unlike the chip's ROM, denormals are kept.
//
// Before including: TYPE, NAME(prefix, suffix) and FLOOR, SCALE (x * 2^n).

#include <stdint.h>

#define TO_INTEGER(name, integer, low, high) \
    integer NAME(, _to_##name)(TYPE value); \
    integer NAME(, _to_##name)(TYPE value) { \
        TYPE whole = FLOOR(value); \
        if (!(whole > (TYPE)(low))) { \
            return low; \
        } \
        return whole >= (TYPE)(high) ? (high) : (integer)whole; \
    }

#define TO_FIX(name, integer, through) \
    integer NAME(, _to_##name)(TYPE value, int point); \
    integer NAME(, _to_##name)(TYPE value, int point) { \
        return NAME(, _to_##through)(SCALE(value, point)); \
    }

#define FROM_FIX(name, integer) \
    TYPE NAME(name##_to_, )(integer value, int point); \
    TYPE NAME(name##_to_, )(integer value, int point) { \
        return SCALE((TYPE)value, -point); \
    }

TO_INTEGER(int, int32_t, INT32_MIN, INT32_MAX)
TO_INTEGER(uint, uint32_t, 0, UINT32_MAX)
TO_INTEGER(int64, int64_t, INT64_MIN, INT64_MAX)
TO_INTEGER(uint64, uint64_t, 0, UINT64_MAX)
TO_FIX(fix, int32_t, int)
TO_FIX(ufix, uint32_t, uint)
TO_FIX(fix64, int64_t, int64)
TO_FIX(ufix64, uint64_t, uint64)
FROM_FIX(fix, int32_t)
FROM_FIX(ufix, uint32_t)
FROM_FIX(fix64, int64_t)
FROM_FIX(ufix64, uint64_t)

int NAME(, _compare)(TYPE a, TYPE b);
int NAME(, _compare)(TYPE a, TYPE b) {
    return (a > b) - (a < b);
}
