// Ranges, conditions and dates, beside plain readings of the grammars: what is sent of a representation is what was asked for, each byte at
// the most once.

#include <ctype.h>
#include <time.h>

#include "core/answer.h"
#include "core/range.h"
#include "fuzz.h"

#define GAP (80)

// ---- ranges

// A number of any length, cut to 32 bits; -1 for no digits at all.
static int64_t model_number(input_t digits) {
    int64_t number = digits.len == 0 ? -1 : 0;
    for (size_t i = 0; i < digits.len; ++i) {
        number = number * 10 + digits.data[i] - '0';
        number = number > UINT32_MAX ? UINT32_MAX : number;
    }
    return number;
}

static bool all_digits(input_t text) {
    for (size_t i = 0; i < text.len; ++i) {
        if (!is_digit(text.data[i])) {
            return false;
        }
    }
    return true;
}

typedef struct _asked_t {
    int count;                  // of specs; -1: malformed
    int there;                  // that are satisfiable
    int64_t begin[MH_RANGES_MAX];
    int64_t end[MH_RANGES_MAX];
} asked_t;

// One range-spec; false where it is malformed.
static bool model_spec(input_t spec, int64_t size, asked_t *asked) {
    input_t rest = spec;
    input_t first = input_until(&rest, '-');
    if (first.len == spec.len || !all_digits(first) || !all_digits(rest) || (first.len == 0 && rest.len == 0)) {
        return false;
    }
    int64_t begin = model_number(first), end = model_number(rest) + 1;
    if (first.len == 0) {
        begin = end - 1 > size ? 0 : size - (end - 1);
        end = size;
    } else if (rest.len == 0) {
        end = size;
    } else if (end <= begin) {
        return false;
    }
    end = end > size ? size : end;
    if (begin < end) {
        asked->begin[asked->there] = begin;
        asked->end[asked->there++] = end;
    }
    return true;
}

static asked_t model_ranges(input_t value, int64_t size) {
    asked_t asked = { -1, 0, { 0 }, { 0 } };
    if (value.len < 6 || memcmp("=", value.data + 5, 1) != 0) {
        return asked;
    }
    for (int i = 0; i < 5; ++i) {
        if (tolower(value.data[i]) != "bytes"[i]) {
            return asked;
        }
    }
    input_t list = { value.data + 6, value.len - 6 };
    int count = 0;
    while (list.len != 0) {
        input_t spec = trimmed(input_until(&list, ','));
        if (spec.len != 0 && (++count > MH_RANGES_MAX || !model_spec(spec, size, &asked))) {
            return asked;
        }
    }
    asked.count = count;
    return asked;
}

// Whether a byte at this offset was asked for.
static bool was_asked(const asked_t *asked, int64_t at) {
    for (int i = 0; i < asked->there; ++i) {
        if (at >= asked->begin[i] && at < asked->end[i]) {
            return true;
        }
    }
    return false;
}

// Which of the ranges has a byte at this offset; -1: none.
static int range_of(const mh_range_t *ranges, int count, int64_t at) {
    for (int i = 0; i < count; ++i) {
        if (at >= ranges[i].at && at < (int64_t)ranges[i].at + ranges[i].len) {
            return i;
        }
    }
    return -1;
}

static void check_ranges(input_t value, uint32_t size) {
    mh_range_t ranges[MH_RANGES_MAX];
    int count = mh_ranges_read((const char *)value.data, value.len, size, ranges);
    asked_t asked = model_ranges(value, size);
    if (size == 0 || asked.count <= 0) {
        CHECK(count == 0);
        return;
    }
    if (asked.there == 0) {
        CHECK(count == -416);
        return;
    }
    CHECK(count >= 1 && count <= asked.there);
    int last = -1;
    for (int i = 0; i < asked.there; ++i) {     // each that was asked for lies in one, and these keep their order
        int in = range_of(ranges, count, asked.begin[i]);
        CHECK(in >= 0 && asked.end[i] <= (int64_t)ranges[in].at + ranges[in].len && in <= last + 1);
        last = in > last ? in : last;
    }
    CHECK(last == count - 1);
    for (int i = 0; i < count; ++i) {
        int64_t begin = ranges[i].at, end = begin + ranges[i].len;
        CHECK(begin < end && end <= size && was_asked(&asked, begin) && was_asked(&asked, end - 1));
        for (int j = 0; j < i; ++j) {
            CHECK((int64_t)ranges[j].at + ranges[j].len + GAP <= begin || end + GAP <= ranges[j].at);
        }
    }
}

