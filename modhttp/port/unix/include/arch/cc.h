// lwIP's compiler and platform header for Linux, 32 and 64 bits.
#ifndef MODHTTP_UNIX_ARCH_CC_H
#define MODHTTP_UNIX_ARCH_CC_H

#include <stdint.h>

// The libc has htons() and friends; lwIP then uses its own names with a prefix.
#define LWIP_DONT_PROVIDE_BYTEORDER_FUNCTIONS

#define LWIP_TIMEVAL_PRIVATE 0
#include <sys/time.h>

// lwIP runs in a signal handler: what is called from here must be async-signal-safe.
void modhttp_lwip_assert(const char *what, const char *file, int line) __attribute__((noreturn));
uint32_t modhttp_lwip_rand(void);

#define LWIP_RAND() modhttp_lwip_rand()
#define LWIP_PLATFORM_DIAG(x)
#define LWIP_PLATFORM_ASSERT(x) modhttp_lwip_assert(x, __FILE__, __LINE__)

#endif
