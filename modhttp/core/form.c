#include "core/form.h"

#include <string.h>

#include "core/chars.h"
#include "core/uri.h"

enum {
    // multipart
    STATE_PREAMBLE,
    STATE_DATA,
    STATE_DELIMITED,    // behind a boundary
    STATE_DASH,         // behind the first '-' of the last one
    STATE_PADDING,      // white space behind a boundary
    STATE_DELIMITER_LF,
    STATE_HEAD,
    // urlencoded
    STATE_KEY,
    STATE_VALUE,
    STATE_ESCAPE,       // `matched` bytes of what may be an escape are held back
    STATE_PAIR_END,     // of a key without a value
    // either
    STATE_END,
    STATE_REFUSED,
};

static int refuse(mh_form_t *form, uint16_t status, const char *fault) {
    form->fault = fault;
    form->refusal = status;
    form->state = STATE_REFUSED;
    return -(int)status;
}

// --- What kind of form it is

// What RFC 2046 allows, and the rest of RFC 9110's tokens, which are in use. No CR: form_search() relies on it.
static bool boundary_ok(const mh_param_t *param) {
    for (size_t i = 0; i < param->value_len; ++i) {
        if (!mh_is((uint8_t)param->value[i], MH_CHAR_TOKEN) && memchr("(),/:=? ", param->value[i], 8) == NULL) {
            return false;
        }
    }
    return param->value_len != 0 && param->value_len <= MH_BOUNDARY_MAX && param->value[param->value_len - 1] != ' ';
}

static bool find_boundary(mh_form_t *form, const char *p, const char *end) {
    mh_param_t param;
    int result;
    while ((result = mh_param_next(&p, end, &param)) > 0) {
        if (param.name_len != 8 || !mh_same(param.name, "boundary", 8)) {
            continue;
        }
        if (form->delimiter_len != 0 || !boundary_ok(&param)) {
            return false;
        }
        memcpy(form->delimiter, "\r\n--", 4);
        memcpy(form->delimiter + 4, param.value, param.value_len);
        form->delimiter_len = (uint8_t)(4 + param.value_len);
    }
    return result == 0 && form->delimiter_len != 0;
}

int mh_form_init(mh_form_t *form, const char *type, size_t len, uint16_t parts_max, uint32_t part_max) {
    const char *end = type + len;
    const char *params = mh_value_is(type, end, "multipart/form-data", 19);
    memset(form, 0, sizeof(*form));
    form->parts_left = parts_max;
    form->part_max = part_max;
    if (params != NULL) {
        form->state = STATE_PREAMBLE;
        form->matched = form->skip = 2;     // as if there had been a CRLF
        return find_boundary(form, params, end) ? 0 : refuse(form, 400, "the form's boundary is missing or malformed");
    }
    if (mh_value_is(type, end, "application/x-www-form-urlencoded", 33) != NULL) {
        form->state = STATE_KEY;
        return 0;
    }
    return refuse(form, 415, "not a form: it wants multipart/form-data or application/x-www-form-urlencoded");
}

// --- One step: it takes `*taken` bytes of in[0..len), where len is 0 at the end of the body. MH_FORM_MORE: go on.

static int begin_part(mh_form_t *form, uint8_t state) {
    if (form->parts_left == 0) {
        return refuse(form, 413, "the form has too many parts");
    }
    form->parts_left--;
    form->part_left = form->part_max;
    form->state = state;
    return MH_FORM_PART;
}

static int part_data(mh_form_t *form, const uint8_t *from, size_t from_len, const uint8_t **data, size_t *data_len) {
    if (from_len > form->part_left) {
        return refuse(form, 413, "a part of the form is too large");
    }
    form->part_left -= (uint32_t)from_len;
    *data = from;
    *data_len = from_len;
    return MH_FORM_DATA;
}

static int gather(mh_form_t *form, const uint8_t *in, size_t len) {
    if (len > MH_PART_HEAD_MAX - (size_t)form->head_len) {
        return refuse(form, 413, "a part of the form has too large a head");
    }
    memcpy(form->head + form->head_len, in, len);
    form->head_len = (uint16_t)(form->head_len + len);
    return MH_FORM_MORE;
}

