// Listener, connection slots, ready queue.

#include "lwip/netif.h"
#include "lwip/priv/tcp_priv.h"

#include "net/internal.h"

// Connections being opened. lwIP drops the SYNs beyond it without a word, and such a client tries again after a second: a
// browser opens six at once, so this many for a few browsers. Each takes a pcb.
#define LISTEN_BACKLOG (16)

// When all slots are taken, a connection makes room that has been idle so long, or that has not sent or taken a byte for so
// long. Less would hit clients that are about to.
// An answer has longer: what of it was lost, lwIP sends again after up to three seconds, and then twice as many.
#define EVICT_IDLE_MS (1000)
#define EVICT_STALLED_MS (2000)
#define EVICT_UNREAD_MS (6000)

// A clock that nobody has set shows an earlier time: 2025-01-01.
#define CLOCK_SET_MIN (1735689600)

static size_t round_up(size_t len) {
    return (len + sizeof(void *) - 1) & ~(sizeof(void *) - 1);
}

static size_t conns_size(const mh_config_t *config) {
    return ((size_t)config->max_connections + CONN_SPARE) * sizeof(mh_conn_t);
}

static size_t heads_bytes(const mh_config_t *config) {
    return (size_t)config->head_buffers * config->limits.max_head;
}

size_t mh_server_size(const mh_config_t *config) {
    return round_up(sizeof(mh_server_t)) + conns_size(config) + config->limits.max_target + mh_heads_size(heads_bytes(config));
}

mh_server_t *mh_server_init(void *mem, const mh_config_t *config, mh_wake_t wake, void *wake_arg) {
    memset(mem, 0, mh_server_size(config));
    mh_server_t *server = mem;
    uint8_t *rest = (uint8_t *)mem + round_up(sizeof(mh_server_t));
    server->config = *config;
    server->wake = wake;
    server->wake_arg = wake_arg;
    server->conn_count = config->max_connections + CONN_SPARE;
    server->conns = (mh_conn_t *)(void *)rest;
    rest += conns_size(config);
    server->path = (char *)rest;
    rest += config->limits.max_target;
    mh_heads_init(&server->heads, rest, heads_bytes(config));
    for (unsigned i = 0; i < server->conn_count; i++) {
        server->conns[i].server = server;
    }
    return server;
}

void mh_server_set_clock(mh_server_t *server, mh_clock_t clock) {
    server->clock = clock;
    server->date_ms = sys_now() - 1000;
}

const char *server_date(mh_server_t *server) {
    uint32_t now = sys_now();
    if (server->clock != NULL && now - server->date_ms >= 1000) {
        uint64_t seconds = server->clock();
        server->date_ms = now;
        server->dated = seconds >= CLOCK_SET_MIN;
        server->stem.type = NULL;
        if (server->dated) {
            server->date_now ^= 1;
            mh_date(seconds, server->date[server->date_now]);
        }
    }
    return server->dated ? server->date[server->date_now] : NULL;
}

void mh_server_route(mh_server_t *server, const mh_router_t *router) {
    memo_forget(server);
    server->router = router;
}

void mh_server_common(mh_server_t *server, const mh_common_t *common) {
    memo_forget(server);
    server->common = common;
    server->stem.type = NULL;
}

void mh_server_endpoints(mh_server_t *server, mh_endpoint_t *const *endpoints) {
    server->endpoints = endpoints;
}

bool mh_network_is_up(void) {
    struct netif *netif;
    NETIF_FOREACH(netif) {
        if (netif_is_up(netif)) {
            return true;
        }
    }
    return false;
}

// --- Slots

static bool conn_is_active(const mh_conn_t *conn) {
    return conn->state != CONN_FREE && conn->state != CONN_LINGER;
}

static bool conn_is_idle(const mh_conn_t *conn) {
    return conn->state == CONN_HEAD && conn->block == NULL && conn->unacked == 0;
}

