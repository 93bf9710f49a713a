// lwIP's compiler header for the connection fuzzer.
#ifndef MODHTTP_FUZZ_ARCH_CC_H
#define MODHTTP_FUZZ_ARCH_CC_H

#include <stddef.h>
#include <stdint.h>

#define LWIP_DONT_PROVIDE_BYTEORDER_FUNCTIONS
#define LWIP_TIMEVAL_PRIVATE 0
#include <sys/time.h>

// Memory that is counted, and that runs out when the fuzzer says so (tcp.c).
void *sim_malloc(size_t size);
void *sim_calloc(size_t count, size_t size);
void sim_free(void *memory);

void sim_lwip_assert(const char *what, const char *file, int line) __attribute__((noreturn));

#define LWIP_RAND() 4
#define LWIP_PLATFORM_DIAG(x)
#define LWIP_PLATFORM_ASSERT(x) sim_lwip_assert(x, __FILE__, __LINE__)

#endif
