// Bodies of up to max_body, gathered before Python hears of their request, so that no handler waits for a slow client. Nothing
// can be allocated at interrupt level: a connection that needs memory queues for Python's, and the client's window is
// kept shut beyond what there is memory for.

#include "net/internal.h"

// Bodies of max_body that may have memory at once. Others get that of one receive window, and wait.
#define RESERVED_MAX (4)

static bool is_chunked(const mh_conn_t *conn) {
    return conn->head.flags & MH_HEAD_CHUNKED;
}

// The most memory that the body can need. A chunked one shows by its byte beyond max_body that it is too large.
static uint32_t room_max(const mh_conn_t *conn) {
    return is_chunked(conn) ? conn->server->config.max_body + 1 : conn->head.length;
}

bool gather_exceeds(const mh_conn_t *conn) {
    uint32_t max = conn->server->config.max_body;
    return is_chunked(conn) ? conn->gathered.len > max : conn->head.length > max;
}

// Whether there is memory for what the client may send before it is told to stop. A chunked body's memory grows, so it is
// asked for earlier, and the little beyond it may have to be parked.
static bool has_window(const mh_conn_t *conn) {
    return conn->gathered.room - conn->gathered.len >= (is_chunked(conn) ? TCP_WND / 2 : TCP_WND);
}

static bool needs_room(const mh_conn_t *conn) {
    return conn->gathered.room < room_max(conn) && !has_window(conn);
}

// Memory that Python is to give now: 0 when it has to wait for others to be done with theirs.
static uint32_t room_wanted(const mh_conn_t *conn) {
    const mh_server_t *server = conn->server;
    uint32_t max = room_max(conn);
    bool reserved = conn->flags & CONN_RESERVED;
    if (reserved || max <= TCP_WND || server->reserved + max <= RESERVED_MAX * (server->config.max_body + 1)) {
        uint32_t next = LWIP_MAX(2 * conn->gathered.room, TCP_WND);
        return is_chunked(conn) ? LWIP_MIN(next, max) : max;
    }
    return conn->gathered.room == 0 ? TCP_WND : 0;
}

static void reserve(mh_conn_t *conn) {
    if (!(conn->flags & CONN_RESERVED)) {
        conn->flags |= CONN_RESERVED;
        conn->server->reserved += room_max(conn);
    }
}

void gather_pay(mh_conn_t *conn) {
    if (conn->pcb != NULL && conn->debt > 0) {
        altcp_recved(conn->pcb, conn->debt);
    }
    conn->debt = 0;
}

void gather_release(mh_conn_t *conn) {
    gather_pay(conn);
    if (conn->gathered.data != NULL) {
        memset(&conn->gathered, 0, sizeof(conn->gathered));
    }
    conn->flags &= ~CONN_ROOMLESS;
    if (conn->flags & CONN_RESERVED) {
        conn->flags &= ~CONN_RESERVED;
        conn->server->reserved -= room_max(conn);
        gather_retry(conn->server);
    }
}

void gather_retry(mh_server_t *server) {
    for (unsigned i = 0; i < server->conn_count; i++) {
        if (server->conns[i].flags & CONN_ROOMLESS) {
            server_enqueue(&server->conns[i]);
        }
    }
}

// Whether an object of Python's will be let go of when another connection is done.
static bool others_hold(const mh_conn_t *conn) {
    const mh_server_t *server = conn->server;
    for (unsigned i = 0; i < server->conn_count; i++) {
        const mh_conn_t *other = &server->conns[i];
        if (other != conn && (other->hold != NULL || (other->flags & CONN_RESERVED))) {
            return true;
        }
    }
    return false;
}

int gather_copy(mh_conn_t *conn, uint8_t *to, size_t room) {
    size_t got = 0;
    while (got < room && conn->in != NULL && !mh_body_done(&conn->body)) {
        const uint8_t *data;
        size_t data_len, offer = LWIP_MIN(conn->in->len, room - got);
        int n = mh_body_next(&conn->body, conn->in->payload, offer, &data, &data_len);
        if (n < 0) {
            return n;
        }
        memcpy(to + got, data, data_len);
        got += data_len;
        conn->debt = (uint16_t)(conn->debt + n);
        conn->in = pbuf_free_header(conn->in, (u16_t)n);
    }
    return (int)got;
}

int gather_input(mh_conn_t *conn) {
    mh_gathered_t *to = &conn->gathered;
    if (to->data == NULL) {
        return 0;
    }
    int n = gather_copy(conn, to->data + to->len, to->room - to->len);
    if (n < 0) {
        return n;
    }
    to->len += (uint32_t)n;
    if (to->room == room_max(conn) || has_window(conn)) {
        gather_pay(conn);
    }
    return 0;
}

bool gather_ask(mh_conn_t *conn) {
    if (!needs_room(conn)) {
        return false;
    }
    if (!(conn->flags & CONN_ROOMLESS)) {
        conn->flags |= CONN_ROOMLESS;
        conn_set_deadline(conn, conn->server->config.queue_ms);
    }
    if (room_wanted(conn) > 0) {
        server_enqueue(conn);
    }
    return true;
}

size_t mh_conn_room(const mh_conn_t *conn) {
    return conn->state == CONN_BODY && (conn->flags & CONN_ROOMLESS) ? room_wanted(conn) : 0;
}

void *mh_conn_give_room(mh_conn_t *conn, void *room, size_t size) {
    mh_gathered_t *to = &conn->gathered;
    // Meanwhile the connection may have ended, and another begun in its slot.
    if (mh_conn_room(conn) == 0 || size <= to->room) {
        return room;
    }
    if (room == NULL) {
        if (!others_hold(conn)) {
            conn_refuse(conn, 503);
        }
        return NULL;
    }
    void *old = to->data;
    if (old != NULL) {
        memcpy(room, old, to->len);
    }
    to->data = room;
    to->room = (uint32_t)LWIP_MIN(size, room_max(conn));
    if (to->room > TCP_WND) {
        reserve(conn);
    }
    conn->flags &= ~CONN_ROOMLESS;
    conn_set_deadline(conn, conn->server->config.progress_ms);
    request_await_body(conn);
    receive_deferred(conn);
    mh_conn_output(conn);       // 100 Continue, which lwIP would send at its next tick
    return old;
}

size_t gather_read(mh_conn_t *conn, void *buf, size_t len) {
    mh_gathered_t *from = &conn->gathered;
    len = LWIP_MIN(len, from->len - from->at);
    if (len > 0) {
        memcpy(buf, from->data + from->at, len);
        from->at += (uint32_t)len;
        if (from->at == from->len) {
            gather_pay(conn);
        }
    }
    return len;
}

int mh_conn_take_body(mh_conn_t *conn, void **data, size_t *len, size_t *size) {
    mh_gathered_t *from = &conn->gathered;
    if (gather_exceeds(conn)) {
        return -EMSGSIZE;
    }
    if (conn->state != CONN_OPEN || from->data == NULL || from->at != 0 || !mh_body_done(&conn->body)) {
        return 0;
    }
    *data = from->data;
    *len = from->len;
    *size = from->room;
    from->data = NULL;
    from->at = from->len = from->room = 0;
    gather_pay(conn);
    return 1;
}
