// _modhttp.Request and its headers: views of the connection's head, computed when asked for; and the streaming calls
// begin, write, end, read and detach that everything else is built on.

#include <string.h>

#include "py/mperrno.h"
#include "py/objstr.h"
#include "py/stream.h"
#include "py/unicode.h"

#include "core/form.h"
#include "core/range.h"
#include "core/select.h"
#include "core/uri.h"
#include "py/internal.h"

modhttp_request_obj_t *modhttp_request_new(modhttp_server_obj_t *app, mh_conn_t *conn) {
    modhttp_request_obj_t *self = mp_obj_malloc(modhttp_request_obj_t, &modhttp_request_type);
    self->app = app;
    self->conn = conn;
    self->more = NULL;
    mh_conn_set_owner(conn, self);
    return self;
}

modhttp_more_t *modhttp_request_more(modhttp_request_obj_t *self) {
    if (self->more == NULL) {
        self->more = self->app->spare != NULL ? self->app->spare : m_new0(modhttp_more_t, 1);
        self->app->spare = NULL;
    }
    return self->more;
}

void modhttp_request_done(modhttp_request_obj_t *self) {
    self->conn = NULL;
    if (self->more != NULL) {
        memset(self->more, 0, sizeof(*self->more));
        self->app->spare = self->more;
        self->more = NULL;
    }
}

mh_conn_t *modhttp_request_conn(modhttp_request_obj_t *self) {
    if (self->conn == NULL) {
        mp_raise_msg(&mp_type_RuntimeError, MP_ERROR_TEXT("the answer to this request is complete"));
    }
    return self->conn;
}

// What is left of a request when its connection has become something else.
struct _modhttp_kept_t {
    mh_head_t head;
    mp_obj_t client;
    uint8_t data[];
};

static mp_obj_t request_client(modhttp_request_obj_t *self);

void modhttp_request_keep(modhttp_request_obj_t *self) {
    const uint8_t *data;
    const mh_head_t *head = modhttp_request_head(self, &data);
    struct _modhttp_kept_t *kept = m_malloc(sizeof(*kept) + head->len);
    kept->head = *head;
    memcpy(kept->data, data, head->len);
    kept->client = request_client(self);
    modhttp_request_more(self)->kept = kept;
}

const mh_head_t *modhttp_request_head(modhttp_request_obj_t *self, const uint8_t **data) {
    if (self->more != NULL && self->more->kept != NULL) {
        *data = self->more->kept->data;
        return &self->more->kept->head;
    }
    return mh_conn_head(modhttp_request_conn(self), data);
}

// --- Text and bytes

// Longer texts are never interned by MicroPython.
#define INTERNED_MAX ((1 << 8 * MICROPY_QSTR_BYTES_IN_LEN) - 1)

// A str or bytes object of memory that is its own, and ends with a NUL. MicroPython's own functions hash all of it, at ten
// cycles a byte or more; a hash of 0 leaves that to whoever needs it.
static mp_obj_t unhashed(const mp_obj_type_t *type, const char *data, size_t len) {
    mp_obj_str_t *self = mp_obj_malloc(mp_obj_str_t, type);
    self->hash = 0;
    self->len = len;
    self->data = (const byte *)data;
    return MP_OBJ_FROM_PTR(self);
}

static mp_obj_t bytes_from_vstr(vstr_t *vstr) {
    char *data = vstr->buf;
    if (vstr->alloc != vstr->len + 1) {     // or it would count the blocks, to give none back
        data = m_renew(char, data, vstr->alloc, vstr->len + 1);
    }
    data[vstr->len] = '\0';
    return unhashed(&mp_type_bytes, data, vstr->len);
}

// A str of what a client sent encoded: HTTPError(400) where that is not UTF-8.
static mp_obj_t decoded_str(vstr_t *vstr) {
    if (!utf8_check((const byte *)vstr->buf, vstr->len)) {
        modhttp_raise_http(400, "not UTF-8");
    }
    return mp_obj_new_str_from_vstr(vstr);
}

