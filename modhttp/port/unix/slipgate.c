// slipgate: localhost connections to a board on a serial line.
//
// This is the other end of the board's SLIP link: an lwIP of its own, 192.168.7.1, and the forwarder from a
// kernel socket to a port of the board. The link is standard input and output, or a serial device.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <termios.h>
#include <unistd.h>

#include "lwip/init.h"
#include "lwip/ip4.h"
#include "lwip/netif.h"
#include "lwip/timeouts.h"

#include "port/slip_frame.h"
#include "port/unix/forward.h"
#include "port/unix/source.h"

#define MTU 1500
#define TX_SIZE 65536           // a power of two
#define READ_SIZE 4096
#define POLL_MAX_MS 60000

#if MODHTTP_SAFE_POINTS
#define RX_PBUF PBUF_RAM        // exactly as long as the packet: an over-read is seen
#else
#define RX_PBUF PBUF_POOL
#endif

static const char usage[] =
    "usage: slipgate --port PORT --to ADDRESS:PORT [--host ADDRESS] [--device TTY [--baud RATE]]\n"
    "\n"
    "Forwards connections to ADDRESS (127.0.0.1) and PORT of this machine to ADDRESS:PORT behind a SLIP link, on\n"
    "which this end is 192.168.7.1. The link is standard input and output, or TTY at RATE (921600) baud.\n"
    "When the far end accepts connections, prints 'modhttp: http://ADDRESS:PORT': on standard error if standard\n"
    "output is the link, else on standard output. Ends, with status 0, when the link is closed.\n";

static struct {
    const char *host;
    unsigned long port;
    char *to;
    const char *device;
    unsigned long baud;
} options = { .host = "127.0.0.1", .baud = 921600 };

static int link_in = STDIN_FILENO;
static int link_out = STDOUT_FILENO;

static uint8_t tx[TX_SIZE];
static size_t tx_head, tx_tail; // bytes ever written to and read from the ring
static uint8_t rx_packet[MTU];
static modhttp_slip_decoder_t decoder = { .out = rx_packet, .end = rx_packet + MTU };
static struct netif slip_netif;

__attribute__((noreturn)) static void fail(const char *what, const char *detail) {
    fprintf(stderr, "slipgate: %s%s%s\n", what, detail != NULL ? ": " : "", detail != NULL ? detail : "");
    exit(1);
}

// ---- the link

static size_t tx_room(void) {
    return TX_SIZE - (tx_head - tx_tail);
}

// Queues a packet between two ENDs: the first one flushes line noise. A full ring drops it whole.
static err_t slip_output(struct netif *netif, struct pbuf *p, const ip4_addr_t *to) {
    (void)netif;
    (void)to;
    size_t head = tx_head;
    size_t room = tx_room();
    if (room < 2) {
        return ERR_BUF;
    }
    room -= 2;
    tx[head++ % TX_SIZE] = MODHTTP_SLIP_END;
    for (; p != NULL; p = p->next) {
        size_t used = modhttp_slip_encode(tx, TX_SIZE - 1, head, room, p->payload, p->len);
        if (used == MODHTTP_SLIP_NO_ROOM) {
            return ERR_BUF;
        }
        head += used;
        room -= used;
    }
    tx[head++ % TX_SIZE] = MODHTTP_SLIP_END;
    tx_head = head;
    return ERR_OK;
}

static err_t slip_init(struct netif *netif) {
    netif->name[0] = 's';
    netif->name[1] = 'l';
    netif->mtu = MTU;
    netif->output = slip_output;
    return ERR_OK;
}

static void packet_in(size_t length) {
    // lwIP reads a whole header before it looks at the length.
    if (length < IP_HLEN || rx_packet[0] >> 4 != 4) {
        return;
    }
    struct pbuf *p = pbuf_alloc(PBUF_RAW, (u16_t)length, RX_PBUF);
    if (p != NULL) {
        pbuf_take(p, rx_packet, (u16_t)length);
        if (slip_netif.input(p, &slip_netif) != ERR_OK) {
            pbuf_free(p);
        }
    }
}

static void bytes_in(const uint8_t *bytes, size_t length) {
    const uint8_t *end = bytes + length;
    for (;;) {
        switch (modhttp_slip_decode(&decoder, &bytes, end)) {
            case MODHTTP_SLIP_MORE:
                return;
            case MODHTTP_SLIP_FULL:
                decoder.drop = true; // longer than the MTU
                continue;
            case MODHTTP_SLIP_PACKET:
                packet_in((size_t)(decoder.out - rx_packet));
                break;
            case MODHTTP_SLIP_GARBLED:
                break;
        }
        decoder.out = rx_packet;
        decoder.end = rx_packet + MTU;
    }
}

// false: the link is closed
static bool link_read(void) {
    uint8_t bytes[READ_SIZE];
    ssize_t length = read(link_in, bytes, sizeof(bytes));
    if (length > 0) {
        bytes_in(bytes, (size_t)length);
        return true;
    }
    return length < 0 && (errno == EAGAIN || errno == EINTR);
}

static bool link_write(void) {
    while (tx_head != tx_tail) {
        size_t from = tx_tail % TX_SIZE;
        size_t length = tx_head - tx_tail;
        if (length > TX_SIZE - from) {
            length = TX_SIZE - from;
        }
        ssize_t written = write(link_out, tx + from, length);
        if (written < 0) {
            return errno == EAGAIN || errno == EINTR;
        }
        tx_tail += (size_t)written;
    }
    return true;
}

