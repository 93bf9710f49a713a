// A connection's life: bytes in, heads and bodies out of them, closing.

#include "lwip/priv/tcp_priv.h"

#include "net/internal.h"
#include "core/uri.h"

// Bytes of body that are waited for before Python hears of a request: what surely fits the receive window.
#define BODY_WAIT_MAX (TCP_WND / 2)

// Bytes of lwIP's heap that unread input of all connections may take; the rest is for sending.
#define PARK_MAX (MEM_SIZE / 2)

// Segments that lwIP keeps for us when that is used up, each in a receive buffer of the driver's pool.
#define DEFER_MAX (PBUF_POOL_SIZE / 4)

// lwIP calls tcp_poll's function every this many of its slow ticks of 500 ms.
#define POLL_TICKS (1)

void conn_set_deadline(mh_conn_t *conn, uint32_t ms) {
    conn->deadline = sys_now() + ms;
}

void conn_free_block(mh_conn_t *conn) {
    if (conn->block != NULL) {
        mh_heads_trim(&conn->server->heads, conn->block, conn->room, 0);
        conn->block = NULL;
        conn->have = conn->room = 0;
    }
}

void conn_credit(mh_conn_t *conn, size_t len) {
    if (len > 0) {
        altcp_recved(conn->pcb, (u16_t)len);
        conn->in = pbuf_free_header(conn->in, (u16_t)len);
    }
}

static void credit_all(mh_conn_t *conn) {
    if (conn->in != NULL) {
        altcp_recved(conn->pcb, conn->in->tot_len);
        pbuf_free(conn->in);
        conn->in = NULL;
    }
}

// --- Ends

// Forget the pcb, whose callbacks must not find us any more.
static struct altcp_pcb *conn_unlink(mh_conn_t *conn) {
    struct altcp_pcb *pcb = conn->pcb;
    conn->pcb = NULL;
    if (pcb != NULL) {
        altcp_arg(pcb, NULL);
        altcp_recv(pcb, NULL);
        altcp_sent(pcb, NULL);
        altcp_err(pcb, NULL);
        altcp_poll(pcb, NULL, 0);
    }
    return pcb;
}

// The pcb is gone: free everything, except what Python still looks at.
static void conn_clear(mh_conn_t *conn) {
    if (conn->in != NULL) {
        pbuf_free(conn->in);
    }
    conn->in = NULL;
    conn->hold = conn->out_hold = NULL;
    conn->out_len = conn->unacked = 0;
    conn->refusal = 0;
    conn->flags &= ~CONN_STALLED;
    if (conn->flags & CONN_HELD) {
        if (conn->flags & CONN_WAIT) {
            server_enqueue(conn);
        }
        return;
    }
    server_dequeue(conn);
    conn_free_block(conn);
    conn->owner = NULL;
    conn->flags = 0;
    conn->state = CONN_FREE;
}

void conn_drop(mh_conn_t *conn) {
    struct altcp_pcb *pcb = conn_unlink(conn);
    if (pcb != NULL) {
        altcp_abort(pcb);
        conn->server->aborted = pcb;
    }
    conn_clear(conn);
}

void conn_close(mh_conn_t *conn) {
    if (conn->unacked > 0 || conn->in != NULL) {
        conn_drop(conn);
        return;
    }
    struct altcp_pcb *pcb = conn_unlink(conn);
    if (pcb != NULL && altcp_close(pcb) != ERR_OK) {
        altcp_abort(pcb);
        conn->server->aborted = pcb;
    }
    conn_clear(conn);
}

void conn_linger(mh_conn_t *conn) {
    conn_free_block(conn);
    server_dequeue(conn);
    credit_all(conn);
    conn->state = CONN_LINGER;
    conn_set_deadline(conn, LINGER_MS);
    altcp_shutdown(conn->pcb, 0, 1);
}

