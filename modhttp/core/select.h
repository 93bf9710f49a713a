#ifndef MODHTTP_CORE_SELECT_H
#define MODHTTP_CORE_SELECT_H

// Which representation a request wants, and whether its client has it already (RFC 9110 sections 12 and 13). Field values are
// such as mh_head_parse() lets pass.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MH_ACCEPT_TYPES_MAX (8)

// Which of `count` (1 to MH_ACCEPT_TYPES_MAX) media types (such as "application/json": in lower case, without parameters) an Accept
// field's value prefers: by the quality of the most specific range that fits each, the first of equals; of an empty value the
// first. -1 when it accepts none of them. A malformed element counts as absent, and a range with parameters fits none.
int mh_accept_type(const char *value, size_t len, const char *const types[], size_t count);

// Whether an Accept-Encoding field's value accepts a content coding ("gzip", in lower case; "x-gzip" is the same), or "identity", which is none.
bool mh_accept_coding(const char *value, size_t len, const char *coding);

// Whether this is an entity tag, weak or not.
bool mh_etag_ok(const char *etag, size_t len);

// Whether an If-None-Match field's value has the entity tag (with its quotes and without "W/"), compared weakly, or is "*". One that is
// malformed anywhere has none.
bool mh_etag_matches(const char *value, size_t len, const char *etag, size_t etag_len);

// The same of an If-Match field's value, compared strongly: those that it marks as weak do not match.
bool mh_etag_matches_strongly(const char *value, size_t len, const char *etag, size_t etag_len);

// What a query says of the samples that are wanted: ?last=N, or ?since=N (those after N). Other keys do not matter, nor do
// these when they are percent-encoded.
typedef enum {
    MH_SELECT_NEWEST,       // neither
    MH_SELECT_LAST,
    MH_SELECT_SINCE,
    MH_SELECT_MALFORMED,    // both, one twice, or no decimal number that fits 32 bits
} mh_select_t;

// *n is N when there is one.
mh_select_t mh_select_samples(const char *query, size_t len, uint32_t *n);

#endif
