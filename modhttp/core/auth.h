#ifndef MODHTTP_CORE_AUTH_H
#define MODHTTP_CORE_AUTH_H

// What an Authorization field says (RFC 9110 section 11.4), and comparing it with what is secret.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Credentials: a scheme with either a token68 or parameters, or with neither.
typedef struct _mh_auth_t {
    const char *scheme;
    size_t scheme_len;
    const char *token;      // the token68; NULL: there is none
    size_t token_len;
    const char *params;     // for mh_auth_param_next()
    size_t params_len;
} mh_auth_t;

// Take the value of an Authorization field apart, all of it. False: it is malformed.
bool mh_auth_parse(const char *value, size_t len, mh_auth_t *auth);

typedef struct _mh_auth_param_t {
    const char *name;
    size_t name_len;
    const char *value;      // of a quoted string what is between the quotes, as sent
    size_t value_len;
    bool escaped;           // it has backslashes: see mh_auth_unescape()
} mh_auth_param_t;

// The next parameter of what is left: 1. 0 at the end, -1 when what comes is malformed. A list may have empty elements (RFC 9110 section 5.6.1).
int mh_auth_param_next(const char **rest, size_t *rest_len, mh_auth_param_t *param);

// A quoted string's value without its backslashes, into `out` (`len` bytes). Returns its length.
size_t mh_auth_unescape(const char *value, size_t len, char *out);

// Decode base64 (RFC 4648 section 4) into `out` (len / 4 * 3 bytes), strictly: padded, nothing between, no bits left over. Returns the
// length, or -1 when it is malformed.
int mh_base64_decode(const char *text, size_t len, uint8_t *out);

// Whether what was given is the secret, of which a byte can be read even where it is empty. How long that takes depends on the length of
// what was given, and on nothing else.
bool mh_equal(const void *given, size_t given_len, const void *secret, size_t secret_len);

#endif
