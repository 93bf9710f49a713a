# What all modhttp boards share; included by their mpconfigboard.cmake.

set(MICROPY_PY_LWIP ON)
set(PICO_NO_PICOTOOL 1) # the SDK would build it from source only to write the UF2; tools/build_firmware.sh does that
set(MICROPY_FROZEN_MANIFEST ${CMAKE_CURRENT_LIST_DIR}/manifest.py)

# The build insists on micropython-lib, of which the manifest takes nothing: any directory with a README.md does.
if(NOT EXISTS ${MICROPY_DIR}/lib/micropython-lib/README.md)
    set(MICROPY_LIB_DIR ${CMAKE_CURRENT_LIST_DIR}/..)
endif()
