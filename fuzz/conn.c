// The whole connection state machine: net/ and core/ on a lwIP that is simulated, with clients that send anything in any
// pieces and a program that answers in every way. An input is a list of operations, each a byte and its operands, so
// that whatever happens in one place may happen between any two calls in another, as interrupts would have it.
//
// conn/tcp.h is lwIP, conn/client.h the clients with what they may and may not get, conn/program.h the program,
// conn/check.c what always holds.

#include "conn/program.h"

#include "lwip/priv/tcp_priv.h"

#include "fuzz.h"

#define PORT (80)
#define DRAIN_TICKS (12)        // in which all that can go on has to
#define LEAVE_ROUNDS (64)       // of some seconds, in which all that is left has to end

world_t world;

typedef struct _route_spec_t {
    const char *method;
    const char *pattern;
} route_spec_t;

// Endpoints that C answers, which every router but the first has.
static const char *const native_paths[] = { "/s", "/s.csv", "/s.bin", "/s/e", "/v", "/f", "/r", "/m" };
#define NATIVES (sizeof(native_paths) / sizeof(native_paths[0]))

static const route_spec_t routes[ROUTERS][4] = {
    { { NULL, NULL } },
    { { "GET", "/p" }, { "POST", "/p" }, { "PUT", "/w/<name>" }, { "BREW", "/p" } },
    { { "*", "/any/<path:rest>" }, { "GET", "/n" }, { "POST", "/p" }, { "OPTIONS", "/p" } },
};

static uint32_t router_memory[ROUTERS][768];

// --- Setting up

static const mh_router_t *build_router(unsigned index) {
    mh_router_t *router = mh_router_init(router_memory[index], sizeof(router_memory[index]));
    for (unsigned i = 0; i < 4 && index > 0; i++) {
        const route_spec_t *spec = &routes[index][i];
        CHECK(mh_router_add(router, spec->method, strlen(spec->method), spec->pattern, strlen(spec->pattern), (uint16_t)(1 + i % 2)) == MH_ROUTER_OK);
    }
    for (unsigned i = 0; i < NATIVES && index > 0; i++) {
        CHECK(mh_router_add(router, "GET", 3, native_paths[i], strlen(native_paths[i]), (uint16_t)(MH_HANDLER_NATIVE | i)) == MH_ROUTER_OK);
    }
    return index > 0 ? router : NULL;
}

// --- Endpoints

static struct {
    mh_column_t columns[3];
    mh_sensor_endpoint_t sensor;
    mh_sensor_endpoint_t *sensors[1];
    uint32_t memory[2048];
    mh_blob_t value, file, ring;
    mh_metrics_t metrics;
    char work[1024];
    uint8_t data[3000];
    mh_endpoint_t *table[NATIVES];
} native;

static void set_blob(mh_blob_t *blob, uint32_t len) {
    mh_blob_init(blob);
    blob->type = "text/plain";
    blob->type_len = 10;
    blob->data = native.data;
    blob->len = len;
}

