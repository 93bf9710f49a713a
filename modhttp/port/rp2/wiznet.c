// A W5500 that gives lwIP its raw packets. The linker's --wrap puts these functions in place of two that MicroPython's driver
// (extmod/network_wiznet5k.c) and the chip's (lib/wiznet5k) call; both run at lwIP level. Compiled with MicroPython's warnings,
// for the chip's headers are not ours.

#include <stdint.h>

#include "lwip/netif.h"

#include "RP2040.h"
#include "lib/wiznet5k/Ethernet/wizchip_conf.h"

void wiznet5k_try_poll(void);

// While a packet is being sent the driver would run what Python has scheduled, and raise what a Ctrl-C raises: at PendSV
// level, out of the interrupt. Sending takes 0.1 ms; it is waited for.
void __wrap_mpy_wiznet_yield(void);

void __wrap_mpy_wiznet_yield(void) {
}

// The driver fetches packets until there is none, then clears the chip's interrupt. What came in between raises no other:
// it would wait for the timer, 64 ms. So it is looked for, in a dispatch of its own, so that others have their turn.
// MicroPython's dispatcher is past that slot: it is run once more.
void __real_wizchip_clrinterrupt(intr_kind intr);
void __wrap_wizchip_clrinterrupt(intr_kind intr);

void __wrap_wizchip_clrinterrupt(intr_kind intr) {
    __real_wizchip_clrinterrupt(intr);
    // Without a network the chip is not listened to, and may not be there.
    if (netif_default != NULL && netif_is_up(netif_default) && netif_is_link_up(netif_default) && getSn_RX_RSR(0) != 0) {
        wiznet5k_try_poll();
        SCB->ICSR = SCB_ICSR_PENDSVSET_Msk;
    }
}
