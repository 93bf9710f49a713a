// lwIP's LWIP_HOOK_FILENAME: included by lwIP itself.
#ifndef MODHTTP_PORT_LWIP_HOOKS_H
#define MODHTTP_PORT_LWIP_HOOKS_H

#include <stddef.h>

#include "lwip/err.h"

struct tcp_hdr;
struct tcp_pcb;

// For every segment to a listening pcb, before lwIP looks at it.
err_t modhttp_listener_input(struct tcp_pcb *pcb);

// For every segment to a pcb whose receive window is closed. What is not ERR_OK drops it.
err_t modhttp_closed_window_input(const struct tcp_pcb *pcb, const struct tcp_hdr *header, size_t len);

#define LWIP_HOOK_TCP_INPACKET_PCB(pcb, header, options_len, options1_len, options2, p) \
    ((pcb)->state == LISTEN ? modhttp_listener_input(pcb) \
        : (pcb)->rcv_wnd == 0 ? modhttp_closed_window_input(pcb, header, (p)->tot_len) : ERR_OK)

#endif
