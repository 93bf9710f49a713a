#include "py/mphal.h"
#include "py/runtime.h"
#include "extmod/modnetwork.h"

#include "lwip/netif.h"

#include "port/unix/network_host.h"

#define STAT_GOT_IP 3

// WLAN(interface), SLIP(), WIZNET5K(spi, cs, reset): the arguments name hardware that is not here.
static mp_obj_t host_nic_make_new(const mp_obj_type_t *type, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    (void)n_args;
    (void)n_kw;
    (void)args;
    return MP_OBJ_FROM_PTR(mp_obj_malloc(mp_obj_base_t, type));
}

static mp_obj_t host_nic_nothing(size_t n_args, const mp_obj_t *args, mp_map_t *kw_args) {
    (void)n_args;
    (void)args;
    (void)kw_args;
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_KW(host_nic_nothing_obj, 1, host_nic_nothing);

static mp_obj_t host_nic_active(size_t n_args, const mp_obj_t *args) {
    (void)n_args;
    (void)args;
    return mp_const_true;
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(host_nic_active_obj, 1, 2, host_nic_active);

static mp_obj_t host_nic_isconnected(mp_obj_t self) {
    (void)self;
    return mp_const_true;
}
static MP_DEFINE_CONST_FUN_OBJ_1(host_nic_isconnected_obj, host_nic_isconnected);

static mp_obj_t host_nic_status(size_t n_args, const mp_obj_t *args) {
    (void)n_args;
    (void)args;
    return MP_OBJ_NEW_SMALL_INT(STAT_GOT_IP);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(host_nic_status_obj, 1, 2, host_nic_status);

static mp_obj_t host_nic_scan(size_t n_args, const mp_obj_t *args) {
    (void)n_args;
    (void)args;
    return mp_obj_new_list(0, NULL);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR(host_nic_scan_obj, 1, host_nic_scan);

static mp_obj_t new_address(const ip4_addr_t *address) {
    char text[IP4ADDR_STRLEN_MAX];
    ip4addr_ntoa_r(address, text, sizeof(text));
    return mp_obj_new_str_from_cstr(text);
}

// (address, netmask, gateway, DNS server) of the TAP device, or of the loopback interface without one.
static mp_obj_t host_nic_ifconfig(size_t n_args, const mp_obj_t *args) {
    (void)args;
    if (n_args > 1) {
        return mp_const_none;
    }
    MICROPY_PY_LWIP_ENTER
    const struct netif *netif = netif_default != NULL ? netif_default : netif_list;
    ip4_addr_t address = *netif_ip4_addr(netif);
    ip4_addr_t mask = *netif_ip4_netmask(netif);
    ip4_addr_t gateway = *netif_ip4_gw(netif);
    MICROPY_PY_LWIP_EXIT
    mp_obj_t items[4] = { new_address(&address), new_address(&mask), new_address(&gateway), new_address(&gateway) };
    return mp_obj_new_tuple(4, items);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(host_nic_ifconfig_obj, 1, 2, host_nic_ifconfig);

// config(name=value, ...) changes nothing; config(name) answers for the names that boards share.
static mp_obj_t host_nic_config(size_t n_args, const mp_obj_t *args, mp_map_t *kw_args) {
    static const byte mac[6] = { 0x02, 0x6d, 0x6f, 0x64, 0x68, 0x74 };
    if (kw_args->used != 0) {
        return mp_const_none;
    }
    if (n_args != 2) {
        mp_raise_TypeError(MP_ERROR_TEXT("config() takes one name, or settings by keyword"));
    }
    switch (mp_obj_str_get_qstr(args[1])) {
        case MP_QSTR_mac:
            return mp_obj_new_bytes(netif_default != NULL ? netif_default->hwaddr : mac, sizeof(mac));
        case MP_QSTR_ssid:
        case MP_QSTR_essid:
            return MP_OBJ_NEW_QSTR(MP_QSTR_host);
        case MP_QSTR_hostname:
            return mp_obj_new_str_from_cstr(mod_network_hostname_data);
        case MP_QSTR_baudrate:
            return MP_OBJ_NEW_SMALL_INT(921600);
        case MP_QSTR_channel:
        case MP_QSTR_pm:
        case MP_QSTR_txpower:
            return MP_OBJ_NEW_SMALL_INT(0);
        default:
            mp_raise_ValueError(MP_ERROR_TEXT("unknown config param"));
    }
}
static MP_DEFINE_CONST_FUN_OBJ_KW(host_nic_config_obj, 1, host_nic_config);

static const mp_rom_map_elem_t host_nic_locals_dict_table[] = {
    { MP_ROM_QSTR(MP_QSTR_active), MP_ROM_PTR(&host_nic_active_obj) },
    { MP_ROM_QSTR(MP_QSTR_connect), MP_ROM_PTR(&host_nic_nothing_obj) },
    { MP_ROM_QSTR(MP_QSTR_disconnect), MP_ROM_PTR(&host_nic_nothing_obj) },
    { MP_ROM_QSTR(MP_QSTR_deinit), MP_ROM_PTR(&host_nic_nothing_obj) },
    { MP_ROM_QSTR(MP_QSTR_isconnected), MP_ROM_PTR(&host_nic_isconnected_obj) },
    { MP_ROM_QSTR(MP_QSTR_status), MP_ROM_PTR(&host_nic_status_obj) },
    { MP_ROM_QSTR(MP_QSTR_scan), MP_ROM_PTR(&host_nic_scan_obj) },
    { MP_ROM_QSTR(MP_QSTR_ifconfig), MP_ROM_PTR(&host_nic_ifconfig_obj) },
    { MP_ROM_QSTR(MP_QSTR_ipconfig), MP_ROM_PTR(&host_nic_nothing_obj) },
    { MP_ROM_QSTR(MP_QSTR_config), MP_ROM_PTR(&host_nic_config_obj) },
    { MP_ROM_QSTR(MP_QSTR_IF_STA), MP_ROM_INT(MOD_NETWORK_STA_IF) },
    { MP_ROM_QSTR(MP_QSTR_IF_AP), MP_ROM_INT(MOD_NETWORK_AP_IF) },
    { MP_ROM_QSTR(MP_QSTR_PM_NONE), MP_ROM_INT(0) },
    { MP_ROM_QSTR(MP_QSTR_PM_PERFORMANCE), MP_ROM_INT(1) },
    { MP_ROM_QSTR(MP_QSTR_PM_POWERSAVE), MP_ROM_INT(2) },
};
static MP_DEFINE_CONST_DICT(host_nic_locals_dict, host_nic_locals_dict_table);

MP_DEFINE_CONST_OBJ_TYPE(
    host_wlan_type, MP_QSTR_WLAN, MP_TYPE_FLAG_NONE,
    make_new, host_nic_make_new, locals_dict, &host_nic_locals_dict
    );

MP_DEFINE_CONST_OBJ_TYPE(
    host_slip_type, MP_QSTR_SLIP, MP_TYPE_FLAG_NONE,
    make_new, host_nic_make_new, locals_dict, &host_nic_locals_dict
    );

MP_DEFINE_CONST_OBJ_TYPE(
    host_wiznet5k_type, MP_QSTR_WIZNET5K, MP_TYPE_FLAG_NONE,
    make_new, host_nic_make_new, locals_dict, &host_nic_locals_dict
    );
