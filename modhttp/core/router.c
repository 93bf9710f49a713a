#include "core/router.h"

#include <string.h>

#include "core/chars.h"

// The block: the header, the hash table, then cells (nodes and routes, as they come) growing up and text growing down
// from the end. A node is a segment under its parent; its children are found by hash of parent, kind and text.

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
#define CELLS_MAX (65535)
#define TEXT_MAX (65535)
#define SEGMENT_MAX (255)

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
    uint8_t owns;
    own_method_t own[OWN_MAX];
};

typedef struct _segment_t {
    const char *text;
    size_t len;
    uint8_t kind;
} segment_t;

static uint16_t *slot_table(const mh_router_t *router) {
    return (uint16_t *)(router + 1);
}

static cell_t *cell(const mh_router_t *router, size_t index) {
    return (cell_t *)(slot_table(router) + router->slots) + index;
}

static uint8_t kind_of(const node_t *node) {
    return node->kinds & 15;
}

static bool has_child(const node_t *node, uint8_t kind) {
    return node->kinds & 16u << kind;
}

static char *text_at(const mh_router_t *router, uint16_t back) {
    return (char *)router + router->size - back;
}

// Slots for a block that has `room` bytes after its header: an eighth to a quarter of it, two bytes each.
static size_t slots_for(size_t room) {
    size_t slots = 4;
    while (slots * 2 * sizeof(uint16_t) * 4 <= room && slots < 32768) {
        slots *= 2;
    }
    return slots;
}

// A quarter of the slots stays free, so that every search of the table ends, and soon.
static size_t nodes_max(size_t slots) {
    return slots - slots / 4;
}

size_t mh_router_size(size_t routes, size_t text) {
    // Only the last segment may be empty, so that a segment takes two bytes of pattern at least, the last one.
    size_t nodes = 1 + (text + routes) / 2;
    if (text > TEXT_MAX || routes > CELLS_MAX || nodes + routes > CELLS_MAX || nodes > nodes_max(32768)) {
        return 0;
    }
    size_t need = (nodes + routes) * sizeof(cell_t) + text;
    size_t slots = 4;
    size_t room;
    do {
        // More room may bring more slots, which want more room.
        room = (need + slots * sizeof(uint16_t) + sizeof(uint32_t) - 1) & ~(sizeof(uint32_t) - 1);
        if (room < slots * sizeof(uint16_t) * 4) {
            room = slots * sizeof(uint16_t) * 4;
        }
        if (slots == slots_for(room) && nodes <= nodes_max(slots)) {
            break;
        }
        slots *= 2;
    } while (slots <= 32768);
    return sizeof(mh_router_t) + room;
}

mh_router_t *mh_router_init(void *mem, size_t size) {
    mh_router_t *router = mem;
    if (size < mh_router_size(0, 0)) {
        return NULL;
    }
    memset(router, 0, sizeof(*router));
    router->size = size < UINT32_MAX ? (uint32_t)size : UINT32_MAX;
    router->slots = (uint16_t)slots_for(router->size - sizeof(*router));
    router->nodes = 1;
    router->cells = 1;
    router->fallback = -1;
    memset(slot_table(router), 0, router->slots * sizeof(uint16_t));
    memset(cell(router, ROOT), 0, sizeof(cell_t));
    return router;
}

void mh_router_fallback(mh_router_t *router, int handler) {
    router->fallback = handler;
}

// FNV-1a over the edge's text, begun with parent and kind.
static uint32_t hash_begin(size_t parent, uint8_t kind) {
    return (0x811c9dc5u ^ (uint32_t)(parent * KINDS + kind)) * 0x01000193u;
}

static uint32_t hash_step(uint32_t hash, char c) {
    return (hash ^ (uint8_t)c) * 0x01000193u;
}

