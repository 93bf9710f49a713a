// From a handler's return value to bytes on the connection.

#include <string.h>

#include "py/mperrno.h"
#include "py/objgenerator.h"
#include "py/objstr.h"

#include "py/internal.h"

// Heads, and short bodies behind them, are composed on the stack up to this size and go out as one segment.
#define COMPOSE_MAX (384)

// A streamed answer gives way to other connections after this many chunks.
#define CHUNKS_PER_TURN (4)

static const char type_text[] = "text/plain; charset=utf-8";
static const char type_bytes[] = "application/octet-stream";

// Body bytes of an answer. `hold` is NULL where the bytes may move or change: they are copied.
typedef struct _body_t {
    const void *data;
    size_t len;
    void *hold;
} body_t;

// --- Begin

// Whether the program's field lines ask for the connection to be closed.
static bool check_fields(const mh_answer_t *answer) {
    int result = mh_fields_check(answer->fields, answer->fields_len);
    if (result == MH_FIELDS_MALFORMED) {
        mp_raise_ValueError(MP_ERROR_TEXT("fields must be lines of name: value, each ended by CRLF"));
    }
    if (result == MH_FIELDS_FRAMING) {
        mp_raise_ValueError(MP_ERROR_TEXT("Content-Length and Transfer-Encoding are said by length"));
    }
    return result == MH_FIELDS_CLOSE;
}

// Whether the answer is a stream of events.
static bool is_events(const mh_answer_t *answer) {
    static const char type[] = "text/event-stream";
    return answer->length == MH_LENGTH_UNKNOWN && answer->type_len >= sizeof(type) - 1 && memcmp(answer->type, type, sizeof(type) - 1) == 0;
}

// Returns how much of the body went with the head. Where it is the `whole` body of the answer and all of it did, the answer is
// complete, and the request has no connection any more.
static size_t begin(modhttp_request_obj_t *self, mh_answer_t *answer, const body_t *body, bool whole) {
    uint32_t words[COMPOSE_MAX / sizeof(uint32_t)];
    char *text = (char *)words, *data = text;
    bool type_lasts = answer->type == type_text || answer->type == type_bytes;
    bool close = answer->fields != NULL && check_fields(answer);
    MICROPY_PY_LWIP_ENTER
    mh_conn_answer_defaults(self->conn, answer);
    if (close) {
        answer->fields_close = true;
        answer->keep_alive = false;
    }
    size_t len = mh_conn_compose(self->conn, answer, type_lasts, text, COMPOSE_MAX);
    MICROPY_PY_LWIP_EXIT
    if (len > COMPOSE_MAX) {
        if (len > TCP_SND_BUF / 2) {
            mp_raise_ValueError(MP_ERROR_TEXT("response headers too large"));
        }
        data = m_new(char, len);
        mh_answer_head(answer, data, len);
    }
    size_t head_len = len;
    size_t with_head = 0;
    if (data == text && body->len <= COMPOSE_MAX - len && body->len > 0) {
        const uint8_t *request;
        bool as_head = mh_conn_head(self->conn, &request)->method_id == MH_HEAD;
        if (mh_answer_has_body(answer->status, as_head)) {
            memcpy(text + len, body->data, body->len);
            len += body->len;
        }
        with_head = body->len;
    }
    whole = whole && with_head == body->len;
    for (;;) {
        MICROPY_PY_LWIP_ENTER
        int result = mh_conn_begin(self->conn, answer, data, head_len, len - head_len);
        if (result == 0 && whole) {
            mh_conn_end(self->conn);
        } else if (result == 0 && is_events(answer)) {
            mh_conn_set_events(self->conn);
        }
        MICROPY_PY_LWIP_EXIT
        if (result == 0) {
            break;
        }
        if (result == -EINVAL) {
            mp_raise_msg(&mp_type_RuntimeError, MP_ERROR_TEXT("the answer has begun"));
        }
        if (result != -EAGAIN) {
            modhttp_raise(result);
        }
        modhttp_wait(self->conn);
    }
    if (whole) {
        modhttp_request_done(self);
    }
    if (data != text) {
        m_del(char, data, head_len);
    }
    return with_head;
}

