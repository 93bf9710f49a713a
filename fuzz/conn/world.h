#ifndef MODHTTP_FUZZ_CONN_WORLD_H
#define MODHTTP_FUZZ_CONN_WORLD_H

// All that one input is about: one server, its clients, its program.

#include "client.h"

#define MAX_CONNECTIONS (6)
#define SLOTS (MAX_CONNECTIONS + CONN_SPARE)
#define ROUTERS (3)             // none, one, another

// A request or a stream that the program holds.
typedef struct _handler_t {
    mh_conn_t *conn;            // NULL: none
    size_t room;                // 0, or bytes of memory that it was taken for, and nothing else
    client_t *client;
    void *owner;                // the program's object
    bool waiting;               // until it is taken
    bool polls;                 // and looks again now and then, as a blocking call does; a generator does not
    bool roomless;              // its last write found no room
    bool requeued;
    bool strayed;               // where it reads is not known any more
    mh_head_t head;
    mh_body_t body;
    uint16_t body_at;           // offset in the client's stream
    uint16_t read_at;
} handler_t;

typedef struct _world_t {
    mh_server_t *server;
    mh_config_t config;
    const mh_router_t *routers[ROUTERS];
    unsigned router;
    unsigned routers_used;      // a bit each
    void *log;                  // NULL: none is kept
    uint32_t logged;            // entries that were read of it
    bool stopped;               // ever
    bool asleep;                // the program waits to be woken
    uint32_t refused;           // the server's statistics when this step began
    client_t clients[CLIENTS];
    unsigned client_count;
    handler_t handlers[SLOTS];
} world_t;

extern world_t world;
extern bool tracing;             // CONN_TRACE=1 in the environment: say what an input does

// Whether bytes stay where they are: those of the endpoints.
bool natives_hold(const void *data);

// What holds after every step, after the slow timer, and when all clients have gone (check.c).
void world_check(void);
void world_check_deadlines(void);
void world_check_quiet(void);

#endif