// The slot that holds the edge from `parent`, or the free one where it belongs.
static uint16_t *slot_of(const mh_router_t *router, size_t parent, const segment_t *segment, uint32_t hash) {
    uint16_t *slots = slot_table(router);
    size_t mask = router->slots - 1u;
    for (size_t i = (hash ^ hash >> 15) & mask;; i = (i + 1) & mask) {
        if (slots[i] == 0) {
            return &slots[i];
        }
        const node_t *node = &cell(router, slots[i])->node;
        if (node->parent == parent && kind_of(node) == segment->kind && node->len == segment->len
            && memcmp(text_at(router, node->text), segment->text, segment->len) == 0) {
            return &slots[i];
        }
    }
}

static uint16_t *slot_of_segment(const mh_router_t *router, size_t parent, const segment_t *segment) {
    uint32_t hash = hash_begin(parent, segment->kind);
    for (size_t i = 0; i < segment->len; ++i) {
        hash = hash_step(hash, segment->text[i]);
    }
    return slot_of(router, parent, segment, hash);
}

// The number of a method that some route names, or METHOD_NONE.
static unsigned method_number(const mh_router_t *router, mh_method_t id, const char *name, size_t len) {
    if (id < MH_METHOD_OTHER) {
        return id;
    }
    for (unsigned i = 0; i < router->owns; ++i) {
        const own_method_t *own = &router->own[i];
        if (own->len == len && memcmp(text_at(router, own->text), name, len) == 0) {
            return MH_METHOD_OTHER + i;
        }
    }
    return METHOD_NONE;
}

// --- adding ---

// "<int:name>" between its brackets: kind and name. False when malformed.
static bool segment_converter(segment_t *segment, const char *p, const char *end, segment_t *name) {
    static const char converters[KINDS][6] = { [KIND_INT] = "int:", [KIND_PATH] = "path:" };
    const char *colon = memchr(p, ':', (size_t)(end - p));
    segment->kind = KIND_NAME;
    segment->len = 0;
    if (colon != NULL) {
        size_t len = (size_t)(colon + 1 - p);
        segment->kind = len == 4 ? KIND_INT : KIND_PATH;
        if (len != strlen(converters[segment->kind]) || memcmp(p, converters[segment->kind], len) != 0) {
            return false;
        }
        p = colon + 1;
    }
    name->text = p;
    name->len = (size_t)(end - p);
    if (p == end || mh_is((uint8_t)*p, MH_CHAR_DIGIT)) {
        return false;
    }
    for (; p != end; ++p) {
        bool letter = (*p | 0x20) >= 'a' && (*p | 0x20) <= 'z';
        if (!letter && *p != '_' && !mh_is((uint8_t)*p, MH_CHAR_DIGIT)) {
            return false;
        }
    }
    return true;
}

// The segment that begins behind the '/' at *rest, which is advanced; what a variable one is called goes to `name`. False when malformed.
static bool segment_next(const char **rest, const char *end, segment_t *segment, segment_t *name) {
    const char *p = *rest + 1;
    const char *next = memchr(p, '/', (size_t)(end - p));
    next = next == NULL ? end : next;
    *rest = next;
    segment->kind = KIND_LITERAL;
    segment->text = p;
    segment->len = (size_t)(next - p);
    if (segment->len >= 2 && *p == '<' && next[-1] == '>') {
        return segment_converter(segment, p + 1, next - 1, name) && (segment->kind != KIND_PATH || next == end);
    }
    for (const char *c = p; c != next; ++c) {
        if (*c == '<' || *c == '>' || (uint8_t)*c < ' ' || *c == 0x7f) {
            return false;
        }
    }
    bool dots = (segment->len == 1 && *p == '.') || (segment->len == 2 && p[0] == '.' && p[1] == '.');
    return !dots && segment->len <= SEGMENT_MAX && (segment->len != 0 || next == end);
}

// Whether a pattern is well-formed: its segments are, it captures no more than it may and nothing twice.
static bool pattern_ok(const char *pattern, size_t len) {
    const char *end = pattern + len;
    segment_t names[MH_ROUTER_CAPTURES];
    size_t captures = 0;
    if (len == 0 || *pattern != '/') {
        return false;
    }
    while (pattern != end) {
        segment_t segment;
        segment_t name;
        if (!segment_next(&pattern, end, &segment, &name)) {
            return false;
        }
        if (segment.kind != KIND_LITERAL) {
            for (size_t i = 0; i < captures; ++i) {
                if (names[i].len == name.len && memcmp(names[i].text, name.text, name.len) == 0) {
                    return false;
                }
            }
            if (captures == MH_ROUTER_CAPTURES) {
                return false;
            }
            names[captures++] = name;
        }
    }
    return true;
}

