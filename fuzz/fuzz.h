#ifndef MODHTTP_FUZZ_FUZZ_H
#define MODHTTP_FUZZ_FUZZ_H

// What the fuzz harnesses share: taking an input apart, memory that ends where the data does, and failing.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// A property that holds for every input. libFuzzer keeps the input of which it does not.
#define CHECK(condition) do { \
        if (!(condition)) { \
            fprintf(stderr, "%s:%d: this does not hold: %s\n", __FILE__, __LINE__, #condition); \
            abort(); \
        } \
} while (0)

// What is left of an input. Choices are taken from its front, the rest is the data that they are about.
typedef struct _input_t {
    const uint8_t *data;
    size_t len;
} input_t;

static inline uint8_t input_byte(input_t *input) {
    if (input->len == 0) {
        return 0;
    }
    --input->len;
    return *input->data++;
}

// A big-endian number of up to four bytes.
static inline uint32_t input_number(input_t *input, int bytes) {
    uint32_t number = 0;
    while (bytes-- > 0) {
        number = number << 8 | input_byte(input);
    }
    return number;
}

// The bytes up to `separator`, which is taken too, or all that is left.
static inline input_t input_until(input_t *input, char separator) {
    const uint8_t *at = input->len == 0 ? NULL : memchr(input->data, separator, input->len);
    size_t len = at == NULL ? input->len : (size_t)(at - input->data);
    input_t part = { input->data, len };
    size_t taken = len + (at != NULL);
    input->data += taken;
    input->len -= taken;
    return part;
}

// Memory of just this size, with a copy of `data` unless that is NULL: a byte beyond either end is AddressSanitizer's.
// It gives out a whole byte when asked for none, so that has to lie outside.
static inline uint8_t *exact_new(const void *data, size_t len) {
    uint8_t *memory = malloc(len + (len == 0));
    CHECK(memory != NULL);
    if (len == 0) {
        return memory + 1;
    }
    if (data != NULL) {
        memcpy(memory, data, len);
    } else {
        memset(memory, 0xa5, len);
    }
    return memory;
}

static inline void exact_free(uint8_t *memory, size_t len) {
    free(memory - (len == 0));
}

// In how large pieces data arrives: up to seven sizes, again and again. 0 is a call without new bytes, 255 all the rest.
typedef struct _pieces_t {
    uint8_t sizes[7];
    uint8_t count;
    uint8_t at;
} pieces_t;

static inline pieces_t input_pieces(input_t *input) {
    pieces_t pieces = { { 0 }, (uint8_t)(input_byte(input) % 8), 0 };
    bool moves = false;
    for (int i = 0; i < pieces.count; ++i) {
        pieces.sizes[i] = input_byte(input);
        moves = moves || pieces.sizes[i] != 0;
    }
    if (!moves) {
        pieces.count = 1;
        pieces.sizes[0] = 1;
    }
    return pieces;
}

// The size of the next piece, of `left` bytes at most.
static inline size_t piece_next(pieces_t *pieces, size_t left) {
    size_t size = pieces->sizes[pieces->at];
    pieces->at = (uint8_t)((pieces->at + 1) % pieces->count);
    return size == 255 || size > left ? left : size;
}

// The grammars' characters, spelled out anew.
static inline bool is_one_of(uint8_t c, const char *set) {
    return c != 0 && strchr(set, c) != NULL;
}

static inline bool is_blank(uint8_t c) {
    return c == ' ' || c == '\t';
}

static inline bool is_digit(uint8_t c) {
    return c >= '0' && c <= '9';
}

static inline bool is_alphanumeric(uint8_t c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static inline bool is_hex(uint8_t c) {
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static inline unsigned hex_value(uint8_t c) {
    return is_digit(c) ? c - '0' : (c | 0x20) - 'a' + 10u;
}

static inline bool is_token_char(uint8_t c) {
    return is_alphanumeric(c) || is_one_of(c, "!#$%&'*+-.^_`|~");
}

static inline bool is_value_char(uint8_t c) {
    return c == '\t' || (c >= ' ' && c != 0x7f);
}

static inline bool is_token(const uint8_t *text, size_t len) {
    for (size_t i = 0; i < len; ++i) {
        if (!is_token_char(text[i])) {
            return false;
        }
    }
    return len != 0;
}

static inline bool is_value(const uint8_t *text, size_t len) {
    for (size_t i = 0; i < len; ++i) {
        if (!is_value_char(text[i])) {
            return false;
        }
    }
    return true;
}

// What lies between blanks (RFC 9110, section 5.6.3).
static inline input_t trimmed(input_t text) {
    while (text.len != 0 && is_blank(text.data[0])) {
        input_byte(&text);
    }
    while (text.len != 0 && is_blank(text.data[text.len - 1])) {
        --text.len;
    }
    return text;
}

// libFuzzer's entry, and what it calls once before.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#endif
