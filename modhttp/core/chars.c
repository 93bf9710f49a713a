#include "core/chars.h"

// A letter for each set of classes that occurs.
#define _ (0)
#define V (MH_CHAR_VALUE)
#define K (V | MH_CHAR_TOKEN)                       // # %
#define P (V | MH_CHAR_TARGET)                      // / : ? @ [ \ ] { }
#define M (V | MH_CHAR_TARGET | MH_CHAR_TOKEN)      // ^ ` |
#define S (V | MH_CHAR_TARGET | MH_CHAR_HOST)       // ( ) , ; =
#define U (S | MH_CHAR_TOKEN)                       // letters from G on and the other marks
#define A (U | MH_CHAR_HEX)                         // letters up to F
#define D (A | MH_CHAR_DIGIT)

const uint8_t mh_chars[256] = {
    _, _, _, _, _, _, _, _, _, V, _, _, _, _, _, _,  // controls; HTAB
    _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _,
    V, U, V, K, U, K, U, U, S, S, U, U, S, U, U, P,  //  !"#$%&'()*+,-./
    D, D, D, D, D, D, D, D, D, D, P, S, V, S, V, P,  // 0-9 :;<=>?
    P, A, A, A, A, A, A, U, U, U, U, U, U, U, U, U,  // @ A-O
    U, U, U, U, U, U, U, U, U, U, U, P, P, P, M, U,  // P-Z [\ ]^_
    M, A, A, A, A, A, A, U, U, U, U, U, U, U, U, U,  // ` a-o
    U, U, U, U, U, U, U, U, U, U, U, P, M, P, U, _,  // p-z {|}~ DEL
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
    for (size_t i = 0; i < len; ++i) {
        if ((c[i] | 0x20) != (uint8_t)lower[i]) {
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
