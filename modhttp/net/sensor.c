// Sensors: samples taken at any level, shown at interrupt level.

#include "core/number.h"
#include "core/select.h"
#include "net/internal.h"
#include "net/put.h"

// Fields of every answer with samples. The entity tag is told apart by program, sample and representation.
#define FIELDS "Vary: Accept\r\nCache-Control: no-cache\r\nETag: \""
#define TAG_MAX (8 + 1 + 8 + 2)
#define FIELDS_MAX (sizeof(FIELDS) + TAG_MAX + 3)

// A piece of rows holds at least so many bytes of them.
#define PIECE_MIN (400)

// Where the Date of an answer with a status of 200 begins.
#define DATE_AT (sizeof("HTTP/1.1 200 OK\r\nDate: ") - 1)

// Room in a piece for what is not rows: names, or the text around an event.
#define AROUND_MAX (64)

enum {
    PHASE_NEWEST,       // the kept answer
    PHASE_UNMODIFIED,
    PHASE_BEGIN,        // rows: the head
    PHASE_NAMES,
    PHASE_FIRST,        // the first row, without what keeps it from another
    PHASE_ROWS,
    PHASE_DONE,         // the last chunk is owed
    PHASE_OVER,
    PHASE_SUBSCRIBE,    // events: the head
    PHASE_EVENTS,       // every sample that is kept
    PHASE_SLOW,         // there was no room for one: the newest
};

static const char *const types[] = { "application/json", "text/csv", "application/octet-stream" };

// Sensors with samples that nobody has looked at yet. Touched with interrupts off.
static mh_sensor_endpoint_t *updated;

static mh_sensor_endpoint_t *sensor_of(const mh_conn_t *conn) {
    mh_endpoint_t *endpoint = conn->cursor.endpoint;
    return (mh_sensor_endpoint_t *)(void *)(endpoint - endpoint->form);
}

// --- Memory

static size_t up(size_t len) {
    return (len + 3) & ~(size_t)3;
}

static size_t work_max(const mh_sensor_t *sensor, size_t common) {
    size_t names = LWIP_MAX(mh_sensor_json_names_max(sensor), mh_sensor_csv_names_max(sensor)) + AROUND_MAX;
    size_t event = mh_sensor_json_max(sensor) + LWIP_MAX(AROUND_MAX, MH_SENSOR_HEAD_MAX);
    size_t rows = PIECE_MIN + LWIP_MAX(mh_sensor_row_max(sensor), sensor->sample_size);
    return LWIP_MAX(LWIP_MAX(names, event), rows) + MH_CHUNK_HEAD_MAX + 2 + common;
}

size_t mh_sensor_endpoint_size(const mh_sensor_t *sensor, size_t common) {
    size_t text = mh_sensor_json_max(sensor);
    if (text > MH_SENSOR_TEXT_MAX || work_max(sensor, common) > TCP_SND_BUF) {
        return 0;
    }
    return up((size_t)sensor->capacity * sensor->sample_size) + up(sensor->sample_size) + up(MH_SENSOR_HEAD_MAX + common + text)
        + work_max(sensor, common);
}

static const mh_endpoint_type_t sensor_type;

void mh_sensor_endpoint_init(mh_sensor_endpoint_t *endpoint, size_t common, void *mem) {
    mh_sensor_t *sensor = &endpoint->sensor;
    uint8_t *at = mem;
    memset(mem, 0, mh_sensor_endpoint_size(sensor, common));
    for (unsigned form = 0; form < MH_SENSOR_FORMS; form++) {
        endpoint->forms[form] = (mh_endpoint_t) { .type = &sensor_type, .form = (uint8_t)form };
    }
    sensor->ring = at;
    mh_sensor_begin(sensor, sys_now());
    at += up((size_t)sensor->capacity * sensor->sample_size);
    endpoint->copy = (mh_sample_t *)(void *)at;
    at += up(sensor->sample_size);
    endpoint->text = (char *)at;
    endpoint->head_size = (uint16_t)(MH_SENSOR_HEAD_MAX + common);
    endpoint->work = endpoint->text + up(endpoint->head_size + mh_sensor_json_max(sensor));
    endpoint->work_size = (uint16_t)work_max(sensor, common);
    endpoint->subscribers = NULL;
    endpoint->next_updated = NULL;
    endpoint->looked_at = 0;
    endpoint->asker = NULL;
    endpoint->rendered = endpoint->updated = false;
}