void conn_refuse(mh_conn_t *conn, uint16_t status) {
    server_dequeue(conn);
    conn_free_block(conn);
    credit_all(conn);
    conn->flags &= ~(CONN_KEEP | CONN_WAIT);
    conn->refusal = status;
    conn->state = CONN_SENDING;
    conn_resume(conn);
}

// --- Answers done

static void conn_idle(mh_conn_t *conn) {
    conn_free_block(conn);
    memset(&conn->head, 0, sizeof(conn->head));
    conn->flags &= CONN_EOF;
    conn->state = CONN_HEAD;
    conn_set_deadline(conn, conn->server->config.idle_ms);
    altcp_setprio(conn->pcb, TCP_PRIO_MIN);     // lwIP may take an idle pcb for a new connection
}

void conn_answered(mh_conn_t *conn) {
    // A client that has ended its side is still owed the answers to what it sent before.
    if (!(conn->flags & CONN_KEEP) || ((conn->flags & CONN_EOF) && conn->in == NULL)) {
        conn_linger(conn);
    } else if (mh_body_done(&conn->body)) {
        conn_idle(conn);
    } else {
        conn_free_block(conn);
        conn->state = CONN_SKIP;
        conn->skip_left = SKIP_MAX;
        conn_set_deadline(conn, conn->server->config.progress_ms);
    }
}

void conn_resume(mh_conn_t *conn) {
    if (!send_flush(conn)) {
        altcp_output(conn->pcb);
        return;
    }
    if (conn->state == CONN_SENDING) {
        conn_answered(conn);
        conn_advance(conn);
    } else if (conn_owned(conn) && (conn->flags & CONN_WAIT)) {
        server_enqueue(conn);
    }
    if (conn->pcb != NULL) {
        altcp_output(conn->pcb);
    }
}

// --- Requests

static mh_route_result_t find_route(mh_conn_t *conn, const uint8_t *data, mh_match_t *match, int *refusal) {
    const mh_head_t *head = &conn->head;
    const mh_router_t *router = conn->server->router;
    mh_target_t target;
    if (head->method_id == MH_CONNECT) {
        *refusal = 501;     // its target is no path
        return MH_ROUTE_NOT_FOUND;
    }
    *refusal = -mh_target_split((const char *)data + head->target.at, head->target.len, &target);
    if (*refusal != 0 || router == NULL) {
        return MH_ROUTE_NOT_FOUND;
    }
    const char *path = target.path;
    size_t path_len = target.path_len;
    if (!mh_path_is_plain(path, path_len)) {
        int len = mh_path_decode(path, path_len, conn->server->path);
        if (len < 0) {
            *refusal = -len;
            return MH_ROUTE_NOT_FOUND;
        }
        path = conn->server->path;
        path_len = (size_t)len;
    }
    return mh_router_find(router, head->method_id, (const char *)data + head->method.at, head->method.len, path, path_len, match);
}

// Whether the whole body is in `in`: 1 yes, 0 not yet, or -400.
static int body_arrived(const mh_conn_t *conn) {
    mh_body_t body = conn->body;
    for (const struct pbuf *p = conn->in; p != NULL && !mh_body_done(&body); p = p->next) {
        size_t at = 0;
        while (at < p->len && !mh_body_done(&body)) {
            const uint8_t *data;
            size_t data_len;
            int n = mh_body_next(&body, (const uint8_t *)p->payload + at, p->len - at, &data, &data_len);
            if (n < 0) {
                return n;
            }
            at += (size_t)n;
        }
    }
    return mh_body_done(&body);
}

static bool send_continue(mh_conn_t *conn) {
    static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
    if (!send_copy(conn, text, sizeof(text) - 1)) {
        return false;
    }
    conn->head.flags &= ~MH_HEAD_EXPECT;
    return true;
}

static void make_ready(mh_conn_t *conn) {
    conn->state = CONN_READY;
    conn_set_deadline(conn, conn->server->config.queue_ms);
    server_enqueue(conn);
}

