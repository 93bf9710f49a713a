# Whole Ethernet packets instead of 800 bytes, for large files and uploads: see lwip_sizes.h.
list(APPEND MICROPY_DEF_BOARD MODHTTP_LARGE_PACKETS=1)
