// Feeds: the newest sample of each of several sensors, as it is taken, in one stream of Server-Sent Events.
//
// A sample is told as [number of the sensor, [seq, ms, values...]]. A client that takes them more slowly than they are taken misses
// some, sees so by `seq`, and can ask the sensor's history for them: nothing is kept here for anybody.

#include "net/internal.h"
#include "net/put.h"

// cursor.end is how many sensors the client has been told of at all, cursor.next the update up to which it has been told.
enum { PHASE_BEGIN, PHASE_HELLO, PHASE_SAMPLES, PHASE_OVER };

static mh_conn_t *subscribers;      // of all feeds
static uint32_t updates;            // that feeds have heard of

static const mh_metrics_t *metrics_of(const mh_conn_t *conn) {
    return ((const mh_feed_t *)(const void *)conn->cursor.endpoint)->metrics;
}

static bool begin(mh_conn_t *conn) {
    const mh_metrics_t *metrics = metrics_of(conn);
    if (!native_subscribe(conn, &subscribers, metrics->work, metrics->work_size)) {
        return false;
    }
    conn->cursor.phase = conn->state == CONN_EVENTS ? PHASE_HELLO : PHASE_OVER;
    conn->cursor.next = updates;
    return true;
}

// Which program this is, and what time samples' times are to be compared with.
static bool send_hello(mh_conn_t *conn) {
    char *work = metrics_of(conn)->work, *at = work + MH_CHUNK_HEAD_MAX;
    at = PUT(at, "event: hello\ndata: {\"boot\":\"");
    at = put_hex(at, mh_native_boot());
    at = PUT(at, "\",\"ms\":");
    at = put_decimal(at, sys_now());
    at = PUT(at, "}\n\n");
    if (!native_send_piece(conn, work, (size_t)(at - work) - MH_CHUNK_HEAD_MAX)) {
        return false;
    }
    conn->cursor.phase = PHASE_SAMPLES;
    return true;
}

// The number of a sensor that the client is to be told of, the one that has waited longest; moves the cursor past it. False: none.
static bool next_sensor(const mh_metrics_t *metrics, mh_cursor_t *cursor, uint32_t *number) {
    if (cursor->end < metrics->count) {
        *number = cursor->end++;
        return true;
    }
    uint32_t behind = updates - cursor->next;
    bool found = false;
    for (uint32_t i = 0; i < metrics->count; i++) {
        uint32_t at = metrics->sensors[i]->looked_at - cursor->next - 1;    // beyond `behind` for what the client has had
        if (at < behind) {
            behind = at;
            *number = i;
            found = true;
        }
    }
    cursor->next += found ? behind + 1 : 0;
    return found;
}

static bool send_sample(mh_conn_t *conn, uint32_t number) {
    mh_sensor_endpoint_t *sensor = metrics_of(conn)->sensors[number];
    char *at = sensor->work + MH_CHUNK_HEAD_MAX;
    sensor_fetch_newest(sensor);
    at = PUT(at, "data: [");
    at = put_decimal(at, number);
    at = PUT(at, ",");
    at += mh_sensor_json_row(&sensor->sensor, sensor->copy, at);
    at = PUT(at, "]\n\n");
    return native_send_piece(conn, sensor->work, (size_t)(at - sensor->work) - MH_CHUNK_HEAD_MAX);
}

// A sensor with a sample that nobody has looked at yet has its turn when that is looked at, or the sample would be told twice.
static void send_samples(mh_conn_t *conn) {
    const mh_metrics_t *metrics = metrics_of(conn);
    mh_cursor_t cursor = conn->cursor;
    uint32_t number;
    while (next_sensor(metrics, &cursor, &number) && !metrics->sensors[number]->updated && send_sample(conn, number)) {
        conn->cursor = cursor;
    }
}

static bool go_on(mh_conn_t *conn) {
    switch (conn->cursor.phase) {
        case PHASE_BEGIN:
            return begin(conn) && go_on(conn);
        case PHASE_HELLO:
            return send_hello(conn) && go_on(conn);
        case PHASE_OVER:
            return true;
        default:
            send_samples(conn);
            return false;
    }
}

static void end(mh_conn_t *conn) {
    native_unsubscribe(conn, &subscribers);
}

void feed_updated(mh_sensor_endpoint_t *endpoint) {
    endpoint->looked_at = ++updates;
    native_resume(subscribers);
}

static const mh_endpoint_type_t feed_type = { .go_on = go_on, .end = end };

void mh_feed_init(mh_feed_t *feed, const mh_metrics_t *metrics) {
    feed->endpoint = (mh_endpoint_t) { .type = &feed_type };
    feed->metrics = metrics;
}
