#include "net/native.h"
#include "tcp.h"

#include "lwip/priv/tcp_priv.h"
#include "lwip/sys.h"

#include "fuzz.h"

// Ticks of the slow timer that a pcb whose program has closed waits for the client's FIN (lwIP: 20 s).
#define FIN_WAIT_TICKS (TCP_FIN_WAIT_TIMEOUT / TCP_SLOW_INTERVAL)
#define MSL_TICKS (2 * TCP_MSL / TCP_SLOW_INTERVAL)

typedef struct _sim_pcb_t {
    struct tcp_pcb pcb;
    link_t *link;               // NULL for one that tcp_new() made
} sim_pcb_t;

sim_t sim;

// --- What lwIP's other files would define

struct tcp_pcb *tcp_active_pcbs;
struct tcp_pcb *tcp_bound_pcbs;
struct tcp_pcb *tcp_tw_pcbs;
union tcp_listen_pcbs_t tcp_listen_pcbs;
struct tcp_pcb *tcp_input_pcb;
u32_t tcp_ticks;
u8_t tcp_active_pcbs_changed;
struct netif *netif_list;
const ip_addr_t ip_addr_any_type = IPADDR_ANY_TYPE_INIT;

void tcp_timer_needed(void) {
}

u32_t sys_now(void) {
    return sim.now;
}

void sim_lwip_assert(const char *what, const char *file, int line) {
    fprintf(stderr, "%s:%d: lwIP asserts: %s\n", file, line, what);
    abort();
}

// --- Memory

// Whether this use is the one that fails.
static bool fails(uint8_t *countdown) {
    if (*countdown == 0 || --*countdown != 0) {
        return false;
    }
    ++sim.faulted;
    return true;
}

void *sim_malloc(size_t size) {
    if (fails(&sim.faults.memory)) {
        return NULL;
    }
    ++sim.blocks;
    return malloc(size);
}

void *sim_calloc(size_t count, size_t size) {
    void *memory = sim_malloc(count * size);
    return memory == NULL ? NULL : memset(memory, 0, count * size);
}

void sim_free(void *memory) {
    CHECK(sim.blocks > 0);
    --sim.blocks;
    free(memory);
}

void sim_reset(void) {
    sim = (sim_t) { .max_pcbs = 16 };
    tcp_active_pcbs = tcp_bound_pcbs = tcp_tw_pcbs = tcp_listen_pcbs.pcbs = NULL;
    tcp_input_pcb = NULL;
    tcp_ticks = 0;
    netif_list = NULL;
}

static link_t *link_of(const struct tcp_pcb *pcb) {
    return ((const sim_pcb_t *)pcb)->link;
}

// --- Freeing

static piece_t *piece_at(link_t *link, unsigned i) {
    return &link->pieces[(link->piece_first + i) % LINK_PIECES];
}

// Data by reference has to be there, unchanged, for as long as lwIP may send it.
static void check_piece(const piece_t *piece) {
    CHECK(piece->ref == NULL || memcmp(piece->ref, piece->first, piece->len) == 0);
}

void link_check_references(const link_t *link) {
    for (unsigned i = 0; i < link->piece_count; i++) {
        check_piece(&link->pieces[(link->piece_first + i) % LINK_PIECES]);
    }
}

static void drop_pieces(link_t *link) {
    for (unsigned i = 0; i < link->piece_count; i++) {
        free(piece_at(link, i)->first);
    }
    link->piece_count = 0;
}

void link_free(link_t *link) {
    CHECK(link->pcb == NULL);
    drop_pieces(link);
}

static void purge(struct tcp_pcb *pcb) {
    if (pcb->refused_data != NULL) {
        pbuf_free(pcb->refused_data);
        pcb->refused_data = NULL;
    }
    if (pcb->flags & TF_BACKLOGPEND) {
        if (pcb->listener != NULL) {
            CHECK(pcb->listener->accepts_pending > 0);
            pcb->listener->accepts_pending--;
        }
        tcp_clear_flags(pcb, TF_BACKLOGPEND);
    }
    drop_pieces(link_of(pcb));
}

