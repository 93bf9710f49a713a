#ifndef MODHTTP_FUZZ_CONN_PROGRAM_H
#define MODHTTP_FUZZ_CONN_PROGRAM_H

// The program, as py/ and a handler written in Python would be: it takes requests, reads, answers, detaches, forgets.
// Its objects are garbage-collected: what neither it nor the server's memory refers to is freed.

#include "world.h"

// Fetch the next connection from the ready queue. False: there is none, and the program sleeps until it is woken.
bool program_take(void);
void program_wake(void *arg);

// Each works on a connection that the program holds; results as of net/server.h.
int program_begin(handler_t *handler, uint16_t status, uint32_t declared, uint32_t body_len, bool close);
int program_write(handler_t *handler, uint32_t len, bool by_reference);
int program_end(handler_t *handler);
int program_read(handler_t *handler, uint32_t len);
int program_take_body(handler_t *handler);
void program_give_room(handler_t *handler, bool memory);
void program_wait(handler_t *handler, bool wait);
void program_requeue(handler_t *handler);
void program_detach(handler_t *handler);
void program_release(handler_t *handler);
void program_look(handler_t *handler);      // at all that can be asked of it
// Go on with a request as far as there is room and data: read its body, answer it.
void program_serve(handler_t *handler);

// Collect garbage. The server's memory is a root as long as it is there.
void program_collect(const void *roots, size_t len);

#endif