// How much of a well-formed pattern the router already has.
typedef struct _known_part_t {
    size_t node;                // the last one that it has
    const char *rest;           // of the pattern, from there on
    size_t nodes;               // that are missing
    size_t text;                // bytes of literals that are missing
} known_part_t;

static known_part_t known_part(const mh_router_t *router, const char *pattern, const char *end) {
    known_part_t part = { ROOT, pattern, 0, 0 };
    while (pattern != end) {
        segment_t segment;
        segment_t name;
        segment_next(&pattern, end, &segment, &name);
        uint16_t child = part.nodes == 0 ? *slot_of_segment(router, part.node, &segment) : 0;
        if (child != 0) {
            part.node = child;
            part.rest = pattern;
        } else {
            ++part.nodes;
            part.text += segment.len;
        }
    }
    return part;
}

static uint16_t new_text(mh_router_t *router, const char *text, size_t len) {
    router->text = (uint16_t)(router->text + len);
    memcpy(text_at(router, router->text), text, len);
    return router->text;
}

static size_t new_node(mh_router_t *router, size_t parent, const segment_t *segment) {
    size_t index = router->cells++;
    node_t *node = &cell(router, index)->node;
    *slot_of_segment(router, parent, segment) = (uint16_t)index;
    ++router->nodes;
    node->parent = (uint16_t)parent;
    node->routes = 0;
    node->len = (uint8_t)segment->len;
    node->kinds = segment->kind;
    node->text = new_text(router, segment->text, segment->len);
    cell(router, parent)->node.kinds |= (uint8_t)(16u << segment->kind);
    return index;
}

// The node's route for just this method, or NULL.
static const route_t *route_of(const mh_router_t *router, const node_t *node, unsigned method) {
    for (uint16_t at = node->routes; at != 0;) {
        const route_t *route = &cell(router, at)->route;
        if (route->method == method) {
            return route;
        }
        at = route->next;
    }
    return NULL;
}

static void new_route(mh_router_t *router, size_t node, unsigned method, uint16_t handler) {
    uint16_t index = router->cells++;
    // Last in the chain, so that Allow lists the methods as they were added.
    uint16_t *link = &cell(router, node)->node.routes;
    while (*link != 0) {
        link = &cell(router, *link)->route.next;
    }
    *link = index;
    route_t *route = &cell(router, index)->route;
    route->next = 0;
    route->handler = handler;
    route->method = (uint16_t)method;
    router->known |= 1u << method;
}

int mh_router_add(mh_router_t *router, const char *method, size_t method_len, const char *pattern, size_t pattern_len, uint16_t handler) {
    unsigned number = METHOD_ANY;
    size_t own_len = 0;
    if (method_len != 1 || *method != '*') {
        const uint8_t *end = (const uint8_t *)method + method_len;
        if (method_len == 0 || method_len > UINT8_MAX || mh_span((const uint8_t *)method, end, MH_CHAR_TOKEN) != end) {
            return MH_ROUTER_METHOD;
        }
        number = method_number(router, mh_method(method, method_len), method, method_len);
        own_len = number == METHOD_NONE ? method_len : 0;
        if (number == METHOD_NONE && router->owns == OWN_MAX) {
            return MH_ROUTER_METHOD;
        }
    }
    if (!pattern_ok(pattern, pattern_len)) {
        return MH_ROUTER_PATTERN;
    }
    known_part_t part = known_part(router, pattern, pattern + pattern_len);
    if (part.nodes == 0 && route_of(router, &cell(router, part.node)->node, number) != NULL) {
        return MH_ROUTER_DUPLICATE;
    }
    size_t cells = router->cells + part.nodes + 1;
    size_t text = router->text + part.text + own_len;
    if (cells > CELLS_MAX || text > TEXT_MAX || router->nodes + part.nodes > nodes_max(router->slots)
        || (size_t)((char *)cell(router, cells) - (char *)router) + text > router->size) {
        return MH_ROUTER_FULL;
    }
    if (number == METHOD_NONE) {
        number = MH_METHOD_OTHER + router->owns;
        own_method_t *own = &router->own[router->owns++];
        own->text = new_text(router, method, method_len);
        own->len = (uint8_t)method_len;
    }
    while (part.rest != pattern + pattern_len) {
        segment_t segment;
        segment_t name;
        segment_next(&part.rest, pattern + pattern_len, &segment, &name);
        part.node = new_node(router, part.node, &segment);
    }
    new_route(router, part.node, number, handler);
    return MH_ROUTER_OK;
}

