#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

// The kernel's names end here: both worlds define IPPROTO_TCP and TCP_NODELAY.
enum { KERNEL_IPPROTO_TCP = 6, KERNEL_TCP_NODELAY = 1 };

#include "lwip/sys.h"
#include "lwip/tcp.h"
#include "lwip/timeouts.h"
#include "lwip/priv/tcp_priv.h"

#include "port/unix/forward.h"
#include "port/unix/source.h"

#define CHUNK 8192                  // bytes read from a client at a time
#define SLICES 16                   // pbufs written to a client at a time
#define KERNEL_BACKLOG 256
#define KERNEL_SNDBUF 65536         // else the kernel takes megabytes for a client that does not read
#define TICK_MS 20                  // what could not be done now is tried again after this time
#define REMOTE_SYN_MS 500           // a SYN over a serial line is repeated after this time
#define PROBE_MS 50                 // a server that refused is asked again after this time
#define CONNECT_TIMEOUT_MS 60000

typedef struct conn {
    source_t source;                // the client's socket in the epoll set
    struct conn *next_free;
    int fd;                         // -1: this entry is free
    bool watched;                   // fd is in the epoll set ...
    uint32_t interest;              // ... for these events
    struct tcp_pcb *pcb;            // NULL: connecting is to be tried again, or lost
    bool connected;
    bool lost;                      // the server's end was reset
    bool readable;                  // the client's socket may have data
    bool client_ended;              // read its end ...
    bool fin_sent;                  // ... and told the server
    bool server_ended;              // FIN received ...
    bool end_told;                  // ... and told the client
    bool stalled;                   // lwIP was out of memory: try again at the next tick
    uint32_t started, tried;        // sys_now() at accept and at the last SYN
    struct pbuf *received;          // from the server, not yet written to the client
    uint16_t chunk_length, chunk_offset;
    uint8_t chunk[CHUNK];           // from the client, not yet taken by lwIP
} conn_t;

static conn_t conns[FORWARD_CONNECTIONS];
static conn_t *free_conns;
static forward_config_t config;
static source_t listener_source;
static bool listener_paused;
static uint32_t dirty[FORWARD_CONNECTIONS / 32];    // a bit each: has something to do in forward_run()
static bool ticking;
static bool answered;
static struct tcp_pcb *probe;
static uint32_t probe_started;

static void need_tick(void);

static void mark_dirty(conn_t *c) {
    unsigned index = (unsigned)(c - conns);
    dirty[index / 32] |= (uint32_t)1 << index % 32;
}

// ---- the epoll set

static void watch(conn_t *c, uint32_t interest) {
    struct epoll_event event = { .events = interest, .data.ptr = &c->source };
    if (!c->watched) {
        epoll_ctl(config.epoll_fd, EPOLL_CTL_ADD, c->fd, &event);
    } else if (interest != c->interest) {
        epoll_ctl(config.epoll_fd, EPOLL_CTL_MOD, c->fd, &event);
    }
    c->watched = true;
    c->interest = interest;
}

static void unwatch(conn_t *c) {
    if (c->watched) {
        epoll_ctl(config.epoll_fd, EPOLL_CTL_DEL, c->fd, NULL);
        c->watched = false;
    }
}

static void watch_listener(bool on) {
    struct epoll_event event = { .events = on ? EPOLLIN : 0, .data.ptr = &listener_source };
    epoll_ctl(config.epoll_fd, EPOLL_CTL_MOD, config.listener, &event);
    listener_paused = !on;
}

// ---- the end of a connection

static void forget_pcb(conn_t *c) {
    tcp_arg(c->pcb, NULL);
    tcp_recv(c->pcb, NULL);
    tcp_sent(c->pcb, NULL);
    tcp_err(c->pcb, NULL);
    c->pcb = NULL;
}

