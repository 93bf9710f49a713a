#include "world.h"

#include "core/chars.h"
#include "core/uri.h"

#include "fuzz.h"

// What a connection that keeps the server waiting is left in peace, however much its slot is wanted.
#define EVICT_MS (1000)

#define CHECK_ANSWER(client, condition) do { \
        if (!(condition)) { \
            fprintf(stderr, "client %u, answer %u, head so far:\n%.*s\n", \
                (client)->port, (client)->answers, (int)(client)->head_len, (client)->head); \
            CHECK(condition); \
        } \
} while (0)

void client_init(client_t *client, uint16_t port) {
    memset(&client->link, 0, sizeof(client->link));
    client->link.client = client;
    client->used = true;
    client->native = client->events = client->refused = client->fin_wanted = client->skipping = client->astray = client->closes = client->continued = false;
    client->port = port;
    client->len = client->at = client->skip_at = 0;
    client->answer = (answer_t) { 0 };
    client->state = READ_HEAD;
    client->head_len = client->status = 0;
    client->left = client->body_at = 0;
    client->answers = 0;
    client->answered_at = sim.now;
}

void client_append(client_t *client, const void *data, size_t len) {
    len = LWIP_MIN(len, (size_t)(STREAM_MAX - client->len));
    memcpy(client->stream + client->len, data, len);
    client->len = (uint16_t)(client->len + len);
}

// --- What the server has seen

uint16_t client_seen(const client_t *client) {
    const struct tcp_pcb *pcb = client->link.pcb;
    uint32_t refused = pcb != NULL && pcb->refused_data != NULL ? pcb->refused_data->tot_len : 0;
    return (uint16_t)(client->link.received - refused);
}

// Past the body of the last answered request. False when that has not all been seen.
static bool skip_body(client_t *client) {
    uint16_t seen = client_seen(client);
    while (client->skip_at < seen && !mh_body_done(&client->skip)) {
        const uint8_t *data;
        size_t data_len;
        int n = mh_body_next(&client->skip, client->stream + client->skip_at, (size_t)(seen - client->skip_at), &data, &data_len);
        if (n < 0) {
            client->astray = true;
            return false;
        }
        client->skip_at = (uint16_t)(client->skip_at + n);
    }
    if (!mh_body_done(&client->skip)) {
        return false;
    }
    client->skipping = false;
    client->at = client->skip_at;
    return true;
}

void client_expect(client_t *client, expect_t *expect) {
    memset(expect, 0, sizeof(*expect));
    if (client->astray || client->refused || client->answer.raw || (client->skipping && !skip_body(client))) {
        return;
    }
    uint16_t len = (uint16_t)(client_seen(client) - client->at);
    if (len == 0) {
        return;
    }
    int result = mh_head_parse(&expect->head, &world.config.limits, client->stream + client->at, len);
    expect->kind = result > 0 ? EXPECT_REQUEST : result < 0 ? EXPECT_REFUSAL : EXPECT_PARTIAL;
    expect->status = (uint16_t)(result < 0 ? -result : 0);
}

#define NATIVE (1)      // for an endpoint

// What a router answers: a status, or 0 when it is for the program, or NATIVE.
static uint16_t route_status(const mh_router_t *router, const mh_head_t *head, const uint8_t *data) {
    char path[STREAM_MAX];
    mh_target_t target;
    if (head->method_id == MH_CONNECT) {
        return 501;
    }
    if (mh_target_split((const char *)data + head->target.at, head->target.len, &target) != 0) {
        return 400;
    }
    if (head->target.len > 6 && mh_same((const char *)data + head->target.at, "https:", 6)) {
        return 421;
    }
    if (router == NULL) {
        return 404;
    }
    int len = (int)target.path_len;
    if (target.plain) {
        memcpy(path, target.path, target.path_len);
    } else if ((len = mh_path_decode(target.path, target.path_len, path)) < 0) {
        return (uint16_t)-len;
    }
    mh_match_t match;
    switch (mh_router_find(router, head->method_id, (const char *)data + head->method.at, head->method.len, path, (size_t)len, &match)) {
        case MH_ROUTE_FOUND:
            return match.handler & MH_HANDLER_NATIVE ? NATIVE : 0;
        case MH_ROUTE_NOT_FOUND:
            return path[0] == '*' ? 400 : 404;     // "*" is for OPTIONS
        case MH_ROUTE_NOT_ALLOWED:
            return 405;
        case MH_ROUTE_OPTIONS:
            return 204;
        default:
            return 501;
    }
}

