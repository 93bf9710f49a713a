// A TAP device as lwIP's Ethernet interface: for tests and benchmarks that want a wire.
#ifndef MODHTTP_UNIX_TAP_H
#define MODHTTP_UNIX_TAP_H

// Attaches to the TAP device and brings the interface up, default route included. specification is
// "name,address/prefix,gateway", as in "tap0,10.77.0.2/24,10.77.0.1"; it is changed. The device's source is
// added to epoll_fd. Returns NULL, or what went wrong (errno tells the details, if not 0).
const char *tap_start(char *specification, int epoll_fd);

#endif
