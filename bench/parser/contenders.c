// What bench/parser.py counts. Each run_NAME() calls one parser on one request and returns how many bytes its head has, or
// something else when it is refused; what is counted is the function that it calls.

#include <stdint.h>
#include <string.h>

#include "core/answer.h"
#include "core/head.h"
#include "core/router.h"
#include "core/select.h"
#include "core/uri.h"

static const mh_limits_t limits = { 2048, 1024, 32 };

int run_modhttp(const uint8_t *data, size_t len) {
    mh_head_t head;
    memset(&head, 0, sizeof(head));
    int result = mh_head_parse(&head, &limits, data, len);
    return result == 1 ? head.len : result;
}

// All of core that a request goes through: its head, its path, its route, and the head of its answer.
int run_request(const uint8_t *data, size_t len) {
    static uint32_t memory[512];
    static char out[256];
    mh_router_t *router = mh_router_init(memory, sizeof(memory));
    mh_router_add(router, "GET", 3, "/", 1, 1);
    mh_router_add(router, "GET", 3, "/hello/world", 12, 2);
    mh_router_add(router, "POST", 4, "/api/led", 8, 3);
    mh_head_t head;
    mh_target_t target;
    mh_match_t match;
    memset(&head, 0, sizeof(head));
    if (mh_head_parse(&head, &limits, data, len) != 1
        || mh_target_split((const char *)data + head.target.at, head.target.len, &target) != 0
        || !target.plain
        || mh_router_find(router, head.method_id, (const char *)data + head.method.at, head.method.len, target.path,
            target.path_len, &match) != MH_ROUTE_FOUND) {
        return -1;
    }
    mh_answer_t answer = {
        .status = 200, .minor = head.minor, .keep_alive = true, .length = 5, .type = "text/plain; charset=utf-8", .type_len = 25,
    };
    return mh_answer_head(&answer, out, sizeof(out)) < sizeof(out) ? head.len : -1;
}

// What a sensor asks of an Accept field. Returns which.
int run_accept(const uint8_t *data, size_t len) {
    static const char *const types[] = { "application/json", "text/csv", "application/octet-stream" };
    return mh_accept_type((const char *)data, len, types, 3);
}

#ifdef PEERS
#include "llhttp.h"
#include "picohttpparser.h"

int run_picohttpparser(const uint8_t *data, size_t len) {
    const char *method, *path;
    size_t method_len, path_len, count = 32;
    int minor;
    struct phr_header headers[32];
    return phr_parse_request((const char *)data, len, &method, &method_len, &path, &path_len, &minor, headers, &count, 0);
}

// Without callbacks, so that it finds the fields and passes them to nobody.
int run_llhttp(const uint8_t *data, size_t len) {
    llhttp_t parser;
    llhttp_settings_t settings;
    llhttp_settings_init(&settings);
    llhttp_init(&parser, HTTP_REQUEST, &settings);
    return llhttp_execute(&parser, (const char *)data, len) == HPE_OK ? (int)len : -1;
}
#endif