static unsigned count_active(const mh_server_t *server) {
    unsigned n = 0;
    for (unsigned i = 0; i < server->conn_count; i++) {
        n += conn_is_active(&server->conns[i]);
    }
    return n;
}

// The connection that `fits` whose deadline is the earliest: the one longest in its state.
static mh_conn_t *oldest(mh_server_t *server, bool (*fits)(const mh_conn_t *)) {
    mh_conn_t *found = NULL;
    for (unsigned i = 0; i < server->conn_count; i++) {
        mh_conn_t *conn = &server->conns[i];
        if (fits(conn) && (found == NULL || !is_past(conn->deadline, found->deadline))) {
            found = conn;
        }
    }
    return found;
}

static bool is_free(const mh_conn_t *conn) {
    return conn->state == CONN_FREE;
}

// Idle between requests; a newcomer's first is given time to arrive.
static bool is_kept(const mh_conn_t *conn) {
    return conn_is_idle(conn) && conn->served;
}

// Answered, and the client has all of it: lwIP can see to the rest.
static bool is_delivered(const mh_conn_t *conn) {
    return conn->state == CONN_LINGER && conn->unacked == 0 && conn->refusal == 0;
}

// Answered, and the client takes its time.
static bool is_leaving(const mh_conn_t *conn) {
    return conn->state == CONN_LINGER && conn->unacked > 0;
}

static bool is_partial(const mh_conn_t *conn) {
    return conn->state == CONN_HEAD && conn->block != NULL;
}

// The body is coming, and there is room for it.
static bool is_receiving(const mh_conn_t *conn) {
    return (conn->state == CONN_BODY && !(conn->flags & CONN_ROOMLESS)) || conn->state == CONN_SKIP;
}

// All of the answer is there, and Python has let go of it. (The last of it is sent beside the wait for another request.)
static bool is_sending(const mh_conn_t *conn) {
    return (conn->state == CONN_SENDING || (conn->state == CONN_HEAD && conn->block == NULL)) && conn->unacked > 0;
}

static bool has_waited(const mh_conn_t *conn, uint32_t allowed, uint32_t ms) {
    return conn != NULL && is_past(sys_now(), conn->deadline - allowed + ms);
}

typedef enum { PART, CUT_OFF, SAY_LATE } farewell_t;

static void end_for_room(mh_conn_t *conn, farewell_t farewell) {
    conn->server->stats.timed_out += farewell != PART;
    if (farewell == PART) {
        conn_close(conn);
    } else if (farewell == CUT_OFF) {
        conn_drop(conn);
    } else if (conn->state == CONN_SKIP) {
        conn_linger(conn);      // it has its answer
    } else {
        conn_refuse(conn, 408);
    }
}

// End a connection to make room for another: the one that has been idle longest, else one whose client keeps us waiting,
// if long enough.
static bool evict(mh_server_t *server) {
    const mh_config_t *config = &server->config;
    const struct {
        bool (*fits)(const mh_conn_t *conn);
        uint32_t allowed;
        uint32_t enough;
        farewell_t farewell;
    } kinds[] = {
        { is_kept, config->idle_ms, EVICT_IDLE_MS, PART },
        { conn_is_idle, config->idle_ms, EVICT_STALLED_MS, PART },
        { is_partial, config->head_ms, EVICT_STALLED_MS, SAY_LATE },
        { is_receiving, config->progress_ms, EVICT_STALLED_MS, SAY_LATE },
        { is_sending, config->progress_ms, EVICT_UNREAD_MS, CUT_OFF },
    };
    for (size_t i = 0; i < LWIP_ARRAYSIZE(kinds); i++) {
        mh_conn_t *conn = oldest(server, kinds[i].fits);
        if (has_waited(conn, kinds[i].allowed, kinds[i].enough)) {
            end_for_room(conn, kinds[i].farewell);
            return true;
        }
    }
    return false;
}

