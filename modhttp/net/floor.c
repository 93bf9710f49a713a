// The floor: what lwIP itself costs.

#include "net/internal.h"

static struct altcp_pcb *floor_listener;
static const void *floor_data;
static uint16_t floor_len;

static err_t on_recv(void *arg, struct altcp_pcb *pcb, struct pbuf *p, err_t err) {
    (void)arg;
    (void)err;
    if (p == NULL) {
        return close_patiently(pcb) ? ERR_OK : ERR_ABRT;
    }
    altcp_recved(pcb, p->tot_len);
    pbuf_free(p);
    if (altcp_write(pcb, floor_data, floor_len, TCP_WRITE_FLAG_COPY) != ERR_OK) {
        altcp_abort(pcb);
        return ERR_ABRT;
    }
    altcp_output(pcb);
    return ERR_OK;
}

static err_t on_accept(void *arg, struct altcp_pcb *pcb, err_t err) {
    (void)arg;
    if (err != ERR_OK || pcb == NULL) {
        return ERR_VAL;
    }
    altcp_nagle_disable(pcb);
    altcp_recv(pcb, on_recv);
    return ERR_OK;
}

err_t mh_floor_listen(uint16_t port, const void *data, uint16_t len) {
    mh_floor_close();
    floor_data = data;
    floor_len = len;
    return server_listener(IP_ANY_TYPE, port, on_accept, NULL, &floor_listener);
}

void mh_floor_close(void) {
    if (floor_listener != NULL) {
        altcp_close(floor_listener);
        floor_listener = NULL;
    }
}
