// The request body: whatever pieces it comes in, what comes out is what a decoder says that sees all of it at once.

#include "core/body.h"
#include "fuzz.h"

// What became of a body.
typedef struct _outcome_t {
    enum { MORE, DONE, BAD } end;
    size_t consumed;        // when done
    uint8_t *out;
    size_t out_len;
} outcome_t;

// ---- the decoder that sees all of it

// A line's length without its CRLF, or -1 when `data` ends before the line does. A lone CR or LF is part of the line.
static int line_len(const uint8_t *data, size_t len) {
    for (size_t i = 0; i + 1 < len; ++i) {
        if (data[i] == '\r' && data[i + 1] == '\n') {
            return (int)i;
        }
    }
    return -1;
}

static size_t skip_space(const uint8_t *line, size_t i, size_t len) {
    while (i < len && (line[i] == ' ' || line[i] == '\t')) {
        ++i;
    }
    return i;
}

static size_t skip_token(const uint8_t *line, size_t i, size_t len) {
    while (i < len && is_token_char(line[i])) {
        ++i;
    }
    return i;
}

// The end of a quoted string, whose first quote is before i: beyond len when that is still to come, 0 when it is malformed.
static size_t skip_quoted(const uint8_t *line, size_t i, size_t len) {
    for (; i < len && line[i] != '"'; ++i) {
        i += line[i] == '\\';
        if (i < len && !is_value(line + i, 1)) {
            return 0;
        }
    }
    return i < len ? i + 1 : len + 1;
}

// Check chunk extensions, or the beginning of them: *( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] ).
static bool extensions_ok(const uint8_t *line, size_t len, bool whole) {
    size_t i = 0;
    while (i < len) {
        i = skip_space(line, i, len);
        if (i == len || line[i] != ';') {
            return i == len && !whole;
        }
        size_t name = skip_space(line, i + 1, len);
        i = skip_token(line, name, len);
        if (i == len || i == name) {
            return i == len && (i != name || !whole);
        }
        size_t equals = skip_space(line, i, len);
        if (equals == len || line[equals] != '=') {
            continue;
        }
        size_t value = skip_space(line, equals + 1, len);
        if (value == len) {
            return !whole;
        }
        i = line[value] == '"' ? skip_quoted(line, value + 1, len) : skip_token(line, value, len);
        if (i <= value) {
            return false;
        }
    }
    return i == len || !whole;
}

// Check the beginning of a chunk's size line. `line` lacks its end when `whole` is false.
static bool size_line_ok(const uint8_t *line, size_t len, bool whole, uint32_t *size, size_t *extra) {
    size_t i = 0;
    uint64_t value = 0;
    for (; i < len && is_hex(line[i]); ++i) {
        value = value << 4 | hex_value(line[i]);
        *extra += value == 0;
        if (value > UINT32_MAX) {
            return false;
        }
    }
    *size = (uint32_t)value;
    if (i == len) {
        return i != 0 || !whole;
    }
    if (i == 0) {
        return false;
    }
    *extra += len - i;
    return extensions_ok(line + i, len - i, whole);
}

static bool trailer_ok(const uint8_t *line, size_t len, bool whole, size_t *extra) {
    size_t name = 0;
    while (name < len && is_token_char(line[name])) {
        ++name;
    }
    *extra += len;
    if (name == len) {
        return !whole;
    }
    return name != 0 && line[name] == ':' && is_value(line + name, len - name);
}

// Without its last byte when that may be the CR of a line end that has yet to come.
static size_t without_cr(const uint8_t *data, size_t len) {
    return len != 0 && data[len - 1] == '\r' ? len - 1 : len;
}

// The size line at *at, which goes on to what follows it. Returns MORE, BAD, or DONE when it is complete.
static int model_size(const uint8_t *data, size_t len, size_t *at, uint32_t *size, size_t *extra) {
    int line = line_len(data + *at, len - *at);
    size_t here = line < 0 ? without_cr(data + *at, len - *at) : (size_t)line;
    // "5 \r" cannot become right any more, whatever comes.
    bool whole = line >= 0 || here != len - *at;
    if (!size_line_ok(data + *at, here, whole, size, extra) || *extra > MH_BODY_EXTRA_MAX) {
        return BAD;
    }
    *at += here + 2;
    return line < 0 ? MORE : DONE;
}

static int model_trailers(const uint8_t *data, size_t len, size_t *at, size_t *extra) {
    for (;;) {
        int line = line_len(data + *at, len - *at);
        if (line == 0) {
            *at += 2;
            return DONE;
        }
        size_t here = line < 0 ? without_cr(data + *at, len - *at) : (size_t)line;
        bool whole = line >= 0 || here != len - *at;
        if (here == 0) {
            return MORE;        // nothing, or a CR
        }
        if (!trailer_ok(data + *at, here, whole, extra) || *extra > MH_BODY_EXTRA_MAX) {
            return BAD;
        }
        if (line < 0) {
            return MORE;
        }
        *at += here + 2;
    }
}