// --- Samples

void mh_column_set(const mh_column_t *column, mh_sample_t *sample, const mh_value_t *value) {
    if (column->type == MH_COLUMN_STR) {
        mh_column_set_str(column, sample, value->s.text, value->s.len);
    } else {
        memcpy((uint8_t *)sample + column->at, value, sizeof(value->i));
    }
}

void mh_sensor_update(mh_sensor_endpoint_t *endpoint, uint32_t which, const mh_value_t values[]) {
    mh_sensor_t *sensor = &endpoint->sensor;
    uint32_t state = mh_interrupts_off();
    mh_sample_t *sample = mh_sensor_next(sensor, sys_now());
    for (unsigned i = 0; which != 0; i++, which >>= 1) {
        if (which & 1) {
            mh_column_set(&sensor->columns[i], sample, &values[i]);
        }
    }
    if (!endpoint->updated) {
        endpoint->updated = true;
        endpoint->next_updated = updated;
        updated = endpoint;
    }
    mh_interrupts_on(state);
    mh_native_pend();
}

// Copy a sample out, since an interrupt may take another at any moment. False when it is not kept any more.
static bool fetch(mh_sensor_endpoint_t *endpoint, uint32_t seq) {
    uint32_t state = mh_interrupts_off();
    const mh_sample_t *sample = mh_sensor_sample(&endpoint->sensor, seq);
    if (sample != NULL) {
        memcpy(endpoint->copy, sample, endpoint->sensor.sample_size);
    }
    mh_interrupts_on(state);
    return sample != NULL;
}

void sensor_fetch_newest(mh_sensor_endpoint_t *endpoint) {
    uint32_t state = mh_interrupts_off();
    memcpy(endpoint->copy, mh_sensor_sample(&endpoint->sensor, endpoint->sensor.seq), endpoint->sensor.sample_size);
    mh_interrupts_on(state);
}

static mh_sensor_endpoint_t *next_updated(void) {
    uint32_t state = mh_interrupts_off();
    mh_sensor_endpoint_t *endpoint = updated;
    if (endpoint != NULL) {
        updated = endpoint->next_updated;
        endpoint->updated = false;
    }
    mh_interrupts_on(state);
    return endpoint;
}

void sensor_forget_updates(void) {
    while (next_updated() != NULL) {
    }
}

// --- Heads

// The representation's entity tag, with the field lines around it. Returns the length.
static size_t put_fields(char *out, uint32_t seq, uint8_t form) {
    char *at = PUT(out, FIELDS);
    at = put_hex(at, mh_native_boot());
    *at++ = '-';
    at = put_hex(at, seq);
    *at++ = '-';
    *at++ = "jcb"[form];
    return (size_t)(PUT(at, "\"\r\n") - out);
}

static size_t compose_head(mh_conn_t *conn, uint16_t status, uint32_t len, uint32_t seq, mh_answer_t *answer, char *out, size_t size) {
    char fields[FIELDS_MAX];
    const char *type = types[conn->cursor.form];
    *answer = (mh_answer_t) {
        .status = status, .length = len, .type = status == 304 ? NULL : type, .type_len = strlen(type),
        .fields = fields, .fields_len = put_fields(fields, seq, conn->cursor.form),
    };
    return native_head(conn, answer, out, size);
}

// --- The kept answer: what is asked for most, composed once for each sample

