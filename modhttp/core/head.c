#include "core/head.h"

#include <string.h>

#include "core/chars.h"
#include "core/uri.h"

// What the parser waits for.
enum {
    STATE_BEGIN,        // an empty line or the request line; sub: empty lines so far
    STATE_BEGIN_LF,
    STATE_METHOD,
    STATE_TARGET,
    STATE_VERSION,      // sub: bytes of it so far
    STATE_FIELD,        // a field line or the empty line
    STATE_NAME,
    STATE_SPACE,        // before a value; sub: which field, from here on
    STATE_VALUE,        // mark: where it begins
    STATE_VALUE_LF,
    STATE_END_LF,
    STATE_DONE,
    STATE_REFUSED,      // mark: the status
};

// The fields that decide about the message itself.
enum {
    FIELD_OTHER,
    FIELD_HOST,
    FIELD_CONTENT_LENGTH,
    FIELD_TRANSFER_ENCODING,
    FIELD_CONNECTION,
    FIELD_EXPECT,
};

// Flags that are nobody else's business.
enum {
    FLAG_CODED = 1 << 8,            // Transfer-Encoding was given
    FLAG_CODING_UNKNOWN = 1 << 9,
    FLAG_CLOSE = 1 << 10,
    FLAG_EXPECT_OTHER = 1 << 11,
    FLAGS_PUBLIC = FLAG_CODED - 1,
};

#define EMPTY_LINES_MAX (4)

// The next item of a comma-separated list (RFC 9110 section 5.6.1), without the white space around it; empty ones are skipped.
static bool list_next(const uint8_t **rest, const uint8_t *end, const uint8_t **item, size_t *len) {
    const uint8_t *p = *rest;
    while (p != end && (*p == ',' || *p == ' ' || *p == '\t')) {
        ++p;
    }
    *item = p;
    const uint8_t *last = p;
    for (; p != end && *p != ','; ++p) {
        if (*p != ' ' && *p != '\t') {
            last = p + 1;
        }
    }
    *rest = p;
    *len = (size_t)(last - *item);
    return *len != 0;
}

static bool is_word(const uint8_t *item, size_t len, const char *word, size_t word_len) {
    return len == word_len && mh_same(item, word, word_len);
}

static int take_host(mh_head_t *head, const uint8_t *p, const uint8_t *end) {
    if ((head->flags & MH_HEAD_HOST) || !mh_authority_ok((const char *)p, (size_t)(end - p))) {
        return -400;
    }
    head->flags |= MH_HEAD_HOST;
    return 0;
}

static int take_content_length(mh_head_t *head, const uint8_t *p, const uint8_t *end) {
    uint32_t length = 0;
    if (p == end) {
        return -400;
    }
    for (; p != end; ++p) {
        if (!mh_is(*p, MH_CHAR_DIGIT)) {
            return -400;
        }
        uint32_t digit = (uint32_t)(*p - '0');
        if (length > UINT32_MAX / 10 || length * 10 > UINT32_MAX - digit) {
            return -400;
        }
        length = length * 10 + digit;
    }
    if ((head->flags & MH_HEAD_LENGTH) && head->length != length) {
        return -400;
    }
    head->flags |= MH_HEAD_LENGTH;
    head->length = length;
    return 0;
}

static int take_transfer_encoding(mh_head_t *head, const uint8_t *p, const uint8_t *end) {
    const uint8_t *item;
    size_t len;
    head->flags |= FLAG_CODED;
    while (list_next(&p, end, &item, &len)) {
        if (head->flags & MH_HEAD_CHUNKED) {
            return -400;        // chunked comes last, and once
        }
        head->flags |= is_word(item, len, "chunked", 7) ? MH_HEAD_CHUNKED : FLAG_CODING_UNKNOWN;
    }
    return 0;
}

static void take_connection(mh_head_t *head, const uint8_t *p, const uint8_t *end) {
    const uint8_t *item;
    size_t len;
    while (list_next(&p, end, &item, &len)) {
        if (is_word(item, len, "close", 5)) {
            head->flags |= FLAG_CLOSE;
        } else if (is_word(item, len, "keep-alive", 10)) {
            head->flags |= MH_HEAD_KEEP_ALIVE;
        } else if (is_word(item, len, "upgrade", 7)) {
            head->flags |= MH_HEAD_UPGRADE;
        }
    }
}

static void take_expect(mh_head_t *head, const uint8_t *p, const uint8_t *end) {
    const uint8_t *item;
    size_t len;
    while (list_next(&p, end, &item, &len)) {
        head->flags |= is_word(item, len, "100-continue", 12) ? MH_HEAD_EXPECT : FLAG_EXPECT_OTHER;
    }
}

