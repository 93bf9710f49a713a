// Bytes that are sent as they lie in memory: published values, memory-mapped files, ring buffers.

#include "core/select.h"
#include "net/internal.h"
#include "net/put.h"

// Room for a head, with a short body behind it: 128 bytes, and what the blob adds.
#define HEAD_MAX (128 + MH_BLOB_TYPE_MAX + FIELDS_MAX)
#define COPY_MAX (REFERENCE_MIN)

enum { PHASE_BEGIN, PHASE_UNMODIFIED, PHASE_BODY, PHASE_WRAPPED, PHASE_OVER };

static const mh_blob_t *blob_of(const mh_conn_t *conn) {
    return (const mh_blob_t *)(const void *)conn->cursor.endpoint;
}

// --- Entity tags

// With its quotes. The compressed representation has one of its own (RFC 9110 section 8.8.3.3).
static size_t put_tag(const mh_blob_t *blob, bool zipped, char *out) {
    char *at = PUT(out, "\"");
    at = put(at, blob->tag, blob->tag_len);
    at = zipped ? PUT(at, "-gzip") : at;
    return (size_t)(PUT(at, "\"") - out);
}

void mh_blob_tag_bytes(mh_blob_t *blob) {
    const uint8_t *data = blob->data;
    uint32_t hash = 0x811c9dc5, other = 0;
    for (uint32_t i = 0; i < blob->len; i++) {
        hash = (hash ^ data[i]) * 0x01000193;   // FNV-1a, and a sum that depends on the order in another way
        other = (other << 5 | other >> 27) + data[i];
    }
    blob->tag_len = (uint8_t)(put_hex(put_hex(blob->tag, hash), other + blob->len) - blob->tag);
}

void mh_blob_tag_count(mh_blob_t *blob, uint32_t count) {
    char *at = put_hex(blob->tag, native_boot());
    *at++ = '-';
    blob->tag_len = (uint8_t)(put_hex(at, count) - blob->tag);
}

// --- Answers

static size_t put_fields(const mh_blob_t *blob, bool zipped, char *out) {
    char *at = put(out, blob->fields, blob->fields_len);
    if (blob->gzip != NULL) {
        at = PUT(at, "Vary: Accept-Encoding\r\n");
    }
    if (zipped) {
        at = PUT(at, "Content-Encoding: gzip\r\n");
    }
    if (blob->tag_len > 0) {
        at = PUT(at, "ETag: ");
        at += put_tag(blob, zipped, at);
        at = PUT(at, "\r\n");
    }
    return (size_t)(at - out);
}

// No more than COPY_MAX.
#define FIELDS_MAX (MH_BLOB_FIELDS_MAX + 23 + 24 + 6 + MH_BLOB_TAG_MAX + 9)

// The head, with `body` behind it where there is room.
static bool send_head(mh_conn_t *conn, uint16_t status, uint32_t len, const void *body) {
    const mh_blob_t *blob = blob_of(conn);
    char text[HEAD_MAX + COPY_MAX];
    char *fields = text + HEAD_MAX;     // where the body comes when the head is composed: this is interrupts' stack
    mh_answer_t answer = {
        .status = status, .length = len, .type = status == 304 ? NULL : blob->type, .type_len = blob->type_len,
        .fields = fields, .fields_len = put_fields(blob, conn->cursor.zipped, fields),
    };
    size_t text_len = native_head(conn, &answer, text, HEAD_MAX);
    if (body != NULL && conn->head.method_id != MH_HEAD) {
        memcpy(text + text_len, body, len);
        text_len += len;
    }
    if (!send_text(conn, text, text_len)) {
        return false;
    }
    send_begun(conn, &answer);
    return true;
}

// Bytes of a ring buffer before its oldest.
static uint32_t turn(const mh_blob_t *blob) {
    uint32_t at = blob->position == NULL ? 0 : (uint32_t)(*blob->position - (uint32_t)(uintptr_t)blob->data);
    return at < blob->len ? at : 0;
}

// The head, and the body too where that is short. What it says of the body holds, whatever the program sets meanwhile.
static bool begin(mh_conn_t *conn) {
    const mh_blob_t *blob = blob_of(conn);
    mh_cursor_t *cursor = &conn->cursor;
    cursor->data = cursor->zipped ? blob->gzip : blob->data;
    cursor->end = cursor->zipped ? blob->gzip_len : blob->len;
    bool copied = cursor->end <= COPY_MAX && blob->position == NULL;
    if (!send_head(conn, 200, cursor->end, copied ? cursor->data : NULL)) {
        return false;
    }
    if (conn->out_len > 0) {
        conn->out_hold = blob->hold;    // the head waits, and keeps the body
    }
    cursor->phase = copied || (conn->flags & CONN_BODILESS) ? PHASE_OVER : PHASE_BODY;
    return native_go_on(conn);
}

// A ring buffer's older part comes first.
static bool send_body(mh_conn_t *conn) {
    const mh_blob_t *blob = blob_of(conn);
    mh_cursor_t *cursor = &conn->cursor;
    const uint8_t *data = cursor->data;
    void *hold = data == blob->data ? blob->hold : conn->hold;
    cursor->next = blob->position != NULL ? turn(blob) : 0;
    cursor->phase = cursor->next > 0 ? PHASE_WRAPPED : PHASE_OVER;
    return send_reference(conn, data + cursor->next, cursor->end - cursor->next, hold) && native_go_on(conn);
}

static bool go_on(mh_conn_t *conn) {
    const mh_blob_t *blob = blob_of(conn);
    switch (conn->cursor.phase) {
        case PHASE_BEGIN:
            return begin(conn);
        case PHASE_UNMODIFIED:
            if (!send_head(conn, 304, 0, NULL)) {
                return false;
            }
            conn->cursor.phase = PHASE_OVER;
            return true;
        case PHASE_BODY:
            return send_body(conn);
        case PHASE_WRAPPED:
            conn->cursor.phase = PHASE_OVER;
            return send_reference(conn, blob->data, conn->cursor.next, blob->hold);
        default:
            return true;
    }
}

static uint16_t choose(mh_conn_t *conn, const mh_ask_t *ask) {
    const mh_blob_t *blob = blob_of(conn);
    const mh_text_t *coding = &ask->choice.accept_encoding, *match = &ask->choice.if_none_match;
    conn->cursor.zipped = blob->gzip != NULL && coding->at != NULL && mh_accept_coding(coding->at, coding->len, "gzip");
    if (blob->tag_len > 0 && match->at != NULL) {
        char tag[MH_BLOB_TAG_MAX + 7];
        size_t len = put_tag(blob, conn->cursor.zipped, tag);
        conn->cursor.phase = mh_etag_matches(match->at, match->len, tag, len) ? PHASE_UNMODIFIED : PHASE_BEGIN;
    }
    return 0;
}

static const mh_endpoint_type_t blob_type = { .choose = choose, .go_on = go_on };

void mh_blob_init(mh_blob_t *blob) {
    memset(blob, 0, sizeof(*blob));
    blob->endpoint.type = &blob_type;
    blob->fields = "";
}