// Hand the request to Python once its body is here, or as much of it as the window lets in.
static void await_body(mh_conn_t *conn) {
    int arrived = body_arrived(conn);
    if (arrived < 0) {
        conn_refuse(conn, 400);
    } else if (arrived || (conn->in != NULL && conn->in->tot_len >= BODY_WAIT_MAX)) {
        make_ready(conn);
    } else if (conn->flags & CONN_EOF) {
        conn_refuse(conn, 400);
    } else if (conn->head.length > conn->server->config.max_body) {
        make_ready(conn);       // too large to wait for: the handler decides before it is sent
    } else if (conn->head.flags & MH_HEAD_EXPECT) {
        if (conn->in != NULL || !send_continue(conn)) {
            conn->head.flags &= ~MH_HEAD_EXPECT;    // it sends without being told
        }
    }
}

// Give the head a block of its own, out of the pbuf it came in.
static bool keep_head(mh_conn_t *conn) {
    uint16_t len = conn->head.len;
    if (conn->block != NULL) {
        mh_heads_trim(&conn->server->heads, conn->block, conn->room, len);
        conn->room = len;
        return true;
    }
    conn->block = server_block(conn, len);
    if (conn->block == NULL) {
        return false;
    }
    conn->room = conn->have = len;
    pbuf_copy_partial(conn->in, conn->block, len, 0);
    return true;
}

void conn_reply(mh_conn_t *conn, uint16_t status, const char *fields, size_t fields_len) {
    mh_answer_t answer = { .status = status };
    mh_conn_answer_defaults(conn, &answer);
    if (!answer.keep_alive) {
        conn->flags &= ~CONN_KEEP;
    }
    if (!send_reply(conn, status, answer.keep_alive, fields, fields_len)) {
        conn_refuse(conn, 503);
        return;
    }
    conn_answered(conn);
}

static void reply_allow(mh_conn_t *conn, uint16_t status, const mh_match_t *match) {
    static const char name[] = "Allow: ";
    char field[128];
    size_t len = sizeof(name) - 1;
    memcpy(field, name, len);
    len += mh_router_allow(conn->server->router, match, field + len, sizeof(field) - len - 2);
    memcpy(field + len, "\r\n", 2);
    conn_reply(conn, status, field, len + 2);
}

// The head is complete at `data`: in the first pbuf, or in the connection's block.
static void start_request(mh_conn_t *conn, const uint8_t *data) {
    mh_match_t match;
    int refusal;
    mh_route_result_t route = find_route(conn, data, &match, &refusal);
    conn->server->stats.requests++;
    conn->flags = (uint16_t)((conn->flags & CONN_EOF) | (conn->head.flags & MH_HEAD_KEEP_ALIVE ? CONN_KEEP : 0));
    mh_body_init(&conn->body, &conn->head);
    altcp_setprio(conn->pcb, TCP_PRIO_NORMAL);
    bool in_place = conn->block == NULL;
    if (route == MH_ROUTE_FOUND && !keep_head(conn)) {
        conn_refuse(conn, 503);
        return;
    }
    if (in_place) {
        conn_credit(conn, conn->head.len);
    }
    if (refusal != 0) {
        conn_refuse(conn, (uint16_t)refusal);
    } else if (route == MH_ROUTE_FOUND) {
        conn->handler = match.handler;
        conn->state = CONN_BODY;
        conn_set_deadline(conn, conn->server->config.progress_ms);
        await_body(conn);
    } else if (route == MH_ROUTE_NOT_FOUND) {
        conn_reply(conn, 404, NULL, 0);
    } else if (route == MH_ROUTE_NOT_IMPLEMENTED) {
        conn_reply(conn, 501, NULL, 0);
    } else {
        reply_allow(conn, route == MH_ROUTE_OPTIONS ? 204 : 405, &match);
    }
}

