#include "core/sensor.h"

#include <string.h>

#include "core/chars.h"
#include "core/number.h"

// ---- samples

#define WORDS(bytes) (((bytes) + 3u) & ~3u)

uint16_t mh_sensor_layout(mh_column_t *columns, size_t count) {
    size_t at = sizeof(mh_sample_t);
    for (size_t i = 0; i < count; ++i) {
        columns[i].at = (uint16_t)at;
        at += columns[i].type == MH_COLUMN_STR ? WORDS(1u + columns[i].size) : sizeof(uint32_t);
    }
    return (uint16_t)at;
}

static mh_sample_t *place(const mh_sensor_t *sensor, size_t at) {
    return (mh_sample_t *)MH_ALIGNED(sensor->ring + at * sensor->sample_size, uint32_t);
}

mh_sample_t *mh_sensor_begin(mh_sensor_t *sensor, uint32_t ms) {
    mh_sample_t *first = place(sensor, 0);
    memset(first, 0, sensor->sample_size);
    first->ms = ms;
    sensor->seq = 0;
    sensor->newest = 0;
    sensor->count = 1;
    return first;
}

mh_sample_t *mh_sensor_next(mh_sensor_t *sensor, uint32_t ms) {
    const mh_sample_t *last = place(sensor, sensor->newest);
    if (++sensor->newest == sensor->capacity) {
        sensor->newest = 0;
    }
    mh_sample_t *next = place(sensor, sensor->newest);
    if (next != last) {
        memcpy(next, last, sensor->sample_size);
    }
    if (sensor->count < sensor->capacity) {
        ++sensor->count;
    }
    next->seq = ++sensor->seq;
    next->ms = ms;
    return next;
}

const mh_sample_t *mh_sensor_sample(const mh_sensor_t *sensor, uint32_t seq) {
    uint32_t age = sensor->seq - seq;
    if (age >= sensor->count) {
        return NULL;
    }
    return place(sensor, (age > sensor->newest ? sensor->capacity : 0u) + sensor->newest - age);
}

uint32_t mh_sensor_oldest(const mh_sensor_t *sensor) {
    return sensor->seq - (sensor->count - 1u);
}

static const void *value_at(const mh_column_t *column, const mh_sample_t *sample) {
    return (const uint8_t *)sample + column->at;
}

void mh_column_set_str(const mh_column_t *column, mh_sample_t *sample, const char *text, size_t len) {
    uint8_t *value = (uint8_t *)sample + column->at;
    if (len > column->size) {
        for (len = column->size; len != 0 && ((uint8_t)text[len] & 0xc0) == 0x80; --len) {
        }
    }
    value[0] = (uint8_t)len;
    memcpy(value + 1, text, len);
    memset(value + 1 + len, 0, WORDS(1u + column->size) - 1 - len);
}

// ---- what texts are made of

static char *put(char *out, const char *text) {
    while (*text != '\0') {
        *out++ = *text++;
    }
    return out;
}

// The length of the UTF-8 character at p, 0 where none is (RFC 3629 section 4).
static size_t character(const uint8_t *p, const uint8_t *end) {
    uint8_t c = *p;
    if (c < 0x80) {
        return 1;
    }
    ptrdiff_t len = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    if (c < 0xc2 || c > 0xf4 || end - p < len) {
        return 0;
    }
    uint8_t low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
    uint8_t high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
    if (p[1] < low || p[1] > high) {
        return 0;
    }
    for (ptrdiff_t i = 2; i < len; ++i) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    return (size_t)len;
}

// The longest that a byte becomes: "\u001f" in JSON. A malformed one becomes U+FFFD everywhere.
#define ESCAPE_MAX (6)
#define REPLACEMENT_MAX (3)

