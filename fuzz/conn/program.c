#include "program.h"

#include "fuzz.h"

#define OBJECTS (96)

// An object on the program's heap: plain memory, or, as with a str, with its bytes elsewhere.
typedef struct _object_t {
    void *self;
    uint8_t *data;              // NULL: plain
} object_t;

static object_t objects[OBJECTS];

// --- Garbage collection

static bool is_referred_to(const void *object, const void *roots, size_t len) {
    const uintptr_t *words = roots;
    for (size_t i = 0; i < len / sizeof(*words); i++) {
        if (words[i] == (uintptr_t)object) {
            return true;
        }
    }
    return false;
}

static void object_free(object_t *object) {
    free(object->self);
    free(object->data);
    *object = (object_t) { NULL, NULL };
}

void program_collect(const void *roots, size_t len) {
    for (unsigned i = 0; i < OBJECTS; i++) {
        object_t *object = &objects[i];
        if (object->self != NULL && !is_referred_to(object->self, roots, len)) {
            object_free(object);
        }
    }
    for (unsigned i = 0; i < world.client_count; i++) {
        link_check_references(&world.clients[i].link);
    }
}

static object_t *object_find(const void *self) {
    for (unsigned i = 0; i < OBJECTS; i++) {
        if (objects[i].self == self) {
            return &objects[i];
        }
    }
    return NULL;
}

static object_t *object_new(size_t len, bool plain) {
    object_t *object = object_find(NULL);
    if (object == NULL) {
        program_collect(world.server, mh_server_size(&world.config));
        object = object_find(NULL);
    }
    CHECK(object != NULL);      // the server does not refer to that many
    object->self = malloc(plain ? len : 1);
    object->data = plain ? NULL : malloc(len);
    return object;
}

// --- Taking

void program_wake(void *arg) {
    CHECK(arg == &world);
    world.asleep = false;
}

static void take_new(handler_t *handler, mh_conn_t *conn) {
    CHECK(mh_conn_is_new(conn) && mh_conn_is_alive(conn) && mh_conn_owner(conn) == NULL);
    expect_t expect;
    client_t *client = NULL;
    for (unsigned i = 0; i < world.client_count; i++) {
        client = world.clients[i].link.pcb == conn->pcb ? &world.clients[i] : client;
    }
    CHECK(client != NULL);
    client_expect(client, &expect);
    CHECK(expect.kind == EXPECT_REQUEST && routes_give(&expect.head, client->stream + client->at, 0));
    const uint8_t *data;
    const mh_head_t *head = mh_conn_head(conn, &data);
    CHECK(head->len == expect.head.len && memcmp(data, client->stream + client->at, head->len) == 0);
    CHECK(head->method_id == expect.head.method_id && head->minor == expect.head.minor && head->length == expect.head.length);
    CHECK((head->flags | MH_HEAD_EXPECT) == (expect.head.flags | MH_HEAD_EXPECT));
    *handler = (handler_t) {
        .conn = conn, .client = client, .owner = object_new(1, true)->self, .head = expect.head,
        .body_at = (uint16_t)(client->at + expect.head.len), .read_at = (uint16_t)(client->at + expect.head.len),
    };
    mh_body_init(&handler->body, &expect.head);
    mh_conn_set_owner(conn, handler->owner);
    CHECK(mh_conn_handler(conn) == 1 || mh_conn_handler(conn) == 2);
}

bool program_take(void) {
    for (unsigned i = 0; i < SLOTS; i++) {
        if (world.handlers[i].room > 0) {
            program_give_room(&world.handlers[i], true);    // before it looks at anything else
        }
    }
    mh_conn_t *conn = mh_server_take(world.server);
    if (conn == NULL) {
        CHECK(world.server->ready_first == NULL);
        world.asleep = true;
        return false;
    }
    handler_t *handler = &world.handlers[conn - world.server->conns];
    size_t room = mh_conn_room(conn);
    if (room > 0) {
        CHECK(handler->conn == NULL && mh_conn_is_alive(conn) && room <= LWIP_MAX(world.config.max_body + 1, TCP_WND));
        *handler = (handler_t) { .conn = conn, .room = room };
    } else if (handler->conn == NULL) {
        take_new(handler, conn);
    } else {
        CHECK(handler->waiting || handler->requeued);
        CHECK(mh_conn_owner(conn) == handler->owner);
        handler->waiting = handler->requeued = false;
    }
    return true;
}