// ---- dates

static int model_name(const uint8_t *text, const char *names, int count) {
    for (int i = 0; i < count; ++i) {
        if (memcmp(text, names + 3 * i, 3) == 0) {
            return i;
        }
    }
    return -1;
}

// A date in a pattern where '0' stands for a digit, '_' for a digit or a space, "aaa" for a weekday, "bbb" for a month, and all else for itself.
// `order`: what its numbers are, of day, year, hour, minute, second.
static bool model_shape(input_t text, const char *pattern, struct tm *tm, const char *order) {
    int numbers[6] = { 0 }, n = 0;
    if (text.len != strlen(pattern)) {
        return false;
    }
    for (size_t i = 0; i < text.len; ++i) {
        uint8_t c = text.data[i];
        if (pattern[i] == 'a' || pattern[i] == 'b') {
            int name = pattern[i] == 'a' ? model_name(text.data + i, "SunMonTueWedThuFriSat", 7)
                : model_name(text.data + i, "JanFebMarAprMayJunJulAugSepOctNovDec", 12);
            if (name < 0) {
                return false;
            }
            tm->tm_mon = pattern[i] == 'b' ? name : tm->tm_mon;
            i += 2;
        } else if (pattern[i] == '0' || pattern[i] == '_') {
            if (!is_digit(c) && !(pattern[i] == '_' && c == ' ')) {
                return false;
            }
            numbers[n] = numbers[n] * 10 + (c == ' ' ? 0 : c - '0');
            bool ends = i + 1 == text.len || pattern[i + 1] != '0';
            n += ends;
        } else if (c != (uint8_t)pattern[i]) {
            return false;
        }
    }
    int *const fields[] = { &tm->tm_mday, &tm->tm_year, &tm->tm_hour, &tm->tm_min, &tm->tm_sec };
    for (int k = 0; k < 5; ++k) {
        *fields[order[k] - '0'] = numbers[k];
    }
    return true;
}

static bool model_long_weekday(input_t *text) {
    static const char *const names[] = { "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday" };
    for (int i = 0; i < 7; ++i) {
        size_t len = strlen(names[i]);
        if (text->len >= len && memcmp(text->data, names[i], len) == 0) {
            text->data += len;
            text->len -= len;
            return true;
        }
    }
    return false;
}

// libc's own; negative before 1970.
static int64_t model_seconds(const struct tm *given) {
    struct tm tm = *given;
    return timegm(&tm);
}

static bool model_date(input_t text, uint64_t now, uint64_t *seconds) {
    struct tm tm;
    memset(&tm, 0, sizeof(tm));
    if (model_shape(text, "aaa, 00 bbb 0000 00:00:00 GMT", &tm, "01234") || model_shape(text, "aaa bbb _0 00:00:00 0000", &tm, "02341")) {
        tm.tm_year -= 1900;
    } else if (model_long_weekday(&text) && model_shape(text, ", 00-bbb-00 00:00:00 GMT", &tm, "01234")) {
        tm.tm_year += 100;
        now = now < 253402300799u ? now : 253402300799u;
        while (model_seconds(&tm) <= (int64_t)now + 50 * 31556952ll) {
            tm.tm_year += 100;
        }
        tm.tm_year -= 100;
    } else {
        return false;
    }
    bool sane = tm.tm_hour < 24 && tm.tm_min < 60 && tm.tm_sec <= 60;
    struct tm day = tm;
    day.tm_hour = day.tm_min = day.tm_sec = 0;
    timegm(&day);
    int64_t since = model_seconds(&tm);
    *seconds = since < 0 ? 0 : (uint64_t)since;
    if (tm.tm_year < 70) {
        *seconds = 0;       // a leap second may reach into 1970
    }
    return sane && tm.tm_mday >= 1 && day.tm_mday == tm.tm_mday && day.tm_mon == tm.tm_mon;
}

static void check_date(input_t text, uint64_t now) {
    uint64_t found, expected;
    bool is = mh_date_read((const char *)text.data, text.len, now, &found);
    CHECK(is == model_date(text, now, &expected));
    CHECK(!is || found == expected);
}

