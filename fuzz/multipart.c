// Forms in a body: whatever pieces it comes in, what comes out is what a reader says that has all of it before it.

#include "core/form.h"
#include "core/uri.h"
#include "fuzz.h"

// What became of a form, told as text: each part's "P", name, filename and type, its data, "E"; and how it ended.
typedef struct _outcome_t {
    int end;                // MH_FORM_END, or -400, -413, -415
    uint8_t *out;
    size_t out_len;
    size_t room;
} outcome_t;

static void tell(outcome_t *outcome, const void *data, size_t len) {
    CHECK(len <= outcome->room - outcome->out_len);
    memcpy(outcome->out + outcome->out_len, data, len);
    outcome->out_len += len;
}

static void tell_text(outcome_t *outcome, char mark, const void *text, size_t len) {
    tell(outcome, &mark, 1);
    tell(outcome, text, len);
    tell(outcome, "", 1);
}

// ---- the reader that has all of it

static bool same_text(input_t text, const char *lower) {
    if (text.len != strlen(lower)) {
        return false;
    }
    for (size_t i = 0; i < text.len; ++i) {
        uint8_t c = text.data[i];
        if ((c >= 'A' && c <= 'Z' ? c + 32 : c) != (uint8_t)lower[i]) {
            return false;
        }
    }
    return true;
}

typedef struct _model_param_t {
    input_t name;
    input_t value;
    bool quoted;
} model_param_t;

// Take one parameter off the front of `rest`: 1, 0 when there is none, -1 when it is malformed.
static int model_param(input_t *rest, model_param_t *param) {
    bool separated = false;
    while (rest->len != 0 && (is_blank(rest->data[0]) || rest->data[0] == ';')) {
        separated |= input_byte(rest) == ';';
    }
    if (rest->len == 0) {
        return 0;
    }
    param->name = (input_t) { rest->data, 0 };
    while (rest->len != 0 && is_token_char(rest->data[0])) {
        input_byte(rest);
        ++param->name.len;
    }
    if (!separated || param->name.len == 0 || input_byte(rest) != '=') {
        return -1;
    }
    param->quoted = rest->len != 0 && rest->data[0] == '"';
    if (param->quoted) {
        input_byte(rest);
    }
    param->value = (input_t) { rest->data, 0 };
    while (rest->len != 0 && (param->quoted ? rest->data[0] != '"' : is_token_char(rest->data[0]))) {
        bool pair = param->quoted && rest->len > 1 && rest->data[0] == '\\' && is_one_of(rest->data[1], "\"\\");
        param->value.len += 1 + pair;
        rest->data += 1 + pair;
        rest->len -= 1 + pair;
    }
    return param->quoted ? (input_byte(rest) == '"' ? 1 : -1) : param->value.len != 0 ? 1 : -1;
}

// A name as it is meant.
static size_t model_name(const model_param_t *param, uint8_t *out) {
    static const struct { const char *sent; uint8_t is; } escapes[] = {
        { "\\\"", '"' }, { "\\\\", '\\' }, { "%22", '"' }, { "%0D", '\r' }, { "%0d", '\r' }, { "%0A", '\n' }, { "%0a", '\n' },
    };
    size_t len = 0;
    for (input_t text = param->value; text.len != 0;) {
        size_t taken = 1;
        out[len] = text.data[0];
        for (size_t i = 0; param->quoted && taken == 1 && i < sizeof(escapes) / sizeof(*escapes); ++i) {
            size_t sent_len = strlen(escapes[i].sent);
            if (text.len >= sent_len && memcmp(text.data, escapes[i].sent, sent_len) == 0) {
                out[len] = escapes[i].is;
                taken = sent_len;
            }
        }
        ++len;
        text.data += taken;
        text.len -= taken;
    }
    return len;
}

