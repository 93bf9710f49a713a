// Endpoints: what their answers have in common.

#include "net/internal.h"

// Tells this program from those before; 0: not chosen yet.
static uint32_t boot;

uint32_t mh_native_boot(void) {
    while (boot == 0) {
        boot = LWIP_RAND();
    }
    return boot;
}

void mh_native_reset(void) {
    sensor_forget_updates();
    boot = 0;
}

uint16_t native_begin(mh_conn_t *conn, mh_endpoint_t *endpoint, const mh_ask_t *ask) {
    conn->native = true;
    conn->cursor = (mh_cursor_t) { .endpoint = endpoint, .form = endpoint->form };
    conn->state = CONN_SENDING;
    return endpoint->type->choose == NULL ? 0 : endpoint->type->choose(conn, ask);
}

bool native_go_on(mh_conn_t *conn) {
    return conn->out_len == 0 && conn->cursor.endpoint->type->go_on(conn) && conn->out_len == 0;
}

void native_end(mh_conn_t *conn) {
    const mh_endpoint_type_t *type = conn->cursor.endpoint->type;
    if (type->end != NULL) {
        type->end(conn);
    }
    conn->native = false;
    memset(&conn->gathered, 0, sizeof(conn->gathered));
}

void native_beat(mh_conn_t *conn) {
    char comment[MH_CHUNK_HEAD_MAX + 3 + 2];
    memcpy(comment + MH_CHUNK_HEAD_MAX, ":\n\n", 3);
    conn_set_deadline(conn, BEAT_MS);
    if (native_send_piece(conn, comment, 3)) {
        altcp_output(conn->pcb);
    }
}

bool native_send_last(mh_conn_t *conn) {
    conn->flags |= conn->flags & CONN_CHUNKED ? CONN_LAST : 0;
    return conn->out_len == 0 && send_last(conn);
}

void native_stop(mh_conn_t *conn) {
    if (conn->out_len > 0) {
        conn_drop(conn);        // in the middle of an event, which its client takes by the byte: it would be kept for that
        return;
    }
    conn->flags &= ~CONN_KEEP;
    native_end(conn);
    native_send_last(conn);
    conn_finish(conn);
}

bool native_field(const mh_conn_t *conn, const mh_ask_t *ask, const char *name, size_t name_len, mh_field_t *field) {
    uint16_t at = conn->head.fields;
    return mh_field_find(ask->data, &at, name, name_len, field);
}

size_t native_head(mh_conn_t *conn, mh_answer_t *answer, char *out, size_t size) {
    mh_conn_answer_defaults(conn, answer);
    return native_compose(answer, out, size);
}

size_t native_compose(mh_answer_t *answer, char *out, size_t size) {
    size_t len = mh_answer_head(answer, out, size);
    if (len > size && answer->common_len > 0) {
        answer->common_len = 0;
        len = mh_answer_head(answer, out, size);
    }
    return len;
}

const mh_lines_t *native_lines(const mh_conn_t *conn) {
    const mh_common_t *common = conn->server->common;
    return common == NULL ? NULL : &common->lines[conn->origin < common->count ? conn->origin : 0];
}

void native_common(const mh_conn_t *conn, mh_answer_t *answer) {
    const mh_lines_t *lines = native_lines(conn);
    if (lines != NULL) {
        answer->common = lines->fields;
        answer->common_len = conn->head.method_id == MH_OPTIONS ? lines->options_len : lines->len;
    }
}

uint8_t native_origin(const mh_conn_t *conn, const uint8_t *data) {
    const mh_common_t *common = conn->server->common;
    mh_field_t field;
    uint16_t at = conn->head.fields;
    if (common == NULL || common->count == 1 || !mh_field_find(data, &at, "origin", 6, &field)) {
        return 0;
    }
    unsigned i = common->count;
    while (--i > 0) {
        const mh_text_t *origin = &common->lines[i].origin;
        if (origin->len == field.value_len && memcmp(origin->at, field.value, origin->len) == 0) {
            break;
        }
    }
    return (uint8_t)i;
}

bool native_send_piece(mh_conn_t *conn, char *out, size_t len) {
    char *begin = out + MH_CHUNK_HEAD_MAX;
    size_t body_len = len;
    if (conn->flags & CONN_CHUNKED) {
        char head[MH_CHUNK_HEAD_MAX];
        size_t head_len = mh_chunk_head((uint32_t)len, head);
        begin -= head_len;
        memcpy(begin, head, head_len);
        memcpy(out + MH_CHUNK_HEAD_MAX + len, "\r\n", 2);
        len += head_len + 2;
    }
    if (!send_text(conn, begin, len)) {
        return false;
    }
    if (conn->server->log != NULL) {
        log_body(conn, body_len);
    }
    return true;
}

// --- Events (HTML Living Standard, section 9.2)

bool native_subscribe(mh_conn_t *conn, mh_conn_t **subscribers, char *work, size_t size) {
    static const char type[] = "text/event-stream", fields[] = "Cache-Control: no-store\r\n";
    mh_answer_t answer = {
        .status = 200, .length = MH_LENGTH_UNKNOWN, .type = type, .type_len = sizeof(type) - 1,
        .fields = fields, .fields_len = sizeof(fields) - 1,
    };
    if (!send_text(conn, work, native_head(conn, &answer, work, size))) {
        return false;
    }
    send_begun(conn, &answer);
    if (!(conn->flags & CONN_BODILESS)) {
        conn->state = CONN_EVENTS;
        conn->next = *subscribers;
        *subscribers = conn;
    }
    return true;
}

void native_unsubscribe(mh_conn_t *conn, mh_conn_t **subscribers) {
    mh_conn_t **at = subscribers;
    while (*at != NULL && *at != conn) {
        at = &(*at)->next;
    }
    if (*at == conn) {
        *at = conn->next;
        conn->next = NULL;
    }
}

void native_resume(mh_conn_t *subscribers) {
    mh_conn_t *next;
    for (mh_conn_t *conn = subscribers; conn != NULL; conn = next) {
        next = conn->next;
        conn_resume(conn);
    }
}