static void remove_active(struct tcp_pcb *pcb) {
    TCP_RMV(&tcp_active_pcbs, pcb);
    tcp_active_pcbs_changed = 1;
    purge(pcb);
}

static void pcb_free(struct tcp_pcb *pcb) {
    link_t *link = link_of(pcb);
    if (link != NULL) {
        link->pcb = NULL;
    }
    CHECK(sim.pcbs > 0);
    --sim.pcbs;
    free(pcb);
}

static void send_rst(link_t *link) {
    if (!link->reset) {
        link->reset = true;
        client_server_rst(link);
    }
}

// --- Ending a connection

static bool is_connected(const struct tcp_pcb *pcb) {
    return pcb->state == SYN_RCVD || pcb->state == ESTABLISHED || pcb->state == CLOSE_WAIT;
}

static void abandon(struct tcp_pcb *pcb, bool reset) {
    CHECK(pcb->state != LISTEN);
    link_t *link = link_of(pcb);
    if (pcb->state == TIME_WAIT) {
        TCP_RMV(&tcp_tw_pcbs, pcb);
        pcb_free(pcb);
        return;
    }
    tcp_err_fn errf = pcb->errf;
    void *arg = pcb->callback_arg;
    if (pcb->state == CLOSED) {
        if (pcb->local_port != 0) {
            TCP_RMV(&tcp_bound_pcbs, pcb);
        }
    } else {
        remove_active(pcb);
        if (reset) {
            send_rst(link);
        }
        link->aborted = true;
    }
    pcb_free(pcb);
    if (errf != NULL) {
        errf(arg, ERR_ABRT);
    }
}

void tcp_abort(struct tcp_pcb *pcb) {
    abandon(pcb, true);
}

// Queue a FIN and go to the state after it.
static void queue_fin(struct tcp_pcb *pcb) {
    link_t *link = link_of(pcb);
    if (!is_connected(pcb)) {
        return;
    }
    if (fails(&sim.faults.fin)) {
        tcp_set_flags(pcb, TF_CLOSEPEND);
        link->fin_late = true;
        return;
    }
    link->fin = true;
    pcb->state = pcb->state == CLOSE_WAIT ? LAST_ACK : FIN_WAIT_1;
    tcp_output(pcb);
}

static void order_fin(struct tcp_pcb *pcb) {
    link_t *link = link_of(pcb);
    if (is_connected(pcb) && !link->shut) {
        link->shut = true;
        client_server_fin(link);
    }
    queue_fin(pcb);
}

static void close_listener(struct tcp_pcb_listen *listener) {
    for (struct tcp_pcb *pcb = tcp_active_pcbs; pcb != NULL; pcb = pcb->next) {
        if (pcb->listener == listener) {
            pcb->listener = NULL;
        }
    }
    for (struct tcp_pcb *pcb = tcp_tw_pcbs; pcb != NULL; pcb = pcb->next) {
        if (pcb->listener == listener) {
            pcb->listener = NULL;
        }
    }
    TCP_RMV(&tcp_listen_pcbs.pcbs, (struct tcp_pcb *)listener);
    free(listener);
}

err_t tcp_close(struct tcp_pcb *pcb) {
    if (pcb->state == LISTEN) {
        close_listener((struct tcp_pcb_listen *)pcb);
        return ERR_OK;
    }
    if (pcb->state == CLOSED) {
        if (pcb->local_port != 0) {
            TCP_RMV(&tcp_bound_pcbs, pcb);
        }
        pcb_free(pcb);
        return ERR_OK;
    }
    tcp_set_flags(pcb, TF_RXCLOSED);
    bool unread = pcb->refused_data != NULL || pcb->rcv_wnd != TCP_WND;
    if (unread && (pcb->state == ESTABLISHED || pcb->state == CLOSE_WAIT)) {
        send_rst(link_of(pcb));
        remove_active(pcb);
        if (tcp_input_pcb == pcb) {
            sim.input_closed = true;
        } else {
            pcb_free(pcb);
        }
        return ERR_OK;
    }
    if (is_connected(pcb) && fails(&sim.faults.close)) {
        sim.may_reset |= MAY_RESET_MEMORY;
        return ERR_MEM;
    }
    order_fin(pcb);
    return ERR_OK;
}

