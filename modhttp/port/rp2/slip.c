// SLIP over UART0, driven by interrupts both ways. Three levels touch the state below:
//
//   interrupt   the UART's, on core 0: fills the receive ring, empties the transmit ring
//   lwIP        PendSV on either core, or Python holding the lwIP lock: empties the one, fills the other
//   Python      opens and closes
//
// Each ring has one writer and one reader. Their positions run freely; the masks bring them into the ring. While flash is
// erased or programmed interrupts are off, and DMA is what writes the receive ring.

#include <string.h>

#include "py/mphal.h"
#include "pendsv.h"

#include "hardware/clocks.h"
#include "hardware/dma.h"
#include "hardware/flash.h"
#include "hardware/gpio.h"
#include "hardware/irq.h"
#include "hardware/structs/scb.h"
#include "hardware/sync.h"
#include "hardware/uart.h"
#include "pico/binary_info.h"

#include "lwip/ip.h"
#include "lwip/priv/tcp_priv.h"
#include "lwip/tcp.h"

#include "extmod/modnetwork.h"

#include "port/rp2/slip.h"
#include "port/slip_frame.h"

#define SLIP_UART uart0
#define SLIP_IRQ UART0_IRQ
#define SLIP_TX_PIN (0)
#define SLIP_RX_PIN (1)

// Large enough for any IP packet that comes without fragments over an Ethernet-like path.
#define SLIP_MTU (1500)

// 44 ms at 921,600 baud: what arrives while flash is programmed or the lwIP lock is held is kept.
#define SLIP_RX_SIZE (4096)

// A packet goes in whole or not at all, so the ring must take the longest one however it is escaped.
#define SLIP_TX_SIZE (4096)

// A packet that was refused is tried again once no more than this is left to send: 11 ms at 921,600 baud,
// so that the line does not fall idle.
#define SLIP_TX_LOW (1024)

#define SLIP_UART_FIFO (32)
#define SLIP_UART_ERRORS (UART_UARTDR_OE_BITS | UART_UARTDR_BE_BITS | UART_UARTDR_PE_BITS | UART_UARTDR_FE_BITS)

// The link register of a handler that interrupted another handler: ARMv6-M Architecture Reference Manual, B1.5.8.
#define EXC_RETURN_TO_HANDLER (0xfffffff1u)

_Static_assert((SLIP_RX_SIZE & (SLIP_RX_SIZE - 1)) == 0, "positions are masked");
_Static_assert((SLIP_TX_SIZE & (SLIP_TX_SIZE - 1)) == 0, "positions are masked");
_Static_assert(SLIP_TX_SIZE >= MODHTTP_SLIP_ENCODED_MAX(SLIP_MTU), "every packet must fit into the empty ring");

bi_decl(bi_2pins_with_names(SLIP_TX_PIN, "SLIP out", SLIP_RX_PIN, "SLIP in"))

struct netif modhttp_slip_netif;
modhttp_slip_counters_t modhttp_slip_counters;

static struct {
    // Owned by the Python level.
    uint32_t baudrate;
    spin_lock_t *tx_lock;           // held while bytes move from the transmit ring to the UART
    volatile bool open;

    // Receiving: head and lost are the interrupt's, the rest is lwIP's.
    volatile uint32_t rx_head;
    volatile uint32_t rx_tail;
    bool rx_lost;                   // bytes of the present packet were lost: skip to its END
    modhttp_slip_decoder_t decoder;
    struct pbuf *packet;            // being received; NULL before its first byte
    struct pbuf *packet_end;        // its last pbuf, the one that the decoder fills

    // Sending: head and next are lwIP's, tail is under tx_lock; refused is set by lwIP and read by the interrupt.
    volatile uint32_t tx_head;
    volatile uint32_t tx_tail;
    volatile bool tx_refused;       // lwIP holds packets back until the ring has room
    struct tcp_pcb *tx_next;        // the connection whose turn it is then; compared, never followed

    uint8_t rx[SLIP_RX_SIZE];
    uint8_t tx[SLIP_TX_SIZE];
} slip;

static void modhttp_slip_run(void);

// ---- interrupt level ----

static inline void modhttp_slip_put(uint32_t *head, uint8_t c) {
    slip.rx[(*head)++ & (SLIP_RX_SIZE - 1)] = c;
}

