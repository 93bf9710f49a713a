// lwIP's LWIP_HOOK_FILENAME: included by lwIP itself.
#ifndef MODHTTP_PORT_BACKLOG_H
#define MODHTTP_PORT_BACKLOG_H

#include "lwip/err.h"

struct tcp_pcb;

// For every segment to a listening pcb, before lwIP looks at it.
err_t modhttp_listener_input(struct tcp_pcb *pcb);

#define LWIP_HOOK_TCP_INPACKET_PCB(pcb, header, options_len, options1_len, options2, p) \
    ((pcb)->state == LISTEN ? modhttp_listener_input(pcb) : ERR_OK)

#endif
