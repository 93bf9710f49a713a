#include "core/select.h"

#include <string.h>

#include "core/chars.h"
#include "core/number.h"
#include "core/uri.h"

// ---- lists of ranges with weights

#define WEIGHT_MAX (1000)       // of a quality value, which has three digits

static bool is_space(uint8_t c) {
    return c == ' ' || c == '\t';
}

static const uint8_t *skip_space(const uint8_t *p, const uint8_t *end) {
    while (p != end && is_space(*p)) {
        ++p;
    }
    return p;
}

// What is behind the quoted string, of which p is behind the first quote.
static const uint8_t *quoted_end(const uint8_t *p, const uint8_t *end) {
    while (p != end) {
        uint8_t c = *p++;
        if (c == '"') {
            break;
        }
        if (c == '\\' && p != end) {
            ++p;
        }
    }
    return p;
}

// The comma that ends the list's element at p, or the list's end. Commas in a quoted string are of the element.
static const uint8_t *element_end(const uint8_t *p, const uint8_t *end) {
    while (p != end && *p != ',') {
        if (*p++ == '"') {
            p = quoted_end(p, end);
        }
    }
    return p;
}

// The quality value at *p in thousandths, and *p behind it; -1 where there is none.
static int quality(const uint8_t **p, const uint8_t *end) {
    const uint8_t *at = *p;
    if (at == end || (*at != '0' && *at != '1')) {
        return -1;
    }
    int weight = *at++ - '0';
    bool digits = at != end && *at == '.';
    at += digits;
    for (int i = 0; i < 3; ++i) {
        digits = digits && at != end && mh_is(*at, MH_CHAR_DIGIT);
        weight = weight * 10 + (digits ? *at++ - '0' : 0);
    }
    *p = at;
    return weight <= WEIGHT_MAX ? weight : -1;
}

// What a range weighs, of which this is what follows in its element: 1000 where it does not say. -1 for a range that has other
// parameters, and for what is malformed.
static int weight_of(const uint8_t *p, const uint8_t *end) {
    int weight = -1;
    for (;;) {
        p = skip_space(p, end);
        if (p == end) {
            return weight < 0 ? WEIGHT_MAX : weight;
        }
        if (*p != ';') {
            return -1;
        }
        p = skip_space(p + 1, end);
        if (p == end || *p == ';') {
            continue;           // none between two semicolons is allowed
        }
        if (weight >= 0 || end - p < 2 || (*p | 0x20) != 'q' || p[1] != '=') {
            return -1;
        }
        p += 2;
        weight = quality(&p, end);
        if (weight < 0) {
            return -1;
        }
    }
}

// How well a range fits, and its weight, as one number: of two ranges that fit, the higher one counts.
enum {
    FITS_ALL = 1 << 10,         // "*/*"
    FITS_TYPE = 2 << 10,        // "text/*"
    FITS = 3 << 10,
    WEIGHT = FITS_ALL - 1,
};

static void note(uint16_t *best, int fits, int weight) {
    if (weight >= 0 && fits + weight > *best) {
        *best = (uint16_t)(fits + weight);
    }
}

// Compare an element with a media type.
static void note_type(uint16_t *best, const uint8_t *p, const uint8_t *end, const char *type) {
    const char *t = type;
    while (*t != '\0' && p != end && ((*p ^ (uint8_t)*t) & ~0x20) == 0) {
        ++p;
        ++t;
    }
    if (*t == '\0') {
        note(best, FITS, weight_of(p, end));
    } else if (p != end && *p == '*' && t != type && t[-1] == '/') {
        note(best, FITS_TYPE, weight_of(p + 1, end));
    }
}

// Media types, of each the first letter behind its slash, and how the best range fits it.
typedef struct _types_t {
    const char *const *types;
    size_t count;
    uint8_t letters[MH_ACCEPT_TYPES_MAX];
    uint16_t best[MH_ACCEPT_TYPES_MAX];
} types_t;

// Whether a range that has this letter behind its slash may fit any of them.
static bool may_fit(const types_t *types, uint8_t letter) {
    for (size_t i = 0; i < types->count; ++i) {
        if (((letter ^ types->letters[i]) & ~0x20) == 0) {
            return true;
        }
    }
    return letter == '*';
}

static void note_element(types_t *types, const uint8_t *p, const uint8_t *end) {
    p = skip_space(p, end);
    bool all = end - p >= 3 && p[0] == '*' && p[1] == '/' && p[2] == '*';
    int weight = all ? weight_of(p + 3, end) : -1;
    for (size_t i = 0; i < types->count; ++i) {
        if (all) {
            note(&types->best[i], FITS_ALL, weight);
        } else {
            note_type(&types->best[i], p, end, types->types[i]);
        }
    }
}

// The first of those that weigh most; -1 when all weigh nothing.
static int heaviest(const uint16_t *best, size_t count) {
    int found = -1;
    int most = 0;
    for (size_t i = 0; i < count; ++i) {
        int weight = best[i] & WEIGHT;
        if (weight > most) {
            most = weight;
            found = (int)i;
        }
    }
    return found;
}