// Empties the UART's FIFO into the receive ring. Returns true if a packet ended.
//
// A packet that loses bytes is cut short with ESC END, which no sender produces, so that the decoder drops it. Two
// bytes of the ring are kept free for that.
static bool modhttp_slip_receive(uart_hw_t *uart) {
    bool ended = false;
    uint32_t head = slip.rx_head;
    uint32_t limit = slip.rx_tail + SLIP_RX_SIZE;
    while (!(uart->fr & UART_UARTFR_RXFE_BITS)) {
        uint32_t data = uart->dr;
        uint8_t c = data;
        if (!slip.rx_lost && ((data & SLIP_UART_ERRORS) || limit - head <= 2)) {
            slip.rx_lost = true;
            modhttp_slip_counters.overruns++;
        }
        if (!slip.rx_lost) {
            modhttp_slip_put(&head, c);
        } else if (c == MODHTTP_SLIP_END && limit - head >= 2) {
            modhttp_slip_put(&head, MODHTTP_SLIP_ESC);
            modhttp_slip_put(&head, MODHTTP_SLIP_END);
            slip.rx_lost = false;
        }
        ended |= c == MODHTTP_SLIP_END;
    }
    __dmb(); // the bytes before the position that announces them: PendSV may run on core 1
    slip.rx_head = head;
    return ended;
}

// Moves bytes from the transmit ring to the UART's FIFO, and asks for an interrupt if some are left. Under tx_lock.
//
// The UART interrupts when its FIFO drains past a mark, not while it is below: filling up to 32 bytes at a time makes
// sure that it has been above.
static void modhttp_slip_transmit(uart_hw_t *uart) {
    uint32_t head = slip.tx_head;
    uint32_t tail = slip.tx_tail;
    for (int n = SLIP_UART_FIFO; n > 0 && tail != head && !(uart->fr & UART_UARTFR_TXFF_BITS); --n) {
        uart->dr = slip.tx[tail++ & (SLIP_TX_SIZE - 1)];
    }
    slip.tx_tail = tail;
    if (tail == head) {
        hw_clear_bits(&uart->imsc, UART_UARTIMSC_TXIM_BITS);
    } else {
        hw_set_bits(&uart->imsc, UART_UARTIMSC_TXIM_BITS);
    }
}

static inline bool modhttp_slip_may_resume(void) {
    return slip.tx_refused && slip.tx_head - slip.tx_tail <= SLIP_TX_LOW;
}

// Runs modhttp_slip_run at PendSV level as soon as no one holds the lwIP lock.
//
// pendsv_schedule_dispatch leaves it to the holder of the lock to run what was scheduled meanwhile, but the PendSV
// handler, which takes the lock too, does not look again when it is done. If it is the PendSV handler that this
// interrupt stopped (nothing else has a lower priority), PendSV is pended once more. When the handler runs on core 1,
// the next packet, release of the lock or lwIP tick (64 ms) catches up.
static inline void modhttp_slip_wake(bool in_handler) {
    pendsv_schedule_dispatch(PENDSV_DISPATCH_MODHTTP_SLIP, modhttp_slip_run);
    if (in_handler) {
        scb_hw->icsr = M0PLUS_ICSR_PENDSVSET_BITS;
    }
}

static void modhttp_slip_irq(void) {
    bool in_handler = (uint32_t)__builtin_return_address(0) == EXC_RETURN_TO_HANDLER;
    uart_hw_t *uart = uart_get_hw(SLIP_UART);
    bool wake = modhttp_slip_receive(uart);
    if (uart->imsc & UART_UARTIMSC_TXIM_BITS) {
        spin_lock_unsafe_blocking(slip.tx_lock);
        modhttp_slip_transmit(uart);
        spin_unlock_unsafe(slip.tx_lock);
        wake |= modhttp_slip_may_resume();
    }
    if (wake) {
        modhttp_slip_wake(in_handler);
    }
}

// ---- while flash is busy ----

// Up to 45 ms for a sector, of which the UART's FIFO keeps a third of a millisecond.
typedef struct _modhttp_slip_capture_t {
    uint32_t interrupts;
    bool wake;              // lwIP has something to fetch
    int channel[2];         // one up to the ring's end, one from its beginning; -1: without
    uint8_t *to[2];
} modhttp_slip_capture_t;