static void release(conn_t *c) {
    unwatch(c);
    close(c->fd);
    c->fd = -1;
    if (c->received != NULL) {
        pbuf_free(c->received);
        c->received = NULL;
    }
    c->next_free = free_conns;
    free_conns = c;
    if (listener_paused) {
        watch_listener(true);
    }
}

// Both directions have ended in order.
static void finish(conn_t *c) {
    struct tcp_pcb *pcb = c->pcb;
    if (pcb != NULL) {
        forget_pcb(c);
        if (tcp_close(pcb) != ERR_OK) {
            tcp_abort(pcb);
        }
    }
    release(c);
}

static void reset(conn_t *c) {
    struct tcp_pcb *pcb = c->pcb;
    if (pcb != NULL) {
        forget_pcb(c);
        tcp_abort(pcb);
    }
    struct linger at_once = { .l_onoff = 1, .l_linger = 0 };
    setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    release(c);
}

// ---- lwIP's callbacks: they only note what happened

static err_t on_recv(void *arg, struct tcp_pcb *pcb, struct pbuf *p, err_t err) {
    conn_t *c = arg;
    (void)pcb;
    (void)err;
    if (p == NULL) {
        c->server_ended = true;
    } else if (c->received == NULL) {
        c->received = p;
    } else {
        pbuf_cat(c->received, p);
    }
    mark_dirty(c);
    return ERR_OK;
}

static err_t on_sent(void *arg, struct tcp_pcb *pcb, u16_t length) {
    (void)pcb;
    (void)length;
    mark_dirty(arg);
    return ERR_OK;
}

static void on_err(void *arg, err_t err) {
    conn_t *c = arg;
    c->pcb = NULL;
    c->lost = err != ERR_CLSD;
    mark_dirty(c);
}

static err_t on_connected(void *arg, struct tcp_pcb *pcb, err_t err) {
    conn_t *c = arg;
    (void)err;
    tcp_nagle_disable(pcb);
    c->connected = true;
    mark_dirty(c);
    return ERR_OK;
}

// ---- connecting

static void try_connect(conn_t *c) {
    c->tried = sys_now();
    c->pcb = tcp_new_ip_type(IP_GET_TYPE(&config.address));
    if (c->pcb != NULL) {
        tcp_arg(c->pcb, c);
        tcp_recv(c->pcb, on_recv);
        tcp_sent(c->pcb, on_sent);
        tcp_err(c->pcb, on_err);
        if (tcp_connect(c->pcb, &config.address, config.port, on_connected) != ERR_OK) {
            struct tcp_pcb *pcb = c->pcb;
            forget_pcb(c);
            tcp_abort(pcb);
        }
    }
    need_tick();
}

// A full backlog drops SYNs without a word; lwIP itself would wait for seconds.
static void retry_connect(conn_t *c) {
    uint32_t now = sys_now();
    if (now - c->started >= CONNECT_TIMEOUT_MS) {
        reset(c);
    } else if (now - c->tried >= (config.local ? TICK_MS : REMOTE_SYN_MS)) {
        struct tcp_pcb *pcb = c->pcb;
        if (pcb != NULL) {
            forget_pcb(c);
            tcp_abort(pcb);
        }
        try_connect(c);
    }
}

// ---- moving data; false: the connection is gone

