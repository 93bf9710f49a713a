// A connection that there is no room for gets its 503 without a slot: all of its state is in lwIP's pcb.

#include "net/internal.h"

// Ticks of tcp_poll (500 ms) that the client has to take its answer: without sending, and in all. They are counted in the
// pcb's argument, which has one bit more for an answer that lwIP had no memory for yet.
#define IDLE_TICKS (LINGER_MS / 500)
#define ALL_TICKS (LINGER_MAX_MS / 500)
#define IDLE_BITS (8)
#define IDLE_MASK (((uintptr_t)1 << IDLE_BITS) - 1)
#define OWED ((uintptr_t)1 << 2 * IDLE_BITS)

static const char busy[] =
    "HTTP/1.1 503 Service Unavailable\r\n"
    "Content-Type: text/plain\r\n"
    "Content-Length: 24\r\n"
    "Connection: close\r\n"
    "Retry-After: 1\r\n"
    "\r\n"
    "503 Service Unavailable\n";

// Send the answer, or owe it.
static void answer(struct altcp_pcb *pcb, uintptr_t ticks) {
    if (altcp_write(pcb, busy, sizeof(busy) - 1, 0) == ERR_OK) {
        altcp_shutdown(pcb, 0, 1);
        ticks &= ~OWED;
    } else {
        ticks |= OWED;
    }
    altcp_arg(pcb, (void *)ticks);
}

// Its request is of no interest, but what is not read would turn the close into a RST, which can overtake the answer.
static err_t on_recv_refused(void *arg, struct altcp_pcb *pcb, struct pbuf *p, err_t err) {
    uintptr_t ticks = (uintptr_t)arg;
    (void)err;
    if (p != NULL) {
        altcp_arg(pcb, (void *)((ticks & ~IDLE_MASK) | IDLE_TICKS));
        altcp_recved(pcb, p->tot_len);
        pbuf_free(p);
        return ERR_OK;
    }
    if (ticks & OWED) {
        return ERR_OK;      // it may still be listening
    }
    return close_patiently(pcb) ? ERR_OK : ERR_ABRT;
}

static err_t on_poll_refused(void *arg, struct altcp_pcb *pcb) {
    uintptr_t ticks = (uintptr_t)arg;
    if ((ticks & IDLE_MASK) == 0 || (ticks & ~OWED) >> IDLE_BITS == 0) {
        altcp_abort(pcb);
        return ERR_ABRT;
    }
    ticks -= ((uintptr_t)1 << IDLE_BITS) + 1;
    if (ticks & OWED) {
        answer(pcb, ticks);     // lwIP sends after a poll
    } else {
        altcp_arg(pcb, (void *)ticks);
    }
    return ERR_OK;
}

err_t refuse_connection(mh_server_t *server, struct altcp_pcb *pcb) {
    server->stats.refused++;
    server->stats.status[4]++;
    server->stats.bytes_out += sizeof(busy) - 1;
    altcp_recv(pcb, on_recv_refused);
    altcp_poll(pcb, on_poll_refused, 1);
    altcp_setprio(pcb, TCP_PRIO_MIN);
    altcp_nagle_disable(pcb);
    answer(pcb, ((uintptr_t)ALL_TICKS << IDLE_BITS) | IDLE_TICKS);
    return ERR_OK;
}
