// Races of modhttp/port/unix/pendsv.c, each brought about for certain: there is new input at a moment at which the helper
// thread's signal comes in between. Whatever the moment, the work must see the input that follows.
//
//   pendsv_races MOMENT    exits with 0 when it did
#define _GNU_SOURCE
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>

#include "port/unix/events.h"
#include "port/unix/pendsv.h"

#define PATIENCE_S 10

static int input;
static volatile unsigned works;     // runs of the work that found input
static volatile uint32_t next_look = PENDSV_FAR;
static bool race_in_exchange, race_in_work;

// New input, and the helper's signal for it: blocked until ppoll() sleeps, so that it is not missed.
static void race(bool *armed) {
    static const struct timespec patience = { PATIENCE_S, 0 };
    sigset_t all, original;
    if (*armed) {
        *armed = false;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &original);
        eventfd_write(input, 1);
        if (ppoll(NULL, 0, &patience, &original) == 0) {
            fprintf(stderr, "the helper gave no signal for the input\n");
        }
        pthread_sigmask(SIG_SETMASK, &original, NULL);
    }
}

// pendsv.c is compiled with this behind each of its atomic exchanges.
void after_exchange(void);

void after_exchange(void) {
    race(&race_in_exchange);
}

static void work(void) {
    eventfd_t count;
    bool racing = race_in_work;
    race(&race_in_work);
    works += !racing && eventfd_read(input, &count) == 0;
}

static uint32_t look(void) {
    uint32_t delay = next_look;
    next_look = PENDSV_FAR;
    return delay;
}

static bool in_time(time_t start) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec - start <= PATIENCE_S;
}

// Until the work has found input more than `before` times; `idle` as a program waits, or busy as one that computes.
static bool wait_for_work(unsigned before, bool idle) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    while (works == before && in_time(now.tv_sec)) {
        if (idle) {
            pendsv_service();
            events_wait(100);
        }
        #if MODHTTP_SAFE_POINTS
        pendsv_service();
        #endif
    }
    return works != before;
}

// What a program does that leaves lwIP with something to do: the work runs at the exit.
static void run_at_exit(void) {
    pendsv_enter();
    next_look = 0;
    pendsv_exit();
}

static bool input_is_seen(bool idle) {
    unsigned before = works;
    eventfd_write(input, 1);
    return wait_for_work(before, idle);
}

int main(int argc, char **argv) {
    static const pendsv_client_t client = { work, look };
    const char *moment = argc > 1 ? argv[1] : "";
    pendsv_init(&client);
    int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    input = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct epoll_event event = { .events = EPOLLIN };
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, input, &event);
    pendsv_start(epoll_fd);
    bool seen = input_is_seen(true) && input_is_seen(false);
    if (strcmp(moment, "exchange") == 0) {
        race_in_exchange = true;
        run_at_exit();
        seen = seen && !race_in_exchange && input_is_seen(true);
    } else if (strcmp(moment, "work") == 0) {
        race_in_work = true;
        run_at_exit();
        seen = seen && !race_in_work && wait_for_work(2, false) && input_is_seen(false);
    } else {
        return 2;
    }
    return seen ? 0 : 1;
}
