// The request head: whatever pieces it comes in, the parser says what a plain reading of the whole by the grammar of
// RFC 9112 says.

#include "core/head.h"
#include "core/uri.h"
#include "fuzz.h"

#define FIELDS_MAX (64)
#define EMPTY_LINES_MAX (4)

// A part of the head, as offsets.
typedef struct _part_t {
    size_t at;
    size_t len;
} part_t;

// What the whole says.
typedef struct _model_t {
    bool complete;              // there is an empty line
    bool well_formed;
    size_t len;                 // with the empty line
    part_t method;
    part_t target;
    unsigned minor;
    unsigned major;
    size_t count;               // of field lines
    part_t names[FIELDS_MAX];
    part_t values[FIELDS_MAX];
    // what the fields say
    unsigned hosts;
    unsigned lengths;
    unsigned codings;           // Transfer-Encoding's list
    bool coded;
    bool chunked_last;
    bool chunked_once;
    bool coding_unknown;
    uint32_t length;
    bool close;
    bool keep_alive;
    bool upgrade;
    bool expect;
    bool expect_other;
} model_t;

static bool is_text(const uint8_t *data, part_t part, const char *lower) {
    if (part.len != strlen(lower)) {
        return false;
    }
    for (size_t i = 0; i < part.len; ++i) {
        uint8_t c = data[part.at + i];
        if ((c >= 'A' && c <= 'Z' ? c + 32 : c) != (uint8_t)lower[i]) {
            return false;
        }
    }
    return true;
}

static part_t trimmed_part(const uint8_t *data, part_t part) {
    input_t text = trimmed((input_t) { data + part.at, part.len });
    return (part_t) { (size_t)(text.data - data), text.len };
}

// The next item of a list. False at the end; an item may be empty.
static bool model_item(const uint8_t *data, part_t *list, part_t *item) {
    if (list->len == 0) {
        return false;
    }
    size_t len = 0;
    while (len < list->len && data[list->at + len] != ',') {
        ++len;
    }
    *item = trimmed_part(data, (part_t) { list->at, len });
    len += len < list->len;
    list->at += len;
    list->len -= len;
    return true;
}

static bool model_length(model_t *model, const uint8_t *data, part_t value) {
    uint64_t length = 0;
    for (size_t i = 0; i < value.len; ++i) {
        if (!is_digit(data[value.at + i])) {
            return false;
        }
        length = length * 10 + (data[value.at + i] - '0');
        if (length > UINT32_MAX) {
            return false;
        }
    }
    bool agrees = model->lengths++ == 0 || model->length == length;
    model->length = (uint32_t)length;
    return value.len != 0 && agrees;
}

// What a field means for the message. False when that is malformed.
static bool model_field(model_t *model, const uint8_t *data, part_t name, part_t value) {
    part_t item;
    if (is_text(data, name, "host")) {
        return model->hosts++ == 0 && mh_authority_ok((const char *)data + value.at, value.len);
    }
    if (is_text(data, name, "content-length")) {
        return model_length(model, data, value);
    }
    model->coded = model->coded || is_text(data, name, "transfer-encoding");
    while (model_item(data, &value, &item)) {
        if (item.len == 0) {
            continue;
        }
        if (is_text(data, name, "transfer-encoding")) {
            if (model->chunked_last) {
                return false;
            }
            model->chunked_last = is_text(data, item, "chunked");
            model->coding_unknown = model->coding_unknown || !model->chunked_last;
        } else if (is_text(data, name, "connection")) {
            model->close = model->close || is_text(data, item, "close");
            model->keep_alive = model->keep_alive || is_text(data, item, "keep-alive");
            model->upgrade = model->upgrade || is_text(data, item, "upgrade");
        } else if (is_text(data, name, "expect")) {
            bool known = is_text(data, item, "100-continue");
            model->expect = model->expect || known;
            model->expect_other = model->expect_other || !known;
        }
    }
    return true;
}

static bool is_target(const uint8_t *data, part_t part) {
    for (size_t i = part.at; i < part.at + part.len; ++i) {
        if (data[i] == '%') {
            if (part.at + part.len - i < 3 || !is_hex(data[i + 1]) || !is_hex(data[i + 2])) {
                return false;
            }
        } else if (!is_alphanumeric(data[i]) && !is_one_of(data[i], "-._~:/?@!$&'()*+,;=[]\\^`{|}")) {
            return false;
        }
    }
    return part.len != 0;
}

static bool model_line(model_t *model, const uint8_t *data, part_t line) {
    const uint8_t *text = data + line.at;
    const uint8_t *space = memchr(text, ' ', line.len);
    if (space == NULL) {
        return false;
    }
    model->method = (part_t) { line.at, (size_t)(space - text) };
    size_t target = model->method.len + 1;
    const uint8_t *second = memchr(text + target, ' ', line.len - target);
    if (second == NULL) {
        return false;
    }
    model->target = (part_t) { line.at + target, (size_t)(second - text) - target };
    const uint8_t *version = second + 1;
    if (text + line.len - version != 8 || memcmp(version, "HTTP/", 5) != 0 || version[6] != '.') {
        return false;
    }
    model->major = version[5] - '0';
    model->minor = version[7] == '0' ? 0 : 1;
    return is_digit(version[5]) && is_digit(version[7]) && is_token(text, model->method.len)
        && is_target(data, model->target);
}

