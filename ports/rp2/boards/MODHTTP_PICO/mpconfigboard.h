#define MICROPY_HW_BOARD_NAME           "modhttp " MODHTTP_VERSION " on Raspberry Pi Pico"

// UART0 is the network's, see modhttp/port/rp2/slip.h.
#define MODHTTP_BOARD_SLIP              (1)
#define MODHTTP_MDNS                    (0)     // a line between two has no multicast
#define MICROPY_HW_ENABLE_UART_REPL     (0)
#define MICROPY_BOARD_PENDSV_ENTRIES    PENDSV_DISPATCH_MODHTTP_SLIP, PENDSV_DISPATCH_MODHTTP_SENSORS,

extern const struct _mp_obj_type_t modhttp_network_slip_type;
#define MICROPY_BOARD_NETWORK_INTERFACES \
    { MP_ROM_QSTR(MP_QSTR_SLIP), MP_ROM_PTR(&modhttp_network_slip_type) },

#include "../common/board.h"
