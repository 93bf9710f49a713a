// lwIP keeps a half-open connection for 20 seconds, and while a listener has as many of them as its backlog it drops every
// SYN: a handful of SYNs from addresses that do not answer would shut everybody out. So a listener that is full lets go of the
// one that has been half-open longest, once that is longer than any honest client takes to answer a SYN.

#include "lwip/priv/tcp_priv.h"

#include "port/lwip_hooks.h"

// In lwIP's ticks of 500 ms: half a second to a second.
#define HALF_OPEN_TICKS (2)

static u32_t age(const struct tcp_pcb *pcb) {
    return tcp_ticks - pcb->tmr;
}

err_t modhttp_listener_input(struct tcp_pcb *pcb) {
    const struct tcp_pcb_listen *listener = (const struct tcp_pcb_listen *)(const void *)pcb;
    if (listener->accepts_pending < listener->backlog) {
        return ERR_OK;
    }
    struct tcp_pcb *oldest = NULL;
    for (struct tcp_pcb *at = tcp_active_pcbs; at != NULL; at = at->next) {
        if (at->state == SYN_RCVD && at->listener == listener && (oldest == NULL || age(at) > age(oldest))) {
            oldest = at;
        }
    }
    if (oldest != NULL && age(oldest) >= HALF_OPEN_TICKS) {
        tcp_abort(oldest);
    }
    return ERR_OK;
}
