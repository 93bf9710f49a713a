# Raspberry Pi Pico, with the network over SLIP on UART0.
set(PICO_BOARD "pico")
set(PICO_PLATFORM "rp2040")
set(MODHTTP_BOARD_SLIP ON)
include(${MICROPY_BOARD_DIR}/../common/board.cmake)
