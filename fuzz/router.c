// The router against a list of routes that is searched from end to end.
//
// An input is text, so that it can be read and mutated by line: the first byte chooses the room, then follow
//   +METHOD PATTERN     add a route
//   =NUMBER             what serves the rest: a route's number, or none
//   :NUMBER             what serves the paths that no route has: the same
//   METHOD PATH         find

#include "core/router.h"
#include "fuzz.h"

#define ROUTES_MAX (32)
#define SEGMENTS_MAX (12)

enum { LITERAL, INT, NAME, PATH };

typedef struct _segment_t {
    uint8_t kind;
    input_t text;               // of a literal; else what it is called
} segment_t;

typedef struct _route_t {
    input_t method;
    size_t count;
    segment_t segments[SEGMENTS_MAX];
} route_t;

typedef struct _model_t {
    route_t routes[ROUTES_MAX];
    size_t count;
    int fallback;
    int missing;
    input_t own[ROUTES_MAX];    // methods that are not the standard's, as they were added
    size_t owns;
} model_t;

// How a route's pattern takes a path.
typedef struct _fit_t {
    uint8_t kinds[SEGMENTS_MAX];
    mh_match_t match;
} fit_t;

static bool same(input_t a, input_t b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static bool is_text(input_t a, const char *text) {
    input_t b = { (const uint8_t *)text, strlen(text) };
    return same(a, b);
}

static bool starts_with(input_t a, const char *text) {
    input_t front = { a.data, a.len < strlen(text) ? a.len : strlen(text) };
    return is_text(front, text);
}

static mh_method_t method_id(input_t method) {
    return mh_method((const char *)method.data, method.len);
}

// ---- patterns

static bool is_name(input_t text) {
    for (size_t i = 0; i < text.len; ++i) {
        if (!is_alphanumeric(text.data[i]) && text.data[i] != '_') {
            return false;
        }
    }
    return text.len != 0 && !is_digit(text.data[0]);
}

static bool model_segment(input_t text, bool last, segment_t *segment) {
    segment->kind = LITERAL;
    segment->text = text;
    if (text.len >= 2 && text.data[0] == '<' && text.data[text.len - 1] == '>') {
        input_t inner = { text.data + 1, text.len - 2 };
        segment->kind = starts_with(inner, "int:") ? INT : starts_with(inner, "path:") ? PATH : NAME;
        size_t prefix = segment->kind == INT ? 4 : segment->kind == PATH ? 5 : 0;
        segment->text = (input_t) { inner.data + prefix, inner.len - prefix };
        return is_name(segment->text) && (segment->kind != PATH || last);
    }
    for (size_t i = 0; i < text.len; ++i) {
        if (text.data[i] < ' ' || text.data[i] == 0x7f || text.data[i] == '<' || text.data[i] == '>') {
            return false;
        }
    }
    return !is_text(text, ".") && !is_text(text, "..") && text.len <= 255 && (text.len != 0 || last);
}

// Take a pattern apart. False when it is malformed.
static bool model_pattern(input_t pattern, route_t *route) {
    size_t captures = 0;
    route->count = 0;
    if (pattern.len == 0 || pattern.data[0] != '/') {
        return false;
    }
    input_t rest = { pattern.data + 1, pattern.len - 1 };
    for (bool last = false; !last;) {
        input_t before = rest;
        input_t text = input_until(&rest, '/');
        last = text.len == before.len;
        segment_t *segment = &route->segments[route->count++];
        if (!model_segment(text, last, segment)) {
            return false;
        }
        for (size_t i = 0; segment->kind != LITERAL && i + 1 < route->count; ++i) {
            if (route->segments[i].kind != LITERAL && same(route->segments[i].text, segment->text)) {
                return false;
            }
        }
        captures += segment->kind != LITERAL;
    }
    return captures <= MH_ROUTER_CAPTURES;
}

static bool same_path(const route_t *a, const route_t *b) {
    if (a->count != b->count) {
        return false;
    }
    for (size_t i = 0; i < a->count; ++i) {
        const segment_t *x = &a->segments[i];
        const segment_t *y = &b->segments[i];
        if (x->kind != y->kind || (x->kind == LITERAL && !same(x->text, y->text))) {
            return false;
        }
    }
    return true;
}

static bool is_own(const model_t *model, input_t method) {
    for (size_t i = 0; i < model->owns; ++i) {
        if (same(model->own[i], method)) {
            return true;
        }
    }
    return false;
}

// What adding the route is to say, were there room.
static int model_add(const model_t *model, const route_t *route, bool well_formed) {
    bool any = is_text(route->method, "*");
    if (!any) {
        bool other = method_id(route->method) == MH_METHOD_OTHER;
        if (!is_token(route->method.data, route->method.len) || route->method.len > 255
            || (other && model->owns == 22 && !is_own(model, route->method))) {
            return MH_ROUTER_METHOD;
        }
    }
    if (!well_formed) {
        return MH_ROUTER_PATTERN;
    }
    for (size_t i = 0; i < model->count; ++i) {
        if (same(model->routes[i].method, route->method) && same_path(&model->routes[i], route)) {
            return MH_ROUTER_DUPLICATE;
        }
    }
    return MH_ROUTER_OK;
}

static void model_keep(model_t *model, const route_t *route) {
    bool standard = is_text(route->method, "*") || method_id(route->method) != MH_METHOD_OTHER;
    if (!standard && !is_own(model, route->method)) {
        model->own[model->owns++] = route->method;
    }
    model->routes[model->count++] = *route;
}

// ---- finding

static bool is_int(input_t text) {
    char digits[16];
    size_t sign = text.len != 0 && text.data[0] == '-';
    size_t first = sign;
    for (size_t i = sign; i < text.len; ++i) {
        if (!is_digit(text.data[i])) {
            return false;
        }
        first += first == i && text.data[i] == '0' && i + 1 < text.len;
    }
    size_t len = text.len - first;
    if (text.len == sign || len > 10) {
        return false;
    }
    memcpy(digits, text.data + first, len);
    digits[len] = '\0';
    return strtoll(digits, NULL, 10) <= (sign ? 2147483648 : 2147483647);
}

static void fit_capture(fit_t *fit, input_t path, input_t text, uint8_t kind) {
    mh_capture_t *capture = &fit->match.capture[fit->match.captures++];
    capture->at = (uint16_t)(text.data - path.data);
    capture->len = (uint16_t)text.len;
    capture->is_int = kind == INT;
}

// Whether the route's pattern takes the path, which begins with '/', and how.
static bool model_fits(const route_t *route, input_t path, fit_t *fit) {
    input_t rest = { path.data + 1, path.len - 1 };
    bool over = false;
    fit->match.captures = 0;
    for (size_t i = 0; i < route->count; ++i) {
        const segment_t *segment = &route->segments[i];
        input_t before = rest;
        if (over) {
            return false;
        }
        input_t text = input_until(&rest, '/');
        if (segment->kind == PATH) {
            text = before;
        }
        over = text.len == before.len;
        fit->kinds[i] = segment->kind;
        if (segment->kind == LITERAL) {
            if (!same(segment->text, text)) {
                return false;
            }
        } else if (text.len == 0 || (segment->kind == INT && !is_int(text))) {
            return false;
        } else {
            fit_capture(fit, path, text, segment->kind);
        }
    }
    return over;
}

// How well a route with a fitting path serves the method: its own, GET's for HEAD, any; 0 for not at all.
static int method_rank(const route_t *route, input_t method) {
    return same(route->method, method) ? 3 : is_text(method, "HEAD") && is_text(route->method, "GET") ? 2
        : is_text(route->method, "*") ? 1 : 0;
}

typedef struct _answer_t {
    mh_route_result_t result;
    int handler;
    fit_t fit;
    bool allow[ROUTES_MAX];     // routes whose methods Allow lists
} answer_t;

// Whether some route, or the server itself, knows the method.
static bool model_knows(const model_t *model, input_t method) {
    if (is_text(method, "GET") || is_text(method, "HEAD") || is_text(method, "OPTIONS")) {
        return true;
    }
    for (size_t i = 0; i < model->count; ++i) {
        if (same(model->routes[i].method, method) || is_text(model->routes[i].method, "*")) {
            return true;
        }
    }
    return false;
}

// The best of the routes that take path and method, in answer->handler, else -1; and those that take the path.
static bool model_search(const model_t *model, input_t method, input_t path, answer_t *answer) {
    int best_rank = 0;
    bool fits = false;
    answer->handler = -1;
    for (size_t i = 0; i < model->count; ++i) {
        const route_t *route = &model->routes[i];
        fit_t fit;
        memset(&fit, 0, sizeof(fit));
        if (path.len == 0 || path.data[0] != '/' || !model_fits(route, path, &fit)) {
            continue;
        }
        fits = true;
        answer->allow[i] = true;
        int rank = method_rank(route, method);
        int order = memcmp(fit.kinds, answer->fit.kinds, sizeof(fit.kinds));
        if (rank != 0 && (answer->handler < 0 || order < 0 || (order == 0 && rank > best_rank))) {
            answer->handler = (int)i;
            answer->fit = fit;
            best_rank = rank;
        }
    }
    return fits;
}

static answer_t model_find(const model_t *model, input_t method, input_t path) {
    answer_t answer;
    memset(&answer, 0, sizeof(answer));
    bool fits = model_search(model, method, path, &answer);
    if (answer.handler >= 0) {
        answer.result = MH_ROUTE_FOUND;
    } else if (fits && is_text(method, "OPTIONS")) {
        answer.result = MH_ROUTE_OPTIONS;
    } else if (model->fallback >= 0) {
        answer.result = MH_ROUTE_FOUND;
        answer.handler = model->fallback;
    } else if (!model_knows(model, method)) {
        answer.result = MH_ROUTE_NOT_IMPLEMENTED;
    } else if (is_text(method, "OPTIONS") && is_text(path, "*")) {
        answer.result = MH_ROUTE_OPTIONS;
        for (size_t i = 0; i < model->count; ++i) {
            answer.allow[i] = true;
        }
    } else if (fits) {
        answer.result = MH_ROUTE_NOT_ALLOWED;
    } else if (model->missing >= 0 && starts_with(path, "/")) {
        answer.result = MH_ROUTE_FOUND;
        answer.handler = model->missing;
    } else {
        answer.result = MH_ROUTE_NOT_FOUND;
    }
    return answer;
}

// ---- comparing

static bool model_allows(const model_t *model, const answer_t *answer, input_t method) {
    bool allows = is_text(method, "OPTIONS");
    for (size_t i = 0; i < model->count; ++i) {
        input_t other = model->routes[i].method;
        allows = allows || (answer->allow[i] && (same(other, method)
            || (is_text(method, "HEAD") && is_text(other, "GET"))));
    }
    return allows;
}

// Allow's value: each of the standard's methods that are allowed, then the router's own, as they were added.
static size_t model_allow(const model_t *model, const answer_t *answer, size_t size, char *out) {
    size_t len = 0;
    for (size_t i = 0; i < MH_METHOD_OTHER + model->owns; ++i) {
        input_t method = { (const uint8_t *)"", 0 };
        if (i < MH_METHOD_OTHER) {
            method.data = (const uint8_t *)mh_method_name((mh_method_t)i);
            method.len = strlen((const char *)method.data);
        } else {
            method = model->own[i - MH_METHOD_OTHER];
        }
        if (model_allows(model, answer, method) && len + (len == 0 ? 0 : 2) + method.len <= size) {
            memcpy(out + len, ", ", 2);
            len += len == 0 ? 0 : 2;
            memcpy(out + len, method.data, method.len);
            len += method.len;
        }
    }
    return len;
}

static void check_allow(const model_t *model, const answer_t *answer, const mh_router_t *router,
    const mh_match_t *match, size_t size) {
    char *expected = malloc(size + 3);
    uint8_t *out = exact_new(NULL, size);
    size_t expected_len = model_allow(model, answer, size, expected);
    CHECK(mh_router_allow(router, match, (char *)out, size) == expected_len);
    CHECK(memcmp(out, expected, expected_len) == 0);
    exact_free(out, size);
    free(expected);
}

static void check_find(const model_t *model, const mh_router_t *router, input_t method, input_t path) {
    answer_t answer = model_find(model, method, path);
    uint8_t *method_copy = exact_new(method.data, method.len);
    uint8_t *path_copy = exact_new(path.data, path.len);
    mh_match_t match;
    memset(&match, 0xa5, sizeof(match));
    mh_route_result_t result = mh_router_find(router, method_id(method), (char *)method_copy, method.len,
        (char *)path_copy, path.len, &match);
    CHECK(result == answer.result);
    if (result == MH_ROUTE_FOUND) {
        CHECK(match.handler == answer.handler);
        CHECK(match.captures == answer.fit.match.captures);
        for (size_t i = 0; i < match.captures; ++i) {
            const mh_capture_t *a = &match.capture[i];
            const mh_capture_t *b = &answer.fit.match.capture[i];
            CHECK(a->at == b->at && a->len == b->len && a->is_int == b->is_int);
        }
    } else if (result == MH_ROUTE_NOT_ALLOWED || result == MH_ROUTE_OPTIONS) {
        check_allow(model, &answer, router, &match, 8192);
        check_allow(model, &answer, router, &match, path.len);
    }
    exact_free(path_copy, path.len);
    exact_free(method_copy, method.len);
}

// ---- the lines of an input

// What mh_router_size() asks about all the routes that an input adds.
static size_t room_for(input_t input) {
    size_t routes = 0;
    size_t text = 0;
    while (input.len != 0) {
        input_t line = input_until(&input, '\n');
        if (line.len != 0 && line.data[0] == '+') {
            ++routes;
            text += line.len;
        }
    }
    return mh_router_size(routes, text);
}

static void do_add(model_t *model, mh_router_t *router, input_t line, bool roomy) {
    route_t route;
    input_t pattern = line;
    route.method = input_until(&pattern, ' ');
    size_t segments = 1;
    for (size_t i = 0; i < pattern.len; ++i) {
        segments += pattern.data[i] == '/';
    }
    if (model->count == ROUTES_MAX || segments > SEGMENTS_MAX) {
        return;
    }
    bool well_formed = model_pattern(pattern, &route);
    int expected = model_add(model, &route, well_formed);
    uint8_t *method_copy = exact_new(route.method.data, route.method.len);
    uint8_t *pattern_copy = exact_new(pattern.data, pattern.len);
    int result = mh_router_add(router, (char *)method_copy, route.method.len, (char *)pattern_copy, pattern.len,
        (uint16_t)model->count);
    exact_free(pattern_copy, pattern.len);
    exact_free(method_copy, route.method.len);
    CHECK(result == expected || (!roomy && expected == MH_ROUTER_OK && result == MH_ROUTER_FULL));
    if (result == MH_ROUTER_OK) {
        model_keep(model, &route);
    }
}

static int input_handler(input_t line) {
    return line.len == 0 ? -1 : (int)input_number(&line, 2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    input_t input = { data, len };
    bool roomy = input_byte(&input) % 2 == 0;
    size_t size = room_for(input);
    if (size == 0) {
        return 0;
    }
    size = roomy ? size : mh_router_size(0, 0) + size / 2;
    uint8_t *memory = exact_new(NULL, size);
    mh_router_t *router = mh_router_init(memory, size);
    CHECK(router != NULL && mh_router_init(memory, mh_router_size(0, 0) - 1) == NULL);
    model_t *model = calloc(1, sizeof(model_t));
    model->fallback = model->missing = -1;
    while (input.len != 0) {
        input_t line = input_until(&input, '\n');
        uint8_t first = line.len == 0 ? 0 : line.data[0];
        if (first == '+') {
            input_byte(&line);
            do_add(model, router, line, roomy);
        } else if (first == '=') {
            input_byte(&line);
            model->fallback = input_handler(line);
            mh_router_fallback(router, model->fallback);
        } else if (first == ':') {
            input_byte(&line);
            model->missing = input_handler(line);
            mh_router_missing(router, model->missing);
        } else {
            input_t method = input_until(&line, ' ');
            if (is_token(method.data, method.len)) {
                check_find(model, router, method, line);
            }
        }
    }
    free(model);
    exact_free(memory, size);
    return 0;
}