// A str of a field's value, whose bytes beyond ASCII are taken for Latin-1 where they are not UTF-8 (RFC 9110 section 5.5).
static mp_obj_t field_str(const char *text, size_t len) {
    if (utf8_check((const byte *)text, len)) {
        return mp_obj_new_str(text, len);
    }
    vstr_t vstr;
    vstr_init(&vstr, 2 * len);
    for (size_t i = 0; i < len; i++) {
        vstr_add_char(&vstr, (byte)text[i]);
    }
    return mp_obj_new_str_from_vstr(&vstr);
}

// --- The head

static mp_obj_t span_str(const uint8_t *data, mh_span_t span) {
    return mp_obj_new_str((const char *)data + span.at, span.len);
}

static mh_target_t request_target(modhttp_request_obj_t *self) {
    const uint8_t *data;
    const mh_head_t *head = modhttp_request_head(self, &data);
    mh_target_t target;
    mh_target_split((const char *)data + head->target.at, head->target.len, &target);    // it was routed, so it is well-formed
    return target;
}

mp_obj_t modhttp_request_path(modhttp_request_obj_t *self) {
    const uint8_t *data;
    modhttp_request_head(self, &data);
    modhttp_more_t *more = modhttp_request_more(self);
    if (more->path == MP_OBJ_NULL) {
        mh_target_t target = request_target(self);
        if (target.plain) {
            more->path = mp_obj_new_str(target.path, target.path_len);
        } else {
            vstr_t vstr;
            vstr_init_len(&vstr, target.path_len);
            vstr.len = (size_t)mh_path_decode(target.path, target.path_len, vstr.buf);
            more->path = decoded_str(&vstr);
        }
    }
    return more->path;
}

static mp_obj_t decode_text(const char *text, size_t len) {
    vstr_t vstr;
    vstr_init_len(&vstr, len);
    vstr.len = mh_query_decode(text, len, vstr.buf);
    return decoded_str(&vstr);
}

// Where the value goes of a key that the dict has not yet: None until then, as making it may raise. Else NULL.
static mp_obj_t *add_key(mp_obj_t dict, mp_obj_t key) {
    mp_map_elem_t *elem = mp_map_lookup(mp_obj_dict_get_map(dict), key, MP_MAP_LOOKUP_ADD_IF_NOT_FOUND);
    if (elem->value != MP_OBJ_NULL) {
        return NULL;
    }
    elem->value = mp_const_none;
    return &elem->value;
}

// {key: value}; the first of several values counts.
static mp_obj_t parse_query(const char *text, size_t len) {
    mp_obj_t dict = mp_obj_new_dict(0);
    const char *key, *value;
    size_t key_len, value_len;
    while (mh_query_next(&text, &len, &key, &key_len, &value, &value_len)) {
        mp_obj_t *place = add_key(dict, decode_text(key, key_len));
        if (place != NULL) {
            *place = decode_text(value, value_len);
        }
    }
    return dict;
}

static mp_obj_t request_head(modhttp_request_obj_t *self) {
    const uint8_t *data;
    const mh_head_t *head = modhttp_request_head(self, &data);
    vstr_t vstr;
    vstr_init(&vstr, head->len + 1);
    vstr_add_strn(&vstr, (const char *)data, head->len);
    return bytes_from_vstr(&vstr);
}

static mp_obj_t request_client(modhttp_request_obj_t *self) {
    if (self->more != NULL && self->more->kept != NULL) {
        return self->more->kept->client;
    }
    ip_addr_t address;
    uint16_t port;
    mh_conn_t *conn = modhttp_request_conn(self);
    MICROPY_PY_LWIP_ENTER
    bool alive = mh_conn_client(conn, &address, &port);
    MICROPY_PY_LWIP_EXIT
    if (!alive) {
        mp_raise_OSError(MP_ECONNRESET);
    }
    char text[IPADDR_STRLEN_MAX];
    ipaddr_ntoa_r(&address, text, sizeof(text));
    mp_obj_t items[2] = { mp_obj_new_str(text, strlen(text)), MP_OBJ_NEW_SMALL_INT(port) };
    return mp_obj_new_tuple(2, items);
}

// The number of the last event that a client had before it lost its connection, as str; None when it says none.
static mp_obj_t request_last_event_id(modhttp_request_obj_t *self) {
    const uint8_t *data;
    const mh_head_t *head = modhttp_request_head(self, &data);
    uint16_t at = head->fields;
    mh_field_t field;
    return mh_field_find(data, &at, "Last-Event-ID", 13, &field) ? field_str(field.value, field.value_len) : mp_const_none;
}