// A date that there is, in each format.
static void check_written(uint64_t seconds) {
    static const char *const formats[] = { "%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y" };
    time_t time = (time_t)(seconds % 253402300800u);
    struct tm tm;
    gmtime_r(&time, &tm);
    for (int i = 0; i < 3; ++i) {
        char text[64];
        size_t len = strftime(text, sizeof(text), formats[i], &tm);
        if (tm.tm_year + 1900 < 1970) {
            continue;
        }
        uint64_t found = 0;
        uint8_t *exact = exact_new(text, len);
        CHECK(mh_date_read((const char *)exact, len, (uint64_t)time, &found));
        CHECK(found == (uint64_t)time);
        check_date((input_t) { exact, len }, (uint64_t)time);
        exact_free(exact, len);
    }
}

// ---- conditions

static bool has_field(input_t lines, const char *name) {
    while (lines.len != 0) {
        input_t line = input_until(&lines, '\n');
        input_t found = input_until(&line, ':');
        bool same = found.len == strlen(name);
        for (size_t i = 0; same && i < found.len; ++i) {
            same = tolower(found.data[i]) == name[i];
        }
        if (same) {
            return true;
        }
    }
    return false;
}

// What holds of any choice, whatever the fields say.
static void check_choice(input_t lines, uint8_t kind, uint32_t size, uint64_t now) {
    static const char *const starts[] = { "GET / HTTP/1.1\r\nHost: a\r\n", "HEAD / HTTP/1.1\r\nHost: a\r\n", "PUT / HTTP/1.1\r\nHost: a\r\n" };
    static const char *const tags[] = { "\"t\"", "W/\"t\"", NULL };
    const char *start = starts[kind % 3];
    size_t start_len = strlen(start), len = start_len + lines.len + 2;
    uint8_t *text = exact_new(NULL, len);
    memcpy(text, start, start_len);
    memcpy(text + start_len, lines.data, lines.len);
    memcpy(text + len - 2, "\r\n", 2);
    mh_head_t head;
    memset(&head, 0, sizeof(head));
    const mh_limits_t limits = { 65535, 1024, 100 };
    if (mh_head_parse(&head, &limits, text, len) == 1 && head.len == len) {
        const char *tag = tags[kind / 3 % 3];
        mh_version_t version = { tag, tag == NULL ? 0 : strlen(tag), kind & 0x80 ? 784111777 : 0, size };
        mh_range_t ranges[MH_RANGES_MAX];
        size_t count;
        int status = mh_version_choose(&head, text, &version, now, ranges, &count);
        bool get = kind % 3 == 0, reads = kind % 3 < 2;
        CHECK(status == 200 || status == 206 || status == 304 || status == 412 || status == 416);
        CHECK((status == 206) == (count > 0));
        CHECK((status != 206 && status != 416) || (get && has_field(lines, "range") && size > 0));
        CHECK(status != 304 || (reads && (has_field(lines, "if-none-match") || has_field(lines, "if-modified-since"))));
        CHECK(status != 412 || has_field(lines, "if-match") || has_field(lines, "if-unmodified-since") || has_field(lines, "if-none-match"));
        mh_choice_t choice;
        mh_head_choice(&head, text, &choice);    // by which an endpoint knows that there is nothing to look for
        CHECK(status == 200 || choice.more || choice.if_none_match.at != NULL);
    }
    exact_free(text, len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    input_t input = { data, len };
    uint8_t what = input_byte(&input);
    uint8_t kind = input_byte(&input);
    uint32_t size = input_number(&input, 4) >> (kind & 31);
    size = size == MH_LENGTH_UNKNOWN ? 0 : size;
    uint64_t now = (uint64_t)input_number(&input, 4) << (kind & 7);
    uint8_t *exact = exact_new(input.data, input.len);
    input_t rest = { exact, input.len };
    if (what % 4 == 0) {
        check_ranges(rest, size);
    } else if (what % 4 == 1) {
        check_date(rest, now);
    } else if (what % 4 == 2) {
        check_written(now);
    } else {
        check_choice(rest, kind, size, now);
    }
    exact_free(exact, input.len);
    return 0;
}
