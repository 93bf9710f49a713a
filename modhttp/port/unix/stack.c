// Before main(): lwIP comes up with its loopback interface, then what the environment asks for:
//
//   MODHTTP_FORWARD=[HOST:]PORT:APP_PORT   forward HOST:PORT (HOST is 127.0.0.1) to port APP_PORT in lwIP
//   MODHTTP_TAP=NAME,ADDRESS/PREFIX,GATEWAY   attach to a TAP device
//
// Both variables are removed, so that programs started by this one don't ask for the same again.
#define _GNU_SOURCE
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "lwip/apps/mdns.h"
#include "lwip/init.h"
#include "lwip/netif.h"
#include "lwip/sys.h"
#include "lwip/tcp.h"
#include "lwip/timeouts.h"
#include "lwip/priv/tcp_priv.h"

#include "port/unix/forward.h"
#include "port/unix/pendsv.h"
#include "port/unix/source.h"
#include "port/unix/stack.h"
#include "port/unix/tap.h"

#define ROUNDS 8            // of input, timers and loopback in one interrupt
#define FLUSH_MS 200        // what the end of the program waits for data on its way

void (*stack_announce)(const char *line);

static int epoll_fd;
static bool forwarding;
static char announcement[64];

static bool loopback_waits(void) {
    struct netif *netif;
    NETIF_FOREACH(netif) {
        if (netif->loop_first != NULL) {
            return true;
        }
    }
    return false;
}

// One interrupt. Bounded; what is left makes stack_look() say so.
static void stack_work(void) {
    for (int round = 0; round < ROUNDS; round++) {
        int count = source_dispatch(epoll_fd);
        sys_check_timeouts();
        netif_poll_all();
        if (forwarding) {
            forward_run();
        }
        if (count == 0 && !loopback_waits()) {
            return;
        }
    }
}

static uint32_t stack_look(void) {
    if (loopback_waits()) {
        return 0;
    }
    uint32_t sleep = sys_timeouts_sleeptime();
    return sleep < PENDSV_FAR ? sleep : PENDSV_FAR;
}

static void say_failure(const char *what, const char *detail) {
    fprintf(stderr, "modhttp: %s%s%s\n", what, detail != NULL ? ": " : "", detail != NULL ? detail : "");
    exit(1);
}

static void on_answer(void) {
    if (stack_announce != NULL) {
        stack_announce(announcement);
    }
}

// [HOST:]PORT:APP_PORT
static bool parse_forward(char *text, const char **host, uint16_t *port, uint16_t *app_port) {
    char *last = strrchr(text, ':');
    if (last == NULL) {
        return false;
    }
    *last = '\0';
    char *first = strrchr(text, ':');
    *host = first != NULL ? text : "127.0.0.1";
    if (first != NULL) {
        *first = '\0';
    }
    char *end1, *end2;
    unsigned long outer = strtoul(first != NULL ? first + 1 : text, &end1, 10);
    unsigned long inner = strtoul(last + 1, &end2, 10);
    *port = (uint16_t)outer;
    *app_port = (uint16_t)inner;
    return *end1 == '\0' && *end2 == '\0' && outer - 1 < 65535 && inner - 1 < 65535;
}

static void start_forwarder(char *text) {
    const char *host;
    uint16_t port;
    forward_config_t config = { .epoll_fd = epoll_fd, .local = true, .on_answer = on_answer };
    if (!parse_forward(text, &host, &port, &config.port)) {
        say_failure("MODHTTP_FORWARD", "expected [HOST:]PORT:APP_PORT, both ports from 1 to 65535");
    }
    config.listener = forward_open(host, port);
    if (config.listener < 0) {
        char what[80];
        if (errno == EADDRINUSE) {
            snprintf(what, sizeof(what), "port %u is in use: stop the program that uses it, or take another with PORT=", port);
            say_failure(what, NULL);
        }
        snprintf(what, sizeof(what), "cannot listen on %.32s port %u", host, port);
        say_failure(what, strerror(errno));
    }
    IP_ADDR4(&config.address, 127, 0, 0, 1);
    snprintf(announcement, sizeof(announcement), "modhttp: http://%.32s:%u\n", host, port);
    forward_start(&config);
    forwarding = true;
}

static void start_tap(char *text) {
    const char *error = tap_start(text, epoll_fd);
    if (error != NULL) {
        char what[80];
        snprintf(what, sizeof(what), "MODHTTP_TAP: %s", error);
        say_failure(what, errno != 0 ? strerror(errno) : NULL);
    }
}

// ---- the end of the program

static bool data_on_its_way(void) {
    if (loopback_waits() || (forwarding && forward_busy())) {
        return true;
    }
    for (struct tcp_pcb *pcb = tcp_active_pcbs; pcb != NULL; pcb = pcb->next) {
        if (pcb->unsent != NULL || pcb->unacked != NULL) {
            return true;
        }
    }
    return false;
}

// Unclosed connections end with the process.
void stack_flush(void) {
    static bool flushed;
    uint32_t start = sys_now();
    if (flushed || !pendsv_try_enter(FLUSH_MS)) {
        return;
    }
    flushed = true;
    for (;;) {
        stack_work();
        if (!data_on_its_way() || sys_now() - start >= FLUSH_MS) {
            break;
        }
        struct epoll_event ready;
        epoll_wait(epoll_fd, &ready, 1, loopback_waits() ? 0 : 1);
    }
    // The lock is kept: nothing runs lwIP any more.
}

__attribute__((constructor)) static void stack_start(void) {
    static const pendsv_client_t client = { stack_work, stack_look };
    pendsv_init(&client);
    pendsv_enter();
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    lwip_init();
    mdns_resp_init();
    char *forward = getenv("MODHTTP_FORWARD");
    if (forward != NULL && *forward != '\0') {
        start_forwarder(forward);
    }
    char *tap = getenv("MODHTTP_TAP");
    if (tap != NULL && *tap != '\0') {
        start_tap(tap);
    }
    unsetenv("MODHTTP_FORWARD");
    unsetenv("MODHTTP_TAP");
    atexit(stack_flush);
    pendsv_start(epoll_fd);
    pendsv_exit();
}
