#include "core/head.h"

bool mh_field_next(const uint8_t *data, uint16_t *at, mh_field_t *field) {
    const uint8_t *p = data + *at;
    if (*p == '\r') {
        return false;
    }
    field->name = (const char *)p;
    while (*p != ':') {
        ++p;
    }
    field->name_len = (uint16_t)(p - data - *at);
    do {
        ++p;
    } while (*p == ' ' || *p == '\t');
    const uint8_t *value = p;
    while (*p != '\r') {
        ++p;
    }
    *at = (uint16_t)(p + 2 - data);
    while (p != value && (p[-1] == ' ' || p[-1] == '\t')) {
        --p;
    }
    field->value = (const char *)value;
    field->value_len = (uint16_t)(p - value);
    return true;
}

// Only letters are the same in both cases: '_' and DEL, or '@' and '`', differ in that bit as well.
static bool same_name(const char *a, const char *b, size_t len) {
    for (size_t i = 0; i < len; ++i) {
        uint8_t x = (uint8_t)a[i];
        uint8_t y = (uint8_t)b[i];
        if (x != y && ((x ^ y) != 0x20 || (x | 0x20) < 'a' || (x | 0x20) > 'z')) {
            return false;
        }
    }
    return true;
}

bool mh_field_find(const uint8_t *data, uint16_t *at, const char *name, size_t name_len, mh_field_t *field) {
    while (mh_field_next(data, at, field)) {
        if (field->name_len == name_len && same_name(field->name, name, name_len)) {
            return true;
        }
    }
    return false;
}
