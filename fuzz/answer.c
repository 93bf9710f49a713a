// What the server says: heads that a strict reader finds to say just what was asked for, chunk heads, dates, and the
// check of what a program puts in a field.

#include <ctype.h>
#include <time.h>

#include "core/answer.h"
#include "fuzz.h"

// ---- a strict reader of a head

// The next line without its CRLF. There has to be one, and no other CR or LF in it.
static input_t line_next(input_t *rest) {
    input_t line = input_until(rest, '\n');
    CHECK(line.len != 0 && line.data + line.len < rest->data && line.data[line.len - 1] == '\r');
    --line.len;
    CHECK(line.len == 0 || memchr(line.data, '\r', line.len) == NULL);
    return line;
}

static bool is_text(input_t text, const char *expected) {
    return text.len == strlen(expected) && memcmp(text.data, expected, text.len) == 0;
}

// Take the line "name: value" when it is the next one, with this value.
static void expect_field(input_t *rest, const char *name, const void *value, size_t len) {
    input_t line = line_next(rest);
    size_t name_len = strlen(name);
    CHECK(line.len == name_len + 2 + len && memcmp(line.data, name, name_len) == 0);
    CHECK(memcmp(line.data + name_len, ": ", 2) == 0);
    CHECK(len == 0 || memcmp(line.data + name_len + 2, value, len) == 0);
}

static void expect_status_line(input_t *rest, uint16_t status) {
    char expected[80];
    int len = snprintf(expected, sizeof(expected), "HTTP/1.1 %u %s", status, mh_reason(status));
    CHECK(len > 0 && (size_t)len < sizeof(expected));
    CHECK(is_text(line_next(rest), expected));
}

// The head says what `answer` does, in this order, and nothing else.
static void check_head(const mh_answer_t *answer, const uint8_t *head, size_t len) {
    input_t rest = { head, len };
    bool framed = answer->status >= 200 && answer->status != 204 && answer->status != 304;
    bool body = framed && answer->status != 205;
    bool until_close = body && answer->length == MH_LENGTH_UNKNOWN && answer->minor == 0;
    expect_status_line(&rest, answer->status);
    if (answer->date != NULL) {
        expect_field(&rest, "Date", answer->date, MH_DATE_LEN);
    }
    if (answer->type != NULL) {
        expect_field(&rest, "Content-Type", answer->type, answer->type_len);
    }
    uint32_t length = body ? answer->length : 0;
    if (framed && length != MH_LENGTH_UNKNOWN) {
        char digits[16];
        int digits_len = snprintf(digits, sizeof(digits), "%lu", (unsigned long)length);
        expect_field(&rest, "Content-Length", digits, (size_t)digits_len);
    } else if (body && !until_close) {
        expect_field(&rest, "Transfer-Encoding", "chunked", 7);
    }
    if (answer->status >= 200 && (!answer->keep_alive || until_close)) {
        if (!answer->fields_close) {
            expect_field(&rest, "Connection", "close", 5);
        }
    } else if (answer->status >= 200 && answer->minor == 0) {
        expect_field(&rest, "Connection", "keep-alive", 10);
    }
    CHECK(rest.len == answer->fields_len + 2);
    CHECK(answer->fields_len == 0 || memcmp(rest.data, answer->fields, answer->fields_len) == 0);
    rest.data += answer->fields_len;
    rest.len = 2;
    CHECK(line_next(&rest).len == 0);
    CHECK(mh_answer_has_body(answer->status, false) == body && !mh_answer_has_body(answer->status, true));
}

// Compose in room of this size: the same length is said, the same text written when it fits, and nothing beyond it.
static void check_size(const mh_answer_t *answer, const uint8_t *head, size_t len, size_t size) {
    uint8_t *out = exact_new(NULL, size);
    CHECK(mh_answer_head(answer, (char *)out, size) == len);
    CHECK(size < len || memcmp(out, head, len) == 0);
    exact_free(out, size);
}

static void check_answer(const mh_answer_t *answer, size_t some_size) {
    size_t len = mh_answer_head(answer, NULL, 0);
    uint8_t *head = exact_new(NULL, len);
    CHECK(mh_answer_head(answer, (char *)head, len) == len);
    check_head(answer, head, len);
    check_size(answer, head, len, 0);
    check_size(answer, head, len, some_size % len);
    check_size(answer, head, len, len - 1);
    check_size(answer, head, len, len + some_size);
    exact_free(head, len);
}

// ---- the smaller things

static void check_chunk_head(uint32_t size) {
    char expected[16];
    int expected_len = snprintf(expected, sizeof(expected), "%lx\r\n", (unsigned long)size);
    uint8_t *out = exact_new(NULL, MH_CHUNK_HEAD_MAX);
    CHECK(size == 0 || mh_chunk_head(size, (char *)out) == (size_t)expected_len);
    CHECK(size == 0 || memcmp(out, expected, (size_t)expected_len) == 0);
    exact_free(out, MH_CHUNK_HEAD_MAX);
}

#define LAST_SECOND (253402300799u)     // of the year 9999

