// Faults for tests: makes the n-th allocation fail, and counts what is allocated. Only in builds with FAULTS=1.
//
// MODHTTP_FAULTS=FILE maps a file that a test maps too (tests/faults.py): the test writes which calls are to fail and reads how
// many there were, while the program under test runs and knows nothing of it. The linker's --wrap puts the functions here in front
// of lwIP's and MicroPython's.
//
// Of lwIP's allocations only the server's count. The other half of each connection, the forwarder's, is in the same lwIP; it is
// told apart by its pcbs' local ports, which are ephemeral, and by the functions it runs in.
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "py/gc.h"
#include "py/runtime.h"

#include "lwip/mem.h"
#include "lwip/memp.h"
#include "lwip/priv/tcp_priv.h"
#include "lwip/tcp.h"
#include "lwip/timeouts.h"

#include "net/server.h"
#include "port/unix/forward.h"
#include "port/unix/source.h"

// lwIP gives connecting sockets the ports from here on (tcp.c).
#define EPHEMERAL_PORTS (0xc000)

// As tests/faults.py has them.
typedef enum {
    FAULT_WRITE,        // tcp_write()
    FAULT_POOL,         // memp_malloc(): segments, pbufs without memory of their own, pcbs
    FAULT_HEAP,         // mem_malloc() beside those: pbufs with memory
    FAULT_PCB,          // tcp_alloc() for a client's SYN
    FAULT_CLOSE,        // tcp_close() and tcp_shutdown()
    FAULT_GC,           // MicroPython's heap, from a request's being taken until Python looks for the next
    FAULT_INTERRUPT,    // no failure: Ctrl-C at the n-th allocation or entry into lwIP, in the same span
    FAULT_KINDS
} fault_kind_t;

// The n-th call fails if first <= n < first + count, or if n is a multiple of `every`.
typedef struct {
    uint32_t calls;
    uint32_t first;
    uint32_t count;
    uint32_t every;
    uint32_t failed;
} fault_t;

typedef struct {
    fault_t faults[FAULT_KINDS];
    uint32_t pool_used;     // elements of lwIP's pools, without pcbs, which TIME_WAIT keeps, and timeouts
    uint32_t heap_used;     // blocks of lwIP's heap
} shared_t;

static shared_t unmapped;
static shared_t *shared = &unmapped;
static bool foreign;        // what runs is not the server
static bool in_pool;        // the heap is asked on a pool's behalf
static bool in_request;     // Python handles a request

__attribute__((constructor)) static void faults_start(void) {
    const char *path = getenv("MODHTTP_FAULTS");
    if (path == NULL) {
        return;
    }
    int fd = open(path, O_RDWR | O_CLOEXEC);
    void *mapped = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(shared_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (mapped == MAP_FAILED) {
        _exit(2);
    }
    shared = mapped;
    *shared = unmapped;
    close(fd);
    unsetenv("MODHTTP_FAULTS");
}

static bool strikes(fault_kind_t kind) {
    fault_t *fault = &shared->faults[kind];
    uint32_t n = ++fault->calls;
    bool hit = (n >= fault->first && n - fault->first < fault->count) || (fault->every != 0 && n % fault->every == 0);
    fault->failed += hit;
    return hit;
}

// --- Whose call it is

static bool is_foreign(u16_t local_port) {
    return local_port >= EPHEMERAL_PORTS;
}

// A function that works for one side: RUN(whether it is the other's, the call).
#define RUN(side, call) do { \
        bool before = foreign; \
        foreign = (side); \
        call; \
        foreign = before; \
} while (0)

void __real_forward_run(void);
void __wrap_forward_run(void);
int __real_source_dispatch(int epoll_fd);
int __wrap_source_dispatch(int epoll_fd);
void __real_sys_check_timeouts(void);
void __wrap_sys_check_timeouts(void);
void __real_tcp_input(struct pbuf *p, struct netif *netif);
void __wrap_tcp_input(struct pbuf *p, struct netif *netif);
err_t __real_tcp_output(struct tcp_pcb *pcb);
err_t __wrap_tcp_output(struct tcp_pcb *pcb);
err_t __real_tcp_send_fin(struct tcp_pcb *pcb);
err_t __wrap_tcp_send_fin(struct tcp_pcb *pcb);
err_t __real_tcp_send_empty_ack(struct tcp_pcb *pcb);
err_t __wrap_tcp_send_empty_ack(struct tcp_pcb *pcb);
err_t __real_tcp_zero_window_probe(struct tcp_pcb *pcb);
err_t __wrap_tcp_zero_window_probe(struct tcp_pcb *pcb);
err_t __real_tcp_process_refused_data(struct tcp_pcb *pcb);
err_t __wrap_tcp_process_refused_data(struct tcp_pcb *pcb);
void __real_tcp_rexmit_rto_commit(struct tcp_pcb *pcb);
void __wrap_tcp_rexmit_rto_commit(struct tcp_pcb *pcb);
void __real_tcp_rst(const struct tcp_pcb *pcb, u32_t seqno, u32_t ackno, const ip_addr_t *local_ip, const ip_addr_t *remote_ip,
    u16_t local_port, u16_t remote_port);
