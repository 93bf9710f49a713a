#ifndef MODHTTP_CORE_URI_H
#define MODHTTP_CORE_URI_H

// The request target (RFC 9112 section 3.2), percent-encoding and dot segments (RFC 3986 sections 2.1 and 5.2.4).

#include <stdbool.h>
#include <stddef.h>

// A target's parts, still encoded: pointers into it. Query is NULL when there is no '?'.
typedef struct _mh_target_t {
    const char *path;
    const char *query;
    size_t path_len;
    size_t query_len;
    bool plain;                 // the path is its own decoded, normalised form and need not be copied: no '%', no '.' segment
} mh_target_t;

// Split a target that mh_head_parse() has let pass: origin-form, absolute-form (scheme and authority are skipped) or asterisk-form ("*": path "*").
// An absolute-form without a path has the path "/", which is not in the target.
// Returns 0, or -400 when it is none of these.
int mh_target_split(const char *target, size_t len, mh_target_t *parts);

// Whether `authority` is a host with or without a port, as Host wants it (RFC 9110 section 7.2). The empty one is.
bool mh_authority_ok(const char *authority, size_t len);

// Decode a path's percent-encoding and remove its dot segments into `out` (at least `len` bytes; may not overlap).
// Returns the length, or -400: bad encoding, %00, an encoded control character, or ".." above the root.
int mh_path_decode(const char *path, size_t len, char *out);

// One "key=value" of a query or an urlencoded form, still encoded. *rest and *rest_len are advanced. False at the end.
bool mh_query_next(const char **rest, size_t *rest_len, const char **key, size_t *key_len, const char **value, size_t *value_len);

// Decode percent-encoding and '+' of a key or value into `out` (at least `len` bytes; may be the input itself).
// Lenient: a '%' without two hex digits stands for itself. Returns the length.
size_t mh_query_decode(const char *in, size_t len, char *out);

#endif
