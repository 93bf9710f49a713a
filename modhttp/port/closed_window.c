// lwIP acknowledges a segment without data that comes while its receive window is closed: nothing seems to fit into that. (RFC 9293
// section 3.10.7.4 has such a segment fit when its sequence number is the next.) Where the other end is lwIP too, and its window is closed
// as well, it answers that likewise, and so on without an end: over the host's loopback, without a break. One that tells nothing new ends here.

#include <stdbool.h>

#include "lwip/priv/tcp_priv.h"
#include "lwip/prot/tcp.h"

#include "port/lwip_hooks.h"

err_t modhttp_closed_window_input(const struct tcp_pcb *pcb, const struct tcp_hdr *header, size_t len) {
    bool is_old = header->seqno == pcb->rcv_nxt && header->ackno == pcb->lastack && SND_WND_SCALE(pcb, header->wnd) == pcb->snd_wnd;
    return len == 0 && (TCPH_FLAGS(header) & TCP_FLAGS) == TCP_ACK && is_old ? ERR_VAL : ERR_OK;
}
