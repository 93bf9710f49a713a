#include "core/chars.h"

// A letter for each set of classes that occurs.
#define _ (0)
#define T (MH_CHAR_TOKEN | MH_CHAR_PLAIN)
#define V (MH_CHAR_VALUE)
#define K (V | T)                                   // # %
#define P (V | MH_CHAR_TARGET)                      // / : ? @ [ \ ] { }
#define M (P | T)                                   // ^ ` |
#define S (P | MH_CHAR_HOST)                        // ( ) , ; =
#define H (S | MH_CHAR_TOKEN)                       // h t
#define C (H | MH_CHAR_HEX)                         // c e
#define U (S | T)                                   // other letters from g on and the other marks
#define A (U | MH_CHAR_HEX)                         // other letters up to f
#define D (A | MH_CHAR_DIGIT)

const uint8_t mh_chars[256] = {
    _, _, _, _, _, _, _, _, _, V, _, _, _, _, _, _,  // controls; HTAB
    _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _,
    V, U, V, K, U, K, U, U, S, S, U, U, S, U, U, P,  //  !"#$%&'()*+,-./
    D, D, D, D, D, D, D, D, D, D, P, S, V, S, V, P,  // 0-9 :;<=>?
    P, A, A, C, A, C, A, U, H, U, U, U, U, U, U, U,  // @ A-O
    U, U, U, U, H, U, U, U, U, U, U, P, P, P, M, U,  // P-Z [\ ]^_
    M, A, A, C, A, C, A, U, H, U, U, U, U, U, U, U,  // ` a-o
    U, U, U, U, H, U, U, U, U, U, U, P, M, P, U, _,  // p-z {|}~ DEL
    V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V,  // obs-text
    V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V,
    V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V,
    V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V,
    V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V,
    V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V,
    V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V,
    V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V,
};

bool mh_same(const void *text, const char *lower, size_t len) {
    const uint8_t *c = text;
    const uint8_t *l = (const uint8_t *)lower;
    for (ptrdiff_t i = (ptrdiff_t)len; --i >= 0;) {
        if ((c[i] ^ l[i]) & ~0x20u) {
            return false;
        }
    }
    return true;
}

// Four bytes a turn: seven cycles a byte on a Cortex-M0+.
const uint8_t *mh_span(const uint8_t *p, const uint8_t *end, unsigned classes) {
    while (end - p >= 4) {
        if (!(mh_chars[p[0]] & classes)) {
            return p;
        }
        if (!(mh_chars[p[1]] & classes)) {
            return p + 1;
        }
        if (!(mh_chars[p[2]] & classes)) {
            return p + 2;
        }
        if (!(mh_chars[p[3]] & classes)) {
            return p + 3;
        }
        p += 4;
    }
    while (p != end && (mh_chars[*p] & classes)) {
        ++p;
    }
    return p;
}
