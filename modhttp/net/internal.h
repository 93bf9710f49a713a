#ifndef MODHTTP_NET_INTERNAL_H
#define MODHTTP_NET_INTERNAL_H

#include <errno.h>
#include <string.h>

#include "lwip/sys.h"

#include "core/body.h"
#include "net/heads.h"
#include "net/native.h"
#include "net/server.h"
#include "net/websocket.h"

// Slots beyond max_connections, for connections that are answered and closing.
#define CONN_SPARE (2)

// An object of at least this many bytes is sent by reference; less is cheaper to copy.
#define REFERENCE_MIN (256)

// Body bytes that are read and thrown away to save a connection whose handler did not want them.
#define SKIP_MAX (65536)

// How long an answered connection waits for the client's FIN: without input, and in all. A client that sends its whole body
// before it reads would lose the answer to a RST.
#define LINGER_MS (3000)
#define LINGER_MAX_MS (30000)

// The slowest that a body or an answer may move for long: a byte gives its client so many more milliseconds, of which it
// can save up no more than the deadline for progress. Else a byte now and then would hold a connection for ever.
#define MS_PER_BYTE (4)

// A stream of events that has nothing to say says so this often: else a client that is gone would never be found out, and
// what lies between takes the connection for dead.
#define BEAT_MS (15000)

typedef enum {
    CONN_FREE,
    CONN_HEAD,      // idle, or the head is coming
    CONN_BODY,      // the head is complete; the body is gathered before Python hears of it
    CONN_READY,     // in the ready queue
    CONN_OPEN,      // Python's: handled, and answered
    CONN_SENDING,   // answered; the rest of the answer waits for room in lwIP
    CONN_SKIP,      // answered; the rest of the body is thrown away
    CONN_LINGER,    // answered, FIN sent or owed; input is thrown away until the client's FIN
    CONN_DETACHED,  // Python's, as a stream of raw bytes
    CONN_EVENTS,    // gets a sensor's samples as they are taken
    CONN_WS,        // a WebSocket
} conn_state_t;

enum {
    CONN_QUEUED = 1 << 0,   // in the ready queue
    CONN_EOF = 1 << 1,      // the client has sent its FIN
    CONN_KEEP = 1 << 2,     // the connection outlives this answer
    CONN_BEGUN = 1 << 3,    // the answer's head is written
    CONN_ROOMLESS = 1 << 4, // the body waits for memory from Python
    CONN_CHUNKED = 1 << 5,  // the answer's body goes out in chunks
    CONN_TAIL = 1 << 6,     // a chunk's closing CRLF is owed
    CONN_LAST = 1 << 7,     // the last chunk is owed
    CONN_BODILESS = 1 << 8, // body bytes are swallowed: HEAD, 204, 304
    CONN_STALLED = 1 << 9,  // lwIP was out of memory; tried again when some is freed
    CONN_WAIT = 1 << 10,    // Python wants to be told
    CONN_HELD = 1 << 11,    // Python holds this slot: it is not reused before mh_conn_release()
    CONN_LENGTH = 1 << 12,  // the answer has a declared length
    CONN_LATE = 1 << 13,    // the body that Python waited for did not come in time
    CONN_PULL = 1 << 14,    // Python is reading this moment
    CONN_RESERVED = 1 << 15,    // has its share of the memory for large bodies
};

// Of the program's answer, where it is a stream of events.
enum {
    STREAM_EVENTS = 1 << 0,
    STREAM_PARTIAL = 1 << 1,    // the last piece is not all with lwIP: nothing may come between
    STREAM_NAPS = 1 << 2,       // Python has nothing yet, and is to be asked at the next tick
};

// What an ordinary 200 begins with, up to its length: as it was last composed, and is until the date changes.
#define STEM_MAX (128)

typedef struct _mh_stem_t {
    const char *type;       // of the answer that it was taken from; NULL: there is none
    size_t type_len;
    size_t len;
    uint32_t text[STEM_MAX / sizeof(uint32_t)];
} mh_stem_t;

// A request that an endpoint has answered at once. A dashboard asks for a few sensors.
#define MEMOS (8)

typedef struct _mh_memo_t {
    mh_endpoint_t *endpoint;    // NULL: nothing is remembered here
    uint8_t *block;             // of the head arena
    uint16_t room;              // bytes of it
    uint16_t len;               // of the head, which begins `at` bytes into the block: aligned as it came
    uint8_t at;
    uint8_t misses;             // of others in its place since it was last asked
} mh_memo_t;

// Body bytes gathered for Python, in memory that Python gave.
typedef struct _mh_gathered_t {
    uint8_t *data;
    uint32_t room;
    uint32_t len;           // gathered
    uint32_t at;            // of which so many have been read
} mh_gathered_t;