err_t tcp_shutdown(struct tcp_pcb *pcb, int shut_rx, int shut_tx) {
    CHECK(!shut_rx && shut_tx);     // the only way that net/ uses it
    if (!is_connected(pcb)) {
        return ERR_CONN;
    }
    if (fails(&sim.faults.close)) {
        return ERR_MEM;
    }
    order_fin(pcb);
    return ERR_OK;
}

// --- Pcbs

static unsigned inactivity(const struct tcp_pcb *pcb) {
    return tcp_ticks - pcb->tmr;
}

static void kill_time_wait(void) {
    struct tcp_pcb *found = NULL;
    for (struct tcp_pcb *pcb = tcp_tw_pcbs; pcb != NULL; pcb = pcb->next) {
        if (found == NULL || inactivity(pcb) >= inactivity(found)) {
            found = pcb;
        }
    }
    if (found != NULL) {
        tcp_abort(found);
    }
}

static void kill_state(enum tcp_state state) {
    struct tcp_pcb *found = NULL;
    for (struct tcp_pcb *pcb = tcp_active_pcbs; pcb != NULL; pcb = pcb->next) {
        if (pcb->state == state && (found == NULL || inactivity(pcb) >= inactivity(found))) {
            found = pcb;
        }
    }
    if (found != NULL) {
        abandon(found, false);
    }
}

static void kill_prio(uint8_t below) {
    struct tcp_pcb *found = NULL;
    for (struct tcp_pcb *pcb = tcp_active_pcbs; pcb != NULL; pcb = pcb->next) {
        if (pcb->prio < below && (found == NULL || pcb->prio < found->prio
                                  || (pcb->prio == found->prio && inactivity(pcb) >= inactivity(found)))) {
            found = pcb;
        }
    }
    if (found != NULL) {
        tcp_abort(found);
    }
}

static void send_pending_fin(struct tcp_pcb *pcb) {
    if (pcb->flags & TF_CLOSEPEND) {
        tcp_clear_flags(pcb, TF_CLOSEPEND);
        queue_fin(pcb);
    }
}

// Kill what is worth least until there is a pcb to be had.
static void make_room(uint8_t prio) {
    unsigned may_reset = sim.may_reset;
    sim.may_reset |= MAY_RESET_MEMORY;
    if (sim.pcbs >= sim.max_pcbs) {
        for (struct tcp_pcb *pcb = tcp_active_pcbs; pcb != NULL; pcb = pcb->next) {
            send_pending_fin(pcb);
        }
        kill_time_wait();
    }
    if (sim.pcbs >= sim.max_pcbs) {
        kill_state(LAST_ACK);
    }
    if (sim.pcbs >= sim.max_pcbs) {
        kill_state(CLOSING);
    }
    if (sim.pcbs >= sim.max_pcbs) {
        kill_prio(prio);
    }
    sim.may_reset = may_reset;
}

static struct tcp_pcb *pcb_new(uint8_t prio, link_t *link) {
    make_room(prio);
    if (sim.pcbs >= sim.max_pcbs) {
        return NULL;
    }
    sim_pcb_t *memory = calloc(1, sizeof(*memory));
    ++sim.pcbs;
    memory->link = link;
    struct tcp_pcb *pcb = &memory->pcb;
    pcb->prio = prio;
    pcb->snd_buf = TCP_SND_BUF;
    pcb->rcv_wnd = TCP_WND;
    pcb->mss = TCP_MSS;
    pcb->tmr = tcp_ticks;
    pcb->last_timer = sim.timer_ctr;
    pcb->recv = tcp_recv_null;
    return pcb;
}

struct tcp_pcb *tcp_new_ip_type(u8_t type) {
    struct tcp_pcb *pcb = pcb_new(TCP_PRIO_NORMAL, NULL);
    if (pcb != NULL) {
        IP_SET_TYPE_VAL(pcb->local_ip, type);
        IP_SET_TYPE_VAL(pcb->remote_ip, type);
    }
    return pcb;
}

void sim_foreign_pcb(void) {
    struct tcp_pcb *pcb = pcb_new(TCP_PRIO_NORMAL, NULL);
    if (pcb != NULL) {
        tcp_close(pcb);
    }
}

