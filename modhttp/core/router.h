#ifndef MODHTTP_CORE_ROUTER_H
#define MODHTTP_CORE_ROUTER_H

// Routes in tables: a trie of path segments whose literal edges are found by hash, so that a look-up costs the path's segments
// and not the number of routes. All memory is the caller's, one block.
//
// A pattern is a path whose segments are literal or one of <name> (one segment, not empty), <int:name> (digits, fits int32, leading '-' allowed)
// and <path:name> (the rest with its slashes, not empty; last segment only).
// Precedence at each segment: literal, <int:…>, <name>, <path:…>; then the fallback. "/a" and "/a/" differ. Where the path
// fits but the method does not, the search goes on: 405 means that no route with a fitting path has the method.
// A literal segment is at most 255 bytes; only the last may be empty, none is "." or ".."; names are identifiers, each once.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/method.h"

enum {
    MH_ROUTER_OK = 0,
    MH_ROUTER_FULL = -1,        // build a larger one
    MH_ROUTER_PATTERN = -2,     // malformed pattern
    MH_ROUTER_DUPLICATE = -3,   // the same method on the same path
    MH_ROUTER_METHOD = -4,      // not a token, longer than 255 bytes, or the 23rd that mh_method() does not know
};

#define MH_ROUTER_CAPTURES (8)

// A larger block holds no more routes.
#define MH_ROUTER_SIZE_MAX (786432)

typedef struct _mh_router_t mh_router_t;

// One captured segment: offsets into the path.
typedef struct _mh_capture_t {
    uint16_t at;
    uint16_t len;
    bool is_int;
} mh_capture_t;

typedef enum {
    MH_ROUTE_FOUND,             // match->handler
    MH_ROUTE_NOT_FOUND,         // 404
    MH_ROUTE_NOT_ALLOWED,       // 405 with mh_router_allow()
    MH_ROUTE_OPTIONS,           // OPTIONS on a path that does not handle it itself, or "*": 204 with mh_router_allow()
    MH_ROUTE_NOT_IMPLEMENTED,   // 501: a method that no route knows
} mh_route_result_t;

typedef struct _mh_match_t {
    uint16_t handler;           // as given to mh_router_add()
    uint8_t captures;
    uint32_t allow;             // for mh_router_allow()
    mh_capture_t capture[MH_ROUTER_CAPTURES];
} mh_match_t;

// Bytes that hold at least `routes` routes whose patterns, and methods that mh_method() does not know, are `text` bytes
// together. 0 when no router holds that many.
size_t mh_router_size(size_t routes, size_t text);

// An empty router in `mem` (aligned for uint32_t); NULL when size is too small for any.
mh_router_t *mh_router_init(void *mem, size_t size);

// Add a route. `method` is a token or "*", any method that the path does not name itself. `handler` is returned by a match. A failed add changes nothing.
int mh_router_add(mh_router_t *router, const char *method, size_t method_len, const char *pattern, size_t pattern_len, uint16_t handler);

// What serves every method and path that no route does, or -1 for none.
void mh_router_fallback(mh_router_t *router, int handler);

// What serves the paths that no route has, of methods that some has, where there is no fallback; or -1 for none.
void mh_router_missing(mh_router_t *router, int handler);

// Find the route for a decoded path. HEAD finds GET's handler when the path has none for HEAD. Bounded: each node is
// visited at most once. "*" is no path: with OPTIONS it asks for what the whole router can, else only the fallback has it.
mh_route_result_t mh_router_find(const mh_router_t *router, mh_method_t id, const char *method, size_t method_len,
    const char *path, size_t path_len, mh_match_t *match);

// Write the Allow field's value for the path just matched ("GET, HEAD, OPTIONS"; never longer than `size`: names that do not fit are left out). Returns the length.
size_t mh_router_allow(const mh_router_t *router, const mh_match_t *match, char *out, size_t size);

#endif
