// WebSocket: a client's frames, in any pieces, beside a plain reading of all of them at once; UTF-8, masks and the payload of
// close frames beside RFC 3629 and 6455 as they are written; heads of ours read back; the opening handshake.

#include <ctype.h>

#include "core/ws.h"
#include "fuzz.h"

// ---- plain readings

// How many of the bytes are whole characters, and *open whether what is behind them may become one.
static size_t model_utf8(const uint8_t *text, size_t len, bool *open) {
    size_t at = 0;
    *open = true;
    while (at < len) {
        uint32_t c = text[at];
        size_t more = c < 0x80 ? 0 : c >> 5 == 6 ? 1 : c >> 4 == 14 ? 2 : c >> 3 == 30 ? 3 : 4;
        if (more == 4) {
            *open = false;
            return at;
        }
        uint32_t least = more == 1 ? 0x80 : more == 2 ? 0x800 : more == 3 ? 0x10000 : 0;
        uint32_t low = c & (0x7fu >> (more + 1)), high;
        low = more == 0 ? c : low;
        high = low;
        size_t i = 1;
        for (; i <= more && at + i < len && text[at + i] >> 6 == 2; ++i) {
            low = low << 6 | (text[at + i] & 63);
            high = low;
        }
        for (size_t missing = i; missing <= more; ++missing) {
            low <<= 6;
            high = high << 6 | 63;
        }
        // Some code point in [low, high] has to be left.
        bool some = high >= least && low <= 0x10ffff && !(low >= 0xd800 && high <= 0xdfff);
        if (!some || (i <= more && at + i < len)) {
            *open = false;
            return at;
        }
        if (i <= more) {
            return at;
        }
        at += 1 + more;
    }
    return at;
}

static bool model_text(const uint8_t *text, size_t len, bool whole) {
    bool open;
    size_t good = model_utf8(text, len, &open);
    return whole ? good == len : open || good == len;
}

// What is told of a stream: a log of messages and control frames, and how it ends.
#define LOG_MAX (16384)

typedef struct _log_t {
    uint8_t bytes[LOG_MAX];
    size_t len;
    uint8_t message[LOG_MAX];   // the unfinished one
    size_t message_len;
    int error;
} log_t;

static void log_add(log_t *log, uint8_t opcode, const uint8_t *data, size_t len) {
    CHECK(log->len + len + 4 <= LOG_MAX);
    log->bytes[log->len++] = opcode;
    log->bytes[log->len++] = (uint8_t)(len >> 16);
    log->bytes[log->len++] = (uint8_t)(len >> 8);
    log->bytes[log->len++] = (uint8_t)len;
    if (len > 0) {
        memcpy(log->bytes + log->len, data, len);
    }
    log->len += len;
}

static void model_frames(const uint8_t *data, size_t len, uint32_t max_message, log_t *log) {
    uint8_t kind = 0;
    size_t at = 0;
    while (len - at >= 2) {
        uint8_t opcode = data[at] & 15, fin = data[at] >> 7, first = data[at + 1] & 127;
        bool control = opcode == 8 || opcode == 9 || opcode == 10;
        bool known = control || opcode == 0 || opcode == 1 || opcode == 2;
        if ((data[at] & 0x70) != 0 || data[at + 1] >> 7 == 0 || !known || (control && (!fin || first > 125))
            || (opcode == 0 && kind == 0) || ((opcode == 1 || opcode == 2) && kind != 0)) {
            log->error = 1002;
            return;
        }
        size_t size = first == 126 ? 2 : first == 127 ? 8 : 0;
        if (len - at < 2 + size + 4) {
            return;
        }
        uint64_t length = size == 0 ? first : 0;
        for (size_t i = 0; i < size; ++i) {
            length = length << 8 | data[at + 2 + i];
        }
        if ((size == 2 && length < 126) || (size == 8 && (length < 65536 || length >> 63 != 0))) {
            log->error = 1002;
            return;
        }
        const uint8_t *mask = data + at + 2 + size;
        at += 2 + size + 4;
        // What was announced and did not come ends the stream, so the message is as long as what is here.
        if (!control && length > max_message - log->message_len) {
            log->error = 1009;
            return;
        }
        size_t here = length < len - at ? (size_t)length : len - at;
        uint8_t payload[LOG_MAX];
        for (size_t i = 0; i < here; ++i) {
            payload[i] = data[at + i] ^ mask[i % 4];
        }
        at += here;
        bool whole = here == length;
        if (control) {
            if (whole) {
                log_add(log, opcode, payload, here);
            }
            continue;
        }
        kind = opcode == 0 ? kind : opcode;
        memcpy(log->message + log->message_len, payload, here);
        log->message_len += here;
        if (kind == 1 && !model_text(log->message, log->message_len, whole && fin)) {
            log->error = 1007;
            return;
        }
        if (whole && fin) {
            log_add(log, kind, log->message, log->message_len);
            log->message_len = 0;
            kind = 0;
        }
    }
}

// ---- the decoder