err_t tcp_bind(struct tcp_pcb *pcb, const ip_addr_t *address, u16_t port) {
    CHECK(pcb->state == CLOSED);
    if (fails(&sim.faults.bind)) {
        return ERR_USE;
    }
    ip_addr_copy(pcb->local_ip, *address);
    pcb->local_port = port;
    TCP_REG(&tcp_bound_pcbs, pcb);
    return ERR_OK;
}

static bool port_is_taken(const struct tcp_pcb *pcb) {
    for (struct tcp_pcb_listen *at = tcp_listen_pcbs.listen_pcbs; at != NULL; at = at->next) {
        if (at->local_port == pcb->local_port && ip_addr_eq(&at->local_ip, &pcb->local_ip)) {
            return true;
        }
    }
    return false;
}

struct tcp_pcb *tcp_listen_with_backlog_and_err(struct tcp_pcb *pcb, u8_t backlog, err_t *err) {
    CHECK(pcb->state == CLOSED);
    *err = port_is_taken(pcb) ? ERR_USE : fails(&sim.faults.listener) ? ERR_MEM : ERR_OK;
    if (*err != ERR_OK) {
        return NULL;
    }
    struct tcp_pcb_listen *listener = calloc(1, sizeof(struct tcp_pcb));    // which net/ and lwIP look at it as
    listener->callback_arg = pcb->callback_arg;
    listener->local_port = pcb->local_port;
    listener->state = LISTEN;
    listener->prio = pcb->prio;
    listener->backlog = backlog;
    ip_addr_copy(listener->local_ip, pcb->local_ip);
    TCP_RMV(&tcp_bound_pcbs, pcb);
    pcb_free(pcb);
    TCP_REG(&tcp_listen_pcbs.pcbs, (struct tcp_pcb *)listener);
    return (struct tcp_pcb *)listener;
}

void tcp_arg(struct tcp_pcb *pcb, void *arg) {
    pcb->callback_arg = arg;
}

void tcp_recv(struct tcp_pcb *pcb, tcp_recv_fn recv) {
    CHECK(pcb->state != LISTEN);
    pcb->recv = recv;
}

void tcp_sent(struct tcp_pcb *pcb, tcp_sent_fn sent) {
    CHECK(pcb->state != LISTEN);
    pcb->sent = sent;
}

void tcp_err(struct tcp_pcb *pcb, tcp_err_fn err) {
    CHECK(pcb->state != LISTEN);
    pcb->errf = err;
}

void tcp_accept(struct tcp_pcb *pcb, tcp_accept_fn accept) {
    CHECK(pcb->state == LISTEN);
    ((struct tcp_pcb_listen *)pcb)->accept = accept;
}

void tcp_poll(struct tcp_pcb *pcb, tcp_poll_fn poll, u8_t interval) {
    CHECK(pcb->state != LISTEN);
    pcb->poll = poll;
    pcb->pollinterval = interval;
}

void tcp_setprio(struct tcp_pcb *pcb, u8_t prio) {
    pcb->prio = prio;
}

// --- Sending

err_t tcp_write(struct tcp_pcb *pcb, const void *data, u16_t len, u8_t flags) {
    link_t *link = link_of(pcb);
    CHECK(!link->shut);             // after the FIN there is nothing to say
    CHECK(is_connected(pcb));
    CHECK(data != NULL && len > 0);
    bool copy = flags & TCP_WRITE_FLAG_COPY;
    uint16_t segment = (uint16_t)LWIP_MIN(TCP_MSS, LWIP_MAX(pcb->snd_wnd_max / 2, 1));
    uint16_t segments = (uint16_t)((len + segment - 1) / segment);
    uint16_t queued = (uint16_t)(copy ? segments : 2 * segments);
    if (len > pcb->snd_buf || pcb->snd_queuelen + queued > TCP_SND_QUEUELEN || fails(&sim.faults.write)) {
        link->starved = true;
        return ERR_MEM;
    }
    link->retried = link->starved;
    link->starved = false;
    CHECK(link->piece_count < LINK_PIECES);
    piece_t *piece = piece_at(link, link->piece_count++);
    *piece = (piece_t) { .len = len, .queued = queued };
    if (!copy) {
        piece->ref = data;
        piece->first = exact_new(data, len);
    }
    pcb->snd_buf = (uint16_t)(pcb->snd_buf - len);
    pcb->snd_queuelen = (uint16_t)(pcb->snd_queuelen + queued);
    link->owed_at = link->acked == link->written ? sim.now : link->owed_at;
    link->written += len;
    client_bytes(link, data, len);
    return ERR_OK;
}

