#include "core/body.h"

#include "core/chars.h"

enum {
    STATE_DONE,
    STATE_LENGTH,       // left: of the body
    STATE_SIZE,         // the first digit of a chunk's size
    STATE_SIZE_MORE,    // left: the size so far
    STATE_EXT_SPACE,    // white space before an extension's ';'
    STATE_EXT_BEGIN,    // after the ';'
    STATE_EXT_NAME,
    STATE_EXT_NAMED,    // white space after the name
    STATE_EXT_EQUALS,
    STATE_EXT_VALUE,
    STATE_EXT_QUOTED,
    STATE_EXT_ESCAPED,  // after a backslash in quotes
    STATE_EXT_END,      // after the closing quote
    STATE_SIZE_LF,
    STATE_DATA,         // left: of the chunk
    STATE_DATA_CR,
    STATE_DATA_LF,
    STATE_TRAILER,      // a trailer or the empty line
    STATE_NAME,
    STATE_VALUE,
    STATE_VALUE_LF,
    STATE_END_LF,
    STATE_BAD,
};

void mh_body_init(mh_body_t *body, const mh_head_t *head) {
    body->extra = 0;
    body->left = 0;
    body->state = STATE_DONE;
    if (head->flags & MH_HEAD_CHUNKED) {
        body->state = STATE_SIZE;
    } else if (head->length != 0) {
        body->left = head->length;
        body->state = STATE_LENGTH;
    }
}

bool mh_body_done(const mh_body_t *body) {
    return body->state == STATE_DONE;
}

// Whether the byte that led here is one of those that could go on for ever.
static bool is_extra(const mh_body_t *body) {
    switch (body->state) {
        case STATE_SIZE_MORE:
            return body->left == 0;     // zeros before the size
        case STATE_NAME:
        case STATE_VALUE:
            return true;
        default:
            return body->state >= STATE_EXT_SPACE && body->state <= STATE_EXT_END;
    }
}

static bool is_space(uint8_t c) {
    return c == ' ' || c == '\t';
}

// The state after byte `c` where an extension may begin or the line end.
static uint8_t extension_or_end(uint8_t c) {
    return c == ';' ? STATE_EXT_BEGIN : c == '\r' ? STATE_SIZE_LF : is_space(c) ? STATE_EXT_SPACE : STATE_BAD;
}

// The state after byte `c` of a chunk extension (RFC 9112 section 7.1.1): ; name, ; name = token or ; name = "text".
// What it says is of no interest, but a line that is none must not pass for one.
static uint8_t extension(uint8_t state, uint8_t c) {
    bool token = mh_is(c, MH_CHAR_TOKEN);
    switch (state) {
        case STATE_EXT_SPACE:
            return is_space(c) ? state : c == ';' ? STATE_EXT_BEGIN : STATE_BAD;
        case STATE_EXT_BEGIN:
            return is_space(c) ? state : token ? STATE_EXT_NAME : STATE_BAD;
        case STATE_EXT_NAME:
            return token ? state : c == '=' ? STATE_EXT_EQUALS : is_space(c) ? STATE_EXT_NAMED : extension_or_end(c);
        case STATE_EXT_NAMED:
            return is_space(c) ? state : c == '=' ? STATE_EXT_EQUALS : c == ';' ? STATE_EXT_BEGIN : STATE_BAD;
        case STATE_EXT_EQUALS:
            return is_space(c) ? state : c == '"' ? STATE_EXT_QUOTED : token ? STATE_EXT_VALUE : STATE_BAD;
        case STATE_EXT_VALUE:
            return token ? state : extension_or_end(c);
        case STATE_EXT_QUOTED:
            return c == '"' ? STATE_EXT_END : c == '\\' ? STATE_EXT_ESCAPED : mh_is(c, MH_CHAR_VALUE) ? state : STATE_BAD;
        case STATE_EXT_ESCAPED:
            return mh_is(c, MH_CHAR_VALUE) ? STATE_EXT_QUOTED : STATE_BAD;
        default:    // STATE_EXT_END
            return extension_or_end(c);
    }
}

// The state after byte `c` of a chunk's size line.
static uint8_t size_line(mh_body_t *body, uint8_t c) {
    switch (body->state) {
        case STATE_SIZE:
        case STATE_SIZE_MORE:
            if (mh_is(c, MH_CHAR_HEX)) {
                if (body->left >> 28) {
                    return STATE_BAD;
                }
                body->left = body->left << 4 | mh_hex(c);
                return STATE_SIZE_MORE;
            }
            return body->state == STATE_SIZE ? STATE_BAD : extension_or_end(c);
        case STATE_SIZE_LF:
            return c != '\n' ? STATE_BAD : body->left != 0 ? STATE_DATA : STATE_TRAILER;
        default:
            return extension(body->state, c);
    }
}

// The state after byte `c` of the trailers, or of the line end that follows a chunk's data.
static uint8_t trailer_line(const mh_body_t *body, uint8_t c) {
    switch (body->state) {
        case STATE_DATA_CR:
            return c == '\r' ? STATE_DATA_LF : STATE_BAD;
        case STATE_DATA_LF:
            return c == '\n' ? STATE_SIZE : STATE_BAD;
        case STATE_TRAILER:
            if (c == '\r') {
                return STATE_END_LF;
            }
            return mh_is(c, MH_CHAR_TOKEN) ? STATE_NAME : STATE_BAD;
        case STATE_NAME:
            return mh_is(c, MH_CHAR_TOKEN) ? STATE_NAME : c == ':' ? STATE_VALUE : STATE_BAD;
        case STATE_VALUE:
            return mh_is(c, MH_CHAR_VALUE) ? STATE_VALUE : c == '\r' ? STATE_VALUE_LF : STATE_BAD;
        case STATE_VALUE_LF:
            return c == '\n' ? STATE_TRAILER : STATE_BAD;
        default:    // STATE_END_LF
            return c == '\n' ? STATE_DONE : STATE_BAD;
    }
}

int mh_body_next(mh_body_t *body, const uint8_t *in, size_t len, const uint8_t **data, size_t *data_len) {
    const uint8_t *p = in;
    const uint8_t *end = in + (len < INT32_MAX ? len : INT32_MAX);
    *data = in;
    *data_len = 0;
    if (body->state == STATE_BAD) {
        return -400;
    }
    while (p != end && body->state != STATE_DONE) {
        if (body->state == STATE_LENGTH || body->state == STATE_DATA) {
            size_t here = (size_t)(end - p) < body->left ? (size_t)(end - p) : body->left;
            *data = p;
            *data_len = here;
            body->left -= (uint32_t)here;
            if (body->left == 0) {
                body->state = body->state == STATE_DATA ? STATE_DATA_CR : STATE_DONE;
            }
            return (int)(p + here - in);
        }
        body->state = body->state <= STATE_SIZE_LF ? size_line(body, *p) : trailer_line(body, *p);
        ++p;
        body->extra += is_extra(body);
        if (body->state == STATE_BAD || body->extra > MH_BODY_EXTRA_MAX) {
            body->state = STATE_BAD;
            return -400;
        }
    }
    return (int)(p - in);
}
