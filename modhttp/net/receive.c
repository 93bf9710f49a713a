// What lwIP has received: used at once, parked, left with lwIP, or refused.

#include "lwip/priv/tcp_priv.h"

#include "net/internal.h"

// Bytes of lwIP's heap that unread input of all connections may take; the rest is for sending.
#define PARK_MAX (MEM_SIZE / 2)

// Segments that lwIP keeps for us when that is used up, each in a receive buffer of the driver's pool.
#define DEFER_MAX (PBUF_POOL_SIZE / 4)

static size_t parked(const mh_server_t *server) {
    size_t sum = 0;
    for (unsigned i = 0; i < server->conn_count; i++) {
        sum += server->conns[i].in != NULL ? server->conns[i].in->tot_len : 0;
    }
    return sum;
}

// Copy input that has to wait, so that no receive buffer of the driver's pool waits with it. NULL: no room.
static struct pbuf *park(const mh_conn_t *conn, struct pbuf *p) {
    if (parked(conn->server) + p->tot_len > PARK_MAX) {
        return NULL;
    }
    return pbuf_clone(PBUF_RAW, PBUF_RAM, p);
}

// Whether lwIP may keep a segment for us and offer it again: it holds a receive buffer meanwhile.
static bool may_defer(const mh_server_t *server) {
    unsigned deferred = 0;
    for (unsigned i = 0; i < server->conn_count; i++) {
        const struct altcp_pcb *pcb = server->conns[i].pcb;
        deferred += pcb != NULL && pcb->refused_data != NULL;
    }
    return deferred < DEFER_MAX;
}

// No room for what a client sent: its request cannot be kept.
static void overflow(mh_conn_t *conn) {
    conn->server->stats.refused++;
    if (conn->state == CONN_BODY || conn->state == CONN_READY) {
        conn_refuse(conn, 503);
    } else {
        conn_drop(conn);
    }
}

// Python is waiting for just this: it must not wait for room that others hold until Python takes theirs.
static bool is_awaited(const mh_conn_t *conn) {
    bool wanted = conn->state == CONN_DETACHED || (conn->state == CONN_OPEN && !mh_body_done(&conn->body));
    return conn->in == NULL && wanted && (conn->flags & (CONN_WAIT | CONN_PULL));
}

// Input that cannot be used yet. `fresh`: none of it has been consumed, so that it may be left with lwIP.
static err_t receive_later(mh_conn_t *conn, struct pbuf *p, bool fresh) {
    bool taken_now = conn->flags & CONN_PULL;
    struct pbuf *copy = taken_now && is_awaited(conn) ? NULL : park(conn, p);
    if (copy == NULL && is_awaited(conn)) {
        conn->in = p;
        return ERR_OK;
    }
    if (copy == NULL && fresh && may_defer(conn->server)) {
        return ERR_MEM;
    }
    if (copy == NULL) {
        altcp_recved(conn->pcb, p->tot_len);
        pbuf_free(p);
        overflow(conn);
        return ERR_OK;
    }
    pbuf_free(p);
    if (conn->in == NULL) {
        conn->in = copy;
    } else {
        pbuf_cat(conn->in, copy);
    }
    conn_advance(conn);
    return ERR_OK;
}

// Time for a client that is sending a body, wanted or not.
static void count_progress(mh_conn_t *conn, size_t len) {
    bool pulled = conn->state == CONN_OPEN && conn->unacked == 0;
    if (conn->state == CONN_SKIP || (conn->state == CONN_BODY && !(conn->flags & CONN_ROOMLESS)) || (pulled && (conn->flags & CONN_WAIT))) {
        conn_progress(conn, len);
    } else if (pulled) {
        conn->patience = LWIP_MIN(conn->patience + (uint32_t)len * MS_PER_BYTE, conn->server->config.progress_ms);
    } else if (conn->state == CONN_LINGER && conn->unacked == 0 && !is_past(sys_now(), conn->linger_end)) {
        conn_set_deadline(conn, LINGER_MS);
    }
}

// A client may hold back a small piece of its request, or frame, until the piece before is acknowledged (RFC 896), which lwIP leaves to
// a timer of 250 ms when there is nothing to answer yet.
static void acknowledge(mh_conn_t *conn, uint16_t len) {
    bool unfinished = conn->state == CONN_HEAD ? conn->block != NULL : !mh_body_done(&conn->body);
    unfinished |= conn->state == CONN_WS && socket_is_partial(conn);
    if (conn->pcb != NULL && unfinished && len < TCP_MSS) {
        tcp_ack_now(conn->pcb);
    }
}

err_t receive_data(mh_conn_t *conn, struct pbuf *p) {
    uint16_t len = p->tot_len;
    err_t err = ERR_OK;
    if (conn->state != CONN_HEAD) {
        count_progress(conn, len);
    }
    if (conn->in != NULL) {
        err = receive_later(conn, p, true);
    } else {
        conn->in = p;
        conn_advance(conn);
        if (conn->in != NULL) {
            struct pbuf *rest = conn->in;
            conn->in = NULL;
            err = receive_later(conn, rest, rest->tot_len == len);
        }
    }
    if (err == ERR_OK) {
        conn->server->stats.bytes_in += len;
    }
    if (conn_owned(conn) && (conn->flags & CONN_WAIT)) {
        server_enqueue(conn);
    }
    acknowledge(conn, len);
    return err;
}

void receive_deferred(mh_conn_t *conn) {
    if (conn->pcb != NULL && conn->pcb->refused_data != NULL) {
        tcp_process_refused_data(conn->pcb);
    }
}

void receive_eof(mh_conn_t *conn) {
    conn->flags |= CONN_EOF;
    if (conn->state == CONN_LINGER) {
        if (conn->unacked == 0) {
            conn_close(conn);
        }
    } else if (conn->state == CONN_EVENTS) {
        native_stop(conn);      // most likely nobody is there any more: the stream would hold its slot until the next heartbeat
    } else if (conn->state == CONN_BODY) {
        request_await_body(conn);
    } else if (conn_owned(conn) && conn->stream) {
        conn_drop(conn);
    } else if (conn_owned(conn)) {
        if (conn->flags & CONN_WAIT) {
            server_enqueue(conn);
        }
    } else {
        conn_advance(conn);
    }
}
