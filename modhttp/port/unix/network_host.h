// Stand-ins for the boards' network interfaces, so that a program's network bring-up runs on the host too. The
// network is always up there: they report its address and take every setting without effect.
// Included twice over by extmod/modnetwork.c: for the declarations and for the module's table.
#ifndef MODHTTP_UNIX_NETWORK_HOST_H
#define MODHTTP_UNIX_NETWORK_HOST_H

#include "py/obj.h"

extern const mp_obj_type_t host_wlan_type;
extern const mp_obj_type_t host_slip_type;
extern const mp_obj_type_t host_wiznet5k_type;

#endif
