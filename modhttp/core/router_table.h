#ifndef MODHTTP_CORE_ROUTER_TABLE_H
#define MODHTTP_CORE_ROUTER_TABLE_H

// What router.c, which finds, and router_add.c, which adds, share; nobody else includes it.

#include "core/chars.h"
#include "core/router.h"

// The block: the header, the hash table, then cells (nodes and routes, as they come) growing up and text growing down
// from the end. A node is a segment under its parent; its children are found by hash: of parent and kind where they are
// variable, else of all text since the last variable segment. So a path that has none is found by its whole hash at once.

// Kinds of segments, in the order they are tried.
enum {
    KIND_LITERAL,
    KIND_INT,
    KIND_NAME,
    KIND_PATH,
    KINDS,
};

#define METHOD_ANY (31)         // "*"; the numbers below, from MH_METHOD_OTHER on, are the router's own methods
#define METHOD_NONE (32)        // no route knows it
#define OWN_MAX (METHOD_ANY - MH_METHOD_OTHER)
#define ROOT (0)                // cell of the root node, so that 0 elsewhere means none

typedef struct _node_t {
    uint16_t parent;
    uint16_t routes;            // cell of the first route, or 0
    uint16_t text;              // of a literal, counted back from the end of the block
    uint8_t len;
    uint8_t kinds;              // its own; in the upper half a bit for each kind among its children
} node_t;

typedef struct _route_t {
    uint16_t next;              // cell of the node's next route, or 0
    uint16_t handler;
    uint16_t method;
} route_t;

typedef union _cell_t {
    node_t node;
    route_t route;
} cell_t;

typedef struct _own_method_t {
    uint16_t text;
    uint8_t len;
} own_method_t;

struct _mh_router_t {
    uint32_t known;             // methods that some route knows, a bit each
    uint32_t size;              // of the whole block
    uint16_t slots;             // of the hash table, a power of two
    uint16_t nodes;
    uint16_t cells;
    uint16_t text;              // bytes of it
    int32_t fallback;
    int32_t missing;
    uint8_t owns;
    own_method_t own[OWN_MAX];
};

typedef struct _segment_t {
    const char *text;
    size_t len;
    uint8_t kind;
} segment_t;

static inline uint16_t *slot_table(const mh_router_t *router) {
    return (uint16_t *)(router + 1);
}

static inline cell_t *cell(const mh_router_t *router, size_t index) {
    return (cell_t *)(slot_table(router) + router->slots) + index;
}

static inline uint8_t kind_of(const node_t *node) {
    return node->kinds & 15;
}

static inline bool has_child(const node_t *node, uint8_t kind) {
    return node->kinds & 16u << kind;
}

static inline char *text_at(const mh_router_t *router, uint16_t back) {
    return (char *)router + router->size - back;
}

// FNV-1a. Of the edge from `parent` to its variable child of this kind; with KIND_LITERAL, what the literal edges below a
// variable parent, or the root, go on from.
static inline uint32_t hash_begin(size_t parent, uint8_t kind) {
    return 0x811c9dc5u ^ (uint32_t)(parent * KINDS + kind);
}

static inline uint32_t hash_step(uint32_t hash, char c) {
    uint32_t prime = 0x01000193;
    MH_KEEP(prime);             // or the product is made of a dozen shifts and additions
    return (hash ^ (uint8_t)c) * prime;
}

static inline uint32_t hash_text(uint32_t hash, const char *text, size_t len) {
    for (const char *end = text + len; text != end; ++text) {
        hash = hash_step(hash, *text);
    }
    return hash;
}

static inline size_t hash_slot(const mh_router_t *router, uint32_t hash) {
    return (hash ^ hash >> 15) & (router->slots - 1u);
}

// The slot that holds the edge from `parent`, or the free one where it belongs.
uint16_t *mh_router_slot(const mh_router_t *router, size_t parent, const segment_t *segment, uint32_t hash);

// The number of a method that some route names, or METHOD_NONE.
unsigned mh_router_method(const mh_router_t *router, mh_method_t id, const char *name, size_t len);

// The node's route for just this method, or NULL.
const route_t *mh_router_route(const mh_router_t *router, const node_t *node, unsigned method);

#endif
