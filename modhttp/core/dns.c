#include "core/dns.h"

#include <string.h>

#include "core/number.h"

enum { HEADER = 12, NAME_MAX = 255, LABEL_MAX = 63, QUESTION_END = 4 };     // type and class end a question

// In the header's third and fourth bytes.
enum { RESPONSE = 0x80, OPCODE = 0x78, RECURSION_DESIRED = 0x01, RECURSION_AVAILABLE = 0x80 };

enum { NOERROR = 0, FORMERR = 1, NOTIMP = 4, REFUSED = 5 };
enum { TYPE_A = 1, CLASS_IN = 1, ANY = 255 };

static unsigned number(const uint8_t *at) {
    return (unsigned)at[0] << 8 | at[1];
}

// Behind the name that follows the header; `len` when it is malformed or cut.
static size_t name_end(const uint8_t *message, size_t len) {
    size_t at = HEADER;
    while (at < len && at < HEADER + NAME_MAX && message[at] <= LABEL_MAX) {
        if (message[at] == 0) {
            return at + 1;
        }
        at += 1u + message[at];
    }
    return len;
}

// The response code, and where the question ends: it is part of the answer, unless that is 0.
static int judge(const uint8_t *message, size_t len, size_t *end) {
    *end = 0;
    if (message[2] & OPCODE) {
        return NOTIMP;
    }
    if (number(message + 4) != 1 || number(message + 6) != 0 || number(message + 8) != 0) {
        return FORMERR;     // one question, no answers, no authorities
    }
    size_t at = name_end(message, len);
    if (len - at < QUESTION_END) {
        return FORMERR;
    }
    *end = at + QUESTION_END;
    unsigned class = number(message + at + 2);
    return class == CLASS_IN || class == ANY ? NOERROR : REFUSED;
}

size_t mh_dns_answer(const uint8_t *message, size_t len, const uint8_t *address, uint8_t *answer) {
    static const uint8_t record[] = { 0xc0, HEADER, 0, TYPE_A, 0, CLASS_IN, 0, 0, 0, MH_DNS_TTL, 0, 4 };
    if (len < HEADER || (message[2] & RESPONSE)) {
        return 0;
    }
    size_t at;
    int code = judge(message, len, &at);
    memset(answer, 0, HEADER);
    memcpy(answer, message, 2);
    answer[2] = (uint8_t)(RESPONSE | (message[2] & (OPCODE | RECURSION_DESIRED)));
    answer[3] = (uint8_t)(RECURSION_AVAILABLE | code);      // resolvers may pass over a server that says it has none
    if (at == 0) {
        return HEADER;
    }
    answer[5] = 1;
    memcpy(answer + HEADER, message + HEADER, at - HEADER);
    unsigned type = number(message + at - QUESTION_END);
    if (code != NOERROR || (type != TYPE_A && type != ANY)) {
        return at;
    }
    answer[7] = 1;
    memcpy(answer + at, record, sizeof(record));
    memcpy(answer + at + sizeof(record), address, 4);
    return at + sizeof(record) + 4;
}

void mh_dns_label(const char *name, uint16_t number, bool words, char *out) {
    char tail[4 + MH_DECIMAL_MAX];
    size_t len = strlen(name), tail_len = 0;
    if (number >= 2) {
        memcpy(tail, words ? " (" : "-", 2);
        tail_len = words ? 2 : 1;
        tail_len += mh_decimal(number, tail + tail_len);
        tail[tail_len] = ')';
        tail_len += words;
    }
    if (len + tail_len > MH_DNS_LABEL_MAX) {
        len = MH_DNS_LABEL_MAX - tail_len;
        while (((uint8_t)name[len] & 0xc0) == 0x80) {
            len--;      // within a character
        }
    }
    memcpy(out, name, len);
    memcpy(out + len, tail, tail_len);
    out[len + tail_len] = '\0';
}
