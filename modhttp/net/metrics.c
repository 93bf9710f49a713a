// Sensors and the server's figures for Prometheus: text format 0.0.4.

#include "net/internal.h"
#include "net/put.h"

static const char type[] = "text/plain; version=0.0.4; charset=utf-8";

enum { PHASE_BEGIN, PHASE_METRICS, PHASE_OVER };

// The server's own figures, in the order of read_figures().
static const struct {
    const char *name;
    const char *help;
} figures[] = {
    { "requests_total", "Requests whose head was complete." },
    { "received_bytes_total", "Bytes that came from clients." },
    { "sent_bytes_total", "Bytes that went to clients." },
    { "refused_total", "Connections and requests that there was no room for." },
    { "timed_out_total", "Connections whose client took too long." },
    { "resets_total", "Connections that ended with an error." },
    { "answers_1xx_total", "Interim answers." },
    { "answers_2xx_total", "Answers that say success." },
    { "answers_3xx_total", "Answers that point elsewhere, or to what the client has." },
    { "answers_4xx_total", "Answers that say that the request was wrong." },
    { "answers_5xx_total", "Answers that say that the server failed." },
    // from here on, what may fall
    { "connections", "Connections that are open." },
    { "connections_idle", "Connections between requests." },
    { "requests_queued", "Requests that wait for Python." },
    { "head_buffers_free", "Head buffers that are free." },
};
#define FIGURES (LWIP_ARRAYSIZE(figures))
#define COUNTERS (FIGURES - 4)

// Bytes of a figure: its name three times, its help, and what is around them; or of an answer's head.
#define FIGURE_MAX (256)

static void read_figures(const mh_server_t *server, uint32_t values[FIGURES]) {
    const mh_stats_t *stats = &server->stats;
    unsigned now[4];
    uint32_t counters[COUNTERS] = {
        stats->requests, stats->bytes_in, stats->bytes_out, stats->refused, stats->timed_out, stats->resets,
        stats->status[0], stats->status[1], stats->status[2], stats->status[3], stats->status[4],
    };
    memcpy(values, counters, sizeof(counters));
    mh_server_usage(server, &now[0], &now[1], &now[2], &now[3]);
    for (size_t i = 0; i < LWIP_ARRAYSIZE(now); i++) {
        values[COUNTERS + i] = now[i];
    }
}

static size_t compose_figure(const mh_server_t *server, size_t i, char *out) {
    uint32_t values[FIGURES];
    read_figures(server, values);
    char *at = PUT(out, "# HELP modhttp_");
    at = put_text(at, figures[i].name);
    at = PUT(at, " ");
    at = put_text(at, figures[i].help);
    at = PUT(at, "\n# TYPE modhttp_");
    at = put_text(at, figures[i].name);
    at = put_text(at, i < COUNTERS ? " counter\nmodhttp_" : " gauge\nmodhttp_");
    at = put_text(at, figures[i].name);
    at = PUT(at, " ");
    at = put_decimal(at, values[i]);
    return (size_t)(PUT(at, "\n") - out);
}

size_t mh_metrics_size(const mh_sensor_endpoint_t *sensor) {
    size_t len = 0;
    for (unsigned i = 0; sensor != NULL && i < sensor->sensor.column_count; i++) {
        len += mh_sensor_metric_max(&sensor->sensor, sensor->name, i);
    }
    return LWIP_MAX(len, FIGURE_MAX) + MH_CHUNK_HEAD_MAX + 2;
}

static const mh_metrics_t *metrics_of(const mh_conn_t *conn) {
    return (const mh_metrics_t *)(const void *)conn->cursor.endpoint;
}

static bool begin(mh_conn_t *conn) {
    const mh_metrics_t *metrics = metrics_of(conn);
    mh_answer_t answer = { .status = 200, .length = MH_LENGTH_UNKNOWN, .type = type, .type_len = sizeof(type) - 1 };
    if (!send_text(conn, metrics->work, native_head(conn, &answer, metrics->work, metrics->work_size))) {
        return false;
    }
    send_begun(conn, &answer);
    conn->cursor.phase = conn->flags & CONN_BODILESS ? PHASE_OVER : PHASE_METRICS;
    return true;
}

// All of a sensor's columns, from one sample; after the sensors, one of the server's figures.
static size_t compose_piece(const mh_metrics_t *metrics, const mh_server_t *server, uint32_t number, char *out) {
    if (number >= metrics->count) {
        return compose_figure(server, number - metrics->count, out);
    }
    mh_sensor_endpoint_t *sensor = metrics->sensors[number];
    size_t len = 0;
    sensor_fetch_newest(sensor);
    for (unsigned i = 0; i < sensor->sensor.column_count; i++) {
        len += mh_sensor_metric(&sensor->sensor, sensor->copy, sensor->name, i, out + len);
    }
    return len;
}

static bool send_pieces(mh_conn_t *conn) {
    const mh_metrics_t *metrics = metrics_of(conn);
    for (; conn->cursor.next < metrics->count + FIGURES; conn->cursor.next++) {
        size_t len = compose_piece(metrics, conn->server, conn->cursor.next, metrics->work + MH_CHUNK_HEAD_MAX);
        if (len > 0 && !native_send_piece(conn, metrics->work, len)) {
            return false;
        }
    }
    conn->cursor.phase = PHASE_OVER;
    return native_send_last(conn);
}

static bool go_on(mh_conn_t *conn) {
    switch (conn->cursor.phase) {
        case PHASE_BEGIN:
            return begin(conn) && go_on(conn);
        case PHASE_OVER:
            return true;
        default:
            return send_pieces(conn);
    }
}

static const mh_endpoint_type_t metrics_type = { .go_on = go_on };

void mh_metrics_init(mh_metrics_t *metrics) {
    memset(metrics, 0, sizeof(*metrics));
    metrics->endpoint.type = &metrics_type;
}
