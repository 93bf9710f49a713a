#include "core/head.h"

#include <string.h>

#include "core/chars.h"
#include "core/number.h"
#include "core/uri.h"

// What the parser waits for.
enum {
    STATE_FRESH,        // nothing has been looked at
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
#define STOP_WITHIN (64)            // bytes from the end that are searched for an empty line

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
    return 1;
}

static int take_content_length(mh_head_t *head, const uint8_t *p, const uint8_t *end) {
    uint32_t length;
    if (!mh_decimal_read(p, (size_t)(end - p), UINT32_MAX, &length)) {
        return -400;
    }
    if ((head->flags & MH_HEAD_LENGTH) && head->length != length) {
        return -400;
    }
    head->flags |= MH_HEAD_LENGTH;
    head->length = length;
    return 1;
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
    return 1;
}

static int take_connection(mh_head_t *head, const uint8_t *p, const uint8_t *end) {
    if (is_word(p, (size_t)(end - p), "keep-alive", 10)) {      // every browser's
        head->flags |= MH_HEAD_KEEP_ALIVE;
        return 1;
    }
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
    return 1;
}

static int take_expect(mh_head_t *head, const uint8_t *p, const uint8_t *end) {
    const uint8_t *item;
    size_t len;
    while (list_next(&p, end, &item, &len)) {
        head->flags |= is_word(item, len, "100-continue", 12) ? MH_HEAD_EXPECT : FLAG_EXPECT_OTHER;
    }
    return 1;
}

// Where each field's name is found by (length - first letter) % 8, in which capitals are no different.
static MH_NOINLINE uint8_t which_field(const uint8_t *name, size_t len) {
    static const char text[] = "expectcontent-lengthhosttransfer-encodingconnection";
    static const struct {
        uint8_t at;         // in text
        uint8_t len;
        uint8_t field;
    } names[8] = {
        [1] = { 0, 6, FIELD_EXPECT },
        [3] = { 6, 14, FIELD_CONTENT_LENGTH },
        [4] = { 20, 4, FIELD_HOST },
        [5] = { 24, 17, FIELD_TRANSFER_ENCODING },
        [7] = { 41, 10, FIELD_CONNECTION },
    };
    size_t at = (len - name[0]) % 8;
    return names[at].len == len && mh_same(name, text + names[at].at, len) ? names[at].field : FIELD_OTHER;
}

