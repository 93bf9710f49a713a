#include <string.h>

#include "core/chars.h"
#include "core/router.h"
#include "core/router_table.h"

#define CELLS_MAX (65535)
#define TEXT_MAX (65535)
#define SEGMENT_MAX (255)

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

// What a table of `slots` and `need` bytes more take, if it is the table that a block of this size has.
static size_t room_for(size_t slots, size_t need) {
    size_t room = (need + slots * sizeof(uint16_t) + sizeof(uint32_t) - 1) & ~(sizeof(uint32_t) - 1);
    size_t least = slots * sizeof(uint16_t) * 4;
    return room < least ? least : room;
}

size_t mh_router_size(size_t routes, size_t text) {
    // Only the last segment may be empty, so that a segment takes two bytes of pattern at least, the last one.
    size_t nodes = 1 + (text + routes) / 2;
    if (text > TEXT_MAX || routes > CELLS_MAX || nodes + routes > CELLS_MAX || nodes > nodes_max(32768)) {
        return 0;
    }
    size_t need = (nodes + routes) * sizeof(cell_t) + text;
    size_t slots = 4;
    // More room may bring more slots, which want more room; 32,768 of them are always enough.
    while (slots != slots_for(room_for(slots, need)) || nodes > nodes_max(slots)) {
        slots *= 2;
    }
    return sizeof(mh_router_t) + room_for(slots, need);
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
    router->missing = -1;
    memset(slot_table(router), 0, router->slots * sizeof(uint16_t));
    memset(cell(router, ROOT), 0, sizeof(cell_t));
    return router;
}

void mh_router_fallback(mh_router_t *router, int handler) {
    router->fallback = handler;
}

void mh_router_missing(mh_router_t *router, int handler) {
    router->missing = handler;
}

// Where in the router a pattern has been followed to: a node, and what the hashes of literal edges go on from.
typedef struct _place_t {
    size_t node;
    uint32_t hash;
} place_t;

static uint32_t edge_hash(const place_t *place, const segment_t *segment) {
    if (segment->kind != KIND_LITERAL) {
        return hash_begin(place->node, segment->kind);
    }
    return hash_text(hash_step(place->hash, '/'), segment->text, segment->len);
}

// Go on along the edge that a segment is, to this node.
static void enter(place_t *place, const segment_t *segment, size_t node) {
    place->hash = segment->kind == KIND_LITERAL ? edge_hash(place, segment) : hash_begin(node, KIND_LITERAL);
    place->node = node;
}

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
    place_t place;              // the last node that it has
    const char *rest;           // of the pattern, from there on
    size_t nodes;               // that are missing
    size_t text;                // bytes of literals that are missing
} known_part_t;

static known_part_t known_part(const mh_router_t *router, const char *pattern, const char *end) {
    known_part_t part = { { ROOT, hash_begin(ROOT, KIND_LITERAL) }, pattern, 0, 0 };
    while (pattern != end) {
        segment_t segment;
        segment_t name;
        segment_next(&pattern, end, &segment, &name);
        uint16_t child = part.nodes == 0 ? *mh_router_slot(router, part.place.node, &segment, edge_hash(&part.place, &segment)) : 0;
        if (child != 0) {
            enter(&part.place, &segment, child);
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

static void new_node(mh_router_t *router, place_t *place, const segment_t *segment) {
    size_t index = router->cells++;
    node_t *node = &cell(router, index)->node;
    *mh_router_slot(router, place->node, segment, edge_hash(place, segment)) = (uint16_t)index;
    ++router->nodes;
    node->parent = (uint16_t)place->node;
    node->routes = 0;
    node->len = (uint8_t)segment->len;
    node->kinds = segment->kind;
    node->text = new_text(router, segment->text, segment->len);
    cell(router, place->node)->node.kinds |= (uint8_t)(16u << segment->kind);
    enter(place, segment, index);
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
        number = mh_router_method(router, mh_method(method, method_len), method, method_len);
        own_len = number == METHOD_NONE ? method_len : 0;
        if (number == METHOD_NONE && router->owns == OWN_MAX) {
            return MH_ROUTER_METHOD;
        }
    }
    if (!pattern_ok(pattern, pattern_len)) {
        return MH_ROUTER_PATTERN;
    }
    known_part_t part = known_part(router, pattern, pattern + pattern_len);
    if (part.nodes == 0 && mh_router_route(router, &cell(router, part.place.node)->node, number) != NULL) {
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
        new_node(router, &part.place, &segment);
    }
    new_route(router, part.place.node, number, handler);
    return MH_ROUTER_OK;
}