bool routes_give(const mh_head_t *head, const uint8_t *data, uint16_t status) {
    for (unsigned i = 0; i < ROUTERS; i++) {
        if ((world.routers_used & 1u << i) && route_status(world.routers[i], head, data) == status) {
            return true;
        }
    }
    return false;
}

bool routes_answer(const mh_head_t *head, const uint8_t *data) {
    return routes_give(head, data, NATIVE);
}

// Whether what has been seen of a request's body is malformed (-1), not all of it (0), or all of it (1).
static int body_seen(const client_t *client, const mh_head_t *head) {
    mh_body_t body;
    mh_body_init(&body, head);
    size_t at = (size_t)client->at + head->len, seen = client_seen(client);
    while (at < seen && !mh_body_done(&body)) {
        const uint8_t *data;
        size_t data_len;
        int n = mh_body_next(&body, client->stream + at, seen - at, &data, &data_len);
        if (n < 0) {
            return -1;
        }
        at += (size_t)n;
    }
    return mh_body_done(&body);
}

bool client_is_owed(client_t *client) {
    expect_t expect;
    client_expect(client, &expect);
    return expect.kind == EXPECT_REFUSAL
           || (expect.kind == EXPECT_REQUEST
               && (!routes_give(&expect.head, client->stream + client->at, 0) || body_seen(client, &expect.head) != 0));
}

// --- The head of an answer

// What a head says.
typedef struct _fields_t {
    uint32_t length;
    bool has_length;
    bool chunked;
    bool close;
    bool keep_alive;
    bool retry;
    bool allow;
    bool events;
    int sequence;
} fields_t;

static uint32_t number(const client_t *client, const char *text, size_t len) {
    uint32_t value = 0;
    CHECK_ANSWER(client, len > 0 && len < 10);
    for (size_t i = 0; i < len; i++) {
        CHECK_ANSWER(client, text[i] >= '0' && text[i] <= '9');
        value = value * 10 + (uint32_t)(text[i] - '0');
    }
    return value;
}

static bool is(const char *text, size_t len, const char *expected) {
    return len == strlen(expected) && memcmp(text, expected, len) == 0;
}

static void read_field(const client_t *client, const char *line, size_t len, fields_t *fields) {
    const char *colon = memchr(line, ':', len);
    CHECK_ANSWER(client, colon != NULL && colon[1] == ' ' && (size_t)(colon - line) + 2 < len);
    const char *value = colon + 2;
    size_t name_len = (size_t)(colon - line), value_len = len - name_len - 2;
    if (is(line, name_len, "Content-Length")) {
        CHECK_ANSWER(client, !fields->has_length);
        fields->has_length = true;
        fields->length = number(client, value, value_len);
    } else if (is(line, name_len, "Transfer-Encoding")) {
        CHECK_ANSWER(client, !fields->chunked && is(value, value_len, "chunked"));
        fields->chunked = true;
    } else if (is(line, name_len, "Connection")) {
        CHECK_ANSWER(client, !fields->close && !fields->keep_alive);
        fields->close = is(value, value_len, "close");
        fields->keep_alive = is(value, value_len, "keep-alive");
        CHECK_ANSWER(client, fields->close || fields->keep_alive);
    } else if (is(line, name_len, "Retry-After")) {
        fields->retry = true;
    } else if (is(line, name_len, "Allow")) {
        fields->allow = true;
    } else if (is(line, name_len, "X-Sequence")) {
        fields->sequence = (int)number(client, value, value_len);
    } else if (is(line, name_len, "Content-Type")) {
        fields->events = is(value, value_len, "text/event-stream");
    } else if (is(line, name_len, "ETag")) {
        CHECK_ANSWER(client, value_len > 2 && value[0] == '"' && value[value_len - 1] == '"');
    } else if (is(line, name_len, "Content-Range") || is(line, name_len, "Accept-Ranges")) {
        CHECK_ANSWER(client, value_len > 4 && memcmp(value, "bytes", 5) == 0);
    } else if (is(line, name_len, "Vary") || is(line, name_len, "Cache-Control") || is(line, name_len, "Content-Encoding")) {
        CHECK_ANSWER(client, value_len > 3);
    } else {
        CHECK_ANSWER(client, is(line, name_len, "Date") && value_len == MH_DATE_LEN);
    }
}

