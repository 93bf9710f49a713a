// _modhttp.Dns, the captive portal's DNS server, and _modhttp.Mdns, what is announced by multicast DNS. Objects, so that a soft
// reset ends them also on boards where no hook tells of it: the sweep of the heap calls their finalisers.

#include <string.h>

#include "py/mperrno.h"
#include "py/objstr.h"
#include "extmod/modnetwork.h"

#include "net/names.h"
#include "py/internal.h"

static NORETURN void raise_os_error(int code, const char *text) {
    mp_obj_t args[2] = { MP_OBJ_NEW_SMALL_INT(code), mp_obj_new_str(text, strlen(text)) };
    nlr_raise(mp_obj_new_exception_args(&mp_type_OSError, 2, args));
}

// --- Dns(): start(), stop(), answers(), local(request)

// The one that has started it: no other's end ends it.
static const void *dns_owner;

static mp_obj_t dns_make_new(const mp_obj_type_t *type, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    (void)args;
    mp_arg_check_num(n_args, n_kw, 0, 0, false);
    return MP_OBJ_FROM_PTR(mp_obj_malloc_with_finaliser(mp_obj_base_t, type));
}

static mp_obj_t dns_start(mp_obj_t self) {
    MICROPY_PY_LWIP_ENTER
    err_t err = mh_dns_start();
    MICROPY_PY_LWIP_EXIT
    if (err == ERR_USE) {
        raise_os_error(MP_EADDRINUSE, "UDP port 53 is in use by a socket of this program: close it before the portal starts");
    }
    if (err != ERR_OK) {
        raise_os_error(MP_ENOMEM, "no lwIP pcb left to answer DNS with: close a UDP socket");
    }
    dns_owner = MP_OBJ_TO_PTR(self);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(dns_start_obj, dns_start);

static mp_obj_t dns_stop(mp_obj_t self) {
    if (dns_owner == MP_OBJ_TO_PTR(self)) {
        MICROPY_PY_LWIP_ENTER
        mh_dns_stop();
        MICROPY_PY_LWIP_EXIT
    }
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(dns_stop_obj, dns_stop);

static mp_obj_t dns_answers(mp_obj_t self) {
    (void)self;
    return mp_obj_new_int_from_uint(mh_dns_answers());
}
static MP_DEFINE_CONST_FUN_OBJ_1(dns_answers_obj, dns_answers);

// local(request) -> the address of ours that its client talks to
static mp_obj_t dns_local(mp_obj_t self, mp_obj_t request) {
    (void)self;
    ip_addr_t address;
    if (!mp_obj_is_type(request, &modhttp_request_type)) {
        mp_raise_TypeError(MP_ERROR_TEXT("local() takes a request"));
    }
    mh_conn_t *conn = modhttp_request_conn(MP_OBJ_TO_PTR(request));
    MICROPY_PY_LWIP_ENTER
    bool alive = mh_conn_local(conn, &address);
    MICROPY_PY_LWIP_EXIT
    if (!alive) {
        mp_raise_OSError(MP_ECONNRESET);
    }
    char text[IPADDR_STRLEN_MAX];
    ipaddr_ntoa_r(&address, text, sizeof(text));
    return mp_obj_new_str(text, strlen(text));
}
static MP_DEFINE_CONST_FUN_OBJ_2(dns_local_obj, dns_local);

static const mp_rom_map_elem_t dns_locals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___del__), MP_ROM_PTR(&dns_stop_obj) },
    { MP_ROM_QSTR(MP_QSTR_start), MP_ROM_PTR(&dns_start_obj) },
    { MP_ROM_QSTR(MP_QSTR_stop), MP_ROM_PTR(&dns_stop_obj) },
    { MP_ROM_QSTR(MP_QSTR_answers), MP_ROM_PTR(&dns_answers_obj) },
    { MP_ROM_QSTR(MP_QSTR_local), MP_ROM_PTR(&dns_local_obj) },
};
static MP_DEFINE_CONST_DICT(dns_locals, dns_locals_table);

MP_DEFINE_CONST_OBJ_TYPE(
    modhttp_dns_type,
    MP_QSTR_Dns,
    MP_TYPE_FLAG_NONE,
    make_new, dns_make_new,
    locals_dict, &dns_locals
    );

// --- Mdns(host, title, type, txt): start(port), stop(), names() -> (host, title, conflicts, whether they are known to be ours)

#if MODHTTP_MDNS

typedef struct _modhttp_mdns_obj_t {
    mp_obj_base_t base;
    mh_mdns_t mdns;
} modhttp_mdns_obj_t;