// --- finding ---

// Whether text is what <int:…> takes: digits that fit int32, '-' allowed before them.
static bool is_int(const char *p, const char *end) {
    bool negative = p != end && *p == '-';
    uint32_t limit = negative ? 0x80000000u : 0x7fffffffu;
    uint32_t value = 0;
    p += negative;
    if (p == end) {
        return false;
    }
    for (; p != end; ++p) {
        if (!mh_is((uint8_t)*p, MH_CHAR_DIGIT)) {
            return false;
        }
        uint32_t digit = (uint32_t)(*p - '0');
        if (value > limit / 10 || value * 10 > limit - digit) {
            return false;
        }
        value = value * 10 + digit;
    }
    return true;
}

// Where a search stands: a node, and the segment of the path that its children are compared with. To go back needs no
// stack: a node knows its parent, and the segment before is found by its '/'.
typedef struct _search_t {
    const mh_router_t *router;
    const char *path;
    size_t len;                 // of the path
    size_t at;                  // where the segment begins; len + 1 when the node took the last one
    size_t node;
    mh_match_t *match;
} search_t;

static const node_t *search_node(const search_t *search) {
    return &cell(search->router, search->node)->node;
}

// Note what a variable segment took. False when it may not take that.
static bool capture(search_t *search, uint8_t kind, size_t len) {
    const char *text = search->path + search->at;
    if (len == 0 || (kind == KIND_INT && !is_int(text, text + len))) {
        return false;
    }
    mh_capture_t *capture = &search->match->capture[search->match->captures++];
    capture->at = (uint16_t)search->at;
    capture->len = (uint16_t)len;
    capture->is_int = kind == KIND_INT;
    return true;
}

// Go down to the child of this kind if the path's next segment is one for it.
static bool descend(search_t *search, uint8_t kind) {
    if (search->at > search->len || !has_child(search_node(search), kind)) {
        return false;
    }
    uint32_t hash = hash_begin(search->node, kind);
    size_t end = search->at;
    if (kind == KIND_PATH) {
        end = search->len;
    }
    for (; end != search->len && search->path[end] != '/'; ++end) {
        if (kind == KIND_LITERAL) {
            hash = hash_step(hash, search->path[end]);
        }
    }
    segment_t segment = { search->path + search->at, 0, kind };
    if (kind == KIND_LITERAL) {
        segment.len = end - search->at;
    } else if (!capture(search, kind, end - search->at)) {
        return false;
    }
    uint16_t child = *slot_of(search->router, search->node, &segment, hash);
    if (child == 0) {
        return false;
    }
    search->node = child;
    search->at = end + 1;
    return true;
}

// Go back to the parent. Returns the kind to be tried next there.
static uint8_t ascend(search_t *search) {
    const node_t *node = search_node(search);
    uint8_t kind = kind_of(node);
    if (kind != KIND_LITERAL) {
        search->at = search->match->capture[--search->match->captures].at;
    } else {
        do {
            --search->at;
        } while (search->path[search->at - 1] != '/');
    }
    search->node = node->parent;
    return (uint8_t)(kind + 1);
}