// {name: value} of the Cookie field (RFC 6265 section 5.4); the first of several counts, quotes around a value are not of it.
static mp_obj_t request_cookies(modhttp_request_obj_t *self) {
    const uint8_t *data;
    const mh_head_t *head = modhttp_request_head(self, &data);
    mp_obj_t dict = mp_obj_new_dict(0);
    mh_field_t field;
    for (uint16_t at = head->fields; mh_field_find(data, &at, "cookie", 6, &field);) {
        const char *rest = field.value;
        size_t rest_len = field.value_len;
        const char *name, *value;
        size_t name_len, value_len;
        while (mh_cookie_next(&rest, &rest_len, &name, &name_len, &value, &value_len)) {
            mp_obj_t *place = add_key(dict, field_str(name, name_len));
            if (place != NULL) {
                *place = field_str(value, value_len);
            }
        }
    }
    return dict;
}

// --- The body

int modhttp_request_read(modhttp_request_obj_t *self, void *buf, size_t len) {
    for (;;) {
        mh_conn_t *conn = modhttp_request_conn(self);
        MICROPY_PY_LWIP_ENTER
        int n = mh_conn_read(conn, buf, len);
        MICROPY_PY_LWIP_EXIT
        if (n != -EAGAIN) {
            return n;
        }
        modhttp_wait(conn);
    }
}

int modhttp_request_try(modhttp_request_obj_t *self, void *buf, size_t len) {
    mh_conn_t *conn = modhttp_request_conn(self);
    MICROPY_PY_LWIP_ENTER
    mh_conn_wait(conn, false);
    int n = mh_conn_read(conn, buf, len);
    if (n == -EAGAIN) {
        mh_conn_wait(conn, true);
    }
    MICROPY_PY_LWIP_EXIT
    return n;
}

// A body that is not in one piece of memory, or its rest; of `left` bytes.
static mp_obj_t read_pieces(modhttp_request_obj_t *self, uint32_t left) {
    bool known = left != MH_LENGTH_UNKNOWN;
    vstr_t vstr;
    vstr_init(&vstr, known ? left : 256);
    for (;;) {
        size_t want = known ? left - vstr.len : 256;
        int n = want == 0 ? 0 : modhttp_request_read(self, vstr_add_len(&vstr, want), want);
        if (n < 0) {
            modhttp_raise(n);
        }
        vstr.len -= want - (size_t)n;
        if (n == 0) {
            return bytes_from_vstr(&vstr);
        }
        if (vstr.len > self->app->config.max_body) {
            modhttp_raise_http(413, "request body too large");
        }
    }
}

static mp_obj_t read_body(modhttp_request_obj_t *self) {
    mh_conn_t *conn = modhttp_request_conn(self);
    void *data;
    size_t len, size;
    MICROPY_PY_LWIP_ENTER
    uint32_t left = mh_conn_body_left(conn);
    int taken = left == 0 ? 0 : mh_conn_take_body(conn, &data, &len, &size);
    MICROPY_PY_LWIP_EXIT
    if (left == 0) {
        return mp_const_empty_bytes;
    }
    if (taken < 0) {
        modhttp_raise_http(413, "request body too large");
    }
    if (taken == 0) {
        return read_pieces(self, left);
    }
    vstr_t vstr = { .alloc = size + 1, .len = len, .buf = data };
    return bytes_from_vstr(&vstr);
}

static mp_obj_t request_body(modhttp_request_obj_t *self) {
    modhttp_request_conn(self);
    modhttp_more_t *more = modhttp_request_more(self);
    if (more->body == MP_OBJ_NULL) {
        more->body = read_body(self);
    }
    return more->body;
}

static mp_obj_t request_text(modhttp_request_obj_t *self) {
    size_t len;
    const char *data = mp_obj_str_get_data(request_body(self), &len);
    if (!utf8_check((const byte *)data, len)) {
        modhttp_raise_http(400, "request body is not UTF-8");
    }
    return len <= INTERNED_MAX ? mp_obj_new_str(data, len) : unhashed(&mp_type_str, data, len);     // in the body's memory
}

