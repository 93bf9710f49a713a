#define MICROPY_HW_BOARD_NAME               "modhttp " MODHTTP_VERSION " on Raspberry Pi Pico W"
#define MICROPY_PY_NETWORK_HOSTNAME_DEFAULT "modhttp"

// The radio is a CYW43439 behind a PIO that speaks its SPI. lwIP is its TCP/IP, and three of its pins are the board's.
#define CYW43_USE_SPI                       (1)
#define CYW43_LWIP                          (1)
#define CYW43_GPIO                          (1)
#define CYW43_SPI_PIO                       (1)
#define MICROPY_HW_PIN_EXT_COUNT            CYW43_WL_GPIO_COUNT

// A soft reset must not take the radio's interrupt away from it.
int mp_hal_is_pin_reserved(int n);
#define MICROPY_HW_PIN_RESERVED(i)          mp_hal_is_pin_reserved(i)

#define MODHTTP_WINDOW_SEGMENTS             (8)
#define MICROPY_BOARD_PENDSV_ENTRIES        PENDSV_DISPATCH_MODHTTP_SENSORS,

#include "../common/board.h"
