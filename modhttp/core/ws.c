#include "core/ws.h"

#include <string.h>

#include "core/chars.h"

enum {
    FIN = 0x80,
    RSV = 0x70,
    OPCODE = 0x0f,
    CONTROL = 0x08,
    MASKED = 0x80,
    LENGTH = 0x7f,
    LENGTH_16 = 126,
    LENGTH_64 = 127,
};

enum {
    PROTOCOL_ERROR = 1002,
    NO_STATUS = 1005,
    BAD_TEXT = 1007,
    TOO_BIG = 1009,
};

// --- UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing beyond U+10FFFF

static bool utf8_lead(mh_utf8_t *utf8, uint8_t c) {
    if (c < 0xc2 || c > 0xf4) {
        return false;
    }
    utf8->left = (uint8_t)(1 + (c >= 0xe0) + (c >= 0xf0));
    utf8->low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
    utf8->high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
    return true;
}

// Past what is ASCII.
static const uint8_t *skip_ascii(const uint8_t *p, const uint8_t *end) {
    while (p != end && *p < 0x80) {
        if (((uintptr_t)p & 3) == 0 && end - p >= 4) {
            const uint32_t *word = MH_ALIGNED(p, uint32_t);
            if ((*word & 0x80808080) == 0) {
                p += 4;
                continue;
            }
        }
        ++p;
    }
    return p;
}

bool mh_utf8_next(mh_utf8_t *utf8, const uint8_t *text, size_t len) {
    const uint8_t *end = text + len;
    while (text != end) {
        if (utf8->left == 0) {
            text = skip_ascii(text, end);
            if (text == end) {
                return true;
            }
            if (!utf8_lead(utf8, *text)) {
                return false;
            }
        } else {
            if (*text < utf8->low || *text > utf8->high) {
                return false;
            }
            --utf8->left;
            utf8->low = 0x80;
            utf8->high = 0xbf;
        }
        ++text;
    }
    return true;
}

// --- Masks

static uint8_t turn(uint8_t mask[4]) {
    uint8_t first = mask[0];
    mask[0] = mask[1];
    mask[1] = mask[2];
    mask[2] = mask[3];
    mask[3] = first;
    return first;
}

void mh_ws_unmask(uint8_t mask[4], uint8_t *data, size_t len) {
    uint8_t *end = data + len;
    while (data != end && ((uintptr_t)data & 3) != 0) {
        *data++ ^= turn(mask);
    }
    uint32_t word;
    memcpy(&word, mask, 4);
    for (; end - data >= 4; data += 4) {
        uint32_t *at = MH_ALIGNED(data, uint32_t);
        *at ^= word;
    }
    while (data != end) {
        *data++ ^= turn(mask);
    }
}

// --- Frames

static size_t failed(mh_ws_piece_t *piece, uint16_t code, size_t taken) {
    piece->kind = MH_WS_ERROR;
    piece->code = code;
    return taken;
}

static size_t head_len(const mh_ws_t *ws) {
    if (ws->have < 2) {
        return 2;
    }
    uint8_t len = ws->head[1] & LENGTH;
    return 6u + (len == LENGTH_16 ? 2 : 0) + (len == LENGTH_64 ? 8 : 0);
}

// Whether the first two bytes may be (RFC 6455 sections 5.2, 5.4 and 5.5).
static bool may_begin(const mh_ws_t *ws) {
    uint8_t opcode = ws->head[0] & OPCODE;
    if ((ws->head[0] & RSV) != 0 || (ws->head[1] & MASKED) == 0) {
        return false;
    }
    if (opcode & CONTROL) {
        return opcode <= MH_WS_PONG && (ws->head[0] & FIN) && (ws->head[1] & LENGTH) <= MH_WS_CONTROL_MAX;
    }
    return opcode <= MH_WS_BINARY && (opcode == MH_WS_CONTINUATION) == (ws->message != 0);
}

// The length that the head says: 0, or the status that the connection is to be failed with.
static uint16_t take_length(mh_ws_t *ws) {
    uint8_t len = ws->head[1] & LENGTH;
    const uint8_t *p = ws->head + 2;
    uint32_t high = 0;
    ws->left = len;
    if (len == LENGTH_16) {
        ws->left = (uint32_t)p[0] << 8 | p[1];
        return ws->left < LENGTH_16 ? PROTOCOL_ERROR : 0;
    }
    if (len == LENGTH_64) {
        high = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
        ws->left = (uint32_t)p[4] << 24 | (uint32_t)p[5] << 16 | (uint32_t)p[6] << 8 | p[7];
        if ((high >> 31) != 0 || (high == 0 && ws->left < 0x10000)) {
            return PROTOCOL_ERROR;
        }
    }
    return high == 0 ? 0 : TOO_BIG;
}

