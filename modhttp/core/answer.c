#include "core/answer.h"

#include <string.h>

#include "core/chars.h"

const char *mh_reason(uint16_t status) {
    switch (status) {
        case 100: return "Continue";
        case 101: return "Switching Protocols";
        case 200: return "OK";
        case 201: return "Created";
        case 202: return "Accepted";
        case 203: return "Non-Authoritative Information";
        case 204: return "No Content";
        case 205: return "Reset Content";
        case 206: return "Partial Content";
        case 300: return "Multiple Choices";
        case 301: return "Moved Permanently";
        case 302: return "Found";
        case 303: return "See Other";
        case 304: return "Not Modified";
        case 305: return "Use Proxy";
        case 307: return "Temporary Redirect";
        case 308: return "Permanent Redirect";
        case 400: return "Bad Request";
        case 401: return "Unauthorized";
        case 402: return "Payment Required";
        case 403: return "Forbidden";
        case 404: return "Not Found";
        case 405: return "Method Not Allowed";
        case 406: return "Not Acceptable";
        case 407: return "Proxy Authentication Required";
        case 408: return "Request Timeout";
        case 409: return "Conflict";
        case 410: return "Gone";
        case 411: return "Length Required";
        case 412: return "Precondition Failed";
        case 413: return "Content Too Large";
        case 414: return "URI Too Long";
        case 415: return "Unsupported Media Type";
        case 416: return "Range Not Satisfiable";
        case 417: return "Expectation Failed";
        case 418: return "I'm a teapot";
        case 421: return "Misdirected Request";
        case 422: return "Unprocessable Content";
        case 426: return "Upgrade Required";
        case 428: return "Precondition Required";
        case 429: return "Too Many Requests";
        case 431: return "Request Header Fields Too Large";
        case 500: return "Internal Server Error";
        case 501: return "Not Implemented";
        case 502: return "Bad Gateway";
        case 503: return "Service Unavailable";
        case 504: return "Gateway Timeout";
        case 505: return "HTTP Version Not Supported";
        case 511: return "Network Authentication Required";
        default: return "";
    }
}

// Decimal digits of `value` into `out` (10 bytes). Returns their number. Subtracts: a Cortex-M0+ does not divide.
static size_t decimal(uint32_t value, char *out) {
    static const uint32_t powers[] = { 1000000000, 100000000, 10000000, 1000000, 100000, 10000, 1000, 100, 10, 1 };
    size_t len = 0;
    for (size_t i = 0; i < sizeof(powers) / sizeof(powers[0]); ++i) {
        char digit = '0';
        for (; value >= powers[i]; value -= powers[i]) {
            ++digit;
        }
        if (len != 0 || digit != '0' || i == 9) {
            out[len++] = digit;
        }
    }
    return len;
}

// Where composed text goes; `len` counts on past the room.
typedef struct _sink_t {
    char *out;
    size_t size;
    size_t len;
} sink_t;

static void put(sink_t *sink, const char *text, size_t len) {
    if (sink->len < sink->size && len <= sink->size - sink->len) {
        memcpy(sink->out + sink->len, text, len);
    }
    sink->len += len;
}

#define PUT(sink, literal) put((sink), (literal), sizeof(literal) - 1)

static void put_decimal(sink_t *sink, uint32_t value) {
    char digits[10];
    put(sink, digits, decimal(value, digits));
}

// Content-Length or Transfer-Encoding. Returns false when only the connection's close can end the body.
static bool put_framing(sink_t *sink, const mh_answer_t *answer) {
    if (!mh_answer_has_body(answer->status, false)) {
        return true;
    }
    if (answer->length != MH_LENGTH_UNKNOWN) {
        PUT(sink, "Content-Length: ");
        put_decimal(sink, answer->length);
        PUT(sink, "\r\n");
        return true;
    }
    if (answer->minor == 0) {
        return false;
    }
    PUT(sink, "Transfer-Encoding: chunked\r\n");
    return true;
}

size_t mh_answer_head(const mh_answer_t *answer, char *out, size_t size) {
    sink_t sink = { out, size, 0 };
    const char *reason = mh_reason(answer->status);
    PUT(&sink, "HTTP/1.1 ");
    put_decimal(&sink, answer->status);
    PUT(&sink, " ");
    put(&sink, reason, strlen(reason));
    PUT(&sink, "\r\n");
    if (answer->date != NULL) {
        PUT(&sink, "Date: ");
        put(&sink, answer->date, MH_DATE_LEN);
        PUT(&sink, "\r\n");
    }
    if (answer->type != NULL) {
        PUT(&sink, "Content-Type: ");
        put(&sink, answer->type, answer->type_len);
        PUT(&sink, "\r\n");
    }
    bool framed = put_framing(&sink, answer);
    if (answer->status >= 200) {    // an interim answer says nothing about the connection
        if (!answer->keep_alive || !framed) {
            PUT(&sink, "Connection: close\r\n");
        } else if (answer->minor == 0) {
            PUT(&sink, "Connection: keep-alive\r\n");
        }
    }
    if (answer->fields != NULL) {
        put(&sink, answer->fields, answer->fields_len);
    }
    PUT(&sink, "\r\n");
    return sink.len;
}

bool mh_answer_has_body(uint16_t status, bool head_method) {
    return !head_method && status >= 200 && status != 204 && status != 304;
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

static char *put_two(char *out, uint32_t value) {
    uint32_t tens = value * 205 >> 11;      // value / 10 below 100
    out[0] = (char)('0' + tens);
    out[1] = (char)('0' + (value - tens * 10));
    return out + 2;
}

void mh_date(uint64_t seconds, char *out) {
    static const uint64_t last = 253402300799;  // of the year 9999
    seconds = seconds < last ? seconds : last;
    uint32_t days = (uint32_t)(seconds / 86400);
    uint32_t second = (uint32_t)(seconds - (uint64_t)days * 86400);
    uint32_t weekday = days % 7;
    // Years and months are counted from March, the leap day last; eras are 400 years, the first began on 0000-03-01.
    days += 719468;
    uint32_t era = days / 146097;
    days -= era * 146097;
    uint32_t year = (days - days / 1460 + days / 36524 - days / 146096) / 365;
    days -= 365 * year + year / 4 - year / 100;
    uint32_t month = (5 * days + 2) / 153;
    days -= (153 * month + 2) / 5;
    month = month < 10 ? month + 2 : month - 10;
    year += era * 400 + (month < 2);
    memcpy(out, &"ThuFriSatSunMonTueWed"[weekday * 3], 3);
    memcpy(out + 3, ", ", 2);
    out = put_two(out + 5, days + 1);
    *out++ = ' ';
    memcpy(out, &"JanFebMarAprMayJunJulAugSepOctNovDec"[month * 3], 3);
    out[3] = ' ';
    out = put_two(out + 4, year / 100);
    out = put_two(out, year % 100);
    *out++ = ' ';
    out = put_two(out, second / 3600);
    *out++ = ':';
    out = put_two(out, second / 60 % 60);
    *out++ = ':';
    out = put_two(out, second % 60);
    memcpy(out, " GMT", 4);
}

bool mh_field_name_ok(const char *name, size_t len) {
    const uint8_t *end = (const uint8_t *)name + len;
    return len != 0 && mh_span((const uint8_t *)name, end, MH_CHAR_TOKEN) == end;
}

bool mh_field_value_ok(const char *value, size_t len) {
    const uint8_t *end = (const uint8_t *)value + len;
    return mh_span((const uint8_t *)value, end, MH_CHAR_VALUE) == end;
}
