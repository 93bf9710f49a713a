// A connection as the program sees it: what Python calls between taking it and giving it back (answers: send.c).

#include "net/internal.h"

uint32_t conn_body_coming(const mh_conn_t *conn) {
    if (mh_body_done(&conn->body)) {
        return 0;
    }
    if (conn->head.flags & MH_HEAD_CHUNKED) {
        return MH_LENGTH_UNKNOWN;
    }
    return LWIP_MIN(conn->body.left, MH_LENGTH_UNKNOWN - 1);    // the longest of all is not unknown
}

uint32_t mh_conn_body_left(const mh_conn_t *conn) {
    uint32_t coming = conn_body_coming(conn);
    return coming == MH_LENGTH_UNKNOWN ? coming : coming + conn->gathered.len - conn->gathered.at;
}

static int read_raw(mh_conn_t *conn, void *buf, size_t len) {
    size_t got = gather_read(conn, buf, len);
    if (got > 0) {
        return (int)got;
    }
    if (conn->in == NULL) {
        return conn->flags & CONN_EOF ? 0 : -EAGAIN;
    }
    u16_t n = pbuf_copy_partial(conn->in, buf, (u16_t)LWIP_MIN(len, conn->in->tot_len), 0);
    conn_credit(conn, n);
    return n;
}

static int read_body(mh_conn_t *conn, uint8_t *buf, size_t len) {
    size_t got = gather_read(conn, buf, len);
    if (got < len && conn->in != NULL) {
        int n = gather_copy(conn, buf + got, len - got);
        gather_pay(conn);
        if (n < 0) {
            conn->flags &= ~CONN_KEEP;      // nobody knows where the next request begins
            return -EINVAL;
        }
        got += (size_t)n;
    }
    if (got > 0 || mh_body_done(&conn->body)) {
        return (int)got;
    }
    if (conn->flags & CONN_EOF) {
        return -ECONNRESET;     // cut short
    }
    if (conn->flags & CONN_LATE) {
        if (!(conn->flags & CONN_BEGUN)) {
            conn->flags &= ~CONN_KEEP;      // an answer that has begun may have promised the next: the rest is skipped
        }
        return -ETIMEDOUT;
    }
    if ((conn->head.flags & MH_HEAD_EXPECT) && !(conn->flags & CONN_BEGUN)) {
        request_continue(conn);
        altcp_output(conn->pcb);
    }
    return -EAGAIN;
}

int mh_conn_read(mh_conn_t *conn, void *buf, size_t len) {
    if (conn->pcb == NULL) {
        return -ECONNRESET;
    }
    if (!conn_owned(conn)) {
        return -EINVAL;
    }
    int n;
    do {
        n = conn->state == CONN_DETACHED ? read_raw(conn, buf, len) : read_body(conn, buf, len);
        conn->flags |= CONN_PULL;
        receive_deferred(conn);
        conn->flags &= ~CONN_PULL;
    } while ((n == -EAGAIN || n == -ETIMEDOUT) && conn->in != NULL);
    return n;
}

bool mh_conn_readable(const mh_conn_t *conn) {
    return conn->pcb == NULL || conn->in != NULL || conn->gathered.at < conn->gathered.len || (conn->flags & (CONN_EOF | CONN_LATE));
}

bool mh_conn_writable(const mh_conn_t *conn) {
    return conn->pcb == NULL || (conn->out_len == 0 && !(conn->flags & CONN_TAIL) && altcp_sndbuf(conn->pcb) > MH_CHUNK_HEAD_MAX + 2);
}

// For a client that is owed nothing Python waits for its body, and so long only as its patience lasts.
void mh_conn_wait(mh_conn_t *conn, bool wait) {
    bool waits = conn->flags & CONN_WAIT;
    if (wait && !waits && conn->unacked == 0) {
        conn_set_deadline(conn, conn->patience);
    } else if (waits && !wait && conn->unacked == 0) {
        uint32_t now = sys_now();
        conn->patience = is_past(now, conn->deadline) ? 0 : conn->deadline - now;
    }
    if (wait) {
        conn->flags |= CONN_WAIT;
        // The client may be gone by now, or what there was no room for may have room, and no acknowledgement be due that would tell.
        if (conn->pcb == NULL || ((conn->flags & CONN_BEGUN) && !(conn->flags & CONN_STALLED) && conn->unacked == 0)) {
            server_enqueue(conn);
        }
    } else {
        conn->flags &= ~CONN_WAIT;
        server_dequeue(conn);
    }
}

void mh_conn_requeue(mh_conn_t *conn) {
    server_enqueue(conn);
}

void mh_conn_set_owner(mh_conn_t *conn, void *owner) {
    conn->owner = owner;
}

void *mh_conn_owner(const mh_conn_t *conn) {
    return conn->owner;
}

int mh_conn_detach(mh_conn_t *conn) {
    if (conn->pcb == NULL) {
        return -ECONNRESET;
    }
    if (conn->state != CONN_OPEN || (conn->flags & CONN_BEGUN)) {
        return -EINVAL;
    }
    conn->state = CONN_DETACHED;
    if (conn->server->log != NULL) {
        log_status(conn, 0, 0);     // what the program answers is its own
    }
    return 0;
}

void mh_conn_release(mh_conn_t *conn) {
    if (!(conn->flags & CONN_HELD)) {
        return;
    }
    conn->flags &= ~(CONN_HELD | CONN_WAIT);
    conn->stream = 0;
    server_dequeue(conn);
    if (conn->pcb == NULL) {
        conn_clear(conn);
    } else if (conn->state == CONN_DETACHED) {
        conn->flags &= ~CONN_KEEP;
        conn_finish(conn);
    } else {
        conn_drop(conn);
    }
}

bool mh_conn_is_new(const mh_conn_t *conn) {
    return conn->state == CONN_OPEN && !(conn->flags & CONN_BEGUN);
}

bool mh_conn_is_alive(const mh_conn_t *conn) {
    return conn->pcb != NULL;
}

bool mh_conn_is_cut(const mh_conn_t *conn) {
    return conn->pcb != NULL && (conn->flags & CONN_EOF) && conn->in == NULL && !mh_body_done(&conn->body);
}

const mh_head_t *mh_conn_head(const mh_conn_t *conn, const uint8_t **data) {
    *data = conn->block;
    return &conn->head;
}

unsigned mh_conn_handler(const mh_conn_t *conn) {
    return conn->handler;
}

bool mh_conn_local(const mh_conn_t *conn, ip_addr_t *address) {
    if (conn->pcb == NULL) {
        return false;
    }
    *address = *altcp_get_ip(conn->pcb, 1);
    return true;
}

bool mh_conn_client(const mh_conn_t *conn, ip_addr_t *address, uint16_t *port) {
    if (conn->pcb == NULL) {
        return false;
    }
    *address = *altcp_get_ip(conn->pcb, 0);
    #if LWIP_ALTCP
    *port = altcp_get_port(conn->pcb, 0);
    #else
    *port = conn->pcb->remote_port;     // lwIP has no name for it here
    #endif
    return true;
}