static bool model_field_line(model_t *model, const uint8_t *data, part_t line) {
    const uint8_t *text = data + line.at;
    const uint8_t *colon = memchr(text, ':', line.len);
    size_t index = model->count++;
    if (colon == NULL) {
        return false;
    }
    size_t name_len = (size_t)(colon - text);
    part_t name = { line.at, name_len };
    part_t value = trimmed_part(data, (part_t) { line.at + name_len + 1, line.len - name_len - 1 });
    if (!is_token(text, name_len) || !is_value(colon + 1, line.len - name_len - 1)) {
        return false;
    }
    if (index < FIELDS_MAX) {
        model->names[index] = name;
        model->values[index] = value;
    }
    return model_field(model, data, name, value);
}

// Read the whole, line by line.
static model_t read_model(const uint8_t *data, size_t len) {
    model_t model = { .well_formed = true };
    size_t at = 0;
    for (int line = 0; line < EMPTY_LINES_MAX && len - at >= 2 && data[at] == '\r' && data[at + 1] == '\n'; ++line) {
        at += 2;
    }
    for (bool first = true;; first = false) {
        size_t end = at;
        while (end + 1 < len && !(data[end] == '\r' && data[end + 1] == '\n')) {
            ++end;
        }
        if (end + 1 >= len) {
            return model;
        }
        part_t line = { at, end - at };
        at = end + 2;
        if (!first && line.len == 0) {
            model.complete = true;
            model.len = at;
            return model;
        }
        model.well_formed = (first ? model_line(&model, data, line) : model_field_line(&model, data, line))
            && model.well_formed;
    }
}

// The status that the whole gets: 0 for a head that is right.
static unsigned model_status(const model_t *model) {
    bool host_missing = model->minor != 0 && model->hosts == 0;
    bool coding_wrong = model->coded && (model->minor == 0 || model->lengths != 0 || !model->chunked_last);
    if (!model->well_formed || host_missing || coding_wrong) {
        return 400;
    }
    return model->coding_unknown ? 501 : model->expect_other ? 417 : 0;
}

static unsigned model_flags(const model_t *model, const uint8_t *data) {
    unsigned flags = 0;
    bool keep_alive = !model->close && (model->minor != 0 || model->keep_alive);
    flags |= keep_alive ? MH_HEAD_KEEP_ALIVE : 0;
    flags |= model->coded ? MH_HEAD_CHUNKED : 0;
    flags |= model->lengths != 0 ? MH_HEAD_LENGTH : 0;
    flags |= model->expect && model->minor != 0 ? MH_HEAD_EXPECT : 0;
    flags |= model->upgrade && model->minor != 0 ? MH_HEAD_UPGRADE : 0;
    flags |= memchr(data + model->target.at, '%', model->target.len) != NULL ? MH_HEAD_ESCAPED : 0;
    flags |= model->hosts != 0 ? MH_HEAD_HOST : 0;
    return flags;
}

// ---- what the parser says

static bool same_span(mh_span_t span, part_t part) {
    return span.at == part.at && span.len == part.len;
}

// A complete head has what the model has, and its fields can be read from memory that ends where it does.
static void check_head(const mh_head_t *head, const model_t *model, const uint8_t *data) {
    CHECK(model->complete && model_status(model) == 0 && model->major == 1);
    CHECK(head->len == model->len);
    CHECK(same_span(head->method, model->method) && same_span(head->target, model->target));
    CHECK(head->minor == model->minor && head->length == model->length);
    CHECK(head->flags == model_flags(model, data));
    CHECK(head->method_id == mh_method((const char *)data + model->method.at, model->method.len));
    CHECK(head->method_id == MH_METHOD_OTHER || (strlen(mh_method_name(head->method_id)) == model->method.len
        && memcmp(mh_method_name(head->method_id), data + model->method.at, model->method.len) == 0));

    uint8_t *copy = exact_new(data, head->len);
    uint16_t at = head->fields;
    mh_field_t field;
    for (size_t i = 0; i < model->count && i < FIELDS_MAX; ++i) {
        CHECK(mh_field_next(copy, &at, &field));
        CHECK(field.name == (const char *)copy + model->names[i].at && field.name_len == model->names[i].len);
        CHECK(field.value_len == model->values[i].len);
        CHECK(field.value_len == 0 || field.value == (const char *)copy + model->values[i].at);
        CHECK(field.value >= (const char *)copy && field.value + field.value_len <= (const char *)copy + head->len);
    }
    CHECK(model->count >= FIELDS_MAX || (!mh_field_next(copy, &at, &field) && !mh_field_next(copy, &at, &field)));
    exact_free(copy, head->len);
}