// The value before its parameters, which stay in `rest`; false when neither ';' nor white space divides the two.
static bool model_value(input_t *rest, const char *lower) {
    input_t value = { rest->data, rest->len < strlen(lower) ? rest->len : strlen(lower) };
    rest->data += value.len;
    rest->len -= value.len;
    return same_text(value, lower) && (rest->len == 0 || is_blank(rest->data[0]) || rest->data[0] == ';');
}

static bool model_disposition(input_t rest, outcome_t *told) {
    model_param_t param, name = { .quoted = false }, filename = name;
    int names = 0, filenames = 0, result;
    if (!model_value(&rest, "form-data")) {
        return false;
    }
    while ((result = model_param(&rest, &param)) > 0) {
        if (same_text(param.name, "name")) {
            name = param;
            ++names;
        } else if (same_text(param.name, "filename")) {
            filename = param;
            ++filenames;
        }
    }
    if (result < 0 || names != 1 || filenames > 1) {
        return false;
    }
    uint8_t text[MH_PART_HEAD_MAX];
    tell_text(told, 'P', text, model_name(&name, text));
    if (filenames != 0) {
        tell_text(told, 'F', text, model_name(&filename, text));
    }
    return true;
}

static bool model_head(input_t head, outcome_t *told) {
    input_t type = { NULL, 0 };
    int dispositions = 0;
    while (head.len != 0) {
        input_t line = input_until(&head, '\n');
        --line.len;
        input_t name = { line.data, 0 };
        while (name.len < line.len && is_token_char(line.data[name.len])) {
            ++name.len;
        }
        if (name.len == 0 || name.len == line.len || line.data[name.len] != ':' || !is_value(line.data, line.len)) {
            return false;
        }
        input_t value = trimmed((input_t) { name.data + name.len + 1, line.len - name.len - 1 });
        if (same_text(name, "content-disposition")) {
            if (++dispositions > 1 || !model_disposition(value, told)) {
                return false;
            }
        } else if (same_text(name, "content-type")) {
            if (type.data != NULL) {
                return false;
            }
            type = value;
        } else if (same_text(name, "content-transfer-encoding")) {
            input_t binary = value, eight = value, seven = value;
            if (!model_value(&binary, "binary") && !model_value(&eight, "8bit") && !model_value(&seven, "7bit")) {
                return false;
            }
        }
    }
    if (type.data != NULL) {
        tell_text(told, 'T', type.data, type.len);
    }
    return dispositions == 1;
}

typedef struct _limits_t {
    unsigned parts;
    uint32_t part;
} limits_t;

// The first place from `at` on where `word` is, or `len`.
static size_t model_find(const uint8_t *data, size_t at, size_t len, const uint8_t *word, size_t word_len) {
    for (; at + word_len <= len; ++at) {
        if (memcmp(data + at, word, word_len) == 0) {
            return at;
        }
    }
    return len;
}

// How many bytes at the end could yet become `word`.
static size_t model_pending(const uint8_t *data, size_t at, size_t len, const uint8_t *word, size_t word_len) {
    for (size_t n = len - at < word_len - 1 ? len - at : word_len - 1; n != 0; --n) {
        if (memcmp(data + len - n, word, n) == 0) {
            return n;
        }
    }
    return 0;
}

// The head that begins at *at, behind which it then is: 0, or why it is refused.
static int model_gather(const uint8_t *data, size_t *at, size_t len, input_t *head) {
    *head = (input_t) { data + *at, 0 };
    for (size_t line = *at; *at < len; ++*at) {
        if (++head->len > MH_PART_HEAD_MAX) {
            return -413;
        }
        if (data[*at] == '\n') {
            if (*at == line || data[*at - 1] != '\r') {
                return -400;
            }
            if (*at == line + 1) {
                head->len -= 2;
                ++*at;
                return 0;
            }
            line = *at + 1;
        }
    }
    return -400;
}

