// The host build: what MicroPython's unix port needs to behave as the boards do.

#define MICROPY_CONFIG_ROM_LEVEL (MICROPY_CONFIG_ROM_LEVEL_EXTRA_FEATURES)
#include "variants/mpconfigvariant_common.h"

// lwIP's sockets, exactly extmod/modlwip.c as on rp2.
#define MICROPY_PY_LWIP (1)
#define MICROPY_PY_NETWORK (1)
#define MICROPY_PY_NETWORK_HOSTNAME_DEFAULT "modhttp-host"
#define MICROPY_PY_NETWORK_INCLUDEFILE "port/unix/network_host.h"
#define MICROPY_PY_NETWORK_MODULE_GLOBALS_INCLUDEFILE "port/unix/network_globals.h"

// select and sleep wait through mp_event_wait_ms(), as on the boards, instead of in the kernel.
#undef MICROPY_PY_SELECT_POSIX_OPTIMISATIONS
#define MICROPY_PY_SELECT_POSIX_OPTIMISATIONS (0)
#undef MICROPY_PY_SELECT_SELECT
#define MICROPY_PY_SELECT_SELECT (1)
#undef MICROPY_PY_TIME_CUSTOM_SLEEP

// An exception thrown out of the signal handler would leave lwIP half-way through.
#undef MICROPY_ASYNC_KBD_INTR
#define MICROPY_ASYNC_KBD_INTR (0)

// The scheduler of rp2.
#define MICROPY_SCHEDULER_DEPTH (8)
#define MICROPY_SCHEDULER_STATIC_NODES (1)

// An image in memory at /rom, as on the boards: see port/unix/romfs.c.
#undef MICROPY_VFS_ROM_IOCTL
#define MICROPY_VFS_ROM_IOCTL (1)

// Parts of matches, as rp2 has them.
#define MICROPY_PY_RE_MATCH_GROUPS (1)
#define MICROPY_PY_RE_MATCH_SPAN_START_END (1)

// As on the boards: no libraries of the user's home.
#define MICROPY_PY_SYS_PATH_DEFAULT ".frozen:/rom:/rom/lib:lib"

// Waiting, locking and the console: see mphal_host.h.
#define MICROPY_MPHALPORT_H "mphal_host.h"
#define MICROPY_SCHED_HOOK_SCHEDULED events_set()
extern void events_set(void);

// The heap goes next.
extern void stack_flush(void);
#define MICROPY_PORT_DEINIT_FUNC stack_flush()

#if MODHTTP_SAFE_POINTS
#include "port/unix/pendsv.h"
#define MICROPY_VM_HOOK_LOOP if (pendsv_due) { pendsv_service(); }
#define MICROPY_VM_HOOK_RETURN if (pendsv_due) { pendsv_service(); }
#endif