static outcome_t model_chunked(const uint8_t *data, size_t len) {
    outcome_t outcome = { MORE, 0, malloc(len + 1), 0 };
    size_t extra = 0;
    size_t at = 0;
    for (;;) {
        uint32_t size = 0;
        outcome.end = model_size(data, len, &at, &size, &extra);
        if (outcome.end != DONE) {
            return outcome;
        }
        if (size == 0) {
            outcome.end = model_trailers(data, len, &at, &extra);
            outcome.consumed = at;
            return outcome;
        }
        size_t here = len - at < size ? len - at : size;
        memcpy(outcome.out + outcome.out_len, data + at, here);
        outcome.out_len += here;
        at += here;
        for (const char *end = "\r\n"; *end != '\0'; ++end, ++at) {
            if (at == len) {
                outcome.end = MORE;
                return outcome;
            }
            if (data[at] != (uint8_t)*end) {
                outcome.end = BAD;
                return outcome;
            }
        }
    }
}

static outcome_t model_length(const uint8_t *data, size_t len, uint32_t length) {
    outcome_t outcome = { len < length ? MORE : DONE, length, malloc(len + 1), len < length ? len : length };
    memcpy(outcome.out, data, outcome.out_len);
    return outcome;
}

// ---- the one that is tested

// Give the body one piece, in memory of its own. False when it has ended in some way.
static bool feed(mh_body_t *body, const uint8_t *data, size_t len, outcome_t *outcome) {
    uint8_t *copy = exact_new(data, len);
    const uint8_t *p = copy;
    while (p != copy + len && !mh_body_done(body) && outcome->end != BAD) {
        const uint8_t *own;
        size_t own_len;
        size_t left = (size_t)(copy + len - p);
        int consumed = mh_body_next(body, p, left, &own, &own_len);
        if (consumed < 0) {
            CHECK(consumed == -400);
            CHECK(mh_body_next(body, p, left, &own, &own_len) == -400);
            outcome->end = BAD;
            break;
        }
        CHECK(consumed > 0 && (size_t)consumed <= left);
        CHECK(own >= p && own_len <= (size_t)consumed && own + own_len <= p + consumed);
        memcpy(outcome->out + outcome->out_len, own, own_len);
        outcome->out_len += own_len;
        outcome->consumed += (size_t)consumed;
        p += consumed;
    }
    const uint8_t *none;
    size_t none_len;
    if (outcome->end != BAD) {
        CHECK(mh_body_next(body, p, 0, &none, &none_len) == 0 && none_len == 0);
    }
    if (mh_body_done(body)) {
        outcome->end = DONE;
        CHECK(mh_body_next(body, p, (size_t)(copy + len - p), &none, &none_len) == 0 && none_len == 0);
    }
    exact_free(copy, len);
    return outcome->end == MORE;
}

static outcome_t decode(const mh_head_t *head, const uint8_t *data, size_t len, pieces_t *pieces) {
    mh_body_t body;
    outcome_t outcome = { MORE, 0, malloc(len + 1), 0 };
    mh_body_init(&body, head);
    if (mh_body_done(&body)) {
        outcome.end = DONE;
    }
    for (size_t at = 0; at < len && outcome.end == MORE;) {
        size_t here = pieces == NULL ? len : piece_next(pieces, len - at);
        feed(&body, data + at, here, &outcome);
        at += here;
    }
    return outcome;
}

static void check_same(const outcome_t *got, const outcome_t *expected) {
    CHECK(got->end == expected->end);
    CHECK(got->out_len == expected->out_len && memcmp(got->out, expected->out, got->out_len) == 0);
    CHECK(got->end != DONE || got->consumed == expected->consumed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    input_t input = { data, len };
    mh_head_t head = { .flags = MH_HEAD_CHUNKED };
    if (input_byte(&input) % 16 == 15) {
        head.flags = MH_HEAD_LENGTH;
        head.length = input_number(&input, 1);
        head.length |= input_number(&input, 1) << 24;
    }
    pieces_t pieces = input_pieces(&input);
    outcome_t expected = head.flags & MH_HEAD_CHUNKED ? model_chunked(input.data, input.len)
        : model_length(input.data, input.len, head.length);
    outcome_t whole = decode(&head, input.data, input.len, NULL);
    outcome_t split = decode(&head, input.data, input.len, &pieces);
    check_same(&whole, &expected);
    check_same(&split, &expected);
    free(expected.out);
    free(whole.out);
    free(split.out);
    return 0;
}
