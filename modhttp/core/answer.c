#include "core/answer.h"

#include <string.h>

#include "core/chars.h"
#include "core/number.h"

// Status and reason, one after the other: a table of pointers would double it. The frequent ones come first.
static const char statuses[] =
    "200 OK\0"
    "204 No Content\0"
    "304 Not Modified\0"
    "404 Not Found\0"
    "100 Continue\0"
    "101 Switching Protocols\0"
    "201 Created\0"
    "202 Accepted\0"
    "203 Non-Authoritative Information\0"
    "205 Reset Content\0"
    "206 Partial Content\0"
    "300 Multiple Choices\0"
    "301 Moved Permanently\0"
    "302 Found\0"
    "303 See Other\0"
    "305 Use Proxy\0"
    "307 Temporary Redirect\0"
    "308 Permanent Redirect\0"
    "400 Bad Request\0"
    "401 Unauthorized\0"
    "402 Payment Required\0"
    "403 Forbidden\0"
    "405 Method Not Allowed\0"
    "406 Not Acceptable\0"
    "407 Proxy Authentication Required\0"
    "408 Request Timeout\0"
    "409 Conflict\0"
    "410 Gone\0"
    "411 Length Required\0"
    "412 Precondition Failed\0"
    "413 Content Too Large\0"
    "414 URI Too Long\0"
    "415 Unsupported Media Type\0"
    "416 Range Not Satisfiable\0"
    "417 Expectation Failed\0"
    "418 I'm a teapot\0"
    "421 Misdirected Request\0"
    "422 Unprocessable Content\0"
    "426 Upgrade Required\0"
    "428 Precondition Required\0"
    "429 Too Many Requests\0"
    "431 Request Header Fields Too Large\0"
    "500 Internal Server Error\0"
    "501 Not Implemented\0"
    "502 Bad Gateway\0"
    "503 Service Unavailable\0"
    "504 Gateway Timeout\0"
    "505 HTTP Version Not Supported\0"
    "511 Network Authentication Required\0";