// `data` has a CRLF before the body.
static int model_multipart(const uint8_t *data, size_t len, const uint8_t *delimiter, size_t delimiter_len, limits_t limits, outcome_t *told) {
    size_t at = model_find(data, 0, len, delimiter, delimiter_len) + delimiter_len;
    if (at > len) {
        return len - 2 > MH_FORM_EXTRA_MAX ? -413 : -400;
    }
    for (size_t extra = at - 2;;) {
        if (extra > MH_FORM_EXTRA_MAX) {
            return -413;
        }
        if (len - at >= 2 && data[at] == '-' && data[at + 1] == '-') {
            return MH_FORM_END;
        }
        for (; at < len && is_blank(data[at]); ++at) {
            if (++extra > MH_FORM_EXTRA_MAX) {
                return -413;
            }
        }
        if (len - at < 2 || data[at] != '\r' || data[at + 1] != '\n') {
            return -400;
        }
        at += 2;
        input_t head;
        size_t before = told->out_len;
        int refusal = model_gather(data, &at, len, &head);
        if (refusal == 0 && !model_head(head, told)) {
            refusal = -400;
        }
        if (refusal == 0 && limits.parts-- == 0) {
            refusal = -413;
        }
        if (refusal != 0) {
            told->out_len = before;
            return refusal;
        }
        size_t end = model_find(data, at - 2, len, delimiter, delimiter_len);
        size_t data_end = end < len ? end : len - model_pending(data, at - 2, len, delimiter, delimiter_len);
        size_t data_len = data_end < at ? 0 : data_end - at;
        tell(told, data + at, data_len < limits.part ? data_len : limits.part);
        if (data_len > limits.part) {
            return -413;
        }
        if (end == len) {
            return -400;
        }
        tell(told, "E", 1);
        at = end + delimiter_len;
    }
}

static int model_urlencoded(input_t body, limits_t limits, outcome_t *told) {
    while (body.len != 0) {
        input_t value = input_until(&body, '&');
        if (value.len == 0) {
            continue;
        }
        input_t key = input_until(&value, '=');
        if (key.len > MH_PART_HEAD_MAX) {
            return -413;
        }
        if (limits.parts-- == 0) {
            return -413;
        }
        char *text = malloc(key.len + value.len + 1);
        memcpy(text, key.data, key.len);
        tell_text(told, 'P', text, mh_query_decode(text, key.len, text));
        memcpy(text, value.data, value.len);
        size_t len = mh_query_decode(text, value.len, text);
        tell(told, text, len < limits.part ? len : limits.part);
        free(text);
        if (len > limits.part) {
            return -413;
        }
        tell(told, "E", 1);
    }
    return MH_FORM_END;
}

static bool boundary_ok(input_t boundary) {
    for (size_t i = 0; i < boundary.len; ++i) {
        if (!is_token_char(boundary.data[i]) && !is_one_of(boundary.data[i], "(),/:=? ")) {
            return false;
        }
    }
    return boundary.len != 0 && boundary.len <= 70 && boundary.data[boundary.len - 1] != ' ';
}

static int model(input_t type, input_t body, limits_t limits, outcome_t *told) {
    input_t params = type, other = type;
    if (!model_value(&params, "multipart/form-data")) {
        return model_value(&other, "application/x-www-form-urlencoded") ? model_urlencoded(body, limits, told) : -415;
    }
    model_param_t param, boundary = { .quoted = false };
    int boundaries = 0, result;
    while ((result = model_param(&params, &param)) > 0) {
        if (same_text(param.name, "boundary")) {
            boundary = param;
            ++boundaries;
        }
    }
    if (result < 0 || boundaries != 1 || !boundary_ok(boundary.value)) {
        return -400;
    }
    uint8_t delimiter[4 + 70];
    memcpy(delimiter, "\r\n--", 4);
    memcpy(delimiter + 4, boundary.value.data, boundary.value.len);
    uint8_t *data = malloc(2 + body.len);
    memcpy(data, "\r\n", 2);
    memcpy(data + 2, body.data, body.len);
    int end = model_multipart(data, 2 + body.len, delimiter, 4 + boundary.value.len, limits, told);
    free(data);
    return end;
}

