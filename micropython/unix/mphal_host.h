// The unix port's mphalport.h with what must differ when a signal plays PendSV.

#define mp_hal_delay_us mp_hal_unix_delay_us
#include "ports/unix/mphalport.h"
#undef mp_hal_delay_us

#include "port/unix/hal.h"
#include "port/unix/pendsv.h"

#define mp_hal_delay_us host_delay_us
#define mp_hal_delay_ms mp_hal_delay_ms
void mp_hal_delay_ms(mp_uint_t ms);

#undef MICROPY_INTERNAL_WFE
#define MICROPY_INTERNAL_WFE(TIMEOUT_MS) host_wait((long)(TIMEOUT_MS))

// One lock holds off lwIP's level for both: lwIP's callbacks schedule, and so enter atomic sections.
#undef MICROPY_BEGIN_ATOMIC_SECTION
#undef MICROPY_END_ATOMIC_SECTION
#define MICROPY_BEGIN_ATOMIC_SECTION() (pendsv_enter(), 0xffffffff)
#define MICROPY_END_ATOMIC_SECTION(state) (void)(state); pendsv_exit()
#define MICROPY_PY_LWIP_ENTER pendsv_enter();
#define MICROPY_PY_LWIP_REENTER pendsv_enter();
#define MICROPY_PY_LWIP_EXIT pendsv_exit();

// For MICROPY_PY_SOCKET_LISTEN_BACKLOG_DEFAULT, which the port takes from the kernel's headers. As on rp2.
#ifndef SOMAXCONN
#define SOMAXCONN 2
#endif
