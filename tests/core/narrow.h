// Included before all else: makes this machine's words, as core/head.c takes them, those of a Cortex-M0+.
#include <stdint.h>
#define uintptr_t uint32_t