err_t tcp_output(struct tcp_pcb *pcb) {
    link_t *link = link_of(pcb);
    CHECK(pcb->state != LISTEN);
    if (tcp_input_pcb == pcb) {
        return ERR_OK;              // at the end of tcp_input()
    }
    link->output = link->written;
    link->fin_output = link->fin;
    link->unsent_ok = false;
    return ERR_OK;
}

// Forget what the client has acknowledged. Returns what the sent callback is told.
static uint16_t take_acks(link_t *link, uint16_t ack) {
    struct tcp_pcb *pcb = link->pcb;
    uint16_t len = (uint16_t)LWIP_MIN(ack, link->output - link->acked);
    link->acked += len;
    uint16_t left = len;
    while (left > 0) {
        piece_t *piece = piece_at(link, 0);
        uint16_t here = (uint16_t)LWIP_MIN(left, piece->len - link->piece_acked);
        check_piece(piece);
        link->piece_acked = (uint16_t)(link->piece_acked + here);
        left = (uint16_t)(left - here);
        if (link->piece_acked == piece->len) {
            pcb->snd_queuelen = (uint16_t)(pcb->snd_queuelen - piece->queued);
            free(piece->first);
            link->piece_first = (link->piece_first + 1) % LINK_PIECES;
            link->piece_count--;
            link->piece_acked = 0;
        }
    }
    if (ack > len && link->fin_output && link->acked == link->written && !link->fin_acked) {
        link->fin_acked = true;
        len++;
    }
    pcb->snd_buf = (uint16_t)(pcb->snd_buf + len);      // a FIN counts there in lwIP, too
    return len;
}

// --- Receiving

void tcp_recved(struct tcp_pcb *pcb, u16_t len) {
    link_t *link = link_of(pcb);
    CHECK(pcb->state != LISTEN);
    link->credited += len;
    CHECK(link->credited <= link->received);
    CHECK(pcb->rcv_wnd + len <= TCP_WND);
    pcb->rcv_wnd = (uint16_t)(pcb->rcv_wnd + len);
}

err_t tcp_recv_null(void *arg, struct tcp_pcb *pcb, struct pbuf *p, err_t err) {
    (void)arg;
    if (p != NULL) {
        tcp_recved(pcb, p->tot_len);
        pbuf_free(p);
    } else if (err == ERR_OK) {
        return tcp_close(pcb);
    }
    return ERR_OK;
}

// The receive callback for data; its rules about the pbuf and about ERR_ABRT.
static err_t event_recv(link_t *link, struct pbuf *p) {
    struct tcp_pcb *pcb = link->pcb;
    err_t err;
    TCP_EVENT_RECV(pcb, p, ERR_OK, err);
    CHECK(link->aborted == (err == ERR_ABRT));
    CHECK(err == ERR_OK || err == ERR_ABRT || (err == ERR_MEM && p->ref == 1));
    return err;
}

static err_t event_fin(link_t *link) {
    struct tcp_pcb *pcb = link->pcb;
    err_t err;
    if (pcb->rcv_wnd != TCP_WND) {
        pcb->rcv_wnd++;             // nobody credits the FIN
    }
    TCP_EVENT_CLOSED(pcb, err);
    CHECK(link->aborted == (err == ERR_ABRT));
    return err;
}

