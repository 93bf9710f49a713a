#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>
#include <linux/if.h>
#include <linux/if_tun.h>

#include "lwip/etharp.h"
#include "lwip/ethip6.h"
#include "lwip/netif.h"
#include "netif/ethernet.h"

#include "port/unix/source.h"
#include "port/unix/tap.h"

#define FRAME_MAX 1518
#define FRAME_MIN (SIZEOF_ETH_HDR + 20)   // lwIP reads a whole IPv4 header before it looks at the length
#define FRAMES_AT_ONCE 32
#define SLICES 16

#if MODHTTP_SAFE_POINTS
#define RX_PBUF PBUF_RAM // exactly as long as the frame: an over-read is seen
#else
#define RX_PBUF PBUF_POOL
#endif

static int tap_fd = -1;
static struct netif tap_netif;

static err_t tap_output(struct netif *netif, struct pbuf *p) {
    (void)netif;
    struct iovec slices[SLICES];
    int count = 0;
    for (struct pbuf *q = p; q != NULL; q = q->next) {
        if (count == SLICES) {
            return ERR_BUF;
        }
        slices[count++] = (struct iovec) { q->payload, q->len };
    }
    // A full device drops the frame, as a wire does.
    return writev(tap_fd, slices, count) < 0 ? ERR_IF : ERR_OK;
}

static void tap_ready(source_t *source, uint32_t events) {
    (void)source;
    (void)events;
    static uint8_t frame[FRAME_MAX];
    for (int i = 0; i < FRAMES_AT_ONCE; i++) {
        ssize_t length = read(tap_fd, frame, sizeof(frame));
        if (length <= 0) {
            return;
        }
        struct pbuf *p = length < FRAME_MIN ? NULL : pbuf_alloc(PBUF_RAW, (u16_t)length, RX_PBUF);
        if (p != NULL) {
            pbuf_take(p, frame, (u16_t)length);
            if (tap_netif.input(p, &tap_netif) != ERR_OK) {
                pbuf_free(p);
            }
        }
    }
}

static err_t tap_init(struct netif *netif) {
    // Locally administered, and another one for each host of a network of up to 65536.
    const uint8_t *host = (const uint8_t *)netif_ip4_addr(netif);
    uint8_t address[ETH_HWADDR_LEN] = { 0x02, 0x6d, 0x6f, 0x64, host[2], host[3] };
    netif->name[0] = 't';
    netif->name[1] = 'p';
    netif->mtu = 1500;
    netif->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET | NETIF_FLAG_IGMP | NETIF_FLAG_MLD6;
    memcpy(netif->hwaddr, address, ETH_HWADDR_LEN);
    netif->hwaddr_len = ETH_HWADDR_LEN;
    netif->output = etharp_output;
    netif->output_ip6 = ethip6_output;
    netif->linkoutput = tap_output;
    return ERR_OK;
}

static const char *tap_open(const char *name) {
    struct ifreq request;
    memset(&request, 0, sizeof(request));
    if (strlen(name) >= IFNAMSIZ) {
        return "the device name is too long";
    }
    strcpy(request.ifr_name, name);
    request.ifr_flags = IFF_TAP | IFF_NO_PI;
    tap_fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (tap_fd < 0) {
        return "cannot open /dev/net/tun";
    }
    return ioctl(tap_fd, TUNSETIFF, &request) < 0 ? "cannot attach to the device" : NULL;
}

const char *tap_start(char *specification, int epoll_fd) {
    char *rest;
    char *name = strtok_r(specification, ",", &rest);
    char *address_text = strtok_r(NULL, "/", &rest);
    char *prefix_text = strtok_r(NULL, ",", &rest);
    char *gateway_text = strtok_r(NULL, "", &rest);
    int prefix = prefix_text != NULL ? atoi(prefix_text) : 0;
    ip4_addr_t address, mask, gateway;
    errno = 0;
    if (gateway_text == NULL || prefix < 1 || prefix > 32 || !ip4addr_aton(address_text, &address)
        || !ip4addr_aton(gateway_text, &gateway)) {
        return "expected name,address/prefix,gateway";
    }
    ip4_addr_set_u32(&mask, lwip_htonl(0xffffffffu << (32 - prefix)));
    const char *error = tap_open(name);
    if (error != NULL) {
        return error;
    }
    netif_add(&tap_netif, &address, &mask, &gateway, NULL, tap_init, ethernet_input);
    netif_set_default(&tap_netif);
    netif_set_up(&tap_netif);
    netif_set_link_up(&tap_netif);

    static source_t source = { .ready = tap_ready };
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = &source };
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, tap_fd, &event);
    return NULL;
}