// The name of the last field finds the first one that has it, in the other case too, and none when another letter is added.
static void check_find(const mh_head_t *head, const model_t *model, const uint8_t *data) {
    if (model->count == 0 || model->count > FIELDS_MAX) {
        return;
    }
    part_t last = model->names[model->count - 1];
    char *name = malloc(last.len + 1);
    for (size_t i = 0; i < last.len; ++i) {
        uint8_t c = data[last.at + i];
        bool letter = is_alphanumeric(c) && !is_digit(c);
        name[i] = (char)(letter ? c ^ 0x20 : c);
    }
    size_t first = 0;
    for (;; ++first) {
        part_t other = model->names[first];
        size_t same = 0;
        while (other.len == last.len && same < last.len && (data[other.at + same] == (uint8_t)name[same]
            || data[other.at + same] == data[last.at + same])) {
            ++same;
        }
        if (other.len == last.len && same == last.len) {
            break;
        }
    }
    mh_field_t field;
    uint16_t at = head->fields;
    CHECK(mh_field_find(data, &at, name, last.len, &field));
    CHECK(field.name == (const char *)data + model->names[first].at);
    name[0] ^= 1;
    at = head->fields;
    if (mh_field_find(data, &at, name, last.len, &field)) {
        CHECK((field.name[0] | 0x20) == (name[0] | 0x20));
    }
    free(name);
}

// Give the parser ever more of the data, each time in memory of its own, until it has decided or has all of it.
static int parse_pieces(mh_head_t *head, const mh_limits_t *limits, const input_t *input, pieces_t *pieces) {
    memset(head, 0, sizeof(*head));
    int result = 0;
    size_t len = 0;
    do {
        len += piece_next(pieces, input->len - len);
        uint8_t *copy = exact_new(input->data, len);
        result = mh_head_parse(head, limits, copy, len);
        CHECK(result == 0 || mh_head_parse(head, limits, copy, len) == result);
        exact_free(copy, len);
    } while (result == 0 && len < input->len);
    return result;
}

static int parse_whole(mh_head_t *head, const mh_limits_t *limits, const uint8_t *data, size_t len) {
    pieces_t whole = { { 255 }, 1, 0 };
    input_t input = { data, len };
    return parse_pieces(head, limits, &input, &whole);
}

static void check_same(const mh_head_t *a, const mh_head_t *b) {
    CHECK(a->method.at == b->method.at && a->method.len == b->method.len);
    CHECK(a->target.at == b->target.at && a->target.len == b->target.len);
    CHECK(a->fields == b->fields && a->len == b->len);
    CHECK(a->method_id == b->method_id && a->minor == b->minor);
    CHECK(a->flags == b->flags && a->length == b->length);
}

static bool within_limits(const model_t *model, const mh_limits_t *limits) {
    return model->len <= limits->max_head && model->target.len <= limits->max_target
        && model->count <= limits->max_fields;
}

static void check_refusal(int status, const model_t *model, const mh_limits_t *limits) {
    CHECK(status == 400 || status == 414 || status == 417 || status == 431 || status == 501 || status == 505);
    if (model->complete && within_limits(model, limits)) {
        unsigned expected = model_status(model);
        // Of a version that is not 1 the rest is not looked at. A malformed target may be too long before it is malformed.
        CHECK(status == (int)expected || (status == 505 && model->major != 1)
            || (status == 414 && !model->well_formed && model->len > limits->max_target));
    }
    CHECK(status != 414 || limits->max_target < UINT16_MAX);
}

static mh_limits_t input_limits(input_t *input) {
    static const mh_limits_t usual[] = { { 2048, 1024, 32 }, { 65535, 65535, 65535 }, { 128, 32, 3 } };
    uint8_t choice = input_byte(input) % 4;
    if (choice < 3) {
        return usual[choice];
    }
    mh_limits_t limits = { (uint16_t)input_number(input, 2), input_byte(input), input_byte(input) };
    return limits;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    input_t input = { data, len };
    mh_limits_t limits = input_limits(&input);
    pieces_t pieces = input_pieces(&input);
    model_t model = read_model(input.data, input.len);
    mh_head_t whole;
    mh_head_t split;
    int result = parse_whole(&whole, &limits, input.data, input.len);
    CHECK(parse_pieces(&split, &limits, &input, &pieces) == result);
    if (result == 1) {
        CHECK(within_limits(&model, &limits));
        check_head(&whole, &model, input.data);
        check_find(&whole, &model, input.data);
        check_same(&whole, &split);
        // What follows the head has no part in it, and without its last byte it is incomplete.
        CHECK(parse_whole(&split, &limits, input.data, whole.len) == 1);
        check_same(&whole, &split);
        CHECK(parse_whole(&split, &limits, input.data, whole.len - 1u) == 0);
    } else if (result < 0) {
        check_refusal(-result, &model, &limits);
    } else {
        CHECK(!model.complete && input.len < limits.max_head);
    }
    return 0;
}