// Bytes, without the UART's marks: one that is broken is found by TCP's checksum.
static void modhttp_slip_capture_part(const modhttp_slip_capture_t *capture, int i, uint32_t count, bool chained) {
    int channel = capture->channel[i];
    dma_channel_config config = dma_channel_get_default_config(channel);
    channel_config_set_transfer_data_size(&config, DMA_SIZE_8);
    channel_config_set_read_increment(&config, false);
    channel_config_set_write_increment(&config, true);
    channel_config_set_dreq(&config, uart_get_dreq(SLIP_UART, false));
    channel_config_set_irq_quiet(&config, true);
    if (chained) {
        channel_config_set_chain_to(&config, capture->channel[1]);
    }
    dma_channel_configure(channel, &config, capture->to[i], &uart_get_hw(SLIP_UART)->dr, count, i == 0);
}

static void modhttp_slip_capture_begin(modhttp_slip_capture_t *capture) {
    capture->interrupts = save_and_disable_interrupts();
    capture->channel[0] = capture->channel[1] = -1;
    capture->wake = slip.open && modhttp_slip_receive(uart_get_hw(SLIP_UART));
    if (!slip.open) {
        return;
    }
    uint32_t at = slip.rx_head & (SLIP_RX_SIZE - 1);
    uint32_t room = slip.rx_tail + SLIP_RX_SIZE - slip.rx_head;
    if (slip.rx_lost || room <= 2) {
        return;
    }
    room -= 2;
    uint32_t first = LWIP_MIN(room, SLIP_RX_SIZE - at);
    capture->to[0] = slip.rx + at;
    capture->to[1] = slip.rx;
    capture->channel[0] = dma_claim_unused_channel(false);
    capture->channel[1] = capture->channel[0] < 0 || room == first ? -1 : dma_claim_unused_channel(false);
    if (capture->channel[1] >= 0) {
        modhttp_slip_capture_part(capture, 1, room - first, false);
    }
    if (capture->channel[0] >= 0) {
        modhttp_slip_capture_part(capture, 0, first, capture->channel[1] >= 0);
    }
}

// Stops a channel: what it has begun is over when it has no more leave to begin (RP2040 datasheet, errata, RP2040-E13).
// Returns how many bytes it has brought.
static uint32_t modhttp_slip_capture_stop(const modhttp_slip_capture_t *capture, int i) {
    int channel = capture->channel[i];
    if (channel < 0) {
        return 0;
    }
    dma_channel_hw_t *dma = dma_channel_hw_addr(channel);
    hw_clear_bits(&dma->al1_ctrl, DMA_CH0_CTRL_TRIG_EN_BITS);
    dma_channel_abort(channel);
    uint32_t count = dma->write_addr - (uint32_t)capture->to[i];
    dma_channel_unclaim(channel);
    return count;
}

static void modhttp_slip_capture_end(modhttp_slip_capture_t *capture) {
    uint32_t count = modhttp_slip_capture_stop(capture, 0);
    count += modhttp_slip_capture_stop(capture, 1);
    __dmb();
    slip.rx_head += count;
    if (capture->wake || count > 0) {
        modhttp_slip_wake(false);
    }
    restore_interrupts(capture->interrupts);
}

// The SDK's (the linker's --wrap puts these in their place).
void __real_flash_range_erase(uint32_t flash_offs, size_t count);
void __real_flash_range_program(uint32_t flash_offs, const uint8_t *data, size_t count);
void __wrap_flash_range_erase(uint32_t flash_offs, size_t count);
void __wrap_flash_range_program(uint32_t flash_offs, const uint8_t *data, size_t count);

void __wrap_flash_range_erase(uint32_t flash_offs, size_t count) {
    modhttp_slip_capture_t capture;
    modhttp_slip_capture_begin(&capture);
    __real_flash_range_erase(flash_offs, count);
    modhttp_slip_capture_end(&capture);
}

void __wrap_flash_range_program(uint32_t flash_offs, const uint8_t *data, size_t count) {
    modhttp_slip_capture_t capture;
    modhttp_slip_capture_begin(&capture);
    __real_flash_range_program(flash_offs, data, count);
    modhttp_slip_capture_end(&capture);
}