// Server to client.
static bool deliver(conn_t *c) {
    while (c->received != NULL) {
        struct iovec slices[SLICES];
        int count = 0;
        for (struct pbuf *p = c->received; p != NULL && count < SLICES; p = p->next) {
            slices[count++] = (struct iovec) { p->payload, p->len };
        }
        struct msghdr message = { .msg_iov = slices, .msg_iovlen = (size_t)count };
        ssize_t written = sendmsg(c->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (written < 0) {
            if (errno == EAGAIN) {
                return true;
            }
            if (errno == EINTR) {
                continue;
            }
            reset(c);
            return false;
        }
        c->received = pbuf_free_header(c->received, (u16_t)written);
        if (c->pcb != NULL) {
            // A delayed ACK would keep a server waiting that sends by the window.
            tcp_recved(c->pcb, (u16_t)written);
            tcp_set_flags(c->pcb, TF_ACK_NOW);
            tcp_output(c->pcb);
        }
    }
    if (c->server_ended && !c->end_told) {
        shutdown(c->fd, SHUT_WR);
        c->end_told = true;
    }
    return true;
}

// Refills the chunk. Sets client_ended at the client's FIN.
static bool read_client(conn_t *c) {
    ssize_t length = recv(c->fd, c->chunk, sizeof(c->chunk), MSG_DONTWAIT);
    if (length < 0 && errno != EAGAIN && errno != EINTR) {
        reset(c);
        return false;
    }
    c->chunk_offset = 0;
    c->chunk_length = length > 0 ? (uint16_t)length : 0;
    c->client_ended = length == 0;
    c->readable = length == (ssize_t)sizeof(c->chunk);
    return true;
}

// Gives lwIP what it takes of the chunk; returns whether it took all.
static bool write_server(conn_t *c) {
    while (c->chunk_offset < c->chunk_length) {
        uint16_t left = c->chunk_length - c->chunk_offset;
        uint16_t room = tcp_sndbuf(c->pcb);
        uint16_t length = left < room ? left : room;
        if (length == 0) {
            return false; // on_sent() brings us back
        }
        err_t err = tcp_write(c->pcb, c->chunk + c->chunk_offset, length, TCP_WRITE_FLAG_COPY);
        if (err != ERR_OK) {
            c->stalled = true;
            need_tick();
            return false;
        }
        c->chunk_offset += length;
    }
    return true;
}

// Client to server.
static bool collect(conn_t *c) {
    if (!c->connected || c->pcb == NULL || c->fin_sent) {
        return true;
    }
    c->stalled = false;
    while (write_server(c) && c->readable && !c->client_ended) {
        if (!read_client(c)) {
            return false;
        }
    }
    if (c->client_ended && c->chunk_offset == c->chunk_length) {
        if (tcp_shutdown(c->pcb, 0, 1) == ERR_OK) {
            c->fin_sent = true;
        } else {
            c->stalled = true;
            need_tick();
        }
    }
    tcp_output(c->pcb);
    return true;
}

static void carry_on(conn_t *c) {
    if (!deliver(c) || !collect(c)) {
        return;
    }
    if (c->lost) {
        reset(c);
        return;
    }
    if (c->fin_sent && c->end_told) {
        finish(c);
        return;
    }
    uint32_t interest = c->received != NULL ? EPOLLOUT : 0;
    if (c->connected && !c->client_ended && c->chunk_offset == c->chunk_length) {
        interest |= EPOLLIN;
    }
    watch(c, interest);
}

// ---- sources

static void on_client(source_t *source, uint32_t events) {
    conn_t *c = (conn_t *)source;
    if (events & EPOLLERR) {
        reset(c);
        return;
    }
    if (events & EPOLLIN) {
        c->readable = true;
    }
    if ((events & EPOLLHUP) && c->interest == 0) {
        // Both directions of the client's socket have ended and lwIP is not ready for the rest: this would be
        // reported for ever.
        unwatch(c);
        return;
    }
    carry_on(c);
}

static void on_listener(source_t *source, uint32_t events) {
    (void)source;
    (void)events;
    while (free_conns != NULL) {
        int fd = accept4(config.listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            return;
        }
        int on = 1;
        setsockopt(fd, KERNEL_IPPROTO_TCP, KERNEL_TCP_NODELAY, &on, sizeof(on));
        int kept = KERNEL_SNDBUF;
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &kept, sizeof(kept));
        conn_t *c = free_conns;
        free_conns = c->next_free;
        memset(c, 0, offsetof(conn_t, chunk));
        c->source.ready = on_client;
        c->fd = fd;
        c->started = sys_now();
        watch(c, 0);
        try_connect(c);
    }
    watch_listener(false);
}

