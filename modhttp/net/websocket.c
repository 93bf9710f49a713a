// WebSockets. A client's messages are gathered in the socket's memory, whole ones one behind the other, as long as there is room;
// then its window stays shut. What the program sends is referred to until lwIP has room for it.

#include "net/websocket.h"
#include "net/internal.h"

enum {
    GOING_AWAY = 1001,
    NO_STATUS = 1005,
    ABNORMAL = 1006,
};

// In front of each message: its length, and its opcode above.
#define RECORD (4)
#define OPCODE_SHIFT (28)
#define LEN_MASK ((1u << OPCODE_SHIFT) - 1)

// A deadline for those that are never asked whether they are still there.
#define NEVER_MS (0x3fffffff)

typedef struct _message_t {
    const uint8_t *data;
    void *hold;
    uint32_t len;
    uint8_t opcode;
} message_t;

// Owner: fields are touched only with lwIP held off.
struct _mh_socket_t {
    mh_server_t *server;
    mh_conn_t *conn;        // NULL once it is closed: then only what has come is left
    mh_socket_t *next;      // among those that have something for Python
    void *owner;
    mh_socket_config_t config;
    message_t out[MH_SOCKET_QUEUE];     // to be sent, from `first` on
    uint8_t first;
    uint8_t count;
    uint32_t out_len;       // bytes of them
    uint32_t wanted;        // of the message that there was no room for
    uint32_t used;          // bytes of whole messages in `in`, with what is in front of them
    uint32_t partial;       // bytes, behind those, of the message that is coming
    uint16_t code;          // that it is closed with; 0 before
    uint16_t close_code;    // of the close frame that is owed or sent; 0: none
    uint8_t reason_len;     // of its reason
    uint8_t reason[MH_WS_CONTROL_MAX - 2];
    uint8_t heard_len;      // of the reason in the client's close frame, which is in ws.control
    bool queued;            // is among those that have something for Python
    bool pong_due;          // with what is in ws.control
    bool ping_due;
    bool pinged;            // and nothing has come since
    bool close_sent;
    bool close_heard;       // the client has sent its close frame, or is not listened to any more
    mh_ws_t ws;
    uint32_t in[];
};

static uint32_t in_size(const mh_socket_config_t *config) {
    return RECORD + ((config->max_message + 3) & ~3u);
}

size_t mh_socket_size(const mh_socket_config_t *config) {
    return sizeof(mh_socket_t) + in_size(config);
}

void *mh_socket_owner(const mh_socket_t *socket) {
    return socket->owner;
}

// Python has something to fetch.
static void tell(mh_socket_t *socket) {
    mh_server_t *server = socket->server;
    if (!socket->config.notify || socket->queued) {
        return;
    }
    socket->queued = true;
    socket->next = NULL;
    bool first = server->sockets_first == NULL;
    if (first) {
        server->sockets_first = socket;
    } else {
        server->sockets_last->next = socket;
    }
    server->sockets_last = socket;
    if (first && server->wake != NULL) {
        server->wake(server->wake_arg);
    }
}

mh_socket_t *mh_server_take_socket(mh_server_t *server) {
    mh_socket_t *socket = server->sockets_first;
    if (socket != NULL) {
        server->sockets_first = socket->next;
        socket->next = NULL;
        socket->queued = false;
        if (server->sockets_first == NULL) {
            server->sockets_last = NULL;    // the garbage collector would take it for a reference
        }
    }
    return socket;
}

bool mh_server_has_sockets(const mh_server_t *server) {
    return server->sockets_first != NULL;
}

// --- The end

void socket_part(mh_conn_t *conn) {
    mh_socket_t *socket = conn->socket;
    memset(&conn->gathered, 0, sizeof(conn->gathered));
    conn->owner = NULL;
    socket->conn = NULL;
    socket->code = socket->code == 0 ? ABNORMAL : socket->code;
    memset(socket->out, 0, sizeof(socket->out));
    socket->count = 0;
    tell(socket);
}

// All that is to be said is with lwIP: the connection goes its own way.
static void finish(mh_conn_t *conn) {
    socket_part(conn);
    conn->flags &= ~(CONN_KEEP | CONN_STALLED);
    conn_finish(conn);
}

// --- Sending

static bool send_control(mh_conn_t *conn, uint8_t opcode, const void *data, size_t len) {
    uint8_t frame[2 + MH_WS_CONTROL_MAX];
    if (!send_fits(conn, 2 + len)) {
        len = 0;        // to so tiny a window no more can go at a time
    }
    mh_ws_head(opcode, (uint32_t)len, frame);
    memcpy(frame + 2, data, len);
    return send_copy(conn, frame, 2 + len);
}

