// What goes to the client: refusals, answers, chunk framing; by copy or by reference, as lwIP has room.

#include "core/number.h"
#include "net/internal.h"

// The most that one copying write composes: chunk framing and data together.
#define COMPOSE_MAX (512)

// Fixed text of an answer that C gives by itself.
#define REFUSAL_MAX (384)

// The longest text of such an answer's body.
#define REASON_MAX (64)

// `len` bytes are with lwIP now.
static void sent_off(mh_conn_t *conn, size_t len) {
    if (conn->unacked == 0) {
        conn_set_deadline(conn, conn->server->config.progress_ms);
    }
    conn->unacked += (uint32_t)len;
    conn->server->stats.bytes_out += (uint32_t)len;
}

bool send_copy(mh_conn_t *conn, const void *data, size_t len) {
    if (len > altcp_sndbuf(conn->pcb)) {
        return false;       // in flight is enough to be told of by `sent`
    }
    if (altcp_write(conn->pcb, data, (u16_t)len, TCP_WRITE_FLAG_COPY) != ERR_OK) {
        conn->flags |= CONN_STALLED;
        return false;
    }
    sent_off(conn, len);
    return true;
}

// What lwIP cuts into segments for this client, whose window may be tiny.
static size_t segment_max(const mh_conn_t *conn) {
    return LWIP_MIN(altcp_mss(conn->pcb), LWIP_MAX(conn->pcb->snd_wnd_max / 2, 1));
}

// One write, of as much as fits lwIP's queue of segments: those to a client with a tiny window are tiny, and the queue is
// counted in segments. Returns the bytes taken.
static size_t give(mh_conn_t *conn, const void *data, size_t len, u8_t flags) {
    size_t segment = segment_max(conn);
    err_t err = altcp_write(conn->pcb, data, (u16_t)len, flags);
    while (err == ERR_MEM && len > segment) {
        len = LWIP_MAX(len / 2, segment);
        err = altcp_write(conn->pcb, data, (u16_t)len, flags);
    }
    if (err != ERR_OK) {
        conn->flags |= CONN_STALLED;
        return 0;
    }
    sent_off(conn, len);
    return len;
}

// How much of `out` to offer next: not a sliver of a segment while more room is sure to come.
static size_t next_piece(const mh_conn_t *conn) {
    size_t room = altcp_sndbuf(conn->pcb), len = conn->out_len;
    if (len <= room) {
        return len;
    }
    return room < altcp_mss(conn->pcb) && conn->unacked > 0 ? 0 : room;
}

// Whether `out` is in the connection's block, by send_text(). Its endpoint may have ended since.
static bool is_parked(const mh_conn_t *conn) {
    return conn->out_len > 0 && conn->block != NULL && (uintptr_t)conn->out - (uintptr_t)conn->block < conn->room;
}

static bool send_out(mh_conn_t *conn) {
    bool parked = is_parked(conn);
    while (conn->out_len > 0) {
        if (conn->hold != NULL && conn->hold != conn->out_hold) {
            return false;   // one object at a time: until the last one is acknowledged
        }
        size_t len = next_piece(conn);
        if (len == 0) {
            return false;
        }
        len = give(conn, conn->out, len, parked ? TCP_WRITE_FLAG_COPY : 0);
        if (len == 0) {
            return false;
        }
        conn->hold = conn->out_hold;
        conn->hold_left = conn->hold != NULL ? conn->unacked : 0;
        conn->out += len;
        conn->out_len -= (uint32_t)len;
    }
    if (parked) {
        conn_free_head(conn);
    }
    conn->out = NULL;
    conn->out_hold = NULL;
    return true;
}

bool send_fits(const mh_conn_t *conn, size_t len) {
    return len <= segment_max(conn) * TCP_SND_QUEUELEN;
}

bool send_text(mh_conn_t *conn, const void *data, size_t len) {
    if (conn->out_len > 0) {
        return false;
    }
    if (send_fits(conn, len)) {
        return send_copy(conn, data, len);
    }
    conn->block = server_block(conn, len);
    if (conn->block == NULL) {
        conn->flags |= CONN_STALLED;
        return false;
    }
    conn->room = conn->have = (uint16_t)len;
    memcpy(conn->block, data, len);
    send_reference(conn, conn->block, (uint32_t)len, NULL);
    return true;
}

