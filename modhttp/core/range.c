#include "core/range.h"

#include <string.h>

#include "core/answer.h"
#include "core/chars.h"
#include "core/select.h"

// ---- ranges

static const uint8_t *skip_space(const uint8_t *p, const uint8_t *end) {
    while (p != end && (*p == ' ' || *p == '\t')) {
        ++p;
    }
    return p;
}

// The number at *p, UINT32_MAX for all larger ones, and *p behind it. False when there is none.
static bool read_number(const uint8_t **p, const uint8_t *end, uint32_t *number) {
    const uint8_t *at = *p;
    uint32_t n = 0;
    for (; at != end && mh_is(*at, MH_CHAR_DIGIT); ++at) {
        uint32_t digit = *at - '0';
        n = n <= (UINT32_MAX - digit) / 10 ? n * 10 + digit : UINT32_MAX;
    }
    bool any = at != *p;
    *p = at;
    *number = n;
    return any;
}

// The range-spec at *p, and *p behind it: 1; 0 where nothing of it is there; -1 where it is malformed.
static int read_range(const uint8_t **p, const uint8_t *end, uint32_t size, mh_range_t *range) {
    uint32_t first, last = UINT32_MAX;
    bool from = read_number(p, end, &first);
    if (*p == end || **p != '-') {
        return -1;
    }
    ++*p;
    bool to = read_number(p, end, &last);
    if (!from) {        // the last so many bytes
        range->len = last < size ? last : size;
        range->at = size - range->len;
        return to ? last != 0 : -1;
    }
    if (to && last < first) {
        return -1;
    }
    if (first >= size) {
        return 0;
    }
    range->at = first;
    range->len = (to && last < size ? last + 1 : size) - first;
    return 1;
}

static bool is_near(const mh_range_t *a, const mh_range_t *b) {
    if (a->at > b->at) {
        const mh_range_t *first = b;
        b = a;
        a = first;
    }
    uint32_t distance = b->at - a->at;
    return distance < a->len || distance - a->len < MH_RANGE_GAP;
}

static void join(mh_range_t *range, const mh_range_t *other) {
    uint32_t end = range->at + range->len;
    uint32_t other_end = other->at + other->len;
    range->at = range->at < other->at ? range->at : other->at;
    range->len = (end > other_end ? end : other_end) - range->at;
}

// Join those that are near each other, where the first of them is. Returns how many are left.
static size_t coalesce(mh_range_t ranges[], size_t count) {
    for (size_t i = 0; i < count; ++i) {
        for (size_t j = i + 1; j < count; ++j) {
            if (is_near(&ranges[i], &ranges[j])) {
                join(&ranges[i], &ranges[j]);
                --count;
                memmove(&ranges[j], &ranges[j + 1], (count - j) * sizeof(ranges[0]));
                j = i;      // it has grown, and may be near one that it was not near before
            }
        }
    }
    return count;
}

int mh_ranges_read(const char *value, size_t len, uint32_t size, mh_range_t ranges[MH_RANGES_MAX]) {
    const uint8_t *p = (const uint8_t *)value;
    const uint8_t *end = p + len;
    if (size == 0 || len < 6 || !mh_same(p, "bytes", 5) || p[5] != '=') {
        return 0;
    }
    size_t asked = 0, count = 0;
    p += 6;
    for (;;) {
        p = skip_space(p, end);
        if (p == end) {
            break;
        }
        if (*p != ',') {
            mh_range_t range;
            int found = ++asked > MH_RANGES_MAX ? -1 : read_range(&p, end, size, &range);
            if (found < 0) {
                return 0;
            }
            p = skip_space(p, end);
            if (p != end && *p != ',') {
                return 0;
            }
            if (found) {
                ranges[count++] = range;
            }
        }
        p += p != end;
    }
    if (asked == 0) {
        return 0;
    }
    return count == 0 ? -416 : (int)coalesce(ranges, count);
}

// ---- conditions

typedef struct _asked_t {
    const mh_head_t *head;
    const uint8_t *data;
    const mh_version_t *version;
    uint64_t now;
} asked_t;

