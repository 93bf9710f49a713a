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
};

extern const uint8_t mh_chars[256];

static inline bool mh_is(uint8_t c, uint8_t classes) {
    return mh_chars[c] & classes;
}

// The value of a hex digit.
static inline uint8_t mh_hex(uint8_t digit) {
    return (uint8_t)((digit & 15) + (digit >> 6) * 9);
}

// Whether `text` spells `lower`, which has no capitals, in any case. Both are `len` bytes; text has no control characters.
static inline bool mh_same(const void *text, const char *lower, size_t len) {
    const uint8_t *c = text;
    for (size_t i = 0; i < len; ++i) {
        if ((c[i] | 0x20) != (uint8_t)lower[i]) {
            return false;
        }
    }
    return true;
}

// The first byte in [p, end) that is in none of the classes, or end. Four a turn: on a Cortex-M0+ seven cycles a byte.
static inline const uint8_t *mh_span(const uint8_t *p, const uint8_t *end, uint8_t classes) {
    while (end - p >= 4) {
        if (!mh_is(p[0], classes)) {
            return p;
        }
        if (!mh_is(p[1], classes)) {
            return p + 1;
        }
        if (!mh_is(p[2], classes)) {
            return p + 2;
        }
        if (!mh_is(p[3], classes)) {
            return p + 3;
        }
        p += 4;
    }
    while (p != end && mh_is(*p, classes)) {
        ++p;
    }
    return p;
}

#endif
