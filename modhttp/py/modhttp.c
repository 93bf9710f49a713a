// The native module _modhttp: what python/modhttp is built on.

#include <string.h>

#include "py/mperrno.h"
#include "py/objexcept.h"
#include "py/objstr.h"

#include "port/port.h"
#include "py/internal.h"

NORETURN void modhttp_raise(int err) {
    switch (-err) {
        case ETIMEDOUT:
            modhttp_raise_http(408, "request body did not come in time");
        case EINVAL:
            modhttp_raise_http(400, "malformed request body");
        default:
            mp_raise_OSError(MP_ECONNRESET);
    }
}

// The text is no exception's own: without memory that would lie in MicroPython's emergency buffer, where `args` are put on top of it.
NORETURN void modhttp_raise_http(int status, const char *text) {
    mp_obj_t args[2] = { MP_OBJ_NEW_SMALL_INT(status), mp_obj_new_str(text, strlen(text)) };
    nlr_raise(mp_obj_new_exception_args(&modhttp_type_HTTPError, 2, args));
}

void modhttp_wait(mh_conn_t *conn) {
    MICROPY_PY_LWIP_ENTER
    mh_conn_wait(conn, true);
    MICROPY_PY_LWIP_EXIT
    nlr_buf_t nlr;
    if (nlr_push(&nlr) == 0) {
        mp_event_wait_ms(1000);
        nlr_pop();
    } else {
        MICROPY_PY_LWIP_ENTER
        mh_conn_wait(conn, false);
        MICROPY_PY_LWIP_EXIT
        nlr_jump(nlr.ret_val);
    }
    MICROPY_PY_LWIP_ENTER
    mh_conn_wait(conn, false);
    MICROPY_PY_LWIP_EXIT
}

// HTTPError(status, message): raised by a handler, it is the answer.
MP_DEFINE_CONST_OBJ_TYPE(
    modhttp_type_HTTPError,
    MP_QSTR_HTTPError,
    MP_TYPE_FLAG_NONE,
    make_new, mp_obj_exception_make_new,
    print, mp_obj_exception_print,
    attr, mp_obj_exception_attr,
    parent, &mp_type_Exception
    );

