// What a request selects: Accept, Accept-Encoding, If-None-Match and the samples of a query, beside plain readings of the
// grammars. And what sensors make of strings: texts that are read back as what is well formed in them.

#include <ctype.h>

#include "core/select.h"
#include "core/sensor.h"
#include "fuzz.h"

// Whether the text is `lower`, in any case.
static bool is_word(input_t text, const char *lower) {
    bool same = text.len == strlen(lower);
    for (size_t i = 0; same && i < text.len; ++i) {
        same = tolower(text.data[i]) == lower[i];
    }
    return same;
}

// ---- lists of ranges with weights

// The next element of a list, up to a comma that no quotes enclose.
static input_t element_next(input_t *list) {
    input_t element = { list->data, 0 };
    bool quoted = false;
    bool escaped = false;
    while (list->len != 0) {
        uint8_t c = input_byte(list);
        if (c == ',' && !quoted) {
            return element;
        }
        ++element.len;
        if (escaped) {
            escaped = false;
        } else if (c == '"') {
            quoted = !quoted;
        } else {
            escaped = c == '\\' && quoted;
        }
    }
    return element;
}

// A quality value in thousandths, -1 for what is none.
static int model_quality(input_t text) {
    int weight = 0;
    if (text.len == 0 || text.len > 5 || text.data[0] > '1' || (text.len > 1 && text.data[1] != '.')) {
        return -1;
    }
    for (size_t i = 0; i < 5; ++i) {
        uint8_t c = i < text.len ? text.data[i] : '0';
        if (i != 1 && !is_digit(c)) {
            return -1;
        }
        weight = i == 1 ? weight : weight * 10 + (c - '0');
    }
    return weight <= 1000 ? weight : -1;
}

// The element's range, and its weight; -1 when there is more to it, or it is malformed.
static int model_weight(input_t element, input_t *range) {
    int weight = -1;
    bool first = true;
    size_t semicolons = 0;
    for (size_t i = 0; i < element.len; ++i) {
        semicolons += element.data[i] == ';';
    }
    for (; semicolons + 1 != 0; --semicolons) {
        input_t part = trimmed(input_until(&element, ';'));
        if (first) {
            *range = part;
            first = false;
        } else if (part.len != 0) {
            if (weight >= 0 || part.len < 2 || tolower(part.data[0]) != 'q' || part.data[1] != '=') {
                return -1;
            }
            weight = model_quality((input_t) { part.data + 2, part.len - 2 });
            if (weight < 0) {
                return -1;
            }
        }
    }
    return weight < 0 ? 1000 : weight;
}

// The highest weight of the ranges in the list that are `word`, -1 for none.
static int model_range(input_t list, const char *word, bool coding) {
    int best = -1;
    while (list.len != 0) {
        input_t range;
        int weight = model_weight(element_next(&list), &range);
        if (weight >= 0 && coding && range.len > 2 && tolower(range.data[0]) == 'x' && range.data[1] == '-') {
            range.data += 2;
            range.len -= 2;
        }
        best = weight > best && is_word(range, word) ? weight : best;
    }
    return best;
}

static const char *const types[] = { "application/json", "text/csv", "application/octet-stream", "text/*", "a/b" };
static const char *const all_of[] = { "application/*", "text/*", "application/*", "text/*", "a/*" };

static void check_type(input_t value, size_t from, size_t count) {
    int best = 0;
    int expected = -1;
    for (size_t i = 0; i < count; ++i) {
        int weight = model_range(value, types[from + i], false);
        weight = weight < 0 ? model_range(value, all_of[from + i], false) : weight;
        weight = weight < 0 ? model_range(value, "*/*", false) : weight;
        if (weight > best) {
            best = weight;
            expected = (int)i;
        }
    }
    expected = value.len == 0 ? 0 : expected;
    CHECK(mh_accept_type((const char *)value.data, value.len, types + from, count) == expected);
}

static void check_coding(input_t value, const char *coding) {
    int weight = model_range(value, coding, true);
    weight = weight < 0 ? model_range(value, "*", false) : weight;
    bool expected = weight < 0 ? strcmp(coding, "identity") == 0 : weight > 0;
    CHECK(mh_accept_coding((const char *)value.data, value.len, coding) == expected);
}

