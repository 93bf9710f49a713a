#ifndef MODHTTP_CORE_DNS_H
#define MODHTTP_CORE_DNS_H

// The DNS server of a captive portal (RFC 1035): all names have one address. And names that are told from others' by a number.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MH_DNS_ANSWER_MAX (287)     // header, name of 255 bytes, type and class, one record of 16 bytes
#define MH_DNS_TTL (10)             // seconds: short, as the name will soon mean another host again

// What a client's message gets: for addresses (A, or ANY) of a name of the Internet's, `address`, four bytes; for other types
// nothing, without an error, so that the client goes on with the address. Class not IN: REFUSED; an operation other than a
// query: NOTIMP; no well-formed question, or not just one: FORMERR. Names are not compressed in questions (RFC 1035 section
// 4.1.4 has nothing before them to point to), so a pointer is malformed. What follows the question, such as EDNS, is not looked at.
//
// Writes at most MH_DNS_ANSWER_MAX bytes and returns how many; 0: no answer, to what is itself an answer or has no whole header.
size_t mh_dns_answer(const uint8_t *message, size_t len, const uint8_t *address, uint8_t *answer);

#define MH_DNS_LABEL_MAX (63)

// A label (1 to MH_DNS_LABEL_MAX bytes of UTF-8, NUL-terminated) with a number from 2 on: "room-2", or with `words`, for what is
// not a host, "A room (2)" (RFC 6763 appendix D); as it is where the number is less. What is too long is cut before the number,
// between characters. `out` has MH_DNS_LABEL_MAX + 1 bytes.
void mh_dns_label(const char *name, uint16_t number, bool words, char *out);

#endif
