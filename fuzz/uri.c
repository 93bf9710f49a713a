// Request targets: the split, authorities, decoding and dot segments, against plain models of each.

#include "core/uri.h"
#include "fuzz.h"

static bool starts_with(const char *text, size_t len, const char *lower) {
    size_t at = 0;
    for (; lower[at] != '\0'; ++at) {
        char c = at < len ? text[at] : '\0';
        if ((c >= 'A' && c <= 'Z' ? c + 32 : c) != lower[at]) {
            return false;
        }
    }
    return true;
}

// ---- authorities

static bool is_host_char(uint8_t c) {
    return is_alphanumeric(c) || is_one_of(c, "-._~!$&'()*+,;=");
}

static bool model_authority(const char *text, size_t len) {
    size_t at = 0;
    if (len != 0 && text[0] == '[') {
        for (at = 1; at < len && (is_host_char((uint8_t)text[at]) || text[at] == ':'); ++at) {
        }
        if (at == 1 || at == len || text[at++] != ']') {
            return false;
        }
    } else {
        while (at < len && (is_host_char((uint8_t)text[at]) || text[at] == '%')) {
            if (text[at] == '%' && (len - at < 3 || !is_hex((uint8_t)text[at + 1]) || !is_hex((uint8_t)text[at + 2]))) {
                return false;
            }
            ++at;
        }
    }
    if (at < len && text[at] == ':') {
        for (++at; at < len && is_digit((uint8_t)text[at]); ++at) {
        }
    }
    return at == len;
}

// ---- the split

static bool model_split(const char *target, size_t len, mh_target_t *parts) {
    *parts = (mh_target_t) { .path = target, .path_len = len };
    if (len == 1 && *target == '*') {
        return true;
    }
    if (len == 0 || *target != '/') {
        size_t scheme = starts_with(target, len, "http://") ? 7 : starts_with(target, len, "https://") ? 8 : 0;
        size_t at = scheme;
        while (at < len && target[at] != '/' && target[at] != '?') {
            ++at;
        }
        if (scheme == 0 || at == scheme || target[scheme] == ':' || !model_authority(target + scheme, at - scheme)) {
            return false;
        }
        parts->path = target + at;
        parts->path_len = len - at;
    }
    for (size_t i = 0; i < parts->path_len; ++i) {
        if (parts->path[i] == '?') {
            parts->query = parts->path + i + 1;
            parts->query_len = parts->path_len - i - 1;
            parts->path_len = i;
        }
    }
    if (parts->path_len == 0) {
        parts->path = "/";
        parts->path_len = 1;
    }
    return true;
}

// ---- paths

// All of the decoding first, then segment by segment. Returns the length, or -400.
static int model_path(const char *path, size_t len, char *out) {
    char *text = malloc(len + 1);
    size_t text_len = 0;
    int result = -400;
    size_t *starts = malloc((len + 1) * sizeof(size_t));    // of the segments kept, in `out`
    size_t kept = 0;
    size_t out_len = 0;
    if (len == 1 && *path == '*') {
        *out = '*';
        result = 1;
        goto end;
    }
    for (size_t i = 0; i < len; ++i) {
        uint8_t c = (uint8_t)path[i];
        if (c == '%') {
            if (len - i < 3 || !is_hex((uint8_t)path[i + 1]) || !is_hex((uint8_t)path[i + 2])) {
                goto end;
            }
            c = (uint8_t)(hex_value((uint8_t)path[i + 1]) * 16 + hex_value((uint8_t)path[i + 2]));
            i += 2;
        }
        if (c < ' ' || c == 0x7f) {
            goto end;
        }
        text[text_len++] = (char)c;
    }
    if (len == 0 || *path != '/') {
        goto end;
    }
    for (size_t at = 0; at < text_len;) {
        size_t next = at + 1;
        while (next < text_len && text[next] != '/') {
            ++next;
        }
        bool one = next - at == 2 && text[at + 1] == '.';
        bool two = next - at == 3 && text[at + 1] == '.' && text[at + 2] == '.';
        if (two) {
            if (kept == 0) {
                goto end;
            }
            out_len = starts[--kept];
        }
        if (!one && !two) {
            starts[kept++] = out_len;
            memcpy(out + out_len, text + at, next - at);
            out_len += next - at;
        } else if (next == text_len) {
            out[out_len++] = '/';       // "/a/.." is the directory "/"
        }
        at = next;
    }
    result = (int)out_len;
end:
    free(starts);
    free(text);
    return result;
}

static bool model_plain(const char *path, size_t len) {
    for (size_t at = 0; at < len; ++at) {
        if (path[at] == '%') {
            return false;
        }
        if (path[at] == '/') {
            size_t next = at + 1;
            while (next < len && path[next] != '/') {
                ++next;
            }
            if ((next - at == 2 && path[at + 1] == '.')
                || (next - at == 3 && path[at + 1] == '.' && path[at + 2] == '.')) {
                return false;
            }
        }
    }
    return true;
}

// What was decoded is free of dots, and stays as it is when it has nothing that looks encoded.
static void check_decoded(const uint8_t *out, size_t len) {
    uint8_t *copy = exact_new(out, len);
    uint8_t *again = exact_new(NULL, len);
    bool percent = memchr(copy, '%', len) != NULL;
    CHECK(model_plain((char *)copy, len) == !percent);
    if (!percent) {
        CHECK(mh_path_decode((char *)copy, len, (char *)again) == (int)len);
        CHECK(memcmp(again, copy, len) == 0);
    }
    for (size_t i = 0; i < len; ++i) {
        CHECK(copy[i] >= ' ' && copy[i] != 0x7f);
    }
    exact_free(again, len);
    exact_free(copy, len);
}

static void check_path(const char *path, size_t len) {
    uint8_t *copy = exact_new(path, len);
    uint8_t *out = exact_new(NULL, len);
    char *expected = malloc(len + 1);
    int expected_len = model_path(path, len, expected);
    int result = mh_path_decode((char *)copy, len, (char *)out);
    bool plain = model_plain(path, len);
    CHECK(result == expected_len);
    if (result >= 0) {
        CHECK((size_t)result <= len && memcmp(out, expected, (size_t)result) == 0);
        CHECK(plain == ((size_t)result == len && memcmp(out, copy, len) == 0));
        check_decoded(out, (size_t)result);
    }
    free(expected);
    exact_free(out, len);
    exact_free(copy, len);
}

static void check_split(const char *target, size_t len) {
    mh_target_t expected;
    mh_target_t parts;
    int result = mh_target_split(target, len, &parts);
    CHECK(result == (model_split(target, len, &expected) ? 0 : -400));
    if (result == 0) {
        CHECK(parts.path_len == expected.path_len && memcmp(parts.path, expected.path, parts.path_len) == 0);
        CHECK(parts.query == expected.query && parts.query_len == expected.query_len);
        CHECK(parts.path_len == 1 || (parts.path >= target && parts.path + parts.path_len <= target + len));
        CHECK(parts.plain == model_plain(parts.path, parts.path_len));
        check_path(parts.path, parts.path_len);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    uint8_t *copy = exact_new(data, len);
    const char *target = (const char *)copy;
    size_t graphic = 0;
    while (graphic < len && copy[graphic] > ' ') {
        ++graphic;
    }
    if (graphic == len) {
        check_split(target, len);       // the head's parser lets no other targets pass
    }
    CHECK(mh_authority_ok(target, len) == model_authority(target, len));
    check_path(target, len);
    exact_free(copy, len);
    return 0;
}
