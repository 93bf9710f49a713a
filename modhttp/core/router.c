#include "core/router.h"

#include <string.h>

#include "core/number.h"
#include "core/router_table.h"

uint16_t *mh_router_slot(const mh_router_t *router, size_t parent, const segment_t *segment, uint32_t hash) {
    uint16_t *slots = slot_table(router);
    for (size_t i = hash_slot(router, hash);; i = (i + 1) & (router->slots - 1u)) {
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

static MH_NOINLINE unsigned own_method(const mh_router_t *router, const char *name, size_t len) {
    for (unsigned i = 0; i < router->owns; ++i) {
        const own_method_t *own = &router->own[i];
        if (own->len == len && memcmp(text_at(router, own->text), name, len) == 0) {
            return MH_METHOD_OTHER + i;
        }
    }
    return METHOD_NONE;
}

unsigned mh_router_method(const mh_router_t *router, mh_method_t id, const char *name, size_t len) {
    return id < MH_METHOD_OTHER ? id : own_method(router, name, len);
}

const route_t *mh_router_route(const mh_router_t *router, const node_t *node, unsigned method) {
    for (uint16_t at = node->routes; at != 0;) {
        const route_t *route = &cell(router, at)->route;
        if (route->method == method) {
            return route;
        }
        at = route->next;
    }
    return NULL;
}

// Whether text, which is not empty, is what <int:…> takes: digits that fit int32, '-' allowed before them.
static bool is_int(const char *p, const char *end) {
    bool negative = *p == '-';
    uint32_t value;
    return mh_decimal_read(p + negative, (size_t)(end - p) - negative, negative ? 0x80000000u : 0x7fffffffu, &value);
}

// --- Paths without a variable segment

// Whether all segments from this node up to the root are literal, and the path's.
static MH_NOINLINE bool is_literal_path(const mh_router_t *router, const node_t *node, const char *path, size_t len) {
    const char *end = path + len;
    for (;;) {
        const char *text_end = text_at(router, node->text) + node->len;
        ptrdiff_t i = -(ptrdiff_t)node->len;
        if (kind_of(node) != KIND_LITERAL || end - path + i <= 0 || end[i - 1] != '/') {
            return false;
        }
        const char *slash = end + i - 1;
        for (; i != 0; ++i) {       // few bytes: calling memcmp() costs more
            if (text_end[i] != end[i]) {
                return false;
            }
        }
        if (node->parent == ROOT) {
            return slash == path;
        }
        node = &cell(router, node->parent)->node;
        end = slash;
    }
}

// The node of just this path, or NULL.
static MH_INLINE const node_t *literal_node(const mh_router_t *router, const char *path, size_t len) {
    const uint16_t *slots = slot_table(router);
    uint32_t hash = hash_text(hash_begin(ROOT, KIND_LITERAL), path, len);
    for (size_t i = hash_slot(router, hash); slots[i] != 0; i = (i + 1) & (router->slots - 1u)) {
        const node_t *node = &cell(router, slots[i])->node;
        if (is_literal_path(router, node, path, len)) {
            return node;
        }
    }
    return NULL;
}

// --- All others

// Where a search stands: a node, and the segment of the path that its children are compared with. To go back needs no
// stack: a node knows its parent, and the segment before is found by its '/'.
typedef struct _search_t {
    const mh_router_t *router;
    const char *path;
    size_t len;                 // of the path
    size_t at;                  // where the segment begins; len + 1 when the node took the last one
    size_t node;
    uint32_t hash;              // that leads to the node; not kept on the way back, which tries no literal segments
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
    segment_t segment = { search->path + search->at, 0, kind };
    const char *limit = search->path + search->len;
    const char *end = kind == KIND_PATH ? limit : segment.text;
    while (end != limit && *end != '/') {
        ++end;
    }
    size_t len = (size_t)(end - segment.text);
    uint32_t hash;
    if (kind == KIND_LITERAL) {
        segment.len = len;
        hash = hash_text(hash_step(search->hash, '/'), segment.text, len);
    } else if (capture(search, kind, len)) {
        hash = hash_begin(search->node, kind);
    } else {
        return false;
    }
    uint16_t child = *mh_router_slot(search->router, search->node, &segment, hash);
    if (child == 0) {
        return false;
    }
    search->node = child;
    search->hash = kind == KIND_LITERAL ? hash : hash_begin(child, KIND_LITERAL);
    search->at = (size_t)(end - search->path) + 1;
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
    const route_t *route = mh_router_route(router, node, method);
    if (route == NULL && method == MH_HEAD) {
        route = mh_router_route(router, node, MH_GET);
    }
    return route != NULL ? route : mh_router_route(router, node, METHOD_ANY);
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
static const route_t *search_routes(const mh_router_t *router, const char *path, size_t len, unsigned method, mh_match_t *match) {
    search_t state = { router, path, len, 1, ROOT, hash_begin(ROOT, KIND_LITERAL), match };
    search_t *search = &state;
    uint8_t kind = KIND_LITERAL;
    for (;;) {
        if (search->at > search->len) {
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

static MH_NOINLINE mh_route_result_t find_other(const mh_router_t *router, mh_method_t id, unsigned number, const char *path, size_t len,
    mh_match_t *match) {
    if (len != 0 && len <= UINT16_MAX && *path == '/') {
        const route_t *route = search_routes(router, path, len, number, match);
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
    if (id == MH_OPTIONS && len == 1 && *path == '*') {
        match->allow = router->known;
        return MH_ROUTE_OPTIONS;
    }
    if (match->allow != 0) {
        return MH_ROUTE_NOT_ALLOWED;
    }
    if (router->missing < 0 || len == 0 || *path != '/') {
        return MH_ROUTE_NOT_FOUND;
    }
    match->handler = (uint16_t)router->missing;
    return MH_ROUTE_FOUND;
}

mh_route_result_t mh_router_find(const mh_router_t *router, mh_method_t id, const char *method, size_t method_len,
    const char *path, size_t path_len, mh_match_t *match) {
    unsigned number = mh_router_method(router, id, method, method_len);
    match->captures = 0;
    match->allow = 0;
    const node_t *node = literal_node(router, path, path_len);
    const route_t *route = node == NULL ? NULL : route_for(router, node, number);
    if (route == NULL) {
        return find_other(router, id, number, path, path_len, match);
    }
    match->handler = route->handler;
    return MH_ROUTE_FOUND;
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
