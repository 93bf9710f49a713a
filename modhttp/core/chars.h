#ifndef MODHTTP_CORE_CHARS_H
#define MODHTTP_CORE_CHARS_H

// What each byte may be part of: one table for every grammar of core/.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    MH_CHAR_TOKEN = 1 << 0,     // tchar (RFC 9110 section 5.6.2)
    MH_CHAR_TARGET = 1 << 1,    // of a request target, without '%' (see head.h)
    MH_CHAR_VALUE = 1 << 2,     // of a field value: VCHAR, obs-text, SP, HTAB (RFC 9110 section 5.5)
    MH_CHAR_HOST = 1 << 3,      // of a reg-name, without '%' (RFC 3986 section 3.2.2)
    MH_CHAR_DIGIT = 1 << 4,
    MH_CHAR_HEX = 1 << 5,
    MH_CHAR_PLAIN = 1 << 7,     // tchar that no field begins with which head.c looks at: all but C, E, H, T
};

extern const uint8_t mh_chars[256];

static inline bool mh_is(uint8_t c, uint8_t classes) {
    return mh_chars[c] & classes;
}

// The value of a hex digit.
static inline uint8_t mh_hex(uint8_t digit) {
    return (uint8_t)((digit & 15) + (digit >> 6) * 9);
}

#ifdef __GNUC__
#define MH_INLINE inline __attribute__((always_inline))
#define MH_NOINLINE __attribute__((noinline))    // for a hot loop that needs all registers to itself
// The same pointer, of which the compiler may assume that it is aligned for the type: a Cortex-M0+ reads words only so.
#define MH_ALIGNED(pointer, type) (__builtin_assume_aligned((pointer), sizeof(type)))
// Keeps a constant in a register, which the compiler would otherwise load anew in each turn of a loop.
#define MH_KEEP(constant) __asm__ ("" : "+r" (constant))
// Before a loop over a constant of so many bytes at most: it becomes as many stores.
#ifdef __clang__
#define MH_UNROLL _Pragma("unroll")
#else
#define MH_UNROLL _Pragma("GCC unroll 32")
#endif
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define MH_LITTLE_ENDIAN
#endif
#else
#define MH_INLINE inline
#define MH_NOINLINE
#define MH_KEEP(constant)
#define MH_UNROLL
#define MH_ALIGNED(pointer, type) ((void *)(pointer))
#endif

// Whether `text` spells `lower`, which has no capitals, in any case. Both are `len` bytes; text has no control characters.
bool mh_same(const void *text, const char *lower, size_t len);

// The first byte in [p, end) that is in none of the classes, or end.
const uint8_t *mh_span(const uint8_t *p, const uint8_t *end, unsigned classes);

#endif