static void feed(mh_ws_t *ws, uint8_t *data, size_t len, log_t *log) {
    while (len > 0 && log->error == 0) {
        mh_ws_piece_t piece;
        bool in_message = mh_ws_in_message(ws);
        uint32_t left = ws->left;
        size_t n = mh_ws_next(ws, data, len, &piece);
        CHECK(n > 0 && n <= len);
        if (piece.kind == MH_WS_DATA || piece.kind == MH_WS_END) {
            CHECK(piece.len == 0 || (in_message && piece.len == n && piece.len <= left && piece.data == data));
            if (piece.len > 0) {
                memcpy(log->message + log->message_len, piece.data, piece.len);
            }
            log->message_len += piece.len;
            CHECK(log->message_len <= ws->max_message);
            if (piece.kind == MH_WS_END) {
                log_add(log, piece.message, log->message, log->message_len);
                log->message_len = 0;
            }
        } else if (piece.kind == MH_WS_CONTROL) {
            log_add(log, piece.opcode, ws->control, ws->control_len);
        } else if (piece.kind == MH_WS_ERROR) {
            log->error = piece.code;
        }
        data += n;
        len -= n;
    }
}

// A stream of frames, of what the input says each is to be. Returns its length.
static size_t build(input_t *input, uint8_t *out, size_t size) {
    size_t len = 0;
    while (input->len > 1 && len + 160 < size) {
        uint8_t first = input_byte(input), how = input_byte(input);
        uint8_t payload = how & 15;
        size_t payload_len = payload < 12 ? payload : payload < 14 ? input_byte(input) % 130 : payload == 14 ? 126 : 0;
        out[len++] = how & 64 ? first : first & 0x8f;
        bool longer = (how & 32) || payload_len > 125;
        out[len++] = (how & 128 ? input_byte(input) & 0x80 : 0x80) | (longer ? 126 : (uint8_t)payload_len);
        if (longer) {
            out[len++] = 0;
            out[len++] = (uint8_t)payload_len;
        }
        for (int i = 0; i < 4; ++i) {
            out[len++] = how & 16 ? input_byte(input) : 0;
        }
        for (size_t i = 0; i < payload_len; ++i) {
            out[len++] = input->len > 0 ? input_byte(input) : (uint8_t)i;
        }
    }
    return len;
}

static void check_frames(input_t input, bool built) {
    static uint8_t data[LOG_MAX / 4];
    static log_t expected, found;
    expected.len = found.len = expected.message_len = found.message_len = 0;
    expected.error = found.error = 0;
    uint32_t max_message = 1 + input_number(&input, 1) * (input_byte(&input) % 8 + 1u);
    pieces_t pieces = input_pieces(&input);
    size_t len = input.len < sizeof(data) ? input.len : sizeof(data);
    if (built) {
        len = build(&input, data, sizeof(data));
    } else if (len > 0) {
        memcpy(data, input.data, len);
    }
    model_frames(data, len, max_message, &expected);
    mh_ws_t ws = { .max_message = max_message };
    for (size_t at = 0; at < len && found.error == 0;) {
        size_t size = piece_next(&pieces, len - at);
        uint8_t *piece = exact_new(data + at, size);
        feed(&ws, piece, size, &found);
        exact_free(piece, size);
        at += size;
    }
    CHECK(found.error == expected.error);
    CHECK(found.len == expected.len && memcmp(found.bytes, expected.bytes, found.len) == 0);
    CHECK(found.error != 0 || (found.message_len == expected.message_len && memcmp(found.message, expected.message, found.message_len) == 0));
}

// ---- texts, masks, closings, heads of ours

static void check_text(input_t input) {
    pieces_t pieces = input_pieces(&input);
    mh_utf8_t utf8 = { 0 };
    bool good = true;
    for (size_t at = 0; at < input.len && good;) {
        size_t size = piece_next(&pieces, input.len - at);
        uint8_t *piece = exact_new(input.data + at, size);
        good = mh_utf8_next(&utf8, piece, size);
        exact_free(piece, size);
        at += size;
    }
    CHECK(good == model_text(input.data, input.len, false));
    CHECK((good && utf8.left == 0) == model_text(input.data, input.len, true));

    uint8_t *payload = exact_new(input.data, input.len);
    int code = mh_ws_close_code(payload, input.len);
    exact_free(payload, input.len);
    if (input.len < 2) {
        CHECK(code == (input.len == 0 ? 1005 : -1002));
        return;
    }
    int said = input.data[0] << 8 | input.data[1];
    bool may = (said >= 1000 && said <= 1003) || (said >= 1007 && said <= 1014) || (said >= 3000 && said <= 4999);
    CHECK(may == mh_ws_code_ok((uint32_t)said));
    CHECK(code == (!may ? -1002 : model_text(input.data + 2, input.len - 2, true) ? said : -1007));
}