static mh_conn_t *free_slot(mh_server_t *server) {
    mh_conn_t *conn = oldest(server, is_free);
    if (conn != NULL) {
        return conn;
    }
    conn = oldest(server, is_delivered);
    if (conn == NULL) {
        conn = oldest(server, is_leaving);
        if (!has_waited(conn, server->config.progress_ms, EVICT_UNREAD_MS)) {
            return NULL;
        }
        server->stats.timed_out++;
    }
    conn_close(conn);
    return conn;
}

static err_t on_accept(void *arg, struct altcp_pcb *pcb, err_t err) {
    mh_server_t *server = arg;
    if (err != ERR_OK || pcb == NULL) {
        return ERR_VAL;     // lwIP had no pcb for it
    }
    bool room = count_active(server) < server->config.max_connections || evict(server);
    mh_conn_t *conn = room ? free_slot(server) : NULL;
    if (conn == NULL) {
        return refuse_connection(server, pcb);
    }
    conn_open(conn, pcb);
    return ERR_OK;
}

err_t server_listener(const ip_addr_t *address, uint16_t port, altcp_accept_fn accept, void *arg, struct altcp_pcb **listener) {
    struct altcp_pcb *pcb = altcp_new_ip_type(NULL, IP_GET_TYPE(address));
    if (pcb == NULL) {
        return ERR_MEM;
    }
    ip_set_option(pcb, SOF_REUSEADDR);
    err_t err = altcp_bind(pcb, address, port);
    *listener = NULL;
    if (err == ERR_OK) {
        *listener = altcp_listen_with_backlog_and_err(pcb, LISTEN_BACKLOG, &err);
    }
    if (*listener == NULL) {
        altcp_close(pcb);
        return err;
    }
    altcp_arg(*listener, arg);
    altcp_accept(*listener, accept);
    return ERR_OK;
}

err_t mh_server_listen(mh_server_t *server, const ip_addr_t *address, uint16_t port) {
    err_t err = server_listener(address, port, on_accept, server, &server->listener);
    if (err == ERR_OK) {
        server->port = port;
    }
    return err;
}

bool mh_server_listens(const mh_server_t *server, const ip_addr_t *address, uint16_t port) {
    return server->listener != NULL && server->port == port && ip_addr_cmp(&server->listener->local_ip, address);
}

uint16_t mh_server_port(const mh_server_t *server) {
    return server->port;
}

static void close_listener(mh_server_t *server) {
    if (server->listener != NULL) {
        altcp_close(server->listener);
        server->listener = NULL;
        server->port = 0;
    }
}

void mh_server_stop(mh_server_t *server) {
    close_listener(server);
    for (unsigned i = 0; i < server->conn_count; i++) {
        mh_conn_t *conn = &server->conns[i];
        switch (conn->state) {
            case CONN_HEAD:
            case CONN_SKIP:
                conn_linger(conn);
                break;
            case CONN_BODY:
            case CONN_READY:
                conn_refuse(conn, 503);
                break;
            case CONN_EVENTS:
                native_stop(conn);
                break;
            case CONN_WS:
                socket_stop(conn);
                break;
            default:
                conn->flags &= ~CONN_KEEP;
                if (conn->stream) {
                    conn_drop(conn);    // it has no end
                }
        }
    }
}

bool mh_server_is_quiet(const mh_server_t *server) {
    for (unsigned i = 0; i < server->conn_count; i++) {
        if (server->conns[i].state != CONN_FREE) {
            return false;
        }
    }
    return server->listener == NULL;
}

void mh_server_close(mh_server_t *server) {
    close_listener(server);
    for (unsigned i = 0; i < server->conn_count; i++) {
        if (server->conns[i].state != CONN_FREE) {
            conn_drop(&server->conns[i]);
        }
    }
}

// --- Head blocks