// Where each field's name is found by (length - first letter) % 8, in which capitals are no different.
static uint8_t which_field(const uint8_t *name, size_t len) {
    static const struct {
        uint8_t len;
        uint8_t field;
        char name[18];
    } names[8] = {
        [1] = { 6, FIELD_EXPECT, "expect" },
        [3] = { 14, FIELD_CONTENT_LENGTH, "content-length" },
        [4] = { 4, FIELD_HOST, "host" },
        [5] = { 17, FIELD_TRANSFER_ENCODING, "transfer-encoding" },
        [7] = { 10, FIELD_CONNECTION, "connection" },
    };
    size_t at = (len - name[0]) % 8;
    return names[at].len == len && mh_same(name, names[at].name, len) ? names[at].field : FIELD_OTHER;
}

// A whole value, [p, end) with the white space after it.
static int take_field(mh_head_t *head, uint8_t field, const uint8_t *p, const uint8_t *end) {
    while (end != p && (end[-1] == ' ' || end[-1] == '\t')) {
        --end;
    }
    switch (field) {
        case FIELD_HOST:
            return take_host(head, p, end);
        case FIELD_CONTENT_LENGTH:
            return take_content_length(head, p, end);
        case FIELD_TRANSFER_ENCODING:
            return take_transfer_encoding(head, p, end);
        case FIELD_CONNECTION:
            take_connection(head, p, end);
            return 0;
        default:
            take_expect(head, p, end);
            return 0;
    }
}

// All fields are there: what they mean together.
static int conclude(mh_head_t *head) {
    unsigned flags = head->flags;
    if (head->minor != 0 && !(flags & MH_HEAD_HOST)) {
        return -400;
    }
    if ((flags & FLAG_CODED) && (head->minor == 0 || (flags & MH_HEAD_LENGTH) || !(flags & MH_HEAD_CHUNKED))) {
        return -400;
    }
    if (flags & FLAG_CODING_UNKNOWN) {
        return -501;
    }
    if (flags & FLAG_EXPECT_OTHER) {
        return -417;
    }
    if (head->minor == 0) {
        flags &= ~(unsigned)MH_HEAD_EXPECT;     // RFC 9110 section 10.1.1
    } else {
        flags |= MH_HEAD_KEEP_ALIVE;
    }
    if (flags & FLAG_CLOSE) {
        flags &= ~(unsigned)MH_HEAD_KEEP_ALIVE;
    }
    head->flags = flags & FLAGS_PUBLIC;
    head->len = head->pos;
    return 1;
}

// The next byte of "HTTP/1.1" CR LF. Returns 0, or -status.
static int take_version(mh_head_t *head, uint8_t c) {
    uint8_t at = head->sub++;
    if (at == 5 && c != '1' && mh_is(c, MH_CHAR_DIGIT)) {
        return -505;
    }
    if (at == 7) {
        head->minor = c != '0';
        return mh_is(c, MH_CHAR_DIGIT) ? 0 : -400;
    }
    return c == (uint8_t)"HTTP/1.1\r\n"[at] ? 0 : -400;
}

// What nearly every request has.
static bool is_http_1_1(const uint8_t *p, const uint8_t *end) {
    return end - p >= 10 && p[0] == 'H' && p[1] == 'T' && p[2] == 'T' && p[3] == 'P' && p[4] == '/'
        && p[5] == '1' && p[6] == '.' && p[7] == '1' && p[8] == '\r' && p[9] == '\n';
}

// The target from *from on, up to its space. Returns 1 when it is complete, 0 when more is wanted, or -status.
static int take_target(mh_head_t *head, const mh_limits_t *limits, const uint8_t *data, const uint8_t **from,
    const uint8_t *end) {
    const uint8_t *p = *from;
    const uint8_t *begin = data + head->target.at;
    const uint8_t *bound = end - begin > limits->max_target ? begin + limits->max_target : end;
    for (;;) {
        p = mh_span(p, bound, MH_CHAR_TARGET);
        *from = p;
        if (p == end) {
            return 0;
        }
        if (*p == ' ') {
            head->target.len = (uint16_t)(p - begin);
            return p == begin ? -400 : 1;
        }
        if (p - begin >= limits->max_target) {
            return mh_is(*p, MH_CHAR_TARGET) || *p == '%' ? -414 : -400;
        }
        if (*p != '%') {
            return -400;
        }
        if (limits->max_target - (p - begin) < 3) {
            return -414;
        }
        if (end - p < 3) {
            return 0;           // it stays at the '%', no more than two bytes are looked at again
        }
        if (!mh_is(p[1], MH_CHAR_HEX) || !mh_is(p[2], MH_CHAR_HEX)) {
            return -400;
        }
        head->flags |= MH_HEAD_ESCAPED;
        p += 3;
    }
}

