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
