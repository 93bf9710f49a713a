// _modhttp.Socket: a WebSocket as python/modhttp/websocket.py sees it. Whole messages in and out; nothing here waits.

#include <string.h>

#include "py/mperrno.h"
#include "py/objstr.h"
#include "py/stream.h"
#include "py/unicode.h"

#include "py/internal.h"

typedef struct _modhttp_socket_obj_t {
    mp_obj_base_t base;
    modhttp_server_obj_t *app;      // whose memory the socket refers to
    mh_socket_t *socket;
    size_t size;            // bytes of its memory
    mp_obj_t on_event;      // is called with each message that is there to be fetched, and with the end; None: the program waits for them itself
} modhttp_socket_obj_t;

// offers(request, protocol): whether the client names it.
static mp_obj_t modhttp_offers(mp_obj_t request_in, mp_obj_t protocol_in) {
    size_t len;
    const char *protocol = mp_obj_str_get_data(protocol_in, &len);
    const uint8_t *data;
    const mh_head_t *head = modhttp_request_head(MP_OBJ_TO_PTR(request_in), &data);
    return mp_obj_new_bool(mh_ws_offers(head, data, protocol, len));
}
MP_DEFINE_CONST_FUN_OBJ_2(modhttp_offers_obj, modhttp_offers);

// upgrade(request, on_event, max_message, max_queue, ping_ms, protocol) -> Socket, or the status that the request is to be refused with. The
// request can be looked at from then on, but not be answered.
static mp_obj_t modhttp_upgrade(size_t n_args, const mp_obj_t *args) {
    (void)n_args;
    modhttp_request_obj_t *request = MP_OBJ_TO_PTR(args[0]);
    mh_conn_t *conn = modhttp_request_conn(request);
    mh_socket_config_t config = {
        .notify = args[1] != mp_const_none,
        .max_message = (uint32_t)mp_obj_get_int(args[2]) & 0x3fffff,
        .max_queue = (uint32_t)mp_obj_get_int(args[3]),
        .ping_ms = (uint32_t)mp_obj_get_int(args[4]),
    };
    size_t protocol_len = 0;
    const char *protocol = args[5] == mp_const_none ? NULL : mp_obj_str_get_data(args[5], &protocol_len);
    modhttp_socket_obj_t *self = mp_obj_malloc(modhttp_socket_obj_t, &modhttp_socket_type);
    self->app = request->app;
    self->on_event = args[1];
    self->size = mh_socket_size(&config);
    self->socket = (void *)m_new(uint8_t, self->size);
    modhttp_request_keep(request);
    int result;
    for (;;) {
        MICROPY_PY_LWIP_ENTER
        result = mh_socket_open(conn, self->socket, &config, protocol, protocol_len, self);
        MICROPY_PY_LWIP_EXIT
        if (result != -EAGAIN) {
            break;
        }
        modhttp_wait(conn);
    }
    if (result > 0) {
        return MP_OBJ_NEW_SMALL_INT(result);
    }
    if (result == -EINVAL) {
        mp_raise_msg(&mp_type_RuntimeError, MP_ERROR_TEXT("the answer has begun, or the protocol's name is too long"));
    }
    if (result < 0) {
        modhttp_raise(result);
    }
    request->conn = NULL;
    return MP_OBJ_FROM_PTR(self);
}
MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(modhttp_upgrade_obj, 6, 6, modhttp_upgrade);

bool modhttp_socket_handle(modhttp_server_obj_t *app) {
    MICROPY_PY_LWIP_ENTER
    mh_socket_t *socket = mh_server_take_socket(app->server);
    modhttp_socket_obj_t *self = socket == NULL ? NULL : mh_socket_owner(socket);
    MICROPY_PY_LWIP_EXIT
    if (self == NULL) {
        return false;
    }
    modhttp_call(self->on_event);
    return true;
}

