// From bytes to requests: heads, routes, answers that need no Python, bodies until Python takes over.

#include "core/chars.h"
#include "core/uri.h"
#include "net/internal.h"

// Take the request target apart. Returns 0, or the status that the request is to be refused with.
static int split_target(const mh_head_t *head, const char *text, mh_target_t *target) {
    if (head->method_id == MH_CONNECT) {
        return 501;     // its target is no path
    }
    if (mh_target_split(text, head->target.len, target) != 0) {
        return 400;
    }
    // Not asked over TLS, nothing of https is ours to answer for (RFC 9110 section 7.4).
    return *text != '/' && head->target.len > 6 && mh_same(text, "https:", 6) ? 421 : 0;
}

// The same of its path where it is encoded.
static int decode_path(const mh_server_t *server, mh_target_t *target) {
    int len = mh_path_decode(target->path, target->path_len, server->path);
    if (len < 0) {
        return -len;
    }
    target->path = server->path;
    target->path_len = (size_t)len;
    return 0;
}

static mh_route_result_t find_route(mh_conn_t *conn, const uint8_t *data, mh_target_t *target, mh_match_t *match, int *refusal) {
    const mh_head_t *head = &conn->head;
    const mh_router_t *router = conn->server->router;
    *refusal = split_target(head, (const char *)data + head->target.at, target);
    if (*refusal == 0 && router != NULL && !target->plain) {
        *refusal = decode_path(conn->server, target);
    }
    if (*refusal != 0 || router == NULL) {
        return MH_ROUTE_NOT_FOUND;
    }
    mh_route_result_t result = mh_router_find(router, head->method_id, (const char *)data + head->method.at,
        head->method.len, target->path, target->path_len, match);
    if (result == MH_ROUTE_NOT_FOUND && *target->path == '*') {
        *refusal = 400;     // which is for OPTIONS (RFC 9112 section 3.2.4)
    }
    return result;
}

// Whether what is not gathered yet of the body is all in `in`: 1 yes, 0 not yet, or -400.
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

bool request_continue(mh_conn_t *conn) {
    static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
    if (!send_copy(conn, text, sizeof(text) - 1)) {
        return false;
    }
    conn->head.flags &= ~MH_HEAD_EXPECT;
    return true;
}

void request_ready(mh_conn_t *conn) {
    conn->flags &= ~CONN_ROOMLESS;      // all of the body came before any memory did
    conn->state = CONN_READY;
    conn_set_deadline(conn, conn->server->config.queue_ms);
    server_enqueue(conn);
}