// The request line and what may come before it. Returns 1 when it is complete, 0 when more is wanted, or -status.
static int parse_line(mh_head_t *head, const mh_limits_t *limits, const uint8_t *data, const uint8_t **from, const uint8_t *end) {
    const uint8_t *p = *from;
    int result = 0;
    while (p != end && result == 0) {
        switch (head->state) {
            case STATE_BEGIN:
                if (*p == '\r') {
                    ++p;
                    head->state = STATE_BEGIN_LF;
                    break;
                }
                head->method.at = (uint16_t)(p - data);
                head->state = STATE_METHOD;
            // fall through
            case STATE_METHOD:
                p = mh_span(p, end, MH_CHAR_TOKEN);
                if (p == end) {
                    break;
                }
                head->method.len = (uint16_t)(p - data - head->method.at);
                if (*p != ' ' || head->method.len == 0) {
                    return -400;
                }
                head->method_id = (uint8_t)mh_method((const char *)data + head->method.at, head->method.len);
                ++p;
                head->target.at = (uint16_t)(p - data);
                head->state = STATE_TARGET;
            // fall through
            case STATE_TARGET:
                result = take_target(head, limits, data, &p, end);
                if (result <= 0) {
                    *from = p;
                    return result;
                }
                ++p;
                head->state = STATE_VERSION;
                head->sub = 0;
                result = 0;
            // fall through
            case STATE_VERSION:
                if (head->sub == 0 && is_http_1_1(p, end)) {
                    head->minor = 1;
                    *from = p + 10;
                    return 1;
                }
                while (p != end && head->sub < 10 && result == 0) {
                    result = take_version(head, *p++);
                }
                if (head->sub == 10 && result == 0) {
                    result = 1;
                }
                break;
            default:    // STATE_BEGIN_LF
                if (*p++ != '\n' || ++head->sub > EMPTY_LINES_MAX) {
                    return -400;
                }
                head->state = STATE_BEGIN;
        }
    }
    *from = p;
    return result;
}

// The field lines and the empty line. Returns 1 when they are complete, 0 when more is wanted, or -status.
static MH_NOINLINE int parse_fields(mh_head_t *head, const mh_limits_t *limits, const uint8_t *data,
    const uint8_t **from, const uint8_t *end) {
    const uint8_t *p = *from;
    const uint8_t *mark = data + head->mark;
    unsigned state = head->state;
    unsigned count_left = (unsigned)(limits->max_fields - head->count);
    int result = 0;
    while (p != end) {
        switch (state) {
            case STATE_FIELD:
                if (*p == '\r') {
                    ++p;
                    state = STATE_END_LF;
                    break;
                }
                if (count_left == 0) {
                    return -431;
                }
                --count_left;
                mark = p;
                state = STATE_NAME;
            // fall through
            case STATE_NAME:
                p = mh_span(p, end, MH_CHAR_TOKEN);
                if (p == end) {
                    break;
                }
                if (*p != ':' || p == mark) {
                    return -400;
                }
                head->sub = which_field(mark, (size_t)(p - mark));
                ++p;
                state = STATE_SPACE;
            // fall through
            case STATE_SPACE:
                while (p != end && (*p == ' ' || *p == '\t')) {
                    ++p;
                }
                if (p == end) {
                    break;
                }
                mark = p;
                state = STATE_VALUE;
            // fall through
            case STATE_VALUE:
                p = mh_span(p, end, MH_CHAR_VALUE);
                if (p == end) {
                    break;
                }
                if (*p++ != '\r') {
                    return -400;
                }
                state = STATE_VALUE_LF;
                if (p == end) {
                    break;
                }
            // fall through
            case STATE_VALUE_LF:
                if (*p != '\n') {
                    return -400;
                }
                if (head->sub != FIELD_OTHER) {
                    result = take_field(head, head->sub, mark, p - 1);
                    if (result < 0) {
                        return result;
                    }
                }
                ++p;
                state = STATE_FIELD;
                break;
            default:    // STATE_END_LF
                *from = p + 1;
                return *p == '\n' ? 1 : -400;
        }
    }
    *from = p;
    head->state = (uint8_t)state;
    head->mark = (uint16_t)(mark - data);
    head->count = (uint16_t)(limits->max_fields - count_left);
    return 0;
}

// As much text as is looked at in one go.
typedef uintptr_t word_t;

#define EVERY_BYTE(c) ((word_t)-1 / 0xff * (c))