// "200 OK", or "" for a status without a name.
static const char *status_line(uint16_t status) {
    const char *line = statuses;
    while (*line != '\0' && (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0') != status) {
        line += strlen(line) + 1;
    }
    return line;
}

const char *mh_reason(uint16_t status) {
    const char *line = status_line(status);
    return *line == '\0' ? line : line + 4;
}

// Where composed text goes; `len` counts on past the room.
typedef struct _sink_t {
    char *out;
    size_t size;
    size_t len;
} sink_t;

static MH_INLINE bool has_room(const sink_t *sink, size_t len) {
    return sink->len < sink->size && len <= sink->size - sink->len;
}

// Not inlined: there are a dozen calls. Copies by itself, for text is short and seldom aligned.
static MH_NOINLINE void put(sink_t *sink, const char *text, size_t len) {
    if (has_room(sink, len)) {
        char *to = sink->out + sink->len;
        const char *end = text + len;
        for (; end - text >= 8; text += 8, to += 8) {
            MH_UNROLL
            for (size_t i = 0; i < 8; ++i) {
                to[i] = text[i];
            }
        }
        while (text != end) {
            *to++ = *text++;
        }
    }
    sink->len += len;
}

#define PUT(sink, literal) put((sink), (literal), sizeof(literal) - 1)

// What every answer has: stored byte by byte, without reading it.
static MH_INLINE void put_usual(sink_t *sink, const char *literal, size_t len) {
    if (has_room(sink, len)) {
        char *to = sink->out + sink->len;
        MH_UNROLL
        for (size_t i = 0; i < len; ++i) {
            to[i] = literal[i];
        }
    }
    sink->len += len;
}

#define PUT_USUAL(sink, literal) put_usual((sink), (literal), sizeof(literal) - 1)

static uint8_t in_lower(uint8_t c) {
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

static void put_decimal(sink_t *sink, uint32_t value) {
    char digits[MH_DECIMAL_MAX];
    put(sink, digits, mh_decimal(value, digits));
}

static void put_status(sink_t *sink, uint16_t status) {
    const char *line = status_line(status);
    PUT(sink, "HTTP/1.1 ");
    if (*line != '\0') {
        put(sink, line, strlen(line));
    } else {
        put_decimal(sink, status);
        PUT(sink, " ");
    }
}

// Content-Length or Transfer-Encoding. Returns false when only the connection's close can end the body.
static bool put_framing(sink_t *sink, const mh_answer_t *answer) {
    bool empty = !mh_answer_has_body(answer->status, false);
    if (empty && answer->status != 205) {
        return true;
    }
    if (empty || answer->length != MH_LENGTH_UNKNOWN) {
        PUT_USUAL(sink, "\r\nContent-Length: ");
        put_decimal(sink, empty ? 0 : answer->length);
    } else if (answer->minor != 0) {
        PUT(sink, "\r\nTransfer-Encoding: chunked");
    } else {
        return false;
    }
    return true;
}

// Whether one of the field lines has the name, in any case.
static bool has_field(const char *fields, size_t len, const char *name, size_t name_len) {
    const char *end = fields + len;
    while (fields != end) {
        const char *line = fields;
        fields = (const char *)memchr(line, '\n', (size_t)(end - line)) + 1;
        size_t i = 0;
        while (i < name_len && in_lower((uint8_t)line[i]) == in_lower((uint8_t)name[i])) {
            ++i;
        }
        if (i == name_len && line[i] == ':') {
            return true;
        }
    }
    return false;
}

static MH_NOINLINE void put_common(sink_t *sink, const mh_answer_t *answer) {
    const char *line = answer->common, *end = line + answer->common_len;
    while (line != end) {
        const char *next = (const char *)memchr(line, '\n', (size_t)(end - line)) + 1;
        size_t name_len = (size_t)((const char *)memchr(line, ':', (size_t)(next - line)) - line);
        if ((name_len == 4 && mh_same(line, "vary", 4)) || !has_field(answer->fields, answer->fields_len, line, name_len)) {
            PUT(sink, "\r\n");
            put(sink, line, (size_t)(next - line) - 2);
        }
        line = next;
    }
}

// Every line begins with the CRLF of the one before.
size_t mh_answer_head(const mh_answer_t *answer, char *out, size_t size) {
    sink_t sink = { out, size, 0 };
    if (answer->status == 200) {
        PUT_USUAL(&sink, "HTTP/1.1 200 OK");
    } else {
        put_status(&sink, answer->status);
    }
    if (answer->date != NULL) {
        PUT_USUAL(&sink, "\r\nDate: ");
        put(&sink, answer->date, MH_DATE_LEN);
    }
    if (answer->type != NULL) {
        PUT_USUAL(&sink, "\r\nContent-Type: ");
        put(&sink, answer->type, answer->type_len);
    }
    if (answer->common_len != 0) {
        put_common(&sink, answer);
    }
    bool framed = put_framing(&sink, answer);
    if (answer->status >= 200) {    // an interim answer says nothing about the connection
        if (!answer->keep_alive || !framed) {
            put(&sink, "\r\nConnection: close", answer->fields_close ? 0 : 19);
        } else if (answer->minor == 0) {
            PUT(&sink, "\r\nConnection: keep-alive");
        }
    }
    if (answer->fields != NULL && answer->fields_len != 0) {
        PUT(&sink, "\r\n");
        put(&sink, answer->fields, answer->fields_len);
        PUT(&sink, "\r\n");
    } else {
        PUT_USUAL(&sink, "\r\n\r\n");
    }
    return sink.len;
}

bool mh_answer_has_body(uint16_t status, bool head_method) {
    return !head_method && status >= 200 && status != 204 && status != 205 && status != 304;
}

size_t mh_chunk_head(uint32_t len, char *out) {
    size_t at = 0;
    for (int shift = 28; shift >= 0; shift -= 4) {
        uint32_t digit = len >> shift & 15;
        if (at != 0 || digit != 0) {
            out[at++] = "0123456789abcdef"[digit];
        }
    }
    out[at++] = '\r';
    out[at++] = '\n';
    return at;
}

bool mh_field_name_ok(const char *name, size_t len) {
    const uint8_t *end = (const uint8_t *)name + len;
    return len != 0 && mh_span((const uint8_t *)name, end, MH_CHAR_TOKEN) == end;
}

bool mh_field_value_ok(const char *value, size_t len) {
    const uint8_t *end = (const uint8_t *)value + len;
    return mh_span((const uint8_t *)value, end, MH_CHAR_VALUE) == end;
}

static bool is_field(const uint8_t *name, size_t len, const char *lower, size_t lower_len) {
    return len == lower_len && mh_same(name, lower, len);
}

// Whether a list has the item "close".
static bool lists_close(const uint8_t *p, const uint8_t *end) {
    while (p != end) {
        const uint8_t *item = p;
        while (p != end && *p != ',' && *p != ' ' && *p != '\t') {
            ++p;
        }
        if (is_field(item, (size_t)(p - item), "close", 5)) {
            return true;
        }
        p += p != end;
    }
    return false;
}

int mh_fields_check(const char *fields, size_t len) {
    const uint8_t *p = (const uint8_t *)fields;
    const uint8_t *end = p + len;
    int result = MH_FIELDS_OK;
    while (p != end) {
        const uint8_t *name = p;
        p = mh_span(p, end, MH_CHAR_TOKEN);
        size_t name_len = (size_t)(p - name);
        if (name_len == 0 || p == end || *p != ':') {
            return MH_FIELDS_MALFORMED;
        }
        const uint8_t *value = ++p;
        p = mh_span(p, end, MH_CHAR_VALUE);
        if (end - p < 2 || p[0] != '\r' || p[1] != '\n') {
            return MH_FIELDS_MALFORMED;
        }
        if (is_field(name, name_len, "content-length", 14) || is_field(name, name_len, "transfer-encoding", 17)) {
            return MH_FIELDS_FRAMING;
        }
        if (is_field(name, name_len, "connection", 10) && lists_close(value, p)) {
            result = MH_FIELDS_CLOSE;
        }
        p += 2;
    }
    return result;
}
