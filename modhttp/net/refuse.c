// A connection that there is no room for gets its 503 without a slot: all of its state is in lwIP's pcb.

#include "net/internal.h"

// Ticks of tcp_poll (500 ms) that the client has to take its answer.
#define REFUSED_TICKS (6)

static const char busy[] =
    "HTTP/1.1 503 Service Unavailable\r\n"
    "Content-Type: text/plain\r\n"
    "Content-Length: 24\r\n"
    "Connection: close\r\n"
    "Retry-After: 1\r\n"
    "\r\n"
    "503 Service Unavailable\n";

// Its request is of no interest, but what is not read would turn the close into a RST, which can overtake the answer.
static err_t on_recv_refused(void *arg, struct altcp_pcb *pcb, struct pbuf *p, err_t err) {
    (void)arg;
    (void)err;
    if (p != NULL) {
        altcp_recved(pcb, p->tot_len);
        pbuf_free(p);
        return ERR_OK;
    }
    altcp_recv(pcb, NULL);
    altcp_poll(pcb, NULL, 0);
    if (altcp_close(pcb) != ERR_OK) {
        altcp_abort(pcb);
        return ERR_ABRT;
    }
    return ERR_OK;
}

static err_t on_poll_refused(void *arg, struct altcp_pcb *pcb) {
    uintptr_t ticks = (uintptr_t)arg;
    if (ticks == 0) {
        altcp_abort(pcb);
        return ERR_ABRT;
    }
    altcp_arg(pcb, (void *)(ticks - 1));
    return ERR_OK;
}

err_t refuse_connection(mh_server_t *server, struct altcp_pcb *pcb) {
    server->stats.refused++;
    altcp_arg(pcb, (void *)(uintptr_t)REFUSED_TICKS);
    altcp_recv(pcb, on_recv_refused);
    altcp_poll(pcb, on_poll_refused, 1);
    altcp_setprio(pcb, TCP_PRIO_MIN);
    altcp_nagle_disable(pcb);
    if (altcp_write(pcb, busy, sizeof(busy) - 1, 0) != ERR_OK) {
        altcp_abort(pcb);
        return ERR_ABRT;
    }
    server->stats.status[4]++;
    server->stats.bytes_out += sizeof(busy) - 1;
    altcp_shutdown(pcb, 0, 1);
    return ERR_OK;
}
