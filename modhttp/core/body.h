#ifndef MODHTTP_CORE_BODY_H
#define MODHTTP_CORE_BODY_H

// The request body: Content-Length or chunked (RFC 9112 sections 6.3 and 7.1).

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/head.h"

// Bytes that chunk extensions, trailers and zeros before chunk sizes may take in one body: over it: malformed.
#define MH_BODY_EXTRA_MAX (2048)

// All zero is "no body": done.
typedef struct _mh_body_t {
    uint32_t left;      // of the body, or of the chunk
    uint16_t extra;     // bytes of chunk extensions and trailers so far; bounded
    uint8_t state;
} mh_body_t;

// Make ready for the body that a complete head announces.
void mh_body_init(mh_body_t *body, const mh_head_t *head);

// True when the whole body, trailers included, has been consumed.
bool mh_body_done(const mh_body_t *body);

// Consume some of `in[0..len)`. Returns how many bytes were consumed (0 only when the body is done or len is 0), of which
// `*data_len` bytes at `*data` (within `in`) are the body's own, the rest framing; or -400 when the chunk framing is malformed.
int mh_body_next(mh_body_t *body, const uint8_t *in, size_t len, const uint8_t **data, size_t *data_len);

#endif
