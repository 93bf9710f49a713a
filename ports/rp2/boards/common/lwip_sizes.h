// lwIP's sizes, with the RAM that each costs. lwIP sees them through py/mpconfig.h; a board may define its own first.
//
// They serve 16 HTTP connections that all ask and all send at once, beside the program's own sockets. A size that runs
// out loses nothing, but something then waits for something else: these are chosen so that it does not happen.

// Segments of 800 bytes: a full one takes 9 ms on a SLIP line at 921,600 baud, and a pool pbuf holds a browser's
// request in one piece. With large packets a segment fills an Ethernet frame, which is a third less work for each byte of
// a large file, and costs 10.6 kB more for the pool.
#ifndef TCP_MSS
#if MODHTTP_LARGE_PACKETS
#define TCP_MSS                 (1460)
#else
#define TCP_MSS                 (800)
#endif
#endif

// 40 x 196 = 7.7 kB. Connections, those that are being opened (the listener's backlog: with less than the browsers'
// bursts, lwIP drops SYNs without a word and the client tries again after a second), closing ones that still have data
// to deliver, and the program's own sockets.
#ifndef MEMP_NUM_TCP_PCB
#define MEMP_NUM_TCP_PCB        (16 + 16 + 4 + 4)
#endif

// What one connection may have under way. Four segments fill 35 ms of a SLIP line; a radio has more on its way before the
// first acknowledgement is back. No static cost by themselves.
#ifndef MODHTTP_WINDOW_SEGMENTS
#define MODHTTP_WINDOW_SEGMENTS (4)
#endif
#define TCP_WND                 (MODHTTP_WINDOW_SEGMENTS * TCP_MSS)
#define TCP_SND_BUF             (MODHTTP_WINDOW_SEGMENTS * TCP_MSS)
#define TCP_SND_QUEUELEN        (16)

// 120 x 16 = 1.9 kB. 16 connections and 4 sockets with four segments each, and a SYN or FIN for every pcb. Where the
// windows are larger, not all can fill them at once.
#define MEMP_NUM_TCP_SEG        (20 * 4 + MEMP_NUM_TCP_PCB)

// 80 x 16 = 1.3 kB. Data sent by reference: one for each of 16 connections' four segments, and 16 more.
#define MEMP_NUM_PBUF           (16 * 4 + 16)

// 16 kB. Headers of the segments sent by reference (16 x 4 x 92 bytes), and for every connection one head or small
// answer that is copied (16 x 600 bytes).
#define MEM_SIZE                (16000)

// 16 x 892 = 14 kB, with large packets 24.8 kB. Packets received and not yet used up.
#ifndef PBUF_POOL_SIZE
#define PBUF_POOL_SIZE          (16)
#endif

// Segments that arrive out of order wait in pool pbufs: at most a quarter of the pool, per connection.
#define TCP_OOSEQ_MAX_PBUFS     (4)

// All that is announced by multicast DNS goes in one packet, from MEM_SIZE while it is sent: with lwIP's own size, 512, a
// service's TXT record has little room.
#ifndef MDNS_OUTPUT_PACKET_SIZE
#define MDNS_OUTPUT_PACKET_SIZE (1024)
#endif

// Two seconds of TIME_WAIT. In its two minutes lwIP would hold a pcb, and ignore a client that comes again from the
// same port.
#define TCP_MSL                 (1000UL)