static void set_text(const char **text, size_t *len, mp_obj_t obj) {
    *text = NULL;
    *len = 0;
    if (obj != mp_const_none && obj != MP_OBJ_NULL) {
        *text = mp_obj_str_get_data(obj, len);
    }
}

static uint16_t check_status(mp_int_t status) {
    if (status < 200 || status > 599) {
        mp_raise_ValueError(MP_ERROR_TEXT("status must be 200 to 599"));
    }
    return (uint16_t)status;
}

static uint32_t check_length(mp_obj_t length) {
    mp_int_t len = mp_obj_get_int(length);
    if (len < 0 || (mp_uint_t)len >= MH_LENGTH_UNKNOWN) {
        mp_raise_ValueError(MP_ERROR_TEXT("length must be 0 to 4294967294"));
    }
    return (uint32_t)len;
}

static void fill_answer(mh_answer_t *answer, mp_int_t status, mp_obj_t type, mp_obj_t fields) {
    memset(answer, 0, sizeof(*answer));
    answer->status = check_status(status);
    set_text(&answer->type, &answer->type_len, type);
    set_text(&answer->fields, &answer->fields_len, fields);
    if (answer->type != NULL && !mh_field_value_ok(answer->type, answer->type_len)) {
        mp_raise_ValueError(MP_ERROR_TEXT("content type has a control character"));
    }
}

void modhttp_answer_begin(modhttp_request_obj_t *self, mp_int_t status, mp_obj_t type, mp_obj_t length, mp_obj_t fields) {
    mh_answer_t answer;
    fill_answer(&answer, status, type, fields);
    answer.length = length == mp_const_none ? MH_LENGTH_UNKNOWN : check_length(length);
    begin(self, &answer, &(body_t) { NULL, 0, NULL }, false);
    MICROPY_PY_LWIP_ENTER
    mh_conn_output(self->conn);
    MICROPY_PY_LWIP_EXIT
}

// --- Body

// Get at a body object's bytes: str and bytes by reference, other buffers by copy. False when it is no buffer.
static bool get_body(mp_obj_t obj, body_t *body) {
    mp_buffer_info_t info;
    if (!mp_get_buffer(obj, &info, MP_BUFFER_READ)) {
        return false;
    }
    bool immutable = mp_obj_is_str_or_bytes(obj);
    *body = (body_t) { info.buf, info.len, immutable ? MP_OBJ_TO_PTR(obj) : NULL };
    return true;
}

// As much as there is room for now: 0 when there is none.
static size_t write_some(modhttp_request_obj_t *self, const body_t *body, size_t at) {
    MICROPY_PY_LWIP_ENTER
    int n = mh_conn_write(self->conn, (const char *)body->data + at, body->len - at, body->hold);
    if (n > 0) {
        mh_conn_output(self->conn);
    }
    MICROPY_PY_LWIP_EXIT
    if (n == -EINVAL) {
        mp_raise_ValueError(MP_ERROR_TEXT("body does not fit the declared length, or the answer has not begun"));
    }
    if (n < 0 && n != -EAGAIN) {
        modhttp_raise(n);
    }
    return n < 0 ? 0 : (size_t)n;
}

static void write_all(modhttp_request_obj_t *self, const body_t *body, size_t at) {
    while (at < body->len) {
        size_t n = write_some(self, body, at);
        if (n == 0) {
            modhttp_wait(self->conn);
        }
        at += n;
    }
}

void modhttp_answer_write(modhttp_request_obj_t *self, mp_obj_t data) {
    body_t body;
    modhttp_request_conn(self);
    if (!get_body(data, &body)) {
        mp_raise_msg_varg(&mp_type_TypeError, MP_ERROR_TEXT("body must be str or bytes, not %s"), mp_obj_get_type_str(data));
    }
    write_all(self, &body, 0);
}

// --- End

// The connection goes its own way; false when the client was gone already.
static bool end(modhttp_request_obj_t *self) {
    mh_conn_t *conn = self->conn;
    MICROPY_PY_LWIP_ENTER
    int result = mh_conn_end(conn);
    MICROPY_PY_LWIP_EXIT
    if (result == -EINVAL) {
        mp_raise_msg(&mp_type_RuntimeError, MP_ERROR_TEXT("the answer has not begun"));
    }
    modhttp_request_done(self);
    return result == 0;
}

