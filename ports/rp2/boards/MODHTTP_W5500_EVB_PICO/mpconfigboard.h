#define MICROPY_HW_BOARD_NAME               "modhttp " MODHTTP_VERSION " on W5500-EVB-Pico"
#define MICROPY_PY_NETWORK_HOSTNAME_DEFAULT "modhttp"

// network.WIZNET5K() without arguments finds the chip here. With its interrupt line, INTN, packets are fetched when they
// come; without, they wait for a timer of 64 ms.
#define MICROPY_HW_WIZNET_SPI_ID            (0)
#define MICROPY_HW_WIZNET_SPI_SCK           (18)
#define MICROPY_HW_WIZNET_SPI_MOSI          (19)
#define MICROPY_HW_WIZNET_SPI_MISO          (16)
#define MICROPY_HW_WIZNET_PIN_CS            (17)
#define MICROPY_HW_WIZNET_PIN_RST           (20)
#define MICROPY_HW_WIZNET_PIN_INTN          (21)

// A quarter of 125 MHz. The W5500's data sheet guarantees 33.3 MHz; the next that RP2040 can make is 62.5.
#define MICROPY_HW_WIZNET_SPI_BAUDRATE      (31250000)

#define MODHTTP_WINDOW_SEGMENTS             (8)
#define MICROPY_BOARD_PENDSV_ENTRIES        PENDSV_DISPATCH_MODHTTP_SENSORS,

#include "../common/board.h"