static void set_up_natives(uint8_t how) {
    native.columns[0] = (mh_column_t) { .name = "a", .help = "", .unit = "", .scale = 1, .type = MH_COLUMN_INT };
    native.columns[1] = (mh_column_t) { .name = "b", .help = "what it is", .unit = "m", .scale = 1, .type = MH_COLUMN_FLOAT };
    native.columns[2] = (mh_column_t) { .name = "c", .help = "", .unit = "", .scale = 1, .type = MH_COLUMN_STR, .size = 200 };
    native.sensor = (mh_sensor_endpoint_t) { .name = "s" };
    native.sensor.sensor.columns = native.columns;
    native.sensor.sensor.column_count = 3;
    native.sensor.sensor.capacity = (uint16_t)(1 + how % 16);
    native.sensor.sensor.sample_size = mh_sensor_layout(native.columns, 3);
    CHECK(mh_sensor_endpoint_size(&native.sensor.sensor, 0) <= sizeof(native.memory));
    mh_native_reset();
    mh_sensor_endpoint_init(&native.sensor, 0, native.memory);
    set_blob(&native.value, 100);
    mh_blob_tag_count(&native.value, 0);
    set_blob(&native.file, sizeof(native.data));
    native.file.gzip = native.data;
    native.file.gzip_len = 700;
    native.file.fixed = true;
    mh_blob_tag_bytes(&native.file);
    set_blob(&native.ring, sizeof(native.data));
    static uint32_t position;
    position = (uint32_t)(uintptr_t)native.data + how * 11u;
    native.ring.position = &position;
    mh_metrics_init(&native.metrics);
    native.sensors[0] = &native.sensor;
    native.metrics.sensors = native.sensors;
    native.metrics.count = 1;
    native.metrics.work = native.work;
    native.metrics.work_size = (uint16_t)mh_metrics_size(&native.sensor);
    CHECK(native.metrics.work_size <= sizeof(native.work));
    mh_endpoint_t *const table[NATIVES] = {
        &native.sensor.forms[0], &native.sensor.forms[1], &native.sensor.forms[2], &native.sensor.forms[3],
        &native.value.endpoint, &native.file.endpoint, &native.ring.endpoint, &native.metrics.endpoint,
    };
    memcpy(native.table, table, sizeof(table));
    mh_server_endpoints(world.server, native.table);
}

bool natives_hold(const void *data) {
    return (const uint8_t *)data >= native.data && (const uint8_t *)data < native.data + sizeof(native.data);
}

// A sample, with a text that is long at times.
static void update_sensor(void) {
    static const char text[200] = "\"\\\n";
    uint32_t seq = native.sensor.sensor.seq;
    mh_value_t values[3] = { { .i = (int32_t)seq }, { .f = (float)seq / 3 }, { .s = { text, seq % 4 == 0 ? 200 : 3 } } };
    mh_sensor_update(&native.sensor, 1u << seq % 3 | 4, values);
}

static void use_router(unsigned index) {
    world.router = index;
    world.routers_used |= 1u << index;
    mh_server_route(world.server, world.routers[index]);
}

static void listen(void) {
    if (mh_server_port(world.server) == 0) {
        bool failing = sim.faults.bind != 0 || sim.faults.listener != 0;
        err_t err = mh_server_listen(world.server, IP_ANY_TYPE, PORT);
        CHECK(err == ERR_OK || failing || sim.pcbs >= sim.max_pcbs);
    }
    CHECK(mh_server_port(world.server) == 0 || mh_server_listens(world.server, IP_ANY_TYPE, PORT));
}

static uint64_t now(void) {
    return 1800000000 + sim.now / 1000;
}

static uint64_t never(void) {
    return 0;
}

// Entries that the log has room for.
#define LOG_ENTRIES (4)

// Fetch what was logged: each is of an answer, or of one that its client did not wait for.
static void read_log(void) {
    mh_logged_t logged;
    while (mh_server_logged(world.server, &logged)) {
        const mh_log_entry_t *entry = &logged.entry;
        char text[MH_LOG_MAX];
        CHECK(entry->len <= MH_LOG_LINE && (entry->status == 0 || (entry->status >= 200 && entry->status < 600)));
        CHECK(mh_log_format(entry, "", 0, text) <= sizeof(text));
        world.logged++;
    }
    CHECK(!mh_server_has_logged(world.server));
}

