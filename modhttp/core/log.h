#ifndef MODHTTP_CORE_LOG_H
#define MODHTTP_CORE_LOG_H

// A request as a line of a log, in NCSA's Common Log Format.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Bytes of a request line that are kept of it; a longer one ends in "...".
#define MH_LOG_LINE (80)
// Bytes that a line of the log may take besides the address: four for each of these, and 64.
#define MH_LOG_MAX (384)

typedef struct _mh_log_entry_t {
    uint64_t seconds;   // since 1970-01-01, when the request came
    uint32_t bytes;     // of the answer's body
    uint16_t status;    // 0: not known
    uint8_t len;        // of `line`; 0: there was none that could be read
    bool cut;           // it was longer
    char line[MH_LOG_LINE];
} mh_log_entry_t;

// Keep what is to be kept of a request line, which ends at the first CR or LF of text[0..len).
void mh_log_request(mh_log_entry_t *entry, const uint8_t *text, size_t len);

// Compose `host - - [date] "request" status bytes` into `out`, without a line end: MH_LOG_MAX bytes and the host's. Returns the length.
// Quotes, backslashes and what is not printable ASCII come out as \xHH, so that no client can write a line of its own.
size_t mh_log_format(const mh_log_entry_t *entry, const char *host, size_t host_len, char *out);

#endif
