// Queries and urlencoded forms: taken apart and decoded as the plainest code would do it.

#include "core/uri.h"
#include "fuzz.h"

static size_t model_decode(const uint8_t *in, size_t len, uint8_t *out) {
    size_t out_len = 0;
    for (size_t i = 0; i < len; ++i) {
        if (in[i] == '%' && len - i >= 3 && is_hex(in[i + 1]) && is_hex(in[i + 2])) {
            out[out_len++] = (uint8_t)(hex_value(in[i + 1]) * 16 + hex_value(in[i + 2]));
            i += 2;
        } else {
            out[out_len++] = in[i] == '+' ? ' ' : in[i];
        }
    }
    return out_len;
}

// Decode into other memory, and in place.
static void check_decode(const char *in, size_t len) {
    uint8_t *copy = exact_new(in, len);
    uint8_t *out = exact_new(NULL, len);
    uint8_t *expected = exact_new(NULL, len);
    size_t expected_len = model_decode(copy, len, expected);
    CHECK(mh_query_decode((char *)copy, len, (char *)out) == expected_len);
    CHECK(memcmp(out, expected, expected_len) == 0);
    CHECK(mh_query_decode((char *)copy, len, (char *)copy) == expected_len);
    CHECK(memcmp(copy, expected, expected_len) == 0);
    exact_free(copy, len);
    exact_free(out, len);
    exact_free(expected, len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    uint8_t *query = exact_new(data, len);
    const char *rest = (const char *)query;
    size_t rest_len = len;
    input_t left = { query, len };
    while (left.len != 0) {
        input_t pair = input_until(&left, '&');
        if (pair.len == 0) {
            continue;
        }
        input_t value = pair;
        input_t key = input_until(&value, '=');
        const char *got_key;
        const char *got_value;
        size_t key_len;
        size_t value_len;
        CHECK(mh_query_next(&rest, &rest_len, &got_key, &key_len, &got_value, &value_len));
        CHECK((const uint8_t *)got_key == key.data && key_len == key.len);
        CHECK((const uint8_t *)got_value == value.data && value_len == value.len);
        CHECK(rest + rest_len == (const char *)query + len);
        check_decode(got_key, key_len);
        check_decode(got_value, value_len);
    }
    for (int again = 0; again < 2; ++again) {
        const char *key;
        const char *value;
        size_t key_len;
        size_t value_len;
        CHECK(!mh_query_next(&rest, &rest_len, &key, &key_len, &value, &value_len));
    }
    exact_free(query, len);
    return 0;
}
