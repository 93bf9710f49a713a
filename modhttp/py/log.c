// The request log: what net/ has noted, as lines of the Common Log Format, given to the program.

#include <string.h>

#include "py/objstr.h"

#include "py/internal.h"

// Requests that wait for the program, in its absence, until they are no longer logged but counted.
#define ENTRIES (16)

void modhttp_log_attach(modhttp_server_obj_t *self) {
    if (self->server != NULL) {
        MICROPY_PY_LWIP_ENTER
        mh_server_log(self->server, self->log_mem, ENTRIES);
        MICROPY_PY_LWIP_EXIT
    }
}

// log(function): called with a line for each request from now on; None: no longer.
static mp_obj_t server_log(mp_obj_t self_in, mp_obj_t function) {
    modhttp_server_obj_t *self = MP_OBJ_TO_PTR(self_in);
    void *mem = function == mp_const_none ? NULL : m_malloc(mh_log_size(&self->config, ENTRIES));
    self->log = function;
    self->log_mem = mem;
    self->log_lost = 0;
    modhttp_log_attach(self);
    return mp_const_none;
}
MP_DEFINE_CONST_FUN_OBJ_2(modhttp_server_log_obj, server_log);

static mp_obj_t line_of(const mh_logged_t *logged) {
    char host[IPADDR_STRLEN_MAX], text[MH_LOG_MAX + IPADDR_STRLEN_MAX];
    ipaddr_ntoa_r(&logged->client, host, sizeof(host));
    return mp_obj_new_str(text, mh_log_format(&logged->entry, host, strlen(host), text));
}

// What there was no room for, as a line that no parser takes for a request.
static void tell_lost(modhttp_server_obj_t *self) {
    uint32_t lost = mh_server_log_lost(self->server);
    if (lost != self->log_lost) {
        vstr_t vstr;
        vstr_init(&vstr, 40);
        vstr_printf(&vstr, "# %u requests are not logged", (unsigned)(lost - self->log_lost));
        self->log_lost = lost;
        mp_call_function_1(self->log, mp_obj_new_str_from_vstr(&vstr));
    }
}

// A log that fails, for the file system is full, say, must not keep the server from its work: it ends.
void modhttp_log_drain(modhttp_server_obj_t *self) {
    nlr_buf_t nlr;
    if (nlr_push(&nlr) == 0) {
        mh_logged_t logged;
        bool more = true;
        while (more && self->log != mp_const_none) {
            MICROPY_PY_LWIP_ENTER
            more = mh_server_logged(self->server, &logged);
            MICROPY_PY_LWIP_EXIT
            if (more) {
                mp_call_function_1(self->log, line_of(&logged));
            } else {
                tell_lost(self);
            }
        }
        nlr_pop();
        return;
    }
    mp_obj_t exc = MP_OBJ_FROM_PTR(nlr.ret_val);
    if (!mp_obj_is_subclass_fast(MP_OBJ_FROM_PTR(mp_obj_get_type(exc)), MP_OBJ_FROM_PTR(&mp_type_Exception))) {
        nlr_jump(nlr.ret_val);
    }
    server_log(MP_OBJ_FROM_PTR(self), mp_const_none);
    mp_printf(&mp_plat_print, "modhttp: the request log ends, for it raised\n");
    mp_obj_print_exception(&mp_plat_print, exc);
}