// Where an endpoint's answer stands.
typedef struct _mh_cursor_t {
    mh_endpoint_t *endpoint;
    union {
        uint32_t next;      // sample, or sensor, that comes next
        const void *data;   // of a body whose head is on its way
    };
    uint32_t end;           // the sample after the last; or the body's length
    uint8_t phase;          // the endpoint's own
    uint8_t form;
    bool zipped;            // the compressed representation was chosen
} mh_cursor_t;

// Owner: fields are touched only with lwIP held off.
struct _mh_conn_t {
    mh_server_t *server;
    struct altcp_pcb *pcb;  // NULL once lwIP has freed it or we let go of it
    struct pbuf *in;        // received, not consumed, not credited
    uint8_t *block;         // the head, in the server's head arena; NULL when idle
    const uint8_t *out;     // by reference, not yet given to lwIP
    void *out_hold;         // the object that `out` lies in
    void *hold;             // the object that lwIP refers to
    mh_conn_t *next;        // in the ready queue
    void *owner;            // Python's request or stream object
    uint32_t out_len;
    uint32_t hold_left;     // bytes to be acknowledged before `hold` is let go
    uint32_t unacked;       // bytes given to lwIP and not acknowledged
    uint32_t length_left;   // of the answer's declared length
    union {
        uint32_t skip_left;     // CONN_SKIP: bytes
        uint32_t patience;      // CONN_OPEN: ms that the client may yet keep Python waiting for its body
        uint32_t linger_end;    // CONN_LINGER: ms
    };
    uint32_t deadline;      // ms; what it means depends on the state
    mh_head_t head;
    mh_body_t body;
    union {
        mh_gathered_t gathered;
        mh_cursor_t cursor;     // of an endpoint's answer, where `native`
        mh_socket_t *socket;    // of CONN_WS
    };
    uint16_t room;          // bytes of `block`
    uint16_t have;          // bytes of head in it
    uint16_t handler;
    uint16_t refusal;       // status of an answer of ours that lwIP had no memory for
    uint16_t debt;          // taken out of `in`, but not credited
    uint16_t flags;
    uint8_t state;
    bool served : 1;        // has answered a request
    bool native : 1;        // an endpoint is answering
    uint8_t stream : 3;     // STREAM_…
    uint8_t origin;         // whose lines the answer has of those that the server's have in common
};

struct _mh_server_t {
    mh_config_t config;
    struct altcp_pcb *listener;
    struct altcp_pcb *aborted;      // the pcb that was aborted in this callback, whose caller must hear of it
    const mh_router_t *router;
    mh_endpoint_t *const *endpoints;
    mh_wake_t wake;
    void *wake_arg;
    mh_conn_t *ready_first;
    mh_conn_t *ready_last;
    mh_socket_t *sockets_first;     // WebSockets with something for Python
    mh_socket_t *sockets_last;
    mh_conn_t *conns;
    unsigned conn_count;
    uint16_t port;
    mh_heads_t heads;
    mh_memo_t memos[MEMOS];
    uint16_t memo_units;            // of the head arena that they take
    uint32_t reserved;              // bytes of memory promised to large bodies
    mh_clock_t clock;
    uint32_t date_ms;               // when the date was last composed
    uint8_t date_now;               // which of the two it is; a reader may still hold the other
    bool dated;                     // whether there is one
    char date[2][MH_DATE_LEN];
    mh_stem_t stem;
    const mh_common_t *common;      // NULL: nothing is said in every answer
    char *path;                     // max_target bytes: a path being decoded
    struct _mh_log_t *log;          // NULL: none is kept
    mh_stats_t stats;
};

static inline bool conn_owned(const mh_conn_t *conn) {
    return conn->state == CONN_OPEN || conn->state == CONN_DETACHED;
}

static inline bool is_past(uint32_t now, uint32_t deadline) {
    return (int32_t)(now - deadline) >= 0;
}

// --- server.c
err_t server_listener(const ip_addr_t *address, uint16_t port, altcp_accept_fn accept, void *arg, struct altcp_pcb **listener);
void server_enqueue(mh_conn_t *conn);
void server_dequeue(mh_conn_t *conn);
// Memory was freed: try again whatever lwIP had none for.
void server_retry(mh_server_t *server);
// A head block of `len` bytes, making room from the oldest partial head if need be; NULL: none.
uint8_t *server_block(mh_conn_t *conn, size_t len);

// The Date of an answer, MH_DATE_LEN bytes that stay as they are for a second; NULL when the clock is not set.
const char *server_date(mh_server_t *server);

// --- refuse.c
err_t refuse_connection(mh_server_t *server, struct altcp_pcb *pcb);   // returns what the accept callback returns