// The head does not end in the first pbuf: gather it in a block. False when there is no more to do for now.
static bool gather_head(mh_conn_t *conn) {
    uint16_t max = conn->server->config.limits.max_head;
    if (conn->block == NULL) {
        conn_set_deadline(conn, conn->server->config.head_ms);
        altcp_setprio(conn->pcb, TCP_PRIO_NORMAL);
        conn->block = server_block(conn, max);
        if (conn->block == NULL) {
            conn_refuse(conn, 503);
            return false;
        }
        conn->room = max;
        conn->have = 0;
    }
    uint16_t len = (uint16_t)LWIP_MIN(conn->in->tot_len, max - conn->have);
    pbuf_copy_partial(conn->in, conn->block + conn->have, len, 0);
    int result = mh_head_parse(&conn->head, &conn->server->config.limits, conn->block, conn->have + len);
    if (result < 0) {
        conn_refuse(conn, (uint16_t)-result);
        return false;
    }
    if (result > 0) {
        len = (uint16_t)(conn->head.len - conn->have);      // what follows the head stays in `in`
    }
    conn->have = (uint16_t)(conn->have + len);
    conn_credit(conn, len);
    if (result > 0) {
        start_request(conn, conn->block);
    }
    return true;
}

static bool take_head(mh_conn_t *conn) {
    if (conn->block != NULL) {
        return gather_head(conn);
    }
    const uint8_t *data = conn->in->payload;
    int result = mh_head_parse(&conn->head, &conn->server->config.limits, data, conn->in->len);
    if (result == 0) {
        return gather_head(conn);
    }
    if (result < 0) {
        conn_refuse(conn, (uint16_t)-result);
        return false;
    }
    start_request(conn, data);
    return true;
}

// Throw away the body that the handler did not read.
static bool skip_body(mh_conn_t *conn) {
    const uint8_t *data;
    size_t data_len;
    int n = mh_body_next(&conn->body, conn->in->payload, conn->in->len, &data, &data_len);
    if (n < 0 || (uint32_t)n > conn->skip_left) {
        conn_linger(conn);
        return false;
    }
    conn->skip_left -= (uint32_t)n;
    conn_credit(conn, (size_t)n);
    if (mh_body_done(&conn->body)) {
        conn_idle(conn);
    }
    return true;
}

void conn_advance(mh_conn_t *conn) {
    bool more = true;
    while (more && conn->in != NULL) {
        switch (conn->state) {
            case CONN_HEAD:
                more = take_head(conn);
                break;
            case CONN_SKIP:
                more = skip_body(conn);
                break;
            case CONN_BODY:
                await_body(conn);
                more = false;
                break;
            case CONN_LINGER:
                credit_all(conn);
                break;
            default:
                more = false;
        }
    }
    if ((conn->flags & CONN_EOF) && conn->in == NULL && (conn->state == CONN_HEAD || conn->state == CONN_SKIP)) {
        conn_linger(conn);
    }
}

// --- Body and raw bytes for Python

uint32_t mh_conn_body_left(const mh_conn_t *conn) {
    if (mh_body_done(&conn->body)) {
        return 0;
    }
    return conn->head.flags & MH_HEAD_CHUNKED ? MH_LENGTH_UNKNOWN : conn->body.left;
}

static int read_raw(mh_conn_t *conn, void *buf, size_t len) {
    if (conn->in == NULL) {
        return conn->flags & CONN_EOF ? 0 : -EAGAIN;
    }
    u16_t n = pbuf_copy_partial(conn->in, buf, (u16_t)LWIP_MIN(len, conn->in->tot_len), 0);
    conn_credit(conn, n);
    return n;
}

