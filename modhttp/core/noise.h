#ifndef MODHTTP_CORE_NOISE_H
#define MODHTTP_CORE_NOISE_H

// Whether bits of a noise source are as plausible as a quarter bit of entropy in each would be: the two health tests of NIST
// SP 800-90B section 4.4, on the bits and on whether each differs from the one before, so that one that alternates is found out as well. A
// source that works fails each about once in a million times.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MH_NOISE_WINDOW (128)   // bytes that the second test looks at together
#define MH_NOISE_RUN (81)       // as many equal bits in a row are too many: 1 + 20 / 0.25
#define MH_NOISE_SAME (915)     // and so are as many in a window of 1,024 that are like its first

// `len` is a multiple of MH_NOISE_WINDOW. Not a single window is not plausible.
bool mh_noise_is_plausible(const uint8_t *bits, size_t len);

#endif
