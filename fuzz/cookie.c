// Cookie fields: taken apart byte by byte.

#include "core/head.h"
#include "fuzz.h"

static input_t unquoted(input_t text) {
    if (text.len > 1 && text.data[0] == '"' && text.data[text.len - 1] == '"') {
        ++text.data;
        text.len -= 2;
    }
    return text;
}

static bool is(input_t expected, const char *text, size_t len) {
    return expected.len == len && memcmp(expected.data, text, len) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    uint8_t *field = exact_new(data, len);
    const char *rest = (const char *)field, *name, *value;
    size_t rest_len = len, name_len, value_len;
    input_t left = { data, len };
    while (left.len != 0) {
        input_t pair = input_until(&left, ';');
        input_t expected = input_until(&pair, '=');
        if (expected.data + expected.len == pair.data) {
            continue;       // there was no '='
        }
        CHECK(mh_cookie_next(&rest, &rest_len, &name, &name_len, &value, &value_len));
        CHECK(is(trimmed(expected), name, name_len));
        CHECK(is(unquoted(trimmed(pair)), value, value_len));
        CHECK(rest_len == left.len && rest + rest_len == (const char *)field + len);
    }
    for (int again = 0; again < 2; ++again) {
        CHECK(!mh_cookie_next(&rest, &rest_len, &name, &name_len, &value, &value_len));
        CHECK(rest_len == 0);
    }
    exact_free(field, len);
    return 0;
}