static uint16_t read_head(const client_t *client, fields_t *fields) {
    const char *line = client->head, *end = client->head + client->head_len - 2;
    CHECK_ANSWER(client, client->head_len >= 17 && memcmp(line, "HTTP/1.1 ", 9) == 0 && line[12] == ' ');
    uint16_t status = (uint16_t)number(client, line + 9, 3);
    line = (const char *)memchr(line, '\n', (size_t)(end - line)) + 1;
    while (line < end) {
        const char *next = memchr(line, '\n', (size_t)(end - line));
        CHECK_ANSWER(client, next != NULL && next[-1] == '\r');
        read_field(client, line, (size_t)(next - 1 - line), fields);
        line = next + 1;
    }
    return status;
}

// --- Which answers are right

// An answer of the server's own. Returns whether it may be the last.
static void check_own(client_t *client, const expect_t *expect, uint16_t status, const fields_t *fields) {
    bool asked = expect->kind == EXPECT_REQUEST, ours = asked && routes_give(&expect->head, client->stream + client->at, 0);
    int body = asked ? body_seen(client, &expect->head) : 0;
    CHECK_ANSWER(client, fields->sequence < 0);
    CHECK_ANSWER(client, expect->kind != EXPECT_NOTHING);
    bool of_endpoints = status == 200 || status == 206 || status == 304 || status == 412 || status == 416;
    client->native = asked && of_endpoints && routes_answer(&expect->head, client->stream + client->at);
    if (client->native) {
        CHECK_ANSWER(client, !fields->allow && !fields->retry);
        client->events = fields->events;
        return;
    }
    if (asked && routes_give(&expect->head, client->stream + client->at, status)) {
        CHECK_ANSWER(client, fields->allow == (status == 405 || (status == 204)));
        return;
    }
    CHECK_ANSWER(client, fields->close && !fields->allow);
    switch (status) {
        case 503:
            CHECK_ANSWER(client, fields->retry || !ours);
            return;
        case 408:
            // lwIP may have had no memory for it until the rest came
            CHECK_ANSWER(client, expect->kind == EXPECT_PARTIAL || (ours && body == 0) || client->link.retried);
            return;
        case 400:
            if (asked && routes_answer(&expect->head, client->stream + client->at)) {
                return;     // its query
            }
            if (ours && (body < 0 || (body == 0 && client->link.client_fin))) {
                return;
            }
        // fall through
        default:
            CHECK_ANSWER(client, expect->kind == EXPECT_REFUSAL && status == expect->status);
    }
}

static void check_framing(client_t *client, uint16_t status, bool as_head, uint8_t minor, const fields_t *fields) {
    CHECK_ANSWER(client, !(fields->has_length && fields->chunked));
    CHECK_ANSWER(client, !(status == 204 || status == 304) || !(fields->has_length || fields->chunked));
    CHECK_ANSWER(client, minor > 0 || !fields->chunked);
    client->closes = minor > 0 ? fields->close : !fields->keep_alive;
    client->left = fields->length;
    client->body_at = 0;
    if (as_head || status == 204 || status == 304) {
        client->state = READ_LENGTH;
        client->left = 0;
    } else if (fields->has_length) {
        client->state = READ_LENGTH;
    } else if (fields->chunked) {
        client->state = READ_SIZE;
        client->left = 0;
    } else {
        CHECK_ANSWER(client, client->closes);
        client->state = READ_CLOSE;
    }
}