err_t tcp_process_refused_data(struct tcp_pcb *pcb) {
    link_t *link = link_of(pcb);
    struct pbuf *refused = pcb->refused_data;
    bool fin = refused->flags & PBUF_FLAG_TCP_FIN;
    pcb->refused_data = NULL;
    err_t err = event_recv(link, refused);
    if (err == ERR_OK) {
        return fin ? event_fin(link) == ERR_ABRT ? ERR_ABRT : ERR_OK : ERR_OK;
    }
    if (err == ERR_ABRT) {
        return ERR_ABRT;
    }
    pcb->refused_data = refused;
    return ERR_INPROGRESS;
}

// --- Segments

bool link_syn(link_t *link, uint16_t port, uint16_t remote_port, uint16_t window) {
    struct tcp_pcb_listen *listener = tcp_listen_pcbs.listen_pcbs;
    while (listener != NULL && listener->local_port != port) {
        listener = listener->next;
    }
    if (listener == NULL || listener->accepts_pending >= listener->backlog) {
        return false;
    }
    struct tcp_pcb *pcb = pcb_new(listener->prio, link);
    if (pcb == NULL) {
        err_t err;
        TCP_EVENT_ACCEPT(listener, NULL, listener->callback_arg, ERR_MEM, err);
        (void)err;
        return false;
    }
    listener->accepts_pending++;
    tcp_set_flags(pcb, TF_BACKLOGPEND);
    pcb->local_port = port;
    pcb->remote_port = remote_port;
    IP_SET_TYPE_VAL(pcb->remote_ip, IPADDR_TYPE_V4);
    pcb->snd_wnd_max = window;
    pcb->state = SYN_RCVD;
    pcb->callback_arg = listener->callback_arg;
    pcb->listener = listener;
    TCP_REG(&tcp_active_pcbs, pcb);
    tcp_active_pcbs_changed = 1;
    link->pcb = pcb;
    link->sent_at = sim.now;
    return true;
}

void link_accept(link_t *link) {
    struct tcp_pcb *pcb = link->pcb;
    pcb->state = ESTABLISHED;
    pcb->tmr = tcp_ticks;
    if (pcb->listener == NULL) {
        tcp_abort(pcb);             // closed meanwhile
        return;
    }
    pcb->listener->accepts_pending--;
    tcp_clear_flags(pcb, TF_BACKLOGPEND);
    err_t err;
    tcp_input_pcb = pcb;
    sim.opening = link;
    TCP_EVENT_ACCEPT(pcb->listener, pcb, pcb->callback_arg, ERR_OK, err);
    sim.opening = NULL;
    tcp_input_pcb = NULL;
    CHECK(link->aborted == (err == ERR_ABRT));
    if (err == ERR_OK) {
        tcp_output(pcb);
    } else if (err != ERR_ABRT) {
        tcp_abort(pcb);
    }
}

// A driver's packet: a chain of buffers that are cut every `split` bytes (0: not at all).
static struct pbuf *packet(const uint8_t *data, uint16_t len, uint8_t split) {
    uint8_t fault = sim.faults.memory;
    sim.faults.memory = 0;
    uint16_t size = (uint16_t)(split == 0 ? len : LWIP_MAX(split, len / 8 + 1));
    struct pbuf *chain = NULL;
    for (uint16_t at = 0; at < len; at = (uint16_t)(at + size)) {
        struct pbuf *p = pbuf_alloc(PBUF_RAW, (uint16_t)LWIP_MIN(size, len - at), PBUF_RAM);
        pbuf_take(p, data + at, p->len);
        p->if_idx = DRIVER_PBUF;
        if (chain == NULL) {
            chain = p;
        } else {
            pbuf_cat(chain, p);
        }
    }
    sim.faults.memory = fault;
    return chain;
}

static void to_time_wait(struct tcp_pcb *pcb) {
    remove_active(pcb);
    pcb->state = TIME_WAIT;
    TCP_REG(&tcp_tw_pcbs, pcb);
}

// The state after a segment.
static void next_state(link_t *link, bool fin) {
    struct tcp_pcb *pcb = link->pcb;
    switch (pcb->state) {
        case ESTABLISHED:
            if (fin) {
                pcb->state = CLOSE_WAIT;
            }
            break;
        case FIN_WAIT_1:
        case FIN_WAIT_2:
            if (fin && link->fin_acked) {
                to_time_wait(pcb);
            } else if (fin) {
                pcb->state = CLOSING;
            } else if (link->fin_acked) {
                pcb->state = FIN_WAIT_2;
            }
            break;
        case CLOSING:
            if (link->fin_acked) {
                to_time_wait(pcb);
            }
            break;
        case LAST_ACK:
            sim.input_closed = link->fin_acked;
            break;
        default:
            break;
    }
}