// ---- lwIP level: receiving ----

static void modhttp_slip_drop_packet(void) {
    if (slip.packet != NULL) {
        pbuf_free(slip.packet);
        slip.packet = NULL;
    }
    slip.decoder.out = slip.decoder.end = NULL;
}

// Gives the decoder room for more of the packet; false when there is none or the packet is too long.
static bool modhttp_slip_grow_packet(void) {
    size_t length = slip.packet == NULL ? 0 : slip.packet->tot_len;
    if (length >= SLIP_MTU) {
        return false;
    }
    struct pbuf *p = pbuf_alloc(PBUF_RAW, LWIP_MIN(PBUF_POOL_BUFSIZE, SLIP_MTU - length), PBUF_POOL);
    if (p == NULL) {
        PBUF_CHECK_FREE_OOSEQ(); // lwIP gives out-of-order segments back, for the next packet
        return false;
    }
    if (slip.packet == NULL) {
        slip.packet = p;
    } else {
        pbuf_cat(slip.packet, p);
    }
    slip.packet_end = p;
    slip.decoder.out = p->payload;
    slip.decoder.end = slip.decoder.out + p->len;
    return true;
}

// Hands the packet to lwIP, which owns it from then on.
static void modhttp_slip_deliver_packet(void) {
    struct pbuf *p = slip.packet;
    pbuf_realloc(p, p->tot_len - (slip.decoder.end - slip.decoder.out));
    // lwIP reads a whole IP header before it looks at the length
    size_t least = *(const uint8_t *)p->payload >> 4 == 6 ? IP6_HLEN : IP_HLEN;
    if (p->tot_len < least) {
        modhttp_slip_counters.garbled++;
        modhttp_slip_drop_packet();
        return;
    }
    slip.packet = NULL;
    modhttp_slip_drop_packet();
    modhttp_slip_counters.packets_in++;
    if (modhttp_slip_netif.input(p, &modhttp_slip_netif) != ERR_OK) {
        pbuf_free(p);
    }
}

static void modhttp_slip_event(modhttp_slip_event_t event) {
    switch (event) {
        case MODHTTP_SLIP_FULL:
            if (!modhttp_slip_grow_packet()) {
                modhttp_slip_counters.dropped++;
                modhttp_slip_drop_packet();
                slip.decoder.drop = true;
            }
            break;
        case MODHTTP_SLIP_PACKET:
            modhttp_slip_deliver_packet();
            break;
        case MODHTTP_SLIP_GARBLED:
            modhttp_slip_counters.garbled++;
            modhttp_slip_drop_packet();
            break;
        case MODHTTP_SLIP_MORE:
            break;
    }
}

// Decodes what the ring holds on entry: a bounded amount of work, however fast more arrives.
static void modhttp_slip_input(void) {
    uint32_t head = slip.rx_head;
    __dmb();
    while (slip.open && slip.rx_tail != head) {
        uint32_t at = slip.rx_tail & (SLIP_RX_SIZE - 1);
        const uint8_t *in = slip.rx + at;
        const uint8_t *in_end = in + LWIP_MIN(head - slip.rx_tail, SLIP_RX_SIZE - at);
        modhttp_slip_event_t event = modhttp_slip_decode(&slip.decoder, &in, in_end);
        slip.rx_tail += in - (slip.rx + at);
        modhttp_slip_event(event);
    }
}

// ---- lwIP level: sending ----

// Starts the UART on what was put into the ring.
static void modhttp_slip_kick(void) {
    uint32_t state = spin_lock_blocking(slip.tx_lock);
    modhttp_slip_transmit(uart_get_hw(SLIP_UART));
    spin_unlock(slip.tx_lock, state);
}

static err_t modhttp_slip_refuse(void) {
    modhttp_slip_counters.refused++;
    slip.tx_refused = true;
    return ERR_WOULDBLOCK;
}

// A segment that the ring refused is queued, not failed: TCP keeps it and modhttp_slip_resume sends it. But tcp_output
// reports the refusal, and modlwip would raise it in the program although the data has been taken (the linker's --wrap
// puts this function in place of lwIP's).
err_t __real_tcp_output(struct tcp_pcb *pcb);
err_t __wrap_tcp_output(struct tcp_pcb *pcb);