// Put the character at p, or U+FFFD for a byte that is of none. Returns what is behind it.
static const uint8_t *put_character(char **out, const uint8_t *p, const uint8_t *end) {
    size_t len = character(p, end);
    if (len == 0) {
        *out = put(*out, "\xef\xbf\xbd");
        return p + 1;
    }
    for (; len != 0; --len) {
        *(*out)++ = (char)*p++;
    }
    return p;
}

// A character that JSON wants escaped (RFC 8259 section 7).
static char *put_escape(char *out, uint8_t c) {
    static const char shorts[] = "btn\0fr";
    *out++ = '\\';
    if (c >= ' ') {
        *out++ = (char)c;
    } else if (c >= '\b' && c <= '\r' && c != '\v') {
        *out++ = shorts[c - '\b'];
    } else {
        out = put(out, c < 0x10 ? "u000" : "u001");
        *out++ = "0123456789abcdef"[c & 15];
    }
    return out;
}

static char *put_json_str(char *out, const uint8_t *p, size_t len) {
    const uint8_t *end = p + len;
    *out++ = '"';
    while (p != end) {
        uint8_t c = *p;
        if (c >= 0x80) {
            p = put_character(&out, p, end);
        } else if (c < ' ' || c == '"' || c == '\\') {
            out = put_escape(out, c);
            ++p;
        } else {
            *out++ = (char)c;
            ++p;
        }
    }
    *out++ = '"';
    return out;
}

// In quotes where it has what has a meaning in a row (RFC 4180 section 2).
static char *put_csv_str(char *out, const uint8_t *p, size_t len) {
    const uint8_t *end = p + len;
    const uint8_t *special = p;
    while (special != end && *special != ',' && *special != '"' && *special != '\r' && *special != '\n') {
        ++special;
    }
    if (special != end) {
        *out++ = '"';
    }
    while (p != end) {
        if (*p == '"') {
            *out++ = '"';
        }
        p = put_character(&out, p, end);
    }
    if (special != end) {
        *out++ = '"';
    }
    return out;
}

static uint32_t word_of(const mh_column_t *column, const mh_sample_t *sample) {
    uint32_t word;
    memcpy(&word, MH_ALIGNED(value_at(column, sample), uint32_t), sizeof(word));
    return word;
}

static char *put_int(char *out, const mh_column_t *column, const mh_sample_t *sample) {
    int32_t value = (int32_t)word_of(column, sample);
    return out + (column->scale == 1 ? mh_int(value, out) : mh_scaled(value, column->scale, out));
}

static float float_of(const mh_column_t *column, const mh_sample_t *sample) {
    float value;
    memcpy(&value, MH_ALIGNED(value_at(column, sample), float), sizeof(value));
    return value;
}

static bool is_finite(const mh_column_t *column, const mh_sample_t *sample) {
    return (word_of(column, sample) & 0x7f800000) != 0x7f800000;
}

// A value as JSON and, but for what is no number and for strings, as CSV.
static char *put_value(char *out, const mh_column_t *column, const mh_sample_t *sample, bool csv) {
    const uint8_t *str;
    switch (column->type) {
        case MH_COLUMN_INT:
            return put_int(out, column, sample);
        case MH_COLUMN_FLOAT:
            return csv && !is_finite(column, sample) ? out : out + mh_float(float_of(column, sample), out);
        case MH_COLUMN_BOOL:
            return put(out, word_of(column, sample) ? "true" : "false");
        default:
            str = value_at(column, sample);
            return csv ? put_csv_str(out, str + 1, *str) : put_json_str(out, str + 1, *str);
    }
}

static size_t value_max(const mh_column_t *column) {
    switch (column->type) {
        case MH_COLUMN_INT:
            return column->scale == 1 ? MH_INT_MAX : MH_SCALED_MAX;
        case MH_COLUMN_FLOAT:
            return MH_FLOAT_MAX;
        case MH_COLUMN_BOOL:
            return sizeof("false") - 1;
        default:
            return 2 + ESCAPE_MAX * (size_t)column->size;
    }
}

