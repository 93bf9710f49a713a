// What a part's header fields say.

#include "core/form.h"

#include <string.h>

#include "core/chars.h"

#define IS(param, text) ((param)->name_len == sizeof(text) - 1 && mh_same((param)->name, text, sizeof(text) - 1))

static bool is_space(char c) {
    return c == ' ' || c == '\t';
}

static const char *skip_space(const char *p, const char *end) {
    while (p != end && is_space(*p)) {
        ++p;
    }
    return p;
}

static const char *skip_token(const char *p, const char *end) {
    return (const char *)mh_span((const uint8_t *)p, (const uint8_t *)end, MH_CHAR_TOKEN);
}

// Whether a quote or backslash is escaped here. Browsers escape neither, and a backslash before all else is meant as such.
static bool is_escape(const char *p, const char *end) {
    return *p == '\\' && end - p > 1 && (p[1] == '"' || p[1] == '\\');
}

// The end of what is in quotes, from behind the first on; NULL where there is none.
static const char *skip_quoted(const char *p, const char *end) {
    while (p != end && *p != '"') {
        p += is_escape(p, end) ? 2 : 1;
    }
    return p == end ? NULL : p;
}

static int param_value(const char **at, const char *end, mh_param_t *param) {
    const char *p = *at;
    param->quoted = p != end && *p == '"';
    param->value = param->quoted ? p + 1 : p;
    p = param->quoted ? skip_quoted(p + 1, end) : skip_token(p, end);
    if (p == NULL || p == *at) {
        return -400;
    }
    param->value_len = (size_t)(p - param->value);
    *at = p + param->quoted;
    return 1;
}

int mh_param_next(const char **at, const char *end, mh_param_t *param) {
    const char *p = *at;
    do {
        p = skip_space(p, end);
        if (p == end) {
            return 0;
        }
        if (*p != ';') {
            return -400;
        }
        p = skip_space(p + 1, end);
    } while (p == end || *p == ';');
    param->name = p;
    p = skip_token(p, end);
    param->name_len = (size_t)(p - param->name);
    if (param->name_len == 0 || p == end || *p != '=') {
        return -400;
    }
    *at = p + 1;
    return param_value(at, end, param);
}

const char *mh_value_is(const char *p, const char *end, const char *lower, size_t len) {
    if ((size_t)(end - p) < len || !mh_same(p, lower, len)) {
        return NULL;
    }
    p += len;
    return p == end || *p == ';' || is_space(*p) ? p : NULL;
}

// What browsers write for the three characters that a name in quotes cannot have; 0: it is none of these.
static char unescaped(const char *p, size_t len) {
    if (len < 3) {
        return 0;
    }
    if (p[1] == '2' && p[2] == '2') {
        return '"';
    }
    return p[1] != '0' ? 0 : (p[2] | 0x20) == 'd' ? '\r' : (p[2] | 0x20) == 'a' ? '\n' : 0;
}

// Take the escapes out, in place. Returns the length.
static size_t unescape(char *text, size_t len) {
    size_t out = 0;
    for (size_t i = 0; i < len; ++i) {
        char plain = text[i] == '%' ? unescaped(text + i, len - i) : 0;
        if (plain != 0) {
            i += 2;
        } else {
            i += is_escape(text + i, text + len);
            plain = text[i];
        }
        text[out++] = plain;
    }
    return out;
}

// Note where the value of a parameter lies. False when there has been one.
static bool take(mh_form_t *form, mh_span_t *span, const mh_param_t *param) {
    bool first = span->at == 0;
    span->at = (uint16_t)(param->value - form->head);
    span->len = (uint16_t)(param->quoted ? unescape(form->head + span->at, param->value_len) : param->value_len);
    return first;
}

static bool disposition(mh_form_t *form, const char *p, const char *end) {
    bool first = form->name.at == 0;
    mh_param_t param;
    int result;
    p = mh_value_is(p, end, "form-data", 9);
    if (p == NULL || !first) {
        return false;
    }
    while ((result = mh_param_next(&p, end, &param)) > 0) {
        mh_span_t *span = IS(&param, "name") ? &form->name : IS(&param, "filename") ? &form->filename : NULL;
        if (span != NULL && !take(form, span, &param)) {
            return false;
        }
    }
    return result == 0 && form->name.at != 0;
}

static bool content_type(mh_form_t *form, const char *p, const char *end) {
    bool first = form->type.at == 0;
    form->type.at = (uint16_t)(p - form->head);
    form->type.len = (uint16_t)(end - p);
    return first;
}

// Deprecated by RFC 7578 section 4.7. Those that change nothing are let pass.
static bool is_identity(const char *p, const char *end) {
    return mh_value_is(p, end, "binary", 6) != NULL || mh_value_is(p, end, "8bit", 4) != NULL || mh_value_is(p, end, "7bit", 4) != NULL;
}

// One field, without its CRLF.
static const char *field(mh_form_t *form, const char *line, const char *end) {
    mh_param_t name = { .name = line };
    const char *p = skip_token(line, end);
    name.name_len = (size_t)(p - line);
    if (name.name_len == 0 || p == end || *p != ':'
        || mh_span((const uint8_t *)p, (const uint8_t *)end, MH_CHAR_VALUE) != (const uint8_t *)end) {
        return "a header field of a part is malformed";
    }
    p = skip_space(p + 1, end);
    while (end != p && is_space(end[-1])) {
        --end;
    }
    if (IS(&name, "content-disposition") && !disposition(form, p, end)) {
        return "a part's Content-Disposition is not one form-data with one name";
    }
    if (IS(&name, "content-type") && !content_type(form, p, end)) {
        return "a part has two Content-Types";
    }
    if (IS(&name, "content-transfer-encoding") && !is_identity(p, end)) {
        return "a part is transfer-encoded: send it as it is";
    }
    return NULL;
}

const char *mh_form_head(mh_form_t *form) {
    memset(&form->name, 0, sizeof(form->name));
    memset(&form->filename, 0, sizeof(form->filename));
    memset(&form->type, 0, sizeof(form->type));
    const char *end = form->head + form->head_len - 2;
    for (const char *line = form->head; line != end;) {
        const char *next = (const char *)memchr(line, '\n', (size_t)(end - line)) + 1;
        const char *fault = field(form, line, next - 2);
        if (fault != NULL) {
            return fault;
        }
        line = next;
    }
    return form->name.at != 0 ? NULL : "a part has no name";
}
