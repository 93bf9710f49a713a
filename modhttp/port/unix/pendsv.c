#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "port/unix/events.h"
#include "port/unix/pendsv.h"

#ifndef MODHTTP_SAFE_POINTS
#define MODHTTP_SAFE_POINTS 0
#endif

// MicroPython's garbage collector uses SIGRTMIN + 5.
#define PENDSV_SIGNAL (SIGRTMIN + 6)

volatile bool pendsv_due;

static pendsv_client_t client;
static pthread_t main_thread;

// The lock of the two levels. A thread's depth counts before it locks and until after it has unlocked, so that
// the signal handler, which looks at the main thread's depth first, never meets a half-done lock operation of
// the thread that it interrupted.
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static _Thread_local volatile unsigned depth;

// Between the helper and the main thread.
static sem_t work_done;                 // posted for a waiting helper, once
static atomic_bool helper_waits;
static atomic_uint deadline;            // when the helper triggers the work
static int helper_epoll = -1;
static int kick_fd = -1;                // tells the helper that the deadline came nearer

enum { HELPER_WORK, HELPER_KICK, HELPER_STDIN, HELPER_SOURCES };

// Milliseconds, wrapping around.
static uint32_t clock_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint32_t)now.tv_sec * 1000 + (uint32_t)(now.tv_nsec / 1000000);
}

bool pendsv_on_main_thread(void) {
    return pthread_equal(pthread_self(), main_thread);
}

void pendsv_trigger(void) {
    pthread_kill(main_thread, PENDSV_SIGNAL);
}

// Looks for what there is to do next. Called with the lock held.
static bool look(void) {
    uint32_t delay = client.look();
    if (delay == 0) {
        return true;
    }
    uint32_t when = clock_ms() + delay;
    uint32_t old = atomic_exchange(&deadline, when);
    if ((int32_t)(when - old) < 0) {
        eventfd_write(kick_fd, 1);
    }
    return false;
}

// Main thread, depth 0.
static void run(void) {
    depth = 1;
    pendsv_due = true;
    atomic_thread_fence(memory_order_seq_cst);
    if (pthread_mutex_trylock(&lock) != 0) {
        depth = 0; // another thread holds it; its exit sees pendsv_due and triggers again
        return;
    }
    // In this order: a helper that begins to wait meanwhile is released by this run, or has made the work due for the next.
    pendsv_due = false;
    bool release_helper = atomic_exchange(&helper_waits, false);
    client.work();
    if (look()) {
        // One run is bounded so that Python gets its turn: the helper comes back at once for the rest.
        atomic_store(&deadline, clock_ms());
        eventfd_write(kick_fd, 1);
    }
    pthread_mutex_unlock(&lock);
    depth = 0;
    events_set();
    if (release_helper) {
        sem_post(&work_done);
    }
    if (pendsv_due) {
        pendsv_trigger();   // the signal came in the middle, and its handler could do nothing
    }
}

void pendsv_service(void) {
    if (pendsv_due && depth == 0 && pendsv_on_main_thread()) {
        run();
    }
}

static void on_signal(int number) {
    (void)number;
    int saved_errno = errno;
    pendsv_due = true;
    #if MODHTTP_SAFE_POINTS
    events_set();
    #else
    if (depth == 0) {
        run();
    }
    #endif
    errno = saved_errno;
}

void pendsv_enter(void) {
    depth += 1;
    if (depth == 1) {
        pthread_mutex_lock(&lock);
    }
}

bool pendsv_try_enter(unsigned timeout_ms) {
    if (depth != 0) {
        return false;
    }
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += timeout_ms / 1000;
    until.tv_nsec += timeout_ms % 1000 * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec += 1;
        until.tv_nsec -= 1000000000;
    }
    depth = 1;
    if (pthread_mutex_timedlock(&lock, &until) != 0) {
        depth = 0;
        return false;
    }
    return true;
}

void pendsv_exit(void) {
    if (depth > 1) {
        depth -= 1;
        return;
    }
    if (look()) {
        pendsv_due = true;
    }
    pthread_mutex_unlock(&lock);
    depth = 0;
    atomic_thread_fence(memory_order_seq_cst);
    if (pendsv_due) {
        if (pendsv_on_main_thread()) {
            run();
        } else {
            pendsv_trigger();
        }
    }
}

// Milliseconds until the deadline, at least 0.
static int time_left(void) {
    int32_t left = (int32_t)(atomic_load(&deadline) - clock_ms());
    return left > 0 ? left : 0;
}

static void *helper_main(void *argument) {
    (void)argument;
    for (;;) {
        struct epoll_event sources[HELPER_SOURCES];
        int count = epoll_wait(helper_epoll, sources, HELPER_SOURCES, time_left());
        bool due = time_left() == 0;
        for (int i = 0; i < count; i++) {
            eventfd_t kicks;
            switch (sources[i].data.u32) {
                case HELPER_WORK:
                    due = true;
                    break;
                case HELPER_KICK:
                    eventfd_read(kick_fd, &kicks);
                    break;
                default:
                    events_set();
                    break;
            }
        }
        if (due) {
            // Without the wait this would spin for as long as the main thread holds the work off.
            atomic_store(&helper_waits, true);
            pendsv_trigger();
            while (sem_wait(&work_done) != 0) {
            }
        }
    }
    return NULL;
}

static void helper_watch(int fd, uint32_t events, uint32_t source) {
    struct epoll_event event = { .events = events, .data.u32 = source };
    epoll_ctl(helper_epoll, EPOLL_CTL_ADD, fd, &event);
}

void pendsv_init(const pendsv_client_t *the_client) {
    client = *the_client;
    main_thread = pthread_self();
    sem_init(&work_done, 0, 0);

    struct sigaction action;
    memset(&action, 0, sizeof(action));
    action.sa_handler = on_signal;
    action.sa_flags = SA_RESTART;
    sigaction(PENDSV_SIGNAL, &action, NULL);
    sigset_t mine;
    sigemptyset(&mine);
    sigaddset(&mine, PENDSV_SIGNAL);
    pthread_sigmask(SIG_UNBLOCK, &mine, NULL);
}

void pendsv_start(int epoll_fd) {
    atomic_store(&deadline, clock_ms());
    helper_epoll = epoll_create1(EPOLL_CLOEXEC);
    kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    helper_watch(epoll_fd, EPOLLIN, HELPER_WORK);
    helper_watch(kick_fd, EPOLLIN, HELPER_KICK);
    // Edge-triggered: one event per arrival, whether or not somebody reads it. Files refuse and need none.
    helper_watch(STDIN_FILENO, EPOLLIN | EPOLLET, HELPER_STDIN);

    pthread_t helper;
    sigset_t all, original;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &original);
    int error = pthread_create(&helper, NULL, helper_main, NULL);
    pthread_sigmask(SIG_SETMASK, &original, NULL);
    if (error != 0) {
        static const char message[] = "modhttp: no thread for the network\n";
        ssize_t ignored = write(STDERR_FILENO, message, sizeof(message) - 1);
        (void)ignored;
        _exit(1);
    }
    pthread_detach(helper);
}