// ---- JSON and CSV

static char *put_key(char *out, char before, const char *name) {
    *out++ = before;
    *out++ = '"';
    out = put(out, name);
    *out++ = '"';
    return out;
}

size_t mh_sensor_json(const mh_sensor_t *sensor, const mh_sample_t *sample, char *out) {
    char *to = out;
    for (unsigned i = 0; i < sensor->column_count; ++i) {
        to = put_key(to, i == 0 ? '{' : ',', sensor->columns[i].name);
        *to++ = ':';
        to = put_value(to, &sensor->columns[i], sample, false);
    }
    *to++ = '}';
    return (size_t)(to - out);
}

// Of the columns' names, and of `more` bytes beside each.
static size_t names_max(const mh_sensor_t *sensor, size_t more) {
    size_t max = 0;
    for (unsigned i = 0; i < sensor->column_count; ++i) {
        max += strlen(sensor->columns[i].name) + more;
    }
    return max;
}

static size_t values_max(const mh_sensor_t *sensor) {
    size_t max = 0;
    for (unsigned i = 0; i < sensor->column_count; ++i) {
        max += value_max(&sensor->columns[i]);
    }
    return max;
}

size_t mh_sensor_json_max(const mh_sensor_t *sensor) {
    return names_max(sensor, sizeof("\"\":,") - 1) + values_max(sensor) + 1;
}

// The sequence number, the time and the values.
static char *put_row(char *out, const mh_sensor_t *sensor, const mh_sample_t *sample, bool csv) {
    out += mh_decimal(sample->seq, out);
    *out++ = ',';
    out += mh_decimal(sample->ms, out);
    for (unsigned i = 0; i < sensor->column_count; ++i) {
        *out++ = ',';
        out = put_value(out, &sensor->columns[i], sample, csv);
    }
    return out;
}

size_t mh_sensor_json_row(const mh_sensor_t *sensor, const mh_sample_t *sample, char *out) {
    *out = '[';
    char *to = put_row(out + 1, sensor, sample, false);
    *to++ = ']';
    return (size_t)(to - out);
}

size_t mh_sensor_csv_row(const mh_sensor_t *sensor, const mh_sample_t *sample, char *out) {
    return (size_t)(put(put_row(out, sensor, sample, true), "\r\n") - out);
}

size_t mh_sensor_row_max(const mh_sensor_t *sensor) {
    return 2 * MH_DECIMAL_MAX + 1 + sensor->column_count + values_max(sensor) + 2;
}

size_t mh_sensor_json_names(const mh_sensor_t *sensor, char *out) {
    char *to = out;
    for (unsigned i = 0; i < sensor->column_count; ++i) {
        to = put_key(to, i == 0 ? '[' : ',', sensor->columns[i].name);
    }
    *to++ = ']';
    return (size_t)(to - out);
}

size_t mh_sensor_json_names_max(const mh_sensor_t *sensor) {
    return names_max(sensor, sizeof("\"\",") - 1) + 1;
}

size_t mh_sensor_csv_names(const mh_sensor_t *sensor, char *out) {
    char *to = put(out, "seq,ms");
    for (unsigned i = 0; i < sensor->column_count; ++i) {
        *to++ = ',';
        to = put(to, sensor->columns[i].name);
    }
    return (size_t)(put(to, "\r\n") - out);
}

size_t mh_sensor_csv_names_max(const mh_sensor_t *sensor) {
    return sizeof("seq,ms\r\n") - 1 + names_max(sensor, 1);
}

// ---- Prometheus

#define HELP "# HELP "
#define TYPE "# TYPE "
#define GAUGE " gauge\n"