static void set_up(input_t *input) {
    uint8_t a = input_byte(input), b = input_byte(input), c = input_byte(input);
    sim_reset();
    memset(world.handlers, 0, sizeof(world.handlers));
    world.client_count = world.routers_used = 0;
    world.stopped = world.asleep = false;
    world.log = NULL;
    world.logged = 0;
    world.config = (mh_config_t) {
        .limits = { .max_head = (uint16_t)(256 + (a >> 2 & 3) * 200), .max_target = (uint16_t)(32 + (a >> 4 & 3) * 100), .max_fields = (uint16_t)(4 + (a >> 6)) },
        .max_connections = (uint8_t)(1 + a % MAX_CONNECTIONS),
        .head_buffers = (uint8_t)(1 + b % 4),
        .max_body = (uint32_t)(b >> 2 & 7) * 500,
        .head_ms = 4000 + (c & 3) * 2500u,
        .progress_ms = 4000 + (c >> 2 & 3) * 2500u,
        .idle_ms = 4000 + (c >> 4 & 3) * 2500u,
        .queue_ms = 4000 + (c >> 6 & 3) * 2500u,
    };
    for (unsigned i = 0; i < ROUTERS; i++) {
        world.routers[i] = build_router(i);
    }
    size_t size = mh_server_size(&world.config);
    world.server = mh_server_init(malloc(size), &world.config, program_wake, &world);
    if (b & 32) {
        mh_server_set_clock(world.server, b & 64 ? now : never);
    }
    if (b & 128) {
        mh_server_log(world.server, world.log = malloc(mh_log_size(&world.config, LOG_ENTRIES)), LOG_ENTRIES);
    }
    set_up_natives((uint8_t)(a ^ c));
    use_router(1);
    listen();
}

// --- What clients send

static void append_text(client_t *client, const char *text) {
    client_append(client, text, strlen(text));
}

static void append_number(client_t *client, const char *format, unsigned number) {
    char text[80];
    snprintf(text, sizeof(text), format, number);
    append_text(client, text);
}

static void append_filler(client_t *client, unsigned len) {
    for (unsigned i = 0; i < len; i++) {
        char c = (char)('a' + (client->len + i) % 26);
        client_append(client, &c, 1);
    }
}

static void append_sized(client_t *client, unsigned kind, unsigned size) {
    switch (kind) {
        case 0:
            append_number(client, "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: %u\r\n\r\n", size);
            append_filler(client, size);
            break;
        case 1:
            append_number(client, "POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n", size + 1);
            append_filler(client, size + 1);
            append_text(client, "\r\n0\r\n\r\n");
            break;
        case 2:
            append_number(client, "POST /p HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: %u\r\n\r\n", size);
            append_filler(client, size);
            break;
        case 3:
            append_text(client, "GET /p HTTP/1.1\r\nHost: a\r\nX-Filler: ");
            append_filler(client, size);
            append_text(client, "\r\n\r\n");
            break;
        case 4:
            append_text(client, "GET /p?");
            append_filler(client, size);
            append_text(client, " HTTP/1.1\r\nHost: a\r\n\r\n");
            break;
        case 5:
            append_number(client, "%x;extension\r\n", size + 1);
            append_filler(client, size + 1);
            append_text(client, "\r\n");
            break;
        case 6:
            append_number(client, "DELETE /p HTTP/1.1\r\nHost: a\r\nContent-Length: %u\r\n\r\n", size);
            append_filler(client, size);
            break;
        default:
            append_filler(client, size);
    }
}

static const char *const pieces[] = {
    "GET /p HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /n HTTP/1.1\r\nHost: a\r\n\r\n",
    "HEAD /p HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /p HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    "GET /p HTTP/1.0\r\n\r\n",
    "GET /p HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    "OPTIONS /p HTTP/1.1\r\nHost: a\r\n\r\n",
    "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
    "DELETE /p HTTP/1.1\r\nHost: a\r\n\r\n",
    "PROPFIND /p HTTP/1.1\r\nHost: a\r\n\r\n",
    "PUT /w/%61%2f%62 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
    "GET http://a/x/../p HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /../../etc HTTP/1.1\r\nHost: a\r\n\r\n",
    "CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /p HTTP/2.0\r\nHost: a\r\n\r\n",
    "GET /p HTTP/1.1\r\n\r\n",
    "GET /p HTTP/1.1\nHost: a\n\n",
    "BREW /p HTTP/1.1\r\nHost: a\r\nUpgrade: tea\r\nConnection: upgrade\r\n\r\n",
    "GET /any/thing HTTP/1.1\r\nHost: a\r\n\r\n",
    "POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
    "POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n",
    "POST /n HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
    "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 70000\r\n\r\n",
    "POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n",
    "POST /p HTTP/1.1\r\nHost: a\r\nExpect: tea\r\nContent-Length: 5\r\n\r\nhello",
    "5\r\nhello\r\n",
    "0\r\n\r\n",
    "0\r\nTrailer: yes\r\n\r\n",
    "xyz\r\n",
    "\r\n",
    "GET /p HT",
    "GET /p?a=b HTTP/1.1\r\nHost: a\r\nA: b\r\nC: d\r\nE: f\r\nG: h\r\nI: j\r\nK: l\r\nM: n\r\nO: p\r\n\r\n",
};

