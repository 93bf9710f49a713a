// What all modhttp boards share; included by their mpconfigboard.h.

#include "lwip_sizes.h"
#include "port/rp2/board.h"

#define MICROPY_PY_NETWORK              (1)

// Off until the server speaks HTTPS: 100 kB of flash.
#define MICROPY_PY_SSL                  (0)

// The web REPL's Python half comes with micropython-lib, which is not frozen in.
#define MICROPY_PY_WEBREPL              (0)
#define MICROPY_PY_WEBSOCKET            (0)

// 2 MB of flash: firmware 1 MB, ROMFS 256 kB, file system 768 kB.
#define MICROPY_HW_ROMFS_BYTES          (256 * 1024)
#define MICROPY_HW_FLASH_STORAGE_BYTES  (768 * 1024)

#define MICROPY_BOARD_EARLY_INIT()       modhttp_board_early_init()
#define MICROPY_BOARD_START_SOFT_RESET() modhttp_board_start_soft_reset()
#define MICROPY_BOARD_END_SOFT_RESET()   modhttp_board_end_soft_reset()
