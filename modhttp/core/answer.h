#ifndef MODHTTP_CORE_ANSWER_H
#define MODHTTP_CORE_ANSWER_H

// The response head and chunk framing (RFC 9112 sections 4, 6 and 7.1).

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MH_LENGTH_UNKNOWN (0xffffffffu)     // chunked for HTTP/1.1, up to the close for 1.0
#define MH_CHUNK_HEAD_MAX (10)              // bytes of "ffffffff\r\n"
#define MH_DATE_LEN (29)                    // bytes of an IMF-fixdate

// All that a head is composed from; strings are borrowed.
typedef struct _mh_answer_t {
    uint16_t status;            // 100 to 999
    uint8_t minor;              // the request's HTTP/1.minor
    bool keep_alive;            // false: "Connection: close"; for a 1.0 request true: "Connection: keep-alive"
    bool fields_close;          // the fields below have "Connection: close", which is not said twice
    uint32_t length;            // of the body, or MH_LENGTH_UNKNOWN; not written for 1xx, 204 and 304 (RFC 9110 section 8.6), 0 for 205
    const char *type;           // Content-Type's value, or NULL
    size_t type_len;
    const char *fields;         // more field lines, each ended by CRLF, already checked; or NULL
    size_t fields_len;
    const char *date;           // MH_DATE_LEN bytes, or NULL when the clock is not set
    const char *common;         // field lines of every answer, of which those that `fields` have the names of are left out; Vary is a list, and stays
    size_t common_len;
} mh_answer_t;

// Compose status line, fields and empty line. Returns the length needed; `out` is complete only when that is at most
// `size`; nothing beyond `size` is written. An HTTP/1.0 answer of unknown length says "close", whatever keep_alive says.
size_t mh_answer_head(const mh_answer_t *answer, char *out, size_t size);

// True when an answer with this status to this method carries a body at all.
bool mh_answer_has_body(uint16_t status, bool head_method);

// The reason phrase of a status (RFC 9110 section 15, RFC 6585), "" when unknown. Never NULL.
const char *mh_reason(uint16_t status);

// "1f4\r\n" for a chunk of `len` bytes (not 0) into `out` (MH_CHUNK_HEAD_MAX). Returns the length.
size_t mh_chunk_head(uint32_t len, char *out);

// IMF-fixdate (RFC 9110 section 5.6.7) of seconds since 1970-01-01 into `out` (MH_DATE_LEN bytes, no NUL).
void mh_date(uint64_t seconds, char *out);

// Read a date of any of the three formats, in seconds since 1970, 0 for what is earlier. Of a year of two digits it is the latest that is no more
// than 50 years after `now`. The weekday need not be the date's. False for what is no date.
bool mh_date_read(const char *text, size_t len, uint64_t now, uint64_t *seconds);

// Whether a field name is a token, and a value free of CR, LF, NUL and other control characters.
bool mh_field_name_ok(const char *name, size_t len);
bool mh_field_value_ok(const char *value, size_t len);

enum {
    MH_FIELDS_OK = 0,
    MH_FIELDS_CLOSE = 1,        // and the Connection field among them has "close"
    MH_FIELDS_MALFORMED = -1,   // not field lines, each ended by CRLF
    MH_FIELDS_FRAMING = -2,     // Content-Length or Transfer-Encoding, which mh_answer_head() writes
};

// Look at the field lines that a program wants in an answer.
int mh_fields_check(const char *fields, size_t len);

#endif