// recv() -> the oldest message that is here, str or bytes; None when there is none.
static mp_obj_t socket_recv(mp_obj_t self_in) {
    modhttp_socket_obj_t *self = MP_OBJ_TO_PTR(self_in);
    uint8_t opcode;
    size_t len;
    MICROPY_PY_LWIP_ENTER
    bool here = mh_socket_peek(self->socket, &opcode, &len);
    MICROPY_PY_LWIP_EXIT
    if (!here) {
        return mp_const_none;
    }
    vstr_t vstr;
    vstr_init_len(&vstr, len);
    MICROPY_PY_LWIP_ENTER
    mh_socket_take(self->socket, vstr.buf);
    MICROPY_PY_LWIP_EXIT
    return opcode == MH_WS_TEXT ? mp_obj_new_str_from_utf8_vstr(&vstr) : mp_obj_new_bytes_from_vstr(&vstr);
}
static MP_DEFINE_CONST_FUN_OBJ_1(socket_recv_obj, socket_recv);

static NORETURN void raise_closed(void) {
    mp_raise_msg(&mp_type_OSError, MP_ERROR_TEXT("the WebSocket is closed"));
}

// send(message): str as text, what else has bytes as binary. False when those before it have to go first.
static mp_obj_t socket_send(mp_obj_t self_in, mp_obj_t message) {
    modhttp_socket_obj_t *self = MP_OBJ_TO_PTR(self_in);
    bool text = mp_obj_is_str(message);
    mp_buffer_info_t info;
    if (!mp_get_buffer(message, &info, MP_BUFFER_READ)) {
        mp_raise_msg_varg(&mp_type_TypeError, MP_ERROR_TEXT("a message must be str or bytes, not %s"), mp_obj_get_type_str(message));
    }
    if (!mp_obj_is_str_or_bytes(message)) {     // it may move or change
        message = mp_obj_new_bytes(info.buf, info.len);
        mp_get_buffer_raise(message, &info, MP_BUFFER_READ);
    }
    MICROPY_PY_LWIP_ENTER
    int result = mh_socket_send(self->socket, text ? MH_WS_TEXT : MH_WS_BINARY, info.buf, info.len, MP_OBJ_TO_PTR(message));
    MICROPY_PY_LWIP_EXIT
    if (result == -ECONNRESET) {
        raise_closed();
    }
    return mp_obj_new_bool(result == 0);
}
static MP_DEFINE_CONST_FUN_OBJ_2(socket_send_obj, socket_send);