// ---- is there a server?

static void has_answered(void) {
    answered = true;
    if (config.on_answer != NULL) {
        config.on_answer();
    }
}

static bool listens_here(void) {
    for (struct tcp_pcb_listen *pcb = tcp_listen_pcbs.listen_pcbs; pcb != NULL; pcb = pcb->next) {
        if (pcb->local_port == config.port) {
            return true;
        }
    }
    return false;
}

static err_t on_probe_connected(void *arg, struct tcp_pcb *pcb, err_t err) {
    (void)arg;
    (void)err;
    probe = NULL;
    tcp_err(pcb, NULL);
    has_answered();
    tcp_abort(pcb); // a reset before accept() is invisible to the program
    return ERR_ABRT;
}

static void on_probe_err(void *arg, err_t err) {
    (void)arg;
    (void)err;
    probe = NULL;
}

static void probe_server(void) {
    uint32_t age = sys_now() - probe_started;
    if (age < (probe != NULL ? REMOTE_SYN_MS : PROBE_MS)) {
        return;
    }
    if (probe != NULL) {
        tcp_abort(probe); // no answer; on_probe_err() clears it
    }
    probe_started = sys_now();
    probe = tcp_new_ip_type(IP_GET_TYPE(&config.address));
    if (probe != NULL) {
        tcp_err(probe, on_probe_err);
        if (tcp_connect(probe, &config.address, config.port, on_probe_connected) != ERR_OK) {
            tcp_abort(probe);
        }
    }
}

static void look_for_server(void) {
    if (!config.local) {
        probe_server();
    } else if (listens_here()) {
        has_answered();
    }
}

// ---- time

static void on_tick(void *arg) {
    (void)arg;
    ticking = false;
    if (!answered) {
        look_for_server();
    }
    for (int i = 0; i < FORWARD_CONNECTIONS; i++) {
        conn_t *c = &conns[i];
        if (c->fd < 0) {
            continue;
        }
        if (c->stalled) {
            mark_dirty(c);
        } else if (!c->connected && !c->lost) {
            need_tick();
            retry_connect(c);
        }
    }
    if (!answered) {
        need_tick();
    }
}

static void need_tick(void) {
    if (!ticking) {
        ticking = true;
        sys_timeout(TICK_MS, on_tick, NULL);
    }
}

// ---- interface

int forward_open(const char *host, uint16_t port) {
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };
    if (inet_pton(AF_INET, host, &address.sin_addr) != 1) {
        errno = EINVAL;
        return -1;
    }
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (fd >= 0 && (bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(fd, KERNEL_BACKLOG) != 0)) {
        int saved_errno = errno;
        close(fd);
        errno = saved_errno;
        return -1;
    }
    return fd;
}

void forward_start(const forward_config_t *the_config) {
    config = *the_config;
    for (int i = FORWARD_CONNECTIONS - 1; i >= 0; i--) {
        conns[i].fd = -1;
        conns[i].next_free = free_conns;
        free_conns = &conns[i];
    }
    listener_source.ready = on_listener;
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = &listener_source };
    epoll_ctl(config.epoll_fd, EPOLL_CTL_ADD, config.listener, &event);
    need_tick();
}

void forward_run(void) {
    for (unsigned word = 0; word < FORWARD_CONNECTIONS / 32; word++) {
        while (dirty[word] != 0) {
            unsigned bit = (unsigned)__builtin_ctz(dirty[word]);
            dirty[word] &= ~((uint32_t)1 << bit);
            conn_t *c = &conns[word * 32 + bit];
            if (c->fd >= 0) {
                carry_on(c);
            }
        }
    }
}

bool forward_busy(void) {
    for (int i = 0; i < FORWARD_CONNECTIONS; i++) {
        conn_t *c = &conns[i];
        if (c->fd >= 0 && (c->received != NULL || c->chunk_offset < c->chunk_length)) {
            return true;
        }
    }
    return false;
}