static void render(mh_sensor_endpoint_t *endpoint, mh_server_t *server, const mh_lines_t *lines) {
    char fields[FIELDS_MAX];
    sensor_fetch_newest(endpoint);
    endpoint->text_seq = endpoint->copy->seq;
    endpoint->body_len = (uint16_t)mh_sensor_json(&endpoint->sensor, endpoint->copy, endpoint->work);
    mh_answer_t answer = {
        .status = 200, .minor = 1, .keep_alive = true, .length = endpoint->body_len, .type = types[0], .type_len = strlen(types[0]),
        .fields = fields, .fields_len = put_fields(fields, endpoint->text_seq, MH_SENSOR_JSON), .date = server_date(server),
    };
    if (lines != NULL) {
        answer.common = lines->fields;
        answer.common_len = lines->len;
    }
    endpoint->head_len = (uint16_t)native_compose(&answer, endpoint->text, endpoint->head_size);
    memcpy(endpoint->text + endpoint->head_len, endpoint->work, endpoint->body_len);
    endpoint->text_date = server->date_ms;
    endpoint->text_lines = lines;
    endpoint->rendered = true;
    endpoint->asker = NULL;
}

// Have the kept answer show the newest sample, and the time.
static void refresh(mh_sensor_endpoint_t *endpoint, const mh_conn_t *conn) {
    mh_server_t *server = conn->server;
    const mh_lines_t *lines = native_lines(conn);
    const char *date = server_date(server);
    bool dated = endpoint->text[DATE_AT - 6] == 'D';
    if (!endpoint->rendered || endpoint->text_seq != endpoint->sensor.seq || (date != NULL) != dated || endpoint->text_lines != lines) {
        render(endpoint, server, lines);
    } else if (date != NULL && endpoint->text_date != server->date_ms) {
        memcpy(endpoint->text + DATE_AT, date, MH_DATE_LEN);
        endpoint->text_date = server->date_ms;
    }
    endpoint->asker = server;
}

static bool send_newest(mh_conn_t *conn) {
    mh_sensor_endpoint_t *endpoint = sensor_of(conn);
    mh_answer_t answer = { .status = 200, .length = 0 };
    refresh(endpoint, conn);
    mh_conn_answer_defaults(conn, &answer);
    bool head_only = conn->head.method_id == MH_HEAD;
    if (answer.keep_alive && answer.minor > 0 && !head_only) {
        if (!send_text(conn, endpoint->text, endpoint->head_len + endpoint->body_len)) {
            return false;
        }
        answer.length = endpoint->body_len;
    } else {
        char *work = endpoint->work;
        size_t len = compose_head(conn, 200, endpoint->body_len, endpoint->text_seq, &answer, work, endpoint->work_size - (size_t)endpoint->body_len);
        if (!head_only) {
            memcpy(work + len, endpoint->text + endpoint->head_len, endpoint->body_len);
            len += endpoint->body_len;
        }
        if (!send_text(conn, work, len)) {
            return false;
        }
    }
    send_begun(conn, &answer);
    return true;
}

static bool send_unmodified(mh_conn_t *conn) {
    mh_sensor_endpoint_t *endpoint = sensor_of(conn);
    mh_answer_t answer;
    size_t len = compose_head(conn, 304, 0, conn->cursor.end, &answer, endpoint->work, endpoint->work_size);
    if (!send_text(conn, endpoint->work, len)) {
        return false;
    }
    send_begun(conn, &answer);
    return true;
}

// --- Rows

static size_t names(mh_sensor_endpoint_t *endpoint, const mh_cursor_t *cursor, char *out) {
    if (cursor->form == MH_SENSOR_CSV) {
        return mh_sensor_csv_names(&endpoint->sensor, out);
    }
    if (cursor->form == MH_SENSOR_BIN) {
        return 0;
    }
    char *at = PUT(out, "{\"boot\":\"");
    at = put_hex(at, mh_native_boot());
    at = PUT(at, "\",\"seq\":");
    at = put_decimal(at, cursor->end - 1);
    at = PUT(at, ",\"fields\":");
    at += mh_sensor_json_names(&endpoint->sensor, at);
    return (size_t)(PUT(at, ",\"samples\":[") - out);
}