// The C library's calendar says the same, up to the last second, which then stays.
static void check_date(uint64_t seconds, char *out) {
    time_t time = (time_t)(seconds < LAST_SECOND ? seconds : LAST_SECOND);
    struct tm parts;
    char expected[80];
    CHECK(gmtime_r(&time, &parts) != NULL);
    CHECK(strftime(expected, sizeof(expected), "%a, %d %b %Y %H:%M:%S GMT", &parts) == MH_DATE_LEN);
    mh_date(seconds, out);
    CHECK(memcmp(out, expected, MH_DATE_LEN) == 0);
}

static void check_field(input_t text) {
    uint8_t *copy = exact_new(text.data, text.len);
    CHECK(mh_field_name_ok((char *)copy, text.len) == is_token(copy, text.len));
    CHECK(mh_field_value_ok((char *)copy, text.len) == is_value(copy, text.len));
    exact_free(copy, text.len);
}

static bool is_name(input_t name, const char *lower) {
    size_t same = 0;
    while (same < name.len && lower[same] != '\0' && tolower(name.data[same]) == lower[same]) {
        ++same;
    }
    return same == name.len && lower[same] == '\0';
}

static const uint8_t *line_end(input_t rest) {
    for (size_t i = 0; i + 1 < rest.len; ++i) {
        if (rest.data[i] == '\r' && rest.data[i + 1] == '\n') {
            return rest.data + i;
        }
    }
    return NULL;
}

// A line that ends with CRLF and not before, taken apart at its first colon.
static bool is_field_line(input_t line, input_t *name, input_t *value) {
    *value = line;
    *name = input_until(value, ':');
    return name->len + value->len < line.len && is_token(name->data, name->len) && name->len != 0
        && is_value(value->data, value->len);
}

// What mh_fields_check() should say.
static int model_lines(const uint8_t *lines, size_t len) {
    int result = MH_FIELDS_OK;
    input_t rest = { lines, len };
    while (rest.len != 0) {
        input_t name, value;
        const uint8_t *end = line_end(rest);
        if (end == NULL || !is_field_line((input_t) { rest.data, (size_t)(end - rest.data) }, &name, &value)) {
            return MH_FIELDS_MALFORMED;
        }
        if (is_name(name, "content-length") || is_name(name, "transfer-encoding")) {
            return MH_FIELDS_FRAMING;
        }
        while (is_name(name, "connection") && value.len != 0) {
            input_t items = input_until(&value, ',');
            while (items.len != 0) {
                input_t words = input_until(&items, ' ');
                while (words.len != 0) {
                    result = is_name(input_until(&words, '\t'), "close") ? MH_FIELDS_CLOSE : result;
                }
            }
        }
        rest.len -= (size_t)(end + 2 - rest.data);
        rest.data = end + 2;
    }
    return result;
}

static void check_lines(const uint8_t *lines, size_t len, bool well_formed) {
    uint8_t *copy = exact_new(lines, len);
    int result = mh_fields_check((char *)copy, len);
    CHECK(result == model_lines(copy, len));
    CHECK(!well_formed || result != MH_FIELDS_MALFORMED);
    exact_free(copy, len);
}

// Field lines, as a program that has had them checked puts them together. Returns their length.
static size_t put_fields(input_t *input, char *out) {
    size_t len = 0;
    while (input->len != 0) {
        input_t value = input_until(input, '\n');
        check_field(value);
        input_t name = input_until(&value, ':');
        check_field(name);
        check_field(value);
        if (mh_field_name_ok((const char *)name.data, name.len)
            && mh_field_value_ok((const char *)value.data, value.len)) {
            len += (size_t)sprintf(out + len, "%.*s: ", (int)name.len, (const char *)name.data);
            memcpy(out + len, value.data, value.len);
            len += value.len;
            memcpy(out + len, "\r\n", 2);
            len += 2;
        }
    }
    check_lines((uint8_t *)out, len, true);
    return len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    input_t input = { data, len };
    uint8_t choices = input_byte(&input);
    mh_answer_t answer = {
        .status = (uint16_t)(100 + input_number(&input, 2) % 900),
        .minor = choices & 1,
        .keep_alive = choices & 2,
        .fields_close = choices & 64,
        .length = choices & 4 ? MH_LENGTH_UNKNOWN : input_number(&input, 4),
    };
    uint64_t seconds = (uint64_t)input_number(&input, 2) << 32;
    seconds |= input_number(&input, 4);
    seconds = choices & 64 ? seconds : seconds % (LAST_SECOND + 2);
    size_t some_size = input_number(&input, 2) % 1024;
    uint8_t *date = exact_new(NULL, MH_DATE_LEN);
    check_date(seconds, (char *)date);
    check_chunk_head(answer.length);
    if (choices & 8) {
        answer.date = (const char *)date;
    }
    check_lines(input.data, input.len, false);
    input_t type = input_until(&input, '\n');
    check_field(type);
    if ((choices & 16) && mh_field_value_ok((const char *)type.data, type.len)) {
        answer.type = (const char *)type.data;
        answer.type_len = type.len;
    }
    char *fields = malloc(5 * input.len + 1);       // "a" becomes "a: " CRLF
    answer.fields_len = put_fields(&input, fields);
    answer.fields = choices & 32 || answer.fields_len != 0 ? fields : NULL;
    check_answer(&answer, some_size);
    free(fields);
    exact_free(date, MH_DATE_LEN);
    return 0;
}
