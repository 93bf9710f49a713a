#include "core/auth.h"

#include "core/chars.h"

static const uint8_t *skip_blanks(const uint8_t *p, const uint8_t *end) {
    while (p != end && (*p == ' ' || *p == '\t')) {
        ++p;
    }
    return p;
}

// --- base64 and token68, whose characters nearly are the same

// The six bits that a character stands for; 64 for any other.
static uint8_t sextet(uint8_t c) {
    uint8_t letter = (uint8_t)((c | 0x20) - 'a');
    if (letter < 26) {
        return c & 0x20 ? (uint8_t)(letter + 26) : letter;
    }
    if (mh_is(c, MH_CHAR_DIGIT)) {
        return (uint8_t)(c - '0' + 52);
    }
    return c == '+' ? 62 : c == '/' ? 63 : 64;
}

static bool is_token68(const uint8_t *p, const uint8_t *end) {
    const uint8_t *begin = p;
    while (p != end && (sextet(*p) < 64 || *p == '-' || *p == '.' || *p == '_' || *p == '~')) {
        ++p;
    }
    bool any = p != begin;
    while (p != end && *p == '=') {
        ++p;
    }
    return any && p == end;
}

int mh_base64_decode(const char *text, size_t len, uint8_t *out) {
    if (len % 4 != 0) {
        return -1;
    }
    uint8_t *at = out;
    uint32_t bits = 0;
    for (size_t i = 0; i < len; ++i) {
        uint8_t value = sextet((uint8_t)text[i]);
        size_t left = len - i;      // counting this one
        if (value == 64) {          // padding, and all that comes is
            bool padding = left <= 2 && text[i] == '=' && text[len - 1] == '=';
            if (!padding || (bits & (left == 1 ? 3u : 15u)) != 0) {
                return -1;
            }
            break;
        }
        bits = bits << 6 | value;
        if (i % 4 != 0) {
            *at++ = (uint8_t)(bits >> (6 - i % 4 * 2));
        }
    }
    return (int)(at - out);
}

// --- Credentials

bool mh_auth_parse(const char *value, size_t len, mh_auth_t *auth) {
    const uint8_t *p = (const uint8_t *)value, *end = p + len;
    const uint8_t *rest = mh_span(p, end, MH_CHAR_TOKEN);
    *auth = (mh_auth_t) { .scheme = value, .scheme_len = (size_t)(rest - p) };
    if (rest == p || (rest != end && *rest != ' ')) {
        return false;
    }
    while (rest != end && *rest == ' ') {
        ++rest;
    }
    if (is_token68(rest, end)) {
        auth->token = (const char *)rest;
        auth->token_len = (size_t)(end - rest);
        return true;
    }
    auth->params = (const char *)rest;
    auth->params_len = (size_t)(end - rest);
    const char *left = auth->params;
    size_t left_len = auth->params_len;
    mh_auth_param_t param;
    int result;
    do {
        result = mh_auth_param_next(&left, &left_len, &param);
    } while (result > 0);
    return result == 0;
}

// From behind the opening quote. Returns where the closing one is, NULL when there is none.
static const uint8_t *span_quoted(const uint8_t *p, const uint8_t *end, bool *escaped) {
    while (p != end && *p != '"') {
        if (*p == '\\') {
            *escaped = true;
            ++p;
        }
        if (p == end || !mh_is(*p, MH_CHAR_VALUE)) {
            return NULL;
        }
        ++p;
    }
    return p == end ? NULL : p;
}

// A token or a quoted string. Returns what is behind it, NULL when it is neither.
static const uint8_t *take_value(const uint8_t *p, const uint8_t *end, mh_auth_param_t *param) {
    bool quoted = p != end && *p == '"';
    p += quoted;
    const uint8_t *last = quoted ? span_quoted(p, end, &param->escaped) : mh_span(p, end, MH_CHAR_TOKEN);
    if (last == NULL || (!quoted && last == p)) {
        return NULL;
    }
    param->value = (const char *)p;
    param->value_len = (size_t)(last - p);
    return last + quoted;
}

int mh_auth_param_next(const char **rest, size_t *rest_len, mh_auth_param_t *param) {
    const uint8_t *p = (const uint8_t *)*rest, *end = p + *rest_len;
    while (p != end && (*p == ',' || *p == ' ' || *p == '\t')) {
        ++p;
    }
    const uint8_t *name = p;
    if (p != end) {
        p = mh_span(p, end, MH_CHAR_TOKEN);
        *param = (mh_auth_param_t) { .name = (const char *)name, .name_len = (size_t)(p - name) };
        p = skip_blanks(p, end);
        if (param->name_len == 0 || p == end || *p != '=') {
            return -1;
        }
        p = take_value(skip_blanks(p + 1, end), end, param);
        if (p == NULL) {
            return -1;
        }
        p = skip_blanks(p, end);
        if (p != end && *p != ',') {
            return -1;
        }
    }
    *rest = (const char *)p;
    *rest_len = (size_t)(end - p);
    return name != end;
}

size_t mh_auth_unescape(const char *value, size_t len, char *out) {
    size_t at = 0;
    for (size_t i = 0; i < len; ++i) {
        if (value[i] == '\\' && i + 1 < len) {
            ++i;
        }
        out[at++] = value[i];
    }
    return at;
}

// --- Secrets

// The secret is gone through again and again, in place of a length that would show.
MH_NOINLINE bool mh_equal(const void *given, size_t given_len, const void *secret, size_t secret_len) {
    const uint8_t *g = given, *s = secret;
    size_t differ = given_len ^ secret_len;
    size_t at = 0;
    for (size_t i = 0; i < given_len; ++i) {
        differ |= (size_t)(g[i] ^ s[at]);
        MH_KEEP(differ);    // the compiler is not to stop where nothing can become equal any more
        ++at;
        at &= (size_t)0 - (size_t)(at < secret_len);
    }
    return differ == 0;
}
