// network.SLIP: the serial link as one of MicroPython's network interfaces.

#include "py/mphal.h"
#include "py/runtime.h"

#include "extmod/modnetwork.h"
#include "shared/netutils/netutils.h"

#include "hardware/uart.h"
#include "lwip/dns.h"

#include "port/rp2/slip.h"

typedef struct {
    mp_obj_base_t base;
} network_slip_obj_t;

extern const mp_obj_type_t modhttp_network_slip_type;

static const network_slip_obj_t network_slip_obj = { { &modhttp_network_slip_type } };

static mp_obj_t network_slip_make_new(const mp_obj_type_t *type, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    mp_arg_check_num(n_args, n_kw, 0, 0, false);
    return MP_OBJ_FROM_PTR(&network_slip_obj);
}

static void network_slip_print(const mp_print_t *print, mp_obj_t self_in, mp_print_kind_t kind) {
    const uint8_t *ip = (const uint8_t *)&modhttp_slip_netif.ip_addr;
    mp_printf(print, "<SLIP %s %u.%u.%u.%u baudrate=%u>", modhttp_slip_is_open() ? "up" : "down",
        ip[0], ip[1], ip[2], ip[3], (unsigned)modhttp_slip_baudrate());
}

static mp_obj_t network_slip_active(size_t n_args, const mp_obj_t *args) {
    if (n_args == 1) {
        return mp_obj_new_bool(modhttp_slip_is_open());
    }
    if (mp_obj_is_true(args[1])) {
        modhttp_slip_open();
    } else {
        modhttp_slip_close();
    }
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(network_slip_active_obj, 1, 2, network_slip_active);

static mp_obj_t network_slip_isconnected(mp_obj_t self_in) {
    return mp_obj_new_bool(modhttp_slip_is_open());
}
static MP_DEFINE_CONST_FUN_OBJ_1(network_slip_isconnected_obj, network_slip_isconnected);

// Without an argument 3 (STAT_GOT_IP of network.WLAN) when up, else 0; with the name of a counter its value.
static mp_obj_t network_slip_status(size_t n_args, const mp_obj_t *args) {
    if (n_args == 1) {
        return MP_OBJ_NEW_SMALL_INT(modhttp_slip_is_open() ? 3 : 0);
    }
    switch (mp_obj_str_get_qstr(args[1])) {
        case MP_QSTR_packets_in:
            return mp_obj_new_int_from_uint(modhttp_slip_counters.packets_in);
        case MP_QSTR_packets_out:
            return mp_obj_new_int_from_uint(modhttp_slip_counters.packets_out);
        case MP_QSTR_overruns:
            return mp_obj_new_int_from_uint(modhttp_slip_counters.overruns);
        case MP_QSTR_garbled:
            return mp_obj_new_int_from_uint(modhttp_slip_counters.garbled);
        case MP_QSTR_dropped:
            return mp_obj_new_int_from_uint(modhttp_slip_counters.dropped);
        case MP_QSTR_refused:
            return mp_obj_new_int_from_uint(modhttp_slip_counters.refused);
        default:
            mp_raise_ValueError(MP_ERROR_TEXT("no such counter"));
    }
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(network_slip_status_obj, 1, 2, network_slip_status);

// (address, netmask, peer, dns). Set under the lock and through lwIP, which ends connections of an address that goes.
static mp_obj_t network_slip_ifconfig(size_t n_args, const mp_obj_t *args) {
    if (n_args == 1) {
        return mod_network_nic_ifconfig(&modhttp_slip_netif, 0, NULL);
    }
    mp_obj_t *items;
    mp_obj_get_array_fixed_n(args[1], 4, &items);
    ip4_addr_t address[4];
    for (size_t i = 0; i < 4; ++i) {
        netutils_parse_ipv4_addr(items[i], (uint8_t *)&address[i], NETUTILS_BIG);
    }
    ip_addr_t dns;
    ip_addr_copy_from_ip4(dns, address[3]);
    MICROPY_PY_LWIP_ENTER
    netif_set_addr(&modhttp_slip_netif, &address[0], &address[1], &address[2]);
    dns_setserver(0, &dns);
    MICROPY_PY_LWIP_EXIT
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(network_slip_ifconfig_obj, 1, 2, network_slip_ifconfig);

static mp_obj_t network_slip_ipconfig(size_t n_args, const mp_obj_t *args, mp_map_t *kwargs) {
    return mod_network_nic_ipconfig(&modhttp_slip_netif, n_args - 1, args + 1, kwargs);
}
static MP_DEFINE_CONST_FUN_OBJ_KW(network_slip_ipconfig_obj, 1, network_slip_ipconfig);

static mp_obj_t network_slip_config(size_t n_args, const mp_obj_t *args, mp_map_t *kwargs) {
    if (kwargs->used == 0) {
        mp_arg_check_num(n_args, 0, 2, 2, false);
        if (mp_obj_str_get_qstr(args[1]) != MP_QSTR_baudrate) {
            mp_raise_ValueError(MP_ERROR_TEXT("SLIP's only setting is baudrate"));
        }
        return mp_obj_new_int_from_uint(modhttp_slip_baudrate());
    }
    static const mp_arg_t allowed[] = {
        { MP_QSTR_baudrate, MP_ARG_KW_ONLY | MP_ARG_REQUIRED | MP_ARG_INT, { .u_int = 0 } },
    };
    mp_arg_val_t values[MP_ARRAY_SIZE(allowed)];
    mp_arg_parse_all(n_args - 1, args + 1, kwargs, MP_ARRAY_SIZE(allowed), allowed, values);
    if (values[0].u_int < 0 || !modhttp_slip_set_baudrate(values[0].u_int)) {
        mp_raise_ValueError(MP_ERROR_TEXT("baudrate out of range"));
    }
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_KW(network_slip_config_obj, 1, network_slip_config);

// machine.UART(0) reaches the UART through this function of the SDK (the linker's --wrap puts ours in its place).
// Without the check it would end in a panic over the interrupt's handler.
uint __real_uart_init(uart_inst_t *uart, uint baudrate);
uint __wrap_uart_init(uart_inst_t *uart, uint baudrate);

uint __wrap_uart_init(uart_inst_t *uart, uint baudrate) {
    if (uart == uart0 && modhttp_slip_is_open()) {
        mp_raise_msg(&mp_type_OSError, MP_ERROR_TEXT("UART(0) carries network.SLIP: network.SLIP().active(False) frees it"));
    }
    return __real_uart_init(uart, baudrate);
}

static const mp_rom_map_elem_t network_slip_locals_dict_table[] = {
    { MP_ROM_QSTR(MP_QSTR_active), MP_ROM_PTR(&network_slip_active_obj) },
    { MP_ROM_QSTR(MP_QSTR_isconnected), MP_ROM_PTR(&network_slip_isconnected_obj) },
    { MP_ROM_QSTR(MP_QSTR_status), MP_ROM_PTR(&network_slip_status_obj) },
    { MP_ROM_QSTR(MP_QSTR_ifconfig), MP_ROM_PTR(&network_slip_ifconfig_obj) },
    { MP_ROM_QSTR(MP_QSTR_ipconfig), MP_ROM_PTR(&network_slip_ipconfig_obj) },
    { MP_ROM_QSTR(MP_QSTR_config), MP_ROM_PTR(&network_slip_config_obj) },
};
static MP_DEFINE_CONST_DICT(network_slip_locals_dict, network_slip_locals_dict_table);

MP_DEFINE_CONST_OBJ_TYPE(
    modhttp_network_slip_type,
    MP_QSTR_SLIP,
    MP_TYPE_FLAG_NONE,
    make_new, network_slip_make_new,
    print, network_slip_print,
    locals_dict, &network_slip_locals_dict
    );