// As a string that ends with NUL.
static void take_text(mp_obj_t obj, char *out, size_t max) {
    size_t len;
    const char *text = mp_obj_str_get_data(obj, &len);
    if (len == 0 || len > max || memchr(text, '\0', len) != NULL) {
        mp_raise_msg_varg(&mp_type_ValueError, MP_ERROR_TEXT("%s: must be 1 to %u bytes"), text, (unsigned)max);
    }
    memcpy(out, text, len);
    out[len] = '\0';
}

static mp_obj_t mdns_make_new(const mp_obj_type_t *type, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    mp_arg_check_num(n_args, n_kw, 4, 4, false);
    modhttp_mdns_obj_t *self = mp_obj_malloc_with_finaliser(modhttp_mdns_obj_t, type);
    mh_mdns_t *mdns = &self->mdns;
    memset(mdns, 0, sizeof(*mdns));
    take_text(args[0], mdns->host, sizeof(mdns->host) - 1);
    take_text(args[1], mdns->title, sizeof(mdns->title) - 1);
    take_text(args[2], mdns->type, sizeof(mdns->type) - 1);
    size_t len;
    const char *txt = mp_obj_str_get_data(args[3], &len);
    if (len == 0 || len > MH_MDNS_TXT_MAX) {
        mp_raise_msg_varg(&mp_type_ValueError, MP_ERROR_TEXT("txt takes %u bytes: this firmware has room for %u"), (unsigned)len,
            MH_MDNS_TXT_MAX);
    }
    memcpy(mdns->txt, txt, len);
    mdns->txt_len = (uint8_t)len;
    return MP_OBJ_FROM_PTR(self);
}

static void mdns_end(modhttp_mdns_obj_t *self) {
    MICROPY_PY_LWIP_ENTER
    if (mh_mdns_is_announced(&self->mdns)) {
        mh_mdns_stop(mod_network_hostname_data);
    }
    MICROPY_PY_LWIP_EXIT
}

static mp_obj_t mdns_start(mp_obj_t self_in, mp_obj_t port) {
    modhttp_mdns_obj_t *self = MP_OBJ_TO_PTR(self_in);
    self->mdns.port = (uint16_t)mp_obj_get_int(port);
    MICROPY_PY_LWIP_ENTER
    err_t err = mh_mdns_start(&self->mdns);
    MICROPY_PY_LWIP_EXIT
    if (err == ERR_OK) {
        return mp_const_none;
    }
    mdns_end(self);
    if (err == ERR_IF) {
        raise_os_error(MP_EHOSTUNREACH, "no network interface that is up has multicast: mDNS needs Wi-Fi or Ethernet");
    }
    raise_os_error(MP_ENOMEM, "lwIP has no memory for an mDNS service, or has one already");
}
static MP_DEFINE_CONST_FUN_OBJ_2(mdns_start_obj, mdns_start);

static mp_obj_t mdns_stop(mp_obj_t self) {
    mdns_end(MP_OBJ_TO_PTR(self));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(mdns_stop_obj, mdns_stop);

static mp_obj_t mdns_names(mp_obj_t self_in) {
    const mh_mdns_t *mdns = &((modhttp_mdns_obj_t *)MP_OBJ_TO_PTR(self_in))->mdns;
    char host[MH_DNS_LABEL_MAX + 1], title[MH_DNS_LABEL_MAX + 1];
    MICROPY_PY_LWIP_ENTER
    mh_dns_label(mdns->host, mdns->host_number, false, host);
    mh_dns_label(mdns->title, mdns->title_number, true, title);
    uint16_t conflicts = mdns->conflicts;
    bool ours = mh_mdns_is_ours(mdns);
    MICROPY_PY_LWIP_EXIT
    mp_obj_t items[4] = {
        mp_obj_new_str(host, strlen(host)), mp_obj_new_str(title, strlen(title)), MP_OBJ_NEW_SMALL_INT(conflicts), mp_obj_new_bool(ours),
    };
    return mp_obj_new_tuple(4, items);
}
static MP_DEFINE_CONST_FUN_OBJ_1(mdns_names_obj, mdns_names);

static const mp_rom_map_elem_t mdns_locals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___del__), MP_ROM_PTR(&mdns_stop_obj) },
    { MP_ROM_QSTR(MP_QSTR_start), MP_ROM_PTR(&mdns_start_obj) },
    { MP_ROM_QSTR(MP_QSTR_stop), MP_ROM_PTR(&mdns_stop_obj) },
    { MP_ROM_QSTR(MP_QSTR_names), MP_ROM_PTR(&mdns_names_obj) },
};
static MP_DEFINE_CONST_DICT(mdns_locals, mdns_locals_table);

MP_DEFINE_CONST_OBJ_TYPE(
    modhttp_mdns_type,
    MP_QSTR_Mdns,
    MP_TYPE_FLAG_NONE,
    make_new, mdns_make_new,
    locals_dict, &mdns_locals
    );

#endif