static mp_obj_t request_json(modhttp_request_obj_t *self) {
    mp_obj_t text = request_body(self);
    nlr_buf_t nlr;
    if (nlr_push(&nlr) == 0) {
        mp_obj_t json = mp_import_name(MP_QSTR_json, mp_const_none, MP_OBJ_NEW_SMALL_INT(0));
        mp_obj_t value = mp_call_function_1(mp_load_attr(json, MP_QSTR_loads), text);
        nlr_pop();
        return value;
    }
    if (mp_obj_is_subclass_fast(MP_OBJ_FROM_PTR(mp_obj_get_type(MP_OBJ_FROM_PTR(nlr.ret_val))), MP_OBJ_FROM_PTR(&mp_type_ValueError))) {
        modhttp_raise_http(400, "request body is not JSON");
    }
    nlr_jump(nlr.ret_val);
}

// What modhttp.forms has under this name, which is loaded by the first program that asks for it.
static mp_obj_t forms(qstr name) {
    return mp_load_attr(mp_import_name(qstr_from_str("modhttp.forms"), mp_const_true, MP_OBJ_NEW_SMALL_INT(0)), name);
}

static bool is_multipart(modhttp_request_obj_t *self) {
    const uint8_t *data;
    const mh_head_t *head = mh_conn_head(self->conn, &data);
    uint16_t at = head->fields;
    mh_field_t type;
    return mh_field_find(data, &at, "content-type", 12, &type)
        && mh_value_is(type.value, type.value + type.value_len, "multipart/form-data", 19) != NULL;
}

static mp_obj_t request_form(modhttp_request_obj_t *self) {
    size_t len;
    const char *data = mp_obj_str_get_data(request_body(self), &len);
    if (is_multipart(self)) {
        return mp_call_function_1(forms(MP_QSTR_fields), MP_OBJ_FROM_PTR(self));
    }
    return parse_query(data, len);
}

// parts(max_part=…, max_parts=…) -> the parts of a form, to be looped over.
static mp_obj_t request_parts(size_t n_args, const mp_obj_t *args, mp_map_t *kw) {
    mp_obj_t own[2 + 2 * 2] = { args[0] };
    size_t n = n_args;
    if (n_args > 1 || kw->used > 2) {
        mp_raise_TypeError(MP_ERROR_TEXT("parts() takes max_part= and max_parts="));
    }
    for (size_t i = 0; i < kw->alloc; i++) {
        if (mp_map_slot_is_filled(kw, i)) {
            own[n++] = kw->table[i].key;
            own[n++] = kw->table[i].value;
        }
    }
    return mp_call_function_n_kw(forms(MP_QSTR_Parts), 1, kw->used, own);
}
static MP_DEFINE_CONST_FUN_OBJ_KW(request_parts_obj, 1, request_parts);

// pull(n) -> at most n bytes of what is here of the body; b"" at its end; None when there is nothing yet. Never waits; who waits for the
// stream to be readable is given the time that a client has for its body.
// pull(buffer) -> how many of them it now begins with.
static mp_obj_t request_pull(mp_obj_t self_in, mp_obj_t where) {
    mp_buffer_info_t info;
    vstr_t vstr;
    bool made = mp_obj_is_int(where);
    if (made) {
        vstr_init_len(&vstr, (size_t)mp_obj_get_int(where));
        info.buf = vstr.buf;
        info.len = vstr.len;
    } else {
        mp_get_buffer_raise(where, &info, MP_BUFFER_WRITE);
    }
    int n = modhttp_request_try(MP_OBJ_TO_PTR(self_in), info.buf, info.len);
    if (n < 0 && n != -EAGAIN) {
        modhttp_raise(n);
    }
    if (made && n < 0) {
        vstr_clear(&vstr);
    }
    if (!made || n < 0) {
        return n < 0 ? mp_const_none : MP_OBJ_NEW_SMALL_INT(n);
    }
    vstr.len = (size_t)n;
    return bytes_from_vstr(&vstr);
}
static MP_DEFINE_CONST_FUN_OBJ_2(request_pull_obj, request_pull);

// An object with the same for tasks.
static mp_obj_t request_reader(modhttp_request_obj_t *self) {
    mp_obj_t module = mp_import_name(qstr_from_str("modhttp.loop"), mp_const_true, MP_OBJ_NEW_SMALL_INT(0));
    return mp_call_function_1(mp_load_attr(module, MP_QSTR_Reader), MP_OBJ_FROM_PTR(self));
}

