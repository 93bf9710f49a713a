#ifndef MODHTTP_PY_INTERNAL_H
#define MODHTTP_PY_INTERNAL_H

#include <errno.h>

#include "py/mphal.h"
#include "py/objlist.h"
#include "py/runtime.h"

#include "net/names.h"
#include "net/native.h"
#include "net/server.h"
#include "net/websocket.h"

// A route's handler number has this bit when its pattern captures anything.
#define HANDLER_CAPTURES (0x8000)

// The handlers of what no route serves, and of paths that no route has.
#define HANDLER_FALLBACK (0x3fff)
#define HANDLER_MISSING (0x3ffe)

typedef struct _modhttp_server_obj_t {
    mp_obj_base_t base;
    struct _modhttp_server_obj_t *next;     // among those that listen
    mh_server_t *server;
    mh_config_t config;
    void *router;
    size_t router_size;
    mp_uint_t start_ms;     // when it last began to listen
    mh_endpoint_t **endpoints;      // by route, NULL where the handler is Python's
    size_t endpoints_len;
    mp_obj_t routes;        // list of (method, pattern, handler), by number
    mp_obj_t render;        // (result, request) -> (body, status, field lines or None, content type or None, length of a stream or None)
    mp_obj_t on_error;      // (request, exception) -> result
    mp_obj_t call;          // (handler, request, captured…) -> result: calls handlers for us; None: they are called directly
    mp_obj_t spawn;         // (request, generator): goes on with an async handler in a task of its own; None where no loop runs
    mp_obj_t step;          // (generator) -> its first item, where asyncio is loaded and no loop of ours runs
    mp_obj_t publish;       // (path, Sensor): adds the routes of a new sensor
    mp_obj_t fallback;      // handler of what no route serves, or None
    mp_obj_t missing;       // handler of paths that no route has, or None; other methods on other paths are refused
    mh_common_t *common;    // what every answer says; NULL: nothing
    mp_obj_t common_lines;  // as it was given: the origins are its
    struct _modhttp_more_t *spare;
    mp_obj_t log;           // (line): called with each line of the request log, or None
    void *log_mem;
    uint32_t log_lost;      // as last told
    bool background;        // handlers are called from MicroPython's scheduler
} modhttp_server_obj_t;

// What not every request needs. The last one is kept for the next that does.
typedef struct _modhttp_more_t {
    mp_obj_t path;          // decoded; MP_OBJ_NULL until asked for
    mp_obj_t body;          // bytes; MP_OBJ_NULL until asked for
    mp_obj_t source;        // iterator that the answer streams from, or MP_OBJ_NULL
    mp_obj_t chunk;         // what it gave last, of which `chunk_at` bytes are written
    size_t chunk_at;
    bool awaits;            // `source` is a handler that waits for more of the body
    mp_obj_t lost;          // to be called when the client of a stream of events is gone, or MP_OBJ_NULL
    struct _modhttp_kept_t *kept;   // what was copied of the request when its connection became a WebSocket
} modhttp_more_t;

// A request being handled. `conn` and `more` are NULL once its answer is complete or the connection was handed on. One block of
// MicroPython's heap: for two it would look from the heap's beginning on, past all that is in use.
typedef struct _modhttp_request_obj_t {
    mp_obj_base_t base;
    modhttp_server_obj_t *app;
    mh_conn_t *conn;
    modhttp_more_t *more;   // NULL until needed
} modhttp_request_obj_t;

// A route's handler where C answers.
typedef struct _modhttp_endpoint_obj_t {
    mp_obj_base_t base;
    mh_endpoint_t *endpoint;
    mp_obj_t owner;         // has the endpoint's memory
} modhttp_endpoint_obj_t;

extern const mp_obj_type_t modhttp_endpoint_type;
extern const mp_obj_type_t modhttp_blob_type;
extern const mp_obj_type_t modhttp_field_type;
extern const mp_obj_type_t modhttp_form_type;
extern const mp_obj_type_t modhttp_sensor_type;
extern const mp_obj_type_t modhttp_metrics_type;
extern const mp_obj_type_t modhttp_dns_type;
extern const mp_obj_type_t modhttp_mdns_type;
extern const mp_obj_type_t modhttp_guard_type;
extern const mp_obj_type_t modhttp_server_type;
extern const mp_obj_type_t modhttp_request_type;
extern const mp_obj_type_t modhttp_headers_type;
extern const mp_obj_type_t modhttp_stream_type;
extern const mp_obj_type_t modhttp_socket_type;
extern const mp_obj_type_t modhttp_type_HTTPError;

