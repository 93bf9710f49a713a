// The same request again. Whoever polls an endpoint says the same each time, byte for byte: what was answered at once is
// remembered with its endpoint, and recognized without being parsed. The memory is what the head arena has to spare.

#include "core/chars.h"
#include "net/internal.h"

// Bytes of a head that tell where it is looked for, method and path among them; a shorter one is not remembered.
#define MEMO_MIN (40)
#define MEMO_WORDS ((MEMO_MIN - 3) / sizeof(uint32_t))

// On RP2040 this is in RAM, so that none of it has to be fetched when Python's code has taken flash's cache. (What else a
// request runs is five times as much, lwIP's for the most part, and calls to and from RAM take longer: it stays in flash.)
#ifdef PICO_ON_DEVICE
#define IN_RAM __attribute__((section(".time_critical.modhttp")))
#else
#define IN_RAM
#endif

// Nor is a longer one.
#define MEMO_MAX (1024)

// Another takes the place of one that is not asked any more: after so many others, for to remember costs as much as a short answer.
#define MEMO_MISSES (4)

static uint32_t word_at(const uint8_t *data) {
    uint32_t word;
    memcpy(&word, MH_ALIGNED(data, uint32_t), sizeof(word));
    return word;
}

static unsigned misaligned(const uint8_t *data) {
    return (unsigned)((uintptr_t)data % sizeof(uint32_t));
}

// Where a request is remembered, if it is.
static mh_memo_t *place(mh_server_t *server, const uint8_t *data, size_t len) {
    const uint8_t *at = data + (-(uintptr_t)data % sizeof(uint32_t));
    uint32_t hash = (uint32_t)len;
    MH_UNROLL
    for (size_t i = 0; i < MEMO_WORDS; i++) {
        hash = (hash << 27 | hash >> 5) ^ word_at(at + i * sizeof(uint32_t));
    }
    return &server->memos[hash * 0x9e3779b1 / (UINT32_MAX / MEMOS + 1)];
}

// Whether two heads, which lie alike within a word, are the same. How long that takes tells nothing of how much is: the one remembered may
// have been another client's, with a password in it.
static MH_NOINLINE IN_RAM bool is_same(const uint8_t *a, const uint8_t *b, size_t len) {
    const uint8_t *end = a + len, *last = end - 4 * sizeof(uint32_t);
    uint32_t differ = 0;
    while (misaligned(a) != 0) {
        differ |= *a++ ^ *b++;
    }
    for (; a <= last; a += 4 * sizeof(uint32_t), b += 4 * sizeof(uint32_t)) {
        differ |= word_at(a) ^ word_at(b);
        differ |= word_at(a + 4) ^ word_at(b + 4);
        differ |= word_at(a + 8) ^ word_at(b + 8);
        differ |= word_at(a + 12) ^ word_at(b + 12);
    }
    for (; a < end; a++, b++) {
        differ |= *a ^ *b;
    }
    return differ == 0;
}

static void forget(mh_server_t *server, mh_memo_t *memo) {
    if (memo->endpoint != NULL) {
        mh_heads_trim(&server->heads, memo->block, memo->room, 0);
        memo->endpoint = NULL;
        server->memo_units = (uint16_t)(server->memo_units - memo->room / MH_HEADS_UNIT);
    }
}

bool memo_forget(mh_server_t *server) {
    if (server->memo_units == 0) {
        return false;
    }
    for (unsigned i = 0; i < MEMOS; i++) {
        forget(server, &server->memos[i]);
    }
    return true;
}

// At most half of the arena is for this.
static bool may_keep(const mh_server_t *server, size_t room) {
    const mh_heads_t *heads = &server->heads;
    return heads->free * 2u >= heads->count + room / MH_HEADS_UNIT * 2u;
}

void memo_keep(mh_conn_t *conn, mh_endpoint_t *endpoint) {
    mh_server_t *server = conn->server;
    const uint8_t *data = conn->in->payload;
    size_t len = conn->head.len;
    if (len != conn->in->tot_len || len < MEMO_MIN || len > MEMO_MAX) {
        return;
    }
    size_t room = (misaligned(data) + len + MH_HEADS_UNIT - 1) / MH_HEADS_UNIT * MH_HEADS_UNIT;
    mh_memo_t *memo = place(server, data, len);
    if (memo->endpoint != NULL && ++memo->misses < MEMO_MISSES) {
        return;
    }
    forget(server, memo);
    uint8_t *block = may_keep(server, room) ? mh_heads_alloc(&server->heads, room) : NULL;
    if (block == NULL) {
        return;
    }
    memcpy(block + misaligned(data), data, len);
    *memo = (mh_memo_t) { .endpoint = endpoint, .block = block, .room = (uint16_t)room, .at = (uint8_t)misaligned(data), .len = (uint16_t)len };
    server->memo_units = (uint16_t)(server->memo_units + room / MH_HEADS_UNIT);
}

IN_RAM mh_endpoint_t *memo_find(mh_server_t *server, const struct pbuf *in) {
    const uint8_t *data = in->payload;
    if (server->memo_units == 0 || in->len != in->tot_len || in->len < MEMO_MIN) {
        return NULL;
    }
    mh_memo_t *memo = place(server, data, in->len);
    bool alike = memo->endpoint != NULL && memo->len == in->len && memo->at == misaligned(data);
    if (!alike || !is_same(data, memo->block + memo->at, memo->len)) {
        return NULL;
    }
    memo->misses = 0;
    return memo->endpoint;
}
