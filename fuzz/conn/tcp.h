#ifndef MODHTTP_FUZZ_CONN_TCP_H
#define MODHTTP_FUZZ_CONN_TCP_H

// lwIP's TCP as net/ sees it: the functions of the raw API with the contracts of lwIP 2.2's tcp.c, tcp_in.c and
// tcp_out.c, without packets. A segment is a function call, time is a number, memory runs out on demand. What lwIP
// frees is free()d, and what it must be able to send again is compared with what was first given.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lwip/tcp.h"

#define LINK_PIECES (64)

// What tcp_write() took. Data by reference is looked at again when it is acknowledged.
typedef struct _piece_t {
    const uint8_t *ref;         // NULL: copied
    uint8_t *first;             // by reference: what it was then
    uint16_t len;
    uint16_t queued;            // of pcb->snd_queuelen
} piece_t;

// A connection as the network sees it. It outlives lwIP's pcb.
typedef struct _link_t {
    struct tcp_pcb *pcb;        // NULL when lwIP has freed it
    struct _client_t *client;
    piece_t pieces[LINK_PIECES];
    unsigned piece_first;
    unsigned piece_count;
    uint16_t piece_acked;       // bytes of the first one
    uint32_t written;           // by tcp_write()
    uint32_t output;            // by tcp_output()
    uint32_t acked;
    uint32_t received;          // that lwIP took from the client
    uint32_t credited;          // by tcp_recved()
    uint32_t sent_at;           // ms: when the client last sent something
    uint32_t owed_at;           // since when there has been something to acknowledge
    bool shut;                  // FIN ordered, by tcp_shutdown() or tcp_close()
    bool fin;                   // FIN queued
    bool starved;               // there was no memory for what was last to be written
    bool retried;               // nor had there been for what was last written, when it was first tried
    bool fin_late;              // there was no memory for it at first: the client's may have come meanwhile
    bool fin_output;
    bool fin_acked;
    bool client_fin;            // lwIP has the client's FIN
    bool reset;                 // a RST ended it, from either side
    bool aborted;               // by tcp_abort()
    bool unsent_ok;             // the program has not asked for output yet
} link_t;

// Where memory runs out next: each counts down with every use, and fails at 1 (0: never).
typedef struct _faults_t {
    uint8_t write;              // tcp_write(): ERR_MEM
    uint8_t memory;             // mem_malloc(): NULL
    uint8_t fin;                // no segment for a FIN: sent from the fast timer
    uint8_t close;              // tcp_close() and tcp_shutdown(): ERR_MEM, as their documentation allows
    uint8_t listener;           // tcp_listen(): ERR_MEM
    uint8_t bind;               // tcp_bind(): ERR_USE
} faults_t;

// Why the server may reset a client that has not got everything.
enum {
    MAY_RESET_TIME = 1 << 0,        // in a poll callback: its time may be up
    MAY_RESET_PROGRAM = 1 << 1,     // the program ends it
    MAY_RESET_MEMORY = 1 << 2,      // lwIP is out of something
};

typedef struct _sim_t {
    uint32_t now;
    unsigned pcbs;
    unsigned max_pcbs;
    unsigned blocks;            // of memory that lwIP has taken
    faults_t faults;
    unsigned faulted;           // faults so far
    unsigned may_reset;
    link_t *opening;            // the link that is in the accept callback
    bool input_closed;          // TF_CLOSED of lwIP's recv_flags
    uint8_t timer;              // of tcp_tmr()
    uint8_t timer_ctr;
} sim_t;

// What a pbuf of the driver carries in if_idx, so that it is known again.
#define DRIVER_PBUF (42)

extern sim_t sim;

void sim_reset(void);

// A segment that arrives from the client.
typedef struct _segment_t {
    const uint8_t *data;
    uint16_t len;
    uint16_t ack;               // bytes newly acknowledged; more than there are acknowledges the FIN
    uint8_t split;              // how the driver's pbufs cut it
    bool fin;
} segment_t;

// The client's SYN, and its ACK that lets the listener accept. `window` is the largest that it will offer. False when nobody
// listens or answers.
bool link_syn(link_t *link, uint16_t port, uint16_t remote_port, uint16_t window);
void link_accept(link_t *link);
// False when lwIP dropped it, so that the client has to send it again.
bool link_input(link_t *link, const segment_t *segment);
void link_rst(link_t *link);
// Retransmissions have gone unanswered for too long.
void link_vanish(link_t *link);
uint16_t link_window(const link_t *link);
// Whether this is a connection that data can come in from.
bool link_is_open(const link_t *link);
// By-reference data in flight is what it was: the network may need it again.
void link_check_references(const link_t *link);
void link_free(link_t *link);

// 250 ms pass.
void sim_tick(void);
// Another program's socket takes a pcb of normal priority, if there is one to be had, and gives it back.
void sim_foreign_pcb(void);

// --- What the client makes of it (client.c)

// Bytes given to tcp_write(): they reach the client unchanged and in order, or a RST does.
void client_bytes(link_t *link, const uint8_t *data, size_t len);
void client_server_fin(link_t *link);
void client_server_rst(link_t *link);

#endif
