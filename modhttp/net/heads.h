#ifndef MODHTTP_NET_HEADS_H
#define MODHTTP_NET_HEADS_H

// The head arena: request heads that outlive their pbuf. One block of memory in units; a head takes as many adjacent ones as it needs, so
// that small heads, the usual kind, do not each cost a buffer of full size.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MH_HEADS_UNIT (128)

typedef struct _mh_heads_t {
    uint8_t *units;         // count * MH_HEADS_UNIT bytes
    uint8_t *used;          // per unit: 0 when free
    uint16_t count;
    uint16_t free;
} mh_heads_t;

// Bytes of memory for `bytes` of heads.
size_t mh_heads_size(size_t bytes);
void mh_heads_init(mh_heads_t *heads, void *mem, size_t bytes);

// The first gap of at least `len` bytes, or NULL.
uint8_t *mh_heads_alloc(mh_heads_t *heads, size_t len);
// Give back what lies beyond the first `keep` bytes of a block of `len`; all of it when keep is 0.
void mh_heads_trim(mh_heads_t *heads, uint8_t *block, size_t len, size_t keep);

#endif
