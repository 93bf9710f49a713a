# WIZnet W5500-EVB-Pico: Ethernet through a W5500, whose raw packets lwIP gets (MACRAW).
set(PICO_BOARD "wiznet_w5100s_evb_pico") # its sister: the same board but for the chip
set(PICO_PLATFORM "rp2040")
set(MICROPY_PY_NETWORK_WIZNET5K W5500)
include(${MICROPY_BOARD_DIR}/../common/board.cmake)

# SPI is clocked by the system's 125 MHz, not by USB's 48: of these it would make 24 MHz at most, and 12 of the 20 that
# are usual for this board.
list(APPEND MICROPY_DEF_BOARD PICO_CLOCK_ADJUST_PERI_CLOCK_WITH_SYS_CLOCK=1)
