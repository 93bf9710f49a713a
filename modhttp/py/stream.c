// _modhttp.Stream: a detached connection as a stream of raw bytes. Blocking, with a timeout, or non-blocking; pollable.

#include "py/mperrno.h"
#include "py/stream.h"

#include "py/internal.h"

typedef struct _modhttp_stream_obj_t {
    mp_obj_base_t base;
    modhttp_server_obj_t *app;
    mh_conn_t *conn;        // NULL when closed
    mp_int_t timeout;       // ms; negative: none; 0: non-blocking
} modhttp_stream_obj_t;

mp_obj_t modhttp_stream_new(modhttp_server_obj_t *app) {
    modhttp_stream_obj_t *self = mp_obj_malloc_with_finaliser(modhttp_stream_obj_t, &modhttp_stream_type);
    self->app = app;
    self->conn = NULL;
    self->timeout = -1;
    return MP_OBJ_FROM_PTR(self);
}

void modhttp_stream_own(mp_obj_t self_in, mh_conn_t *conn) {
    modhttp_stream_obj_t *self = MP_OBJ_TO_PTR(self_in);
    self->conn = conn;
    mh_conn_set_owner(conn, NULL);      // a forgotten stream is closed by its finaliser
}

// After -EAGAIN: wait for an event. False when the time is up.
static bool wait(modhttp_stream_obj_t *self, mp_uint_t start) {
    if (self->timeout < 0) {
        mp_event_wait_indefinite();
        return true;
    }
    mp_uint_t passed = mp_hal_ticks_ms() - start;
    if (passed >= (mp_uint_t)self->timeout) {
        return false;
    }
    mp_event_wait_ms((mp_uint_t)self->timeout - passed);
    return true;
}

// Read into or write from `buf`, once: what is there, or room for.
static mp_uint_t transfer(modhttp_stream_obj_t *self, void *buf, mp_uint_t size, bool write, int *errcode) {
    mp_uint_t start = mp_hal_ticks_ms();
    for (;;) {
        if (self->conn == NULL) {
            *errcode = MP_EBADF;
            return MP_STREAM_ERROR;
        }
        MICROPY_PY_LWIP_ENTER
        int n = write ? mh_conn_write(self->conn, buf, size, NULL) : mh_conn_read(self->conn, buf, size);
        if (write) {
            mh_conn_output(self->conn);
        }
        MICROPY_PY_LWIP_EXIT
        if (n >= 0) {
            return (mp_uint_t)n;
        }
        if (n != -EAGAIN) {
            *errcode = MP_ECONNRESET;
            return MP_STREAM_ERROR;
        }
        if (!wait(self, start)) {
            *errcode = self->timeout == 0 ? MP_EAGAIN : MP_ETIMEDOUT;
            return MP_STREAM_ERROR;
        }
    }
}

static mp_uint_t stream_read(mp_obj_t self_in, void *buf, mp_uint_t size, int *errcode) {
    return transfer(MP_OBJ_TO_PTR(self_in), buf, size, false, errcode);
}

static mp_uint_t stream_write(mp_obj_t self_in, const void *buf, mp_uint_t size, int *errcode) {
    return transfer(MP_OBJ_TO_PTR(self_in), (void *)buf, size, true, errcode);
}

static void stream_release(modhttp_stream_obj_t *self) {
    if (self->conn != NULL) {
        MICROPY_PY_LWIP_ENTER
        mh_conn_release(self->conn);
        MICROPY_PY_LWIP_EXIT
        self->conn = NULL;
    }
}

static mp_uint_t stream_poll(modhttp_stream_obj_t *self, mp_uint_t flags) {
    if (self->conn == NULL) {
        return MP_STREAM_POLL_NVAL;
    }
    MICROPY_PY_LWIP_ENTER
    mp_uint_t ready = (mh_conn_readable(self->conn) ? MP_STREAM_POLL_RD : 0) | (mh_conn_writable(self->conn) ? MP_STREAM_POLL_WR : 0);
    bool alive = mh_conn_is_alive(self->conn);
    MICROPY_PY_LWIP_EXIT
    return (ready & flags) | (alive ? 0 : MP_STREAM_POLL_HUP | MP_STREAM_POLL_ERR);
}

static mp_uint_t stream_ioctl(mp_obj_t self_in, mp_uint_t request, uintptr_t arg, int *errcode) {
    modhttp_stream_obj_t *self = MP_OBJ_TO_PTR(self_in);
    switch (request) {
        case MP_STREAM_CLOSE:
            stream_release(self);
            return 0;
        case MP_STREAM_POLL:
            return stream_poll(self, arg);
        default:
            *errcode = MP_EINVAL;
            return MP_STREAM_ERROR;
    }
}

// settimeout(seconds or None); 0 is non-blocking
static mp_obj_t stream_settimeout(mp_obj_t self_in, mp_obj_t timeout_in) {
    modhttp_stream_obj_t *self = MP_OBJ_TO_PTR(self_in);
    self->timeout = timeout_in == mp_const_none ? -1 : (mp_int_t)(mp_obj_get_float(timeout_in) * 1000);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(stream_settimeout_obj, stream_settimeout);

static mp_obj_t stream_setblocking(mp_obj_t self_in, mp_obj_t flag) {
    modhttp_stream_obj_t *self = MP_OBJ_TO_PTR(self_in);
    self->timeout = mp_obj_is_true(flag) ? -1 : 0;
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(stream_setblocking_obj, stream_setblocking);

static const mp_rom_map_elem_t stream_locals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___del__), MP_ROM_PTR(&mp_stream_close_obj) },
    { MP_ROM_QSTR(MP_QSTR_close), MP_ROM_PTR(&mp_stream_close_obj) },
    { MP_ROM_QSTR(MP_QSTR_read), MP_ROM_PTR(&mp_stream_read1_obj) },
    { MP_ROM_QSTR(MP_QSTR_readinto), MP_ROM_PTR(&mp_stream_readinto_obj) },
    { MP_ROM_QSTR(MP_QSTR_readline), MP_ROM_PTR(&mp_stream_unbuffered_readline_obj) },
    { MP_ROM_QSTR(MP_QSTR_recv), MP_ROM_PTR(&mp_stream_read1_obj) },
    { MP_ROM_QSTR(MP_QSTR_send), MP_ROM_PTR(&mp_stream_write1_obj) },
    { MP_ROM_QSTR(MP_QSTR_write), MP_ROM_PTR(&mp_stream_write_obj) },
    { MP_ROM_QSTR(MP_QSTR_settimeout), MP_ROM_PTR(&stream_settimeout_obj) },
    { MP_ROM_QSTR(MP_QSTR_setblocking), MP_ROM_PTR(&stream_setblocking_obj) },
};
static MP_DEFINE_CONST_DICT(stream_locals, stream_locals_table);

static const mp_stream_p_t stream_protocol = {
    .read = stream_read,
    .write = stream_write,
    .ioctl = stream_ioctl,
};

MP_DEFINE_CONST_OBJ_TYPE(
    modhttp_stream_type,
    MP_QSTR_Stream,
    MP_TYPE_FLAG_NONE,
    protocol, &stream_protocol,
    locals_dict, &stream_locals
    );