static int count_extra(mh_form_t *form, size_t len) {
    if (len > MH_FORM_EXTRA_MAX - (size_t)form->extra) {
        return refuse(form, 413, "the form has too much that is in no part");
    }
    form->extra = (uint16_t)(form->extra + len);
    return MH_FORM_MORE;
}

// Look for the delimiter: MH_FORM_PART_END behind it, and MH_FORM_DATA for what is none of it. Since it has only one CR, at its
// beginning, what was held back for it in vain begins no other: each byte is looked at once.
static int search(mh_form_t *form, const uint8_t *in, size_t len, size_t *taken, const uint8_t **data, size_t *data_len) {
    size_t i = 0;
    if (form->matched == 0) {
        const uint8_t *cr = memchr(in, '\r', len);
        *data = in;
        *data_len = *taken = cr == NULL ? len : (size_t)(cr - in);
        if (*taken != 0) {
            return MH_FORM_DATA;
        }
    }
    while (i < len && form->matched < form->delimiter_len && in[i] == form->delimiter[form->matched]) {
        ++i;
        ++form->matched;
    }
    *taken = i;
    if (form->matched == form->delimiter_len) {
        form->matched = 0;
        return MH_FORM_PART_END;
    }
    if (i == len) {
        return MH_FORM_MORE;
    }
    *data = form->delimiter + form->skip;
    *data_len = (size_t)(form->matched - form->skip);
    form->matched = form->skip = 0;
    return MH_FORM_DATA;
}

static int preamble(mh_form_t *form, const uint8_t *in, size_t len, size_t *taken) {
    const uint8_t *none;
    size_t none_len;
    if (search(form, in, len, taken, &none, &none_len) == MH_FORM_PART_END) {
        form->state = STATE_DELIMITED;
    }
    return count_extra(form, *taken);
}

static int multipart_data(mh_form_t *form, const uint8_t *in, size_t len, size_t *taken, const uint8_t **data, size_t *data_len) {
    const uint8_t *from;
    size_t from_len;
    int event = search(form, in, len, taken, &from, &from_len);
    if (event == MH_FORM_PART_END) {
        form->state = STATE_DELIMITED;
    }
    if (event != MH_FORM_DATA) {
        return event;
    }
    return from_len == 0 ? MH_FORM_MORE : part_data(form, from, from_len, data, data_len);
}

// The rest of a boundary's line.
static int delimiter_line(mh_form_t *form, uint8_t c) {
    switch (form->state) {
        case STATE_DASH:
            form->state = STATE_END;
            return c == '-' ? MH_FORM_END : refuse(form, 400, "a boundary of the form is malformed");
        case STATE_DELIMITER_LF:
            form->state = STATE_HEAD;
            form->head_len = 0;
            return c == '\n' ? MH_FORM_MORE : refuse(form, 400, "a boundary of the form is malformed");
        default:
            if (c == '-' && form->state == STATE_DELIMITED) {
                form->state = STATE_DASH;
                return MH_FORM_MORE;
            }
            form->state = c == '\r' ? STATE_DELIMITER_LF : STATE_PADDING;
            return c == '\r' ? MH_FORM_MORE
                : c == ' ' || c == '\t' ? count_extra(form, 1) : refuse(form, 400, "a boundary of the form is malformed");
    }
}

// The fields of a part are gathered, and looked at when all are here.
static int part_head(mh_form_t *form, const uint8_t *in, size_t len, size_t *taken) {
    const uint8_t *lf = memchr(in, '\n', len);
    *taken = lf == NULL ? len : (size_t)(lf - in) + 1;
    int result = gather(form, in, *taken);
    const char *end = form->head + form->head_len;
    if (result != MH_FORM_MORE || lf == NULL) {
        return result;
    }
    if (form->head_len < 2 || end[-2] != '\r') {
        return refuse(form, 400, "a header field of a part is malformed");
    }
    if (form->head_len > 2 && end[-3] != '\n') {
        return MH_FORM_MORE;
    }
    const char *fault = mh_form_head(form);
    form->matched = form->skip = 2;     // a part without data may have the empty line's CRLF for the delimiter's
    return fault != NULL ? refuse(form, 400, fault) : begin_part(form, STATE_DATA);
}