// --- Looking

static bool is_alive(const handler_t *handler) {
    return handler->conn->pcb != NULL;
}

void program_look(handler_t *handler) {
    mh_conn_t *conn = handler->conn;
    ip_addr_t address;
    uint16_t port = 0;
    bool alive = mh_conn_is_alive(conn);
    CHECK(alive == is_alive(handler));
    CHECK(mh_conn_client(conn, &address, &port) == alive && (!alive || port == handler->client->port));
    mh_conn_writable(conn);
    CHECK(mh_conn_readable(conn) || alive);
    mh_conn_wants_body(conn);
    CHECK(!mh_network_is_up());
    uint32_t left = mh_conn_body_left(conn);
    if (!handler->client->answer.raw && !handler->strayed && alive && !(handler->head.flags & MH_HEAD_CHUNKED)) {
        CHECK(left == handler->body.left);
    }
}

// --- Reading

// Take `len` body bytes off what the client has sent, as a decoder would that sees all of it.
static void compare_body(handler_t *handler, const uint8_t *got, uint32_t len) {
    const client_t *client = handler->client;
    while (len > 0) {
        CHECK(handler->read_at < client_seen(client) && !mh_body_done(&handler->body));
        const uint8_t *data;
        size_t data_len, offer = LWIP_MIN(len, (size_t)(client_seen(client) - handler->read_at));
        int n = mh_body_next(&handler->body, client->stream + handler->read_at, offer, &data, &data_len);
        CHECK(n > 0 && data_len <= len && memcmp(data, got, data_len) == 0);
        handler->read_at = (uint16_t)(handler->read_at + n);
        got += data_len;
        len -= (uint32_t)data_len;
    }
}

// Go on over framing. Returns what stands behind it: 1 data, 0 nothing more has been seen, -1 malformed, 2 the body's end.
static int peek_body(handler_t *handler) {
    const client_t *client = handler->client;
    while (!mh_body_done(&handler->body)) {
        mh_body_t body = handler->body;
        if (handler->read_at == client_seen(client)) {
            return 0;
        }
        const uint8_t *data;
        size_t data_len;
        int n = mh_body_next(&body, client->stream + handler->read_at, 1, &data, &data_len);
        if (n < 0) {
            return -1;
        }
        if (data_len > 0) {
            return 1;
        }
        handler->body = body;
        handler->read_at = (uint16_t)(handler->read_at + n);
    }
    return 2;
}

static bool is_malformed(const handler_t *handler) {
    const client_t *client = handler->client;
    mh_body_t body;
    mh_body_init(&body, &handler->head);
    for (uint16_t at = handler->body_at; at < client_seen(client) && !mh_body_done(&body);) {
        const uint8_t *data;
        size_t data_len;
        int n = mh_body_next(&body, client->stream + at, (size_t)(client_seen(client) - at), &data, &data_len);
        if (n < 0) {
            return true;
        }
        at = (uint16_t)(at + n);
    }
    return false;
}

static void check_body_result(handler_t *handler, int n) {
    int next = peek_body(handler);
    switch (n) {
        case 0:
            CHECK(next == 2);
            break;
        case -EINVAL:
            CHECK(is_malformed(handler));
            break;
        case -ECONNRESET:
            CHECK(next == 0 && handler->client->link.client_fin);
            break;
        default:
            CHECK(n == -EAGAIN || n == -ETIMEDOUT);
            CHECK(next == 0 || (next == 1 && handler->read_at == client_seen(handler->client)));
    }
}

static void check_raw(handler_t *handler, const uint8_t *got, int n) {
    const client_t *client = handler->client;
    uint16_t left = (uint16_t)(client_seen(client) - handler->read_at);
    if (handler->strayed) {
        return;
    }
    if (n > 0) {
        CHECK(n <= left && memcmp(got, client->stream + handler->read_at, (size_t)n) == 0);
        handler->read_at = (uint16_t)(handler->read_at + n);
    } else {
        CHECK(left == 0 && (n == 0 ? client->link.client_fin : n == -EAGAIN));
    }
}

int program_read(handler_t *handler, uint32_t len) {
    uint8_t *data = exact_new(NULL, len);
    bool alive = is_alive(handler), raw = handler->client->answer.raw;
    int n = mh_conn_read(handler->conn, data, len);
    if (!alive) {
        CHECK(n == -ECONNRESET);
    } else if (raw) {
        check_raw(handler, data, n);
    } else if (n > 0) {
        compare_body(handler, data, (uint32_t)n);
    } else if (is_alive(handler)) {
        check_body_result(handler, n);
        handler->strayed = handler->strayed || n == -EINVAL;
    }
    exact_free(data, len);
    return n;
}

