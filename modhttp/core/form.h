#ifndef MODHTTP_CORE_FORM_H
#define MODHTTP_CORE_FORM_H

// A form in a request's body, as its bytes come: multipart/form-data (RFC 7578, RFC 2046 section 5.1), whose parts may be files, and
// application/x-www-form-urlencoded. Either is a row of parts, each with a name and data.

#include <stddef.h>
#include <stdint.h>

#include "core/head.h"

// Bytes of a boundary (RFC 2046 section 5.1.1).
#define MH_BOUNDARY_MAX (70)
// Bytes of a part's header fields with their line ends, or of an urlencoded key; over it: 413.
#define MH_PART_HEAD_MAX (1024)
// Bytes that belong to no part: before the first boundary, and white space behind boundaries; over it: 413.
#define MH_FORM_EXTRA_MAX (1024)

enum {
    MH_FORM_MORE,       // all that was given is taken, and more is wanted
    MH_FORM_PART,       // a part begins: its name, filename and type are known
    MH_FORM_DATA,       // some of its data
    MH_FORM_PART_END,
    MH_FORM_END,        // there are no more parts; what may follow is of no interest
};

typedef struct _mh_form_t {
    // Of the part that began last, within `head`.
    mh_span_t name;         // without quotes and escapes
    mh_span_t filename;     // likewise; `at` is 0 where there is none
    mh_span_t type;         // Content-Type as sent; `at` is 0 where there is none
    const char *fault;      // when it was refused: why
    // the parser's own
    uint32_t part_max;
    uint32_t part_left;
    uint16_t parts_left;
    uint16_t extra;         // bytes that belong to no part so far; bounded
    uint16_t head_len;
    uint16_t refusal;
    uint8_t state;
    uint8_t delimiter_len;
    uint8_t matched;        // bytes of the delimiter that have been seen, and held back
    uint8_t skip;           // of which so many are no data, should it turn out to be none
    uint8_t delimiter[4 + MH_BOUNDARY_MAX];     // CRLF "--" boundary; urlencoded: what may be an escape
    char head[MH_PART_HEAD_MAX];
} mh_form_t;

// Make ready for a form of this Content-Type, with so many parts at most, each with so many bytes of data at most.
// Returns 0; -415 when it is no form; -400 when the boundary is missing or malformed. form->fault tells more.
int mh_form_init(mh_form_t *form, const char *type, size_t len, uint16_t parts_max, uint32_t part_max);

// Take some of `in[0..len)`, how much is in *taken, and say what it was: MH_FORM_…. Where that is MH_FORM_DATA, it is
// the `*data_len` bytes at `*data`, in `in` or in the form, until the next call. No bytes (len 0) is the end of the body.
// Any split gives the same parts and data. Asked again after MH_FORM_END, it says the same.
// -400: malformed, or ended too early; -413: over a limit; form->fault tells more, and asked again, it says the same.
//
// Strict: a boundary's line has nothing but white space behind it, lines end with CRLF, each part has one name, in one Content-Disposition of
// form-data. A part that is transfer-encoded (base64, quoted-printable) is refused, all other fields of it are ignored.
// Names are taken as browsers send them: a backslash that is before neither quote nor backslash, and a '%' that is not
// %22, %0D or %0A, stand for themselves. filename* is ignored (RFC 7578 section 4.2).
// Urlencoded is as lenient as mh_query_next() and mh_query_decode().
int mh_form_next(mh_form_t *form, const uint8_t *in, size_t len, size_t *taken, const uint8_t **data, size_t *data_len);

// --- form_head.c

// One parameter of a field's value, quotes taken off and escapes not.
typedef struct _mh_param_t {
    const char *name;
    const char *value;
    size_t name_len;
    size_t value_len;
    bool quoted;
} mh_param_t;

// The next parameter (RFC 9110 section 5.6.6) in *at, which is advanced, up to `end`. 1, 0 at the end, or -400.
int mh_param_next(const char **at, const char *end, mh_param_t *param);

// Where the parameters begin of a value that is `lower` (any case) before them; NULL: it is something else.
const char *mh_value_is(const char *p, const char *end, const char *lower, size_t len);

// What the fields say that are gathered in form->head. NULL, or what is wrong with them.
const char *mh_form_head(mh_form_t *form);

#endif