bool send_reference(mh_conn_t *conn, const void *data, uint32_t len, void *hold) {
    conn->out = data;
    conn->out_len = len;
    conn->out_hold = hold;
    return send_out(conn);
}

// Head and body of an answer of ours: "404 Not Found". Returns its length.
static size_t compose_reply(const mh_conn_t *conn, uint16_t status, bool keep_alive, const char *fields, size_t fields_len, char *out, size_t size) {
    char body[REASON_MAX];
    const char *reason = mh_reason(status);
    size_t body_len = 0;
    bool bodiless = status == 204;
    if (!bodiless) {
        body[0] = (char)('0' + status / 100);
        body[1] = (char)('0' + status / 10 % 10);
        body[2] = (char)('0' + status % 10);
        body[3] = ' ';
        size_t len = strlen(reason);
        memcpy(body + 4, reason, len);
        body[4 + len] = '\n';
        body_len = 5 + len;
    }
    mh_answer_t answer = {
        .status = status, .minor = conn->head.minor, .keep_alive = keep_alive, .length = (uint32_t)body_len,
        .type = bodiless ? NULL : "text/plain", .type_len = 10, .fields = fields, .fields_len = fields_len,
        .date = server_date(conn->server),
    };
    native_common(conn, &answer);
    size_t len = native_compose(&answer, out, size - sizeof(body));
    if (conn->head.method_id != MH_HEAD) {
        memcpy(out + len, body, body_len);
        len += body_len;
    }
    return len;
}

static void count_status(mh_conn_t *conn, uint16_t status) {
    if (status >= 100 && status < 600) {
        conn->server->stats.status[status / 100 - 1]++;
    }
}

bool send_has_room(const mh_conn_t *conn) {
    const mh_common_t *common = conn->server->common;
    size_t size = REFUSAL_MAX + (common == NULL ? 0u : common->options_max);
    return conn->unacked == 0 || (altcp_sndbuf(conn->pcb) >= size && altcp_sndqueuelen(conn->pcb) + 2 <= TCP_SND_QUEUELEN);
}

bool send_reply(mh_conn_t *conn, uint16_t status, bool keep_alive, const char *fields, size_t fields_len) {
    char own[REFUSAL_MAX], *text = own;
    size_t size = sizeof(own);
    if (conn->server->common != NULL) {
        text = conn->server->common->room;
        size = MH_COMMON_ROOM + conn->server->common->options_max;
    }
    size_t len = compose_reply(conn, status, keep_alive, fields, fields_len, text, size);
    if (!send_copy(conn, text, len)) {
        return false;
    }
    count_status(conn, status);
    if (conn->server->log != NULL) {
        bool bodiless = !mh_answer_has_body(status, conn->head.method_id == MH_HEAD);
        log_status(conn, status, bodiless ? 0 : 5 + (uint32_t)strlen(mh_reason(status)));
    }
    return true;
}

static bool send_refusal(mh_conn_t *conn) {
    static const char retry[] = "Retry-After: 1\r\n";
    bool busy = conn->refusal == 503;
    if (!send_reply(conn, conn->refusal, false, busy ? retry : NULL, busy ? sizeof(retry) - 1 : 0)) {
        return false;
    }
    conn->refusal = 0;
    return true;
}

bool send_last(mh_conn_t *conn) {
    if (conn->flags & CONN_LAST) {
        if (!send_copy(conn, "0\r\n\r\n", 5)) {
            return false;
        }
        conn->flags &= ~CONN_LAST;
    }
    return true;
}

bool send_flush(mh_conn_t *conn) {
    if (conn->out_len == 0 && conn->refusal == 0 && !conn->native && !(conn->flags & (CONN_STALLED | CONN_TAIL | CONN_LAST))) {
        return true;        // mostly
    }
    conn->flags &= ~CONN_STALLED;
    if (!send_out(conn)) {
        return false;
    }
    if (conn->flags & CONN_TAIL) {
        if (!send_copy(conn, "\r\n", 2)) {
            return false;
        }
        conn->flags &= ~CONN_TAIL;
    }
    if (!send_last(conn)) {
        return false;
    }
    if (conn->refusal != 0) {
        return send_refusal(conn);
    }
    return !conn->native || native_go_on(conn);
}

