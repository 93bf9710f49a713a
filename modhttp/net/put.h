#ifndef MODHTTP_NET_PUT_H
#define MODHTTP_NET_PUT_H

// Composing text whose room has been counted before: each writes at `at` and returns where it ends.

#include <string.h>

#include "core/number.h"

static inline char *put(char *at, const char *text, size_t len) {
    memcpy(at, text, len);
    return at + len;
}

#define PUT(at, literal) put((at), (literal), sizeof(literal) - 1)

static inline char *put_text(char *at, const char *text) {
    return put(at, text, strlen(text));
}

static inline char *put_decimal(char *at, uint32_t value) {
    return at + mh_decimal(value, at);
}

// Eight digits.
static inline char *put_hex(char *at, uint32_t value) {
    for (int shift = 28; shift >= 0; shift -= 4) {
        *at++ = "0123456789abcdef"[value >> shift & 15];
    }
    return at;
}

#endif