// Call without arguments: with mp_call_function_0() a bound method would copy nothing from nowhere, which sanitizers object to.
static inline mp_obj_t modhttp_call(mp_obj_t function) {
    mp_obj_t none = MP_OBJ_NULL;
    return mp_call_function_n_kw(function, 0, 0, &none);
}

// Raise what a negative result of net/ means.
NORETURN void modhttp_raise(int err);
NORETURN void modhttp_raise_http(int status, const char *text);

// Wait for the next event of a connection that was just refused with -EAGAIN.
void modhttp_wait(mh_conn_t *conn);

// request.c
modhttp_request_obj_t *modhttp_request_new(modhttp_server_obj_t *app, mh_conn_t *conn);
mp_obj_t modhttp_request_path(modhttp_request_obj_t *self);
mh_conn_t *modhttp_request_conn(modhttp_request_obj_t *self);   // RuntimeError when the answer is complete
modhttp_more_t *modhttp_request_more(modhttp_request_obj_t *self);
// Body bytes: a count, 0 at its end, or a negative errno; waiting for some, or -EAGAIN and the request is taken again when there are.
int modhttp_request_read(modhttp_request_obj_t *self, void *buf, size_t len);
int modhttp_request_try(modhttp_request_obj_t *self, void *buf, size_t len);
const mh_head_t *modhttp_request_head(modhttp_request_obj_t *self, const uint8_t **data);
void modhttp_request_keep(modhttp_request_obj_t *self);         // so that its head can be read when it has no connection any more
void modhttp_request_done(modhttp_request_obj_t *self);         // the connection is no longer the request's

// The request's handler raised: answer for it, let go of the connection where nobody is there to hear. Raises only what ends the program.
void modhttp_request_fail(modhttp_request_obj_t *self, mp_obj_t exc);

// answer.c
void modhttp_answer(modhttp_request_obj_t *self, mp_obj_t result);      // a handler's return value
// Answer and give back `conn`, unless it is NULL, without Python's help: allocates nothing, raises nothing. Cuts an answer already begun.
void modhttp_answer_status(mh_conn_t *conn, int status);
void modhttp_answer_begin(modhttp_request_obj_t *self, mp_int_t status, mp_obj_t type, mp_obj_t length, mp_obj_t fields);
void modhttp_answer_write(modhttp_request_obj_t *self, mp_obj_t data);
void modhttp_answer_end(modhttp_request_obj_t *self);
void modhttp_answer_feed(modhttp_request_obj_t *self);      // go on with a streamed answer
// Write a chunk, or go on with it when `data` is MP_OBJ_NULL, as far as there is room. True when all of it is written.
bool modhttp_answer_push(modhttp_request_obj_t *self, mp_obj_t data);
void modhttp_answer_leave(modhttp_request_obj_t *self);     // give a streamed answer up; never raises

// log.c
extern const mp_obj_fun_builtin_fixed_t modhttp_server_log_obj;
void modhttp_log_attach(modhttp_server_obj_t *self);        // the server has begun to exist
void modhttp_log_drain(modhttp_server_obj_t *self);         // give the program the lines that wait; raises only what ends the program

// native.c
mp_obj_t modhttp_endpoint_new(mh_endpoint_t *endpoint, mp_obj_t owner);

// sensor.c: fields by name, in order. Raises ValueError and TypeError for what no sensor has. `common` is how long the field lines are that
// every answer of its server has.
mp_obj_t modhttp_sensor_new(mp_obj_t name, mp_int_t history, size_t common, const mp_map_elem_t *fields, size_t count);

// auth.c
MP_DECLARE_CONST_FUN_OBJ_1(modhttp_authorization_obj);
MP_DECLARE_CONST_FUN_OBJ_1(modhttp_unbase64_obj);
MP_DECLARE_CONST_FUN_OBJ_2(modhttp_same_obj);
MP_DECLARE_CONST_FUN_OBJ_1(modhttp_noise_obj);

// websocket.c
bool modhttp_socket_handle(modhttp_server_obj_t *app);  // call one that has something to fetch; false: there is none
MP_DECLARE_CONST_FUN_OBJ_2(modhttp_offers_obj);
MP_DECLARE_CONST_FUN_OBJ_VAR_BETWEEN(modhttp_upgrade_obj);

// stream.c
mp_obj_t modhttp_stream_new(modhttp_server_obj_t *app);
void modhttp_stream_own(mp_obj_t stream, mh_conn_t *conn);      // from now on it closes the connection

#endif
