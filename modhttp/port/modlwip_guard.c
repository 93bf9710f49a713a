// extmod/modlwip.c closes a listening socket with tcp_err() and tcp_recv() on its pcb. A listening pcb is the
// short struct tcp_pcb_listen: the two stores land behind it, in the next pcbs of the pool or past its end.
// These take the place of lwIP's functions at link time (-Wl,--wrap=tcp_err,--wrap=tcp_recv) and leave a
// listening pcb alone; it has no such callbacks.
//
// It also refuses what comes before the program's accept(), which lwIP then offers again on its 250 ms timer. With
// MODHTTP_PROMPT_SOCKETS it is offered as soon as a socket is there for it: for the bench, which compares with servers on
// sockets as they are, and as they could be.
#include "lwip/priv/tcp_priv.h"

#ifndef MODHTTP_PROMPT_SOCKETS
#define MODHTTP_PROMPT_SOCKETS (0)
#endif

void __real_tcp_err(struct tcp_pcb *pcb, tcp_err_fn err);
void __wrap_tcp_err(struct tcp_pcb *pcb, tcp_err_fn err);
void __real_tcp_recv(struct tcp_pcb *pcb, tcp_recv_fn recv);
void __wrap_tcp_recv(struct tcp_pcb *pcb, tcp_recv_fn recv);

void __wrap_tcp_err(struct tcp_pcb *pcb, tcp_err_fn err) {
    if (pcb != NULL && pcb->state != LISTEN) {
        __real_tcp_err(pcb, err);
    }
}

void __wrap_tcp_recv(struct tcp_pcb *pcb, tcp_recv_fn recv) {
    if (pcb != NULL && pcb->state != LISTEN) {
        __real_tcp_recv(pcb, recv);
        if (MODHTTP_PROMPT_SOCKETS && recv != NULL && pcb->refused_data != NULL) {
            tcp_process_refused_data(pcb);
        }
    }
}
