# Raspberry Pi Pico W: Wi-Fi, without Bluetooth, which would take 170 kB of flash and 30 kB of RAM.
set(PICO_BOARD "pico_w")
set(PICO_PLATFORM "rp2040")
set(MICROPY_PY_NETWORK_CYW43 ON)
include(${MICROPY_BOARD_DIR}/../common/board.cmake)
