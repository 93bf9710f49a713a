// An object for GNU make's "load": it makes `make run` end as the program does.
//
// Ctrl-C, and a SIGTERM to the process group, reach make as well as the program that it runs. make would wait for the
// program, which ends in good order, and then die of the signal itself: a status that looks like a failure. With this
// loaded it leaves both signals to the program and reports the program's status.
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

int plugin_is_GPL_compatible; // make asks

int patient_gmk_setup(const void *where);

static struct sigaction makes_own;

static void hold(int number) {
    (void)number;
}

// A SIGTERM may have been meant for make alone: pass it on. Where the process group is not make's own, make's way to
// do that is the one that harms nobody else.
static void pass_on(int number) {
    if (getpgrp() != getpid()) {
        makes_own.sa_handler(number);
        return;
    }
    signal(number, hold);
    kill(0, number);
}

// Handlers, not SIG_IGN, which the programs that make starts would inherit.
int patient_gmk_setup(const void *where) {
    (void)where;
    struct sigaction action = { .sa_handler = hold, .sa_flags = SA_RESTART };
    sigaction(SIGINT, &action, NULL);
    action.sa_handler = pass_on;
    sigaction(SIGTERM, &action, &makes_own);
    return 1;
}