// Hand the request to Python once its body is here, or at once when that is too large to be gathered.
void request_await_body(mh_conn_t *conn) {
    int arrived = gather_input(conn);
    if (arrived == 0) {
        arrived = body_arrived(conn);
    }
    if (arrived < 0) {
        conn_refuse(conn, 400);
    } else if (arrived || gather_exceeds(conn)) {
        request_ready(conn);
    } else if (conn->flags & CONN_EOF) {
        conn_refuse(conn, 400);
    } else if (!gather_ask(conn) && (conn->head.flags & MH_HEAD_EXPECT)) {
        if (conn->gathered.len > 0 || !request_continue(conn)) {
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
    memcpy(conn->block, conn->in->payload, len);
    return true;
}

// Answer in C, and go on.
void request_reply(mh_conn_t *conn, uint16_t status, const char *fields, size_t fields_len) {
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

// Not inlined: other requests need not have the stack for it.
static MH_NOINLINE void reply_allow(mh_conn_t *conn, uint16_t status, const mh_match_t *match) {
    static const char name[] = "Allow: ";
    char field[128];
    size_t len = sizeof(name) - 1;
    memcpy(field, name, len);
    len += mh_router_allow(conn->server->router, match, field + len, sizeof(field) - len - 2);
    memcpy(field + len, "\r\n", 2);
    request_reply(conn, status, field, len + 2);
}

static bool is_usual(const mh_conn_t *conn, const mh_endpoint_t *endpoint, const mh_ask_t *ask) {
    return endpoint->type->is_usual != NULL && conn->head.method_id == MH_GET && conn->head.minor != 0 && mh_body_done(&conn->body)
        && (conn->flags & (CONN_KEEP | CONN_EOF)) == CONN_KEEP && conn->server->log == NULL && endpoint->type->is_usual(endpoint, ask);
}

// An endpoint has the request.
static void start_native(mh_conn_t *conn, const uint8_t *data, const mh_target_t *target, mh_endpoint_t *endpoint) {
    bool in_place = conn->block == NULL;
    mh_ask_t ask;
    ask.conn = conn;
    ask.data = data;
    ask.query = target->query;
    ask.query_len = target->query_len;
    mh_head_choice(&conn->head, data, &ask.choice);
    if (is_usual(conn, endpoint, &ask) && endpoint->type->at_once(conn, endpoint)) {
        if (in_place) {
            if (conn->origin == 0) {    // which is not asked for when it comes again
                memo_keep(conn, endpoint);
            }
            conn_credit(conn, conn->head.len);
        }
        conn_answered(conn);
        return;
    }
    uint16_t refusal = native_begin(conn, endpoint, &ask);
    if (in_place) {
        conn_credit(conn, conn->head.len);
    } else {
        conn_free_head(conn);
    }
    if (refusal != 0) {
        conn_refuse(conn, refusal);
    } else if (native_go_on(conn)) {
        conn_answered(conn);
    } else {
        conn_set_deadline(conn, conn->server->config.progress_ms);
    }
}

int mh_conn_pass(mh_conn_t *conn, mh_endpoint_t *endpoint) {
    mh_target_t target;
    if (conn->pcb == NULL) {
        mh_conn_release(conn);
        return -ECONNRESET;
    }
    if (conn->state != CONN_OPEN || (conn->flags & CONN_BEGUN)) {
        return -EINVAL;
    }
    gather_release(conn);
    conn->flags &= ~(CONN_HELD | CONN_WAIT);
    conn->owner = NULL;
    server_dequeue(conn);
    mh_target_split((const char *)conn->block + conn->head.target.at, conn->head.target.len, &target);   // it was routed, so it is well-formed
    start_native(conn, conn->block, &target, endpoint);
    conn_advance(conn);
    if (conn->pcb != NULL) {
        altcp_output(conn->pcb);
    }
    receive_deferred(conn);
    return 0;
}

// The head is complete at `data`: in the first pbuf, or in the connection's block.
static void start_request(mh_conn_t *conn, const uint8_t *data) {
    mh_match_t match;
    mh_target_t target;
    int refusal;
    mh_route_result_t route = find_route(conn, data, &target, &match, &refusal);
    conn->origin = conn->server->common == NULL ? 0 : native_origin(conn, data);
    conn->server->stats.requests++;
    if (conn->server->log != NULL) {
        log_begin(conn, data + conn->head.method.at, (size_t)(conn->head.len - conn->head.method.at));
    }
    conn->flags = (uint16_t)((conn->flags & CONN_EOF) | (conn->head.flags & MH_HEAD_KEEP_ALIVE ? CONN_KEEP : 0));
    mh_body_init(&conn->body, &conn->head);
    altcp_setprio(conn->pcb, TCP_PRIO_NORMAL);
    if (route == MH_ROUTE_FOUND && (match.handler & MH_HANDLER_NATIVE)) {
        start_native(conn, data, &target, conn->server->endpoints[match.handler & ~MH_HANDLER_NATIVE]);
        return;
    }
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
        if (mh_body_done(&conn->body)) {
            request_ready(conn);
            return;
        }
        conn->state = CONN_BODY;
        conn_set_deadline(conn, conn->server->config.progress_ms);
        request_await_body(conn);
    } else if (route == MH_ROUTE_NOT_FOUND) {
        request_reply(conn, 404, NULL, 0);
    } else if (route == MH_ROUTE_NOT_IMPLEMENTED) {
        request_reply(conn, 501, NULL, 0);
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
        if (conn->unacked > 0) {
            conn_set_deadline(conn, conn->server->config.progress_ms);      // for the answer before
        }
        start_request(conn, conn->block);
    }
    return true;
}

// Answer a request that is known, byte for byte. The connection stays as it is, idle. False: nothing has happened.
static bool answer_known(mh_conn_t *conn) {
    mh_endpoint_t *endpoint = conn->flags == 0 ? memo_find(conn->server, conn->in) : NULL;
    conn->origin = 0;
    if (endpoint == NULL || !endpoint->type->at_once(conn, endpoint)) {
        return false;
    }
    conn->server->stats.requests++;
    conn->served = true;
    conn_credit_all(conn);
    return true;
}

static bool take_head(mh_conn_t *conn) {
    if (conn->block != NULL) {
        return gather_head(conn);
    }
    if (answer_known(conn)) {
        return true;
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
                more = send_has_room(conn) && take_head(conn);
                break;
            case CONN_SKIP:
                more = skip_body(conn);
                break;
            case CONN_BODY:
                request_await_body(conn);
                more = false;
                break;
            case CONN_WS:
                more = socket_input(conn);
                break;
            case CONN_LINGER:
            case CONN_EVENTS:       // has no end, so nothing can follow it
                conn_credit_all(conn);
                break;
            default:
                more = false;
        }
    }
    if ((conn->flags & CONN_EOF) && conn->in == NULL) {
        if (conn->state == CONN_HEAD || conn->state == CONN_SKIP) {
            conn_linger(conn);
        } else if (conn->state == CONN_WS) {
            socket_eof(conn);
        }
    }
}
