#ifndef MODHTTP_CORE_THROTTLE_H
#define MODHTTP_CORE_THROTTLE_H

// Clients whose logins failed, and how long each has to wait before its next is looked at: nothing for the first three, then one
// second, two, four, up to 64. A client that got in is forgotten, and so is one that did not try for ten minutes.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MH_THROTTLE_CLIENTS (16)
#define MH_THROTTLE_FREE (3)
#define MH_THROTTLE_MAX_MS (64000)
#define MH_THROTTLE_FORGET_MS (600000)

typedef struct _mh_failing_t {
    uint64_t client;        // its address, or what its network's addresses have in common
    uint32_t last;          // ms: when it failed last
    uint8_t failures;
} mh_failing_t;

// All zero: nobody.
typedef struct _mh_throttle_t {
    mh_failing_t clients[MH_THROTTLE_CLIENTS];
    uint8_t count;
} mh_throttle_t;

// Milliseconds that the client has to wait; 0: it may try.
uint32_t mh_throttle_wait(const mh_throttle_t *throttle, uint64_t client, uint32_t now);

// It tried in vain. Where there is no room for it, whoever failed longest ago is forgotten.
void mh_throttle_failed(mh_throttle_t *throttle, uint64_t client, uint32_t now);

// It got in.
void mh_throttle_passed(mh_throttle_t *throttle, uint64_t client);

#endif
