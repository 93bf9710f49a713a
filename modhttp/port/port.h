#ifndef MODHTTP_PORT_PORT_H
#define MODHTTP_PORT_PORT_H

#include <stddef.h>
#include <stdint.h>

// What a port calls of modhttp, and what it is called for.

// Abort every connection, close every listener and forget every Python object: to be called when the VM ends (soft reset), before
// its heap is swept. lwIP is held off inside.
void modhttp_soft_reset(void);

// Bits of the machine's noise source, as they come: neither whitened nor looked at.
void modhttp_noise_bits(uint8_t *out, size_t len);

#endif
