# The host build: MicroPython's unix port on lwIP instead of the kernel's sockets. See tools/build_host.sh.

# Their sources are not in the pinned tree.
MICROPY_PY_BTREE = 0
MICROPY_PY_FFI = 0
MICROPY_PY_SSL = 0
MICROPY_SSL_MBEDTLS = 0

# socket is extmod/modlwip.c (mpconfigvariant.h), as on the boards.
MICROPY_PY_SOCKET = 0
MICROPY_PY_THREAD = 1

FROZEN_MANIFEST ?= $(VARIANT_DIR)/manifest.py

# Symbols stay in: for callgrind and for a readable crash.
STRIP =
COPT ?= -O2

ifeq ($(SANITIZE),1)
# The garbage collector scans the stack, so variables must be on the real one; MicroPython's objects are
# unaligned in places by design.
CFLAGS += -fsanitize=address,undefined -fno-sanitize=alignment -fno-sanitize-recover=undefined -fno-omit-frame-pointer
ifneq ($(findstring clang,$(CC)),)
CFLAGS += -fsanitize-address-use-after-return=never -fno-sanitize=function
else
CFLAGS += --param asan-use-after-return=0
endif
LDFLAGS += -fsanitize=address,undefined
endif