static bool send_close(mh_conn_t *conn) {
    const mh_socket_t *socket = conn->socket;
    uint8_t payload[MH_WS_CONTROL_MAX] = { (uint8_t)(socket->close_code >> 8), (uint8_t)socket->close_code };
    memcpy(payload + 2, socket->reason, socket->reason_len);
    return send_control(conn, MH_WS_CLOSE, payload, socket->close_code == NO_STATUS ? 0 : 2u + socket->reason_len);
}

// The oldest message, as a whole or by reference.
static bool send_message(mh_conn_t *conn) {
    mh_socket_t *socket = conn->socket;
    message_t *message = &socket->out[socket->first];
    uint8_t frame[MH_WS_HEAD_MAX + REFERENCE_MIN];
    size_t len = mh_ws_head(message->opcode, message->len, frame);
    bool whole = message->len < REFERENCE_MIN && send_fits(conn, len + message->len);
    if (whole && message->len > 0) {
        memcpy(frame + len, message->data, message->len);
        len += message->len;
    }
    if (!send_copy(conn, frame, len)) {
        return false;
    }
    if (!whole) {
        send_reference(conn, message->data, message->len, message->hold);
    }
    socket->out_len -= message->len;
    socket->count--;
    socket->first = (uint8_t)((socket->first + 1) % MH_SOCKET_QUEUE);
    *message = (message_t) { NULL, NULL, 0, 0 };
    return true;
}

// The next frame that is due: control frames go between the messages.
static bool send_next(mh_conn_t *conn) {
    mh_socket_t *socket = conn->socket;
    if (socket->pong_due) {
        socket->pong_due = !send_control(conn, MH_WS_PONG, socket->ws.control, socket->ws.control_len);
        return !socket->pong_due;
    }
    if (socket->ping_due) {
        socket->ping_due = !send_control(conn, MH_WS_PING, "", 0);
        return !socket->ping_due;
    }
    if (socket->count > 0) {
        return send_message(conn);
    }
    if (socket->close_code != 0) {
        socket->close_sent = send_close(conn);
    }
    return false;
}

static bool push(mh_conn_t *conn) {
    mh_socket_t *socket = conn->socket;
    while (!socket->close_sent && conn->out_len == 0 && send_next(conn)) {
    }
    if (socket->close_sent && socket->close_heard) {
        finish(conn);
        return true;
    }
    return false;
}

// The client has not been heard of, or has been served, until now.
static void wait_for_sign(mh_conn_t *conn) {
    mh_socket_t *socket = conn->socket;
    uint32_t ms = socket->config.ping_ms == 0 ? NEVER_MS : socket->config.ping_ms;
    conn_set_deadline(conn, socket->close_sent ? conn->server->config.progress_ms : ms);
}

void socket_acked(mh_conn_t *conn, size_t len) {
    if (conn->unacked > 0) {
        conn_progress(conn, len);
    } else {
        wait_for_sign(conn);
    }
}

// The close frame goes out before any message that waits, and nothing but it.
static void close_now(mh_socket_t *socket, uint16_t code) {
    memset(socket->out, 0, sizeof(socket->out));
    socket->count = 0;
    socket->out_len = 0;
    socket->pong_due = socket->ping_due = false;
    socket->close_heard = true;
    if (!socket->close_sent) {
        socket->close_code = code;
        socket->reason_len = 0;
    }
}

// --- Receiving

// Fail the connection (RFC 6455 section 7.1.7).
static void fail(mh_socket_t *socket, uint16_t code) {
    socket->code = code;
    close_now(socket, code);
}

// How many bytes may be looked at now; 0: something has to be done first.
static size_t may_take(const mh_conn_t *conn) {
    const mh_socket_t *socket = conn->socket;
    uint32_t taken = socket->used + RECORD + socket->partial, size = in_size(&socket->config);
    bool message = mh_ws_in_message(&socket->ws);
    if (socket->pong_due) {
        return 0;
    }
    if (socket->close_code != 0 || (socket->ws.in_payload && !message)) {
        return conn->in->len;
    }
    if (taken > size) {
        return 0;       // messages have to be fetched
    }
    return message ? LWIP_MIN(conn->in->len, size - taken) : conn->in->len;
}