static void answer_over(client_t *client) {
    client->native = false;
    client->answers++;
    client->answered_at = sim.now;
    client->state = client->closes ? READ_OVER : READ_HEAD;
    client->continued = false;
    client->answer.over = client->answer.begun;
    if (client->answer.ended) {
        client->answer = (answer_t) { 0 };
    }
}

static void head_over(client_t *client) {
    expect_t expect;
    fields_t fields = { .sequence = -1 };
    uint16_t status = client->status = read_head(client, &fields);
    client_expect(client, &expect);
    if (tracing) {
        fprintf(stderr, "       client %u gets %.*s\n", client->port, (int)(strchr(client->head, '\r') - client->head), client->head);
    }
    if (status == 100) {
        CHECK_ANSWER(client, expect.kind == EXPECT_REQUEST && (expect.head.flags & MH_HEAD_EXPECT));
        CHECK_ANSWER(client, !client->continued && !client->answer.begun && client->head_len == 25);
        client->continued = true;
        client->head_len = 0;
        return;
    }
    bool asked = expect.kind == EXPECT_REQUEST;
    client->native = false;
    if (client->refused) {
        CHECK_ANSWER(client, status == 503 && fields.retry && fields.close);
    } else if (client->answer.begun) {
        CHECK_ANSWER(client, status == client->answer.status && fields.sequence == (int)client->answers % 1000);
    } else {
        check_own(client, &expect, status, &fields);
    }
    bool keep = asked && (expect.head.flags & MH_HEAD_KEEP_ALIVE);
    uint8_t minor = asked ? expect.head.minor : 1;
    CHECK_ANSWER(client, keep || fields.close || (minor == 0 && !fields.keep_alive));
    // A request that was refused before its head was looked at may turn out to be a HEAD.
    bool unread = (status == 503 || status == 408) && fields.close && client->rest > 0;
    check_framing(client, status, expect.head.method_id == MH_HEAD && !unread, minor, &fields);
    if (asked) {
        client->skipping = true;
        client->skip_at = (uint16_t)(client->at + expect.head.len);
        mh_body_init(&client->skip, &expect.head);
    }
    if (client->events && client->state != READ_LENGTH) {
        client->astray = true;      // nothing that follows is answered
    }
    client->head_len = 0;
    if (client->state == READ_LENGTH && client->left == 0) {
        answer_over(client);
    }
}

// --- Bytes

static void read_body(client_t *client, uint8_t c) {
    if (client->native) {
        // whatever it shows
    } else if (client->answer.begun || client->answer.raw) {
        CHECK_ANSWER(client, client->body_at < client->answer.offered && c == pattern(client->answer.seed, client->body_at));
    } else if (client->body_at < 3) {
        static const uint16_t tens[] = { 100, 10, 1 };
        CHECK_ANSWER(client, c == '0' + client->status / tens[client->body_at] % 10);
    } else {
        CHECK_ANSWER(client, (c == '\n') == (client->left == 1));
    }
    client->body_at++;
}

static void read_size(client_t *client, uint8_t c) {
    client->head[client->head_len++] = (char)c;
    if (c != '\n') {
        CHECK_ANSWER(client, client->head_len <= 9 && (c == '\r' || is_hex(c)));
        return;
    }
    CHECK_ANSWER(client, client->head_len > 2 && client->head[client->head_len - 2] == '\r');
    client->left = 0;
    for (int i = 0; i < client->head_len - 2; i++) {
        client->left = client->left << 4 | hex_value((uint8_t)client->head[i]);
    }
    CHECK_ANSWER(client, client->left > 0 || (client->head_len == 3 && (client->answer.ended || client->native)));
    client->head_len = 0;
    client->state = client->left > 0 ? READ_CHUNK : READ_LAST;
}

// The CRLF after a chunk, or the empty line after the last.
static void read_crlf(client_t *client, uint8_t c) {
    CHECK_ANSWER(client, c == "\r\n"[client->head_len]);
    if (++client->head_len < 2) {
        return;
    }
    client->head_len = 0;
    if (client->state == READ_CHUNK_END) {
        client->state = READ_SIZE;
    } else {
        answer_over(client);
    }
}