void modhttp_answer_end(modhttp_request_obj_t *self) {
    modhttp_request_conn(self);
    if (!end(self)) {
        modhttp_raise(-ECONNRESET);
    }
}

void modhttp_answer_status(mh_conn_t *conn, int status) {
    if (conn == NULL) {
        return;
    }
    char text[160];
    mh_answer_t answer = { .status = (uint16_t)status };
    MICROPY_PY_LWIP_ENTER
    mh_conn_answer_defaults(conn, &answer);
    answer.keep_alive = false;
    answer.common_len = 0;
    size_t len = mh_answer_head(&answer, text, sizeof(text));
    if (mh_conn_begin(conn, &answer, text, len, 0) == 0) {
        mh_conn_end(conn);
    } else {
        mh_conn_release(conn);
    }
    MICROPY_PY_LWIP_EXIT
}

// --- Streams

static bool has_chunk(const modhttp_request_obj_t *self) {
    return self->more != NULL && self->more->chunk != MP_OBJ_NULL;
}

static void set_chunk(modhttp_request_obj_t *self, mp_obj_t chunk) {
    modhttp_more_t *more = modhttp_request_more(self);
    more->chunk = chunk;
    more->chunk_at = 0;
}

// The next chunk of a streamed answer, or false at its end, or when the program has ended the answer itself.
static bool next_chunk(modhttp_request_obj_t *self) {
    mp_obj_t chunk = mp_iternext(self->more->source);
    if (chunk == MP_OBJ_STOP_ITERATION || self->conn == NULL) {
        return false;
    }
    set_chunk(self, chunk);
    return true;
}

// The answer is over, or cut short, or nobody wants it: let the generator clean up, as if it had been left; a file is closed.
void modhttp_answer_leave(modhttp_request_obj_t *self) {
    if (self->more == NULL) {
        return;
    }
    mp_obj_t source = self->more->source;
    self->more->source = self->more->chunk = MP_OBJ_NULL;
    nlr_buf_t nlr;
    if (source != MP_OBJ_NULL && nlr_push(&nlr) == 0) {
        mp_obj_t dest[2];
        mp_load_method_maybe(source, MP_QSTR_close, dest);
        if (dest[0] != MP_OBJ_NULL) {
            mp_call_method_n_kw(0, 0, dest);
        }
        nlr_pop();
    }
}

// What there is room for now of the chunk; true when that was the rest of it.
static bool push_chunk(modhttp_request_obj_t *self) {
    modhttp_more_t *more = self->more;
    body_t body;
    if (!get_body(more->chunk, &body)) {
        mp_raise_msg_varg(&mp_type_TypeError, MP_ERROR_TEXT("a generator must give str or bytes, not %s"), mp_obj_get_type_str(more->chunk));
    }
    if (body.len == 0 && !mh_conn_is_alive(self->conn)) {
        modhttp_raise(-ECONNRESET);     // it has nothing to say for now, and is to hear that nobody is there
    }
    while (more->chunk_at < body.len) {
        size_t n = write_some(self, &body, more->chunk_at);
        if (n == 0) {
            return false;
        }
        more->chunk_at += n;
    }
    more->chunk = MP_OBJ_NULL;
    return true;
}

bool modhttp_answer_push(modhttp_request_obj_t *self, mp_obj_t data) {
    modhttp_request_conn(self);
    if (data != MP_OBJ_NULL) {
        set_chunk(self, data);
    }
    return !has_chunk(self) || push_chunk(self);
}

static void send_generator(modhttp_request_obj_t *self, mp_obj_t generator);

// The answer goes on in a task, which is woken by itself: but for the end of a client that says nothing any more.
static void tell_lost(modhttp_request_obj_t *self) {
    mp_obj_t lost = self->more == NULL ? MP_OBJ_NULL : self->more->lost;
    if (lost != MP_OBJ_NULL && !mh_conn_is_alive(self->conn)) {
        self->more->lost = MP_OBJ_NULL;
        modhttp_call(lost);
    }
}

