// lwIP's options for the host build and for slipgate. The features are those that extmod/lwip-include gives
// every MicroPython board; only the sizes and what the host's word size demands are set here.
#ifndef MODHTTP_UNIX_LWIPOPTS_H
#define MODHTTP_UNIX_LWIPOPTS_H

#include <stdint.h>

#define LWIP_NETIF_EXT_STATUS_CALLBACK  1
#define LWIP_NETIF_STATUS_CALLBACK      1
#define LWIP_IPV4                       1
#define LWIP_IPV6                       1
#define LWIP_ND6_NUM_DESTINATIONS       4
#define LWIP_ND6_QUEUEING               0
#define LWIP_ALTCP                      0

// The forwarder reaches the program's server over 127.0.0.1 inside lwIP.
#define LWIP_NETIF_LOOPBACK             1
#define LWIP_HAVE_LOOPIF                1

#ifndef MODHTTP_BOARD_SIZES
#define MODHTTP_BOARD_SIZES             0
#endif

#if MODHTTP_BOARD_SIZES == 2
// The sizes of the rp2 boards, for a TAP device.
#include "../../../../ports/rp2/boards/common/lwip_sizes.h"
#elif MODHTTP_BOARD_SIZES
// The sizes of the rp2 boards, with pcbs, segments and heap doubled: the forwarder's end of each connection is in
// the same pools as the server's.
#define MEMP_NUM_TCP_PCB                (2 * 40)
#include "../../../../ports/rp2/boards/common/lwip_sizes.h"
#undef MEM_SIZE
#define MEM_SIZE                        (2 * 16000)
#else
// Generous: 256 forwarded connections hold two pcbs each, and as many again may sit in TIME_WAIT.
#define MEM_SIZE                        (8 * 1024 * 1024)
#define TCP_MSS                         1460
#define TCP_WND                         (8 * TCP_MSS)
#define TCP_SND_BUF                     (8 * TCP_MSS)
#define MEMP_NUM_TCP_SEG                8192
#define MEMP_NUM_TCP_PCB                1024
#define MEMP_NUM_TCP_PCB_LISTEN         16
#define PBUF_POOL_SIZE                  512
#define MEMP_NUM_PBUF                   1024
#define MDNS_OUTPUT_PACKET_SIZE         1024
// Two seconds of TIME_WAIT. In its two minutes lwIP would ignore a client that comes again from the same port.
#define TCP_MSL                         1000UL
#endif

#include "extmod/lwip-include/lwipopts_common.h"

// machine.Timer of the host build is made of lwIP's timeouts.
#undef MEMP_NUM_SYS_TIMEOUT
#define MEMP_NUM_SYS_TIMEOUT            (LWIP_NUM_SYS_TIMEOUT_INTERNAL + (LWIP_MDNS_RESPONDER * (2 + (5 * (LWIP_IPV4 + LWIP_IPV6)))) + 40)

#if UINTPTR_MAX > 0xffffffffu
#undef MEM_ALIGNMENT
#define MEM_ALIGNMENT                   8
// IPv6 reassembly keeps its state inside the header, where 64-bit pointers don't fit.
#define IPV6_FRAG_COPYHEADER            1
#endif

#if MODHTTP_SAFE_POINTS
// Every object its own malloc, without rounding: AddressSanitizer sees an overrun of one byte.
#define MEMP_MEM_MALLOC                 1
#define MEM_LIBC_MALLOC                 1
#undef MEM_ALIGNMENT
#define MEM_ALIGNMENT                   1
#else
// What the heap and the pools have in use, and the most that they ever had: `_host.pools()`.
#undef LWIP_STATS
#define LWIP_STATS                      1
#define LWIP_STATS_LARGE                1
#define LINK_STATS                      0
#define ETHARP_STATS                    0
#define IP_STATS                        0
#define IPFRAG_STATS                    0
#define ICMP_STATS                      0
#define IGMP_STATS                      0
#define UDP_STATS                       0
#define TCP_STATS                       0
#define SYS_STATS                       0
#define IP6_STATS                       0
#define IP6_FRAG_STATS                  0
#define ICMP6_STATS                     0
#define MLD6_STATS                      0
#define ND6_STATS                       0
#endif

#endif
