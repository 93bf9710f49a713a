#include "world.h"

#include "lwip/priv/tcp_priv.h"

#include "fuzz.h"

// --- One connection

static void check_free(const mh_conn_t *conn) {
    CHECK(conn->pcb == NULL && conn->in == NULL && conn->block == NULL && conn->owner == NULL);
    CHECK(conn->hold == NULL && conn->out_hold == NULL && conn->out_len == 0 && conn->unacked == 0);
    CHECK(conn->flags == 0 && conn->refusal == 0 && conn->debt == 0 && conn->gathered.data == NULL && !conn->native);
}

static void check_flags(const mh_conn_t *conn) {
    const handler_t *handler = &world.handlers[conn - world.server->conns];
    bool held = conn->flags & CONN_HELD, queued = conn->flags & CONN_QUEUED;
    CHECK(held == (handler->conn == conn && handler->room == 0) && held == conn_owned(conn));
    CHECK(conn->pcb != NULL || held);
    CHECK(!queued || conn->state == CONN_READY || held || conn->state == CONN_BODY);
    CHECK(!(conn->flags & CONN_ROOMLESS) || conn->state == CONN_BODY || conn->pcb == NULL);
    CHECK(conn->state != CONN_READY || queued);
    CHECK(!(conn->flags & CONN_WAIT) || held);
    CHECK(!(conn->flags & CONN_PULL));
    CHECK((conn->refusal != 0) <= (conn->state == CONN_SENDING && (conn->flags & CONN_STALLED || conn->unacked > 0)));
    CHECK(!conn->native || conn->state == CONN_SENDING || conn->state == CONN_EVENTS);
    CHECK(conn->native || conn->state != CONN_EVENTS);
    CHECK(!(conn->flags & (CONN_TAIL | CONN_LAST)) || conn->state == CONN_OPEN || conn->state == CONN_SENDING || conn->pcb == NULL);
}

static void check_buffers(const mh_conn_t *conn) {
    CHECK((conn->block != NULL) == (conn->room > 0) && conn->have <= conn->room);
    CHECK(conn->block != NULL || conn->state == CONN_HEAD || conn->state == CONN_SKIP || conn->state == CONN_SENDING
        || conn->state == CONN_LINGER || conn->state == CONN_EVENTS);
    bool parked = conn->block != NULL && (uintptr_t)conn->out - (uintptr_t)conn->block < conn->room;
    CHECK((conn->out_len > 0) <= (conn->out_hold != NULL || conn->native || parked));
    CHECK(conn->native || (conn->gathered.at <= conn->gathered.len && conn->gathered.len <= conn->gathered.room));
    CHECK(conn->native || conn->gathered.data != NULL || conn->gathered.room == 0);
    CHECK((conn->hold != NULL) == (conn->hold_left > 0) || conn->pcb == NULL);
    CHECK(conn->hold_left <= conn->unacked || conn->hold == NULL);
    if (conn->state == CONN_SKIP || conn->state == CONN_LINGER || conn->state == CONN_EVENTS || (conn->state == CONN_HEAD && send_has_room(conn))) {
        CHECK(conn->in == NULL);        // nothing is left undone
    }
    for (const struct pbuf *p = conn->in; p != NULL; p = p->next) {
        CHECK(p->ref == 1);
    }
}

static const link_t *link_of_conn(const mh_conn_t *conn) {
    for (unsigned i = 0; i < world.client_count; i++) {
        if (world.clients[i].link.pcb == conn->pcb) {
            return &world.clients[i].link;
        }
    }
    CHECK(!"a connection's pcb is lwIP's");
    return NULL;
}

// What net/ and lwIP think of the same connection.
static void check_pcb(const mh_conn_t *conn) {
    const link_t *link = link_of_conn(conn);
    const struct tcp_pcb *pcb = conn->pcb;
    uint32_t refused = pcb->refused_data != NULL ? pcb->refused_data->tot_len : 0;
    uint32_t in = conn->in != NULL ? conn->in->tot_len : 0;
    CHECK(pcb->callback_arg == conn && !(pcb->flags & TF_RXCLOSED) && pcb->state != TIME_WAIT);
    CHECK(link->received - link->credited == in + refused + conn->debt);
    CHECK(conn->unacked == link->written - link->acked);
    CHECK(conn->state == CONN_LINGER ? link->shut || (conn->flags & CONN_STALLED) || (conn->unacked > 0 && pcb->state == CLOSE_WAIT) : !link->shut);
    CHECK(!(conn->flags & CONN_EOF) || link->client_fin);
    CHECK(refused > 0 || !link->client_fin || (conn->flags & CONN_EOF));
    for (unsigned i = 0; i < link->piece_count; i++) {
        const uint8_t *ref = link->pieces[(link->piece_first + i) % LINK_PIECES].ref;
        CHECK(ref == NULL || conn->hold != NULL || natives_hold(ref));
    }
}

// Nothing but time goes by without an end to it.
static bool has_deadline(const mh_conn_t *conn) {
    return conn->pcb != NULL && (!conn_owned(conn) || conn->unacked > 0 || (conn->state == CONN_OPEN && (conn->flags & (CONN_WAIT | CONN_QUEUED)) == CONN_WAIT));
}

static void check_deadline(const mh_conn_t *conn) {
    uint32_t longest = LWIP_MAX(LWIP_MAX(world.config.head_ms, world.config.progress_ms), LWIP_MAX(world.config.idle_ms, world.config.queue_ms));
    longest = LWIP_MAX(LWIP_MAX(longest, LINGER_MS), conn->state == CONN_EVENTS ? BEAT_MS : 0);
    CHECK(!has_deadline(conn) || (int32_t)(conn->deadline - sim.now) <= (int32_t)longest);
}

