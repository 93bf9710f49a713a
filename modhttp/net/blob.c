// Bytes that are sent as they lie in memory: published values, memory-mapped files, ring buffers.

#include "core/range.h"
#include "core/select.h"
#include "net/internal.h"
#include "net/put.h"

// Room for a head, with a short body behind it: 144 bytes, and what the blob adds.
#define HEAD_MAX (144 + MH_BLOB_TYPE_MAX + FIELDS_MAX)
#define COPY_MAX (REFERENCE_MIN)

// PART is BEGIN of a range: cursor->next and end are its offset and length, until the head is sent.
enum { PHASE_BEGIN, PHASE_PART, PHASE_BODILESS, PHASE_BODY, PHASE_WRAPPED, PHASE_OVER };

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
    char *at = put_hex(blob->tag, mh_native_boot());
    *at++ = '-';
    blob->tag_len = (uint8_t)(put_hex(at, count) - blob->tag);
}

// --- Answers

static uint32_t length_of(const mh_blob_t *blob, bool zipped) {
    return zipped ? blob->gzip_len : blob->len;
}

// Content-Range, of 206 and of 416 (RFC 9110 section 14.4).
static char *put_range(const mh_cursor_t *cursor, uint16_t status, uint32_t size, char *at) {
    at = PUT(at, "Content-Range: bytes ");
    if (status == 206) {
        at = put_decimal(at, cursor->next);
        at = PUT(at, "-");
        at = put_decimal(at, cursor->next + cursor->end - 1);
    } else {
        at = PUT(at, "*");
    }
    at = PUT(at, "/");
    at = put_decimal(at, size);
    return PUT(at, "\r\n");
}

static size_t put_fields(const mh_blob_t *blob, const mh_cursor_t *cursor, uint16_t status, char *out) {
    bool zipped = cursor->zipped;
    char *at = put(out, blob->fields, blob->fields_len);
    if (status == 206 || status == 416) {
        at = put_range(cursor, status, length_of(blob, zipped), at);
    } else if (blob->fixed) {
        at = PUT(at, "Accept-Ranges: bytes\r\n");
    }
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
#define FIELDS_MAX (MH_BLOB_FIELDS_MAX + 21 + 3 * MH_DECIMAL_MAX + 4 + 23 + 24 + 6 + MH_BLOB_TAG_MAX + 9)

// What answers say in common goes with them into the room that is there for it.
_Static_assert(HEAD_MAX + COPY_MAX <= MH_COMMON_ROOM, "MH_COMMON_ROOM is too small for a blob's head");

// The head, with `body` behind it where there is room.
static bool send_head(mh_conn_t *conn, uint16_t status, uint32_t len, const void *body) {
    const mh_blob_t *blob = blob_of(conn);
    const mh_common_t *common = conn->server->common;
    char own[HEAD_MAX + COPY_MAX], *text = common == NULL ? own : common->room;
    char *fields = own + HEAD_MAX;      // where the body comes when the head is composed: this is interrupts' stack
    size_t room = common == NULL ? HEAD_MAX : MH_COMMON_ROOM - COPY_MAX + common->options_max;
    mh_answer_t answer = {
        .status = status, .length = len, .type = status < 300 ? blob->type : NULL, .type_len = blob->type_len,
        .fields = fields, .fields_len = put_fields(blob, &conn->cursor, status, fields),
    };
    size_t text_len = native_head(conn, &answer, text, room);
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
    bool part = cursor->phase == PHASE_PART;
    const uint8_t *data = (const uint8_t *)(cursor->zipped ? blob->gzip : blob->data) + (part ? cursor->next : 0);
    uint32_t len = part ? cursor->end : length_of(blob, cursor->zipped);
    bool copied = len <= COPY_MAX && blob->position == NULL;
    if (!send_head(conn, part ? 206 : 200, len, copied ? data : NULL)) {
        return false;
    }
    if (conn->out_len > 0) {
        conn->out_hold = blob->hold;    // the head waits, and keeps the body
    }
    cursor->data = data;
    cursor->end = len;
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
        case PHASE_PART:
            return begin(conn);
        case PHASE_BODILESS:
            if (!send_head(conn, (uint16_t)conn->cursor.next, 0, NULL)) {
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

static void choose_version(mh_conn_t *conn, const uint8_t *data, const char *tag, size_t tag_len) {
    const mh_blob_t *blob = blob_of(conn);
    mh_cursor_t *cursor = &conn->cursor;
    mh_range_t ranges[MH_RANGES_MAX];
    size_t count;
    mh_version_t version = { .tag = tag, .tag_len = tag_len, .size = length_of(blob, cursor->zipped) };
    int status = mh_version_choose(&conn->head, data, &version, 0, ranges, &count);
    if (blob->fixed && count == 1) {
        cursor->phase = PHASE_PART;
        cursor->next = ranges[0].at;
        cursor->end = ranges[0].len;
    } else if (status >= 300 && (status != 416 || blob->fixed)) {
        cursor->phase = PHASE_BODILESS;
        cursor->next = (uint32_t)status;
    }
}

// Several ranges would need more memory for each connection than there is for a cursor: all is sent, as HTTP allows.
static uint16_t choose(mh_conn_t *conn, const mh_ask_t *ask) {
    const mh_blob_t *blob = blob_of(conn);
    const mh_text_t *coding = &ask->choice.accept_encoding;
    conn->cursor.zipped = blob->gzip != NULL && coding->at != NULL && mh_accept_coding(coding->at, coding->len, "gzip");
    if (blob->tag_len > 0 && (ask->choice.if_none_match.at != NULL || ask->choice.more)) {
        char tag[MH_BLOB_TAG_MAX + 7];
        choose_version(conn, ask->data, tag, put_tag(blob, conn->cursor.zipped, tag));
    }
    return 0;
}

static const mh_endpoint_type_t blob_type = { .choose = choose, .go_on = go_on };

void mh_blob_init(mh_blob_t *blob) {
    memset(blob, 0, sizeof(*blob));
    blob->endpoint.type = &blob_type;
    blob->fields = "";
}
