// Entries of the network module's table on the host (included in the middle of it by extmod/modnetwork.c).
{ MP_ROM_QSTR(MP_QSTR_WLAN), MP_ROM_PTR(&host_wlan_type) },
{ MP_ROM_QSTR(MP_QSTR_SLIP), MP_ROM_PTR(&host_slip_type) },
{ MP_ROM_QSTR(MP_QSTR_WIZNET5K), MP_ROM_PTR(&host_wiznet5k_type) },
{ MP_ROM_QSTR(MP_QSTR_STA_IF), MP_ROM_INT(MOD_NETWORK_STA_IF) },
{ MP_ROM_QSTR(MP_QSTR_AP_IF), MP_ROM_INT(MOD_NETWORK_AP_IF) },
// As the CYW43 driver numbers them.
{ MP_ROM_QSTR(MP_QSTR_STAT_IDLE), MP_ROM_INT(0) },
{ MP_ROM_QSTR(MP_QSTR_STAT_CONNECTING), MP_ROM_INT(1) },
{ MP_ROM_QSTR(MP_QSTR_STAT_GOT_IP), MP_ROM_INT(3) },
{ MP_ROM_QSTR(MP_QSTR_STAT_CONNECT_FAIL), MP_ROM_INT(-1) },
{ MP_ROM_QSTR(MP_QSTR_STAT_NO_AP_FOUND), MP_ROM_INT(-2) },
{ MP_ROM_QSTR(MP_QSTR_STAT_WRONG_PASSWORD), MP_ROM_INT(-3) },