uint8_t *server_block(mh_conn_t *conn, size_t len) {
    mh_server_t *server = conn->server;
    uint8_t *block = mh_heads_alloc(&server->heads, len);
    if (block == NULL && memo_forget(server)) {
        block = mh_heads_alloc(&server->heads, len);
    }
    while (block == NULL) {
        mh_conn_t *victim = oldest(server, is_partial);
        if (victim == NULL) {
            return NULL;
        }
        conn_refuse(victim, 408);
        block = mh_heads_alloc(&server->heads, len);
    }
    return block;
}

// --- Ready queue

void server_enqueue(mh_conn_t *conn) {
    mh_server_t *server = conn->server;
    if (conn->flags & CONN_QUEUED) {
        return;
    }
    conn->flags |= CONN_QUEUED;
    conn->next = NULL;
    bool first = server->ready_first == NULL;
    if (first) {
        server->ready_first = conn;
    } else {
        server->ready_last->next = conn;
    }
    server->ready_last = conn;
    if (first && server->wake != NULL) {
        server->wake(server->wake_arg);
    }
}

void server_dequeue(mh_conn_t *conn) {
    mh_server_t *server = conn->server;
    if (!(conn->flags & CONN_QUEUED)) {
        return;
    }
    conn->flags &= ~CONN_QUEUED;
    mh_conn_t *before = NULL;
    for (mh_conn_t *at = server->ready_first; at != conn; at = at->next) {
        before = at;
    }
    if (before == NULL) {
        server->ready_first = conn->next;
    } else {
        before->next = conn->next;
    }
    if (server->ready_last == conn) {
        server->ready_last = before;
    }
}

mh_conn_t *mh_server_take(mh_server_t *server) {
    mh_conn_t *conn = server->ready_first;
    // Others may have taken the memory that a body queued for: it queues again when they are done.
    while (conn != NULL && conn->state == CONN_BODY && mh_conn_room(conn) == 0) {
        server_dequeue(conn);
        conn = server->ready_first;
    }
    if (conn == NULL) {
        return NULL;
    }
    server_dequeue(conn);
    if (conn->state == CONN_READY) {
        conn->state = CONN_OPEN;
        conn->patience = server->config.progress_ms;
        conn->flags |= CONN_HELD;
        if (conn->unacked > 0) {
            conn_set_deadline(conn, server->config.progress_ms);    // for the answer before
        }
    }
    mh_conn_wait(conn, false);
    return conn;
}

bool mh_server_has_ready(const mh_server_t *server) {
    return server->ready_first != NULL || server->sockets_first != NULL;
}

void server_retry(mh_server_t *server) {
    for (unsigned i = 0; i < server->conn_count; i++) {
        mh_conn_t *conn = &server->conns[i];
        if (conn->flags & CONN_STALLED) {
            conn_resume(conn);
        }
    }
}

// --- Figures

const mh_stats_t *mh_server_stats(const mh_server_t *server) {
    return &server->stats;
}

void mh_server_usage(const mh_server_t *server, unsigned *open, unsigned *idle, unsigned *queued, unsigned *head_buffers_free) {
    *open = *idle = *queued = 0;
    for (unsigned i = 0; i < server->conn_count; i++) {
        const mh_conn_t *conn = &server->conns[i];
        *open += conn->state != CONN_FREE;
        *idle += conn_is_idle(conn);
        *queued += conn->state == CONN_READY;
    }
    *head_buffers_free = ((unsigned)server->heads.free + server->memo_units) * MH_HEADS_UNIT / server->config.limits.max_head;
}

static unsigned list_len(const struct tcp_pcb *pcb) {
    unsigned n = 0;
    for (; pcb != NULL; pcb = pcb->next) {
        n++;
    }
    return n;
}

void mh_pcb_count(unsigned *active, unsigned *listening, unsigned *time_wait) {
    *active = list_len(tcp_active_pcbs) + list_len(tcp_bound_pcbs);
    *listening = list_len(tcp_listen_pcbs.pcbs);
    *time_wait = list_len(tcp_tw_pcbs);
}