// ---- the one that is tested

static void tell_part(const mh_form_t *form, outcome_t *told) {
    tell_text(told, 'P', form->head + form->name.at, form->name.len);
    if (form->filename.at != 0) {
        tell_text(told, 'F', form->head + form->filename.at, form->filename.len);
    }
    if (form->type.at != 0) {
        tell_text(told, 'T', form->head + form->type.at, form->type.len);
    }
}

// Give the form one piece, in memory of its own; an empty one is the end. Returns the last event.
static int feed(mh_form_t *form, const uint8_t *data, size_t len, outcome_t *told) {
    uint8_t *copy = exact_new(data, len);
    size_t at = 0;
    int event;
    do {
        const uint8_t *own;
        size_t taken, own_len;
        event = mh_form_next(form, copy + at, len - at, &taken, &own, &own_len);
        CHECK(taken <= len - at);
        at += taken;
        if (event == MH_FORM_DATA) {
            CHECK(own_len != 0);
            tell(told, own, own_len);
        } else if (event == MH_FORM_PART) {
            tell_part(form, told);
        } else if (event == MH_FORM_PART_END) {
            tell(told, "E", 1);
        } else if (event == MH_FORM_MORE) {
            CHECK(at == len && len != 0);
        } else {
            CHECK(event == MH_FORM_END || (event < 0 && form->fault != NULL));
            CHECK(mh_form_next(form, copy, len, &taken, &own, &own_len) == event && taken == 0);
        }
    } while (event > MH_FORM_MORE && event != MH_FORM_END && (at < len || len == 0));
    exact_free(copy, len);
    return event;
}

static outcome_t outcome_new(size_t room) {
    return (outcome_t) { MH_FORM_MORE, malloc(room), 0, room };
}

static outcome_t decode(input_t type, input_t body, limits_t limits, pieces_t *pieces, size_t room) {
    mh_form_t form;
    outcome_t told = outcome_new(room);
    uint8_t *copy = exact_new(type.data, type.len);
    told.end = mh_form_init(&form, (const char *)copy, type.len, (uint16_t)limits.parts, limits.part);
    CHECK(told.end == 0 || (form.fault != NULL && feed(&form, body.data, body.len, &told) == told.end));
    exact_free(copy, type.len);
    for (size_t at = 0; at < body.len && told.end >= 0 && told.end != MH_FORM_END;) {
        size_t here = pieces == NULL ? body.len : piece_next(pieces, body.len - at);
        if (here != 0) {
            told.end = feed(&form, body.data + at, here, &told);
        }
        at += here;
    }
    if (told.end >= 0 && told.end != MH_FORM_END) {
        told.end = feed(&form, NULL, 0, &told);
    }
    return told;
}

// Of a part that is too large, no more than it may have has come out.
static void check_same(const outcome_t *got, const outcome_t *expected) {
    CHECK(got->end == expected->end);
    CHECK(got->out_len == expected->out_len || (got->end == -413 && got->out_len < expected->out_len));
    CHECK(memcmp(got->out, expected->out, got->out_len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    input_t input = { data, len };
    pieces_t pieces = input_pieces(&input);
    limits_t limits = { input_byte(&input), input_number(&input, 2) };
    input_t type = input_until(&input, '\n');
    if (!is_value(type.data, type.len)) {
        return 0;       // the request's head would have been refused
    }
    size_t room = 4 * len + 64;
    outcome_t expected = outcome_new(room);
    expected.end = model(type, input, limits, &expected);
    outcome_t whole = decode(type, input, limits, NULL, room);
    outcome_t split = decode(type, input, limits, &pieces, room);
    check_same(&whole, &expected);
    check_same(&split, &expected);
    free(expected.out);
    free(whole.out);
    free(split.out);
    return 0;
}
