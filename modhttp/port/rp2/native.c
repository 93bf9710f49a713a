// Sensors are updated at any level, hard interrupts and the other core included.

#include "py/mphal.h"
#include "pendsv.h"

#include "RP2040.h"
#include "hardware/sync.h"

#include "net/native.h"

// A striped lock: others may use it too, and none is held for long.
static spin_lock_t *lock;

uint32_t mh_interrupts_off(void) {
    if (lock == NULL) {
        lock = spin_lock_instance(next_striped_spin_lock_num());    // when the first sensor is made
    }
    return spin_lock_blocking(lock);
}

void mh_interrupts_on(uint32_t state) {
    spin_unlock(lock, state);
}

// MicroPython's dispatcher may just be past this slot: it is run once more.
void mh_native_pend(void) {
    pendsv_schedule_dispatch(PENDSV_DISPATCH_MODHTTP_SENSORS, mh_native_dispatch);
    SCB->ICSR = SCB_ICSR_PENDSVSET_Msk;
}
