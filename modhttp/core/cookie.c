#include "core/head.h"

#include <string.h>

static void trim(const char **text, size_t *len) {
    while (*len != 0 && (**text == ' ' || **text == '\t')) {
        ++*text;
        --*len;
    }
    while (*len != 0 && ((*text)[*len - 1] == ' ' || (*text)[*len - 1] == '\t')) {
        --*len;
    }
}

bool mh_cookie_next(const char **rest, size_t *rest_len, const char **name, size_t *name_len, const char **value, size_t *value_len) {
    while (*rest_len != 0) {
        const char *pair = *rest;
        const char *end = memchr(pair, ';', *rest_len);
        size_t pair_len = end == NULL ? *rest_len : (size_t)(end - pair);
        size_t taken = end == NULL ? pair_len : pair_len + 1;
        *rest += taken;
        *rest_len -= taken;
        const char *equals = memchr(pair, '=', pair_len);
        if (equals == NULL) {
            continue;
        }
        *name = pair;
        *name_len = (size_t)(equals - pair);
        *value = equals + 1;
        *value_len = pair_len - *name_len - 1;
        trim(name, name_len);
        trim(value, value_len);
        if (*value_len >= 2 && (*value)[0] == '"' && (*value)[*value_len - 1] == '"') {
            ++*value;
            *value_len -= 2;
        }
        return true;
    }
    return false;
}
