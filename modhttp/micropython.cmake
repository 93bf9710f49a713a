# modhttp as a C user module of MicroPython's CMake ports (rp2): USER_C_MODULES names this file.

add_library(usermod_modhttp INTERFACE)

# The version is modhttp.__version__, which stands in one place.
set(MODHTTP_INIT ${CMAKE_CURRENT_LIST_DIR}/../python/modhttp/__init__.py)
file(STRINGS ${MODHTTP_INIT} MODHTTP_VERSION REGEX "^__version__ = ")
string(REGEX REPLACE "^__version__ = \"(.*)\"$" "\\1" MODHTTP_VERSION "${MODHTTP_VERSION}")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${MODHTTP_INIT})
target_compile_definitions(usermod_modhttp INTERFACE MODHTTP_VERSION="${MODHTTP_VERSION}")

file(GLOB MODHTTP_SOURCES_FAST CONFIGURE_DEPENDS
    ${CMAKE_CURRENT_LIST_DIR}/core/*.c
    ${CMAKE_CURRENT_LIST_DIR}/net/*.c
)
file(GLOB MODHTTP_SOURCES CONFIGURE_DEPENDS
    ${CMAKE_CURRENT_LIST_DIR}/py/*.c
)
# Not for every request, or no faster than so.
set(MODHTTP_SOURCES_SMALL
    ${CMAKE_CURRENT_LIST_DIR}/core/auth.c
    ${CMAKE_CURRENT_LIST_DIR}/core/cookie.c
    ${CMAKE_CURRENT_LIST_DIR}/core/date.c
    ${CMAKE_CURRENT_LIST_DIR}/core/dns.c
    ${CMAKE_CURRENT_LIST_DIR}/core/form.c
    ${CMAKE_CURRENT_LIST_DIR}/core/form_head.c
    ${CMAKE_CURRENT_LIST_DIR}/core/log.c
    ${CMAKE_CURRENT_LIST_DIR}/core/noise.c
    ${CMAKE_CURRENT_LIST_DIR}/core/range.c
    ${CMAKE_CURRENT_LIST_DIR}/core/router_add.c
    ${CMAKE_CURRENT_LIST_DIR}/core/select.c
    ${CMAKE_CURRENT_LIST_DIR}/core/sensor.c
    ${CMAKE_CURRENT_LIST_DIR}/core/throttle.c
    ${CMAKE_CURRENT_LIST_DIR}/core/uri.c
    ${CMAKE_CURRENT_LIST_DIR}/core/ws.c
    ${CMAKE_CURRENT_LIST_DIR}/core/ws_open.c
    ${CMAKE_CURRENT_LIST_DIR}/net/dns.c
    ${CMAKE_CURRENT_LIST_DIR}/net/events.c
    ${CMAKE_CURRENT_LIST_DIR}/net/feed.c
    ${CMAKE_CURRENT_LIST_DIR}/net/guard.c
    ${CMAKE_CURRENT_LIST_DIR}/net/log.c
    ${CMAKE_CURRENT_LIST_DIR}/net/mdns.c
    ${CMAKE_CURRENT_LIST_DIR}/net/metrics.c
    ${CMAKE_CURRENT_LIST_DIR}/net/refuse.c
    ${CMAKE_CURRENT_LIST_DIR}/net/websocket.c
)
list(REMOVE_ITEM MODHTTP_SOURCES_FAST ${MODHTTP_SOURCES_SMALL})
list(APPEND MODHTTP_SOURCES ${MODHTTP_SOURCES_SMALL})
list(APPEND MODHTTP_SOURCES
    ${CMAKE_CURRENT_LIST_DIR}/port/rp2/board.c
    ${CMAKE_CURRENT_LIST_DIR}/port/rp2/native.c
)
# modlwip closes listening sockets in a way that writes past their pcb.
list(APPEND MODHTTP_SOURCES ${CMAKE_CURRENT_LIST_DIR}/port/modlwip_guard.c)
target_link_options(usermod_modhttp INTERFACE -Wl,--wrap=tcp_err -Wl,--wrap=tcp_recv)
list(APPEND MODHTTP_SOURCES ${CMAKE_CURRENT_LIST_DIR}/port/backlog.c ${CMAKE_CURRENT_LIST_DIR}/port/closed_window.c)
target_compile_definitions(usermod_modhttp INTERFACE LWIP_HOOK_FILENAME="port/lwip_hooks.h")
if(MODHTTP_BOARD_SLIP)
    list(APPEND MODHTTP_SOURCES_FAST
        ${CMAKE_CURRENT_LIST_DIR}/port/rp2/slip.c
        ${CMAKE_CURRENT_LIST_DIR}/port/slip_frame.c
    )
    list(APPEND MODHTTP_SOURCES
        ${CMAKE_CURRENT_LIST_DIR}/port/rp2/network_slip.c
    )
    target_link_options(usermod_modhttp INTERFACE -Wl,--wrap=uart_init -Wl,--wrap=tcp_output
        -Wl,--wrap=flash_range_erase -Wl,--wrap=flash_range_program)
endif()

# What runs for every byte or packet is worth its flash; the rest is built like MicroPython, for size. MicroPython's own
# headers leave parameters unused.
set(MODHTTP_WARNINGS -Wall -Wextra -Wno-unused-parameter -Werror)
set_source_files_properties(${MODHTTP_SOURCES} PROPERTIES COMPILE_OPTIONS "${MODHTTP_WARNINGS}")
set_source_files_properties(${MODHTTP_SOURCES_FAST} PROPERTIES COMPILE_OPTIONS "${MODHTTP_WARNINGS};-O2")

target_sources(usermod_modhttp INTERFACE ${MODHTTP_SOURCES} ${MODHTTP_SOURCES_FAST})
target_include_directories(usermod_modhttp INTERFACE ${CMAKE_CURRENT_LIST_DIR})

# Every object's frame sizes (.su files): tools/stack_depth.py adds them up for port/rp2/stack.h.
target_compile_options(usermod_modhttp INTERFACE -fstack-usage)
target_link_options(usermod_modhttp INTERFACE -Wl,--wrap=mp_thread_create)

if(MICROPY_PY_NETWORK_WIZNET5K)
    target_sources(usermod_modhttp INTERFACE ${CMAKE_CURRENT_LIST_DIR}/port/rp2/wiznet.c)
    target_link_options(usermod_modhttp INTERFACE -Wl,--wrap=mpy_wiznet_yield -Wl,--wrap=wizchip_clrinterrupt)
endif()

# With Bluetooth off the driver's own headers are on no include path; they must come after the port's.
if(MICROPY_PY_NETWORK_CYW43)
    target_include_directories(usermod_modhttp SYSTEM INTERFACE
        ${PICO_SDK_PATH}/src/rp2_common/pico_cyw43_driver/include
    )
endif()

target_link_libraries(usermod INTERFACE usermod_modhttp)
