// Events are a counter; a thread's event register is set while the counter differs from what the thread saw
// last. futex(2) compares and sleeps in one step, so that no event is lost between the look and the sleep,
// and it may be called from a signal handler.
#define _GNU_SOURCE
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "port/unix/events.h"
#include "port/unix/pendsv.h"

static atomic_uint event_count;
static atomic_int sleepers;
static atomic_bool main_polls_stdin;
static _Thread_local unsigned seen;

static long futex(atomic_uint *word, int operation, unsigned value, const struct timespec *timeout) {
    return syscall(SYS_futex, (void *)word, operation, value, timeout, NULL, 0);
}

void events_set(void) {
    atomic_fetch_add(&event_count, 1);
    if (atomic_load(&sleepers) != 0) {
        futex(&event_count, FUTEX_WAKE_PRIVATE, INT32_MAX, NULL);
    }
    // poll(2) knows nothing of futexes: only a signal gets the main thread out of it.
    if (atomic_load(&main_polls_stdin) && !pendsv_on_main_thread()) {
        pendsv_trigger();
    }
}

void events_wait(long timeout_ms) {
    if (atomic_load(&event_count) == seen) {
        struct timespec timeout = { timeout_ms / 1000, timeout_ms % 1000 * 1000000 };
        atomic_fetch_add(&sleepers, 1);
        futex(&event_count, FUTEX_WAIT_PRIVATE, seen, timeout_ms < 0 ? NULL : &timeout);
        atomic_fetch_sub(&sleepers, 1);
    }
    seen = atomic_load(&event_count);
}

bool events_wait_stdin(void) {
    static const struct timespec at_once = { 0, 0 };
    struct pollfd input = { STDIN_FILENO, POLLIN, 0 };
    sigset_t all, original;

    // With the signals blocked until ppoll() sleeps, none can slip between the look and the sleep.
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &original);
    atomic_store(&main_polls_stdin, true);
    bool event = atomic_load(&event_count) != seen;
    int ready = ppoll(&input, 1, event ? &at_once : NULL, &original);
    atomic_store(&main_polls_stdin, false);
    pthread_sigmask(SIG_SETMASK, &original, NULL);
    if (ready != 0 && input.revents != 0) {
        return true;
    }
    seen = atomic_load(&event_count);
    return false;
}