static void keep(mh_socket_t *socket, const mh_ws_piece_t *piece) {
    uint8_t *record = (uint8_t *)socket->in + socket->used;
    if (socket->close_code != 0) {
        return;     // the program has done with it
    }
    if (piece->len > 0) {
        memcpy(record + RECORD + socket->partial, piece->data, piece->len);
        socket->partial += (uint32_t)piece->len;
    }
    if (piece->kind == MH_WS_END) {
        socket->in[socket->used / 4] = socket->partial | (uint32_t)piece->message << OPCODE_SHIFT;
        socket->used += RECORD + ((socket->partial + 3) & ~3u);
        socket->partial = 0;
        tell(socket);
    }
}

static void take_control(mh_socket_t *socket, uint8_t opcode) {
    const mh_ws_t *ws = &socket->ws;
    if (opcode == MH_WS_PING) {
        socket->pong_due = socket->close_code == 0;
    } else if (opcode == MH_WS_CLOSE) {
        int code = mh_ws_close_code(ws->control, ws->control_len);
        if (code < 0) {
            fail(socket, (uint16_t)-code);
            return;
        }
        socket->code = (uint16_t)code;
        socket->heard_len = ws->control_len > 2 ? (uint8_t)(ws->control_len - 2) : 0;
        close_now(socket, (uint16_t)code);
    }
}

bool socket_input(mh_conn_t *conn) {
    mh_socket_t *socket = conn->socket;
    size_t len = may_take(conn);
    if (socket->close_heard) {
        conn_credit_all(conn);
        return true;
    }
    if (len == 0) {
        return false;
    }
    mh_ws_piece_t piece;
    len = mh_ws_next(&socket->ws, conn->in->payload, len, &piece);
    switch (piece.kind) {
        case MH_WS_DATA:
        case MH_WS_END:
            keep(socket, &piece);
            break;
        case MH_WS_CONTROL:
            take_control(socket, piece.opcode);
            break;
        case MH_WS_ERROR:
            fail(socket, piece.code);
            break;
        default:
            break;
    }
    conn_credit(conn, len);
    socket->pinged = false;
    if (conn->unacked == 0) {
        wait_for_sign(conn);
    }
    return !push(conn);
}

bool socket_is_partial(const mh_conn_t *conn) {
    const mh_ws_t *ws = &conn->socket->ws;
    return ws->have > 0 || ws->in_payload;
}

void socket_resume(mh_conn_t *conn) {
    if (!push(conn)) {
        conn_advance(conn);     // which a pong may have held up
    }
}

void socket_eof(mh_conn_t *conn) {
    finish(conn);       // without a close frame
}

// --- Time

void socket_timer(mh_conn_t *conn) {
    mh_socket_t *socket = conn->socket;
    if (conn->unacked > 0 || (socket->pinged && conn->in == NULL)) {
        conn->server->stats.timed_out++;
        conn_drop(conn);
    } else if (socket->close_sent) {
        finish(conn);
    } else {
        // What has come and was not looked at is a sign of life too: Python has not fetched what was before it.
        socket->pinged = socket->ping_due = conn->in == NULL && socket->config.ping_ms > 0;
        wait_for_sign(conn);
        push(conn);
        mh_conn_output(conn);
    }
}

// --- For the program