// A whole value, [p, end) with the white space after it. Returns 1, or -status.
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
            return take_connection(head, p, end);
        default:
            return take_expect(head, p, end);
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
        flags &= ~(unsigned)(MH_HEAD_EXPECT | MH_HEAD_UPGRADE);     // RFC 9110 sections 10.1.1 and 7.8
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
static MH_NOINLINE int parse_line(mh_head_t *head, const mh_limits_t *limits, const uint8_t *data, const uint8_t **from,
    const uint8_t *end) {
    const uint8_t *p = *from;
    int result = 0;
    while (p != end && result == 0) {
        switch (head->state) {
            case STATE_FRESH:
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
                while (p != end && head->sub < 10 && result == 0) {
                    result = take_version(head, *p++);
                }
                if (head->sub == 10 && result == 0) {
                    head->fields = (uint16_t)(p - data);
                    head->state = STATE_FIELD;
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

// A field line, from wherever it was left, or the empty line. Returns 1 after the one, 2 after the other, 0 when more is
// wanted, or -status.
static MH_NOINLINE int parse_field(mh_head_t *head, const mh_limits_t *limits, const uint8_t *data, const uint8_t **from,
    const uint8_t *end) {
    const uint8_t *p = *from;
    int result = 0;
    while (p != end && result == 0) {
        switch (head->state) {
            case STATE_FIELD:
                if (*p == '\r') {
                    ++p;
                    head->state = STATE_END_LF;
                    break;
                }
                if (head->count >= limits->max_fields) {
                    return -431;
                }
                ++head->count;
                head->mark = (uint16_t)(p - data);
                head->state = STATE_NAME;
            // fall through
            case STATE_NAME:
                p = mh_span(p, end, MH_CHAR_TOKEN);
                if (p == end) {
                    break;
                }
                if (*p != ':' || p == data + head->mark) {
                    return -400;
                }
                head->sub = which_field(data + head->mark, (size_t)(p - data) - head->mark);
                ++p;
                head->state = STATE_SPACE;
            // fall through
            case STATE_SPACE:
                while (p != end && (*p == ' ' || *p == '\t')) {
                    ++p;
                }
                if (p == end) {
                    break;
                }
                head->mark = (uint16_t)(p - data);
                head->state = STATE_VALUE;
            // fall through
            case STATE_VALUE:
                p = mh_span(p, end, MH_CHAR_VALUE);
                if (p == end) {
                    break;
                }
                if (*p++ != '\r') {
                    return -400;
                }
                head->state = STATE_VALUE_LF;
                break;
            case STATE_VALUE_LF:
                if (*p++ != '\n') {
                    return -400;
                }
                head->state = STATE_FIELD;
                result = head->sub == FIELD_OTHER ? 1 : take_field(head, head->sub, data + head->mark, p - 2);
                break;
            default:    // STATE_END_LF
                if (*p++ != '\n') {
                    return -400;
                }
                result = 2;
        }
    }
    *from = p;
    return result;
}

// --- the usual, faster ---
// Whole lines that look as they nearly always do. Any other is left to the functions above, from its first byte on, so
// there is one place that says why a line is refused. In these functions a CR, some bytes before the end of the data, is
// ahead of p: all loops stop there at the latest, and need not look for the end. Cycles are a Cortex-M0+'s.

// The first byte from p on that is not of the class, in six cycles a byte. Its bit is moved to where the sign is: a mask would
// take a register, of which there are few.
static MH_INLINE const uint8_t *skip(const uint8_t *p, uint8_t class) {
    for (;; p += 8) {
#define STEP(n) if ((int32_t)(mh_chars[p[n]] * (0x80000000u / class)) >= 0) { return p + n; }
        STEP(0) STEP(1) STEP(2) STEP(3) STEP(4) STEP(5) STEP(6) STEP(7)
#undef STEP
    }
}

#ifdef MH_LITTLE_ENDIAN
// As much text as is looked at in one go.
typedef uintptr_t word_t;

#define EVERY_BYTE(c) ((word_t)-1 / 0xff * (c))
#define ANYWHERE (sizeof(word_t) > 4)       // machines of 32 bits may read words only where they are aligned

static inline word_t word_at(const uint8_t *p) {
    word_t word;
    memcpy(&word, ANYWHERE ? p : MH_ALIGNED(p, word_t), sizeof(word));
    return word;
}

// The byte of the word at p that the lowest bit 7 in `flags` stands for.
static inline const uint8_t *flagged(const uint8_t *p, word_t flags) {
    if (ANYWHERE) {
        return p + __builtin_ctzll(flags & EVERY_BYTE(0x80)) / 8;
    }
    return flags & 0x80 ? p : flags & 0x8000 ? p + 1 : p + 3 - (flags >> 23 & 1);
}

// The first byte from p on that may not be of a value: controls, DEL, and what lies above ASCII. Words begin up to three
// bytes before p, so that it may be found there. In 2.5 cycles a byte: taking ' ' away or adding 1 sets bit 7 of just those.
static MH_NOINLINE const uint8_t *value_end(const uint8_t *p, const uint8_t *end) {
    word_t spaces = EVERY_BYTE(' '), ones = EVERY_BYTE(1), tops = EVERY_BYTE(0x80);
    MH_KEEP(spaces);
    MH_KEEP(ones);
    MH_KEEP(tops);
    p -= ANYWHERE ? 0 : (uintptr_t)p & (sizeof(word_t) - 1);
    for (; !ANYWHERE || end - p >= (ptrdiff_t)sizeof(word_t); p += sizeof(word_t)) {
        word_t flags = (word_at(p) - spaces) | (word_at(p) + ones);
        if (flags & tops) {
            return flagged(p, flags);
        }
    }
    while (mh_is(*p, MH_CHAR_VALUE)) {      // where the end is too near for a word
        ++p;
    }
    return p;
}
#else
static const uint8_t *value_end(const uint8_t *p, const uint8_t *end) {
    (void)end;
    return skip(p, MH_CHAR_VALUE);
}
#endif

// What follows the method of a request line: " /path HTTP/1.1" CR LF at p. Returns the next line, or NULL.
static MH_INLINE const uint8_t *usual_target(mh_head_t *head, const mh_limits_t *limits, const uint8_t *data, const uint8_t *p) {
    if (p[0] != ' ' || p[1] != '/') {
        return NULL;
    }
    const uint8_t *end = skip(p + 2, MH_CHAR_TARGET);
    if (end[0] != ' ' || end[1] != 'H' || end[2] != 'T' || end[3] != 'T' || end[4] != 'P' || end[5] != '/' || end[6] != '1'
        || end[7] != '.' || end[8] != '1' || end[9] != '\r' || end[10] != '\n' || end - p - 1 > limits->max_target) {
        return NULL;
    }
    head->method.len = (uint16_t)(p - data);
    head->target.at = (uint16_t)(p + 1 - data);
    head->target.len = (uint16_t)(end - p - 1);
    head->fields = (uint16_t)(end + 11 - data);
    head->minor = 1;
    return end + 11;
}

// The request line of a GET. Returns the next line, or NULL.
static MH_INLINE const uint8_t *usual_get(mh_head_t *head, const mh_limits_t *limits, const uint8_t *data) {
    return data[0] == 'G' && data[1] == 'E' && data[2] == 'T' ? usual_target(head, limits, data, data + 3) : NULL;
}

// That of any method.
static MH_NOINLINE const uint8_t *usual_line(mh_head_t *head, const mh_limits_t *limits, const uint8_t *data) {
    const uint8_t *p = data;
    while (mh_is(*p, MH_CHAR_TOKEN)) {
        ++p;
    }
    const uint8_t *next = p != data ? usual_target(head, limits, data, p) : NULL;
    if (next != NULL) {
        head->method_id = (uint8_t)mh_method((const char *)data, (size_t)(p - data));
    }
    return next;
}

// Host with a name or an IPv4 address, checked while it is looked for its end. Returns the next line, or NULL.
static MH_NOINLINE const uint8_t *usual_host(const uint8_t *p) {
    if ((p[0] != 'H' && p[0] != 'h') || p[1] != 'o' || p[2] != 's' || p[3] != 't' || p[4] != ':' || p[5] != ' ') {
        return NULL;
    }
    p = skip(p + 6, MH_CHAR_HOST);
    if (*p == ':') {
        do {
            ++p;
        } while (mh_is(*p, MH_CHAR_DIGIT));
    }
    return p[0] == '\r' && p[1] == '\n' ? p + 2 : NULL;
}

// Fields whose first letter tells that they do not matter here. Returns the first line that is not such.
static MH_NOINLINE const uint8_t *usual_fields(mh_head_t *head, const uint8_t *p, const uint8_t *end) {
    unsigned count = head->count;
    while (mh_is(*p, MH_CHAR_PLAIN)) {
        const uint8_t *q = skip(p + 1, MH_CHAR_TOKEN);
        if (*q != ':') {
            break;
        }
        q = value_end(q + 1, end);
        if (q[0] != '\r' || q[1] != '\n') {
            break;
        }
        p = q + 2;
        ++count;
    }
    head->count = (uint16_t)count;
    return p;
}

// A field that may matter. Returns 1 and moves *from to the next line, 0 when the line is not as usual, or -status.
static MH_NOINLINE int usual_field(mh_head_t *head, const uint8_t **from, const uint8_t *end) {
    const uint8_t *p = *from;
    const uint8_t *next;
    if (!(head->flags & MH_HEAD_HOST) && (next = usual_host(p)) != NULL) {
        ++head->count;
        head->flags |= MH_HEAD_HOST;
        *from = next;
        return 1;
    }
    p = skip(p, MH_CHAR_TOKEN);
    if (*p != ':' || p == *from) {
        return 0;
    }
    uint8_t field = which_field(*from, (size_t)(p - *from));
    next = value_end(p + 1, end);
    if (next[0] != '\r' || next[1] != '\n') {
        return 0;
    }
    ++head->count;
    *from = next + 2;
    if (field == FIELD_OTHER) {
        return 1;
    }
    do {
        ++p;
    } while (*p == ' ' || *p == '\t');
    return take_field(head, field, p, next);
}

// The CR that stops the functions above, the first of an empty line: at the end of the data, or not far before it when a
// short body has come along. NULL when there is none.
static const uint8_t *find_stop(const uint8_t *p, const uint8_t *end) {
    if (end - p < 4) {
        return NULL;
    }
    if (end - p > STOP_WITHIN) {
        p = end - STOP_WITHIN;
    }
    for (end -= 4; end[0] != '\r' || end[2] != '\r'; --end) {
        if (end == p) {
            return NULL;
        }
    }
    return end;
}

// As mh_head_parse() for a parser that is not done. Returns 1, 0, or -status.
static int parse(mh_head_t *head, const mh_limits_t *limits, const uint8_t *data, const uint8_t *end) {
    const uint8_t *p = data + head->pos;
    const uint8_t *stop = find_stop(p, end);
    const uint8_t *next;
    int result = 1;
    while (result == 1) {
        if (head->state == STATE_FRESH && stop != NULL && (next = usual_line(head, limits, p)) != NULL) {
            p = next;
            head->state = STATE_FIELD;
        } else if (head->state < STATE_FIELD) {
            result = parse_line(head, limits, data, &p, end);
            continue;
        }
        result = 0;
        if (head->state == STATE_FIELD && stop != NULL && p <= stop + 2) {
            do {
                p = usual_fields(head, p, end);
                result = p[0] == '\r' && p[1] == '\n' ? 2 : usual_field(head, &p, end);
            } while (result == 1);
            p += result == 2 ? 2 : 0;
        }
        if (head->count > limits->max_fields) {
            return -431;
        }
        if (result == 0) {
            result = parse_field(head, limits, data, &p, end);
        }
    }
    head->pos = (uint16_t)(p - data);
    return result == 2 ? conclude(head) : result;
}

static MH_NOINLINE int parse_any(mh_head_t *head, const mh_limits_t *limits, const uint8_t *data, size_t len) {
    if (head->state >= STATE_DONE) {
        return head->state == STATE_DONE ? 1 : -(int)head->mark;
    }
    int result = parse(head, limits, data, data + (len < limits->max_head ? len : limits->max_head));
    if (result == 0 && len >= limits->max_head) {
        result = head->state == STATE_TARGET ? -414 : -431;
    }
    if (result != 0) {
        head->state = result == 1 ? STATE_DONE : STATE_REFUSED;
        head->mark = (uint16_t)-result;
    }
    return result;
}

// What most clients of a small device send, a GET whose first field is Host and whose other fields do not matter here, is
// done with in three steps. What is left of any other head is done as above.
int mh_head_parse(mh_head_t *head, const mh_limits_t *limits, const uint8_t *data, size_t len) {
    if (head->state == STATE_FRESH && len > 4 && len <= limits->max_head && data[len - 4] == '\r' && data[len - 2] == '\r') {
        const uint8_t *p = usual_get(head, limits, data);
        if (p != NULL) {
            const uint8_t *next = usual_host(p);
            if (next != NULL) {
                head->count = 1;
                p = usual_fields(head, next, data + len);
                if (p[0] == '\r' && p[1] == '\n' && head->count <= limits->max_fields) {
                    head->flags = MH_HEAD_HOST | MH_HEAD_KEEP_ALIVE;
                    head->len = (uint16_t)(p + 2 - data);
                    head->state = STATE_DONE;
                    return 1;
                }
                head->flags = MH_HEAD_HOST;
            }
            head->state = STATE_FIELD;
            head->pos = (uint16_t)(p - data);
        }
    }
    return parse_any(head, limits, data, len);
}

// --- what chooses a representation ---

// Take the value of the line from p to end, whose name has `name_len` letters, if that is `name`, in lower case.
static void take_choice(mh_text_t *text, const uint8_t *p, const uint8_t *end, const char *name, size_t name_len) {
    if (text->at != NULL || !mh_same(p, name, name_len)) {
        return;
    }
    do {
        ++p;
    } while (p[name_len] == ' ' || p[name_len] == '\t');
    p += name_len;
    while (end > p && (end[-1] == ' ' || end[-1] == '\t')) {
        --end;
    }
    text->at = (const char *)p;
    text->len = (size_t)(end - p);
}

void mh_head_choice(const mh_head_t *head, const uint8_t *data, mh_choice_t *choice) {
    const uint8_t *end = data + head->len;
    choice->accept.at = choice->accept_encoding.at = choice->if_none_match.at = NULL;
    choice->more = false;
    for (const uint8_t *p = data + head->fields; *p != '\r';) {
        const uint8_t *next = p[2] == '\r' ? p + 2 : value_end(p + 3, end);     // it looks at up to three bytes before
        while (*next != '\r') {
            ++next;         // past tabs, and what lies above ASCII
        }
        uint8_t letter = *p | 0x20;
        if (letter == 'a' && next - p > 6 && p[6] == ':') {
            take_choice(&choice->accept, p, next, "accept", 6);
        } else if (letter == 'a' && next - p > 15 && p[15] == ':') {
            take_choice(&choice->accept_encoding, p, next, "accept-encoding", 15);
        } else if (letter == 'i') {
            if (next - p > 13 && p[13] == ':') {
                take_choice(&choice->if_none_match, p, next, "if-none-match", 13);
            }
            choice->more = choice->more || choice->if_none_match.at == NULL;
        } else if (letter == 'r' && next - p > 5 && p[5] == ':') {
            choice->more = true;
        }
        p = next + 2;
    }
}