static mp_uint_t request_read(mp_obj_t self_in, void *buf, mp_uint_t size, int *errcode) {
    (void)errcode;
    int n = modhttp_request_read(MP_OBJ_TO_PTR(self_in), buf, size);
    if (n < 0) {
        modhttp_raise(n);       // not as *errcode: what is the client's fault is not to look like the handler's
    }
    return (mp_uint_t)n;
}

static mp_uint_t request_ioctl(mp_obj_t self_in, mp_uint_t request, uintptr_t arg, int *errcode) {
    modhttp_request_obj_t *self = MP_OBJ_TO_PTR(self_in);
    if (request == MP_STREAM_CLOSE) {
        return 0;       // the body's stream; the answer ends by itself
    }
    if (request == MP_STREAM_POLL) {
        mh_conn_t *conn = self->conn;
        if (conn == NULL) {
            return MP_STREAM_POLL_NVAL;
        }
        MICROPY_PY_LWIP_ENTER
        mp_uint_t ready = (mh_conn_readable(conn) || mh_conn_body_left(conn) == 0 ? MP_STREAM_POLL_RD : 0)
            | (mh_conn_writable(conn) ? MP_STREAM_POLL_WR : 0);
        MICROPY_PY_LWIP_EXIT
        return ready & arg;
    }
    *errcode = MP_EINVAL;
    return MP_STREAM_ERROR;
}

// --- The answer, step by step