// Whether the pcb was to be freed at the next opportunity, and now is.
static bool delayed_close(link_t *link) {
    struct tcp_pcb *pcb = link->pcb;
    if (!sim.input_closed) {
        return false;
    }
    sim.input_closed = false;
    if (!(pcb->flags & TF_RXCLOSED) && pcb->errf != NULL) {
        pcb->errf(pcb->callback_arg, ERR_CLSD);
    }
    if (!link->reset) {
        remove_active(pcb);         // else tcp_close() has done that
    }
    tcp_input_pcb = NULL;
    pcb_free(pcb);
    return true;
}

// What lwIP tells the program of a segment. False when the pcb is gone.
static bool events(link_t *link, struct pbuf *p, uint16_t acked, bool fin) {
    struct tcp_pcb *pcb = link->pcb;
    err_t err = ERR_OK;
    if (acked > 0) {
        TCP_EVENT_SENT(pcb, acked, err);
        CHECK(link->aborted == (err == ERR_ABRT));
    }
    if (err == ERR_ABRT || delayed_close(link)) {
        if (p != NULL) {
            pbuf_free(p);
        }
        return false;
    }
    if (p != NULL) {
        link->received += p->tot_len;   // only now: an answer to what was acknowledged comes before
        if (pcb->flags & TF_RXCLOSED) {
            pbuf_free(p);
            tcp_abort(pcb);         // the program has closed: it did not get all of it
            return false;
        }
        err = event_recv(link, p);
        if (err == ERR_ABRT) {
            return false;
        }
        if (err != ERR_OK) {
            pcb->refused_data = p;
        }
    }
    if (fin && pcb->refused_data != NULL) {
        pcb->refused_data->flags |= PBUF_FLAG_TCP_FIN;
    } else if (fin && event_fin(link) == ERR_ABRT) {
        return false;
    }
    tcp_input_pcb = NULL;
    return !delayed_close(link);
}

uint16_t link_window(const link_t *link) {
    return link->pcb == NULL ? 0 : link->pcb->rcv_wnd;
}

bool link_is_open(const link_t *link) {
    return link->pcb != NULL && link->pcb->state != SYN_RCVD && link->pcb->state != TIME_WAIT;
}

bool link_input(link_t *link, const segment_t *segment) {
    CHECK(link_is_open(link));
    struct tcp_pcb *pcb = link->pcb;
    CHECK(segment->len + segment->fin <= pcb->rcv_wnd && (!link->client_fin || segment->len + segment->fin == 0));
    pcb->tmr = tcp_ticks;
    if (pcb->refused_data != NULL) {
        err_t err = tcp_process_refused_data(pcb);
        if (err == ERR_ABRT || link->pcb == NULL || (pcb->refused_data != NULL && segment->len + segment->fin > 0)) {
            return false;
        }
    }
    tcp_input_pcb = pcb;
    sim.input_closed = false;
    if (segment->len + segment->fin > 0) {
        link->sent_at = sim.now;
    }
    uint16_t acked = take_acks(link, segment->ack);
    struct pbuf *p = packet(segment->data, segment->len, segment->split);
    link->client_fin = link->client_fin || segment->fin;
    pcb->rcv_wnd = (uint16_t)(pcb->rcv_wnd - segment->len - segment->fin);
    next_state(link, segment->fin);
    if (events(link, p, acked, segment->fin)) {
        tcp_output(pcb);
    }
    tcp_input_pcb = NULL;
    return true;
}

// The client's RST, or its silence for too long. lwIP tells the program before or after it has freed the pcb.
void link_rst(link_t *link) {
    struct tcp_pcb *pcb = link->pcb;
    link->reset = true;
    if (pcb->state == TIME_WAIT) {
        return;
    }
    if (pcb->errf != NULL) {
        pcb->errf(pcb->callback_arg, ERR_RST);
    }
    remove_active(pcb);
    pcb_free(pcb);
}