static speed_t speed_of(unsigned long baud) {
    static const struct {
        unsigned long baud;
        speed_t speed;
    } speeds[] = {
        { 9600, B9600 }, { 19200, B19200 }, { 38400, B38400 }, { 57600, B57600 }, { 115200, B115200 },
        { 230400, B230400 }, { 460800, B460800 }, { 500000, B500000 }, { 576000, B576000 }, { 921600, B921600 },
        { 1000000, B1000000 }, { 1500000, B1500000 }, { 2000000, B2000000 }, { 3000000, B3000000 },
    };
    for (size_t i = 0; i < sizeof(speeds) / sizeof(speeds[0]); i++) {
        if (speeds[i].baud == baud) {
            return speeds[i].speed;
        }
    }
    fail("not a baud rate of a serial device", NULL);
}

static void open_device(void) {
    struct termios settings;
    link_in = link_out = open(options.device, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (link_in < 0 || tcgetattr(link_in, &settings) != 0) {
        fail(options.device, strerror(errno));
    }
    cfmakeraw(&settings);
    settings.c_cflag |= CLOCAL | CREAD;
    settings.c_cflag &= ~(tcflag_t)(CRTSCTS | CSTOPB);
    cfsetspeed(&settings, speed_of(options.baud));
    if (tcsetattr(link_in, TCSANOW, &settings) != 0) {
        fail(options.device, strerror(errno));
    }
    tcflush(link_in, TCIOFLUSH);
}

// ---- start

static unsigned long parse_number(const char *text, const char *option) {
    char *end;
    unsigned long value = strtoul(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || value == 0) {
        fail(option, "expected a number");
    }
    return value;
}

static void parse_options(int argc, char **argv) {
    for (int i = 1; i < argc; i += 2) {
        const char *option = argv[i];
        char *value = argv[i + 1];
        if (value == NULL) {
            fputs(usage, strcmp(option, "--help") == 0 ? stdout : stderr);
            exit(strcmp(option, "--help") == 0 ? 0 : 2);
        }
        if (strcmp(option, "--port") == 0) {
            options.port = parse_number(value, option);
        } else if (strcmp(option, "--to") == 0) {
            options.to = value;
        } else if (strcmp(option, "--host") == 0) {
            options.host = value;
        } else if (strcmp(option, "--device") == 0) {
            options.device = value;
        } else if (strcmp(option, "--baud") == 0) {
            options.baud = parse_number(value, option);
        } else {
            fputs(usage, stderr);
            exit(2);
        }
    }
    if (options.port == 0 || options.port > 65535 || options.to == NULL) {
        fputs(usage, stderr);
        exit(2);
    }
}

static void say_ready(void) {
    FILE *out = options.device != NULL ? stdout : stderr;
    fprintf(out, "modhttp: http://%s:%lu\n", options.host, options.port);
    fflush(out);
}

static void start_forwarder(int epoll_fd) {
    forward_config_t config = { .epoll_fd = epoll_fd, .on_answer = say_ready };
    char *colon = strrchr(options.to, ':');
    unsigned long port = colon != NULL ? parse_number(colon + 1, "--to") : 0;
    ip4_addr_t address;
    if (colon != NULL) {
        *colon = '\0';
    }
    if (port == 0 || port > 65535 || !ip4addr_aton(options.to, &address)) {
        fail("--to", "expected ADDRESS:PORT");
    }
    ip_addr_copy_from_ip4(config.address, address);
    config.port = (uint16_t)port;
    config.listener = forward_open(options.host, (uint16_t)options.port);
    if (config.listener < 0) {
        char what[80];
        if (errno == EADDRINUSE) {
            // The words of the whole project's front door, whichever program finds out.
            fprintf(stderr, "modhttp: port %lu is in use: stop the program that uses it, or take another with PORT=\n", options.port);
            exit(1);
        }
        snprintf(what, sizeof(what), "cannot listen on %.32s port %lu", options.host, options.port);
        fail(what, strerror(errno));
    }
    forward_start(&config);
}

static void start_link(void) {
    if (options.device != NULL) {
        open_device();
    } else {
        fcntl(link_in, F_SETFL, fcntl(link_in, F_GETFL) | O_NONBLOCK);
        fcntl(link_out, F_SETFL, fcntl(link_out, F_GETFL) | O_NONBLOCK);
    }
    ip4_addr_t address, mask;
    IP4_ADDR(&address, 192, 168, 7, 1);
    IP4_ADDR(&mask, 255, 255, 255, 0);
    netif_add(&slip_netif, &address, &mask, NULL, NULL, slip_init, ip4_input);
    netif_set_default(&slip_netif);
    netif_set_up(&slip_netif);
    netif_set_link_up(&slip_netif);
}

// ---- the loop

int main(int argc, char **argv) {
    parse_options(argc, argv);
    signal(SIGPIPE, SIG_IGN);
    int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    lwip_init();
    start_forwarder(epoll_fd);
    start_link();
    for (;;) {
        sys_check_timeouts();
        forward_run();
        if (!link_write()) {
            return 0;
        }
        uint32_t sleep = sys_timeouts_sleeptime();
        struct pollfd fds[] = {
            { link_in, POLLIN, 0 },
            { epoll_fd, POLLIN, 0 },
            { tx_head != tx_tail ? link_out : -1, POLLOUT, 0 },
        };
        poll(fds, 3, sleep < POLL_MAX_MS ? (int)sleep : POLL_MAX_MS);
        if (fds[0].revents != 0 && !link_read()) {
            return 0;
        }
        if (fds[1].revents != 0) {
            source_dispatch(epoll_fd);
        }
    }
}