// ---- entity tags

// The state of a strict reader, character by character.
static bool model_etag(input_t value, input_t etag) {
    enum { BEGIN, WEAK, SLASH, INSIDE, AFTER } state = BEGIN;
    const uint8_t *tag = NULL;
    bool found = false;
    if (value.len == 1 && value.data[0] == '*') {
        return true;
    }
    for (const uint8_t *p = value.data; p != value.data + value.len; ++p) {
        bool space = *p == ' ' || *p == '\t';
        if (state == INSIDE && *p == '"') {
            size_t len = (size_t)(p + 1 - tag);
            found = found || (len == etag.len && memcmp(tag, etag.data, len) == 0);
            state = AFTER;
        } else if (state == INSIDE) {
            if (space || !is_value_char(*p)) {
                return false;
            }
        } else if ((state == BEGIN || state == SLASH) && *p == '"') {
            tag = p;
            state = INSIDE;
        } else if (state == BEGIN && *p == 'W') {
            state = WEAK;
        } else if (state == WEAK && *p == '/') {
            state = SLASH;
        } else if ((state == BEGIN || state == AFTER) && (space || *p == ',')) {
            state = *p == ',' ? BEGIN : state;
        } else {
            return false;
        }
    }
    return found && (state == BEGIN || state == AFTER);
}

static bool is_tag(input_t etag) {
    bool tag = etag.len >= 2 && etag.data[0] == '"' && etag.data[etag.len - 1] == '"';
    for (size_t i = 1; tag && i + 1 < etag.len; ++i) {
        tag = etag.data[i] > ' ' && etag.data[i] != '"' && is_value_char(etag.data[i]);
    }
    return tag;
}

static void check_etag(input_t value, input_t etag) {
    if (!is_tag(etag)) {
        return;
    }
    bool found = mh_etag_matches((const char *)value.data, value.len, (const char *)etag.data, etag.len);
    CHECK(found == model_etag(value, etag));
}

// ---- queries

static void check_samples(input_t query) {
    const char *text = (const char *)query.data;
    size_t len = query.len;
    mh_select_t expected = MH_SELECT_NEWEST;
    uint64_t n = 0;
    while (query.len != 0) {
        input_t value = input_until(&query, '&');
        input_t key = input_until(&value, '=');
        bool last = key.len == 4 && memcmp(key.data, "last", 4) == 0;
        bool since = key.len == 5 && memcmp(key.data, "since", 5) == 0;
        if (!last && !since) {
            continue;
        }
        bool number = expected == MH_SELECT_NEWEST && value.len != 0;
        for (n = 0; value.len != 0; --value.len, ++value.data) {
            number = number && is_digit(*value.data);
            n = n * 10 + *value.data - '0';
            number = number && n <= UINT32_MAX;
        }
        expected = number ? last ? MH_SELECT_LAST : MH_SELECT_SINCE : MH_SELECT_MALFORMED;
        if (!number) {
            break;
        }
    }
    uint32_t got = 0;
    CHECK(mh_select_samples(text, len, &got) == expected);
    CHECK((expected != MH_SELECT_LAST && expected != MH_SELECT_SINCE) || got == n);
}

// ---- strings

// Take one character from well-formed UTF-8, or U+FFFD for a byte of what is none.
static uint32_t model_character(input_t *text) {
    static const uint32_t least[] = { 0, 0x80, 0x800, 0x10000 };
    uint8_t c = input_byte(text);
    size_t more = c < 0x80 ? 0 : c < 0xc0 ? 9 : c < 0xe0 ? 1 : c < 0xf0 ? 2 : c < 0xf8 ? 3 : 9;
    uint32_t code = more == 0 ? c : more == 1 ? c & 31 : more == 2 ? c & 15 : c & 7;
    if (more > 3 || more > text->len) {
        return 0xfffd;
    }
    for (size_t i = 0; i < more; ++i) {
        if (text->data[i] >> 6 != 2) {
            return 0xfffd;
        }
        code = code << 6 | (text->data[i] & 63);
    }
    if (code < least[more] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) {
        return 0xfffd;
    }
    text->data += more;
    text->len -= more;
    return code;
}

