// lwIP's options for the connection fuzzer: real headers and pbufs, every object a malloc() of its own, and sizes so
// small that every limit is met within a few segments.
#ifndef MODHTTP_FUZZ_LWIPOPTS_H
#define MODHTTP_FUZZ_LWIPOPTS_H

#define NO_SYS                  1
#define SYS_LIGHTWEIGHT_PROT    0
#define LWIP_IPV4               1
#define LWIP_IPV6               1
#define LWIP_NETCONN            0
#define LWIP_SOCKET             0
#define LWIP_STATS              0
#define LWIP_ALTCP              0
#define SO_REUSE                1
#define TCP_LISTEN_BACKLOG      1
#define TCP_QUEUE_OOSEQ         0

#define MEM_CUSTOM_ALLOCATOR    1
#define MEM_CUSTOM_MALLOC       sim_malloc
#define MEM_CUSTOM_CALLOC       sim_calloc
#define MEM_CUSTOM_FREE         sim_free
#define MEMP_MEM_MALLOC         1
#define MEM_ALIGNMENT           1

#define TCP_MSS                 400
#define TCP_WND                 (4 * TCP_MSS)
#define TCP_SND_BUF             (4 * TCP_MSS)
#define TCP_SND_QUEUELEN        16
#define MEMP_NUM_TCP_SEG        64
#define MEM_SIZE                4000
#define PBUF_POOL_SIZE          8
#define TCP_MSL                 500UL

#endif
