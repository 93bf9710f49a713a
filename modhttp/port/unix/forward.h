// The localhost forwarder: connections to a kernel socket continue as TCP connections of lwIP.
//
// Both ends see what the other does: data in order and under back-pressure (at most one receive window and one
// chunk are held per connection), the end of one direction while the other goes on, and a reset as a reset.
//
// Everything but forward_open() is to be called where lwIP may be; nothing here waits, allocates from the C
// heap or uses stdio, so that this may be an interrupt.
#ifndef MODHTTP_UNIX_FORWARD_H
#define MODHTTP_UNIX_FORWARD_H

#include <stdbool.h>
#include <stdint.h>

#include "lwip/ip_addr.h"

// Connections at a time; the kernel queues further ones.
#define FORWARD_CONNECTIONS 256

typedef struct {
    int listener;           // from forward_open()
    int epoll_fd;           // sources are added to this set, for source_dispatch()
    ip_addr_t address;      // the server in lwIP
    uint16_t port;
    // The server is in this very lwIP: whether it listens is looked up instead of tried, and a SYN that it
    // dropped (full backlog) is repeated after milliseconds instead of seconds.
    bool local;
    // Called once, where lwIP may be called, when the server accepts connections. May be NULL.
    void (*on_answer)(void);
} forward_config_t;

// Opens the kernel's listening socket. Returns it, or -1 with errno.
int forward_open(const char *host, uint16_t port);

// Starts forwarding; config is copied. One forwarder per program.
void forward_start(const forward_config_t *config);

// Carries on with the connections on which lwIP reported something: call after lwIP had its input.
void forward_run(void);

// Data is on its way in some connection.
bool forward_busy(void);

#endif