// --- conn.c
void conn_open(mh_conn_t *conn, struct altcp_pcb *pcb);
void conn_refuse(mh_conn_t *conn, uint16_t status);     // answer in C, then close
void conn_answered(mh_conn_t *conn);        // the whole answer is in lwIP's hands
uint32_t conn_body_coming(const mh_conn_t *conn);   // bytes of body not consumed yet, as far as is known
void conn_idle(mh_conn_t *conn);            // ready for the next request
void conn_finish(mh_conn_t *conn);          // nothing is added to the answer any more: see it out
void conn_resume(mh_conn_t *conn);          // send what is owed and go on from there
void conn_linger(mh_conn_t *conn);          // close without losing what was sent
void conn_close(mh_conn_t *conn);           // let go of the pcb in an orderly way and free the slot
void conn_drop(mh_conn_t *conn);            // RST, and free the slot
bool close_patiently(struct altcp_pcb *pcb);        // close a pcb that nobody knows any more; false when it was aborted
void conn_clear(mh_conn_t *conn);           // the pcb is gone: free everything but what Python still looks at
void conn_free_request(mh_conn_t *conn);    // head, body, and an endpoint's answer
void conn_free_head(mh_conn_t *conn);
void conn_credit(mh_conn_t *conn, size_t len);      // take bytes off the front of `in`
void conn_credit_all(mh_conn_t *conn);
void conn_set_deadline(mh_conn_t *conn, uint32_t ms);
void conn_progress(mh_conn_t *conn, size_t len);    // the client has sent or acknowledged so many bytes

// --- request.c
void conn_advance(mh_conn_t *conn);         // make what can be made of the input
void request_await_body(mh_conn_t *conn);   // hand the request to Python once its body is here
void request_ready(mh_conn_t *conn);        // hand it over now
bool request_continue(mh_conn_t *conn);     // send 100 Continue

// An answer of ours, after which the connection goes on.
void request_reply(mh_conn_t *conn, uint16_t status, const char *fields, size_t fields_len);

// --- native.c

// A request as an endpoint sees it, while its head is where it came.
typedef struct _mh_ask_t {
    const mh_conn_t *conn;
    const uint8_t *data;    // the head's bytes
    mh_choice_t choice;
    const char *query;
    size_t query_len;
} mh_ask_t;

struct _mh_endpoint_type_t {
    // Whether this is what is asked most, for which at_once() is the answer to a client that stays. NULL: there is no such short way.
    bool (*is_usual)(const mh_endpoint_t *endpoint, const mh_ask_t *ask);
    // Give lwIP the whole answer to it, without a cursor, and without a look at the request. False: nothing has happened.
    bool (*at_once)(mh_conn_t *conn, mh_endpoint_t *endpoint);
    // Choose what to answer, in conn->cursor. A status, when that is the answer, or 0. NULL: there is nothing to choose.
    uint16_t (*choose)(mh_conn_t *conn, const mh_ask_t *ask);
    // Give lwIP more of the answer; true when it has all.
    bool (*go_on)(mh_conn_t *conn);
    // The answer is over, or given up; NULL: nobody needs to be told.
    void (*end)(mh_conn_t *conn);
};

// Choose what to answer. A status, when the request is to be refused with it, or 0.
uint16_t native_begin(mh_conn_t *conn, mh_endpoint_t *endpoint, const mh_ask_t *ask);
// Answer, as far as there is room. True when all of the answer is with lwIP.
bool native_go_on(mh_conn_t *conn);
void native_end(mh_conn_t *conn);
void native_beat(mh_conn_t *conn);          // nothing has been sent for a while
void native_stop(mh_conn_t *conn);          // end a stream of events in an orderly way
// The value of the request's field of this name; false when there is none.
bool native_field(const mh_conn_t *conn, const mh_ask_t *ask, const char *name, size_t name_len, mh_field_t *field);
// Compose the head of a GET's answer, with what the request decides. Returns its length, more than `size` when it did not fit. What every
// answer of the server's says is left out where there is no room for it.
size_t native_head(mh_conn_t *conn, mh_answer_t *answer, char *out, size_t size);
size_t native_compose(mh_answer_t *answer, char *out, size_t size);     // the same, of an answer that is filled in

// What every answer to the connection's client says: lines, or NULL; those as part of an answer; which of them a request is to be answered with.
const mh_lines_t *native_lines(const mh_conn_t *conn);
void native_common(const mh_conn_t *conn, mh_answer_t *answer);
uint8_t native_origin(const mh_conn_t *conn, const uint8_t *data);
// Frame `len` bytes at `out` + MH_CHUNK_HEAD_MAX as a chunk where the answer is chunked, and send them: all or nothing. There is room for two
// bytes behind them.
bool native_send_piece(mh_conn_t *conn, char *out, size_t len);
bool native_send_last(mh_conn_t *conn);     // what ends a chunked body: true when it is with lwIP
// Begin a stream of events, its head composed in `work`. The connection is among the subscribers then, and its state CONN_EVENTS, unless the
// answer has no body. False: there was no room.
bool native_subscribe(mh_conn_t *conn, mh_conn_t **subscribers, char *work, size_t size);
void native_unsubscribe(mh_conn_t *conn, mh_conn_t **subscribers);      // if it is one of them
void native_resume(mh_conn_t *subscribers);     // there is something to tell them

