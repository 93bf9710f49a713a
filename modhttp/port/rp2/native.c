// What the RP2040 has for endpoints. Sensors are updated at any level, hard interrupts and the other core included.

#include "py/mphal.h"
#include "pendsv.h"

#include "RP2040.h"
#include "hardware/structs/rosc.h"
#include "hardware/sync.h"

#include "net/native.h"
#include "port/port.h"

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

// The ring oscillator's random bit (RP2040 datasheet, 2.17). Apart from each other, for it is but the phase of one oscillator in
// another's time. os.urandom() will not do here: it shifts the bits through a polynomial, and looks random without any.
void modhttp_noise_bits(uint8_t *out, size_t len) {
    for (size_t i = 0; i < len * 8; i++) {
        out[i / 8] = (uint8_t)(out[i / 8] << 1 | (rosc_hw->randombit & 1));
        mp_hal_delay_us_fast(1);
    }
}