// A flag of a pcb, beside lwIP's: it owes an acknowledgement or tells of a window, and was refused. tcp_fasttmr forgets that: it takes what it
// has had sent for sent, and the other end would wait until it tries again by itself.
#define SLIP_TF_OWES (0x8000u)

// While some segment waits for room, all others wait too, until modhttp_slip_resume sends them in turn: answers that are longer than the ring
// would take each bit of room when the last bit is acknowledged, and a connection that was refused once would have none for as long as they go on.
// What is an acknowledgement and no more takes a twentieth of a segment's room, and need not wait.
err_t __wrap_tcp_output(struct tcp_pcb *pcb) {
    err_t err = ERR_WOULDBLOCK;
    if (!slip.tx_refused || pcb->unsent == NULL) {
        if (pcb->flags & SLIP_TF_OWES) {
            tcp_clear_flags(pcb, SLIP_TF_OWES);
            tcp_ack_now(pcb);
        }
        err = __real_tcp_output(pcb);
    }
    if (err != ERR_WOULDBLOCK) {
        return err;
    }
    if (pcb->flags & TF_ACK_NOW) {
        tcp_set_flags(pcb, SLIP_TF_OWES);
    }
    return ERR_OK;
}

// Puts a packet into the transmit ring, whole or not at all.
static err_t modhttp_slip_output(struct netif *netif, struct pbuf *p, const ip4_addr_t *next_hop) {
    if (!slip.open) {
        return ERR_IF;
    }
    uint32_t head = slip.tx_head;
    uint32_t limit = slip.tx_tail + SLIP_TX_SIZE - 1; // the last byte is for the END
    if (limit - head < 1 || limit - head > SLIP_TX_SIZE) {
        return modhttp_slip_refuse();
    }
    slip.tx[head++ & (SLIP_TX_SIZE - 1)] = MODHTTP_SLIP_END; // ends whatever noise the line has brought (RFC 1055)
    for (; p != NULL; p = p->next) {
        size_t n = modhttp_slip_encode(slip.tx, SLIP_TX_SIZE - 1, head, limit - head, p->payload, p->len);
        if (n == MODHTTP_SLIP_NO_ROOM) {
            return modhttp_slip_refuse();
        }
        head += n;
    }
    slip.tx[head++ & (SLIP_TX_SIZE - 1)] = MODHTTP_SLIP_END;
    __dmb(); // the packet before the position that announces it
    slip.tx_head = head;
    modhttp_slip_counters.packets_out++;
    modhttp_slip_kick();
    return ERR_OK;
}

// Lets every connection send what it had to keep, in turn from the one that was refused last, until the ring is full
// again. Without this lwIP would wait for its 250 ms timer.
static void modhttp_slip_resume(void) {
    struct tcp_pcb *first = tcp_active_pcbs;
    while (first != NULL && first != slip.tx_next) {
        first = first->next;
    }
    if (first == NULL) {
        first = tcp_active_pcbs;
    }
    slip.tx_refused = false;
    struct tcp_pcb *pcb = first;
    while (pcb != NULL) {
        tcp_output(pcb);
        if (slip.tx_refused) {
            slip.tx_next = pcb;
            return;
        }
        pcb = pcb->next != NULL ? pcb->next : tcp_active_pcbs;
        if (pcb == first) {
            return;
        }
    }
}

// The PendSV dispatch.
static void modhttp_slip_run(void) {
    modhttp_slip_input();
    if (modhttp_slip_may_resume()) {
        modhttp_slip_resume();
    }
}

// ---- Python level ----

static void modhttp_slip_set_irq_handler(void) {
    irq_handler_t present = irq_get_exclusive_handler(SLIP_IRQ);
    if (present == modhttp_slip_irq) {
        return;
    }
    if (present != NULL) {
        irq_remove_handler(SLIP_IRQ, present); // machine.UART's; it stays installed when a UART is closed
    }
    irq_set_exclusive_handler(SLIP_IRQ, modhttp_slip_irq);
}

