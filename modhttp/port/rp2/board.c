// Start and soft reset of a modhttp board, and the stack that lwIP needs on top of Python's.

#include "py/gc.h"
#include "py/mphal.h"
#include "py/mpthread.h"
#include "py/runtime.h"

#include "pico/binary_info.h"

#include "lwip/priv/tcp_priv.h"
#include "lwip/tcp.h"

#include "port/port.h"
#include "port/rp2/board.h"
#include "port/rp2/stack.h"
#if MODHTTP_BOARD_SLIP
#include "port/rp2/slip.h"
#endif

// What `picotool info` tells of a UF2, or of a board in its boot loader.
bi_decl(bi_program_feature("modhttp " MODHTTP_VERSION))

extern uint8_t __GcHeapStart[], __GcHeapEnd[];

// The stack's memory follows that of the GC heap (memmap_mp_rp2040.ld), so the heap's end makes room for the reserve.
// Nothing is allocated yet. Python may use as much stack as on a stock board; what lies below __StackBottom belongs to
// interrupts, which hold nothing that the GC of core 1 would have to find there.
static void modhttp_board_extend_stack(void) {
    size_t heap = __GcHeapEnd - __GcHeapStart;
    gc_init(__GcHeapStart, __GcHeapStart + heap - MODHTTP_STACK_RESERVE);
}

void modhttp_board_early_init(void) {
    modhttp_board_extend_stack();
    #if MODHTTP_BOARD_SLIP
    modhttp_slip_init();
    #endif
}

// Stops the thread on core 1 while it holds none of the locks that core 0 still needs: main's own call, which comes
// later, looks at the GC's only. The GC's comes first, because gc_collect takes the lwIP lock inside it.
static void modhttp_board_stop_core1(void) {
    mp_thread_recursive_mutex_lock(&MP_STATE_MEM(gc_mutex), 1);
    MICROPY_PY_LWIP_ENTER
    uint32_t atomic = MICROPY_BEGIN_ATOMIC_SECTION();
    mp_thread_deinit();
    MICROPY_END_ATOMIC_SECTION(atomic);
    MICROPY_PY_LWIP_EXIT
    mp_thread_recursive_mutex_unlock(&MP_STATE_MEM(gc_mutex));
}

static bool modhttp_board_has_data(const struct tcp_seg *seg) {
    while (seg != NULL && seg->len == 0) {
        seg = seg->next; // a SYN or FIN alone
    }
    return seg != NULL;
}

// A connection that the program had closed (no argument any more) and whose last data is still on its way. modlwip
// aborts it if that takes more than ten seconds.
static bool modhttp_board_is_delivering(const struct tcp_pcb *pcb) {
    return pcb->callback_arg == NULL
        && (modhttp_board_has_data(pcb->unsent) || modhttp_board_has_data(pcb->unacked));
}

// Resets the program's connections, so that their peers know at once and the next program finds port and pool free;
// those in TIME_WAIT have no peer to tell. Listening sockets hold their pcb and close it in their finaliser.
static void modhttp_board_abort_connections(void) {
    MICROPY_PY_LWIP_ENTER
    struct tcp_pcb *pcb = tcp_active_pcbs;
    while (pcb != NULL) {
        if (modhttp_board_is_delivering(pcb)) {
            pcb = pcb->next;
        } else {
            tcp_abort(pcb);
            pcb = tcp_active_pcbs; // the list may have changed in more than this place
        }
    }
    while (tcp_tw_pcbs != NULL) {
        tcp_abort(tcp_tw_pcbs);
    }
    MICROPY_PY_LWIP_EXIT
}

void modhttp_board_start_soft_reset(void) {
    modhttp_board_stop_core1();
    modhttp_soft_reset();
    modhttp_board_abort_connections();
    #if MODHTTP_BOARD_SLIP
    modhttp_slip_close(); // once the resets are out; main is about to shut down every UART
    #endif
}

void modhttp_board_end_soft_reset(void) {
    #if MODHTTP_BOARD_SLIP
    modhttp_slip_reset();
    #endif
}

// A thread on core 1 runs PendSV on its own stack whenever it releases the lwIP lock, so it gets the reserve on top of
// the size that the program asked for (the linker's --wrap puts this function in place of the port's).
mp_uint_t __real_mp_thread_create(void *(*entry)(void *), void *arg, size_t *stack_size);
mp_uint_t __wrap_mp_thread_create(void *(*entry)(void *), void *arg, size_t *stack_size);

mp_uint_t __wrap_mp_thread_create(void *(*entry)(void *), void *arg, size_t *stack_size) {
    *stack_size = (*stack_size == 0 ? 4096 : MAX(*stack_size, 2048)) + MODHTTP_STACK_RESERVE;
    mp_uint_t id = __real_mp_thread_create(entry, arg, stack_size);
    *stack_size -= MODHTTP_STACK_RESERVE;
    return id;
}
