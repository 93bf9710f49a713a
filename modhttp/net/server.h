#ifndef MODHTTP_NET_SERVER_H
#define MODHTTP_NET_SERVER_H

// An HTTP/1.1 server on lwIP's raw API.
//
// Every function here is called with lwIP held off (between MICROPY_PY_LWIP_ENTER and EXIT, or from a lwIP callback); none of them
// blocks, allocates from Python's heap or raises. Bytes are whatever lwIP's callbacks make of them at interrupt level; requests for
// Python wait in a ready queue until mh_server_take() fetches them.
//
// Results of type int are 0 or a count of bytes, or a negative errno:
//   -EAGAIN      nothing can be done just now; try again after the next event
//   -ECONNRESET  the client is gone
//   -EINVAL      the body's framing is malformed, or the call does not fit the answer's state

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lwip/altcp.h"
#include "lwip/ip_addr.h"

#include "core/answer.h"
#include "core/head.h"
#include "core/log.h"
#include "core/router.h"

typedef struct _mh_config_t {
    mh_limits_t limits;         // of a head
    uint8_t max_connections;    // 1 to 250
    uint8_t head_buffers;       // heads of full size that can be held at once; most heads are far smaller and share
    uint32_t max_body;          // bytes that are gathered before Python is asked; a larger body is pulled by Python
    uint32_t head_ms;           // from a head's first byte to its last
    uint32_t progress_ms;       // without a byte of body received or of answer acknowledged, or with too few of them
    uint32_t idle_ms;           // between requests
    uint32_t queue_ms;          // from complete request to Python fetching it
} mh_config_t;

typedef struct _mh_stats_t {
    uint32_t requests;
    uint32_t status[5];         // answers of class 1xx to 5xx
    uint32_t bytes_in;
    uint32_t bytes_out;
    uint32_t refused;           // connections that got 503 or RST for want of room
    uint32_t timed_out;
    uint32_t resets;            // connections that ended with an error
} mh_stats_t;

typedef struct _mh_server_t mh_server_t;
typedef struct _mh_conn_t mh_conn_t;

// Called when the ready queue gets its first entry, and every half second while it has any; at interrupt level or with lwIP held off:
// it may only set a flag or pend something.
typedef void (*mh_wake_t)(void *arg);

// Seconds since 1970-01-01, at any level; 0 or a time long past when the clock is not set.
typedef uint64_t (*mh_clock_t)(void);

// Bytes of memory for a server; the block must stay where it is, be scanned by the garbage collector, and outlive mh_server_close().
size_t mh_server_size(const mh_config_t *config);
mh_server_t *mh_server_init(void *mem, const mh_config_t *config, mh_wake_t wake, void *wake_arg);

// Answers are dated by this clock once it is set (RFC 9110 section 6.6.1).
void mh_server_set_clock(mh_server_t *server, mh_clock_t clock);

// Field lines that every answer has, but for those that it says itself; and those that the answers to OPTIONS have besides, right behind them.
typedef struct _mh_lines_t {
    mh_text_t origin;           // whom they are for, by the request's Origin
    const char *fields;
    uint16_t len;
    uint16_t options_len;       // with those for OPTIONS
} mh_lines_t;

typedef struct _mh_common_t {
    const mh_lines_t *lines;    // the first are for every origin that no others are for
    uint16_t count;
    uint16_t max;               // the longest `len`
    uint16_t options_max;
    char *room;                 // MH_COMMON_ROOM and `options_max` bytes, to compose answers in
} mh_common_t;

// The longest that lines may be, with those for OPTIONS.
#define MH_COMMON_MAX (1024)
#define MH_COMMON_ROOM (768)

// All of it must stay where it is, for this server alone. NULL: nothing is said in every answer.
void mh_server_common(mh_server_t *server, const mh_common_t *common);

// Routes may be replaced while serving; the old router is free for reuse on return. NULL: every path is 404.
void mh_server_route(mh_server_t *server, const mh_router_t *router);

// Whether any network interface is up, connected or not.
bool mh_network_is_up(void);

// Listen on address:port. ERR_USE when the port is taken, ERR_MEM when lwIP has no pcb left.
err_t mh_server_listen(mh_server_t *server, const ip_addr_t *address, uint16_t port);
bool mh_server_listens(const mh_server_t *server, const ip_addr_t *address, uint16_t port);    // there already
uint16_t mh_server_port(const mh_server_t *server);     // 0 when not listening

// Stop listening, and let every connection end in an orderly way: answers under way are completed, detached connections stay,
// requests that wait get 503. The memory is in use until mh_server_is_quiet().
void mh_server_stop(mh_server_t *server);
bool mh_server_is_quiet(const mh_server_t *server);

// Abort every connection and stop listening. Connections that Python still holds stay valid and dead until mh_conn_release().
void mh_server_close(mh_server_t *server);

// The connection that has waited longest for Python: with a body that needs memory (mh_conn_room), with a new request
// (mh_conn_is_new), or with room or data that mh_conn_wait() asked for. NULL: none.
mh_conn_t *mh_server_take(mh_server_t *server);

// Whether mh_server_take() has anything, or mh_server_take_socket() (net/websocket.h).
bool mh_server_has_ready(const mh_server_t *server);

const mh_stats_t *mh_server_stats(const mh_server_t *server);
void mh_server_usage(const mh_server_t *server, unsigned *open, unsigned *idle, unsigned *queued, unsigned *head_buffers_free);

// --- The log of requests

typedef struct _mh_logged_t {
    ip_addr_t client;
    mh_log_entry_t entry;
} mh_logged_t;

