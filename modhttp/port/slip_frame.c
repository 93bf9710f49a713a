#include "port/slip_frame.h"

size_t modhttp_slip_encode(uint8_t *ring, size_t mask, size_t pos, size_t room, const uint8_t *in, size_t n) {
    size_t start = pos;
    size_t limit = pos + room;
    // As long as every byte may be escaped and still fit, the room needs no further look.
    bool ample = room >= 2 * n;
    for (const uint8_t *end = in + n; in != end; ++in) {
        uint8_t c = *in;
        bool special = c == MODHTTP_SLIP_END || c == MODHTTP_SLIP_ESC;
        if (!ample && limit - pos < (special ? 2u : 1u)) {
            return MODHTTP_SLIP_NO_ROOM;
        }
        if (special) {
            ring[pos++ & mask] = MODHTTP_SLIP_ESC;
            c = c == MODHTTP_SLIP_END ? MODHTTP_SLIP_ESC_END : MODHTTP_SLIP_ESC_ESC;
        }
        ring[pos++ & mask] = c;
    }
    return pos - start;
}

// Ends the packet: the event to report, or MORE for an empty one. The decoder is ready for the next.
static modhttp_slip_event_t modhttp_slip_finish(modhttp_slip_decoder_t *decoder) {
    bool bad = decoder->drop || decoder->escaped;
    bool started = decoder->started;
    decoder->started = decoder->escaped = decoder->drop = false;
    return bad ? MODHTTP_SLIP_GARBLED : started ? MODHTTP_SLIP_PACKET : MODHTTP_SLIP_MORE;
}

// Takes the byte c that follows an ESC: the byte it stands for. Anything unknown spoils the packet.
static uint8_t modhttp_slip_unescape(modhttp_slip_decoder_t *decoder, uint8_t c) {
    decoder->escaped = false;
    if (c == MODHTTP_SLIP_ESC_END) {
        return MODHTTP_SLIP_END;
    }
    if (c != MODHTTP_SLIP_ESC_ESC) {
        decoder->drop = true;
    }
    return MODHTTP_SLIP_ESC;
}

modhttp_slip_event_t modhttp_slip_decode(modhttp_slip_decoder_t *decoder, const uint8_t **in, const uint8_t *in_end) {
    uint8_t *out = decoder->out;
    modhttp_slip_event_t event = MODHTTP_SLIP_MORE;
    const uint8_t *p = *in;
    while (event == MODHTTP_SLIP_MORE && p != in_end) {
        uint8_t c = *p;
        if (c == MODHTTP_SLIP_END) {
            ++p;
            event = modhttp_slip_finish(decoder);
            continue;
        }
        if (decoder->drop) {
            ++p;
            continue;
        }
        if (out == decoder->end) {
            event = MODHTTP_SLIP_FULL;
            continue;
        }
        ++p;
        decoder->started = true;
        if (decoder->escaped) {
            c = modhttp_slip_unescape(decoder, c);
        } else if (c == MODHTTP_SLIP_ESC) {
            decoder->escaped = true;
            continue;
        }
        *out++ = c;
    }
    decoder->out = out;
    *in = p;
    return event;
}
