// Streams of events that the program gives (a sensor's: native.c, sensor.c). Their clients say nothing any more, so somebody has to
// find out which of them are gone.

#include "net/internal.h"

void mh_conn_set_events(mh_conn_t *conn) {
    if (!(conn->flags & CONN_EOF)) {    // else that was not how it went away
        conn->stream = STREAM_EVENTS;
    }
}

void mh_conn_nap(mh_conn_t *conn) {
    conn->stream |= STREAM_NAPS;
}

void events_tick(mh_conn_t *conn) {
    if (conn->stream & STREAM_NAPS) {
        conn->stream &= (uint8_t)~STREAM_NAPS;
        server_enqueue(conn);
    }
}

void events_acked(mh_conn_t *conn) {
    if (conn->stream & STREAM_EVENTS) {
        conn_set_deadline(conn, BEAT_MS);
    }
}

void events_beat(mh_conn_t *conn) {
    static const char chunk[] = "3\r\n:\n\n\r\n";
    bool chunked = conn->flags & CONN_CHUNKED;
    conn_set_deadline(conn, BEAT_MS);
    if (!(conn->stream & STREAM_PARTIAL) && send_flush(conn)) {
        send_copy(conn, chunked ? chunk : chunk + 3, chunked ? sizeof(chunk) - 1 : 3);
        altcp_output(conn->pcb);
    }
}
