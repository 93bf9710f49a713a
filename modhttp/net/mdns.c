// Multicast DNS: what lwIP's responder leaves to its user, which is other names when others have ours, and a goodbye.

#include "net/names.h"

#if MODHTTP_MDNS

#include <string.h>

#include "lwip/apps/mdns.h"
#include "lwip/apps/mdns_domain.h"
#include "lwip/apps/mdns_priv.h"
#include "lwip/netif.h"
#include "lwip/prot/dns.h"
#include "lwip/prot/iana.h"
#include "lwip/udp.h"

#define CACHE_FLUSH (0x8000)        // with the class: there is no other such record (RFC 6762 section 10.2)
#define GOODBYE_MAX (1100)          // the longest names, not compressed, the longest TXT, three IPv6 addresses

static mh_mdns_t *announced;

static void put_host(const mh_mdns_t *mdns, char *out) {
    mh_dns_label(mdns->host, mdns->host_number, false, out);
}

static void put_title(const mh_mdns_t *mdns, char *out) {
    mh_dns_label(mdns->title, mdns->title_number, true, out);
}

// Our service's slot on an interface, or -1.
static int find_slot(struct netif *netif) {
    const struct mdns_host *responder = netif_mdns_data(netif);
    for (int i = 0; announced != NULL && responder != NULL && i < MDNS_MAX_SERVICES; i++) {
        if (responder->services[i] != NULL && responder->services[i]->txt_userdata == announced) {
            return i;
        }
    }
    return -1;
}

// --- Names

static void rename_host(const char *name) {
    struct netif *netif;
    NETIF_FOREACH(netif) {
        if (find_slot(netif) >= 0) {
            mdns_resp_rename_netif(netif, name);
        }
    }
}

static void rename_service(const char *name) {
    struct netif *netif;
    NETIF_FOREACH(netif) {
        int slot = find_slot(netif);
        if (slot >= 0) {
            mdns_resp_rename_service(netif, (u8_t)slot, name);
        }
    }
}

// Somebody else has a name, of the host (slot 0) or of a service. lwIP asks for the next one; it slows down when that happens often.
static void on_name(struct netif *netif, u8_t result, s8_t slot) {
    char name[MH_DNS_LABEL_MAX + 1];
    if (result != MDNS_PROBING_CONFLICT || find_slot(netif) < 0) {
        return;
    }
    announced->conflicts++;
    if (slot == 0) {
        announced->host_number += announced->host_number == 0 ? 2 : 1;
        put_host(announced, name);
        rename_host(name);
    } else {
        announced->title_number += announced->title_number == 0 ? 2 : 1;
        put_title(announced, name);
        rename_service(name);
    }
}

// --- Starting

static bool can_multicast(const struct netif *netif) {
    return netif_is_up(netif) && (netif->flags & NETIF_FLAG_IGMP);
}

// lwIP asks over IPv4 and IPv6 in turn, and without an address of each does not go on.
static void need_ip6_address(struct netif *netif) {
    #if LWIP_IPV6
    for (int i = 0; i < LWIP_IPV6_NUM_ADDRESSES; i++) {
        if (!ip6_addr_isinvalid(netif_ip6_addr_state(netif, i))) {
            return;
        }
    }
    netif_create_ip6_linklocal_address(netif, 1);
    #endif
}

static void put_txt(struct mdns_service *service, void *arg) {
    const mh_mdns_t *mdns = arg;
    memcpy(service->txtdata.name, mdns->txt, mdns->txt_len);
    service->txtdata.length = mdns->txt_len;
}

static err_t announce(struct netif *netif, mh_mdns_t *mdns) {
    char name[MH_DNS_LABEL_MAX + 1];
    put_host(mdns, name);
    need_ip6_address(netif);
    err_t err = ERR_OK;
    if (netif_mdns_data(netif) == NULL) {       // the drivers of some boards have added it
        err = mdns_resp_add_netif(netif, name);
    } else {
        mdns_resp_rename_netif(netif, name);
    }
    if (err == ERR_OK) {
        put_title(mdns, name);
        int slot = mdns_resp_add_service(netif, name, mdns->type, DNSSD_PROTO_TCP, mdns->port, put_txt, mdns);
        err = slot < 0 ? (err_t)slot : ERR_OK;
    }
    return err;
}

err_t mh_mdns_start(mh_mdns_t *mdns) {
    mh_mdns_stop(NULL);
    announced = mdns;
    mdns->host_number = mdns->title_number = mdns->conflicts = 0;
    mdns_resp_register_name_result_cb(on_name);
    err_t result = ERR_IF;
    struct netif *netif;
    NETIF_FOREACH(netif) {
        if (can_multicast(netif)) {
            err_t err = announce(netif, mdns);
            result = err != ERR_OK ? err : result == ERR_IF ? ERR_OK : result;
        }
    }
    return result;
}

bool mh_mdns_is_announced(const mh_mdns_t *mdns) {
    return mdns == announced;
}

bool mh_mdns_is_ours(const mh_mdns_t *mdns) {
    bool ours = false;
    struct netif *netif;
    NETIF_FOREACH(netif) {
        if (mdns == announced && find_slot(netif) >= 0) {
            if (netif_mdns_data(netif)->state < MDNS_STATE_ANNOUNCING) {
                return false;
            }
            ours = true;
        }
    }
    return ours;
}

