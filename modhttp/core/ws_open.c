// WebSocket's opening handshake (RFC 6455 section 4.2).

#include <string.h>

#include "core/chars.h"
#include "core/ws.h"

// --- SHA-1 (FIPS 180-4), of a key and the text that RFC 6455 puts behind it: always two blocks

#define BLOCK (64)
#define WORDS (BLOCK / 4)
#define ROUNDS (80)

static uint32_t rotate(uint32_t x, int n) {
    return x << n | x >> (32 - n);
}

static void sha1_block(uint32_t h[5], const uint8_t block[BLOCK]) {
    static const uint32_t constants[4] = { 0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6 };
    uint32_t w[WORDS];      // the last of the schedule
    for (int i = 0; i < WORDS; ++i) {
        const uint8_t *p = block + 4 * i;
        w[i] = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
    }
    uint32_t a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
    for (int t = 0; t < ROUNDS; ++t) {
        uint32_t *word = &w[t % WORDS];
        if (t >= WORDS) {
            *word = rotate(w[(t + 13) % WORDS] ^ w[(t + 8) % WORDS] ^ w[(t + 2) % WORDS] ^ *word, 1);
        }
        uint32_t f;
        switch (t / 20) {
            case 0:
                f = (b & c) | (~b & d);
                break;
            case 2:
                f = (b & c) | (b & d) | (c & d);
                break;
            default:
                f = b ^ c ^ d;
        }
        uint32_t next = rotate(a, 5) + f + e + constants[t / 20] + *word;
        e = d;
        d = c;
        c = rotate(b, 30);
        b = a;
        a = next;
    }
    h[0] += a;
    h[1] += b;
    h[2] += c;
    h[3] += d;
    h[4] += e;
}

// --- Base64 (RFC 4648)

static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void mh_ws_accept(const char key[MH_WS_KEY_LEN], char out[MH_WS_ACCEPT_LEN]) {
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    enum { LEN = MH_WS_KEY_LEN + sizeof(guid) - 1 };
    uint32_t h[5] = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0 };
    uint8_t text[2 * BLOCK] = { 0 };
    memcpy(text, key, MH_WS_KEY_LEN);
    memcpy(text + MH_WS_KEY_LEN, guid, sizeof(guid) - 1);
    text[LEN] = 0x80;
    text[2 * BLOCK - 2] = (8 * LEN) >> 8;
    text[2 * BLOCK - 1] = (8 * LEN) & 0xff;
    sha1_block(h, text);
    sha1_block(h, text + BLOCK);
    uint32_t bits = 0;
    int have = 0;
    for (int i = 0; i < MH_WS_ACCEPT_LEN - 1; ++i) {
        if (have < 6) {     // the next byte; behind the last come zeros
            int byte = (6 * i + 5) / 8;
            bits = bits << 8 | (byte < 20 ? h[byte / 4] >> (24 - 8 * (byte % 4)) & 0xff : 0);
            have += 8;
        }
        have -= 6;
        out[i] = base64[bits >> have & 63];
    }
    out[MH_WS_ACCEPT_LEN - 1] = '=';
}

static bool is_key(const mh_field_t *field) {
    if (field->value_len != MH_WS_KEY_LEN || memcmp(field->value + MH_WS_KEY_LEN - 2, "==", 2) != 0) {
        return false;
    }
    for (int i = 0; i < MH_WS_KEY_LEN - 2; ++i) {
        if (memchr(base64, field->value[i], sizeof(base64) - 1) == NULL) {
            return false;
        }
    }
    return true;
}

// --- Fields

// Whether a list, of tokens with commas between them, has `wanted`: in any case (then it has no capitals), or exactly so.
static bool list_has(const mh_field_t *field, const char *wanted, size_t len, bool any_case) {
    const uint8_t *p = (const uint8_t *)field->value;
    const uint8_t *end = p + field->value_len;
    while (p != end) {
        const uint8_t *comma = memchr(p, ',', (size_t)(end - p));
        const uint8_t *stop = comma == NULL ? end : comma;
        while (p != stop && (*p == ' ' || *p == '\t')) {
            ++p;
        }
        const uint8_t *token_end = mh_span(p, stop, MH_CHAR_TOKEN);
        const uint8_t *rest = token_end;
        while (rest != stop && (*rest == ' ' || *rest == '\t')) {
            ++rest;
        }
        bool fits = rest == stop && (size_t)(token_end - p) == len;
        if (fits && (any_case ? mh_same(p, wanted, len) : memcmp(p, wanted, len) == 0)) {
            return true;
        }
        p = comma == NULL ? end : comma + 1;
    }
    return false;
}

static bool fields_have(const mh_head_t *head, const uint8_t *data, const char *name, const char *wanted, size_t len, bool any_case) {
    uint16_t at = head->fields;
    mh_field_t field;
    while (mh_field_find(data, &at, name, strlen(name), &field)) {
        if (list_has(&field, wanted, len, any_case)) {
            return true;
        }
    }
    return false;
}

bool mh_ws_offers(const mh_head_t *head, const uint8_t *data, const char *protocol, size_t len) {
    return fields_have(head, data, "Sec-WebSocket-Protocol", protocol, len, false);
}

// The one field of this name; false where there is none, or another.
static bool only(const mh_head_t *head, const uint8_t *data, const char *name, mh_field_t *field) {
    uint16_t at = head->fields;
    mh_field_t other;
    return mh_field_find(data, &at, name, strlen(name), field) && !mh_field_find(data, &at, name, strlen(name), &other);
}

int mh_ws_handshake(const mh_head_t *head, const uint8_t *data, const char **key) {
    mh_field_t field;
    // A GET, whatever its version says of itself: MH_HEAD_UPGRADE is for 1.1 only.
    if (head->method_id != MH_GET || !(head->flags & MH_HEAD_UPGRADE) || !fields_have(head, data, "Upgrade", "websocket", 9, true)) {
        return 426;
    }
    if (!only(head, data, "Sec-WebSocket-Version", &field) || field.value_len != 2 || memcmp(field.value, "13", 2) != 0) {
        return 426;
    }
    if (!only(head, data, "Sec-WebSocket-Key", &field) || !is_key(&field)) {
        return 400;
    }
    if (head->length != 0 || (head->flags & MH_HEAD_CHUNKED)) {
        return 400;     // what follows the head is frames
    }
    *key = field.value;
    return 0;
}