// For the endpoints: a path, and lines that matter to one or the other.
static void append_native(client_t *client, unsigned kind) {
    static const char *const queries[] = { "", "", "?last=9", "?since=2", "?since=99", "?last=x" };
    static const char *const fields[] = {
        "", "Range: bytes=100-2500\r\n", "Range: bytes=9000-\r\nIf-Unmodified-Since: x\r\n", "Accept: text/csv\r\n",
        "Accept: application/octet-stream, */*;q=0.5\r\n", "If-None-Match: *\r\n", "Range: bytes=-9\r\nAccept-Encoding: gzip\r\n",
        "Last-Event-ID: 1\r\nIf-Match: \"x\"\r\n", "Connection: close\r\n", "Content-Length: 4\r\n",
    };
    append_text(client, kind % 13 == 0 ? "HEAD " : "GET ");
    append_text(client, native_paths[kind % NATIVES]);
    append_text(client, queries[kind / NATIVES % 6]);
    append_text(client, kind % 11 == 0 ? " HTTP/1.0\r\n" : " HTTP/1.1\r\nHost: a\r\n");
    append_text(client, fields[kind % 10]);
    append_text(client, "\r\n");
}

static void append_piece(client_t *client, input_t *input) {
    uint8_t kind = input_byte(input);
    if (kind < 32) {
        append_text(client, pieces[kind]);
    } else if (kind < 64) {
        append_native(client, input_byte(input) ^ kind);
    } else if (kind < 192) {
        append_sized(client, kind % 8, input_byte(input) * (kind < 128 ? 1u : 9u));
    } else {
        size_t len = LWIP_MIN((size_t)kind - 191, input->len);
        client_append(client, input->data, len);
        input->data += len;
        input->len -= len;
    }
}

// --- What the network does

static client_t *new_client(void) {
    if (world.client_count == CLIENTS - 1) {
        return NULL;                // the last is kept for the end
    }
    client_t *client = &world.clients[world.client_count];
    client_init(client, (uint16_t)(1 + world.client_count));
    world.client_count++;
    return client;
}

static void connect(client_t *client, bool accept, uint16_t window) {
    if (link_syn(&client->link, PORT, client->port, window) && accept) {
        link_accept(&client->link);
    }
}

// A segment with up to `len` bytes of what the client has to send, as the window allows.
static bool send_segment(client_t *client, uint16_t len, uint16_t ack, uint8_t split, bool fin) {
    link_t *link = &client->link;
    if (!link_is_open(link)) {
        return false;
    }
    uint32_t rest = client->len - link->received, window = link_window(link);
    len = (uint16_t)LWIP_MIN(LWIP_MIN(len, TCP_MSS), LWIP_MIN(rest, window));
    if (link->client_fin) {
        len = 0;
    }
    fin = fin && !link->client_fin && len < window;
    segment_t segment = { client->stream + link->received, len, ack, split, fin };
    if (fin) {
        client->len = (uint16_t)(link->received + len);     // what it had not sent, it never will
    }
    return link_input(link, &segment);
}

static void tick(unsigned count) {
    while (count-- > 0) {
        sim_tick();
        if (sim.timer & 1) {
            world_check_deadlines();
        }
    }
}