// Most of what browsers accept is none of ours, which the letter behind its slash shows.
static MH_NOINLINE int accept_list(const uint8_t *p, const uint8_t *end, const char *const names[], size_t count) {
    types_t types;
    types.types = names;
    types.count = count;
    for (size_t i = 0; i < count; ++i) {
        const char *name = names[i];
        while (*name++ != '/') {
        }
        types.letters[i] = (uint8_t)*name;
        types.best[i] = 0;
    }
    const uint8_t *element = p;
    while (p != end) {
        uint8_t c = *p++;
        if (c > '/') {
            continue;
        }
        if (c == ',') {
            element = p;
        } else if (c == '"') {
            p = quoted_end(p, end);
        } else if (c == '/' && p != end && may_fit(&types, *p)) {
            p = element_end(p, end);
            note_element(&types, element, p);
        }
    }
    return heaviest(types.best, count);
}

int mh_accept_type(const char *value, size_t len, const char *const types[], size_t count) {
    // As all but browsers have it.
    if (len == 0 || (len == 3 && value[0] == '*' && value[1] == '/' && value[2] == '*')) {
        return 0;
    }
    return accept_list((const uint8_t *)value, (const uint8_t *)value + len, types, count);
}

bool mh_accept_coding(const char *value, size_t len, const char *coding) {
    const uint8_t *p = (const uint8_t *)value;
    const uint8_t *end = p + len;
    size_t coding_len = strlen(coding);
    // Not to encode is accepted where nothing is said of it.
    uint16_t best = coding_len == 8 && memcmp(coding, "identity", 8) == 0;
    for (const uint8_t *next; p != end; p = next) {
        next = element_end(p, end);
        p = skip_space(p, next);
        if (p != next && *p == '*') {
            note(&best, FITS_ALL, weight_of(p + 1, next));
        } else {
            if (next - p > 2 && (p[0] | 0x20) == 'x' && p[1] == '-') {
                p += 2;
            }
            if ((size_t)(next - p) >= coding_len && mh_same(p, coding, coding_len)) {
                note(&best, FITS, weight_of(p + coding_len, next));
            }
        }
        next += next != end;
    }
    return best & WEIGHT;
}

// ---- entity tags

// Of an opaque tag's inside (RFC 9110 section 8.8.3).
static bool is_tag_char(uint8_t c) {
    return c > ' ' && c != '"' && mh_is(c, MH_CHAR_VALUE);
}

// What is behind the opaque tag at p, which is not the end; NULL where none is.
static const uint8_t *tag_end(const uint8_t *p, const uint8_t *end) {
    if (*p != '"') {
        return NULL;
    }
    do {
        ++p;
    } while (p != end && is_tag_char(*p));
    return p != end && *p == '"' ? p + 1 : NULL;
}

static bool is_weak(const uint8_t *p, const uint8_t *end) {
    return end - p > 2 && p[0] == 'W' && p[1] == '/';
}

bool mh_etag_ok(const char *etag, size_t len) {
    const uint8_t *p = (const uint8_t *)etag;
    const uint8_t *end = p + len;
    return len > 0 && tag_end(is_weak(p, end) ? p + 2 : p, end) == end;
}

// `strongly`: tags that are marked as weak do not count.
static bool has_tag(const char *value, size_t len, const char *etag, size_t etag_len, bool strongly) {
    const uint8_t *p = (const uint8_t *)value;
    const uint8_t *end = p + len;
    if ((len == 1 && *p == '*') || (len == etag_len && memcmp(value, etag, len) == 0)) {
        return true;        // as clients usually have it
    }
    bool found = false;
    for (;;) {
        p = skip_space(p, end);
        if (p == end) {
            return found;
        }
        if (*p != ',') {
            bool weak = is_weak(p, end);
            const uint8_t *tag = weak ? p + 2 : p;
            p = tag_end(tag, end);
            if (p == NULL) {
                return false;
            }
            found = found || ((size_t)(p - tag) == etag_len && !(strongly && weak) && memcmp(tag, etag, etag_len) == 0);
            p = skip_space(p, end);
            if (p != end && *p != ',') {
                return false;
            }
        }
        p += p != end;
    }
}

bool mh_etag_matches(const char *value, size_t len, const char *etag, size_t etag_len) {
    return has_tag(value, len, etag, etag_len, false);
}

bool mh_etag_matches_strongly(const char *value, size_t len, const char *etag, size_t etag_len) {
    return has_tag(value, len, etag, etag_len, true);
}

// ---- queries

mh_select_t mh_select_samples(const char *query, size_t len, uint32_t *n) {
    mh_select_t wanted = MH_SELECT_NEWEST;
    const char *key, *value;
    size_t key_len, value_len;
    while (mh_query_next(&query, &len, &key, &key_len, &value, &value_len)) {
        mh_select_t this = MH_SELECT_NEWEST;
        if (key_len == 4 && memcmp(key, "last", 4) == 0) {
            this = MH_SELECT_LAST;
        } else if (key_len == 5 && memcmp(key, "since", 5) == 0) {
            this = MH_SELECT_SINCE;
        }
        if (this != MH_SELECT_NEWEST) {
            if (wanted != MH_SELECT_NEWEST || !mh_decimal_read(value, value_len, UINT32_MAX, n)) {
                return MH_SELECT_MALFORMED;
            }
            wanted = this;
        }
    }
    return wanted;
}
