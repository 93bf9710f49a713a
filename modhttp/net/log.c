// The log of requests: an entry for each is written where its answer is, at interrupt level, and waits in a ring for Python to fetch
// it. Without a log none of this costs anything but a look at a pointer.

#include "net/internal.h"

// What is known so far of the request that a connection is at.
typedef struct _log_slot_t {
    bool open;
    mh_logged_t logged;
} log_slot_t;

// Slots, by connection, lie behind it, and behind them the ring.
struct _mh_log_t {
    uint16_t size;          // of the ring
    uint16_t first;         // the oldest
    uint16_t count;
    uint32_t lost;          // entries that there was no room for
    mh_logged_t *ring;
    log_slot_t slots[];
};

size_t mh_log_size(const mh_config_t *config, unsigned entries) {
    return sizeof(mh_log_t) + (config->max_connections + (size_t)CONN_SPARE) * sizeof(log_slot_t) + entries * sizeof(mh_logged_t);
}

void mh_server_log(mh_server_t *server, void *mem, unsigned entries) {
    mh_log_t *log = mem;
    if (log != NULL) {
        memset(log, 0, mh_log_size(&server->config, entries));
        log->size = (uint16_t)entries;
        log->ring = (mh_logged_t *)(void *)&log->slots[server->conn_count];
        memo_forget(server);    // what is answered from there is seen by nobody
    }
    server->log = log;
}

bool mh_server_has_logged(const mh_server_t *server) {
    return server->log != NULL && server->log->count > 0;
}

uint32_t mh_server_log_lost(const mh_server_t *server) {
    return server->log == NULL ? 0 : server->log->lost;
}

bool mh_server_logged(mh_server_t *server, mh_logged_t *logged) {
    mh_log_t *log = server->log;
    if (!mh_server_has_logged(server)) {
        return false;
    }
    *logged = log->ring[log->first];
    log->first = (uint16_t)((log->first + 1) % log->size);
    log->count--;
    return true;
}

static log_slot_t *slot_of(const mh_conn_t *conn) {
    return &conn->server->log->slots[conn - conn->server->conns];
}

void log_begin(mh_conn_t *conn, const uint8_t *text, size_t len) {
    log_slot_t *slot = slot_of(conn);
    mh_clock_t clock = conn->server->clock;
    slot->open = true;
    slot->logged.entry = (mh_log_entry_t) { .status = 499, .seconds = clock == NULL ? 0 : clock() };
    slot->logged.client = *altcp_get_ip(conn->pcb, 0);
    mh_log_request(&slot->logged.entry, text, len);
}

void log_status(mh_conn_t *conn, uint16_t status, uint32_t bytes) {
    log_slot_t *slot = slot_of(conn);
    if (!slot->open) {
        log_begin(conn, (const uint8_t *)"", 0);       // its head could not be read
    }
    slot->logged.entry.status = status;
    slot->logged.entry.bytes = bytes;
}

void log_body(mh_conn_t *conn, size_t len) {
    slot_of(conn)->logged.entry.bytes += (uint32_t)len;
}

void log_end(mh_conn_t *conn) {
    mh_log_t *log = conn->server->log;
    log_slot_t *slot = slot_of(conn);
    if (!slot->open) {
        return;
    }
    slot->open = false;
    if (log->count == log->size) {
        log->lost++;
        return;
    }
    log->ring[(log->first + log->count++) % log->size] = slot->logged;
    if (log->count == 1 && conn->server->wake != NULL) {
        conn->server->wake(conn->server->wake_arg);
    }
}