// --- Operations

enum {
    OP_APPEND,
    OP_CONNECT,
    OP_SYN,
    OP_ACCEPT,
    OP_SEND,
    OP_SEND_ALL,
    OP_ACK,
    OP_ACK_ALL,
    OP_FIN,
    OP_SEGMENT,
    OP_RST,
    OP_VANISH,
    OP_TICK,
    OP_TICKS,
    OP_SLEEP,
    OP_TAKE,
    OP_SERVE,
    OP_BEGIN,
    OP_WRITE,
    OP_REFER,
    OP_OUTPUT,
    OP_END,
    OP_READ,
    OP_WAIT,
    OP_REQUEUE,
    OP_DETACH,
    OP_RELEASE,
    OP_LOOK,
    OP_SERVER,
    OP_FAULT,
    OP_COLLECT,
    OP_PCBS,
    OPS,
};

static const char *const op_names[OPS] = {
    "append", "connect", "syn", "accept", "send", "send all", "ack", "ack all", "fin", "segment", "rst", "vanish", "tick", "ticks",
    "sleep", "take", "serve", "begin", "write", "refer", "output", "end", "read", "wait", "requeue", "detach", "release", "look", "server",
    "fault", "collect", "pcbs",
};

static void on_network(unsigned op, client_t *client, input_t *input) {
    link_t *link = &client->link;
    switch (op) {
        case OP_APPEND:
            append_piece(client, input);
            break;
        case OP_ACCEPT:
            if (link->pcb != NULL && link->pcb->state == SYN_RCVD) {
                link_accept(link);
            }
            break;
        case OP_SEND:
            send_segment(client, input_byte(input), 0, input_byte(input), false);
            break;
        case OP_SEND_ALL:
            for (unsigned i = 0; i < STREAM_MAX / TCP_MSS && send_segment(client, TCP_MSS, 0, 0, false) && link->received < client->len; i++) {
            }
            break;
        case OP_ACK:
            send_segment(client, 0, input_byte(input), 0, false);
            break;
        case OP_ACK_ALL:
            send_segment(client, 0, 0xffff, 0, false);
            break;
        case OP_FIN:
            send_segment(client, 0, 0, 0, true);
            break;
        case OP_SEGMENT: {
            uint8_t how = input_byte(input);
            send_segment(client, (uint16_t)(input_byte(input) * 2), how & 1 ? 0xffff : how >> 2, (uint8_t)(how >> 3), how & 2);
            break;
        }
        case OP_RST:
            if (link->pcb != NULL) {
                link_rst(link);
            }
            break;
        default:
            if (link->pcb != NULL) {
                link_vanish(link);
            }
    }
}

static void begin(handler_t *handler, input_t *input) {
    static const uint16_t statuses[] = { 200, 404, 204, 304, 500, 200, 200, 299 };
    uint8_t how = input_byte(input), len = input_byte(input);
    uint32_t declared = how & 8 ? MH_LENGTH_UNKNOWN : (uint32_t)len * (how & 16 ? 1u : 13u);
    program_begin(handler, statuses[how & 7], declared, how & 32 ? 128 : 0, how & 64);
}

// As much of what is left of the declared length, or as said.
static uint32_t write_len(const handler_t *handler, uint8_t how) {
    const answer_t *answer = &handler->client->answer;
    if (how >= 240 && answer->begun && answer->declared != MH_LENGTH_UNKNOWN) {
        return answer->declared - answer->offered;
    }
    return how * 7u;
}