static int read_body(mh_conn_t *conn, uint8_t *buf, size_t len) {
    size_t got = 0;
    while (got < len && conn->in != NULL && !mh_body_done(&conn->body)) {
        const uint8_t *data;
        size_t data_len, offer = LWIP_MIN(conn->in->len, len - got);
        int n = mh_body_next(&conn->body, conn->in->payload, offer, &data, &data_len);
        if (n < 0) {
            return -EINVAL;
        }
        memcpy(buf + got, data, data_len);
        got += data_len;
        conn_credit(conn, (size_t)n);
    }
    if (got > 0 || mh_body_done(&conn->body)) {
        return (int)got;
    }
    if (conn->flags & CONN_EOF) {
        return -ECONNRESET;     // cut short
    }
    if (conn->flags & CONN_LATE) {
        return -ETIMEDOUT;
    }
    if (conn->head.flags & MH_HEAD_EXPECT) {
        send_continue(conn);
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
        conn_undefer(conn);
        conn->flags &= ~CONN_PULL;
    } while (n == -EAGAIN && conn->in != NULL);
    return n;
}

bool mh_conn_readable(const mh_conn_t *conn) {
    return conn->pcb == NULL || conn->in != NULL || (conn->flags & (CONN_EOF | CONN_LATE));
}

bool mh_conn_writable(const mh_conn_t *conn) {
    return conn->pcb == NULL || (conn->out_len == 0 && !(conn->flags & CONN_TAIL) && altcp_sndbuf(conn->pcb) > MH_CHUNK_HEAD_MAX + 2);
}

void mh_conn_wait(mh_conn_t *conn, bool wait) {
    if (!wait) {
        conn->flags &= ~CONN_WAIT;
        server_dequeue(conn);
        return;
    }
    if (!(conn->flags & CONN_WAIT) && conn->unacked == 0) {
        conn_set_deadline(conn, conn->server->config.progress_ms);
    }
    conn->flags |= CONN_WAIT;
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
    return 0;
}

void mh_conn_abort(mh_conn_t *conn) {
    conn_drop(conn);
}