static size_t row(mh_sensor_endpoint_t *endpoint, uint8_t form, bool first, char *out) {
    switch (form) {
        case MH_SENSOR_CSV:
            return mh_sensor_csv_row(&endpoint->sensor, endpoint->copy, out);
        case MH_SENSOR_BIN:
            memcpy(out, endpoint->copy, endpoint->sensor.sample_size);
            return endpoint->sensor.sample_size;
        default:
            *out = ',';
            return !first + mh_sensor_json_row(&endpoint->sensor, endpoint->copy, out + !first);
    }
}

static bool begin_rows(mh_conn_t *conn) {
    mh_sensor_endpoint_t *endpoint = sensor_of(conn);
    mh_answer_t answer;
    size_t len = compose_head(conn, 200, MH_LENGTH_UNKNOWN, conn->cursor.end - 1, &answer, endpoint->work, endpoint->work_size);
    if (!send_text(conn, endpoint->work, len)) {
        return false;
    }
    send_begun(conn, &answer);
    conn->cursor.phase = conn->flags & CONN_BODILESS ? PHASE_OVER : PHASE_NAMES;
    return true;
}

static bool precedes(uint32_t a, uint32_t b) {
    return (int32_t)(a - b) < 0;
}

// Copy out the sample that is next, or the oldest that is kept if that is gone. False when there is none before the end.
static bool fetch_next(mh_sensor_endpoint_t *endpoint, mh_cursor_t *cursor) {
    while (precedes(cursor->next, cursor->end)) {
        if (fetch(endpoint, cursor->next)) {
            return true;
        }
        cursor->next = mh_sensor_oldest(&endpoint->sensor);
    }
    return false;
}

// The next piece of rows, with what goes before the first of them and after the last. Moves the cursor on.
static size_t compose_piece(mh_sensor_endpoint_t *endpoint, mh_cursor_t *cursor, char *out) {
    if (cursor->phase == PHASE_NAMES) {
        cursor->phase = PHASE_FIRST;
        return names(endpoint, cursor, out);
    }
    size_t len = 0;
    while (len < PIECE_MIN && fetch_next(endpoint, cursor)) {
        len += row(endpoint, cursor->form, cursor->phase == PHASE_FIRST, out + len);
        cursor->phase = PHASE_ROWS;
        cursor->next++;
    }
    if (len < PIECE_MIN) {
        cursor->phase = PHASE_DONE;
        len += cursor->form == MH_SENSOR_JSON ? (size_t)(PUT(out + len, "]}") - (out + len)) : 0;
    }
    return len;
}

static bool send_rows(mh_conn_t *conn) {
    mh_sensor_endpoint_t *endpoint = sensor_of(conn);
    while (conn->cursor.phase != PHASE_DONE) {
        mh_cursor_t cursor = conn->cursor;
        size_t len = compose_piece(endpoint, &cursor, endpoint->work + MH_CHUNK_HEAD_MAX);
        if (len > 0 && !native_send_piece(conn, endpoint->work, len)) {
            return false;
        }
        conn->cursor = cursor;
    }
    conn->cursor.phase = PHASE_OVER;
    return native_send_last(conn);
}

// --- Events

static bool subscribe(mh_conn_t *conn) {
    mh_sensor_endpoint_t *endpoint = sensor_of(conn);
    if (!native_subscribe(conn, &endpoint->subscribers, endpoint->work, endpoint->work_size)) {
        return false;
    }
    conn->cursor.phase = conn->state == CONN_EVENTS ? PHASE_EVENTS : PHASE_OVER;
    return true;
}

static size_t compose_missed(uint32_t count, char *out) {
    char *at = PUT(out, "event: missed\ndata: ");
    at = put_decimal(at, count);
    return (size_t)(PUT(at, "\n\n") - out);
}

static size_t compose_event(mh_sensor_endpoint_t *endpoint, char *out) {
    char *at = PUT(out, "id: ");
    at = put_decimal(at, endpoint->copy->seq);
    at = PUT(at, "\nevent: sample\ndata: ");
    at += mh_sensor_json(&endpoint->sensor, endpoint->copy, at);
    return (size_t)(PUT(at, "\n\n") - out);
}

