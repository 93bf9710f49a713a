#include "core/throttle.h"

// Its place; `count` when it has none.
static size_t find(const mh_throttle_t *throttle, uint64_t client) {
    size_t i = 0;
    while (i < throttle->count && throttle->clients[i].client != client) {
        ++i;
    }
    return i;
}

uint32_t mh_throttle_wait(const mh_throttle_t *throttle, uint64_t client, uint32_t now) {
    size_t i = find(throttle, client);
    if (i == throttle->count || throttle->clients[i].failures <= MH_THROTTLE_FREE) {
        return 0;
    }
    unsigned doublings = throttle->clients[i].failures - MH_THROTTLE_FREE - 1u;
    uint32_t delay = doublings < 6 ? (uint32_t)1000 << doublings : MH_THROTTLE_MAX_MS;
    uint32_t passed = now - throttle->clients[i].last;
    return passed < delay ? delay - passed : 0;
}

// A place for one more.
static size_t make_room(mh_throttle_t *throttle, uint32_t now) {
    if (throttle->count < MH_THROTTLE_CLIENTS) {
        return throttle->count++;
    }
    size_t oldest = 0;
    for (size_t i = 1; i < MH_THROTTLE_CLIENTS; ++i) {
        if (now - throttle->clients[i].last > now - throttle->clients[oldest].last) {
            oldest = i;
        }
    }
    return oldest;
}

void mh_throttle_failed(mh_throttle_t *throttle, uint64_t client, uint32_t now) {
    size_t i = find(throttle, client);
    mh_failing_t *failing = &throttle->clients[i];
    if (i == throttle->count) {
        failing = &throttle->clients[make_room(throttle, now)];
        *failing = (mh_failing_t) { .client = client };
    } else if (now - failing->last > MH_THROTTLE_FORGET_MS) {
        failing->failures = 0;
    }
    failing->failures = (uint8_t)(failing->failures + (failing->failures < UINT8_MAX));
    failing->last = now;
}

void mh_throttle_passed(mh_throttle_t *throttle, uint64_t client) {
    size_t i = find(throttle, client);
    if (i < throttle->count) {
        throttle->clients[i] = throttle->clients[--throttle->count];
    }
}