// "HTTP/1.1 101 Switching Protocols" and its fields. Returns the length.
static size_t compose(const char *key, const char *protocol, size_t protocol_len, char *out) {
    static const char begin[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ";
    static const char name[] = "\r\nSec-WebSocket-Protocol: ";
    size_t len = sizeof(begin) - 1;
    memcpy(out, begin, len);
    mh_ws_accept(key, out + len);
    len += MH_WS_ACCEPT_LEN;
    if (protocol != NULL) {
        memcpy(out + len, name, sizeof(name) - 1);
        len += sizeof(name) - 1;
        memcpy(out + len, protocol, protocol_len);
        len += protocol_len;
    }
    memcpy(out + len, "\r\n\r\n", 4);
    return len + 4;
}

// Look at what waits, in `in` and with lwIP.
static void go_on(mh_conn_t *conn) {
    conn_advance(conn);
    receive_deferred(conn);
    mh_conn_output(conn);
}

int mh_socket_open(mh_conn_t *conn, void *mem, const mh_socket_config_t *config, const char *protocol, size_t protocol_len, void *owner) {
    char text[256 + MH_SOCKET_PROTOCOL_MAX];
    const char *key;
    if (conn->pcb == NULL) {
        return -ECONNRESET;
    }
    if (conn->state != CONN_OPEN || (conn->flags & CONN_BEGUN) || protocol_len > MH_SOCKET_PROTOCOL_MAX) {
        return -EINVAL;
    }
    int refusal = mh_ws_handshake(&conn->head, conn->block, &key);
    if (refusal != 0) {
        return refusal;
    }
    if (!send_flush(conn) || !send_copy(conn, text, compose(key, protocol, protocol_len, text))) {
        return -EAGAIN;
    }
    conn->server->stats.status[0]++;
    if (conn->server->log != NULL) {
        log_status(conn, 101, 0);
        log_end(conn);      // a request no more
    }
    server_dequeue(conn);
    conn_free_request(conn);
    conn->flags &= CONN_EOF | CONN_STALLED;
    conn->state = CONN_WS;
    mh_socket_t *socket = mem;
    memset(socket, 0, sizeof(*socket));
    socket->server = conn->server;
    socket->conn = conn;
    socket->owner = owner;
    socket->config = *config;
    socket->ws.max_message = config->max_message;
    conn->owner = owner;
    conn->socket = socket;
    go_on(conn);
    return 0;
}

bool mh_socket_peek(const mh_socket_t *socket, uint8_t *opcode, size_t *len) {
    *opcode = (uint8_t)(socket->in[0] >> OPCODE_SHIFT);
    *len = socket->in[0] & LEN_MASK;
    return socket->used > 0;
}

void mh_socket_take(mh_socket_t *socket, void *buf) {
    uint32_t len = socket->in[0] & LEN_MASK, record = RECORD + ((len + 3) & ~3u);
    memcpy(buf, (uint8_t *)socket->in + RECORD, len);
    uint32_t rest = socket->used - record + (socket->partial > 0 ? RECORD + socket->partial : 0);
    memmove(socket->in, (uint8_t *)socket->in + record, rest);
    socket->used -= record;
    if (socket->conn != NULL) {
        go_on(socket->conn);
    }
    if (socket->used > 0 || socket->conn == NULL) {
        tell(socket);
    }
}

// Whether the message may wait. One that finds nothing before it may be of any length: it stays where it is.
static bool has_room(const mh_socket_t *socket, size_t len) {
    uint32_t waiting = socket->out_len + socket->conn->out_len;
    return waiting == 0 || (socket->count < MH_SOCKET_QUEUE && waiting <= socket->config.max_queue && len <= socket->config.max_queue - waiting);
}

bool mh_socket_is_closing(const mh_socket_t *socket) {
    return socket->conn == NULL || socket->close_code != 0;
}

bool mh_socket_has_room(const mh_socket_t *socket) {
    return mh_socket_is_closing(socket) || has_room(socket, socket->wanted);
}

int mh_socket_send(mh_socket_t *socket, uint8_t opcode, const void *data, size_t len, void *hold) {
    if (mh_socket_is_closing(socket)) {
        return -ECONNRESET;
    }
    mh_conn_t *conn = socket->conn;
    socket->wanted = (uint32_t)len;
    if (!has_room(socket, len)) {
        return -EAGAIN;
    }
    socket->out[(socket->first + socket->count) % MH_SOCKET_QUEUE] = (message_t) { data, hold, (uint32_t)len, opcode };
    socket->count++;
    socket->out_len += (uint32_t)len;
    if (send_flush(conn)) {
        push(conn);
    }
    mh_conn_output(conn);
    return 0;
}

void mh_socket_ping(mh_socket_t *socket) {
    if (!mh_socket_is_closing(socket)) {
        socket->ping_due = true;
        push(socket->conn);
        mh_conn_output(socket->conn);
    }
}

void mh_socket_close(mh_socket_t *socket, uint16_t code, const char *reason, size_t len) {
    if (mh_socket_is_closing(socket)) {
        return;
    }
    mh_conn_t *conn = socket->conn;
    socket->close_code = code;
    socket->reason_len = (uint8_t)len;
    memcpy(socket->reason, reason, len);
    socket->partial = 0;
    if (!push(conn) && conn->unacked == 0) {
        wait_for_sign(conn);
    }
    // What waited for room is not kept any more.
    go_on(conn);
}

void socket_stop(mh_conn_t *conn) {
    mh_socket_close(conn->socket, GOING_AWAY, "", 0);
}

uint16_t mh_socket_closed(const mh_socket_t *socket, const char **reason, size_t *len) {
    *reason = (const char *)socket->ws.control + 2;
    *len = socket->heard_len;
    return socket->conn == NULL ? socket->code : 0;
}
