// A file descriptor in the epoll set that drives lwIP's input.
#ifndef MODHTTP_UNIX_SOURCE_H
#define MODHTTP_UNIX_SOURCE_H

#include <stdint.h>

typedef struct source {
    // Called with epoll's events, where lwIP may be called. The struct is what epoll's data.ptr points at.
    void (*ready)(struct source *self, uint32_t events);
} source_t;

// Calls every ready source of the set once and returns their number. Does not wait.
int source_dispatch(int epoll_fd);

#endif