int program_take_body(handler_t *handler) {
    void *data;
    size_t len, size;
    bool large = handler->head.length > world.config.max_body, chunked = handler->head.flags & MH_HEAD_CHUNKED;
    int result = mh_conn_take_body(handler->conn, &data, &len, &size);
    CHECK(result == 0 || result == 1 || (result == -EMSGSIZE && (large || chunked)));
    CHECK(!large || result == -EMSGSIZE);
    if (result == 1) {
        CHECK(len <= size && len <= world.config.max_body && object_find(data) != NULL);
        CHECK(len == 0 || handler->read_at == handler->body_at);    // of an empty body reading shows nothing
        compare_body(handler, data, (uint32_t)len);
        CHECK(peek_body(handler) == 2);
        object_free(object_find(data));
    }
    return result;
}

void program_give_room(handler_t *handler, bool memory) {
    object_t *object = memory ? object_new(handler->room, true) : NULL;
    void *room = memory ? object->self : NULL;
    void *unused = mh_conn_give_room(handler->conn, room, handler->room);
    CHECK(unused == NULL || object_find(unused) != NULL);
    if (unused != NULL) {
        object_free(object_find(unused));
    }
    handler->conn = NULL;
    handler->room = 0;
}

// --- Answering

static size_t compose_head(const handler_t *handler, mh_answer_t *answer, char *text, size_t size) {
    char field[] = "X-Sequence: 000\r\n";
    unsigned sequence = handler->client->answers % 1000;
    field[12] = (char)('0' + sequence / 100);
    field[13] = (char)('0' + sequence / 10 % 10);
    field[14] = (char)('0' + sequence % 10);
    answer->fields = field;
    answer->fields_len = sizeof(field) - 1;
    size_t len = mh_answer_head(answer, text, size);
    CHECK(len <= size);
    answer->fields = NULL;
    return len;
}

int program_begin(handler_t *handler, uint16_t status, uint32_t declared, uint32_t body_len, bool close) {
    client_t *client = handler->client;
    char text[512];
    mh_answer_t answer = { .status = status, .length = declared };
    mh_conn_answer_defaults(handler->conn, &answer);
    answer.keep_alive = answer.keep_alive && !close;
    size_t len = compose_head(handler, &answer, text, sizeof(text) - 128);
    body_len = declared == MH_LENGTH_UNKNOWN || !mh_answer_has_body(status, handler->head.method_id == MH_HEAD)
        ? 0 : LWIP_MIN(LWIP_MIN(body_len, declared), 128);
    answer_t before = client->answer;
    bool alive = is_alive(handler), fits = !before.begun && !before.raw;
    if (fits) {
        client->answer = (answer_t) {
            .begun = true, .seed = (uint8_t)(client->port * 16 + client->answers), .status = status, .declared = declared, .offered = body_len,
        };
    }
    for (uint32_t i = 0; i < body_len; i++) {
        text[len + i] = (char)pattern(client->answer.seed, i);
    }
    char *exact = (char *)exact_new(text, len + body_len);
    client->link.unsent_ok = true;
    int result = mh_conn_begin(handler->conn, &answer, exact, len, body_len);
    exact_free((uint8_t *)exact, len + body_len);
    CHECK(alive ? fits ? result == 0 || result == -EAGAIN : result == -EINVAL : result == -ECONNRESET);
    if (result != 0) {
        client->answer = before;
    }
    return result;
}

// What net/ says to `len` more bytes of body.
static void check_write(const handler_t *handler, int n, uint32_t len, bool alive) {
    const answer_t *answer = &handler->client->answer;
    bool bodiless = !mh_conn_wants_body(handler->conn);
    if (!alive) {
        CHECK(n == -ECONNRESET);
    } else if (!answer->raw && !answer->begun) {
        CHECK(n == -EINVAL);
    } else if (bodiless) {
        CHECK(n == (int)len);
    } else if (answer->declared != MH_LENGTH_UNKNOWN && !answer->raw && answer->offered + len > answer->declared) {
        CHECK(n == -EINVAL);
    } else {
        CHECK(n == -EAGAIN || (n >= (len > 0) && n <= (int)len));
    }
}