static int begin_pair(mh_form_t *form, uint8_t state) {
    form->name.len = (uint16_t)mh_query_decode(form->head, form->head_len, form->head);
    form->head_len = 0;
    return begin_part(form, state);
}

static int pair_key(mh_form_t *form, const uint8_t *in, size_t len, size_t *taken) {
    while (*taken < len && in[*taken] != '=' && in[*taken] != '&') {
        ++*taken;
    }
    if (*taken != 0) {
        return gather(form, in, *taken);
    }
    *taken = len != 0;
    if (len != 0 && in[0] == '=') {
        return begin_pair(form, STATE_VALUE);
    }
    if (form->head_len != 0) {
        return begin_pair(form, STATE_PAIR_END);
    }
    if (len == 0) {
        form->state = STATE_END;
        return MH_FORM_END;
    }
    return MH_FORM_MORE;
}

static int pair_end(mh_form_t *form) {
    form->state = STATE_KEY;
    return MH_FORM_PART_END;
}

static int pair_value(mh_form_t *form, const uint8_t *in, size_t len, size_t *taken, const uint8_t **data, size_t *data_len) {
    while (*taken < len && in[*taken] != '&' && in[*taken] != '+' && in[*taken] != '%') {
        ++*taken;
    }
    if (*taken != 0) {
        return part_data(form, in, *taken, data, data_len);
    }
    *taken = len != 0;
    if (len == 0 || in[0] == '&') {
        return pair_end(form);
    }
    if (in[0] == '+') {
        return part_data(form, (const uint8_t *)" ", 1, data, data_len);
    }
    form->delimiter[0] = '%';
    form->matched = 1;
    form->state = STATE_ESCAPE;
    return MH_FORM_MORE;
}

static int pair_escape(mh_form_t *form, const uint8_t *in, size_t len, size_t *taken, const uint8_t **data, size_t *data_len) {
    if (len != 0 && mh_is(in[0], MH_CHAR_HEX)) {
        *taken = 1;
        form->delimiter[form->matched++] = in[0];
        if (form->matched < 3) {
            return MH_FORM_MORE;
        }
        form->delimiter[0] = (uint8_t)(mh_hex(form->delimiter[1]) << 4 | mh_hex(in[0]));
        form->matched = 1;
    }
    form->state = STATE_VALUE;
    return part_data(form, form->delimiter, form->matched, data, data_len);
}

static int step(mh_form_t *form, const uint8_t *in, size_t len, size_t *taken, const uint8_t **data, size_t *data_len) {
    if (form->state == STATE_REFUSED) {
        return -(int)form->refusal;
    }
    if (form->state == STATE_END) {
        return MH_FORM_END;
    }
    if (len == 0 && form->state < STATE_KEY) {
        return refuse(form, 400, "the form ends before its last boundary");
    }
    switch (form->state) {
        case STATE_PREAMBLE:
            return preamble(form, in, len, taken);
        case STATE_DATA:
            return multipart_data(form, in, len, taken, data, data_len);
        case STATE_HEAD:
            return part_head(form, in, len, taken);
        case STATE_KEY:
            return pair_key(form, in, len, taken);
        case STATE_VALUE:
            return pair_value(form, in, len, taken, data, data_len);
        case STATE_ESCAPE:
            return pair_escape(form, in, len, taken, data, data_len);
        case STATE_PAIR_END:
            return pair_end(form);
        default:
            *taken = 1;
            return delimiter_line(form, in[0]);
    }
}

int mh_form_next(mh_form_t *form, const uint8_t *in, size_t len, size_t *taken, const uint8_t **data, size_t *data_len) {
    int event;
    *taken = 0;
    *data_len = 0;
    do {
        size_t here = 0;
        event = step(form, in + *taken, len - *taken, &here, data, data_len);
        *taken += here;
    } while (event == MH_FORM_MORE && *taken < len);
    return event;
}