void __wrap_tcp_rst(const struct tcp_pcb *pcb, u32_t seqno, u32_t ackno, const ip_addr_t *local_ip, const ip_addr_t *remote_ip,
    u16_t local_port, u16_t remote_port);

void __wrap_forward_run(void) {
    RUN(true, __real_forward_run());
}

int __wrap_source_dispatch(int epoll_fd) {
    int count;
    RUN(true, count = __real_source_dispatch(epoll_fd));
    return count;
}

// The forwarder's tick is among them, and lwIP's timers for either side's pcbs, each of which goes through a function below.
void __wrap_sys_check_timeouts(void) {
    RUN(true, __real_sys_check_timeouts());
}

void __wrap_tcp_input(struct pbuf *p, struct netif *netif) {
    const struct tcp_hdr *header = p->payload;
    RUN(p->len >= TCP_HLEN && is_foreign(lwip_ntohs(header->dest)), __real_tcp_input(p, netif));
}

err_t __wrap_tcp_output(struct tcp_pcb *pcb) {
    err_t err;
    RUN(is_foreign(pcb->local_port), err = __real_tcp_output(pcb));
    return err;
}

err_t __wrap_tcp_send_fin(struct tcp_pcb *pcb) {
    err_t err;
    RUN(is_foreign(pcb->local_port), err = __real_tcp_send_fin(pcb));
    return err;
}

err_t __wrap_tcp_send_empty_ack(struct tcp_pcb *pcb) {
    err_t err;
    RUN(is_foreign(pcb->local_port), err = __real_tcp_send_empty_ack(pcb));
    return err;
}

err_t __wrap_tcp_zero_window_probe(struct tcp_pcb *pcb) {
    err_t err;
    RUN(is_foreign(pcb->local_port), err = __real_tcp_zero_window_probe(pcb));
    return err;
}

err_t __wrap_tcp_process_refused_data(struct tcp_pcb *pcb) {
    err_t err;
    RUN(is_foreign(pcb->local_port), err = __real_tcp_process_refused_data(pcb));
    return err;
}

void __wrap_tcp_rexmit_rto_commit(struct tcp_pcb *pcb) {
    RUN(is_foreign(pcb->local_port), __real_tcp_rexmit_rto_commit(pcb));
}

void __wrap_tcp_rst(const struct tcp_pcb *pcb, u32_t seqno, u32_t ackno, const ip_addr_t *local_ip, const ip_addr_t *remote_ip,
    u16_t local_port, u16_t remote_port) {
    RUN(is_foreign(local_port), __real_tcp_rst(pcb, seqno, ackno, local_ip, remote_ip, local_port, remote_port));
}

// --- lwIP's allocations

err_t __real_tcp_write(struct tcp_pcb *pcb, const void *data, u16_t len, u8_t flags);
err_t __wrap_tcp_write(struct tcp_pcb *pcb, const void *data, u16_t len, u8_t flags);
err_t __real_tcp_close(struct tcp_pcb *pcb);
err_t __wrap_tcp_close(struct tcp_pcb *pcb);
err_t __real_tcp_shutdown(struct tcp_pcb *pcb, int rx, int tx);
err_t __wrap_tcp_shutdown(struct tcp_pcb *pcb, int rx, int tx);
struct tcp_pcb *__real_tcp_alloc(u8_t prio);
struct tcp_pcb *__wrap_tcp_alloc(u8_t prio);
void *__real_memp_malloc(memp_t type);
void *__wrap_memp_malloc(memp_t type);
void __real_memp_free(memp_t type, void *mem);
void __wrap_memp_free(memp_t type, void *mem);
void *__real_mem_malloc(mem_size_t size);
void *__wrap_mem_malloc(mem_size_t size);
void __real_mem_free(void *mem);
void __wrap_mem_free(void *mem);

err_t __wrap_tcp_write(struct tcp_pcb *pcb, const void *data, u16_t len, u8_t flags) {
    err_t err;
    if (!is_foreign(pcb->local_port) && strikes(FAULT_WRITE)) {
        return ERR_MEM;
    }
    RUN(is_foreign(pcb->local_port), err = __real_tcp_write(pcb, data, len, flags));
    return err;
}

