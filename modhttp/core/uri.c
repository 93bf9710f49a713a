#include "core/uri.h"

#include <string.h>

#include "core/chars.h"

static bool percent_ok(const uint8_t *p, const uint8_t *end) {
    return end - p >= 3 && mh_is(p[1], MH_CHAR_HEX) && mh_is(p[2], MH_CHAR_HEX);
}

// uri-host up to its end: what is in "[…]" is held to its characters only, nobody here connects to it.
static const uint8_t *host_end(const uint8_t *p, const uint8_t *end) {
    if (p != end && *p == '[') {
        const uint8_t *begin = ++p;
        while (p != end && (mh_is(*p, MH_CHAR_HOST) || *p == ':')) {
            ++p;
        }
        return p == begin || p == end || *p != ']' ? NULL : p + 1;
    }
    for (;;) {
        p = mh_span(p, end, MH_CHAR_HOST);
        if (p == end || *p != '%') {
            return p;
        }
        if (!percent_ok(p, end)) {
            return NULL;
        }
        p += 3;
    }
}

bool mh_authority_ok(const char *authority, size_t len) {
    const uint8_t *p = (const uint8_t *)authority;
    const uint8_t *end = p + len;
    p = host_end(p, end);
    if (p == NULL) {
        return false;
    }
    if (p != end && *p == ':') {
        p = mh_span(p + 1, end, MH_CHAR_DIGIT);
    }
    return p == end;
}

// The length of "http://" or "https://" at the target's beginning, or 0.
static size_t scheme_len(const char *target, size_t len) {
    if (len > 7 && mh_same(target, "http://", 7)) {
        return 7;
    }
    return len > 8 && mh_same(target, "https://", 8) ? 8 : 0;
}

// Whether the segment at `p`, which begins with '.', is "." or "..".
static bool is_dots(const char *p, const char *end) {
    p += end - p > 1 && p[1] == '.' ? 2 : 1;
    return p == end || *p == '/' || *p == '?';
}

// Where the path at `p`, which begins with '/' or is empty, ends: at a '?' or the end.
static MH_INLINE const char *path_end(const char *p, const char *end, bool *plain) {
    *plain = true;
    for (; p != end; ++p) {
        uint8_t c = (uint8_t)*p;
        if (c > '?') {
            continue;       // a letter, mostly
        }
        if (c == '?') {
            break;
        }
        if (c == '%' || (c == '.' && p[-1] == '/' && is_dots(p, end))) {
            *plain = false;
        }
    }
    return p;
}

int mh_target_split(const char *target, size_t len, mh_target_t *parts) {
    const char *end = target + len;
    const char *path = target;
    parts->query = NULL;
    parts->query_len = 0;
    if (len == 1 && *target == '*') {
        parts->path = target;
        parts->path_len = 1;
        parts->plain = true;
        return 0;
    }
    if (len == 0 || *target != '/') {
        const char *authority = target + scheme_len(target, len);
        for (path = authority; path != end && *path != '/' && *path != '?'; ++path) {
        }
        if (authority == target || path == authority || *authority == ':' || !mh_authority_ok(authority, (size_t)(path - authority))) {
            return -400;
        }
    }
    const char *query = path_end(path, end, &parts->plain);
    if (query != end) {
        parts->query = query + 1;
        parts->query_len = (size_t)(end - query - 1);
        end = query;
    }
    // "http://host" asks for "/" (RFC 9110 section 4.2.3).
    parts->path = path == end ? "/" : path;
    parts->path_len = path == end ? 1 : (size_t)(end - path);
    return 0;
}

// Whether the segment that ends before `end` is "." (1), ".." (2) or neither (0). A '/' comes before every segment.
static int dot_segment(const char *begin, const char *end) {
    if (end - begin >= 2 && end[-1] == '.') {
        if (end[-2] == '/') {
            return 1;
        }
        if (end[-2] == '.' && end[-3] == '/') {
            return 2;
        }
    }
    return 0;
}

// Take the dot segment at the end of [out, end) away, "/a/b/.." → "/a/". Returns the new end, or NULL above the root.
static char *remove_dots(char *out, char *end) {
    int dots = dot_segment(out, end);
    if (dots == 0) {
        return end;
    }
    end -= dots;
    if (dots == 2) {
        if (end - out < 2) {
            return NULL;
        }
        do {
            --end;
        } while (end[-1] != '/');
    }
    return end;
}

int mh_path_decode(const char *path, size_t len, char *out) {
    const uint8_t *p = (const uint8_t *)path;
    const uint8_t *end = p + len;
    char *to = out;
    if (len == 1 && *path == '*') {
        *out = '*';
        return 1;
    }
    if (len == 0 || *path != '/') {
        return -400;
    }
    while (p != end) {
        uint8_t c = *p;
        if (c == '%') {
            if (!percent_ok(p, end)) {
                return -400;
            }
            c = (uint8_t)(mh_hex(p[1]) << 4 | mh_hex(p[2]));
            p += 2;
        }
        ++p;
        if (c < ' ' || c == 0x7f) {
            return -400;
        }
        if (c == '/') {
            // The segment before is complete: an encoded '/' ends it too, or "..%2f" would get past.
            char *kept = remove_dots(out, to);
            if (kept == NULL) {
                return -400;
            }
            if (kept != to) {
                to = kept;
                continue;       // its own '/' is still there
            }
        }
        *to++ = (char)c;
    }
    to = remove_dots(out, to);
    return to == NULL ? -400 : (int)(to - out);
}

bool mh_query_next(const char **rest, size_t *rest_len, const char **key, size_t *key_len, const char **value, size_t *value_len) {
    const char *p = *rest;
    const char *end = p + *rest_len;
    while (p != end && *p == '&') {
        ++p;
    }
    if (p == end) {
        return false;
    }
    const char *equals = NULL;
    *key = p;
    for (; p != end && *p != '&'; ++p) {
        if (*p == '=' && equals == NULL) {
            equals = p;
        }
    }
    *key_len = (size_t)((equals == NULL ? p : equals) - *key);
    *value = equals == NULL ? p : equals + 1;
    *value_len = (size_t)(p - *value);
    *rest = p;
    *rest_len = (size_t)(end - p);
    return true;
}

size_t mh_query_decode(const char *in, size_t len, char *out) {
    const uint8_t *p = (const uint8_t *)in;
    const uint8_t *end = p + len;
    char *to = out;
    while (p != end) {
        uint8_t c = *p;
        if (c == '%' && percent_ok(p, end)) {
            c = (uint8_t)(mh_hex(p[1]) << 4 | mh_hex(p[2]));
            p += 2;
        } else if (c == '+') {
            c = ' ';
        }
        ++p;
        *to++ = (char)c;
    }
    return (size_t)(to - out);
}