// A part of a metric's name: letters, digits and '_', which stands for every other character. (Prometheus leaves ':' to
// those who write its rules.)
static char *put_name(char *out, const char *name) {
    for (; *name != '\0'; ++name) {
        uint8_t c = (uint8_t)*name;
        uint8_t letter = c | 0x20;
        if (mh_is(c, MH_CHAR_DIGIT) || (letter >= 'a' && letter <= 'z')) {
            *out++ = (char)c;
        } else if ((c & 0xc0) != 0x80) {
            *out++ = '_';
        }
    }
    return out;
}

// Whether the name says the unit already: room_celsius, not room_celsius_celsius.
static bool says_unit(const mh_column_t *column) {
    size_t len = strlen(column->name);
    size_t unit_len = strlen(column->unit);
    if (unit_len == 0 || unit_len > len) {
        return unit_len == 0;
    }
    const char *at = column->name + len - unit_len;
    return memcmp(at, column->unit, unit_len) == 0 && (at == column->name || at[-1] == '_');
}

static char *put_metric_name(char *out, const char *name, const mh_column_t *column) {
    if (mh_is((uint8_t)*name, MH_CHAR_DIGIT)) {
        *out++ = '_';       // or it would begin with a digit
    }
    out = put_name(out, name);
    *out++ = '_';
    out = put_name(out, column->name);
    if (!says_unit(column)) {
        *out++ = '_';
        out = put_name(out, column->unit);
    }
    return out;
}

static char *put_help(char *out, const char *help) {
    const uint8_t *p = (const uint8_t *)help;
    const uint8_t *end = p + strlen(help);
    while (p != end) {
        if (*p == '\n') {
            out = put(out, "\\n");
            ++p;
            continue;
        }
        if (*p == '\\') {
            *out++ = '\\';
        }
        p = put_character(&out, p, end);
    }
    return out;
}

static char *put_metric_value(char *out, const mh_column_t *column, const mh_sample_t *sample) {
    if (column->type == MH_COLUMN_BOOL) {
        *out++ = word_of(column, sample) ? '1' : '0';
        return out;
    }
    if (column->type == MH_COLUMN_INT) {
        return put_int(out, column, sample);
    }
    if (is_finite(column, sample)) {
        return out + mh_float(float_of(column, sample), out);
    }
    uint32_t bits = word_of(column, sample);
    return put(out, bits << 9 != 0 ? "NaN" : bits >> 31 ? "-Inf" : "+Inf");
}

size_t mh_sensor_metric(const mh_sensor_t *sensor, const mh_sample_t *sample, const char *name, unsigned column, char *out) {
    const mh_column_t *shown = &sensor->columns[column];
    char *to = out;
    if (shown->type == MH_COLUMN_STR) {
        return 0;
    }
    if (*shown->help != '\0') {
        to = put_metric_name(put(to, HELP), name, shown);
        *to++ = ' ';
        to = put_help(to, shown->help);
        *to++ = '\n';
    }
    to = put(put_metric_name(put(to, TYPE), name, shown), GAUGE);
    to = put_metric_name(to, name, shown);
    *to++ = ' ';
    to = put_metric_value(to, shown, sample);
    *to++ = '\n';
    return (size_t)(to - out);
}

size_t mh_sensor_metric_max(const mh_sensor_t *sensor, const char *name, unsigned column) {
    const mh_column_t *shown = &sensor->columns[column];
    if (shown->type == MH_COLUMN_STR) {
        return 0;
    }
    size_t name_max = sizeof("___") - 1 + strlen(name) + strlen(shown->name) + strlen(shown->unit);
    size_t help_max = sizeof(HELP " \n") - 1 + REPLACEMENT_MAX * strlen(shown->help);
    return 3 * name_max + help_max + sizeof(TYPE GAUGE) - 1 + sizeof(" \n") - 1 + value_max(shown);
}

size_t mh_sensor_metric_name(const mh_sensor_t *sensor, const char *name, unsigned column, char *out) {
    const mh_column_t *shown = &sensor->columns[column];
    return shown->type == MH_COLUMN_STR ? 0 : (size_t)(put_metric_name(out, name, shown) - out);
}