static void check_mask(input_t input) {
    uint8_t mask[4], turned[4];
    uint32_t length = input_number(&input, 4);
    for (int i = 0; i < 4; ++i) {
        mask[i] = turned[i] = input_byte(&input);
    }
    size_t begin = input_byte(&input) % 4;
    begin = begin < input.len ? begin : input.len;
    uint8_t *data = exact_new(input.data, input.len);
    mh_ws_unmask(turned, data + begin, input.len - begin);
    for (size_t i = 0; i < input.len; ++i) {
        CHECK(data[i] == (i < begin ? input.data[i] : input.data[i] ^ mask[(i - begin) % 4]));
    }
    for (size_t i = 0; i < 4; ++i) {
        CHECK(turned[i] == mask[(input.len - begin + i) % 4]);
    }
    exact_free(data, input.len);

    uint8_t head[MH_WS_HEAD_MAX];
    size_t len = mh_ws_head(MH_WS_BINARY, length, head);
    uint64_t said = head[1] < 126 ? head[1] : 0;
    for (size_t i = 2; i < len; ++i) {
        said = said << 8 | head[i];
    }
    CHECK(head[0] == 0x82 && said == length);
    CHECK(len == (length < 126 ? 2 : length < 65536 ? 4 : 10) && (len == 2 || head[1] == (len == 4 ? 126 : 127)));
}

// ---- the handshake

static bool is_same(const char *a, size_t len, const char *lower, bool any_case) {
    bool same = len == strlen(lower);
    for (size_t i = 0; same && i < len; ++i) {
        same = (any_case ? tolower((uint8_t)a[i]) : a[i]) == lower[i];
    }
    return same;
}

// Whether an element of the fields of this name is `wanted`.
static bool model_has(const mh_head_t *head, const uint8_t *data, const char *name, const char *wanted, bool any_case) {
    uint16_t at = head->fields;
    mh_field_t field;
    while (mh_field_next(data, &at, &field)) {
        input_t value = { (const uint8_t *)field.value, is_same(field.name, field.name_len, name, true) ? field.value_len : 0 };
        while (value.len > 0) {
            input_t element = input_until(&value, ',');
            while (element.len > 0 && is_one_of(element.data[0], " \t")) {
                input_byte(&element);
            }
            while (element.len > 0 && is_one_of(element.data[element.len - 1], " \t")) {
                --element.len;
            }
            if (is_same((const char *)element.data, element.len, wanted, any_case)) {
                return true;
            }
        }
    }
    return false;
}

// The value of the only field of this name; data is NULL where there is none, or another.
static input_t model_only(const mh_head_t *head, const uint8_t *data, const char *name) {
    uint16_t at = head->fields;
    mh_field_t field;
    input_t value = { NULL, 0 };
    int fields = 0;
    while (mh_field_next(data, &at, &field)) {
        if (is_same(field.name, field.name_len, name, true)) {
            value = (input_t) { (const uint8_t *)field.value, field.value_len };
            ++fields;
        }
    }
    return fields == 1 ? value : (input_t) { NULL, 0 };
}

static int model_handshake(const mh_head_t *head, const uint8_t *data) {
    bool upgrade = head->minor == 1 && head->method_id == MH_GET && model_has(head, data, "connection", "upgrade", true);
    input_t version = model_only(head, data, "sec-websocket-version");
    if (!upgrade || !model_has(head, data, "upgrade", "websocket", true) || !is_same((const char *)version.data, version.len, "13", false)) {
        return 426;
    }
    input_t key = model_only(head, data, "sec-websocket-key");
    bool good = key.len == MH_WS_KEY_LEN && head->length == 0 && !(head->flags & MH_HEAD_CHUNKED);
    for (size_t i = 0; good && i < key.len; ++i) {
        good = i < 22 ? is_alphanumeric(key.data[i]) || is_one_of(key.data[i], "+/") : key.data[i] == '=';
    }
    return good ? 0 : 400;
}

static void check_handshake(input_t input) {
    static const mh_limits_t limits = { 4096, 1024, 32 };
    mh_head_t head = { 0 };
    uint8_t *data = exact_new(input.data, input.len);
    if (mh_head_parse(&head, &limits, data, input.len) == 1) {
        const char *key = NULL;
        int status = mh_ws_handshake(&head, data, &key);
        CHECK(status == model_handshake(&head, data));
        if (status == 0) {
            char *accept = (char *)exact_new(NULL, MH_WS_ACCEPT_LEN);
            CHECK((const uint8_t *)key == model_only(&head, data, "sec-websocket-key").data);
            mh_ws_accept(key, accept);
            for (int i = 0; i < MH_WS_ACCEPT_LEN; ++i) {
                uint8_t c = (uint8_t)accept[i];
                CHECK(i == MH_WS_ACCEPT_LEN - 1 ? c == '=' : is_alphanumeric(c) || is_one_of(c, "+/"));
            }
            exact_free((uint8_t *)accept, MH_WS_ACCEPT_LEN);
        }
        CHECK(mh_ws_offers(&head, data, "chat", 4) == model_has(&head, data, "sec-websocket-protocol", "chat", false));
    }
    exact_free(data, input.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    input_t input = { data, len };
    switch (input_byte(&input) % 8) {
        case 0:
            check_text(input);
            break;
        case 1:
            check_mask(input);
            break;
        case 2:
            check_handshake(input);
            break;
        case 3:
        case 4:
            check_frames(input, false);
            break;
        default:
            check_frames(input, true);
    }
    return 0;
}
