# The user module for MicroPython's make-based builds: of these, the unix port with the variant in
# micropython/unix. USER_C_MODULES is this directory's parent.
#
# SANITIZE=1 delivers lwIP's input at safe points and gives every lwIP object its own malloc (micropython/unix
# adds the compiler's sanitizers); FAULTS=1 lets tests make allocations fail; BOARD_SIZES=1 takes the pool sizes of the
# rp2 boards, with room for the localhost forwarder's connections, BOARD_SIZES=2 just these; PROMPT_SOCKETS=1 has sockets
# without a stall of theirs (port/modlwip_guard.c).
comma := ,
MODHTTP_DIR := $(USERMOD_DIR)
MODHTTP_UNIX := $(MODHTTP_DIR)/port/unix

include $(MODHTTP_UNIX)/lwip.mk

# Scanned for qstrs, module and root pointer registrations.
SRC_USERMOD_C += $(sort $(wildcard $(MODHTTP_DIR)/py/*.c)) \
	$(addprefix $(MODHTTP_UNIX)/,hal.c modhost.c network_host.c romfs.c)

# Without MicroPython.
SRC_USERMOD_LIB_C += $(addprefix $(MODHTTP_DIR)/port/,backlog.c closed_window.c modlwip_guard.c) $(sort $(wildcard $(MODHTTP_DIR)/core/*.c)) $(sort $(wildcard $(MODHTTP_DIR)/net/*.c)) \
	$(addprefix $(MODHTTP_UNIX)/,events.c forward.c lwip_sys.c native.c pendsv.c source.c stack.c tap.c) \
	$(addprefix lib/lwip/src/,$(LWIP_SRC_C))

# These are expanded here and now (CFLAGS_USERMOD is a simple variable).
CFLAGS_USERMOD += -I$(MODHTTP_DIR) -I$(MODHTTP_UNIX)/include -I$(TOP)/lib/lwip/src/include
CFLAGS_USERMOD += -DMODHTTP_SAFE_POINTS=$(if $(filter 1,$(SANITIZE)),1,0) -DMODHTTP_BOARD_SIZES=$(or $(BOARD_SIZES),0)
CFLAGS_USERMOD += -DMODHTTP_PROMPT_SOCKETS=$(or $(PROMPT_SOCKETS),0)
# The version is modhttp.__version__, which stands in one place.
CFLAGS_USERMOD += -DMODHTTP_VERSION=$(shell sed -n "s/^__version__ = \(.*\)/'\1'/p" $(MODHTTP_DIR)/../python/modhttp/__init__.py)
CFLAGS_USERMOD += -DLWIP_HOOK_FILENAME='"port/lwip_hooks.h"'
LDFLAGS_USERMOD += -Wl,--wrap=tcp_err -Wl,--wrap=tcp_recv -Wl,--wrap=read -Wl,--wrap=mp_sched_keyboard_interrupt
LDFLAGS_USERMOD += -Wl,--wrap=mp_vfs_rom_ioctl

ifeq ($(FAULTS),1)
SRC_USERMOD_C += $(MODHTTP_UNIX)/faults.c
LDFLAGS_USERMOD += $(addprefix -Wl$(comma)--wrap=,\
	forward_run source_dispatch sys_check_timeouts \
	tcp_input tcp_output tcp_send_fin tcp_send_empty_ack tcp_zero_window_probe tcp_process_refused_data tcp_rexmit_rto_commit tcp_rst \
	tcp_write tcp_close tcp_shutdown tcp_alloc memp_malloc memp_free mem_malloc mem_free \
	mh_pcb_count mh_server_take gc_alloc gc_realloc pendsv_enter)
endif

# Upstream's files at our warning level.
$(BUILD)/extmod/modlwip.o: CFLAGS += -Wno-sign-compare
ifeq ($(SANITIZE),1)
# Its poll() reads tcp_sndbuf() of listening pcbs, which are too short to have one.
$(BUILD)/extmod/modlwip.o: CFLAGS += -fno-sanitize=address
endif
$(BUILD)/extmod/modtime.o: CFLAGS += -Wno-unused-function
$(BUILD)/lib/lwip/%.o: CFLAGS += -Wno-address
