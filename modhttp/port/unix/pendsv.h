// A signal on the main thread plays PendSV: the work (all of lwIP's input and timers) interrupts Python at any
// instruction of the main thread, never runs beside it, and is held off between enter and exit.
//
// With MODHTTP_SAFE_POINTS the signal only marks the work as due and pendsv_service() runs it, called from
// points where the main thread is not inside libc: for sanitizers and for an lwIP that uses malloc().
#ifndef MODHTTP_UNIX_PENDSV_H
#define MODHTTP_UNIX_PENDSV_H

#include <stdbool.h>
#include <stdint.h>

#define PENDSV_FAR 60000

typedef struct {
    // What the signal does. Never entered twice at a time.
    void (*work)(void);
    // Called with the work held off, before it is let loose: returns in how many milliseconds, at most
    // PENDSV_FAR, there will be work to do (0: now) if nothing else happens.
    uint32_t (*look)(void);
} pendsv_client_t;

// Makes the calling thread the main thread. Call once, before any other function.
void pendsv_init(const pendsv_client_t *client);

// Starts the helper thread: it triggers the work whenever epoll_fd is readable or the time that look() gave has
// passed, and sets an event when there is new standard input.
void pendsv_start(int epoll_fd);

// Hold the work off, from any thread; nests. The work that came due meanwhile runs at the last exit of the
// main thread; another thread's last exit signals the main thread.
void pendsv_enter(void);
void pendsv_exit(void);

// As pendsv_enter(), but gives up (false) after timeout_ms milliseconds, and at once inside the work: for the
// end of the program, when a cancelled thread may have died with the lock.
bool pendsv_try_enter(unsigned timeout_ms);

// Makes the work due. Async-signal-safe, any thread.
void pendsv_trigger(void);

// Runs the work if it is due and nothing holds it off. Elsewhere than on the main thread it does nothing.
void pendsv_service(void);

// Work is due: what a safe point looks at before it calls pendsv_service().
extern volatile bool pendsv_due;

bool pendsv_on_main_thread(void);

#endif