void link_vanish(link_t *link) {
    struct tcp_pcb *pcb = link->pcb;
    tcp_err_fn errf = pcb->errf;
    void *arg = pcb->callback_arg;
    link->reset = true;
    if (pcb->state == TIME_WAIT) {
        return;
    }
    remove_active(pcb);
    pcb_free(pcb);
    if (errf != NULL) {
        errf(arg, ERR_ABRT);
    }
}

// --- Timers

static void fast_timer(void) {
    sim.timer_ctr++;
    struct tcp_pcb *pcb = tcp_active_pcbs;
    while (pcb != NULL) {
        struct tcp_pcb *next = pcb->next;
        if (pcb->last_timer != sim.timer_ctr) {
            pcb->last_timer = sim.timer_ctr;
            send_pending_fin(pcb);
            next = pcb->next;
            if (pcb->refused_data != NULL) {
                tcp_active_pcbs_changed = 0;
                tcp_process_refused_data(pcb);
                if (tcp_active_pcbs_changed) {
                    next = tcp_active_pcbs;
                }
            }
        }
        pcb = next;
    }
}

// Whether lwIP gives up on a pcb that its program is done with.
static bool is_over(const struct tcp_pcb *pcb) {
    return (pcb->state == FIN_WAIT_2 && (pcb->flags & TF_RXCLOSED) && inactivity(pcb) > FIN_WAIT_TICKS)
           || (pcb->state == LAST_ACK && inactivity(pcb) > MSL_TICKS)
           || (pcb->state == SYN_RCVD && inactivity(pcb) > TCP_SYN_RCVD_TIMEOUT / TCP_SLOW_INTERVAL);
}

static void give_up(struct tcp_pcb *pcb) {
    tcp_err_fn errf = pcb->errf;
    void *arg = pcb->callback_arg;
    link_t *link = link_of(pcb);
    send_rst(link);                 // what the client gets when it sends again
    remove_active(pcb);
    pcb_free(pcb);
    if (errf != NULL) {
        errf(arg, ERR_ABRT);
    }
}

static void poll(struct tcp_pcb *pcb) {
    link_t *link = link_of(pcb);
    pcb->polltmr++;
    if (pcb->polltmr < pcb->pollinterval) {
        return;
    }
    pcb->polltmr = 0;
    tcp_active_pcbs_changed = 0;
    err_t err;
    TCP_EVENT_POLL(pcb, err);
    CHECK(link->aborted == (err == ERR_ABRT));
    if (!tcp_active_pcbs_changed && err == ERR_OK) {
        tcp_output(pcb);
    }
}

static void slow_timer(void) {
    tcp_ticks++;
    sim.timer_ctr++;
    struct tcp_pcb *pcb = tcp_active_pcbs;
    while (pcb != NULL) {
        struct tcp_pcb *next = pcb->next;
        if (pcb->last_timer != sim.timer_ctr) {
            pcb->last_timer = sim.timer_ctr;
            tcp_active_pcbs_changed = 0;
            if (is_over(pcb)) {
                give_up(pcb);
            } else {
                poll(pcb);
            }
            if (tcp_active_pcbs_changed) {
                next = tcp_active_pcbs;
            }
        }
        pcb = next;
    }
    for (pcb = tcp_tw_pcbs; pcb != NULL;) {
        struct tcp_pcb *next = pcb->next;
        if (inactivity(pcb) > MSL_TICKS) {
            TCP_RMV(&tcp_tw_pcbs, pcb);
            pcb_free(pcb);
        }
        pcb = next;
    }
}

void sim_tick(void) {
    sim.now += TCP_FAST_INTERVAL;
    fast_timer();
    if (++sim.timer & 1) {
        sim.may_reset |= MAY_RESET_TIME;
        slow_timer();
        sim.may_reset &= ~(unsigned)MAY_RESET_TIME;
    }
}

// --- The levels: there is one

uint32_t mh_interrupts_off(void) {
    return 0;
}

void mh_interrupts_on(uint32_t state) {
    (void)state;
}

void mh_native_pend(void) {
    mh_native_dispatch();
}
