#ifndef MODHTTP_NET_WEBSOCKET_H
#define MODHTTP_NET_WEBSOCKET_H

// WebSockets: connections that have left HTTP for RFC 6455. Frames are taken apart, pings answered and closings carried out in lwIP's
// callbacks, without Python, which fetches whole messages and gives its own.
//
// The functions here are called as those of net/server.h are.

#include "core/ws.h"
#include "net/server.h"

// The longest name of a protocol.
#define MH_SOCKET_PROTOCOL_MAX (64)

// Messages that may wait to be sent, whatever their length.
#define MH_SOCKET_QUEUE (8)

typedef struct _mh_socket_config_t {
    uint32_t max_message;       // bytes of one from the client; over it: 1009
    uint32_t max_queue;         // bytes of messages that wait to be sent; a single one may be longer
    uint32_t ping_ms;           // after so long without a byte the client is asked for one, after as long again given up; 0: never
    bool notify;                // mh_server_take_socket() is to give it whenever there is something to fetch
} mh_socket_config_t;

typedef struct _mh_socket_t mh_socket_t;

// Bytes of memory for a WebSocket; the block must stay where it is, and be kept by `owner`, which the connection keeps while it is open.
size_t mh_socket_size(const mh_socket_config_t *config);

// Answer an opening handshake; `protocol`, of `protocol_len` bytes, is the one chosen of those that the client offers, or NULL. 0, and from now
// on the connection is the WebSocket's; or the status that the request is to be refused with, or -EAGAIN, -EINVAL, -ECONNRESET as always.
int mh_socket_open(mh_conn_t *conn, void *mem, const mh_socket_config_t *config, const char *protocol, size_t protocol_len, void *owner);

// The object that mh_socket_open() was given.
void *mh_socket_owner(const mh_socket_t *socket);

// The oldest message that is here: its opcode and length; false when there is none.
bool mh_socket_peek(const mh_socket_t *socket, uint8_t *opcode, size_t *len);
// Take it.
void mh_socket_take(mh_socket_t *socket, void *buf);

// Send a message, which `hold` keeps in memory and which does not change. 0; -EAGAIN: those before it have to go first; -ECONNRESET: the WebSocket is
// closing or closed.
int mh_socket_send(mh_socket_t *socket, uint8_t opcode, const void *data, size_t len, void *hold);
// Whether the message that was last refused would be taken now.
bool mh_socket_has_room(const mh_socket_t *socket);

// Ask the client for a sign of life.
void mh_socket_ping(mh_socket_t *socket);

// Close when what waits has been sent, with a status that mh_ws_code_ok() and a reason of at most MH_WS_CONTROL_MAX - 2 bytes.
void mh_socket_close(mh_socket_t *socket, uint16_t code, const char *reason, size_t len);

// Whether nothing can be sent any more. 0, or the status that it is closed with, once it is; and the client's reason.
bool mh_socket_is_closing(const mh_socket_t *socket);
uint16_t mh_socket_closed(const mh_socket_t *socket, const char **reason, size_t *len);

// The one that has waited longest with something to fetch: a message, or its end. It is given again as long as there is more. NULL: none.
mh_socket_t *mh_server_take_socket(mh_server_t *server);
bool mh_server_has_sockets(const mh_server_t *server);      // whether it would give one

#endif
