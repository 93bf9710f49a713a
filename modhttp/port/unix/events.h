// The event register of ARM's WFE/SEV, for the host: what wakes a waiting Python.
#ifndef MODHTTP_UNIX_EVENTS_H
#define MODHTTP_UNIX_EVENTS_H

#include <stdbool.h>

// Sets every thread's event register and wakes those that wait. Async-signal-safe, any thread.
void events_set(void);

// Returns at once when this thread's register is set, else waits for events_set(), a signal, or timeout_ms
// milliseconds (negative: for ever). The register is clear afterwards.
void events_wait(long timeout_ms);

// Main thread only: waits until standard input can be read (true; also at its end or on its error) or an
// event comes (false, register cleared). Input that is there already is preferred.
bool events_wait_stdin(void);

#endif
