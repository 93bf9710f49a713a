// The host's part of MicroPython's port layer, included by way of the variant's mphal_host.h.
#ifndef MODHTTP_UNIX_HAL_H
#define MODHTTP_UNIX_HAL_H

// ARM's WFE: returns at the next event or after timeout_ms milliseconds (negative: never).
void host_wait(long timeout_ms);

// usleep() would end at the first signal.
void host_delay_us(unsigned long us);

#endif
