// There are no hard interrupts here: what plays PendSV is all that may come between.

#include "py/mphal.h"

#include "net/native.h"
#include "port/port.h"

#include "port/unix/pendsv.h"

uint32_t mh_interrupts_off(void) {
    pendsv_enter();
    return 0;
}

void mh_interrupts_on(uint32_t state) {
    (void)state;
    pendsv_exit();
}

void mh_native_pend(void) {
    pendsv_enter();
    mh_native_dispatch();
    pendsv_exit();
}

// The kernel's.
void modhttp_noise_bits(uint8_t *out, size_t len) {
    mp_hal_get_random(len, out);
}
