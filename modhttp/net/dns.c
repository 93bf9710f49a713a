// The captive portal's DNS server.

#include "lwip/netif.h"
#include "lwip/udp.h"

#include "core/dns.h"
#include "net/names.h"

static struct udp_pcb *dns_pcb;
static uint32_t dns_answers;

// From the network that the interface is in: nobody else is to find a resolver here.
static bool is_neighbour(const struct netif *netif, const ip_addr_t *from) {
    const ip4_addr_t *own = netif_ip4_addr(netif);
    return !ip4_addr_isany(own) && ip4_addr_net_eq(ip_2_ip4(from), own, netif_ip4_netmask(netif));
}

static void answer(struct udp_pcb *pcb, struct netif *netif, const struct pbuf *p, const ip_addr_t *from, uint16_t port) {
    struct pbuf *q = pbuf_alloc(PBUF_TRANSPORT, MH_DNS_ANSWER_MAX, PBUF_RAM);
    if (q == NULL) {
        return;     // the client asks again
    }
    size_t len = mh_dns_answer(p->payload, p->len, (const uint8_t *)netif_ip4_addr(netif), q->payload);
    if (len > 0) {
        pbuf_realloc(q, (uint16_t)len);
        dns_answers += udp_sendto_if_src(pcb, q, from, port, netif, netif_ip_addr4(netif)) == ERR_OK;
    }
    pbuf_free(q);
}

// Questions are shorter than the smallest pbuf: one in pieces is none.
static void mh_dns_recv(void *arg, struct udp_pcb *pcb, struct pbuf *p, const ip_addr_t *from, u16_t port) {
    (void)arg;
    struct netif *netif = ip_current_input_netif();
    if (p->next == NULL && is_neighbour(netif, from)) {
        answer(pcb, netif, p, from, port);
    }
    pbuf_free(p);
}

err_t mh_dns_start(void) {
    if (dns_pcb != NULL) {
        return ERR_OK;
    }
    struct udp_pcb *pcb = udp_new_ip_type(IPADDR_TYPE_V4);
    if (pcb == NULL) {
        return ERR_MEM;
    }
    err_t err = udp_bind(pcb, IP4_ADDR_ANY, 53);
    if (err != ERR_OK) {
        udp_remove(pcb);
        return err;
    }
    udp_recv(pcb, mh_dns_recv, NULL);
    dns_pcb = pcb;
    dns_answers = 0;
    return ERR_OK;
}

void mh_dns_stop(void) {
    if (dns_pcb != NULL) {
        udp_remove(dns_pcb);
        dns_pcb = NULL;
    }
}

uint32_t mh_dns_answers(void) {
    return dns_answers;
}