// The payload is complete: what the frame says.
static void end_frame(mh_ws_t *ws, mh_ws_piece_t *piece) {
    uint8_t opcode = ws->head[0] & OPCODE;
    bool fin = ws->head[0] & FIN;
    ws->in_payload = false;
    ws->have = 0;
    if (opcode & CONTROL) {
        piece->kind = MH_WS_CONTROL;
        piece->opcode = opcode;
    } else if (fin && ws->utf8.left != 0) {
        failed(piece, BAD_TEXT, 0);
    } else if (fin) {
        piece->kind = MH_WS_END;
        piece->message = ws->message;
        ws->message = 0;
        ws->message_len = 0;
    }
}

// The head is complete: 0, or the status that the connection is to be failed with.
static uint16_t begin_payload(mh_ws_t *ws) {
    uint8_t opcode = ws->head[0] & OPCODE;
    uint16_t code = take_length(ws);
    if (code != 0) {
        return code;
    }
    memcpy(ws->mask, ws->head + ws->have - 4, 4);
    ws->in_payload = true;
    if (opcode & CONTROL) {
        ws->control_len = 0;
        return 0;
    }
    if (ws->left > ws->max_message - ws->message_len) {
        return TOO_BIG;
    }
    ws->message_len += ws->left;
    if (opcode != MH_WS_CONTINUATION) {
        ws->message = opcode;
    }
    return 0;
}

static size_t take_head(mh_ws_t *ws, const uint8_t *data, size_t len, mh_ws_piece_t *piece) {
    size_t taken = 0;
    while (ws->have < head_len(ws)) {
        if (taken == len) {
            return taken;
        }
        ws->head[ws->have++] = data[taken++];
        if (ws->have == 2 && !may_begin(ws)) {
            return failed(piece, PROTOCOL_ERROR, taken);
        }
    }
    uint16_t code = begin_payload(ws);
    if (code != 0) {
        return failed(piece, code, taken);
    }
    if (ws->left == 0) {
        end_frame(ws, piece);
    }
    return taken;
}

static size_t take_payload(mh_ws_t *ws, uint8_t *data, size_t len, mh_ws_piece_t *piece) {
    len = len < ws->left ? len : ws->left;
    mh_ws_unmask(ws->mask, data, len);
    if (!mh_ws_in_message(ws)) {
        memcpy(ws->control + ws->control_len, data, len);
        ws->control_len = (uint8_t)(ws->control_len + len);
    } else if (ws->message == MH_WS_TEXT && !mh_utf8_next(&ws->utf8, data, len)) {
        return failed(piece, BAD_TEXT, len);
    } else {
        piece->kind = MH_WS_DATA;
        piece->message = ws->message;
        piece->data = data;
        piece->len = len;
    }
    ws->left -= (uint32_t)len;
    if (ws->left == 0) {
        end_frame(ws, piece);
    }
    return len;
}

bool mh_ws_in_message(const mh_ws_t *ws) {
    return ws->in_payload && (ws->head[0] & CONTROL) == 0;
}

size_t mh_ws_next(mh_ws_t *ws, uint8_t *data, size_t len, mh_ws_piece_t *piece) {
    memset(piece, 0, sizeof(*piece));
    if (len == 0) {
        return 0;
    }
    return ws->in_payload ? take_payload(ws, data, len, piece) : take_head(ws, data, len, piece);
}

// --- Closing

bool mh_ws_code_ok(uint32_t code) {
    return (code >= 1000 && code <= 1014 && (code < 1004 || code > 1006)) || (code >= 3000 && code <= 4999);
}

int mh_ws_close_code(const uint8_t *payload, size_t len) {
    if (len == 0) {
        return NO_STATUS;
    }
    if (len == 1) {
        return -PROTOCOL_ERROR;
    }
    int code = payload[0] << 8 | payload[1];
    if (!mh_ws_code_ok((uint32_t)code)) {
        return -PROTOCOL_ERROR;
    }
    mh_utf8_t utf8 = { 0 };
    return mh_utf8_next(&utf8, payload + 2, len - 2) && utf8.left == 0 ? code : -BAD_TEXT;
}

// --- Ours

size_t mh_ws_head(uint8_t opcode, uint32_t len, uint8_t out[MH_WS_HEAD_MAX]) {
    out[0] = FIN | opcode;
    if (len < LENGTH_16) {
        out[1] = (uint8_t)len;
        return 2;
    }
    if (len < 0x10000) {
        out[1] = LENGTH_16;
        out[2] = (uint8_t)(len >> 8);
        out[3] = (uint8_t)len;
        return 4;
    }
    out[1] = LENGTH_64;
    memset(out + 2, 0, 4);
    out[6] = (uint8_t)(len >> 24);
    out[7] = (uint8_t)(len >> 16);
    out[8] = (uint8_t)(len >> 8);
    out[9] = (uint8_t)len;
    return 10;
}