// The route for a method at a node whose path has matched: its own, GET's for HEAD, any method's.
static const route_t *route_for(const mh_router_t *router, const node_t *node, unsigned method) {
    const route_t *route = route_of(router, node, method);
    if (route == NULL && method == MH_HEAD) {
        route = route_of(router, node, MH_GET);
    }
    return route != NULL ? route : route_of(router, node, METHOD_ANY);
}

static uint32_t methods_of(const mh_router_t *router, const node_t *node) {
    uint32_t methods = 0;
    for (uint16_t at = node->routes; at != 0; at = cell(router, at)->route.next) {
        methods |= 1u << cell(router, at)->route.method;
    }
    return methods;
}

// The first route along the precedence, going on where the path fits but the method does not. NULL when there is none;
// match->allow then has the methods of every node that fits.
static const route_t *search_routes(search_t *search, unsigned method) {
    const mh_router_t *router = search->router;
    uint8_t kind = KIND_LITERAL;
    for (;;) {
        if (search->at > search->len && kind == KIND_LITERAL) {
            const node_t *node = &cell(router, search->node)->node;
            const route_t *route = route_for(router, node, method);
            if (route != NULL) {
                return route;
            }
            search->match->allow |= methods_of(router, node);
        }
        while (kind < KINDS && !descend(search, kind)) {
            ++kind;
        }
        if (kind < KINDS) {
            kind = KIND_LITERAL;
        } else if (search->node == ROOT) {
            return NULL;
        } else {
            kind = ascend(search);
        }
    }
}

// Whether some route, or the server itself, knows the method.
static bool is_known(const mh_router_t *router, unsigned method) {
    uint32_t always = 1u << MH_GET | 1u << MH_HEAD | 1u << MH_OPTIONS;
    return (router->known >> METHOD_ANY) != 0 || (method < METHOD_ANY && ((router->known | always) >> method & 1));
}

mh_route_result_t mh_router_find(const mh_router_t *router, mh_method_t id, const char *method, size_t method_len,
    const char *path, size_t path_len, mh_match_t *match) {
    unsigned number = method_number(router, id, method, method_len);
    match->captures = 0;
    match->allow = 0;
    if (path_len != 0 && path_len <= UINT16_MAX && *path == '/') {
        search_t search = { router, path, path_len, 1, ROOT, match };
        const route_t *route = search_routes(&search, number);
        if (route != NULL) {
            match->handler = route->handler;
            return MH_ROUTE_FOUND;
        }
        match->captures = 0;
        if (match->allow != 0 && id == MH_OPTIONS) {
            return MH_ROUTE_OPTIONS;
        }
    }
    if (router->fallback >= 0) {
        match->handler = (uint16_t)router->fallback;
        return MH_ROUTE_FOUND;
    }
    if (!is_known(router, number)) {
        return MH_ROUTE_NOT_IMPLEMENTED;
    }
    if (id == MH_OPTIONS && path_len == 1 && *path == '*') {
        match->allow = router->known;
        return MH_ROUTE_OPTIONS;
    }
    return match->allow != 0 ? MH_ROUTE_NOT_ALLOWED : MH_ROUTE_NOT_FOUND;
}

size_t mh_router_allow(const mh_router_t *router, const mh_match_t *match, char *out, size_t size) {
    uint32_t allow = match->allow | 1u << MH_OPTIONS;
    size_t len = 0;
    if (allow & 1u << MH_GET) {
        allow |= 1u << MH_HEAD;
    }
    for (unsigned method = 0; method < (unsigned)MH_METHOD_OTHER + router->owns; ++method) {
        if (!(allow >> method & 1)) {
            continue;
        }
        const char *name;
        size_t name_len;
        if (method < MH_METHOD_OTHER) {
            name = mh_method_name((mh_method_t)method);
            name_len = strlen(name);
        } else {
            const own_method_t *own = &router->own[method - MH_METHOD_OTHER];
            name = text_at(router, own->text);
            name_len = own->len;
        }
        size_t comma = len == 0 ? 0 : 2;
        if (comma + name_len > size - len) {
            continue;
        }
        memcpy(out + len, ", ", comma);
        memcpy(out + len + comma, name, name_len);
        len += comma + name_len;
    }
    return len;
}