// check_field(name, value): ValueError for what may not be sent as a field.
static mp_obj_t modhttp_check_field(mp_obj_t name_in, mp_obj_t value_in) {
    size_t name_len, value_len;
    const char *name = mp_obj_str_get_data(name_in, &name_len);
    const char *value = mp_obj_str_get_data(value_in, &value_len);
    if (!mh_field_name_ok(name, name_len) || !mh_field_value_ok(value, value_len)) {
        mp_raise_msg_varg(&mp_type_ValueError, MP_ERROR_TEXT("header %s has a character that HTTP does not allow"), name);
    }
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(modhttp_check_field_obj, modhttp_check_field);

// reason(status) -> "Not Found"; "" when unknown
static mp_obj_t modhttp_reason(mp_obj_t status_in) {
    const char *reason = mh_reason((uint16_t)mp_obj_get_int(status_in));
    return mp_obj_new_str(reason, strlen(reason));
}
static MP_DEFINE_CONST_FUN_OBJ_1(modhttp_reason_obj, modhttp_reason);

// date(seconds since 1970) -> "Sun, 06 Nov 1994 08:49:37 GMT"
static mp_obj_t modhttp_date(mp_obj_t seconds_in) {
    char text[MH_DATE_LEN];
    mh_date((uint32_t)mp_obj_get_int_truncated(seconds_in), text);
    return mp_obj_new_str(text, sizeof(text));
}
static MP_DEFINE_CONST_FUN_OBJ_1(modhttp_date_obj, modhttp_date);

// boot() -> a number that tells this program from those before
static mp_obj_t modhttp_boot(void) {
    MICROPY_PY_LWIP_ENTER
    uint32_t boot = mh_native_boot();
    MICROPY_PY_LWIP_EXIT
    return mp_obj_new_int_from_uint(boot);
}
static MP_DEFINE_CONST_FUN_OBJ_0(modhttp_boot_obj, modhttp_boot);

// pcbs() -> (active, listening, time_wait): lwIP's, in the whole stack.
static mp_obj_t modhttp_pcbs(void) {
    unsigned n[3];
    MICROPY_PY_LWIP_ENTER
    mh_pcb_count(&n[0], &n[1], &n[2]);
    MICROPY_PY_LWIP_EXIT
    mp_obj_t items[3] = { MP_OBJ_NEW_SMALL_INT(n[0]), MP_OBJ_NEW_SMALL_INT(n[1]), MP_OBJ_NEW_SMALL_INT(n[2]) };
    return mp_obj_new_tuple(3, items);
}
static MP_DEFINE_CONST_FUN_OBJ_0(modhttp_pcbs_obj, modhttp_pcbs);

// floor(port, answer): bench's canned responder; floor(0, None) ends it.
static mp_obj_t modhttp_floor(mp_obj_t port_in, mp_obj_t answer_in) {
    mp_int_t port = mp_obj_get_int(port_in);
    if (port == 0) {
        MICROPY_PY_LWIP_ENTER
        mh_floor_close();
        MICROPY_PY_LWIP_EXIT
        MP_STATE_VM(modhttp_floor_answer) = NULL;
        return mp_const_none;
    }
    size_t len;
    const char *data = mp_obj_str_get_data(answer_in, &len);
    if (len > 1024) {
        mp_raise_ValueError(MP_ERROR_TEXT("answer must be at most 1024 bytes"));
    }
    MP_STATE_VM(modhttp_floor_answer) = MP_OBJ_TO_PTR(answer_in);
    MICROPY_PY_LWIP_ENTER
    err_t err = mh_floor_listen((uint16_t)port, data, (uint16_t)len);
    MICROPY_PY_LWIP_EXIT
    if (err != ERR_OK) {
        mp_raise_OSError(MP_EADDRINUSE);
    }
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(modhttp_floor_obj, modhttp_floor);
MP_REGISTER_ROOT_POINTER(void *modhttp_floor_answer);

// The Python layer, which may come from elsewhere, has to be of the same.
static const MP_DEFINE_STR_OBJ(modhttp_version_obj, MODHTTP_VERSION);

static const mp_rom_map_elem_t modhttp_module_globals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR__modhttp) },
    { MP_ROM_QSTR(MP_QSTR_version), MP_ROM_PTR(&modhttp_version_obj) },
    { MP_ROM_QSTR(MP_QSTR_Server), MP_ROM_PTR(&modhttp_server_type) },
    { MP_ROM_QSTR(MP_QSTR_Request), MP_ROM_PTR(&modhttp_request_type) },
    { MP_ROM_QSTR(MP_QSTR_Headers), MP_ROM_PTR(&modhttp_headers_type) },
    { MP_ROM_QSTR(MP_QSTR_Stream), MP_ROM_PTR(&modhttp_stream_type) },
    { MP_ROM_QSTR(MP_QSTR_offers), MP_ROM_PTR(&modhttp_offers_obj) },
    { MP_ROM_QSTR(MP_QSTR_upgrade), MP_ROM_PTR(&modhttp_upgrade_obj) },
    { MP_ROM_QSTR(MP_QSTR_Endpoint), MP_ROM_PTR(&modhttp_endpoint_type) },
    { MP_ROM_QSTR(MP_QSTR_Blob), MP_ROM_PTR(&modhttp_blob_type) },
    { MP_ROM_QSTR(MP_QSTR_Field), MP_ROM_PTR(&modhttp_field_type) },
    { MP_ROM_QSTR(MP_QSTR_Form), MP_ROM_PTR(&modhttp_form_type) },
    { MP_ROM_QSTR(MP_QSTR_Metrics), MP_ROM_PTR(&modhttp_metrics_type) },
    { MP_ROM_QSTR(MP_QSTR_Dns), MP_ROM_PTR(&modhttp_dns_type) },
    #if MODHTTP_MDNS
    { MP_ROM_QSTR(MP_QSTR_Mdns), MP_ROM_PTR(&modhttp_mdns_type) },
    #endif
    { MP_ROM_QSTR(MP_QSTR_Guard), MP_ROM_PTR(&modhttp_guard_type) },
    { MP_ROM_QSTR(MP_QSTR_HTTPError), MP_ROM_PTR(&modhttp_type_HTTPError) },
    { MP_ROM_QSTR(MP_QSTR_authorization), MP_ROM_PTR(&modhttp_authorization_obj) },
    { MP_ROM_QSTR(MP_QSTR_unbase64), MP_ROM_PTR(&modhttp_unbase64_obj) },
    { MP_ROM_QSTR(MP_QSTR_same), MP_ROM_PTR(&modhttp_same_obj) },
    { MP_ROM_QSTR(MP_QSTR_noise), MP_ROM_PTR(&modhttp_noise_obj) },
    { MP_ROM_QSTR(MP_QSTR_check_field), MP_ROM_PTR(&modhttp_check_field_obj) },
    { MP_ROM_QSTR(MP_QSTR_reason), MP_ROM_PTR(&modhttp_reason_obj) },
    { MP_ROM_QSTR(MP_QSTR_date), MP_ROM_PTR(&modhttp_date_obj) },
    { MP_ROM_QSTR(MP_QSTR_boot), MP_ROM_PTR(&modhttp_boot_obj) },
    { MP_ROM_QSTR(MP_QSTR_pcbs), MP_ROM_PTR(&modhttp_pcbs_obj) },
    { MP_ROM_QSTR(MP_QSTR_floor), MP_ROM_PTR(&modhttp_floor_obj) },
};
static MP_DEFINE_CONST_DICT(modhttp_module_globals, modhttp_module_globals_table);

const mp_obj_module_t modhttp_module = {
    .base = { &mp_type_module },
    .globals = (mp_obj_dict_t *)&modhttp_module_globals,
};

MP_REGISTER_MODULE(MP_QSTR__modhttp, modhttp_module);
