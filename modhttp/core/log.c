#include "core/log.h"

#include <string.h>

#include "core/answer.h"
#include "core/number.h"

void mh_log_request(mh_log_entry_t *entry, const uint8_t *text, size_t len) {
    size_t n = 0;
    while (n < len && n <= MH_LOG_LINE && text[n] != '\r' && text[n] != '\n') {
        ++n;
    }
    entry->cut = n > MH_LOG_LINE;
    entry->len = (uint8_t)(entry->cut ? MH_LOG_LINE : n);
    memcpy(entry->line, text, entry->len);
}

static char *put(char *at, const char *text, size_t len) {
    memcpy(at, text, len);
    return at + len;
}

// [10/Oct/2000:13:55:36 +0000], out of "Tue, 10 Oct 2000 13:55:36 GMT".
static char *put_date(char *at, uint64_t seconds) {
    char date[MH_DATE_LEN];
    mh_date(seconds, date);
    at = put(at, "[", 1);
    at = put(at, date + 5, 11);
    at[-9] = at[-5] = '/';
    at = put(at, ":", 1);
    at = put(at, date + 17, 8);
    return put(at, " +0000]", 7);
}

static char *put_escaped(char *at, const char *text, size_t len) {
    static const char hex[] = "0123456789abcdef";
    for (size_t i = 0; i < len; ++i) {
        uint8_t c = (uint8_t)text[i];
        if (c < ' ' || c > '~' || c == '"' || c == '\\') {
            at = put(at, "\\x", 2);
            *at++ = hex[c >> 4];
            *at++ = hex[c & 15];
        } else {
            *at++ = (char)c;
        }
    }
    return at;
}

static char *put_number(char *at, uint32_t number) {
    return number == 0 ? put(at, "-", 1) : at + mh_decimal(number, at);
}

size_t mh_log_format(const mh_log_entry_t *entry, const char *host, size_t host_len, char *out) {
    char *at = put(out, host, host_len);
    at = put(at, " - - ", 5);
    at = put_date(at, entry->seconds);
    at = put(at, " \"", 2);
    at = put_escaped(at, entry->line, entry->len);
    at = entry->len == 0 ? put(at, "-", 1) : entry->cut ? put(at, "...", 3) : at;
    at = put(at, "\" ", 2);
    at = put_number(at, entry->status);
    at = put(at, " ", 1);
    at = put_number(at, entry->bytes);
    return (size_t)(at - out);
}