static void on_handler(unsigned op, handler_t *handler, input_t *input) {
    if (handler->room > 0) {
        program_give_room(handler, op != OP_RELEASE);
        return;
    }
    switch (op) {
        case OP_SERVE:
            program_serve(handler);
            break;
        case OP_BEGIN:
            begin(handler, input);
            break;
        case OP_WRITE:
        case OP_REFER:
            program_write(handler, write_len(handler, input_byte(input)), op == OP_REFER);
            break;
        case OP_OUTPUT:
            mh_conn_output(handler->conn);
            break;
        case OP_END:
            program_end(handler);
            break;
        case OP_READ: {
            uint8_t how = input_byte(input);
            if (how < 240) {
                program_read(handler, 1 + how * 3u);
            } else {
                program_take_body(handler);
            }
            break;
        }
        case OP_WAIT:
            program_wait(handler, !(input_byte(input) & 1));
            break;
        case OP_REQUEUE:
            program_requeue(handler);
            break;
        case OP_DETACH:
            program_detach(handler);
            break;
        case OP_RELEASE:
            program_release(handler);
            break;
        default:
            program_look(handler);
    }
}

static void close_server(void) {
    world.stopped = true;
    sim.may_reset |= MAY_RESET_PROGRAM;
    mh_server_close(world.server);
    sim.may_reset &= ~(unsigned)MAY_RESET_PROGRAM;
}

static void on_server(uint8_t how) {
    switch (how % 8) {
        case 0:
            world.stopped = true;
            mh_server_stop(world.server);
            break;
        case 1:
            close_server();
            break;
        case 2:
        case 3:
        case 4:
            use_router(how % 8 - 2);
            break;
        case 5:
            listen();
            break;
        default:
            update_sensor();
    }
}

static void set_fault(uint8_t how, uint8_t count) {
    uint8_t *const faults[] = {
        &sim.faults.write, &sim.faults.memory, &sim.faults.fin, &sim.faults.close, &sim.faults.listener, &sim.faults.bind,
        &sim.faults.write, &sim.faults.memory,
    };
    *faults[how % 8] = count % 16;
}

static void on_stack(unsigned op, unsigned which, input_t *input) {
    static const uint16_t windows[] = { TCP_WND, TCP_WND, TCP_WND, TCP_WND, 2 * TCP_MSS, TCP_MSS, 200, 100 };
    client_t *client;
    switch (op) {
        case OP_CONNECT:
        case OP_SYN:
            client = new_client();
            if (client != NULL) {
                connect(client, op == OP_CONNECT, windows[which % 8]);
            }
            break;
        case OP_TICK:
            tick(1);
            break;
        case OP_TICKS:
            tick(input_byte(input) % 32);
            break;
        case OP_SLEEP:              // interrupts were masked, and ticks are lost
            sim.now += input_byte(input) * 40u;
            break;
        case OP_TAKE:
            read_log();
            program_take();
            break;
        case OP_SERVER:
            on_server(input_byte(input));
            break;
        case OP_FAULT: {
            uint8_t how = input_byte(input);
            set_fault(how, input_byte(input));
            break;
        }
        case OP_COLLECT:
            program_collect(world.server, mh_server_size(&world.config));
            break;
        default:
            sim.max_pcbs = 2u + input_byte(input) % 16;
            sim_foreign_pcb();
    }
}

// The n-th connection that the program holds.
static handler_t *find_handler(unsigned n) {
    unsigned count = 0;
    for (unsigned i = 0; i < SLOTS; i++) {
        count += world.handlers[i].conn != NULL;
    }
    for (unsigned i = 0; i < SLOTS && count > 0; i++) {
        if (world.handlers[i].conn != NULL && n % count-- == 0) {
            return &world.handlers[i];
        }
    }
    return NULL;
}

bool tracing;

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc;
    (void)argv;
    tracing = getenv("CONN_TRACE") != NULL;
    return 0;
}

static void trace_slots(const char *what, unsigned which) {
    static const char *const states[] = { "free", "head", "body", "ready", "open", "sending", "skip", "linger", "detached", "events" };
    if (!tracing) {
        return;
    }
    fprintf(stderr, "%6u %s %u:", sim.now, what, which);
    for (unsigned i = 0; i < world.server->conn_count; i++) {
        const mh_conn_t *conn = &world.server->conns[i];
        if (conn->state != CONN_FREE) {
            fprintf(stderr, "  [%u %s%s flags %x in %u refused %u unacked %u out %u]", i, states[conn->state], conn->pcb == NULL ? " dead" : "", conn->flags,
                conn->in == NULL ? 0u : conn->in->tot_len, conn->pcb == NULL || conn->pcb->refused_data == NULL ? 0u : conn->pcb->refused_data->tot_len,
                conn->unacked, conn->out_len);
        }
    }
    fprintf(stderr, "\n");
}