// One event: what comes next, or how many samples the client has missed. Nothing where it has all.
static size_t next_event(mh_sensor_endpoint_t *endpoint, mh_cursor_t *cursor, char *out) {
    uint32_t newest = endpoint->sensor.seq, wanted = cursor->next;
    if (precedes(newest, wanted)) {
        cursor->phase = PHASE_EVENTS;
        return 0;
    }
    if (cursor->phase == PHASE_SLOW && !precedes(wanted, cursor->end)) {
        wanted = newest;
    }
    while (!fetch(endpoint, wanted)) {
        wanted = mh_sensor_oldest(&endpoint->sensor);
    }
    if (wanted != cursor->next) {
        size_t len = compose_missed(wanted - cursor->next, out);
        cursor->next = wanted;
        return len;
    }
    cursor->next++;
    return compose_event(endpoint, out);
}

// As many as there is room for.
static void send_events(mh_conn_t *conn) {
    mh_sensor_endpoint_t *endpoint = sensor_of(conn);
    for (;;) {
        mh_cursor_t cursor = conn->cursor;
        size_t len = next_event(endpoint, &cursor, endpoint->work + MH_CHUNK_HEAD_MAX);
        if (len > 0 && !native_send_piece(conn, endpoint->work, len)) {
            conn->cursor.phase = PHASE_SLOW;
            return;
        }
        conn->cursor = cursor;
        if (len == 0) {
            return;
        }
    }
}

// --- The endpoint

static bool is_over(mh_conn_t *conn) {
    conn->cursor.phase = PHASE_OVER;
    return true;
}

static bool go_on(mh_conn_t *conn) {
    switch (conn->cursor.phase) {
        case PHASE_NEWEST:
            return send_newest(conn) && is_over(conn);
        case PHASE_UNMODIFIED:
            return send_unmodified(conn) && is_over(conn);
        case PHASE_BEGIN:
            return begin_rows(conn) && go_on(conn);
        case PHASE_SUBSCRIBE:
            return subscribe(conn) && go_on(conn);
        case PHASE_EVENTS:
        case PHASE_SLOW:
            send_events(conn);
            return false;
        case PHASE_OVER:
            return true;
        default:
            return send_rows(conn);
    }
}

// Whether an Accept field's value may prefer CSV or the binary form: it names a subtype that begins as one of ours does, or all of one type.
// Those of browsers do not.
static bool is_choosy(const mh_text_t *accept) {
    if (accept->len < sizeof("text/*") - 1) {
        return false;
    }
    const char *last = accept->at + accept->len - 1;
    for (const char *p = accept->at + 1; p != last; p++) {
        if (*p == '/') {
            char next = p[1] | 0x20;
            if (next == 'c' || next == 'j' || next == 'o' || (p[1] == '*' && p[-1] != '*')) {
                return true;
            }
        }
    }
    return false;
}

static uint8_t choose_form(uint8_t form, const mh_ask_t *ask) {
    if (form != MH_SENSOR_JSON || ask->choice.accept.at == NULL || !is_choosy(&ask->choice.accept)) {
        return form;
    }
    int best = mh_accept_type(ask->choice.accept.at, ask->choice.accept.len, types, MH_SENSOR_EVENTS);
    return (uint8_t)LWIP_MAX(best, 0);      // JSON is better than 406
}

static bool is_unmodified(const mh_conn_t *conn, const mh_ask_t *ask, uint32_t seq) {
    char fields[FIELDS_MAX];
    if (ask->choice.if_none_match.at == NULL) {
        return false;
    }
    size_t len = put_fields(fields, seq, conn->cursor.form);
    size_t at = sizeof(FIELDS) - 2;     // the tag's first quote
    return mh_etag_matches(ask->choice.if_none_match.at, ask->choice.if_none_match.len, fields + at, len - at - 2);
}

