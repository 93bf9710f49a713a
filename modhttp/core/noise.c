#include "core/noise.h"

typedef struct _health_t {
    unsigned last;
    unsigned run;       // equal bits up to now
    unsigned first;     // of the window
    unsigned same;      // as the first
    bool failed;
} health_t;

static void look(health_t *health, unsigned bit, bool begins) {
    health->run = bit == health->last ? health->run + 1 : 1;
    health->last = bit;
    if (begins) {
        health->first = bit;
        health->same = 0;
    }
    health->same += bit == health->first;
    health->failed |= health->run >= MH_NOISE_RUN || health->same >= MH_NOISE_SAME;
}

bool mh_noise_is_plausible(const uint8_t *bits, size_t len) {
    health_t plain = { 0 }, changes = { 0 };
    unsigned before = 0;
    for (size_t i = 0; i < len * 8; ++i) {
        unsigned bit = bits[i / 8] >> i % 8 & 1u;
        bool begins = i % (MH_NOISE_WINDOW * 8) == 0;
        look(&plain, bit, begins);
        look(&changes, bit ^ before, begins);
        before = bit;
    }
    return len >= MH_NOISE_WINDOW && !plain.failed && !changes.failed;
}