void send_acked(mh_conn_t *conn, uint16_t len) {
    conn->unacked -= LWIP_MIN(len, conn->unacked);      // a FIN is counted by lwIP, not by us
    if (conn->hold != NULL) {
        conn->hold_left -= LWIP_MIN(len, conn->hold_left);
        if (conn->hold_left == 0) {
            conn->hold = NULL;
            gather_retry(conn->server);     // a body may find memory now
        }
    }
    bool idle = conn->state == CONN_HEAD && conn->block == NULL;
    if (conn_owned(conn) || conn->state == CONN_SENDING || conn->state == CONN_LINGER || (idle && conn->unacked > 0)) {
        conn_progress(conn, len);
        if (conn->unacked == 0) {
            events_acked(conn);
        }
    } else if (idle) {
        conn_set_deadline(conn, conn->server->config.idle_ms);
    } else if (conn->state == CONN_WS) {
        socket_acked(conn, len);
    } else if (conn->state == CONN_EVENTS && conn->unacked > 0) {
        conn_progress(conn, len);
    } else if (conn->state == CONN_EVENTS) {
        conn_set_deadline(conn, BEAT_MS);
    }
}

// --- The program's answer

void mh_conn_answer_defaults(const mh_conn_t *conn, mh_answer_t *answer) {
    uint32_t left = conn_body_coming(conn);
    bool keep = (conn->flags & CONN_KEEP) && !((conn->flags & CONN_EOF) && conn->in == NULL);
    answer->minor = conn->head.minor;
    if (left > 0 && ((conn->head.flags & MH_HEAD_EXPECT) || (left > SKIP_MAX && left != MH_LENGTH_UNKNOWN))) {
        keep = false;       // not worth reading to its end
    }
    if (answer->length == MH_LENGTH_UNKNOWN && answer->minor == 0) {
        keep = false;       // the close is what ends the body
    }
    answer->keep_alive = keep;
    answer->date = server_date(conn->server);
    native_common(conn, answer);
}

// All that is behind the stem is the length, and the end of the head.
static size_t stem_complete(const mh_stem_t *stem, uint32_t length, char *out) {
    memcpy(out, stem->text, stem->len);
    size_t len = stem->len + mh_decimal(length, out + stem->len);
    out[len] = out[len + 2] = '\r';
    out[len + 1] = out[len + 3] = '\n';
    return len + 4;
}

static void stem_keep(mh_stem_t *stem, const mh_answer_t *answer, const char *head, size_t len) {
    char digits[MH_DECIMAL_MAX];
    len -= mh_decimal(answer->length, digits) + 4;
    if (len <= STEM_MAX) {
        memcpy(stem->text, head, len);
        stem->len = len;
        stem->type = answer->type;
        stem->type_len = answer->type_len;
    }
}

size_t mh_conn_compose(mh_conn_t *conn, const mh_answer_t *answer, bool type_lasts, char *out, size_t size) {
    mh_stem_t *stem = &conn->server->stem;
    bool ordinary = type_lasts && answer->status == 200 && answer->minor != 0 && answer->keep_alive
        && answer->length != MH_LENGTH_UNKNOWN && answer->fields_len == 0 && size >= STEM_MAX + MH_DECIMAL_MAX + 4;
    if (ordinary && stem->type == answer->type && stem->type_len == answer->type_len) {
        return stem_complete(stem, answer->length, out);
    }
    size_t len = mh_answer_head(answer, out, size);
    if (ordinary && len <= size) {
        stem_keep(stem, answer, out, len);
    }
    return len;
}

void send_begun(mh_conn_t *conn, const mh_answer_t *answer) {
    count_status(conn, answer->status);
    conn->flags |= CONN_BEGUN;
    if (!answer->keep_alive) {
        conn->flags &= ~CONN_KEEP;
    }
    if (!mh_answer_has_body(answer->status, conn->head.method_id == MH_HEAD)) {
        conn->flags |= CONN_BODILESS;
    } else if (answer->length != MH_LENGTH_UNKNOWN) {
        conn->flags |= CONN_LENGTH;
        conn->length_left = answer->length;
    } else if (answer->minor > 0) {
        conn->flags |= CONN_CHUNKED;
    }
    if (conn->server->log != NULL) {
        log_status(conn, answer->status, conn->native && (conn->flags & CONN_LENGTH) ? answer->length : 0);
    }
}

