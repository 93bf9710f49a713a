// The parsers of modhttp/core fed with one input in every way that a network may bring it. In C, because an input of 200
// bytes has 20,000 splits into three.

#define _DEFAULT_SOURCE

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/body.h"
#include "core/head.h"
#include "splits.h"

#define NOTHING_WRITES (0xa5)

// Where a parser finds its bytes: two places in turn, each with an unreadable page on both sides.
typedef struct _places_t {
    uint8_t *begin[2];
    uint8_t *last;          // what was put last, to be overwritten
    size_t last_len;
    unsigned turn;
    bool at_begin;
} places_t;

static uint8_t *new_place(void) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    uint8_t *base = mmap(NULL, SPLITS_INPUT_MAX + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED || mprotect(base + page, SPLITS_INPUT_MAX, PROT_READ | PROT_WRITE) != 0) {
        return NULL;        // the first put() crashes
    }
    return base + page;
}

static places_t *the_places(bool at_begin) {
    static places_t places;
    if (places.begin[0] == NULL) {
        places.begin[0] = new_place();
        places.begin[1] = new_place();
    }
    places.at_begin = at_begin;
    return &places;
}

static const uint8_t *put(places_t *places, const uint8_t *in, size_t len) {
    if (places->last_len != 0) {
        memset(places->last, NOTHING_WRITES, places->last_len);
    }
    places->turn ^= 1;
    uint8_t *begin = places->begin[places->turn];
    places->last = places->at_begin ? begin : begin + SPLITS_INPUT_MAX - len;
    places->last_len = len;
    return memcpy(places->last, in, len);
}

typedef enum {
    PHASE_HEAD,
    PHASE_BODY,
    PHASE_END,          // refused, broken, or done with what the parser is for
} phase_t;

// All that a reading is, so that a copy of it goes on from the same point. What it has logged stays valid with it.
typedef struct _reading_t {
    splits_parser_t parser;
    phase_t phase;
    mh_head_t head;
    mh_body_t body;
    size_t used;
    uint32_t events_len;
    uint32_t data_len;
} reading_t;

typedef struct _input_t {
    const mh_limits_t *limits;
    const uint8_t *bytes;
    size_t len;
    places_t *places;
    splits_log_t *log;
} input_t;

static reading_t begin_reading(splits_parser_t parser) {
    reading_t reading = { .parser = parser, .phase = PHASE_HEAD };
    if (parser == SPLITS_CHUNKED) {
        reading.phase = PHASE_BODY;
        reading.head.flags = MH_HEAD_CHUNKED;
        mh_body_init(&reading.body, &reading.head);
    }
    return reading;
}

static void say(reading_t *reading, const input_t *input, int result) {
    if (result < 0) {
        reading->phase = PHASE_END;
    }
    if (reading->events_len == SPLITS_EVENTS_MAX) {
        reading->phase = PHASE_END;
        return;
    }
    splits_event_t *event = &input->log->events[reading->events_len++];
    memset(event, 0, sizeof(*event));
    event->result = result;
    event->at = result < 0 ? 0 : (uint32_t)reading->used;     // how much a refusal took, the pieces decide
    event->data_len = reading->data_len;
    if (result == SPLITS_HEAD_DONE) {
        event->head.method = reading->head.method;
        event->head.target = reading->head.target;
        event->head.fields = reading->head.fields;
        event->head.len = reading->head.len;
        event->head.method_id = reading->head.method_id;
        event->head.minor = reading->head.minor;
        event->head.flags = reading->head.flags;
        event->head.length = reading->head.length;
    }
}

// Returns whether to go on with what is left of the piece.
static bool read_head(reading_t *reading, const input_t *input, size_t end) {
    const uint8_t *bytes = input->bytes + reading->used;
    size_t len = end - reading->used;
    int result = mh_head_parse(&reading->head, input->limits, put(input->places, bytes, len), len);
    if (result == 0) {
        return false;
    }
    if (mh_head_parse(&reading->head, input->limits, put(input->places, bytes, len), len) != result
        || (result == 1 && (reading->head.len == 0 || reading->head.len > len))) {
        say(reading, input, SPLITS_BROKEN);
        return false;
    }
    if (result == 1) {
        reading->used += reading->head.len;
        mh_body_init(&reading->body, &reading->head);
        reading->phase = reading->parser == SPLITS_HEAD ? PHASE_END : PHASE_BODY;
    }
    say(reading, input, result);
    return true;
}

static void end_body(reading_t *reading, const input_t *input) {
    say(reading, input, SPLITS_BODY_DONE);
    if (reading->parser == SPLITS_REQUESTS) {
        memset(&reading->head, 0, sizeof(reading->head));
        reading->phase = PHASE_HEAD;
    } else {
        reading->phase = PHASE_END;
    }
}