// The field of this name, which is in lower case. False unless there is just one: of those that are no lists, more say nothing.
static bool find_one(const asked_t *asked, const char *name, mh_field_t *field) {
    mh_field_t other;
    uint16_t at = asked->head->fields;
    return mh_field_find(asked->data, &at, name, strlen(name), field) && !mh_field_find(asked->data, &at, name, strlen(name), &other);
}

static bool read_date(const asked_t *asked, const char *name, uint64_t *date) {
    mh_field_t field;
    return asked->version->modified != 0 && find_one(asked, name, &field) && mh_date_read(field.value, field.value_len, asked->now, date);
}

// What the fields of one name, a list of entity tags together, say of the version.
typedef enum { TAGS_ABSENT, TAGS_OTHER, TAGS_MATCH } tags_t;

static bool is_weak(const mh_version_t *version) {
    return *version->tag == 'W';
}

// What is compared with: without "W/", and where there is no tag one that no client can have.
static tags_t look_for_tag(const asked_t *asked, const char *name, bool strongly) {
    const mh_version_t *version = asked->version;
    const char *tag = "\n";
    size_t tag_len = 1;
    if (version->tag != NULL && !(strongly && is_weak(version))) {
        size_t weak = is_weak(version) ? 2 : 0;
        tag = version->tag + weak;
        tag_len = version->tag_len - weak;
    }
    tags_t result = TAGS_ABSENT;
    mh_field_t field;
    for (uint16_t at = asked->head->fields; result != TAGS_MATCH && mh_field_find(asked->data, &at, name, strlen(name), &field);) {
        bool found = strongly ? mh_etag_matches_strongly(field.value, field.value_len, tag, tag_len)
            : mh_etag_matches(field.value, field.value_len, tag, tag_len);
        result = found ? TAGS_MATCH : TAGS_OTHER;
    }
    return result;
}

// If-Match, or else If-Unmodified-Since.
static bool is_refused(const asked_t *asked) {
    uint64_t date;
    tags_t tags = look_for_tag(asked, "if-match", true);
    if (tags != TAGS_ABSENT) {
        return tags == TAGS_OTHER;
    }
    return read_date(asked, "if-unmodified-since", &date) && asked->version->modified > date;
}

// If-None-Match, or else If-Modified-Since, which is about reading.
static bool is_known(const asked_t *asked, bool reads) {
    uint64_t date;
    tags_t tags = look_for_tag(asked, "if-none-match", false);
    if (tags != TAGS_ABSENT) {
        return tags == TAGS_MATCH;
    }
    return reads && read_date(asked, "if-modified-since", &date) && asked->version->modified <= date;
}

// Whether If-Range lets a range be sent: a strong tag, or the very date.
static bool may_send_part(const asked_t *asked) {
    const mh_version_t *version = asked->version;
    mh_field_t field;
    uint64_t date;
    uint16_t at = asked->head->fields;
    if (!mh_field_find(asked->data, &at, "if-range", 8, &field)) {
        return true;
    }
    if (read_date(asked, "if-range", &date)) {
        return date == version->modified;
    }
    return find_one(asked, "if-range", &field) && version->tag != NULL && !is_weak(version)
        && field.value_len == version->tag_len && memcmp(field.value, version->tag, version->tag_len) == 0;
}

int mh_version_choose(const mh_head_t *head, const uint8_t *data, const mh_version_t *version, uint64_t now,
    mh_range_t ranges[MH_RANGES_MAX], size_t *count) {
    const asked_t asked = { head, data, version, now };
    bool reads = head->method_id == MH_GET || head->method_id == MH_HEAD;
    *count = 0;
    if (is_refused(&asked)) {
        return 412;
    }
    if (is_known(&asked, reads)) {
        return reads ? 304 : 412;
    }
    mh_field_t range;
    if (head->method_id != MH_GET || !find_one(&asked, "range", &range) || !may_send_part(&asked)) {
        return 200;
    }
    int found = mh_ranges_read(range.value, range.value_len, version->size, ranges);
    if (found <= 0) {
        return found < 0 ? 416 : 200;
    }
    *count = (size_t)found;
    return 206;
}