// Take one from well-formed UTF-8.
static uint32_t strict_character(input_t *text) {
    input_t before = *text;
    uint32_t code = model_character(text);
    CHECK(code != 0xfffd || (before.len >= 3 && memcmp(before.data, "\xef\xbf\xbd", 3) == 0));
    return code;
}

static void expect(input_t *text, const char *expected) {
    for (; *expected != '\0'; ++expected) {
        CHECK(text->len != 0 && input_byte(text) == (uint8_t)*expected);
    }
}

// Take a character of a JSON string.
static uint32_t json_character(input_t *text) {
    uint32_t code = strict_character(text);
    CHECK(code >= ' ' && code != '"');
    if (code != '\\') {
        return code;
    }
    uint8_t c = input_byte(text);
    const char *place = c == 0 ? NULL : strchr("b\bf\fn\nr\rt\t\"\"\\\\", c);
    if (c != 'u') {
        CHECK(place != NULL);
        return (uint8_t)place[1];
    }
    expect(text, "00");
    code = 0;
    for (int i = 0; i < 2; ++i) {
        CHECK(text->len != 0 && is_hex(text->data[0]));
        code = code << 4 | hex_value(input_byte(text));
    }
    CHECK(code < ' ');
    return code;
}

static void check_json(input_t text, input_t kept, const char *before, const char *after) {
    expect(&text, before);
    while (kept.len != 0) {
        CHECK(json_character(&text) == model_character(&kept));
    }
    expect(&text, after);
    CHECK(text.len == 0);
}

static void check_csv(input_t text, input_t kept) {
    expect(&text, "0,7,");
    bool quoted = false;
    for (size_t i = 0; i < kept.len; ++i) {
        quoted = quoted || is_one_of(kept.data[i], ",\"\r\n");
    }
    expect(&text, quoted ? "\"" : "");
    while (kept.len != 0) {
        uint32_t code = strict_character(&text);
        expect(&text, code == '"' ? "\"" : "");
        CHECK(code == model_character(&kept));
    }
    expect(&text, quoted ? "\"\r\n" : "\r\n");
    CHECK(text.len == 0);
}

// What is kept of a str: all, or what fits and ends where a character does.
static input_t check_kept(const mh_column_t *column, const mh_sample_t *sample, input_t text) {
    const uint8_t *value = (const uint8_t *)sample + column->at;
    input_t kept = { value + 1, *value };
    CHECK(kept.len <= text.len && kept.len <= column->size && memcmp(kept.data, text.data, kept.len) == 0);
    size_t len = text.len <= column->size ? text.len : column->size;
    while (len != text.len && len != 0 && text.data[len] >> 6 == 2) {
        --len;
    }
    CHECK(kept.len == len);
    return kept;
}

static void check_str(input_t text, uint8_t size) {
    mh_column_t column = { .name = "s", .help = "", .unit = "", .scale = 1, .type = MH_COLUMN_STR, .size = size };
    uint16_t sample_size = mh_sensor_layout(&column, 1);
    uint8_t *ring = exact_new(NULL, sample_size);
    mh_sensor_t sensor = { .columns = &column, .column_count = 1, .sample_size = sample_size, .capacity = 1, .ring = ring };
    mh_sample_t *sample = mh_sensor_begin(&sensor, 7);
    mh_column_set_str(&column, sample, (const char *)text.data, text.len);
    input_t kept = check_kept(&column, sample, text);

    size_t max = mh_sensor_json_max(&sensor);
    uint8_t *out = exact_new(NULL, max);
    check_json((input_t) { out, mh_sensor_json(&sensor, sample, (char *)out) }, kept, "{\"s\":\"", "\"}");
    exact_free(out, max);

    max = mh_sensor_row_max(&sensor);
    out = exact_new(NULL, max);
    check_json((input_t) { out, mh_sensor_json_row(&sensor, sample, (char *)out) }, kept, "[0,7,\"", "\"]");
    check_csv((input_t) { out, mh_sensor_csv_row(&sensor, sample, (char *)out) }, kept);
    exact_free(out, max);
    exact_free(ring, sample_size);
}

// ---- metrics