// --- Goodbye: the same records with no time to live (RFC 6762 section 10.1)

static void put_bytes(struct mdns_outpacket *out, const void *data, size_t len) {
    if (pbuf_take_at(out->pbuf, data, (u16_t)len, out->write_offset) == ERR_OK) {
        out->write_offset = (u16_t)(out->write_offset + len);
    }
}

static void put_number(struct mdns_outpacket *out, unsigned number) {
    uint8_t bytes[2] = { (uint8_t)(number >> 8), (uint8_t)number };
    put_bytes(out, bytes, 2);
}

// A record's data is `data`, and a name unless that is NULL.
static void put_record(struct mdns_outpacket *out, const struct mdns_domain *owner, unsigned type, unsigned class, const void *data, size_t len,
    const struct mdns_domain *name) {
    put_bytes(out, owner->name, owner->length);
    put_number(out, type);
    put_number(out, class);
    put_bytes(out, "\0\0\0", 4);        // time to live
    put_number(out, (unsigned)len + (name == NULL ? 0 : name->length));
    put_bytes(out, data, len);
    if (name != NULL) {
        put_bytes(out, name->name, name->length);
    }
    out->answers++;
}

static void put_service(struct mdns_outpacket *out, struct mdns_host *responder, struct mdns_service *service) {
    struct mdns_domain name, other;
    uint8_t priority_weight_port[6] = { 0, 0, 0, 0, (uint8_t)(service->port >> 8), (uint8_t)service->port };
    mdns_build_service_domain(&name, service, 1);
    mdns_build_service_domain(&other, service, 0);
    put_record(out, &other, DNS_RRTYPE_PTR, DNS_RRCLASS_IN, NULL, 0, &name);
    mdns_build_host_domain(&other, responder);
    put_record(out, &name, DNS_RRTYPE_SRV, DNS_RRCLASS_IN | CACHE_FLUSH, priority_weight_port, 6, &other);
    put_record(out, &name, DNS_RRTYPE_TXT, DNS_RRCLASS_IN | CACHE_FLUSH, announced->txt, announced->txt_len, NULL);
}

static void put_addresses(struct mdns_outpacket *out, struct netif *netif) {
    struct mdns_domain name;
    mdns_build_host_domain(&name, netif_mdns_data(netif));
    put_record(out, &name, DNS_RRTYPE_A, DNS_RRCLASS_IN | CACHE_FLUSH, netif_ip4_addr(netif), sizeof(ip4_addr_t), NULL);
    #if LWIP_IPV6
    for (int i = 0; i < LWIP_IPV6_NUM_ADDRESSES; i++) {
        if (ip6_addr_isvalid(netif_ip6_addr_state(netif, i))) {
            put_record(out, &name, DNS_RRTYPE_AAAA, DNS_RRCLASS_IN | CACHE_FLUSH, netif_ip6_addr(netif, i), sizeof(ip6_addr_p_t), NULL);
        }
    }
    #endif
}

static void send_to_group(const struct mdns_outpacket *out, struct netif *netif, const ip_addr_t *group) {
    struct pbuf *copy = pbuf_clone(PBUF_TRANSPORT, PBUF_RAM, out->pbuf);    // sending puts headers before it
    if (copy != NULL) {
        udp_sendto_if(get_mdns_pcb(), copy, group, LWIP_IANA_PORT_MDNS, netif);
        pbuf_free(copy);
    }
}

static void say_goodbye(struct netif *netif, struct mdns_service *service) {
    static const ip_addr_t group4 = DNS_MQUERY_IPV4_GROUP_INIT;
    struct mdns_outpacket out = { .write_offset = SIZEOF_DNS_HDR };
    out.pbuf = pbuf_alloc(PBUF_TRANSPORT, GOODBYE_MAX, PBUF_RAM);
    if (out.pbuf == NULL) {
        return;     // the records go when their time is over
    }
    put_service(&out, netif_mdns_data(netif), service);
    put_addresses(&out, netif);
    struct dns_hdr head = { .flags1 = DNS_FLAG1_RESPONSE | DNS_FLAG1_AUTHORATIVE, .numanswers = lwip_htons(out.answers) };
    pbuf_take(out.pbuf, &head, SIZEOF_DNS_HDR);
    pbuf_realloc(out.pbuf, out.write_offset);
    send_to_group(&out, netif, &group4);
    #if LWIP_IPV6
    static const ip_addr_t group6 = DNS_MQUERY_IPV6_GROUP_INIT;
    send_to_group(&out, netif, &group6);
    #endif
    pbuf_free(out.pbuf);
}

// The responder itself stays: removed, its timers would find nothing where they look for it.
void mh_mdns_stop(const char *hostname) {
    struct netif *netif;
    NETIF_FOREACH(netif) {
        int slot = find_slot(netif);
        if (slot >= 0) {
            struct mdns_host *responder = netif_mdns_data(netif);
            if (responder->state >= MDNS_STATE_ANNOUNCING) {
                say_goodbye(netif, responder->services[slot]);
            }
            mdns_resp_del_service(netif, (u8_t)slot);
            if (hostname != NULL && strcmp(hostname, responder->name) != 0) {
                mdns_resp_rename_netif(netif, hostname);
            }
        }
    }
    mdns_resp_register_name_result_cb(NULL);
    announced = NULL;
}

#endif