// Keep a log from now on, of which so many entries can wait to be fetched, in `mem` of this size, which the garbage collector has to scan
// through the server's memory alone. NULL: keep none any more.
size_t mh_log_size(const mh_config_t *config, unsigned entries);
void mh_server_log(mh_server_t *server, void *mem, unsigned entries);
// Fetch the oldest entry; false when there is none. The server wakes as for a request when there is a first one.
bool mh_server_logged(mh_server_t *server, mh_logged_t *logged);
bool mh_server_has_logged(const mh_server_t *server);
uint32_t mh_server_log_lost(const mh_server_t *server);     // entries that there was no room for

// Count lwIP's pcbs by list, in the whole stack: for tests and for finding leaks.
void mh_pcb_count(unsigned *active, unsigned *listening, unsigned *time_wait);

// --- One connection, as Python sees it. The caller got it from mh_server_take() and owns it until mh_conn_release().

// Bytes of memory that the connection just taken wants for the body that its client is sending; 0: it wants none, go on with
// its request. To be followed by mh_conn_give_room(); meanwhile the connection is not held, and may end. `room` must be visible
// to the garbage collector through the server's memory alone; NULL: there is none, it asks again when others are done, or is refused (503). Returns memory that is not needed any more, or NULL.
size_t mh_conn_room(const mh_conn_t *conn);
void *mh_conn_give_room(mh_conn_t *conn, void *room, size_t size);

bool mh_conn_is_new(const mh_conn_t *conn);
bool mh_conn_is_alive(const mh_conn_t *conn);
bool mh_conn_is_cut(const mh_conn_t *conn);     // the client is there, and has ended what it sends within the body
const mh_head_t *mh_conn_head(const mh_conn_t *conn, const uint8_t **data);
unsigned mh_conn_handler(const mh_conn_t *conn);        // as routed
bool mh_conn_client(const mh_conn_t *conn, ip_addr_t *address, uint16_t *port);     // false when the client is gone
bool mh_conn_local(const mh_conn_t *conn, ip_addr_t *address);      // likewise; the address of ours that it talks to

// Take the gathered body, `len` bytes in memory of `size`, which is the caller's from now on: 1. Where it was not gathered as a
// whole, or some of it has been read: 0, and mh_conn_read() gives it. -EMSGSIZE: it is larger than max_body.
int mh_conn_take_body(mh_conn_t *conn, void **data, size_t *len, size_t *size);

// Pull body bytes: a count, 0 at the end of the body, or an error. Only what is pulled is credited to the client.
int mh_conn_read(mh_conn_t *conn, void *buf, size_t len);
// Bytes of body still to come, as far as is known: MH_LENGTH_UNKNOWN for an unfinished chunked body.
uint32_t mh_conn_body_left(const mh_conn_t *conn);

// Fill in what the request decides of an answer: minor, keep_alive. Status and length must be set.
void mh_conn_answer_defaults(const mh_conn_t *conn, mh_answer_t *answer);

// Compose the head of an answer that the defaults are filled in of, as mh_answer_head() does. With `type_lasts`, what is at
// answer->type is never changed nor freed: then most of the head is kept, for the next that differs from it only in length.
// Fastest where `out` is aligned for a word.
size_t mh_conn_compose(mh_conn_t *conn, const mh_answer_t *answer, bool type_lasts, char *out, size_t size);

// Begin the answer with its composed head and, where that is short, the body right behind it. `answer` is what the head says.
int mh_conn_begin(mh_conn_t *conn, const mh_answer_t *answer, const char *data, size_t head_len, size_t body_len);
// Give body bytes: returns how many were taken, possibly fewer. With `hold`, they are referred to instead of copied: `hold` keeps
// them alive (it is kept where the garbage collector sees it) until the client has acknowledged them, and all are taken at once.
int mh_conn_write(mh_conn_t *conn, const void *data, size_t len, void *hold);
// The answer is complete; what lwIP has not taken yet goes out by itself. Never fails on a live connection.
int mh_conn_end(mh_conn_t *conn);
// False when the answer has no body (HEAD, 204, 304): what is written is swallowed.
bool mh_conn_wants_body(const mh_conn_t *conn);
// Send what has been written (after begin and write; end does so itself).
void mh_conn_output(mh_conn_t *conn);

// The answer that has begun is a stream of events: while nothing is written the client gets a comment now and then, one that ends its side is
// taken for gone, and Python is given the connection when it is.
void mh_conn_set_events(mh_conn_t *conn);
// Be taken again within half a second.
void mh_conn_nap(mh_conn_t *conn);

// Ask to be taken again (and given a deadline) when there is something to read or room to write; or no longer.
void mh_conn_wait(mh_conn_t *conn, bool wait);
// Be taken again after the others in the queue.
void mh_conn_requeue(mh_conn_t *conn);

// The object that handles this connection: kept where the garbage collector sees it.
void mh_conn_set_owner(mh_conn_t *conn, void *owner);
void *mh_conn_owner(const mh_conn_t *conn);

// Leave HTTP: from now on read and write move raw bytes. What was read beyond the head is the first to be read.
int mh_conn_detach(mh_conn_t *conn);
bool mh_conn_readable(const mh_conn_t *conn);
bool mh_conn_writable(const mh_conn_t *conn);

// Give the connection back. An unfinished answer is cut short (RST); a detached connection is closed in an orderly way.
void mh_conn_release(mh_conn_t *conn);

// The floor that costs are compared with: a canned answer to each read, written straight into lwIP. `data` must stay alive; len at most 1,024.
err_t mh_floor_listen(uint16_t port, const void *data, uint16_t len);
void mh_floor_close(void);

#endif
