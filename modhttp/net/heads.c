#include <string.h>

#include "net/heads.h"

static size_t units_for(size_t len) {
    return (len + MH_HEADS_UNIT - 1) / MH_HEADS_UNIT;
}

size_t mh_heads_size(size_t bytes) {
    return units_for(bytes) * (MH_HEADS_UNIT + 1);
}

void mh_heads_init(mh_heads_t *heads, void *mem, size_t bytes) {
    heads->count = heads->free = (uint16_t)units_for(bytes);
    heads->units = mem;
    heads->used = heads->units + (size_t)heads->count * MH_HEADS_UNIT;
    memset(heads->used, 0, heads->count);
}

uint8_t *mh_heads_alloc(mh_heads_t *heads, size_t len) {
    size_t want = units_for(len), run = 0;
    for (size_t i = 0; i < heads->count; i++) {
        run = heads->used[i] ? 0 : run + 1;
        if (run == want) {
            size_t first = i + 1 - want;
            memset(heads->used + first, 1, want);
            heads->free = (uint16_t)(heads->free - want);
            return heads->units + first * MH_HEADS_UNIT;
        }
    }
    return NULL;
}

void mh_heads_trim(mh_heads_t *heads, uint8_t *block, size_t len, size_t keep) {
    size_t first = (size_t)(block - heads->units) / MH_HEADS_UNIT;
    size_t from = units_for(keep), to = units_for(len);
    if (from < to) {
        memset(heads->used + first + from, 0, to - from);
        heads->free = (uint16_t)(heads->free + (to - from));
    }
}