static void choose_events(mh_conn_t *conn, const mh_ask_t *ask, uint32_t newest) {
    mh_field_t field;
    uint32_t last;
    conn->cursor.phase = PHASE_SUBSCRIBE;
    conn->cursor.next = newest;
    conn->cursor.end = newest + 1;
    // A client that comes again gets what was taken meanwhile. What it had of a program before is, as a rule, ahead of the present.
    if (native_field(conn, ask, "last-event-id", 13, &field) && mh_decimal_read(field.value, field.value_len, UINT32_MAX, &last) && !precedes(newest, last)) {
        conn->cursor.next = last + 1;
    }
}

// The samples from `cursor.next` up to `cursor.end`.
static void choose_rows(mh_cursor_t *cursor, const mh_sensor_t *sensor, mh_select_t select, uint32_t n) {
    uint32_t oldest = mh_sensor_oldest(sensor), kept = cursor->end - oldest;
    cursor->phase = PHASE_BEGIN;
    switch (select) {
        case MH_SELECT_LAST:
            cursor->next = cursor->end - LWIP_MIN(n, kept);
            break;
        case MH_SELECT_SINCE:
            // More than there is: the program has begun anew since.
            cursor->next = cursor->end - 1 - n < kept ? n + 1 : oldest;
            break;
        default:
            cursor->next = cursor->end - 1;
    }
}

static uint16_t choose(mh_conn_t *conn, const mh_ask_t *ask) {
    mh_sensor_endpoint_t *endpoint = sensor_of(conn);
    mh_cursor_t *cursor = &conn->cursor;
    uint32_t n = 0, newest = endpoint->sensor.seq;
    if (cursor->form == MH_SENSOR_EVENTS) {
        choose_events(conn, ask, newest);
        return 0;
    }
    mh_select_t select = ask->query == NULL ? MH_SELECT_NEWEST : mh_select_samples(ask->query, ask->query_len, &n);
    if (select == MH_SELECT_MALFORMED) {
        return 400;
    }
    cursor->form = choose_form(cursor->form, ask);
    cursor->end = newest + 1;
    if (is_unmodified(conn, ask, newest)) {
        cursor->end = newest;
        cursor->phase = PHASE_UNMODIFIED;
    } else if (select == MH_SELECT_NEWEST && cursor->form == MH_SENSOR_JSON) {
        cursor->phase = PHASE_NEWEST;
    } else {
        choose_rows(cursor, &endpoint->sensor, select, n);
    }
    return 0;
}

// The newest sample is asked for, by a client that has none.
static bool is_usual(const mh_endpoint_t *form, const mh_ask_t *ask) {
    return form->form == MH_SENSOR_JSON && ask->query == NULL && ask->choice.if_none_match.at == NULL
        && choose_form(MH_SENSOR_JSON, ask) == MH_SENSOR_JSON;
}

// The kept answer as it is.
static bool answer_at_once(mh_conn_t *conn, mh_endpoint_t *form) {
    mh_sensor_endpoint_t *endpoint = (mh_sensor_endpoint_t *)(void *)form;
    refresh(endpoint, conn);
    if (!send_copy(conn, endpoint->text, (size_t)endpoint->head_len + endpoint->body_len)) {
        return false;
    }
    conn->server->stats.status[1]++;
    return true;
}

static void end(mh_conn_t *conn) {
    if (conn->cursor.form == MH_SENSOR_EVENTS) {
        native_unsubscribe(conn, &sensor_of(conn)->subscribers);
    }
}

static const mh_endpoint_type_t sensor_type = { is_usual, answer_at_once, choose, go_on, end };

void mh_native_dispatch(void) {
    mh_sensor_endpoint_t *endpoint;
    while ((endpoint = next_updated()) != NULL) {
        mh_server_t *asker = endpoint->asker;
        if (asker != NULL) {    // when the last sample was asked for, so will be the next
            render(endpoint, asker, endpoint->text_lines);
        }
        native_resume(endpoint->subscribers);
        feed_updated(endpoint);
    }
}