static void begin_step(void) {
    world.refused = mh_server_stats(world.server)->refused;
    sim.may_reset = 0;
}

static void step(input_t *input) {
    uint8_t byte = input_byte(input);
    unsigned op = byte % OPS, which = byte / OPS;
    begin_step();
    if (op == OP_APPEND || (op >= OP_ACCEPT && op <= OP_VANISH)) {
        if (world.client_count > 0) {
            on_network(op, &world.clients[world.client_count - 1 - which % world.client_count], input);
        }
    } else if (op >= OP_SERVE && op <= OP_LOOK) {
        handler_t *handler = find_handler(which);
        if (handler != NULL) {
            on_handler(op, handler, input);
        }
    } else {
        on_stack(op, which, input);
    }
    trace_slots(op_names[op], which);
    world_check();
}

// --- The end

// A figure that changes with everything that goes on.
static uint32_t progress(void) {
    uint32_t sum = mh_server_stats(world.server)->requests;
    for (unsigned i = 0; i < world.client_count; i++) {
        const link_t *link = &world.clients[i].link;
        sum += link->received + link->credited + link->written + link->acked + link->shut + link->fin_acked + (link->pcb == NULL);
    }
    for (unsigned i = 0; i < SLOTS; i++) {
        sum += world.handlers[i].conn != NULL ? 1000u + world.handlers[i].waiting : 0;
    }
    return sum;
}

static void serve_all(void) {
    while (program_take()) {
    }
    for (unsigned i = 0; i < SLOTS; i++) {
        handler_t *handler = &world.handlers[i];
        if (handler->conn != NULL && !handler->waiting) {
            program_serve(handler);
            trace_slots("served", i);
            world_check();
        }
    }
}

// Blocking calls wait for events for a second at most.
static void look_again(void) {
    for (unsigned i = 0; i < SLOTS; i++) {
        handler_t *handler = &world.handlers[i];
        if (handler->conn != NULL && handler->waiting && handler->polls) {
            program_wait(handler, false);
        }
    }
}

// The longest piece of an endpoint's answer.
#define PIECE_MAX (2000)

// Whether a client is kept from sending until memory is free that others hold, who have no more to send: it is freed when
// their time is up. Or it has a tiny window, and the head arena, where its answer would wait, is smaller than that.
static bool waits_for_others(const link_t *link) {
    for (unsigned i = 0; i < world.server->conn_count; i++) {
        const mh_conn_t *conn = &world.server->conns[i];
        if (conn->pcb == link->pcb && conn->state == CONN_BODY && (conn->flags & CONN_ROOMLESS)) {
            return world.server->reserved > 0;
        }
        if (conn->pcb == link->pcb && conn->native && (conn->flags & CONN_STALLED) && conn->block == NULL) {
            return world.server->heads.count * (size_t)MH_HEADS_UNIT < PIECE_MAX;
        }
    }
    return false;
}

// Whether all clients have sent all that they had to and have all the answers that are due, and the program has had its room.
static bool all_is_done(void) {
    for (unsigned i = 0; i < world.client_count; i++) {
        client_t *client = &world.clients[i];
        const link_t *link = &client->link;
        if (link_is_open(link) && !link->shut && !waits_for_others(link)
            && (client_is_owed(client) || link->acked != link->written || (link->received != client->len && !link->client_fin))) {
            return false;
        }
    }
    for (unsigned i = 0; i < SLOTS; i++) {
        const handler_t *handler = &world.handlers[i];
        if (handler->conn != NULL && handler->waiting && !handler->polls) {
            return false;           // it waits for room, and there is room
        }
    }
    return true;
}

