// Waiting, and the calls of the unix port that must not block lwIP or miss an event. The functions called
// __wrap_X take the place of X at link time (-Wl,--wrap=X), so that upstream's files stay as they are.
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "py/mphal.h"
#include "py/mpthread.h"
#include "py/runtime.h"

#include "port/unix/events.h"
#include "port/unix/hal.h"
#include "port/unix/pendsv.h"
#include "port/unix/stack.h"

void host_wait(long timeout_ms) {
    // The service calls only do something in a build that delivers at safe points.
    pendsv_service();
    events_wait(timeout_ms);
    pendsv_service();
}

void mp_hal_delay_ms(mp_uint_t ms) {
    uint64_t us = (uint64_t)ms * 1000;
    mp_uint_t start = mp_hal_ticks_us();
    uint64_t elapsed = 0;
    while (elapsed < us) {
        mp_event_wait_ms((mp_uint_t)((us - elapsed + 999) / 1000));
        elapsed = mp_hal_ticks_us() - start;
    }
}

void host_delay_us(unsigned long us) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)(us / 1000000);
    until.tv_nsec += (long)(us % 1000000 * 1000);
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec += 1;
        until.tv_nsec -= 1000000000;
    }
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR) {
        pendsv_service();
    }
}

// Reading the console waits as the boards do: what was scheduled meanwhile runs.
ssize_t __real_read(int fd, void *buffer, size_t length);
ssize_t __wrap_read(int fd, void *buffer, size_t length);

ssize_t __wrap_read(int fd, void *buffer, size_t length) {
    if (fd == STDIN_FILENO && pendsv_on_main_thread()) {
        while (!events_wait_stdin()) {
            pendsv_service();
            mp_handle_pending(true);
        }
    }
    return __real_read(fd, buffer, length);
}

// Ctrl-C, from the handler of SIGINT on whichever thread got it: the main thread may be waiting.
void __real_mp_sched_keyboard_interrupt(void);
void __wrap_mp_sched_keyboard_interrupt(void);

void __wrap_mp_sched_keyboard_interrupt(void) {
    __real_mp_sched_keyboard_interrupt();
    events_set();
}

// ---- the forwarder's line is printed between bytecodes, never in the middle of a line of the program's

static mp_sched_node_t announce_node;
static const char *announce_line;

static void announce_now(mp_sched_node_t *node) {
    (void)node;
    mp_hal_stdout_tx_strn(announce_line, strlen(announce_line));
}

static void announce(const char *line) {
    announce_line = line;
    mp_sched_schedule_node(&announce_node, announce_now);
}

__attribute__((constructor)) static void announce_start(void) {
    stack_announce = announce;
}