static char *string_new(input_t text) {
    char *string = (char *)exact_new(NULL, text.len + 1);
    memcpy(string, text.data, text.len);
    string[text.len] = '\0';
    return string;
}

static void expect_name(input_t *text, const char *name) {
    for (; *name != '\0'; ++name) {
        if ((uint8_t)*name >> 6 != 2) {
            CHECK(text->len != 0 && input_byte(text) == (is_alphanumeric((uint8_t)*name) ? *name : '_'));
        }
    }
}

// Whether the last of the text's words, which '_' parts, are these.
static bool ends_in_word(const char *text, const char *words) {
    while (strcmp(text, words) != 0) {
        const char *end = strchr(text, '_');
        if (end == NULL) {
            return false;
        }
        text = end + 1;
    }
    return true;
}

static void expect_metric_name(input_t *text, const char *name, const mh_column_t *column) {
    expect(text, is_digit((uint8_t)*name) ? "_" : "");
    expect_name(text, name);
    expect(text, "_");
    expect_name(text, column->name);
    if (*column->unit != '\0' && !ends_in_word(column->name, column->unit)) {
        expect(text, "_");
        expect_name(text, column->unit);
    }
}

static void expect_help(input_t *text, const char *help) {
    input_t rest = { (const uint8_t *)help, strlen(help) };
    while (rest.len != 0) {
        uint32_t code = strict_character(text);
        CHECK(code != '\n');
        if (code == '\\') {
            code = input_byte(text);
            CHECK(code == '\\' || code == 'n');
            code = code == 'n' ? '\n' : code;
        }
        CHECK(code == model_character(&rest));
    }
}

static void check_metric(const char *name, const char *column_name, const char *unit, const char *help) {
    mh_column_t column = { .name = column_name, .help = help, .unit = unit, .scale = 1, .type = MH_COLUMN_BOOL };
    uint32_t ring[3];
    mh_sensor_t sensor = { &column, 1, mh_sensor_layout(&column, 1), 1, 0, 0, 0, (uint8_t *)ring };
    const mh_sample_t *sample = mh_sensor_begin(&sensor, 7);
    size_t max = mh_sensor_metric_max(&sensor, name, 0);
    uint8_t *out = exact_new(NULL, max);
    input_t text = { out, mh_sensor_metric(&sensor, sample, name, 0, (char *)out) };
    CHECK(text.len <= max);
    if (*help != '\0') {
        expect(&text, "# HELP ");
        expect_metric_name(&text, name, &column);
        expect(&text, " ");
        expect_help(&text, help);
        expect(&text, "\n");
    }
    expect(&text, "# TYPE ");
    expect_metric_name(&text, name, &column);
    expect(&text, " gauge\n");
    expect_metric_name(&text, name, &column);
    expect(&text, " 0\n");
    CHECK(text.len == 0);
    exact_free(out, max);
}

static void check_names(input_t text) {
    char *name = string_new(input_until(&text, '|'));
    char *column = string_new(input_until(&text, '|'));
    char *unit = string_new(input_until(&text, '|'));
    char *help = string_new(text);
    check_metric(name, column, unit, help);
    free(name);
    free(column);
    free(unit);
    free(help);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    input_t input = { data, len };
    uint8_t what = input_byte(&input);
    uint8_t choice = input_byte(&input);
    input_t etag = { NULL, 0 };
    if (what % 8 == 2) {
        etag = input_until(&input, '|');
    }
    uint8_t *tag = exact_new(etag.data, etag.len);
    uint8_t *copy = exact_new(input.data, input.len);
    input_t value = { copy, input.len };
    bool field = is_value(copy, input.len);
    if (what % 8 == 0 && field) {
        check_type(value, choice % 3, choice % 2 + 1u);
    } else if (what % 8 == 1 && field) {
        check_coding(value, choice % 2 ? "gzip" : "identity");
    } else if (what % 8 == 2) {
        check_etag(value, (input_t) { tag, etag.len });
    } else if (what % 8 == 3) {
        check_samples(value);
    } else if (what % 8 == 4) {
        check_str(value, choice % (MH_SENSOR_STR_MAX + 1));
    } else if (what % 8 == 5) {
        check_names(value);
    }
    exact_free(copy, input.len);
    exact_free(tag, etag.len);
    return 0;
}