// Clients send what they have and acknowledge what they get, the program answers all: everything that can be done is.
static void drain(void) {
    sim.faults = (faults_t) { 0 };
    for (unsigned ticks = 0; ticks < DRAIN_TICKS && !all_is_done(); ticks++) {
        uint32_t before;
        do {
            before = progress();
            for (unsigned i = 0; i < world.client_count; i++) {
                send_segment(&world.clients[i], 0, 0xffff, 0, false);
                send_segment(&world.clients[i], TCP_MSS, 0, 0, false);
            }
            serve_all();
            trace_slots("drain", ticks);
            world_check();
        } while (progress() != before);
        tick(1);
        look_again();
        world_check();
    }
    CHECK(all_is_done());
}

static void release_all(void) {
    for (unsigned i = 0; i < SLOTS; i++) {
        if (world.handlers[i].conn != NULL) {
            program_release(&world.handlers[i]);
        }
    }
}

// The clients leave, each in its way; what is left of them ends by time.
static void leave(uint8_t how) {
    release_all();
    for (unsigned i = 0; i < world.client_count; i++) {
        client_t *client = &world.clients[i];
        if (how >> i % 8 & 1) {
            send_segment(client, 0, 0xffff, 0, true);
        }
        world_check();
    }
    for (unsigned round = 0; round < LEAVE_ROUNDS && sim.pcbs > 0; round++) {
        begin_step();
        sim.now += 6000;
        tick(2);
        while (program_take()) {
        }
        release_all();
        for (unsigned i = 0; i < world.client_count; i++) {
            link_t *link = &world.clients[i].link;
            if (link->pcb != NULL && link->fin && !link->fin_acked && round >= 4) {
                link_vanish(link);      // lwIP's retransmissions have an end, too
            }
        }
        trace_slots("leave", round);
        world_check();
    }
    world_check_quiet();
}

// After all that, somebody else is served.
static void serve_fresh(void) {
    begin_step();
    sim.max_pcbs = 16;
    listen();
    use_router(1);
    CHECK(mh_server_port(world.server) == PORT);
    client_t *client = &world.clients[world.client_count];
    client_init(client, (uint16_t)(1 + world.client_count));
    world.client_count++;
    append_text(client, pieces[0]);
    connect(client, true, TCP_WND);
    CHECK(link_is_open(&client->link) && !client->refused);
    CHECK(send_segment(client, TCP_MSS, 0, 0, false));
    CHECK(!world.asleep && program_take());
    serve_all();
    CHECK(client->answers == 1 && client->status == 200 && client->state == READ_HEAD);
    send_segment(client, 0, 0xffff, 0, true);
    send_segment(client, 0, 0xffff, 0, false);
    world_check();
    CHECK(client->link.fin_acked && client->link.acked == client->link.written);
}

static void tear_down(void) {
    begin_step();
    close_server();
    world_check();
    release_all();
    world_check();
    CHECK(tcp_listen_pcbs.pcbs == NULL && mh_server_is_quiet(world.server));
    for (unsigned i = 0; i < world.client_count; i++) {
        link_t *link = &world.clients[i].link;
        while (link->pcb != NULL) {
            tick(2);
            if (link->pcb != NULL && link->pcb->state != TIME_WAIT) {
                link_vanish(link);      // refused at the door, or closed in good order
            }
        }
        link_free(link);
    }
    CHECK(sim.blocks == 0 && sim.pcbs == 0);
    read_log();
    CHECK(world.log == NULL || world.logged + mh_server_log_lost(world.server) >= mh_server_stats(world.server)->requests);
    free(world.server);
    free(world.log);
    program_collect(NULL, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    input_t input = { data, len };
    set_up(&input);
    uint8_t end = input_byte(&input);
    while (input.len > 0) {
        step(&input);
    }
    begin_step();
    if (end & 3) {
        drain();
        leave(end >> 2);
        serve_fresh();
    }
    tear_down();
    return 0;
}
