// The part of lwIP's that wiznet.c looks at.
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct netif {
    bool up, link;
};
extern struct netif *netif_default;
#define netif_is_up(netif) ((netif)->up)
#define netif_is_link_up(netif) ((netif)->link)
