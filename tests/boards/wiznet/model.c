// A W5500 and the way in which MicroPython's driver polls it, to see what modhttp/port/rp2/wiznet.c adds: packets come at
// every place where one can.
#include <stdio.h>
#include <stdlib.h>

#include "lwip/netif.h"

#include "RP2040.h"
#include "lib/wiznet5k/Ethernet/wizchip_conf.h"

void __wrap_wizchip_clrinterrupt(intr_kind intr);
void __wrap_mpy_wiznet_yield(void);
void __real_wizchip_clrinterrupt(intr_kind intr);
void wiznet5k_try_poll(void);

static struct netif network = { true, true };
struct netif *netif_default = &network;
static SCB_Type scb;
SCB_Type *SCB = &scb;

// ---- the chip

static unsigned waiting, fetched;
static bool interrupt;          // INTN is low: a packet raises it only from high
static bool dispatch;           // what INTN's handler, or wiznet5k_try_poll, leaves to be run

static void packet(void) {
    waiting++;
    if (!interrupt) {
        interrupt = true;
        dispatch = true;
        SCB->ICSR = SCB_ICSR_PENDSVSET_Msk;
    }
}

uint16_t getSn_RX_RSR(uint8_t sn) {
    return sn == 0 ? (uint16_t)(waiting * 60) : 0;
}

// ---- the driver

static int steps_until_packet;

// A place where a packet can come.
static void place(void) {
    if (steps_until_packet-- == 0) {
        packet();
    }
}

void __real_wizchip_clrinterrupt(intr_kind intr) {
    place();
    interrupt = intr != IK_SOCK_0;
    place();
}

void wiznet5k_try_poll(void) {
    dispatch = true;    // inside the dispatcher this alone runs nothing
}

static void poll(void) {
    place();
    while (waiting > 0) {
        waiting--;
        fetched++;
        place();
    }
    __wrap_wizchip_clrinterrupt(IK_SOCK_0);
    place();
}

// PendSV, for as long as it is pended.
static void run(void) {
    for (int rounds = 0; SCB->ICSR != 0; rounds++) {
        if (rounds == 10) {
            puts("PendSV does not end");
            exit(1);
        }
        SCB->ICSR = 0;
        if (dispatch) {
            dispatch = false;
            poll();
        }
    }
}

int main(void) {
    __wrap_mpy_wiznet_yield(); // calls nothing: there is nothing here that it could call
    for (int step = 0; step < 8; step++) {
        waiting = fetched = 0;
        interrupt = dispatch = false;
        steps_until_packet = step;
        packet();
        run();
        if (waiting != 0 || fetched != (steps_until_packet < 0 ? 2 : 1)) {
            printf("step %d: %u packets wait, %u fetched\n", step, waiting, fetched);
            return 1;
        }
    }
    // A chip that is not there reads as ones for ever: nothing is pended while there is no network.
    steps_until_packet = -1;
    waiting = 1000;
    network.link = false;
    SCB->ICSR = 0;
    __wrap_wizchip_clrinterrupt(IK_SOCK_0);
    netif_default = NULL;
    __wrap_wizchip_clrinterrupt(IK_SOCK_0);
    return SCB->ICSR != 0;
}
