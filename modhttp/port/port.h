#ifndef MODHTTP_PORT_PORT_H
#define MODHTTP_PORT_PORT_H

// What a port calls of modhttp.

// Abort every connection, close every listener and forget every Python object: to be called when the VM ends (soft reset), before
// its heap is swept. lwIP is held off inside.
void modhttp_soft_reset(void);

#endif
