// What splits.c offers to the tests; native.py gives this file to cffi as it is, so it holds declarations only.

typedef enum {
    SPLITS_HEAD,        // one request head
    SPLITS_CHUNKED,     // one chunked body
    SPLITS_REQUESTS,    // requests with their bodies, one after the other, as a connection brings them
} splits_parser_t;

enum {
    SPLITS_MORE = 0,        // all input is used up inside a head or a body
    SPLITS_HEAD_DONE = 1,
    SPLITS_BODY_DONE = 2,
    SPLITS_BROKEN = -1,     // the parser broke its word: asked again it says something else, or what it returns is out of range
};

// Something that the parser said; -status is a refusal.
typedef struct _splits_event_t {
    int result;
    uint32_t at;            // bytes of the input used up by then; 0 with a refusal
    uint32_t data_len;      // bytes of bodies by then
    mh_head_t head;         // of SPLITS_HEAD_DONE: its public part
} splits_event_t;

#define SPLITS_EVENTS_MAX 64
#define SPLITS_INPUT_MAX 16384

typedef struct _splits_log_t {
    uint32_t events_len;
    uint32_t data_len;
    splits_event_t events[SPLITS_EVENTS_MAX];
    uint8_t data[SPLITS_INPUT_MAX];     // the bodies, one after the other
} splits_log_t;

// Give the input in pieces that end at `ends` and at the end of the input. Each call of the parser finds its bytes at
// another place than the one before, where they end at an unreadable page or, with `at_begin`, begin after one. The place
// before is overwritten.
void splits_run(splits_parser_t parser, const mh_limits_t *limits, const uint8_t *in, size_t len, const size_t *ends,
    size_t ends_len, bool at_begin, splits_log_t *log);

// Give the input whole, byte by byte, at every split into two and, with `into_three`, at every split into three, each way
// both at_begin and not. Returns how many ways gave the same as the first, all of them when it is *of.
// The first that did not: *from, *to are its splits (byte by byte: both SIZE_MAX), *at_begin how it lay.
size_t splits_try(splits_parser_t parser, const mh_limits_t *limits, const uint8_t *in, size_t len, bool into_three,
    size_t *of, size_t *from, size_t *to, bool *at_begin);
