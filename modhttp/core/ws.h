#ifndef MODHTTP_CORE_WS_H
#define MODHTTP_CORE_WS_H

// WebSocket (RFC 6455), the server's side: the opening handshake, a client's frames taken apart, heads of frames of ours.
// Extensions are not negotiated, so that no frame may use any.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/head.h"

typedef enum {
    MH_WS_CONTINUATION = 0,
    MH_WS_TEXT = 1,
    MH_WS_BINARY = 2,
    MH_WS_CLOSE = 8,
    MH_WS_PING = 9,
    MH_WS_PONG = 10,
} mh_ws_opcode_t;

// Of a control frame's payload.
#define MH_WS_CONTROL_MAX (125)

// A client's key, and what is made of it.
#define MH_WS_KEY_LEN (24)
#define MH_WS_ACCEPT_LEN (28)

// The head of a frame of ours.
#define MH_WS_HEAD_MAX (10)

// Whether a request is an opening handshake (RFC 6455 section 4.2.1): 0, and *key is the MH_WS_KEY_LEN bytes of its key; or the status that
// it is to be refused with: 426 where it asks for another protocol or version, or for none; 400 where it is malformed.
int mh_ws_handshake(const mh_head_t *head, const uint8_t *data, const char **key);

// What goes into Sec-WebSocket-Accept.
void mh_ws_accept(const char key[MH_WS_KEY_LEN], char out[MH_WS_ACCEPT_LEN]);

// Whether the request's Sec-WebSocket-Protocol fields name this protocol.
bool mh_ws_offers(const mh_head_t *head, const uint8_t *data, const char *protocol, size_t len);

// UTF-8 that comes in pieces. All zero is a fresh one.
typedef struct _mh_utf8_t {
    uint8_t left;           // bytes that the character under way lacks
    uint8_t low, high;      // between which the next of them has to be
} mh_utf8_t;

// False at the first byte that cannot follow. The text may end where utf8->left is 0.
bool mh_utf8_next(mh_utf8_t *utf8, const uint8_t *text, size_t len);

// A client's frames, as far as they have come. All zero but for `max_message` is a fresh one.
typedef struct _mh_ws_t {
    uint32_t max_message;   // bytes; over it: 1009
    uint32_t message_len;   // payload of the message under way, in the frames that have begun
    uint32_t left;          // payload of the frame under way that is still to come
    uint8_t mask[4];        // turned, so that its first byte is for the payload's next
    uint8_t head[14];
    uint8_t have;           // bytes of `head`
    uint8_t message;        // the opcode of the message under way, 0 between messages
    uint8_t control_len;
    uint8_t control[MH_WS_CONTROL_MAX];
    bool in_payload;        // the head is complete
    mh_utf8_t utf8;         // of a text under way
} mh_ws_t;

typedef enum {
    MH_WS_NOTHING,          // that was part of a frame, or the end of one that does not end its message
    MH_WS_DATA,             // payload of the message under way, whose opcode is ws->message
    MH_WS_END,              // the same, and the message ends with it
    MH_WS_CONTROL,          // a whole control frame: `opcode`, and the payload in ws->control
    MH_WS_ERROR,            // the connection is to be failed with the status `code`; nothing may follow
} mh_ws_kind_t;

typedef struct _mh_ws_piece_t {
    mh_ws_kind_t kind;
    uint8_t opcode;
    uint16_t code;
    uint8_t message;        // MH_WS_DATA, MH_WS_END: MH_WS_TEXT or MH_WS_BINARY
    const uint8_t *data;
    size_t len;
} mh_ws_piece_t;

// Take some of `data[0..len)`, and tell of it; payload is unmasked where it lies. Returns how many bytes were taken: at least one, unless len
// is 0. Payload of a message never comes with the end of its frame's head: between the two, ws->left says how much may come.
size_t mh_ws_next(mh_ws_t *ws, uint8_t *data, size_t len, mh_ws_piece_t *piece);

// Whether what comes next is payload of a message, rather than of a control frame or a head.
bool mh_ws_in_message(const mh_ws_t *ws);

// Exclusive-or with the mask, which is turned on by so many bytes.
void mh_ws_unmask(uint8_t mask[4], uint8_t *data, size_t len);

// Whether an endpoint may send this status (RFC 6455 section 7.4, and those registered since).
bool mh_ws_code_ok(uint32_t code);

// The status in a close frame's payload, 1005 where there is none; where it is malformed, -1002 or -1007.
int mh_ws_close_code(const uint8_t *payload, size_t len);

// Compose the head of a frame of ours, not masked and the only one of its message. Returns its length.
size_t mh_ws_head(uint8_t opcode, uint32_t len, uint8_t out[MH_WS_HEAD_MAX]);

#endif