// Whether some byte of the word is below ' ' or DEL. Now and then true when none is: whoever gets that looks closer.
static inline bool has_control(word_t word) {
    return ((word - EVERY_BYTE(0x20)) | (word + EVERY_BYTE(1))) & ~word & EVERY_BYTE(0x80);
}

// Where to begin with words at p: machines of 32 bits may read them only where they are aligned, which is at or before p.
static inline const uint8_t *word_begin(const uint8_t *p) {
    return sizeof(word_t) > 4 ? p : p - ((uintptr_t)p & (sizeof(word_t) - 1));
}

static inline word_t word_at(const uint8_t *p) {
    word_t word;
    memcpy(&word, sizeof(word_t) > 4 ? p : MH_ALIGNED(p, word_t), sizeof(word));
    return word;
}

// The first byte from `begin` on that no value contains. There is one before `end`, and at least a word before `begin`.
static MH_NOINLINE const uint8_t *value_end(const uint8_t *begin, const uint8_t *end) {
    const uint8_t *p = word_begin(begin);
    for (const uint8_t *last = end - 2 * sizeof(word_t); p <= last; p += 2 * sizeof(word_t)) {
        if (has_control(word_at(p))) {
            break;
        }
        if (has_control(word_at(p + sizeof(word_t)))) {
            p += sizeof(word_t);
            break;
        }
    }
    p = p < begin ? begin : p;
    while (mh_is(*p, MH_CHAR_VALUE)) {
        ++p;
    }
    return p;
}

// The first byte that no token contains; there is one.
static inline const uint8_t *token_end(const uint8_t *p) {
    for (;; p += 4) {
        if (!mh_is(p[0], MH_CHAR_TOKEN)) {
            return p;
        }
        if (!mh_is(p[1], MH_CHAR_TOKEN)) {
            return p + 1;
        }
        if (!mh_is(p[2], MH_CHAR_TOKEN)) {
            return p + 2;
        }
        if (!mh_is(p[3], MH_CHAR_TOKEN)) {
            return p + 3;
        }
    }
}

// What parse_fields() does with whole lines, for speed: [*from, end) begins with a line and ends with an LF, which no
// line can run past, so that most steps need not look for the end. Returns 1 after the empty line, 0 at the end, or -status.
static MH_NOINLINE int parse_lines(mh_head_t *head, const mh_limits_t *limits, const uint8_t **from, const uint8_t *end) {
    const uint8_t *p = *from;
    unsigned left = (unsigned)(limits->max_fields - head->count);
    while (p != end) {
        const uint8_t *name = p;
        if (*p == '\r') {
            *from = p + 2;
            return p[1] == '\n' ? 1 : -400;
        }
        if (left-- == 0) {
            return -431;
        }
        p = token_end(p);
        if (*p != ':' || p == name) {
            return -400;
        }
        uint8_t field = which_field(name, (size_t)(p - name));
        do {
            ++p;
        } while (*p == ' ' || *p == '\t');
        const uint8_t *value = p;
        p = value_end(p, end);
        if (p[0] != '\r' || p[1] != '\n') {
            return -400;
        }
        if (field != FIELD_OTHER) {
            int result = take_field(head, field, value, p);
            if (result < 0) {
                return result;
            }
        }
        p += 2;
    }
    head->count = (uint16_t)(limits->max_fields - left);
    *from = p;
    return 0;
}

int mh_head_parse(mh_head_t *head, const mh_limits_t *limits, const uint8_t *data, size_t len) {
    const uint8_t *p = data + head->pos;
    const uint8_t *end = data + (len < limits->max_head ? len : limits->max_head);
    int result = 0;
    if (head->state >= STATE_DONE) {
        return head->state == STATE_DONE ? 1 : -(int)head->mark;
    }
    if (head->state < STATE_FIELD) {
        result = parse_line(head, limits, data, &p, end);
        if (result == 1) {
            head->fields = (uint16_t)(p - data);
            head->state = STATE_FIELD;
            result = 0;
        }
    }
    if (head->state == STATE_FIELD && p != end && end[-1] == '\n') {
        result = parse_lines(head, limits, &p, end);
    }
    if (head->state >= STATE_FIELD && result == 0) {
        result = parse_fields(head, limits, data, &p, end);
    }
    head->pos = (uint16_t)(p - data);
    if (result == 0 && len >= limits->max_head) {
        result = head->state == STATE_TARGET ? -414 : -431;
    }
    if (result == 1) {
        result = conclude(head);
    }
    if (result != 0) {
        head->state = result == 1 ? STATE_DONE : STATE_REFUSED;
        head->mark = result == 1 ? 0 : (uint16_t)-result;
    }
    return result;
}
