#ifndef MODHTTP_CORE_RANGE_H
#define MODHTTP_CORE_RANGE_H

// What a request's conditions and ranges leave of a representation (RFC 9110 sections 13 and 14).

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/head.h"

// More ranges than this in one request are not looked at: all is sent.
#define MH_RANGES_MAX (8)

// Ranges with fewer bytes than this between them are sent as one: to part them would take more (RFC 9110 section 15.3.7.2).
#define MH_RANGE_GAP (80)

// `len` bytes, one at least, from offset `at` on.
typedef struct _mh_range_t {
    uint32_t at;
    uint32_t len;
} mh_range_t;

// Read a Range field's value, about a representation of `size` bytes, which is not MH_LENGTH_UNKNOWN. Returns how many ranges there are in
// `ranges`, in the order of the request, no two of which overlap or nearly touch; or 0 when all is to be sent (the value is malformed, or of
// another unit, or has more than MH_RANGES_MAX ranges, or there are no bytes); or -416 when it wants nothing that is there.
int mh_ranges_read(const char *value, size_t len, uint32_t size, mh_range_t ranges[MH_RANGES_MAX]);

// What is known of a representation.
typedef struct _mh_version_t {
    const char *tag;            // its entity tag, with quotes, and with "W/" when it is weak; NULL: it has none
    size_t tag_len;
    uint64_t modified;          // in seconds since 1970; 0: nobody knows
    uint32_t size;              // bytes
} mh_version_t;

// What to answer, in the order of RFC 9110 section 13.2.2: 412, 304, 416, 206 with *count of `ranges` to send, or 200 with all of it.
// `head` is complete, of any method. `now` is as for mh_date_read().
int mh_version_choose(const mh_head_t *head, const uint8_t *data, const mh_version_t *version, uint64_t now,
    mh_range_t ranges[MH_RANGES_MAX], size_t *count);

#endif