// --- sensor.c
void sensor_forget_updates(void);
void sensor_fetch_newest(mh_sensor_endpoint_t *endpoint);      // into its `copy`

// --- feed.c
void feed_updated(mh_sensor_endpoint_t *endpoint);

// --- memo.c
// The endpoint that answers what has come, all of it one request, at once; NULL: not known.
mh_endpoint_t *memo_find(mh_server_t *server, const struct pbuf *in);
// Remember the request in `in`, which the endpoint has just answered at once, if it came alone, and there is room or it comes often.
void memo_keep(mh_conn_t *conn, mh_endpoint_t *endpoint);
bool memo_forget(mh_server_t *server);      // all of them; false when there is none

// --- log.c: only where there is a log

typedef struct _mh_log_t mh_log_t;
void log_begin(mh_conn_t *conn, const uint8_t *text, size_t len);       // a request has come, which begins with this text
void log_status(mh_conn_t *conn, uint16_t status, uint32_t bytes);      // its answer, and what is known of its body's size
void log_body(mh_conn_t *conn, size_t len);     // so much more of the body is with lwIP
void log_end(mh_conn_t *conn);                  // the answer is complete, or cut

// --- events.c
void events_beat(mh_conn_t *conn);          // nothing has been sent for a while
void events_acked(mh_conn_t *conn);         // all that was sent has been acknowledged
void events_tick(mh_conn_t *conn);

// --- websocket.c
bool socket_input(mh_conn_t *conn);         // look at some of the input; whether there may be more to do
bool socket_is_partial(const mh_conn_t *conn);      // a frame has begun that is not all here
void socket_resume(mh_conn_t *conn);        // there is room to send
void socket_acked(mh_conn_t *conn, size_t len);
void socket_eof(mh_conn_t *conn);           // the client has ended its side, and all input has been looked at
void socket_timer(mh_conn_t *conn);         // the deadline has passed
void socket_stop(mh_conn_t *conn);          // close because the server does
void socket_part(mh_conn_t *conn);          // the connection and the socket's memory go their own ways

// --- receive.c
err_t receive_data(mh_conn_t *conn, struct pbuf *p);
void receive_eof(mh_conn_t *conn);
void receive_deferred(mh_conn_t *conn);     // take what lwIP kept for us for want of room; at Python level

// --- gather.c
// Body bytes out of `in`, at most `room`, which are then owed to the client's window: a count, or -400.
int gather_copy(mh_conn_t *conn, uint8_t *to, size_t room);
void gather_pay(mh_conn_t *conn);           // credit what is owed
int gather_input(mh_conn_t *conn);          // into Python's memory: 0 or -400
bool gather_ask(mh_conn_t *conn);           // queue for memory; false when none is needed
bool gather_exceeds(const mh_conn_t *conn); // the body is larger than max_body
size_t gather_read(mh_conn_t *conn, void *buf, size_t len);
void gather_release(mh_conn_t *conn);
void gather_retry(mh_server_t *server);     // memory may have become free for bodies that wait for it

// --- send.c
bool send_flush(mh_conn_t *conn);           // give lwIP what is owed; true when nothing is
bool send_copy(mh_conn_t *conn, const void *data, size_t len);     // all of it or nothing
// Whether lwIP's queue takes so much at one time: of a client with a tiny window it is counted in tiny segments.
bool send_fits(const mh_conn_t *conn, size_t len);
// All of it or nothing, of an endpoint's answer: what lwIP's queue could not take at one time, for the client has a tiny window, waits in
// a head block. Nothing is taken while that, or a reference, is under way.
bool send_text(mh_conn_t *conn, const void *data, size_t len);
bool send_last(mh_conn_t *conn);            // the last chunk, if it is owed
// Whether an answer of ours is sure to find room. Where not, `sent` will be called.
bool send_has_room(const mh_conn_t *conn);
// An answer of ours: status line, given fields, the reason as text.
bool send_reply(mh_conn_t *conn, uint16_t status, bool keep_alive, const char *fields, size_t fields_len);
void send_acked(mh_conn_t *conn, uint16_t len);
// Send bytes by reference, which `hold` keeps in memory (NULL: which stay where they are). True when lwIP has all of them.
bool send_reference(mh_conn_t *conn, const void *data, uint32_t len, void *hold);
// An answer's head is with lwIP: what it said holds from now on.
void send_begun(mh_conn_t *conn, const mh_answer_t *answer);

#endif
