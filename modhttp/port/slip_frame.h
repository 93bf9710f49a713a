// SLIP framing, RFC 1055: packets on a byte stream, with no checksum and no addresses.
//
// Pure C with no state outside the caller's structures; used by the rp2 SLIP driver and by the host's slipgate.
#ifndef MODHTTP_PORT_SLIP_FRAME_H
#define MODHTTP_PORT_SLIP_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// RFC 1055, "Protocol": the four characters that framing reserves.
#define MODHTTP_SLIP_END (0xc0)
#define MODHTTP_SLIP_ESC (0xdb)
#define MODHTTP_SLIP_ESC_END (0xdc)
#define MODHTTP_SLIP_ESC_ESC (0xdd)

// Most bytes that a packet of n bytes takes on the wire: every byte escaped, an END on either side.
#define MODHTTP_SLIP_ENCODED_MAX(n) (2 * (n) + 2)

// Returned by modhttp_slip_encode when the bytes do not fit.
#define MODHTTP_SLIP_NO_ROOM (SIZE_MAX)

// Escapes n bytes of a packet into a ring of mask + 1 bytes (a power of two), from position pos on, wrapping as
// needed; mask SIZE_MAX makes it a flat buffer. The ENDs around the packet are the caller's. Writes at most room
// bytes. Returns the bytes written, or MODHTTP_SLIP_NO_ROOM if they are not enough: what was written is then to be
// ignored.
size_t modhttp_slip_encode(uint8_t *ring, size_t mask, size_t pos, size_t room, const uint8_t *in, size_t n);

typedef enum {
    MODHTTP_SLIP_MORE,      // all input used, no packet complete
    MODHTTP_SLIP_FULL,      // out is full and the packet goes on: give more room, or set drop
    MODHTTP_SLIP_PACKET,    // a packet of one byte or more is complete
    MODHTTP_SLIP_GARBLED,   // a packet ended that was malformed, or for which drop was set
} modhttp_slip_event_t;

typedef struct {
    uint8_t *out;   // where the next decoded byte goes
    uint8_t *end;   // just past the room at out
    bool started;   // the packet has had a byte
    bool escaped;   // the last byte was ESC
    bool drop;      // skip to the end of this packet; set by the decoder for malformed ones, by the caller for its own reasons
} modhttp_slip_decoder_t;

// Decodes from *in, which is advanced to the first byte not used, up to in_end. Returns at the first event other
// than MORE. After PACKET and GARBLED the flags are clear for the next packet and the caller sets out and end anew.
// Empty packets (END END) are skipped, as RFC 1055 advises.
modhttp_slip_event_t modhttp_slip_decode(modhttp_slip_decoder_t *decoder, const uint8_t **in, const uint8_t *in_end);

#endif
