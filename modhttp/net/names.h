#ifndef MODHTTP_NET_NAMES_H
#define MODHTTP_NET_NAMES_H

// Being found: a DNS server that answers everything with the board's own address (captive portals), and multicast DNS.
//
// As in server.h, lwIP is held off during every call. Both answer at interrupt level, so also while Python is busy.

#include <stdbool.h>
#include <stdint.h>

#include "lwip/err.h"
#include "lwip/opt.h"
#if LWIP_MDNS_RESPONDER
#include "lwip/apps/mdns_opts.h"
#endif

#include "core/dns.h"

// --- DNS on UDP port 53 (core/dns.h), of all interfaces: each has its own address told to the clients of its own network, and
// others get no answer.

// ERR_USE: something else has the port. ERR_MEM: lwIP has no pcb left. Nothing happens when it runs already.
err_t mh_dns_start(void);
void mh_dns_stop(void);
uint32_t mh_dns_answers(void);      // sent since it was started

// --- Multicast DNS (RFC 6762) and service discovery (RFC 6763), by lwIP's own responder

// A point-to-point link has no multicast: a board of that kind turns it off.
#ifndef MODHTTP_MDNS
#define MODHTTP_MDNS LWIP_MDNS_RESPONDER
#endif

// lwIP composes all that is to be announced in one packet, of this size: what does not fit is not sent.
#if MDNS_OUTPUT_PACKET_SIZE >= 1024
#define MH_MDNS_TXT_MAX (255)
#else
#define MH_MDNS_TXT_MAX (64)
#endif

// What is announced. `host` and `title` are those asked for; the numbers are counted up while others have these names.
typedef struct _mh_mdns_t {
    char host[MH_DNS_LABEL_MAX + 1];        // letters, digits and hyphens: host.local
    char title[MH_DNS_LABEL_MAX + 1];       // the service instance's name, UTF-8
    char type[16 + 1];                      // "_http", of TCP
    uint8_t txt[255];                       // each string with its length before it
    uint8_t txt_len;
    uint16_t port;
    uint16_t host_number;
    uint16_t title_number;
    uint16_t conflicts;                     // names that others had, since it was started
} mh_mdns_t;

// Announce on all interfaces that are up and can multicast, instead of what was announced before. The memory is in use until
// mh_mdns_stop(). ERR_IF: there is no such interface. ERR_MEM: no memory, or a service of somebody else's has the only place.
err_t mh_mdns_start(mh_mdns_t *mdns);

// Say goodbye, and have the interfaces answer to this host name again.
void mh_mdns_stop(const char *hostname);

// Whether this is what is announced; and whether it has been found that nobody else has its names.
bool mh_mdns_is_announced(const mh_mdns_t *mdns);
bool mh_mdns_is_ours(const mh_mdns_t *mdns);

#endif
