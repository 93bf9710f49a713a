// The RP2040's SLIP network interface: UART0 on GP0 (TX) and GP1 (RX), 8N1.
#ifndef MODHTTP_PORT_RP2_SLIP_H
#define MODHTTP_PORT_RP2_SLIP_H

#include <stdbool.h>
#include <stdint.h>

#include "lwip/netif.h"

#define MODHTTP_SLIP_BAUDRATE (921600)

typedef struct {
    uint32_t packets_in;    // handed to lwIP
    uint32_t packets_out;   // put into the transmit ring
    uint32_t overruns;      // times that the UART or the receive ring lost bytes
    uint32_t garbled;       // packets dropped: bytes lost, or not SLIP
    uint32_t dropped;       // packets dropped: longer than the MTU, or no pbuf free
    uint32_t refused;       // packets that lwIP had to keep because the transmit ring was full
} modhttp_slip_counters_t;

extern struct netif modhttp_slip_netif;
extern modhttp_slip_counters_t modhttp_slip_counters;

// Adds the interface to lwIP with the board's addresses, and opens it. Once, after lwip_init.
void modhttp_slip_init(void);

// Puts the board's addresses and baud rate back and opens the interface: how every program finds it.
void modhttp_slip_reset(void);

// Takes UART0 and brings the link up; does nothing when it is open. Level: Python, outside the lwIP lock.
void modhttp_slip_open(void);

// Brings the link down and leaves UART0 to others; what is in the transmit ring is sent first.
void modhttp_slip_close(void);

bool modhttp_slip_is_open(void);

// Bits per second. Setting waits for the transmit ring to drain; returns false, changing nothing, for a rate that
// the UART cannot make.
uint32_t modhttp_slip_baudrate(void);
bool modhttp_slip_set_baudrate(uint32_t baudrate);

#endif