void world_check_deadlines(void) {
    for (unsigned i = 0; i < world.server->conn_count; i++) {
        const mh_conn_t *conn = &world.server->conns[i];
        CHECK(!has_deadline(conn) || !is_past(sim.now, conn->deadline));
    }
}

// --- The server

static void check_queue(void) {
    const mh_server_t *server = world.server;
    const mh_conn_t *last = NULL;
    unsigned count = 0, flagged = 0;
    for (const mh_conn_t *conn = server->ready_first; conn != NULL; conn = conn->next) {
        CHECK(conn->flags & CONN_QUEUED);
        CHECK(++count <= server->conn_count);
        last = conn;
    }
    CHECK(last == NULL || last == server->ready_last);
    for (unsigned i = 0; i < server->conn_count; i++) {
        flagged += (server->conns[i].flags & CONN_QUEUED) != 0;
    }
    CHECK(count == flagged);
    CHECK(count == 0 || !world.asleep);
}

static void check_arena(void) {
    const mh_server_t *server = world.server;
    const mh_heads_t *heads = &server->heads;
    unsigned taken = 0, used = 0, memos = 0;
    for (unsigned i = 0; i < server->conn_count; i++) {
        const mh_conn_t *conn = &server->conns[i];
        if (conn->block != NULL) {
            size_t at = (size_t)(conn->block - heads->units);
            unsigned units = (conn->room + MH_HEADS_UNIT - 1u) / MH_HEADS_UNIT;
            CHECK(at % MH_HEADS_UNIT == 0 && at / MH_HEADS_UNIT + units <= heads->count);
            taken += units;
        }
    }
    for (unsigned i = 0; i < MEMOS; i++) {
        const mh_memo_t *memo = &server->memos[i];
        memos += memo->endpoint != NULL ? memo->room / MH_HEADS_UNIT : 0u;
    }
    CHECK(memos == server->memo_units && memos <= heads->count / 2u);
    for (unsigned i = 0; i < heads->count; i++) {
        used += heads->used[i] != 0;
    }
    CHECK(taken + memos == used && used + heads->free == heads->count);
}

static unsigned chain_len(const struct pbuf *p) {
    unsigned n = 0;
    for (; p != NULL; p = p->next) {
        n++;
    }
    return n;
}

// Every pbuf is somebody's.
static void check_memory(void) {
    unsigned pbufs = 0;
    size_t parked = 0;
    for (unsigned i = 0; i < world.server->conn_count; i++) {
        const struct pbuf *in = world.server->conns[i].in;
        pbufs += chain_len(in);
        parked += in != NULL && in->if_idx != DRIVER_PBUF ? in->tot_len : 0;
    }
    for (const struct tcp_pcb *pcb = tcp_active_pcbs; pcb != NULL; pcb = pcb->next) {
        pbufs += chain_len(pcb->refused_data);
    }
    CHECK(pbufs == sim.blocks);
    CHECK(parked <= MEM_SIZE / 2);
}

// The memory promised to large bodies.
static void check_reserved(void) {
    uint32_t sum = 0;
    for (unsigned i = 0; i < world.server->conn_count; i++) {
        const mh_conn_t *conn = &world.server->conns[i];
        if (conn->flags & CONN_RESERVED) {
            sum += conn->head.flags & MH_HEAD_CHUNKED ? world.config.max_body + 1 : conn->head.length;
        }
    }
    CHECK(sum == world.server->reserved);
}

static void check_figures(void) {
    unsigned open, idle, queued, free_heads, active, listening, time_wait, slots = 0;
    mh_server_usage(world.server, &open, &idle, &queued, &free_heads);
    mh_pcb_count(&active, &listening, &time_wait);
    for (unsigned i = 0; i < world.server->conn_count; i++) {
        slots += world.server->conns[i].state != CONN_FREE;
    }
    CHECK(open == slots && idle <= open && queued <= open && free_heads <= world.config.head_buffers);
    CHECK(active + time_wait == sim.pcbs);
    CHECK(listening == (mh_server_port(world.server) != 0));
    CHECK(mh_server_is_quiet(world.server) == (slots == 0 && listening == 0));
}

void world_check(void) {
    for (unsigned i = 0; i < world.server->conn_count; i++) {
        const mh_conn_t *conn = &world.server->conns[i];
        CHECK(conn->state <= CONN_EVENTS);
        if (conn->state == CONN_FREE) {
            check_free(conn);
            CHECK(world.handlers[i].conn == NULL || world.handlers[i].room > 0);
            continue;
        }
        check_flags(conn);
        check_buffers(conn);
        check_deadline(conn);
        if (conn->pcb != NULL) {
            check_pcb(conn);
        }
    }
    check_queue();
    check_arena();
    check_memory();
    check_reserved();
    check_figures();
    for (unsigned i = 0; i < world.client_count; i++) {
        client_check(&world.clients[i]);
    }
}

void world_check_quiet(void) {
    CHECK(world.server->ready_first == NULL);
    CHECK(world.server->heads.free + world.server->memo_units == world.server->heads.count);
    for (unsigned i = 0; i < world.server->conn_count; i++) {
        CHECK(world.server->conns[i].state == CONN_FREE);
    }
    CHECK(world.server->reserved == 0);
    CHECK(sim.blocks == 0 && sim.pcbs == 0);
}
