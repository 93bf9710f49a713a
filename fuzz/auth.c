// Authorization fields and base64, beside readings of the grammars that go character by character; and comparing secrets.

#include "core/auth.h"
#include "fuzz.h"

// ---- credentials

// A parameter as the model reads it: its value is unescaped.
typedef struct _param_t {
    input_t name;
    uint8_t *value;
    size_t value_len;
} param_t;

// The state of a strict reader of auth-params, one character at a time. Returns how many there are, -1 for what is malformed.
static int model_params(input_t text, param_t params[]) {
    enum { BEFORE, NAME, EQUALS, VALUE, TOKEN, QUOTED, ESCAPED, AFTER } state = BEFORE;
    int count = 0;
    for (const uint8_t *p = text.data; p != text.data + text.len; ++p) {
        param_t *param = &params[count];
        switch (state) {
            case BEFORE:
                if (!is_blank(*p) && *p != ',') {
                    *param = (param_t) { { p, 0 }, malloc(text.len), 0 };
                    CHECK(param->value != NULL);
                    ++count;
                    if (!is_token_char(*p)) {
                        return -count;
                    }
                    param->name.len = 1;
                    state = NAME;
                }
                continue;
            case NAME:
                if (is_token_char(*p)) {
                    ++params[count - 1].name.len;
                    continue;
                }
                state = EQUALS;
                break;
            default:
                break;
        }
        param = &params[count - 1];
        if (state == EQUALS) {
            if (*p == '=') {
                state = VALUE;
            } else if (!is_blank(*p)) {
                return -count;
            }
        } else if (state == VALUE) {
            if (*p == '"') {
                state = QUOTED;
            } else if (is_token_char(*p)) {
                param->value[param->value_len++] = *p;
                state = TOKEN;
            } else if (!is_blank(*p)) {
                return -count;
            }
        } else if (state == QUOTED && *p == '"') {
            state = AFTER;
        } else if (state == QUOTED && *p == '\\') {
            state = ESCAPED;
        } else if (state == QUOTED || state == ESCAPED) {
            if (!is_value_char(*p)) {
                return -count;
            }
            param->value[param->value_len++] = *p;
            state = QUOTED;
        } else if (state == TOKEN && is_token_char(*p)) {
            param->value[param->value_len++] = *p;
        } else if (*p == ',') {
            state = BEFORE;
        } else if (is_blank(*p)) {
            state = AFTER;
        } else {
            return -count;
        }
    }
    return state == BEFORE || state == TOKEN || state == AFTER ? count : -count;
}

static bool model_token68(input_t text) {
    size_t at = 0;
    while (at < text.len && (is_alphanumeric(text.data[at]) || is_one_of(text.data[at], "-._~+/"))) {
        ++at;
    }
    bool any = at > 0;
    while (at < text.len && text.data[at] == '=') {
        ++at;
    }
    return any && at == text.len;
}

#define PARAMS_MAX (4096)

static void check_params(const mh_auth_t *auth, const param_t params[], int count) {
    const char *rest = auth->params;
    size_t rest_len = auth->params_len;
    mh_auth_param_t param;
    for (int i = 0; i < count; ++i) {
        CHECK(mh_auth_param_next(&rest, &rest_len, &param) == 1);
        CHECK((const uint8_t *)param.name == params[i].name.data && param.name_len == params[i].name.len);
        CHECK(param.escaped == (param.value_len != params[i].value_len));
        uint8_t *out = exact_new(NULL, params[i].value_len);
        CHECK(mh_auth_unescape(param.value, param.value_len, (char *)out) == params[i].value_len);
        CHECK(memcmp(out, params[i].value, params[i].value_len) == 0);
        exact_free(out, params[i].value_len);
    }
    CHECK(mh_auth_param_next(&rest, &rest_len, &param) == 0 && rest_len == 0);
}

static void check_credentials(input_t value) {
    static param_t params[PARAMS_MAX];
    mh_auth_t auth;
    size_t scheme = 0;
    while (scheme < value.len && is_token_char(value.data[scheme])) {
        ++scheme;
    }
    input_t rest = { value.data + scheme, value.len - scheme };
    bool well = scheme > 0 && (rest.len == 0 || *rest.data == ' ');
    while (rest.len != 0 && *rest.data == ' ') {
        ++rest.data;
        --rest.len;
    }
    bool token = well && model_token68(rest);
    int count = well && !token ? model_params(rest, params) : 0;
    int made = abs(count);
    well = well && count >= 0;

    CHECK(mh_auth_parse((const char *)value.data, value.len, &auth) == well);
    if (well) {
        CHECK((const uint8_t *)auth.scheme == value.data && auth.scheme_len == scheme);
        CHECK((auth.token != NULL) == token);
        if (token) {
            CHECK((const uint8_t *)auth.token == rest.data && auth.token_len == rest.len);
        } else {
            check_params(&auth, params, count);
        }
    }
    while (made-- > 0) {
        free(params[made].value);
    }
}

// ---- base64

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void encode(input_t data, char *out) {
    while (data.len != 0) {
        size_t len = data.len < 3 ? data.len : 3;
        uint32_t bits = input_number(&data, 3);     // what is not there is 0
        for (size_t i = 0; i < 4; ++i) {
            *out++ = i <= len ? alphabet[bits >> (18 - 6 * i) & 63] : '=';
        }
    }
}

// What is decoded encodes to the very text again; and what anything encodes to is decoded.
static void check_base64(input_t text) {
    size_t room = text.len / 4 * 3;
    uint8_t *out = exact_new(NULL, room);
    int len = mh_base64_decode((const char *)text.data, text.len, out);
    CHECK(len >= -1 && len <= (int)room);
    if (len >= 0) {
        char *again = (char *)exact_new(NULL, text.len);
        encode((input_t) { out, (size_t)len }, again);
        CHECK(text.len == ((size_t)len + 2) / 3 * 4 && memcmp(again, text.data, text.len) == 0);
        exact_free((uint8_t *)again, text.len);
    }
    exact_free(out, room);

    size_t encoded_len = (text.len + 2) / 3 * 4;
    char *encoded = (char *)exact_new(NULL, encoded_len);
    encode(text, encoded);
    room = encoded_len / 4 * 3;
    out = exact_new(NULL, room);
    CHECK(mh_base64_decode(encoded, encoded_len, out) == (int)text.len && memcmp(out, text.data, text.len) == 0);
    exact_free(out, room);
    exact_free((uint8_t *)encoded, encoded_len);
}

static void check_equal(input_t text) {
    input_t secret = input_until(&text, '|');
    bool same = secret.len == text.len && memcmp(secret.data, text.data, text.len) == 0;
    size_t room = secret.len + (secret.len == 0);
    uint8_t *copy = exact_new(NULL, room);
    memcpy(copy, secret.data, secret.len);
    CHECK(mh_equal(text.data, text.len, copy, secret.len) == same);
    CHECK(mh_equal(secret.data, secret.len, copy, secret.len));
    exact_free(copy, room);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    input_t input = { data, len };
    uint8_t what = input_byte(&input);
    uint8_t *copy = exact_new(input.data, input.len);
    input_t text = { copy, input.len };
    if (what % 4 == 0) {
        check_base64(text);
    } else if (what % 4 == 1) {
        check_equal(text);
    } else if (input.len < PARAMS_MAX) {
        check_credentials(text);
    }
    exact_free(copy, input.len);
    return 0;
}
