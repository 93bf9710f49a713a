// extmod/modlwip.c closes a listening socket with tcp_err() and tcp_recv() on its pcb. A listening pcb is the
// short struct tcp_pcb_listen: the two stores land behind it, in the next pcbs of the pool or past its end.
// These take the place of lwIP's functions at link time (-Wl,--wrap=tcp_err,--wrap=tcp_recv) and leave a
// listening pcb alone; it has no such callbacks.
#include "lwip/tcp.h"

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
    }
}