// begin(status=200, content_type=None, length=None, fields=None): `fields` are whole lines, each ended by CRLF.
static mp_obj_t request_begin(size_t n_args, const mp_obj_t *pos_args, mp_map_t *kw_args) {
    enum { ARG_status, ARG_content_type, ARG_length, ARG_fields };
    static const mp_arg_t allowed[] = {
        { MP_QSTR_status, MP_ARG_INT, { .u_int = 200 } },
        { MP_QSTR_content_type, MP_ARG_OBJ, { .u_rom_obj = MP_ROM_NONE } },
        { MP_QSTR_length, MP_ARG_OBJ, { .u_rom_obj = MP_ROM_NONE } },
        { MP_QSTR_fields, MP_ARG_OBJ, { .u_rom_obj = MP_ROM_NONE } },
    };
    mp_arg_val_t args[MP_ARRAY_SIZE(allowed)];
    mp_arg_parse_all(n_args - 1, pos_args + 1, kw_args, MP_ARRAY_SIZE(allowed), allowed, args);
    modhttp_request_obj_t *self = MP_OBJ_TO_PTR(pos_args[0]);
    modhttp_request_conn(self);
    modhttp_answer_begin(self, args[ARG_status].u_int, args[ARG_content_type].u_obj, args[ARG_length].u_obj, args[ARG_fields].u_obj);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_KW(request_begin_obj, 1, request_begin);

// write(data): all of it, waiting for room.
static mp_obj_t request_write(mp_obj_t self_in, mp_obj_t data_in) {
    modhttp_answer_write(MP_OBJ_TO_PTR(self_in), data_in);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(request_write_obj, request_write);

// push(data) or push(): what there is room for, without waiting. True when all of it is written.
static mp_obj_t request_push(size_t n_args, const mp_obj_t *args) {
    return mp_obj_new_bool(modhttp_answer_push(MP_OBJ_TO_PTR(args[0]), n_args > 1 ? args[1] : MP_OBJ_NULL));
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(request_push_obj, 1, 2, request_push);

// answer(result): as if a handler had returned it.
static mp_obj_t request_answer(mp_obj_t self_in, mp_obj_t result) {
    modhttp_answer(MP_OBJ_TO_PTR(self_in), result);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(request_answer_obj, request_answer);

// fail(exception): as if the handler had raised it.
static mp_obj_t request_fail(mp_obj_t self_in, mp_obj_t exc) {
    modhttp_request_fail(MP_OBJ_TO_PTR(self_in), exc);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(request_fail_obj, request_fail);

static mp_obj_t request_end(mp_obj_t self_in) {
    modhttp_answer_end(MP_OBJ_TO_PTR(self_in));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(request_end_obj, request_end);

// detach() -> Stream of the connection's raw bytes. Nothing may have been answered.
static mp_obj_t request_detach(mp_obj_t self_in) {
    modhttp_request_obj_t *self = MP_OBJ_TO_PTR(self_in);
    mh_conn_t *conn = modhttp_request_conn(self);
    mp_obj_t stream = modhttp_stream_new(self->app);    // first: no memory error may lose a detached connection
    MICROPY_PY_LWIP_ENTER
    int result = mh_conn_detach(conn);
    MICROPY_PY_LWIP_EXIT
    if (result == -EINVAL) {
        mp_raise_msg(&mp_type_RuntimeError, MP_ERROR_TEXT("the answer has begun"));
    }
    if (result < 0) {
        modhttp_raise(result);
    }
    modhttp_stream_own(stream, conn);
    modhttp_request_done(self);
    return stream;
}
static MP_DEFINE_CONST_FUN_OBJ_1(request_detach_obj, request_detach);

// --- Conditions and ranges

static mp_obj_t range_tuple(const mh_range_t *range) {
    mp_obj_t items[2] = { mp_obj_new_int_from_uint(range->at), mp_obj_new_int_from_uint(range->len) };
    return mp_obj_new_tuple(2, items);
}

// choose(size, etag=None, modified=None) -> (status, ((offset, length), …)): what the request's conditions and ranges leave of a representation.
static mp_obj_t request_choose(size_t n_args, const mp_obj_t *args) {
    const uint8_t *data;
    const mh_head_t *head = mh_conn_head(modhttp_request_conn(MP_OBJ_TO_PTR(args[0])), &data);
    mh_version_t version = { .size = (uint32_t)mp_obj_get_int_truncated(args[1]) };
    if (n_args > 2 && args[2] != mp_const_none) {
        version.tag = mp_obj_str_get_data(args[2], &version.tag_len);
        if (!mh_etag_ok(version.tag, version.tag_len)) {
            mp_raise_ValueError(MP_ERROR_TEXT("an entity tag is in double quotes, with W/ before them where it is weak"));
        }
    }
    if (n_args > 3 && args[3] != mp_const_none) {
        version.modified = (uint32_t)mp_obj_get_int_truncated(args[3]);
    }
    mh_range_t ranges[MH_RANGES_MAX];
    size_t count;
    int status = mh_version_choose(head, data, &version, mp_hal_time_ns() / 1000000000, ranges, &count);
    mp_obj_tuple_t *parts = MP_OBJ_TO_PTR(mp_obj_new_tuple(count, NULL));
    for (size_t i = 0; i < count; i++) {
        parts->items[i] = range_tuple(&ranges[i]);
    }
    mp_obj_t items[2] = { MP_OBJ_NEW_SMALL_INT(status), MP_OBJ_FROM_PTR(parts) };
    return mp_obj_new_tuple(2, items);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(request_choose_obj, 2, 4, request_choose);

// accepts(coding): whether the client takes a body in this content coding, as "gzip".
static mp_obj_t request_accepts(mp_obj_t self_in, mp_obj_t coding_in) {
    const uint8_t *data;
    const mh_head_t *head = mh_conn_head(modhttp_request_conn(MP_OBJ_TO_PTR(self_in)), &data);
    mh_field_t field;
    uint16_t at = head->fields;
    return mp_obj_new_bool(mh_field_find(data, &at, "accept-encoding", 15, &field)
        && mh_accept_coding(field.value, field.value_len, mp_obj_str_get_str(coding_in)));
}
static MP_DEFINE_CONST_FUN_OBJ_2(request_accepts_obj, request_accepts);

// --- Attributes

static mp_obj_t headers_new(modhttp_request_obj_t *request);

static mp_obj_t request_get(modhttp_request_obj_t *self, qstr attr) {
    const uint8_t *data;
    const mh_head_t *head;
    switch (attr) {
        case MP_QSTR_path:
            return modhttp_request_path(self);
        case MP_QSTR_body:
            return request_body(self);
        case MP_QSTR_text:
            return request_text(self);
        case MP_QSTR_json:
            return request_json(self);
        case MP_QSTR_form:
            return request_form(self);
        case MP_QSTR_stream:
            return MP_OBJ_FROM_PTR(self);
        case MP_QSTR_reader:
            return request_reader(self);
        case MP_QSTR_headers:
            return headers_new(self);
        case MP_QSTR_client:
            return request_client(self);
        case MP_QSTR_method:
            head = modhttp_request_head(self, &data);
            return span_str(data, head->method);
        case MP_QSTR_target:
            head = modhttp_request_head(self, &data);
            return span_str(data, head->target);
        case MP_QSTR_protocol:
            head = modhttp_request_head(self, &data);
            return mp_obj_new_str(head->minor == 0 ? "HTTP/1.0" : "HTTP/1.1", 8);
        case MP_QSTR_head:
            return request_head(self);
        case MP_QSTR_begun:
            return mp_obj_new_bool(self->conn == NULL || !mh_conn_is_new(self->conn));
        case MP_QSTR_wanted:
            return mp_obj_new_bool(self->conn != NULL && mh_conn_wants_body(self->conn));
        case MP_QSTR_last_event_id:
            return request_last_event_id(self);
        case MP_QSTR_cookies:
            return request_cookies(self);
        case MP_QSTR_query: {
            mh_target_t target = request_target(self);
            return parse_query(target.query, target.query_len);
        }
        default:
            return MP_OBJ_NULL;
    }
}

// To set only: on_lost, called when the client of a stream of events is gone.
static void request_attr(mp_obj_t self_in, qstr attr, mp_obj_t *dest) {
    if (dest[0] != MP_OBJ_NULL) {
        if (attr == MP_QSTR_on_lost && dest[1] != MP_OBJ_NULL) {
            modhttp_request_more(MP_OBJ_TO_PTR(self_in))->lost = dest[1];
            dest[0] = MP_OBJ_NULL;
        }
        return;
    }
    dest[0] = request_get(MP_OBJ_TO_PTR(self_in), attr);
    if (dest[0] == MP_OBJ_NULL) {
        dest[1] = MP_OBJ_SENTINEL;      // look in the locals
    }
}

static const mp_rom_map_elem_t request_locals_table[] = {
    { MP_ROM_QSTR(MP_QSTR_begin), MP_ROM_PTR(&request_begin_obj) },
    { MP_ROM_QSTR(MP_QSTR_write), MP_ROM_PTR(&request_write_obj) },
    { MP_ROM_QSTR(MP_QSTR_push), MP_ROM_PTR(&request_push_obj) },
    { MP_ROM_QSTR(MP_QSTR_answer), MP_ROM_PTR(&request_answer_obj) },
    { MP_ROM_QSTR(MP_QSTR_fail), MP_ROM_PTR(&request_fail_obj) },
    { MP_ROM_QSTR(MP_QSTR_end), MP_ROM_PTR(&request_end_obj) },
    { MP_ROM_QSTR(MP_QSTR_detach), MP_ROM_PTR(&request_detach_obj) },
    { MP_ROM_QSTR(MP_QSTR_choose), MP_ROM_PTR(&request_choose_obj) },
    { MP_ROM_QSTR(MP_QSTR_accepts), MP_ROM_PTR(&request_accepts_obj) },
    { MP_ROM_QSTR(MP_QSTR_pull), MP_ROM_PTR(&request_pull_obj) },
    { MP_ROM_QSTR(MP_QSTR_parts), MP_ROM_PTR(&request_parts_obj) },
    { MP_ROM_QSTR(MP_QSTR_read), MP_ROM_PTR(&mp_stream_read_obj) },
    { MP_ROM_QSTR(MP_QSTR_readinto), MP_ROM_PTR(&mp_stream_readinto_obj) },
    { MP_ROM_QSTR(MP_QSTR_readline), MP_ROM_PTR(&mp_stream_unbuffered_readline_obj) },
    { MP_ROM_QSTR(MP_QSTR_close), MP_ROM_PTR(&mp_stream_close_obj) },
};
static MP_DEFINE_CONST_DICT(request_locals, request_locals_table);

static const mp_stream_p_t request_stream = {
    .read = request_read,
    .ioctl = request_ioctl,
};

MP_DEFINE_CONST_OBJ_TYPE(
    modhttp_request_type,
    MP_QSTR_Request,
    MP_TYPE_FLAG_NONE,
    attr, request_attr,
    protocol, &request_stream,
    locals_dict, &request_locals
    );

// --- Headers: a read-only mapping, names in any case, repeated fields joined by ", " (RFC 9110 section 5.3)

typedef struct _modhttp_headers_obj_t {
    mp_obj_base_t base;
    modhttp_request_obj_t *request;
} modhttp_headers_obj_t;

static mp_obj_t headers_new(modhttp_request_obj_t *request) {
    modhttp_headers_obj_t *self = mp_obj_malloc(modhttp_headers_obj_t, &modhttp_headers_type);
    self->request = request;
    return MP_OBJ_FROM_PTR(self);
}

static mp_obj_t headers_lookup(mp_obj_t self_in, mp_obj_t name_in) {
    modhttp_headers_obj_t *self = MP_OBJ_TO_PTR(self_in);
    const uint8_t *data;
    const mh_head_t *head = modhttp_request_head(self->request, &data);
    size_t len;
    const char *name = mp_obj_str_get_data(name_in, &len);
    uint16_t at = head->fields;
    mh_field_t field;
    if (!mh_field_find(data, &at, name, len, &field)) {
        return MP_OBJ_NULL;
    }
    mh_field_t more;
    uint16_t next = at;
    if (!mh_field_find(data, &next, name, len, &more)) {
        return field_str(field.value, field.value_len);
    }
    vstr_t vstr;
    vstr_init(&vstr, field.value_len + more.value_len + 2);
    vstr_add_strn(&vstr, field.value, field.value_len);
    do {
        vstr_add_strn(&vstr, ", ", 2);
        vstr_add_strn(&vstr, more.value, more.value_len);
    } while (mh_field_find(data, &next, name, len, &more));
    return field_str(vstr.buf, vstr.len);
}

static mp_obj_t headers_subscr(mp_obj_t self_in, mp_obj_t index, mp_obj_t value) {
    if (value != MP_OBJ_SENTINEL) {
        return MP_OBJ_NULL;     // read-only
    }
    mp_obj_t found = headers_lookup(self_in, index);
    if (found == MP_OBJ_NULL) {
        mp_raise_type_arg(&mp_type_KeyError, index);
    }
    return found;
}

static mp_obj_t headers_binary_op(mp_binary_op_t op, mp_obj_t self_in, mp_obj_t name) {
    if (op != MP_BINARY_OP_CONTAINS) {
        return MP_OBJ_NULL;
    }
    return mp_obj_new_bool(headers_lookup(self_in, name) != MP_OBJ_NULL);
}

// get(name, default=None)
static mp_obj_t headers_get(size_t n_args, const mp_obj_t *args) {
    mp_obj_t found = headers_lookup(args[0], args[1]);
    if (found != MP_OBJ_NULL) {
        return found;
    }
    return n_args > 2 ? args[2] : mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(headers_get_obj, 2, 3, headers_get);

// items() -> [(name, value), …] as sent
static mp_obj_t headers_items(mp_obj_t self_in) {
    modhttp_headers_obj_t *self = MP_OBJ_TO_PTR(self_in);
    const uint8_t *data;
    const mh_head_t *head = modhttp_request_head(self->request, &data);
    mp_obj_t list = mp_obj_new_list(0, NULL);
    mh_field_t field;
    for (uint16_t at = head->fields; mh_field_next(data, &at, &field);) {
        mp_obj_t items[2] = { mp_obj_new_str(field.name, field.name_len), field_str(field.value, field.value_len) };
        mp_obj_list_append(list, mp_obj_new_tuple(2, items));
    }
    return list;
}
static MP_DEFINE_CONST_FUN_OBJ_1(headers_items_obj, headers_items);

static const mp_rom_map_elem_t headers_locals_table[] = {
    { MP_ROM_QSTR(MP_QSTR_get), MP_ROM_PTR(&headers_get_obj) },
    { MP_ROM_QSTR(MP_QSTR_items), MP_ROM_PTR(&headers_items_obj) },
};
static MP_DEFINE_CONST_DICT(headers_locals, headers_locals_table);

MP_DEFINE_CONST_OBJ_TYPE(
    modhttp_headers_type,
    MP_QSTR_Headers,
    MP_TYPE_FLAG_NONE,
    subscr, headers_subscr,
    binary_op, headers_binary_op,
    locals_dict, &headers_locals
    );