static void read_byte(client_t *client, uint8_t c) {
    switch (client->state) {
        case READ_HEAD:
            CHECK_ANSWER(client, client->head_len < ANSWER_HEAD_MAX);
            client->head[client->head_len++] = (char)c;
            if (client->head_len >= 4 && memcmp(client->head + client->head_len - 4, "\r\n\r\n", 4) == 0) {
                head_over(client);
            }
            break;
        case READ_LENGTH:
        case READ_CHUNK:
            read_body(client, c);
            if (--client->left == 0) {
                if (client->state == READ_CHUNK) {
                    client->state = READ_CHUNK_END;
                } else {
                    answer_over(client);
                }
            }
            break;
        case READ_SIZE:
            read_size(client, c);
            break;
        case READ_CHUNK_END:
        case READ_LAST:
            read_crlf(client, c);
            break;
        case READ_CLOSE:
        case READ_RAW:
            read_body(client, c);
            break;
        default:
            CHECK_ANSWER(client, !"bytes after the last answer");
    }
}

// Whether the server has no slot for it: it says so, and nothing else.
static bool is_refused(const link_t *link) {
    for (unsigned i = 0; i < world.server->conn_count; i++) {
        if (world.server->conns[i].pcb == link->pcb) {
            return false;
        }
    }
    return true;
}

void client_bytes(link_t *link, const uint8_t *data, size_t len) {
    client_t *client = link->client;
    client->refused = client->refused || is_refused(link);
    if (client->answer.raw && client->state == READ_HEAD) {
        CHECK_ANSWER(client, client->head_len == 0);
        client->state = READ_RAW;
        client->body_at = 0;
    }
    for (size_t i = 0; i < len; i++) {
        client->rest = len - 1 - i;
        read_byte(client, data[i]);
    }
}

// --- Ends

// The answer that the program left shorter than it had declared.
static bool is_cut_short(const client_t *client) {
    return client->answer.ended && client->state == READ_LENGTH && client->body_at == client->answer.offered;
}

void client_server_fin(link_t *link) {
    client_t *client = link->client;
    if (client->state == READ_HEAD && !client->answer.raw) {
        CHECK_ANSWER(client, client->head_len == 0);
        CHECK_ANSWER(client, world.stopped || !client_is_owed(client));
    } else {
        CHECK_ANSWER(client, client->state >= READ_CLOSE || client->answer.raw || is_cut_short(client));
        CHECK_ANSWER(client, client->state != READ_CLOSE || client->answer.ended || client->native);
    }
    client->closes = true;
    client->state = READ_OVER;
}

// A RST may take away what the client has not acknowledged: only where there is a reason.
void client_server_rst(link_t *link) {
    client_t *client = link->client;
    bool lost = link->acked < link->written || (!link->shut && client_is_owed(client));
    uint32_t quiet = sim.now - (link->acked < link->written ? link->owed_at : link->sent_at);
    bool overflow = mh_server_stats(world.server)->refused != world.refused;
    if (lost && !(sim.may_reset & (MAY_RESET_PROGRAM | MAY_RESET_MEMORY)) && !overflow && !link->fin_late && !link->starved) {
        bool timed_out = (sim.may_reset & MAY_RESET_TIME) && (client->refused || quiet >= LWIP_MIN(world.config.progress_ms, LINGER_MS));
        bool evicted = sim.opening != NULL && sim.opening != link && quiet >= EVICT_MS;
        CHECK_ANSWER(client, timed_out || evicted);
    }
    client->state = READ_OVER;
}

void client_check(client_t *client) {
    const link_t *link = &client->link;
    if (link->pcb == NULL || link->reset) {
        return;
    }
    bool program = client->answer.begun && !client->answer.ended;
    CHECK_ANSWER(client, client->state != READ_OVER || program || link->shut || (link->client_fin && link->acked < link->written)
        || sim.faulted > 0);
    CHECK_ANSWER(client, link->output == link->written || link->unsent_ok);
    CHECK_ANSWER(client, link->fin_output == link->fin);
}