int program_write(handler_t *handler, uint32_t len, bool by_reference) {
    client_t *client = handler->client;
    answer_t *answer = &client->answer;
    uint32_t before = answer->offered;
    object_t *object = object_new(len, false);
    for (uint32_t i = 0; i < len; i++) {
        object->data[i] = pattern(answer->seed, before + i);
    }
    bool alive = is_alive(handler), bodiless = !mh_conn_wants_body(handler->conn);
    client->link.unsent_ok = true;
    answer->offered += len;
    int n = mh_conn_write(handler->conn, object->data, len, by_reference ? object->self : NULL);
    answer->offered = before;
    check_write(handler, n, len, alive);
    handler->roomless = n == -EAGAIN;
    if (n > 0 && !bodiless) {
        answer->offered += (uint32_t)n;
    }
    if (alive && n > 0 && !bodiless) {
        CHECK(client->body_at + handler->conn->out_len == answer->offered);
    }
    return n;
}

static void forget(handler_t *handler) {
    handler->conn = NULL;
}

int program_end(handler_t *handler) {
    client_t *client = handler->client;
    answer_t before = client->answer;
    bool alive = is_alive(handler), fits = before.begun && !before.raw;
    if (fits && before.over) {
        client->answer = (answer_t) { 0 };      // what comes now answers the next request
    } else if (fits) {
        client->answer.ended = true;
    }
    int result = mh_conn_end(handler->conn);
    CHECK(alive ? result == (fits ? 0 : -EINVAL) : result == -ECONNRESET);
    if (result != -EINVAL) {
        forget(handler);
    } else {
        client->answer = before;
    }
    return result;
}

// --- Handing on and back

void program_wait(handler_t *handler, bool wait) {
    mh_conn_wait(handler->conn, wait);
    handler->waiting = wait;
    handler->polls = !handler->roomless || handler->client->answer.raw;     // a stream is polled
    handler->requeued = handler->requeued && wait;
}

void program_requeue(handler_t *handler) {
    mh_conn_requeue(handler->conn);
    handler->requeued = true;
}

void program_detach(handler_t *handler) {
    client_t *client = handler->client;
    bool alive = is_alive(handler), fits = !client->answer.begun && !client->answer.raw;
    int result = mh_conn_detach(handler->conn);
    CHECK(alive ? result == (fits ? 0 : -EINVAL) : result == -ECONNRESET);
    if (result != 0) {
        return;
    }
    client->body_at = 0;
    client->answer = (answer_t) { .raw = true, .seed = (uint8_t)client->port, .declared = MH_LENGTH_UNKNOWN };
    // Framing that was skipped on the way to data not yet there is not read again.
    handler->strayed = handler->strayed || (handler->head.flags & MH_HEAD_CHUNKED);
}

void program_release(handler_t *handler) {
    if (handler->room > 0) {
        program_give_room(handler, false);
        return;
    }
    bool detached = handler->client->answer.raw;
    sim.may_reset |= detached ? 0 : MAY_RESET_PROGRAM;
    mh_conn_release(handler->conn);
    sim.may_reset &= ~(unsigned)MAY_RESET_PROGRAM;
    forget(handler);
}

// --- The whole of it

void program_serve(handler_t *handler) {
    client_t *client = handler->client;
    if (handler->room > 0) {
        program_give_room(handler, true);
        return;
    }
    if (client->answer.raw) {
        program_release(handler);
        return;
    }
    if (!client->answer.begun) {
        bool at_once = client->port % 2 == 0 && program_take_body(handler) == 1;
        int n = at_once ? 0 : program_read(handler, 256);
        while (n > 0) {
            n = program_read(handler, 256);
        }
        if (n == -EAGAIN) {
            program_wait(handler, true);
            return;
        }
        if (program_begin(handler, n == 0 ? 200 : 400, 300, 0, false) == -EAGAIN) {
            program_wait(handler, true);
            return;
        }
    }
    uint32_t left = client->answer.declared == MH_LENGTH_UNKNOWN ? 0 : client->answer.declared - client->answer.offered;
    while (is_alive(handler) && left > 0 && mh_conn_wants_body(handler->conn)) {
        int n = program_write(handler, LWIP_MIN(left, 256), false);
        mh_conn_output(handler->conn);
        if (n == -EAGAIN) {
            program_wait(handler, true);
            return;
        }
        CHECK(n > 0);
        left -= (uint32_t)n;
    }
    program_end(handler);
}