int mh_conn_begin(mh_conn_t *conn, const mh_answer_t *answer, const char *data, size_t head_len, size_t body_len) {
    if (conn->pcb == NULL) {
        return -ECONNRESET;
    }
    if (conn->state != CONN_OPEN || (conn->flags & CONN_BEGUN)) {
        return -EINVAL;
    }
    if (!send_flush(conn) || !send_copy(conn, data, head_len + body_len)) {
        return -EAGAIN;
    }
    send_begun(conn, answer);
    if (conn->flags & CONN_LENGTH) {
        conn->length_left -= (uint32_t)body_len;
    }
    if (conn->server->log != NULL && !(conn->flags & CONN_BODILESS)) {
        log_body(conn, body_len);
    }
    return 0;
}

static int write_copy(mh_conn_t *conn, const void *data, size_t len) {
    char text[COMPOSE_MAX];
    bool chunked = conn->flags & CONN_CHUNKED;
    size_t framing = chunked ? MH_CHUNK_HEAD_MAX + 2 : 0;
    size_t room = LWIP_MIN(altcp_sndbuf(conn->pcb), chunked ? COMPOSE_MAX : 0xffff);
    if (room <= framing) {
        return -EAGAIN;
    }
    len = LWIP_MIN(len, room - framing);
    if (!chunked) {
        len = give(conn, data, len, TCP_WRITE_FLAG_COPY);
        return len > 0 ? (int)len : -EAGAIN;
    }
    size_t at = mh_chunk_head((uint32_t)len, text);
    memcpy(text + at, data, len);
    memcpy(text + at + len, "\r\n", 2);
    return send_copy(conn, text, at + len + 2) ? (int)len : -EAGAIN;
}

static int write_reference(mh_conn_t *conn, const void *data, size_t len, void *hold) {
    if (conn->flags & CONN_CHUNKED) {
        char text[MH_CHUNK_HEAD_MAX];
        if (!send_copy(conn, text, mh_chunk_head((uint32_t)len, text))) {
            return -EAGAIN;
        }
        conn->flags |= CONN_TAIL;
    }
    send_reference(conn, data, (uint32_t)len, hold);
    send_flush(conn);
    return (int)len;
}

int mh_conn_write(mh_conn_t *conn, const void *data, size_t len, void *hold) {
    if (conn->pcb == NULL) {
        return -ECONNRESET;
    }
    bool raw = conn->state == CONN_DETACHED;
    if (!raw && (conn->state != CONN_OPEN || !(conn->flags & CONN_BEGUN))) {
        return -EINVAL;
    }
    if (conn->flags & CONN_BODILESS) {
        return (int)len;
    }
    if ((conn->flags & CONN_LENGTH) && len > conn->length_left) {
        return -EINVAL;     // more than was promised
    }
    if (len == 0) {
        return 0;
    }
    if (!send_flush(conn)) {
        return -EAGAIN;
    }
    int n = hold != NULL && len >= REFERENCE_MIN ? write_reference(conn, data, len, hold) : write_copy(conn, data, len);
    if (n > 0 && (conn->flags & CONN_LENGTH)) {
        conn->length_left -= (uint32_t)n;
    }
    if (n > 0 && conn->server->log != NULL) {
        log_body(conn, (size_t)n);
    }
    if (n > 0 && conn->stream) {
        conn->stream = (size_t)n < len ? STREAM_EVENTS | STREAM_PARTIAL : STREAM_EVENTS;
    }
    return n;
}

int mh_conn_end(mh_conn_t *conn) {
    if (conn->pcb == NULL) {
        mh_conn_release(conn);
        return -ECONNRESET;
    }
    if (conn->state != CONN_OPEN || !(conn->flags & CONN_BEGUN)) {
        return -EINVAL;
    }
    if (conn->flags & CONN_CHUNKED) {
        conn->flags |= CONN_LAST;
    }
    if ((conn->flags & CONN_LENGTH) && conn->length_left > 0) {
        conn->flags &= ~CONN_KEEP;      // less than was promised: only the close can tell
    }
    conn->flags &= ~(CONN_HELD | CONN_WAIT);
    conn->stream = 0;
    conn->owner = NULL;
    server_dequeue(conn);
    conn_finish(conn);
    receive_deferred(conn);
    return 0;
}

bool mh_conn_wants_body(const mh_conn_t *conn) {
    return !(conn->flags & CONN_BODILESS);
}

void mh_conn_output(mh_conn_t *conn) {
    if (conn->pcb != NULL) {
        altcp_output(conn->pcb);
    }
}
