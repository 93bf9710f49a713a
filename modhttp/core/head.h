#ifndef MODHTTP_CORE_HEAD_H
#define MODHTTP_CORE_HEAD_H

// The request head: request line and fields (RFC 9112 sections 2 to 6), strict.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/method.h"

// A run of bytes of the head, by offset: the head may be moved.
typedef struct _mh_span_t {
    uint16_t at;
    uint16_t len;
} mh_span_t;

// Bytes, bytes, count. No limit may exceed 65,535.
typedef struct _mh_limits_t {
    uint16_t max_head;      // whole head with its empty line; over it: 431
    uint16_t max_target;    // over it: 414
    uint16_t max_fields;    // over it: 431
} mh_limits_t;

enum {
    MH_HEAD_KEEP_ALIVE = 1 << 0,    // RFC 9112 section 9.3
    MH_HEAD_CHUNKED = 1 << 1,       // the body comes in chunks
    MH_HEAD_LENGTH = 1 << 2,        // Content-Length was given
    MH_HEAD_EXPECT = 1 << 3,        // Expect: 100-continue (never set for HTTP/1.0)
    MH_HEAD_UPGRADE = 1 << 4,       // Connection names "upgrade" (never set for HTTP/1.0)
    MH_HEAD_ESCAPED = 1 << 5,       // the target has a '%'
    MH_HEAD_HOST = 1 << 6,          // Host was given
};

// What a head says, and how far the parser is. All zero is a fresh parser.
typedef struct _mh_head_t {
    mh_span_t method;       // token, as sent
    mh_span_t target;       // raw request target, as sent
    uint16_t fields;        // offset of the first field line
    uint16_t len;           // of the whole head (from the first byte given), once done
    uint8_t method_id;      // mh_method_t
    uint8_t minor;          // HTTP/1.minor: 0 or 1 (a higher minor counts as 1)
    uint16_t flags;         // MH_HEAD_…
    uint32_t length;        // Content-Length; 0 when there is none
    // the parser's own: where it goes on when more bytes have come
    uint16_t pos;
    uint16_t mark;
    uint16_t count;
    uint8_t state;
    uint8_t sub;
} mh_head_t;

// Parse `data[0..len)` as a request head. A call with more bytes resumes where the last one stopped: `data` must begin
// with the bytes given before (it may have moved); any split gives the same result.
// Returns 1 when the head is complete (head->len bytes of it), 0 when it wants more, or -status when the request is to be refused with
// that status and the connection closed: 400, 414, 417, 431, 501 (transfer coding), 505.
// Asked again after either, it says the same.
//
// A target is any of RFC 3986's characters, and of those outside it the ones that browsers leave as they are: [ ] \ ^ ` { | }.
// Refused are controls, SP, '"', '<', '>', '#', DEL, what lies above ASCII, and a '%' without two hex digits (400).
// Two Content-Length that agree are one; a list of them, or more than 4,294,967,295, is malformed (400).
// Of several reasons to refuse, what is malformed (400) goes before 501, and that before 417.
//
// Empty lines (CRLF, up to four) before the request line are skipped and count as part of the head (RFC 9112 section 2.2).
int mh_head_parse(mh_head_t *head, const mh_limits_t *limits, const uint8_t *data, size_t len);

// One field of a complete head. Names are as sent, values without the white space around them.
typedef struct _mh_field_t {
    const char *name;
    const char *value;
    uint16_t name_len;
    uint16_t value_len;
} mh_field_t;

// The field that begins at offset *at of a complete head, which becomes the next one's; begin with head->fields. False at the end.
bool mh_field_next(const uint8_t *data, uint16_t *at, mh_field_t *field);

// The first field called `name` (any case), searched from offset *at on as in mh_field_next().
bool mh_field_find(const uint8_t *data, uint16_t *at, const char *name, size_t name_len, mh_field_t *field);

// The value of a field, without the white space around it.
typedef struct _mh_text_t {
    const char *at;         // NULL where there is no such field, and then `len` says nothing
    size_t len;
} mh_text_t;

// The fields that choose a representation, the first of each name.
typedef struct _mh_choice_t {
    mh_text_t accept;
    mh_text_t accept_encoding;
    mh_text_t if_none_match;
    bool more;              // beside If-None-Match there may be Range and other conditions, which mh_version_choose() looks at; where there is
                            // one, this says nothing
} mh_choice_t;

// Find them in a complete head, in one pass.
void mh_head_choice(const mh_head_t *head, const uint8_t *data, mh_choice_t *choice);

// The next name=value of a Cookie field's value (RFC 6265 section 4.2), of which `*rest` and `*rest_len` are what is left; without white
// space around either and quotes around the value. What has no '=' is skipped. False at the end.
bool mh_cookie_next(const char **rest, size_t *rest_len, const char **name, size_t *name_len, const char **value, size_t *value_len);

#endif