void mh_conn_release(mh_conn_t *conn) {
    if (!(conn->flags & CONN_HELD)) {
        return;
    }
    conn->flags &= ~(CONN_HELD | CONN_WAIT);
    if (conn->pcb == NULL) {
        conn_clear(conn);
    } else if (conn->state == CONN_DETACHED) {
        conn->flags &= ~CONN_KEEP;
        conn->state = CONN_SENDING;
        conn_resume(conn);
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

const mh_head_t *mh_conn_head(const mh_conn_t *conn, const uint8_t **data) {
    *data = conn->block;
    return &conn->head;
}

unsigned mh_conn_handler(const mh_conn_t *conn) {
    return conn->handler;
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

// --- lwIP's callbacks

static err_t verdict(const mh_server_t *server, const struct altcp_pcb *pcb) {
    return server->aborted == pcb ? ERR_ABRT : ERR_OK;
}

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

// Input that cannot be used yet. `fresh`: none of it has been consumed, so that it may be left with lwIP.
static err_t receive_later(mh_conn_t *conn, struct pbuf *p, bool fresh) {
    if (conn->in == NULL && conn_owned(conn) && (conn->flags & (CONN_WAIT | CONN_PULL))) {
        conn->in = p;       // Python takes it at once; it must not wait for room that others hold until Python takes theirs
        return ERR_OK;
    }
    struct pbuf *copy = park(conn, p);
    if (copy == NULL && fresh && may_defer(conn->server)) {
        if (conn->state == CONN_BODY) {
            make_ready(conn);       // all the body that there is room for: the handler pulls the rest
        }
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

static err_t receive(mh_conn_t *conn, struct pbuf *p) {
    uint16_t len = p->tot_len;
    err_t err = ERR_OK;
    if (conn->state == CONN_BODY || conn->state == CONN_SKIP || conn_owned(conn)) {
        conn_set_deadline(conn, conn->server->config.progress_ms);
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
    return err;
}

void conn_undefer(mh_conn_t *conn) {
    if (conn->pcb != NULL && conn->pcb->refused_data != NULL) {
        tcp_process_refused_data(conn->pcb);
    }
}

static void receive_eof(mh_conn_t *conn) {
    conn->flags |= CONN_EOF;
    if (conn->state == CONN_LINGER) {
        if (conn->unacked == 0) {
            conn_close(conn);
        }
    } else if (conn->state == CONN_BODY) {
        await_body(conn);
    } else if (conn_owned(conn)) {
        if (conn->flags & CONN_WAIT) {
            server_enqueue(conn);
        }
    } else {
        conn_advance(conn);
    }
}

static err_t on_recv(void *arg, struct altcp_pcb *pcb, struct pbuf *p, err_t err) {
    mh_conn_t *conn = arg;
    mh_server_t *server = conn->server;
    server->aborted = NULL;
    if (p == NULL) {
        receive_eof(conn);
    } else {
        err = receive(conn, p);
    }
    return server->aborted == pcb ? ERR_ABRT : err;
}

static err_t on_sent(void *arg, struct altcp_pcb *pcb, u16_t len) {
    mh_conn_t *conn = arg;
    mh_server_t *server = conn->server;
    server->aborted = NULL;
    send_acked(conn, len);
    if (conn->state != CONN_LINGER) {
        conn_resume(conn);
    } else if (conn->unacked == 0 && (conn->flags & CONN_EOF)) {
        conn_close(conn);
    }
    server_retry(server);
    return verdict(server, pcb);
}

static void on_err(void *arg, err_t err) {
    mh_conn_t *conn = arg;
    if (conn == NULL) {
        return;
    }
    mh_server_t *server = conn->server;
    conn->pcb = NULL;       // lwIP has freed it
    if (err != ERR_CLSD) {
        server->stats.resets++;
    }
    conn_clear(conn);
    server_retry(server);
}

static void time_out(mh_conn_t *conn, uint16_t status) {
    conn->server->stats.timed_out++;
    if (status != 0) {
        conn_refuse(conn, status);
    } else {
        conn_drop(conn);
    }
}

static void check_deadline(mh_conn_t *conn) {
    if (!is_past(sys_now(), conn->deadline)) {
        return;
    }
    switch (conn->state) {
        case CONN_HEAD:
            if (conn->block != NULL) {
                time_out(conn, 408);
            } else {
                conn_close(conn);
            }
            break;
        case CONN_BODY:
            time_out(conn, 408);
            break;
        case CONN_READY:
            time_out(conn, 503);
            break;
        case CONN_OPEN:
            if (conn->unacked > 0) {
                time_out(conn, 0);
            } else if (conn->flags & CONN_WAIT) {
                conn->server->stats.timed_out++;
                conn->flags |= CONN_LATE;
                server_enqueue(conn);
            }
            break;
        case CONN_DETACHED:
            if (conn->unacked > 0) {
                time_out(conn, 0);
            }
            break;
        case CONN_LINGER:
            conn_drop(conn);
            break;
        default:
            time_out(conn, 0);
    }
}

static err_t on_poll(void *arg, struct altcp_pcb *pcb) {
    mh_conn_t *conn = arg;
    mh_server_t *server = conn->server;
    server->aborted = NULL;
    if (conn->flags & CONN_STALLED) {
        conn_resume(conn);
    }
    if (conn->pcb == pcb) {
        check_deadline(conn);
    }
    return verdict(server, pcb);
}

void conn_open(mh_conn_t *conn, struct altcp_pcb *pcb) {
    mh_server_t *server = conn->server;
    memset(conn, 0, sizeof(*conn));
    conn->server = server;
    conn->pcb = pcb;
    altcp_arg(pcb, conn);
    altcp_recv(pcb, on_recv);
    altcp_sent(pcb, on_sent);
    altcp_err(pcb, on_err);
    altcp_poll(pcb, on_poll, POLL_TICKS);
    altcp_nagle_disable(pcb);
    conn_idle(conn);
}