// The generator has nothing yet: go on soon. What it gave before is to be seen.
static void nap(modhttp_request_obj_t *self) {
    self->more->chunk = MP_OBJ_NULL;
    MICROPY_PY_LWIP_ENTER
    mh_conn_output(self->conn);
    mh_conn_nap(self->conn);
    MICROPY_PY_LWIP_EXIT
}

void modhttp_answer_feed(modhttp_request_obj_t *self) {
    if (self->more == NULL || self->more->source == MP_OBJ_NULL) {
        tell_lost(self);
        return;
    }
    if (self->more->awaits) {
        mp_obj_t handler = self->more->source;
        self->more->source = MP_OBJ_NULL;
        self->more->awaits = false;
        send_generator(self, handler);
        return;
    }
    if (!mh_conn_is_alive(self->conn)) {
        modhttp_raise(-ECONNRESET);
    }
    for (size_t turn = 0; turn < CHUNKS_PER_TURN; turn++) {
        if (!mh_conn_wants_body(self->conn) || (!has_chunk(self) && !next_chunk(self))) {
            modhttp_answer_leave(self);
            if (self->conn != NULL) {
                end(self);
            }
            return;
        }
        if (self->more->chunk == mp_const_none) {
            nap(self);
            return;
        }
        if (!push_chunk(self)) {
            MICROPY_PY_LWIP_ENTER
            mh_conn_wait(self->conn, true);
            MICROPY_PY_LWIP_EXIT
            return;
        }
    }
    MICROPY_PY_LWIP_ENTER
    mh_conn_requeue(self->conn);
    MICROPY_PY_LWIP_EXIT
}

// --- Results

static void send(modhttp_request_obj_t *self, mh_answer_t *answer, const body_t *body) {
    answer->length = (uint32_t)body->len;
    size_t at = begin(self, answer, body, true);
    if (self->conn != NULL) {
        write_all(self, body, at);
        end(self);
    }
}

// Where the handler has begun the answer, `answer` is not needed. In a loop a generator may await, so it goes on in a task.
static void send_stream(modhttp_request_obj_t *self, mh_answer_t *answer, mp_obj_t source) {
    if (self->conn == NULL) {
        return;
    }
    bool awaits = self->app->spawn != mp_const_none && mp_obj_is_type(source, &mp_type_gen_instance);
    modhttp_request_more(self)->source = awaits ? source : mp_getiter(source, NULL);
    if (mh_conn_is_new(self->conn)) {
        begin(self, answer, &(body_t) { NULL, 0, NULL }, false);
    }
    if (!awaits || !mh_conn_wants_body(self->conn)) {
        modhttp_answer_feed(self);
        return;
    }
    self->more->source = MP_OBJ_NULL;
    MICROPY_PY_LWIP_ENTER
    mh_conn_output(self->conn);
    MICROPY_PY_LWIP_EXIT
    mp_call_function_2(self->app->spawn, MP_OBJ_FROM_PTR(self), source);
}

// What is not a plain str or bytes, rendered by Python.
static void send_rendered(modhttp_request_obj_t *self, mp_obj_t result) {
    mp_obj_t *items;
    mp_obj_get_array_fixed_n(mp_call_function_2(self->app->render, result, MP_OBJ_FROM_PTR(self)), 5, &items);
    mh_answer_t answer;
    fill_answer(&answer, mp_obj_get_int(items[1]), items[3], items[2]);
    body_t body;
    if (get_body(items[0], &body)) {
        send(self, &answer, &body);
        return;
    }
    answer.length = items[4] == mp_const_none ? MH_LENGTH_UNKNOWN : check_length(items[4]);
    send_stream(self, &answer, items[0]);
}

static bool asyncio_is_loaded(void) {
    return mp_map_lookup(&MP_STATE_VM(mp_loaded_modules_dict).map, MP_OBJ_NEW_QSTR(MP_QSTR_asyncio), MP_MAP_LOOKUP) != NULL;
}