// Returns whether to go on with what is left of the piece.
static bool read_body(reading_t *reading, const input_t *input, size_t end) {
    const uint8_t *data;
    size_t data_len;
    if (mh_body_done(&reading->body)) {
        end_body(reading, input);
        return true;
    }
    size_t len = end - reading->used;
    if (len == 0) {
        return false;
    }
    const uint8_t *piece = put(input->places, input->bytes + reading->used, len);
    int n = mh_body_next(&reading->body, piece, len, &data, &data_len);
    if (n < 0) {
        bool same = mh_body_next(&reading->body, piece, len, &data, &data_len) == n;
        say(reading, input, same ? n : SPLITS_BROKEN);
        return false;
    }
    if (n == 0 || (size_t)n > len || data < piece || data > piece + n || data_len > (size_t)(piece + n - data)) {
        say(reading, input, SPLITS_BROKEN);
        return false;
    }
    memcpy(input->log->data + reading->data_len, data, data_len);
    reading->data_len += (uint32_t)data_len;
    reading->used += (size_t)n;
    return true;
}

// The input has come up to `end`.
static void read_to(reading_t *reading, const input_t *input, size_t end) {
    bool go_on = true;
    while (go_on && reading->phase != PHASE_END) {
        go_on = reading->phase == PHASE_HEAD ? read_head(reading, input, end) : read_body(reading, input, end);
    }
}

static void end_reading(reading_t *reading, const input_t *input) {
    read_to(reading, input, input->len);
    bool between = reading->parser == SPLITS_REQUESTS && reading->phase == PHASE_HEAD && reading->used == input->len;
    if (reading->phase != PHASE_END && !between) {
        say(reading, input, SPLITS_MORE);
    }
    input->log->events_len = reading->events_len;
    input->log->data_len = reading->data_len;
}

void splits_run(splits_parser_t parser, const mh_limits_t *limits, const uint8_t *in, size_t len, const size_t *ends,
    size_t ends_len, bool at_begin, splits_log_t *log) {
    input_t input = { limits, in, len, the_places(at_begin), log };
    reading_t reading = begin_reading(parser);
    for (size_t i = 0; i < ends_len; ++i) {
        read_to(&reading, &input, ends[i]);
    }
    end_reading(&reading, &input);
}

static bool same_log(const splits_log_t *a, const splits_log_t *b) {
    return a->events_len == b->events_len && a->data_len == b->data_len
        && memcmp(a->events, b->events, a->events_len * sizeof(a->events[0])) == 0
        && memcmp(a->data, b->data, a->data_len) == 0;
}

// The trying of all ways: what they have to give, and how it stands.
typedef struct _trial_t {
    input_t input;
    const splits_log_t *expected;
    size_t good;
    size_t *of;
    size_t *from;
    size_t *to;
    bool *at_begin;
} trial_t;

static void judge(trial_t *trial, reading_t reading, size_t from, size_t to) {
    end_reading(&reading, &trial->input);
    ++*trial->of;
    if (same_log(trial->input.log, trial->expected)) {
        ++trial->good;
    } else if (trial->good == *trial->of - 1) {
        *trial->from = from;
        *trial->to = to;
        *trial->at_begin = trial->input.places->at_begin;
    }
}

static void try_byte_by_byte(trial_t *trial, reading_t reading) {
    for (size_t end = 0; end < trial->input.len; ++end) {
        read_to(&reading, &trial->input, end);
    }
    judge(trial, reading, SIZE_MAX, SIZE_MAX);
}

static void try_splits(trial_t *trial, reading_t start, bool into_three) {
    for (size_t from = 0; from <= trial->input.len; ++from) {
        reading_t first = start;
        read_to(&first, &trial->input, from);
        judge(trial, first, from, from);
        // Where the first piece says it all, it does so with any pieces after it.
        for (size_t to = from + 1; into_three && first.phase != PHASE_END && to < trial->input.len; ++to) {
            reading_t second = first;
            read_to(&second, &trial->input, to);
            judge(trial, second, from, to);
        }
    }
}

size_t splits_try(splits_parser_t parser, const mh_limits_t *limits, const uint8_t *in, size_t len, bool into_three,
    size_t *of, size_t *from, size_t *to, bool *at_begin) {
    static splits_log_t expected;
    static splits_log_t log;
    splits_run(parser, limits, in, len, NULL, 0, false, &expected);
    *of = 0;
    trial_t trial = { { limits, in, len, NULL, &log }, &expected, 0, of, from, to, at_begin };
    for (int begin = 0; begin < 2; ++begin) {
        trial.input.places = the_places(begin);
        try_byte_by_byte(&trial, begin_reading(parser));
        try_splits(&trial, begin_reading(parser), into_three);
    }
    return trial.good;
}