// This lwIP promises to send a FIN that it has no memory for later, but it documents that closing may fail.
static bool close_fails(const struct tcp_pcb *pcb) {
    return pcb->state != LISTEN && pcb->state != CLOSED && !is_foreign(pcb->local_port) && strikes(FAULT_CLOSE);
}

err_t __wrap_tcp_close(struct tcp_pcb *pcb) {
    err_t err;
    if (close_fails(pcb)) {
        return ERR_MEM;
    }
    RUN(is_foreign(pcb->local_port), err = __real_tcp_close(pcb));
    return err;
}

err_t __wrap_tcp_shutdown(struct tcp_pcb *pcb, int rx, int tx) {
    err_t err;
    if (close_fails(pcb)) {
        return ERR_MEM;
    }
    RUN(is_foreign(pcb->local_port), err = __real_tcp_shutdown(pcb, rx, tx));
    return err;
}

struct tcp_pcb *__wrap_tcp_alloc(u8_t prio) {
    return !foreign && strikes(FAULT_PCB) ? NULL : __real_tcp_alloc(prio);
}

static bool is_counted(memp_t type) {
    return type != MEMP_SYS_TIMEOUT && type != MEMP_TCP_PCB && type != MEMP_TCP_PCB_LISTEN;
}

void *__wrap_memp_malloc(memp_t type) {
    if (!foreign && strikes(FAULT_POOL)) {
        return NULL;
    }
    in_pool = true;
    void *mem = __real_memp_malloc(type);
    in_pool = false;
    shared->pool_used += mem != NULL && is_counted(type);
    return mem;
}

void __wrap_memp_free(memp_t type, void *mem) {
    shared->pool_used -= mem != NULL && is_counted(type);
    in_pool = true;
    __real_memp_free(type, mem);
    in_pool = false;
}

void *__wrap_mem_malloc(mem_size_t size) {
    if (in_pool) {
        return __real_mem_malloc(size);
    }
    void *mem = !foreign && strikes(FAULT_HEAP) ? NULL : __real_mem_malloc(size);
    shared->heap_used += mem != NULL;
    return mem;
}

void __wrap_mem_free(void *mem) {
    shared->heap_used -= mem != NULL && !in_pool;
    __real_mem_free(mem);
}

// _modhttp.pcbs() under faults: the server's half alone. The forwarder's pcb outlives a server that had no memory for its reset.
void __real_mh_pcb_count(unsigned *active, unsigned *listening, unsigned *time_wait);
void __wrap_mh_pcb_count(unsigned *active, unsigned *listening, unsigned *time_wait);

void __wrap_mh_pcb_count(unsigned *active, unsigned *listening, unsigned *time_wait) {
    __real_mh_pcb_count(active, listening, time_wait);
    for (const struct tcp_pcb *pcb = tcp_active_pcbs; pcb != NULL && shared != &unmapped; pcb = pcb->next) {
        *active -= is_foreign(pcb->local_port);
    }
}

// --- MicroPython

mh_conn_t *__real_mh_server_take(mh_server_t *server);
mh_conn_t *__wrap_mh_server_take(mh_server_t *server);
void *__real_gc_alloc(size_t size, unsigned int flags);
void *__wrap_gc_alloc(size_t size, unsigned int flags);
void *__real_gc_realloc(void *mem, size_t size, bool allow_move);
void *__wrap_gc_realloc(void *mem, size_t size, bool allow_move);
void __real_pendsv_enter(void);
void __wrap_pendsv_enter(void);

mh_conn_t *__wrap_mh_server_take(mh_server_t *server) {
    mh_conn_t *conn = __real_mh_server_take(server);
    in_request = conn != NULL;
    return conn;
}

static void interrupt(void) {
    if (in_request && strikes(FAULT_INTERRUPT)) {
        mp_sched_keyboard_interrupt();
    }
}

void *__wrap_gc_alloc(size_t size, unsigned int flags) {
    interrupt();
    return in_request && strikes(FAULT_GC) ? NULL : __real_gc_alloc(size, flags);
}

// Shrinking never fails.
void *__wrap_gc_realloc(void *mem, size_t size, bool allow_move) {
    interrupt();
    bool grows = mem == NULL || size > gc_nbytes(mem);
    return in_request && grows && strikes(FAULT_GC) ? NULL : __real_gc_realloc(mem, size, allow_move);
}

void __wrap_pendsv_enter(void) {
    interrupt();
    __real_pendsv_enter();
}