void modhttp_slip_open(void) {
    if (slip.open) {
        return;
    }
    uart_init(SLIP_UART, slip.baudrate);
    gpio_set_function(SLIP_TX_PIN, GPIO_FUNC_UART);
    gpio_set_function(SLIP_RX_PIN, GPIO_FUNC_UART);
    modhttp_slip_set_irq_handler();
    uart_hw_t *uart = uart_get_hw(SLIP_UART);
    // Interrupt at 16 bytes received, which leaves 16 for the time until they are fetched, and at 8 left to send.
    uart->ifls = (2 << UART_UARTIFLS_RXIFLSEL_LSB) | (1 << UART_UARTIFLS_TXIFLSEL_LSB);
    slip.open = true;
    irq_set_enabled(SLIP_IRQ, true);
    uart->imsc = UART_UARTIMSC_RXIM_BITS | UART_UARTIMSC_RTIM_BITS;
    MICROPY_PY_LWIP_ENTER
    netif_set_link_up(&modhttp_slip_netif);
    netif_set_up(&modhttp_slip_netif);
    MICROPY_PY_LWIP_EXIT
}

// Waits for what is in the transmit ring and the UART to be sent; not for ever, should the UART not run.
static void modhttp_slip_drain(void) {
    uint32_t start = mp_hal_ticks_ms();
    uint32_t longest = 1 + (SLIP_TX_SIZE + SLIP_UART_FIFO) * 10 * 1000ull / slip.baudrate;
    while ((slip.tx_tail != slip.tx_head || (uart_get_hw(SLIP_UART)->fr & UART_UARTFR_BUSY_BITS))
           && mp_hal_ticks_ms() - start <= longest) {
        tight_loop_contents();
    }
}

void modhttp_slip_close(void) {
    if (!slip.open) {
        return;
    }
    MICROPY_PY_LWIP_ENTER
    netif_set_down(&modhttp_slip_netif);
    netif_set_link_down(&modhttp_slip_netif);
    modhttp_slip_drain();
    slip.open = false;
    irq_set_enabled(SLIP_IRQ, false);
    irq_remove_handler(SLIP_IRQ, modhttp_slip_irq);
    modhttp_slip_drop_packet();
    memset(&slip.decoder, 0, sizeof(slip.decoder));
    slip.rx_tail = slip.rx_head;
    slip.tx_tail = slip.tx_head;
    slip.rx_lost = slip.tx_refused = false;
    MICROPY_PY_LWIP_EXIT
    uart_deinit(SLIP_UART);
}

bool modhttp_slip_is_open(void) {
    return slip.open;
}

uint32_t modhttp_slip_baudrate(void) {
    return slip.baudrate;
}

bool modhttp_slip_set_baudrate(uint32_t baudrate) {
    if (baudrate < 300 || baudrate > clock_get_hz(clk_peri) / 16) {
        return false;
    }
    slip.baudrate = baudrate;
    if (slip.open) {
        MICROPY_PY_LWIP_ENTER
        modhttp_slip_drain();
        uart_set_baudrate(SLIP_UART, baudrate);
        MICROPY_PY_LWIP_EXIT
    }
    return true;
}

static err_t modhttp_slip_netif_init(struct netif *netif) {
    netif->name[0] = 's';
    netif->name[1] = 'l';
    netif->mtu = SLIP_MTU;
    netif->output = modhttp_slip_output;
    netif_set_hostname(netif, mod_network_hostname_data);
    return ERR_OK;
}

void modhttp_slip_init(void) {
    slip.tx_lock = spin_lock_init(spin_lock_claim_unused(true));
    netif_add(&modhttp_slip_netif, NULL, NULL, NULL, NULL, modhttp_slip_netif_init, ip_input);
    netif_set_default(&modhttp_slip_netif);
    modhttp_slip_reset();
}

void modhttp_slip_reset(void) {
    modhttp_slip_close();
    slip.baudrate = MODHTTP_SLIP_BAUDRATE;
    ip4_addr_t address, netmask, peer;
    IP4_ADDR(&address, 192, 168, 7, 2);
    IP4_ADDR(&netmask, 255, 255, 255, 0);
    IP4_ADDR(&peer, 192, 168, 7, 1);
    MICROPY_PY_LWIP_ENTER
    netif_set_addr(&modhttp_slip_netif, &address, &netmask, &peer);
    MICROPY_PY_LWIP_EXIT
    modhttp_slip_open();
}