// Run a generator up to its first item, and true; or to its end, and false with what it returns. Where asyncio is loaded it may await,
// which without a task crashes MicroPython: Python does it with care.
static bool first_step(modhttp_request_obj_t *self, mp_obj_t generator, mp_obj_t *value) {
    if (asyncio_is_loaded()) {
        mp_obj_t *items;
        mp_obj_get_array_fixed_n(mp_call_function_1(self->app->step, generator), 2, &items);
        *value = items[1];
        return mp_obj_is_true(items[0]);
    }
    mp_vm_return_kind_t kind = mp_obj_gen_resume(generator, mp_const_none, MP_OBJ_NULL, value);
    if (kind == MP_VM_RETURN_EXCEPTION) {
        nlr_raise(*value);
    }
    return kind == MP_VM_RETURN_YIELD;
}

// An async handler waits for its request's body: it is asked again when there is more.
static void await_body(modhttp_request_obj_t *self, mp_obj_t generator) {
    modhttp_more_t *more = modhttp_request_more(self);
    more->source = generator;
    more->awaits = true;
    MICROPY_PY_LWIP_ENTER
    mh_conn_wait(self->conn, true);
    MICROPY_PY_LWIP_EXIT
}

// A generator streams, an async handler has an answer in the end: MicroPython shows the difference only when they have run.
static void send_generator(modhttp_request_obj_t *self, mp_obj_t generator) {
    if (self->app->spawn != mp_const_none) {
        mp_call_function_2(self->app->spawn, MP_OBJ_FROM_PTR(self), generator);
        return;
    }
    mp_obj_t value;
    bool goes_on = first_step(self, generator, &value);
    if (self->conn == NULL) {
        return;     // it has ended the answer itself
    }
    if (!goes_on && value != mp_const_none) {
        modhttp_answer(self, value);
        return;
    }
    if (goes_on && value == MP_OBJ_FROM_PTR(self)) {
        await_body(self, generator);
        return;
    }
    if (goes_on && value == mp_const_none) {
        mp_raise_TypeError(MP_ERROR_TEXT("an async handler needs a loop to run in: await app.serve()"));
    }
    mh_answer_t answer = { .status = 200, .length = MH_LENGTH_UNKNOWN, .type = type_bytes, .type_len = sizeof(type_bytes) - 1 };
    set_chunk(self, goes_on ? value : MP_OBJ_NULL);
    send_stream(self, &answer, generator);
}

// Whom the program has let pass gets C's answer.
static void pass(modhttp_request_obj_t *self, mp_obj_t endpoint) {
    MICROPY_PY_LWIP_ENTER
    int result = mh_conn_pass(self->conn, ((modhttp_endpoint_obj_t *)MP_OBJ_TO_PTR(endpoint))->endpoint);
    MICROPY_PY_LWIP_EXIT
    if (result == -EINVAL) {
        mp_raise_msg(&mp_type_RuntimeError, MP_ERROR_TEXT("the answer has begun"));
    }
    modhttp_request_done(self);
}

void modhttp_answer(modhttp_request_obj_t *self, mp_obj_t result) {
    if (self->conn == NULL || result == MP_OBJ_FROM_PTR(self)) {
        return;     // answered, or handed on, by the handler itself; or its answer goes on without it
    }
    bool is_str = mp_obj_is_str(result);
    if (!is_str && !mp_obj_is_type(result, &mp_type_bytes)) {
        if (result == mp_const_none && !mh_conn_is_new(self->conn)) {
            end(self);      // written step by step
            return;
        }
        if (mp_obj_is_type(result, &modhttp_endpoint_type)) {
            pass(self, result);
        } else if (mp_obj_is_type(result, &mp_type_gen_instance)) {
            send_generator(self, result);
        } else {
            send_rendered(self, result);
        }
        return;
    }
    GET_STR_DATA_LEN(result, data, len);
    mh_answer_t answer = {
        .status = 200,
        .type = is_str ? type_text : type_bytes,
        .type_len = is_str ? sizeof(type_text) - 1 : sizeof(type_bytes) - 1,
    };
    send(self, &answer, &(body_t) { data, len, MP_OBJ_TO_PTR(result) });
}
