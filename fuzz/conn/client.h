#ifndef MODHTTP_FUZZ_CONN_CLIENT_H
#define MODHTTP_FUZZ_CONN_CLIENT_H

// A client: what it sends, and a strict reader of what it gets. All that the server has seen of it is known, so at every
// moment the reader knows which answers are right.

#include "net/internal.h"
#include "tcp.h"

#define CLIENTS (14)
#define STREAM_MAX (6144)
#define ANSWER_HEAD_MAX (1024)

// What the server can have made of what a client sent after its last answered request.
typedef struct _expect_t {
    enum { EXPECT_NOTHING, EXPECT_PARTIAL, EXPECT_REFUSAL, EXPECT_REQUEST } kind;
    uint16_t status;            // of the refusal
    mh_head_t head;             // of the request
} expect_t;

// The program's answer to the request under way.
typedef struct _answer_t {
    bool begun;
    bool ended;                 // by the program
    bool over;                  // its last byte is with lwIP
    bool raw;                   // detached: no HTTP any more
    uint8_t seed;               // of its bytes
    uint16_t status;
    uint32_t declared;          // or MH_LENGTH_UNKNOWN
    uint32_t offered;           // bytes that net/ has taken, or may take in the call under way
} answer_t;

typedef enum {
    READ_HEAD,
    READ_LENGTH,
    READ_SIZE,                  // of a chunk
    READ_CHUNK,
    READ_CHUNK_END,
    READ_LAST,                  // the empty line after the last chunk
    READ_CLOSE,                 // up to the FIN
    READ_RAW,
    READ_OVER,                  // nothing more may come
} read_state_t;

typedef struct _client_t {
    link_t link;
    bool used;
    bool refused;               // at the door: its 503 has no request
    bool fin_wanted;
    uint16_t port;
    // what it sends
    uint8_t stream[STREAM_MAX];
    uint16_t len;
    uint16_t at;                // of the request that is to be answered next
    uint16_t skip_at;           // of the body that follows the last answered request
    mh_body_t skip;
    bool skipping;
    bool astray;                // that body is malformed: nothing after it is a request
    // what it gets
    answer_t answer;
    read_state_t state;
    char head[ANSWER_HEAD_MAX];
    uint16_t head_len;
    uint16_t status;            // of the answer being read
    uint32_t left;
    uint32_t body_at;
    size_t rest;                // bytes of the write being read
    unsigned answers;
    uint32_t answered_at;       // ms
    bool closes;
    bool native;                // an endpoint's answer is being read: its framing is checked, not its bytes
    bool events;                // and it has no end
    bool continued;             // 100 Continue was sent for the request under way
} client_t;

// A byte of the program's answers and of request bodies.
static inline uint8_t pattern(uint8_t seed, uint32_t at) {
    return (uint8_t)(at * 31 + (at >> 8) * 7 + seed);
}

void client_init(client_t *client, uint16_t port);
void client_append(client_t *client, const void *data, size_t len);
// Bytes of the stream that the server has seen.
uint16_t client_seen(const client_t *client);
void client_expect(client_t *client, expect_t *expect);
// How the routes in use so far would answer: whether any gives it to the program, or answers with `status`.
bool routes_give(const mh_head_t *head, const uint8_t *data, uint16_t status);
// Whether any of them gives it to an endpoint.
bool routes_answer(const mh_head_t *head, const uint8_t *data);
// After each step: what was promised is done.
void client_check(client_t *client);
// Whether the server has seen all that it needs for an answer that is not under way yet.
bool client_is_owed(client_t *client);

#endif