static mp_obj_t socket_ping(mp_obj_t self_in) {
    modhttp_socket_obj_t *self = MP_OBJ_TO_PTR(self_in);
    MICROPY_PY_LWIP_ENTER
    mh_socket_ping(self->socket);
    MICROPY_PY_LWIP_EXIT
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(socket_ping_obj, socket_ping);

// close(code, reason)
static mp_obj_t socket_close(mp_obj_t self_in, mp_obj_t code_in, mp_obj_t reason_in) {
    modhttp_socket_obj_t *self = MP_OBJ_TO_PTR(self_in);
    mp_int_t code = mp_obj_get_int(code_in);
    size_t len;
    const char *reason = mp_obj_str_get_data(reason_in, &len);
    if (code < 0 || !mh_ws_code_ok((uint32_t)code)) {
        mp_raise_ValueError(MP_ERROR_TEXT("code must be 1000 to 1003, 1007 to 1014 or 3000 to 4999"));
    }
    if (len > MH_WS_CONTROL_MAX - 2 || !utf8_check((const byte *)reason, len)) {
        mp_raise_ValueError(MP_ERROR_TEXT("reason must be at most 123 bytes of UTF-8"));
    }
    MICROPY_PY_LWIP_ENTER
    mh_socket_close(self->socket, (uint16_t)code, reason, len);
    MICROPY_PY_LWIP_EXIT
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_3(socket_close_obj, socket_close);

// Give up the room for messages, as none will come any more: who knows how long something refers to the object. (asyncio does, in a
// table whose places keep what was last there.)
static void free_room(modhttp_socket_obj_t *self) {
    size_t size = mh_socket_size(&(mh_socket_config_t) { .max_message = 0 });
    if (m_renew_maybe(uint8_t, self->socket, self->size, size, false) != NULL) {
        self->size = size;
    }
}

// (code, reason) once it is closed, else None.
static mp_obj_t socket_closed(modhttp_socket_obj_t *self) {
    const char *reason;
    uint8_t opcode;
    size_t len, message_len;
    MICROPY_PY_LWIP_ENTER
    uint16_t code = mh_socket_closed(self->socket, &reason, &len);
    bool more = mh_socket_peek(self->socket, &opcode, &message_len);
    MICROPY_PY_LWIP_EXIT
    if (code == 0) {
        return mp_const_none;
    }
    if (!more) {
        free_room(self);
    }
    mp_obj_t items[2] = { MP_OBJ_NEW_SMALL_INT(code), mp_obj_new_str(reason, len) };
    return mp_obj_new_tuple(2, items);
}

// closed; closing: nothing can be sent any more.
static void socket_attr(mp_obj_t self_in, qstr attr, mp_obj_t *dest) {
    modhttp_socket_obj_t *self = MP_OBJ_TO_PTR(self_in);
    if (dest[0] != MP_OBJ_NULL) {
        return;
    }
    if (attr == MP_QSTR_closed) {
        dest[0] = socket_closed(self);
    } else if (attr == MP_QSTR_closing) {
        MICROPY_PY_LWIP_ENTER
        bool closing = mh_socket_is_closing(self->socket);
        MICROPY_PY_LWIP_EXIT
        dest[0] = mp_obj_new_bool(closing);
    } else {
        dest[1] = MP_OBJ_SENTINEL;      // look in the locals
    }
}

// Readable when there is a message, or the end; writable when the message that was last refused would be taken, or never will.
static mp_uint_t socket_ioctl(mp_obj_t self_in, mp_uint_t request, uintptr_t arg, int *errcode) {
    const modhttp_socket_obj_t *self = MP_OBJ_TO_PTR(self_in);
    if (request != MP_STREAM_POLL) {
        *errcode = MP_EINVAL;
        return MP_STREAM_ERROR;
    }
    uint8_t opcode;
    size_t len;
    const char *reason;
    MICROPY_PY_LWIP_ENTER
    bool readable = mh_socket_peek(self->socket, &opcode, &len) || mh_socket_closed(self->socket, &reason, &len) != 0;
    bool writable = mh_socket_has_room(self->socket);
    MICROPY_PY_LWIP_EXIT
    return ((readable ? MP_STREAM_POLL_RD : 0) | (writable ? MP_STREAM_POLL_WR : 0)) & arg;
}

static const mp_rom_map_elem_t socket_locals_table[] = {
    { MP_ROM_QSTR(MP_QSTR_recv), MP_ROM_PTR(&socket_recv_obj) },
    { MP_ROM_QSTR(MP_QSTR_send), MP_ROM_PTR(&socket_send_obj) },
    { MP_ROM_QSTR(MP_QSTR_ping), MP_ROM_PTR(&socket_ping_obj) },
    { MP_ROM_QSTR(MP_QSTR_close), MP_ROM_PTR(&socket_close_obj) },
};
static MP_DEFINE_CONST_DICT(socket_locals, socket_locals_table);

static const mp_stream_p_t socket_stream = {
    .ioctl = socket_ioctl,
};

MP_DEFINE_CONST_OBJ_TYPE(
    modhttp_socket_type,
    MP_QSTR_Socket,
    MP_TYPE_FLAG_NONE,
    attr, socket_attr,
    protocol, &socket_stream,
    locals_dict, &socket_locals
    );
