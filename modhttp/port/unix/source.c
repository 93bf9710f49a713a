#include <sys/epoll.h>

#include "port/unix/source.h"

#define SOURCES_AT_ONCE 64

int source_dispatch(int epoll_fd) {
    struct epoll_event ready[SOURCES_AT_ONCE];
    int count = epoll_wait(epoll_fd, ready, SOURCES_AT_ONCE, 0);
    for (int i = 0; i < count; i++) {
        source_t *source = ready[i].data.ptr;
        source->ready(source, ready[i].events);
    }
    return count > 0 ? count : 0;
}
