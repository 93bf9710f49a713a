// _modhttp.Server: routes, listening, and the dispatch of ready requests to Python handlers.

#include <string.h>

#include "py/gc.h"
#include "py/mperrno.h"
#include "py/objexcept.h"
#include "py/objstr.h"
#include "py/parsenum.h"
#include "py/stream.h"
#include "extmod/modnetwork.h"

#include "core/answer.h"
#include "port/port.h"
#include "py/internal.h"

// Handlers called per poll at the most, so that the program's own loop goes on; and where it goes on between bytecodes.
#define POLL_BATCH_MAX (16)
#define BACKGROUND_BATCH_MAX (2)

// Routes that a new server has room for, and bytes of their paths; it grows.
#define ROUTES_INITIAL (16)
#define ROUTES_TEXT_INITIAL (256)

// --- Construction

static mp_obj_t new_text(const char *text) {
    return mp_obj_new_str(text, strlen(text));
}

typedef struct _limit_t {
    uint16_t name;      // qstr
    uint16_t preset;
    uint32_t min;
    uint32_t max;
} limit_t;

static const limit_t limits[] = {
    { MP_QSTR_max_connections, 16, 1, 250 },
    { MP_QSTR_head_buffers, 8, 1, 250 },
    { MP_QSTR_max_head, 2048, 128, 32768 },
    { MP_QSTR_max_fields, 32, 1, 1000 },
    { MP_QSTR_max_target, 1024, 16, 32768 },
    { MP_QSTR_max_body, 16384, 0, 0x3fffffff },
    { MP_QSTR_head_timeout, 10, 1, 86400 },
    { MP_QSTR_progress_timeout, 10, 1, 86400 },
    { MP_QSTR_idle_timeout, 30, 1, 86400 },
    { MP_QSTR_queue_timeout, 30, 1, 86400 },
};

static void parse_limits(const mp_map_t *kw, uint32_t values[]) {
    size_t known = 0;
    for (size_t i = 0; i < MP_ARRAY_SIZE(limits); i++) {
        const limit_t *limit = &limits[i];
        mp_map_elem_t *elem = mp_map_lookup((mp_map_t *)kw, MP_OBJ_NEW_QSTR(limit->name), MP_MAP_LOOKUP);
        values[i] = limit->preset;
        if (elem == NULL) {
            continue;
        }
        known++;
        mp_int_t value = mp_obj_get_int(elem->value);
        if (value < (mp_int_t)limit->min || value > (mp_int_t)limit->max) {
            mp_raise_msg_varg(&mp_type_ValueError, MP_ERROR_TEXT("%q must be %u to %u"), limit->name,
                (unsigned)limit->min, (unsigned)limit->max);
        }
        values[i] = (uint32_t)value;
    }
    if (known != kw->used) {
        mp_raise_TypeError(MP_ERROR_TEXT("Server() got a keyword that it does not know"));
    }
}

static void wake(void *arg);

// Server(render, on_error, **limits)
static mp_obj_t server_make_new(const mp_obj_type_t *type, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    mp_arg_check_num(n_args, n_kw, 2, 2, true);
    mp_map_t kw;
    mp_map_init_fixed_table(&kw, n_kw, args + n_args);
    uint32_t v[MP_ARRAY_SIZE(limits)];
    parse_limits(&kw, v);
    modhttp_server_obj_t *self = mp_obj_malloc_with_finaliser(modhttp_server_obj_t, type);
    self->config = (mh_config_t) {
        .max_connections = (uint8_t)v[0], .head_buffers = (uint8_t)v[1],
        .limits = { .max_head = (uint16_t)v[2], .max_fields = (uint16_t)v[3], .max_target = (uint16_t)v[4] },
        .max_body = v[5],
        .head_ms = v[6] * 1000, .progress_ms = v[7] * 1000, .idle_ms = v[8] * 1000, .queue_ms = v[9] * 1000,
    };
    self->next = NULL;
    self->server = NULL;
    self->router = NULL;
    self->router_size = 0;
    self->start_ms = mp_hal_ticks_ms();
    self->routes = mp_obj_new_list(0, NULL);
    self->render = args[0];
    self->on_error = args[1];
    self->spare = NULL;
    self->common = NULL;
    self->common_lines = mp_const_none;
    self->endpoints = NULL;
    self->endpoints_len = 0;
    self->call = self->spawn = self->publish = self->step = self->fallback = self->missing = mp_const_none;
    self->log = mp_const_none;
    self->log_mem = NULL;
    self->background = false;
    return MP_OBJ_FROM_PTR(self);
}

static uint64_t wall_clock(void) {
    return mp_hal_time_ns() / 1000000000;
}

// Memory at the end of the heap. MicroPython looks for free memory from the beginning on, and would have to get past it at
// every allocation.
static void *new_at_end(size_t size) {
    gc_info_t info;
    gc_collect();
    gc_info(&info);
    size_t blocks = (size + MICROPY_BYTES_PER_GC_BLOCK - 1) / MICROPY_BYTES_PER_GC_BLOCK;
    void *before = info.max_free > blocks ? m_malloc_maybe((info.max_free - blocks) * MICROPY_BYTES_PER_GC_BLOCK) : NULL;
    void *mem = m_malloc(size);
    gc_free(before);
    return mem;
}

// The memory is taken when the server first starts, and kept.
static mh_server_t *server_core(modhttp_server_obj_t *self) {
    if (self->server == NULL) {
        void *mem = new_at_end(mh_server_size(&self->config));
        self->server = mh_server_init(mem, &self->config, wake, self);
        mh_server_endpoints(self->server, self->endpoints);
        mh_server_route(self->server, self->router);
        mh_server_set_clock(self->server, wall_clock);
        modhttp_log_attach(self);
        mh_server_common(self->server, self->common);
    }
    return self->server;
}

// --- Routes

// The table of endpoints has a place for every route.
static void grow_endpoints(modhttp_server_obj_t *self, size_t len) {
    mh_endpoint_t **endpoints = m_new0(mh_endpoint_t *, len);
    for (size_t i = 0; i < self->endpoints_len; i++) {
        endpoints[i] = self->endpoints[i];
    }
    if (self->server != NULL) {
        MICROPY_PY_LWIP_ENTER
        mh_server_endpoints(self->server, endpoints);
        MICROPY_PY_LWIP_EXIT
    }
    self->endpoints = endpoints;
    self->endpoints_len = len;
}

static void set_endpoint(modhttp_server_obj_t *self, size_t number, mp_obj_t handler) {
    if (mp_obj_is_type(handler, &modhttp_endpoint_type)) {
        if (number >= self->endpoints_len) {
            grow_endpoints(self, 2 * number + 4);
        }
        self->endpoints[number] = ((modhttp_endpoint_obj_t *)MP_OBJ_TO_PTR(handler))->endpoint;
    }
}

static int add_to_router(void *router, mp_obj_t route, size_t number) {
    mp_obj_t *items;
    mp_obj_get_array_fixed_n(route, 3, &items);
    size_t method_len, pattern_len;
    const char *method = mp_obj_str_get_data(items[0], &method_len);
    const char *pattern = mp_obj_str_get_data(items[1], &pattern_len);
    if (mp_obj_is_type(items[2], &modhttp_endpoint_type)) {
        number |= MH_HANDLER_NATIVE;
    } else if (memchr(pattern, '<', pattern_len) != NULL) {
        number |= HANDLER_CAPTURES;
    }
    MICROPY_PY_LWIP_ENTER
    int result = mh_router_add(router, method, method_len, pattern, pattern_len, (uint16_t)number);
    MICROPY_PY_LWIP_EXIT
    return result;
}

// Tell the router what serves what no route does.
static void set_rest(const modhttp_server_obj_t *self, void *router) {
    MICROPY_PY_LWIP_ENTER
    mh_router_fallback(router, self->fallback == mp_const_none ? -1 : HANDLER_FALLBACK);
    mh_router_missing(router, self->missing == mp_const_none ? -1 : HANDLER_MISSING);
    MICROPY_PY_LWIP_EXIT
}

// Have a router of that size know all routes. One that is in use stays until then; before, there need not be room for both. It goes to
// the end of the heap: among what a program leaves behind with each route, a larger one, and the server, would find no room.
static void build_router(modhttp_server_obj_t *self, size_t size) {
    size_t count;
    mp_obj_t *routes;
    mp_obj_list_get(self->routes, &count, &routes);
    if (self->server == NULL) {
        m_del(uint8_t, self->router, 0);
        self->router = NULL;
    }
    mh_router_t *router = mh_router_init(new_at_end(size), size);
    for (size_t i = 0; i < count; i++) {
        add_to_router(router, routes[i], i);
    }
    set_rest(self, router);
    void *old = self->router;
    if (self->server != NULL) {
        MICROPY_PY_LWIP_ENTER
        mh_server_route(self->server, router);
        MICROPY_PY_LWIP_EXIT
    }
    self->router = router;
    self->router_size = size;
    m_del(uint8_t, old, 0);
}

// There is none at first, and after a MemoryError.
static void ensure_router(modhttp_server_obj_t *self) {
    if (self->router == NULL) {
        build_router(self, self->router_size > 0 ? self->router_size : mh_router_size(ROUTES_INITIAL, ROUTES_TEXT_INITIAL));
    }
}

// What the routes will take is not known before: a quarter more each time.
static void grow_router(modhttp_server_obj_t *self) {
    if (self->router_size == MH_ROUTER_SIZE_MAX) {
        mp_raise_ValueError(MP_ERROR_TEXT("too many routes"));
    }
    build_router(self, MIN(self->router_size + self->router_size / 4, MH_ROUTER_SIZE_MAX));
}

// add(method, pattern, handler)
static mp_obj_t server_add(size_t n_args, const mp_obj_t *args) {
    (void)n_args;
    modhttp_server_obj_t *self = MP_OBJ_TO_PTR(args[0]);
    size_t count;
    mp_obj_t *routes;
    mp_obj_t route = mp_obj_new_tuple(3, args + 1);
    mp_obj_list_get(self->routes, &count, &routes);
    if (count >= HANDLER_MISSING) {
        mp_raise_ValueError(MP_ERROR_TEXT("too many routes"));
    }
    ensure_router(self);
    set_endpoint(self, count, args[3]);
    mp_obj_list_append(self->routes, route);    // first: a request may come as soon as the router knows it
    int result = add_to_router(self->router, route, count);
    while (result == MH_ROUTER_FULL) {
        ((mp_obj_list_t *)MP_OBJ_TO_PTR(self->routes))->len = count;
        grow_router(self);
        mp_obj_list_append(self->routes, route);
        result = add_to_router(self->router, route, count);
    }
    if (result == MH_ROUTER_OK) {
        return mp_const_none;
    }
    ((mp_obj_list_t *)MP_OBJ_TO_PTR(self->routes))->len = count;
    if (result == MH_ROUTER_DUPLICATE) {
        mp_raise_msg_varg(&mp_type_ValueError, MP_ERROR_TEXT("%s %s already has a handler"),
            mp_obj_str_get_str(args[1]), mp_obj_str_get_str(args[2]));
    }
    mp_raise_msg_varg(&mp_type_ValueError, MP_ERROR_TEXT("bad route %s %s"),
        mp_obj_str_get_str(args[1]), mp_obj_str_get_str(args[2]));
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(server_add_obj, 4, 4, server_add);

// sensor(path, *, history=0, name=None, **fields) -> Sensor. A method in C, since only here keywords come in their order.
static mp_obj_t server_sensor(size_t n_args, const mp_obj_t *args, mp_map_t *kw) {
    (void)n_args;
    modhttp_server_obj_t *self = MP_OBJ_TO_PTR(args[0]);
    mp_map_elem_t fields[MH_SENSOR_COLUMNS_MAX + 1];
    mp_obj_t name = mp_const_none;
    mp_int_t history = 0;
    size_t count = 0;
    for (size_t i = 0; i < kw->used; i++) {
        if (kw->table[i].key == MP_OBJ_NEW_QSTR(MP_QSTR_history)) {
            history = mp_obj_get_int(kw->table[i].value);
        } else if (kw->table[i].key == MP_OBJ_NEW_QSTR(MP_QSTR_name)) {
            name = kw->table[i].value;
        } else if (count < MP_ARRAY_SIZE(fields)) {
            fields[count++] = kw->table[i];
        }
    }
    if (name == mp_const_none) {
        const char *path = mp_obj_str_get_str(args[1]), *slash = strrchr(path, '/');
        name = new_text(slash == NULL ? path : slash + 1);
    }
    mp_obj_t sensor = modhttp_sensor_new(name, history, self->common == NULL ? 0 : self->common->max, fields, count);
    mp_call_function_2(self->publish, args[1], sensor);
    return sensor;
}
static MP_DEFINE_CONST_FUN_OBJ_KW(server_sensor_obj, 2, server_sensor);

// Whole field lines, each ended by CRLF: those of every answer, and those of answers to OPTIONS. Returns their common length.
static size_t check_lines(mp_obj_t fields, mp_obj_t options, size_t *len) {
    size_t options_len;
    const char *text = mp_obj_str_get_data(fields, len), *options_text = mp_obj_str_get_data(options, &options_len);
    if (*len + options_len > MH_COMMON_MAX || mh_fields_check(text, *len) != MH_FIELDS_OK || mh_fields_check(options_text, options_len) != MH_FIELDS_OK) {
        mp_raise_msg_varg(&mp_type_ValueError, MP_ERROR_TEXT("what every answer says must be field lines, of at most %d bytes in all"), MH_COMMON_MAX);
    }
    return *len + options_len;
}

// A tuple of (origin, fields, fields for OPTIONS), of which the first is for every other origin.
static mh_common_t *new_common(mp_obj_t tuple) {
    size_t count, len;
    mp_obj_t *items, *parts;
    mp_obj_get_array(tuple, &count, &items);
    mh_common_t *common = m_new0(mh_common_t, 1);
    mh_lines_t *lines = m_new0(mh_lines_t, count);
    for (size_t i = 0; i < count; i++) {
        mp_obj_get_array_fixed_n(items[i], 3, &parts);
        size_t all = check_lines(parts[1], parts[2], &len);
        char *text = m_new(char, all + 1);
        memcpy(text, mp_obj_str_get_str(parts[1]), len);
        memcpy(text + len, mp_obj_str_get_str(parts[2]), all - len);
        lines[i] = (mh_lines_t) { .fields = text, .len = (uint16_t)len, .options_len = (uint16_t)all };
        lines[i].origin.at = mp_obj_str_get_data(parts[0], &lines[i].origin.len);
        common->max = MAX(common->max, len);
        common->options_max = MAX(common->options_max, all);
    }
    common->lines = lines;
    common->count = (uint16_t)count;
    common->room = m_new(char, common->options_max + MH_COMMON_ROOM);
    return common;
}

static void set_common(modhttp_server_obj_t *self, mp_obj_t lines) {
    mh_common_t *common = new_common(lines);
    if (self->server != NULL) {
        MICROPY_PY_LWIP_ENTER
        mh_server_common(self->server, common);
        MICROPY_PY_LWIP_EXIT
    }
    self->common = common;      // until here the one before was in use
    self->common_lines = lines;
}

// --- Listening

static void list_remove(modhttp_server_obj_t *self) {
    modhttp_server_obj_t **at = (modhttp_server_obj_t **)&MP_STATE_VM(modhttp_servers);
    while (*at != NULL && *at != self) {
        at = &(*at)->next;
    }
    if (*at == self) {
        *at = self->next;
        self->next = NULL;
    }
}

// Answers under way are completed; until then the server stays in the list, which keeps its memory.
static void server_stop(modhttp_server_obj_t *self) {
    if (self->server != NULL) {
        MICROPY_PY_LWIP_ENTER
        mh_server_stop(self->server);
        MICROPY_PY_LWIP_EXIT
    }
}

static void server_abort(modhttp_server_obj_t *self) {
    list_remove(self);
    if (self->server != NULL) {
        MICROPY_PY_LWIP_ENTER
        mh_server_close(self->server);
        MICROPY_PY_LWIP_EXIT
    }
}

// An older server of this program gives its port to a new one; those that have ended are forgotten.
static void take_over(modhttp_server_obj_t *self, uint16_t port) {
    server_stop(self);
    modhttp_server_obj_t *next;
    for (modhttp_server_obj_t *other = MP_STATE_VM(modhttp_servers); other != NULL; other = next) {
        next = other->next;
        if (mh_server_port(other->server) == port) {
            server_stop(other);
        }
        MICROPY_PY_LWIP_ENTER
        bool quiet = mh_server_is_quiet(other->server);
        MICROPY_PY_LWIP_EXIT
        if (quiet) {
            list_remove(other);
        }
    }
}

static NORETURN void raise_os_error(int code, mp_obj_t text) {
    mp_obj_t args[2] = { MP_OBJ_NEW_SMALL_INT(code), text };
    nlr_raise(mp_obj_new_exception_args(&mp_type_OSError, 2, args));
}

static mp_obj_t format_port(const char *format, int port) {
    vstr_t vstr;
    vstr_init(&vstr, 64);
    vstr_printf(&vstr, format, port);
    return mp_obj_new_str_from_vstr(&vstr);
}

// listen(port, host)
static mp_obj_t server_listen(mp_obj_t self_in, mp_obj_t port_in, mp_obj_t host_in) {
    modhttp_server_obj_t *self = MP_OBJ_TO_PTR(self_in);
    mp_int_t port = mp_obj_get_int(port_in);
    const char *host = mp_obj_str_get_str(host_in);
    ip_addr_t address;
    if (port < 1 || port > 65535) {
        mp_raise_ValueError(MP_ERROR_TEXT("port must be 1 to 65535"));
    }
    if (strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0) {
        address = *IP_ANY_TYPE;
    } else if (!ipaddr_aton(host, &address)) {
        mp_raise_msg_varg(&mp_type_ValueError, MP_ERROR_TEXT("host %s is not an IP address"), host);
    }
    MICROPY_PY_LWIP_ENTER
    bool up = mh_network_is_up();
    MICROPY_PY_LWIP_EXIT
    if (!up) {
        raise_os_error(MP_EHOSTUNREACH, new_text("no network interface is up: connect one before starting the server"));
    }
    if (self->router_size > 0) {
        ensure_router(self);
    }
    mh_server_t *server = server_core(self);
    if (mh_server_listens(server, &address, (uint16_t)port)) {
        return mp_const_none;       // run() after start() goes on with what came meanwhile
    }
    take_over(self, (uint16_t)port);
    MICROPY_PY_LWIP_ENTER
    err_t err = mh_server_listen(server, &address, (uint16_t)port);
    MICROPY_PY_LWIP_EXIT
    if (err == ERR_USE) {
        raise_os_error(MP_EADDRINUSE, format_port("port %d is in use by another socket of this program", port));
    }
    if (err != ERR_OK) {
        raise_os_error(MP_ENOMEM, format_port("no lwIP pcb left to listen on port %d", port));
    }
    list_remove(self);
    self->next = MP_STATE_VM(modhttp_servers);
    MP_STATE_VM(modhttp_servers) = self;
    self->start_ms = mp_hal_ticks_ms();
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_3(server_listen_obj, server_listen);

static mp_obj_t server_close(mp_obj_t self_in) {
    server_stop(MP_OBJ_TO_PTR(self_in));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(server_close_obj, server_close);

static mp_obj_t server_del(mp_obj_t self_in) {
    server_abort(MP_OBJ_TO_PTR(self_in));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(server_del_obj, server_del);

void modhttp_soft_reset(void) {
    while (MP_STATE_VM(modhttp_servers) != NULL) {
        server_abort(MP_STATE_VM(modhttp_servers));
    }
    MICROPY_PY_LWIP_ENTER
    mh_floor_close();
    mh_native_reset();
    mh_dns_stop();
    #if MODHTTP_MDNS
    mh_mdns_stop(mod_network_hostname_data);
    #endif
    MICROPY_PY_LWIP_EXIT
    MP_STATE_VM(modhttp_floor_answer) = NULL;
}

MP_REGISTER_ROOT_POINTER(struct _modhttp_server_obj_t *modhttp_servers);

// --- Dispatch

// The handler's arguments: the request, then what the pattern captured, as str or int.
static size_t fill_args(modhttp_request_obj_t *req, unsigned handler, mp_obj_t args[]) {
    args[0] = MP_OBJ_FROM_PTR(req);
    if (!(handler & HANDLER_CAPTURES)) {
        return 1;
    }
    size_t path_len;
    const char *path = mp_obj_str_get_data(modhttp_request_path(req), &path_len);
    const uint8_t *data;
    const mh_head_t *head = mh_conn_head(req->conn, &data);
    mh_match_t match;
    MICROPY_PY_LWIP_ENTER
    mh_route_result_t result = mh_router_find(req->app->router, head->method_id, (const char *)data + head->method.at, head->method.len,
        path, path_len, &match);
    MICROPY_PY_LWIP_EXIT
    if (result != MH_ROUTE_FOUND) {
        return 1;
    }
    for (size_t i = 0; i < match.captures; i++) {
        const char *text = path + match.capture[i].at;
        size_t len = match.capture[i].len;
        args[1 + i] = match.capture[i].is_int ? mp_parse_num_integer(text, len, 10, NULL) : mp_obj_new_str(text, len);
    }
    return 1 + match.captures;
}

static mp_obj_t find_handler(const modhttp_server_obj_t *self, unsigned number) {
    if (number == HANDLER_FALLBACK) {
        return self->fallback;
    }
    if (number == HANDLER_MISSING) {
        return self->missing;
    }
    mp_obj_t *items;
    size_t count;
    mp_obj_list_get(self->routes, &count, &items);
    mp_obj_get_array_fixed_n(items[number], 3, &items);
    return items[2];
}

static void call_handler(modhttp_request_obj_t *req) {
    unsigned handler = mh_conn_handler(req->conn);
    mp_obj_t args[2 + MH_ROUTER_CAPTURES];
    size_t n_args = fill_args(req, handler, args + 1);
    mp_obj_t function = find_handler(req->app, handler & ~HANDLER_CAPTURES);
    if (req->app->call == mp_const_none) {
        modhttp_answer(req, mp_call_function_n_kw(function, n_args, 0, args + 1));
    } else {
        args[0] = function;
        modhttp_answer(req, mp_call_function_n_kw(req->app->call, 1 + n_args, 0, args));
    }
}

static bool ends_program(mp_obj_t exc) {
    return !mp_obj_is_subclass_fast(MP_OBJ_FROM_PTR(mp_obj_get_type(exc)), MP_OBJ_FROM_PTR(&mp_type_Exception));
}

// Answer without Python's help.
static void refuse(modhttp_request_obj_t *req, int status) {
    modhttp_answer_status(req->conn, status);
    modhttp_request_done(req);
}

// The handler raised: Python says what the client gets, and the server goes on.
static void call_on_error(modhttp_request_obj_t *req, mp_obj_t exc) {
    nlr_buf_t nlr;
    if (nlr_push(&nlr) == 0) {
        mp_obj_t result = mp_call_function_2(req->app->on_error, MP_OBJ_FROM_PTR(req), exc);
        if (req->conn != NULL) {
            modhttp_answer(req, result);
        }
        nlr_pop();
    } else {
        refuse(req, 500);
        if (ends_program(MP_OBJ_FROM_PTR(nlr.ret_val))) {
            nlr_jump(nlr.ret_val);
        }
    }
}

void modhttp_request_fail(modhttp_request_obj_t *req, mp_obj_t exc) {
    modhttp_answer_leave(req);
    if (ends_program(exc)) {
        refuse(req, 503);
    } else if (req->conn == NULL || !mp_obj_exception_match(exc, MP_OBJ_FROM_PTR(&mp_type_OSError))) {
        call_on_error(req, exc);
    } else if (!mh_conn_is_alive(req->conn)) {
        refuse(req, 500);       // the client went away: nobody to answer
    } else if (mh_conn_is_cut(req->conn) && mp_obj_exception_get_value(exc) == MP_OBJ_NEW_SMALL_INT(MP_ECONNRESET)) {
        refuse(req, 400);       // RFC 9112, section 8
    } else {
        call_on_error(req, exc);
    }
}

static void handle(modhttp_server_obj_t *self, mh_conn_t *conn) {
    modhttp_request_obj_t *volatile req = NULL;
    nlr_buf_t nlr;
    if (nlr_push(&nlr) == 0) {
        req = mh_conn_owner(conn);
        if (req == NULL) {
            req = modhttp_request_new(self, conn);
            call_handler(req);
        } else {
            modhttp_answer_feed(req);
        }
        nlr_pop();
        return;
    }
    mp_obj_t exc = MP_OBJ_FROM_PTR(nlr.ret_val);
    if (req != NULL) {
        modhttp_request_fail(req, exc);
    } else {        // no memory for the request object itself
        mp_obj_print_exception(&mp_plat_print, exc);
        modhttp_answer_status(conn, 503);
    }
    if (ends_program(exc)) {
        nlr_jump(nlr.ret_val);
    }
}

// Memory for the body that a client is sending; it is the connection's until a handler takes the body.
static void give_room(mh_conn_t *conn, size_t size) {
    void *room = m_new_maybe(char, size + 1);       // a bytes object ends with a NUL
    MICROPY_PY_LWIP_ENTER
    void *unused = mh_conn_give_room(conn, room, size);
    MICROPY_PY_LWIP_EXIT
    m_del(char, unused, 0);
}

static int dispatch(modhttp_server_obj_t *self, int max) {
    int handled = 0;
    for (int turn = 0; turn < max; turn++) {
        MICROPY_PY_LWIP_ENTER
        mh_conn_t *conn = mh_server_take(self->server);
        size_t room = conn == NULL ? 0 : mh_conn_room(conn);
        bool sockets = mh_server_has_sockets(self->server);
        MICROPY_PY_LWIP_EXIT
        if (conn == NULL && !sockets) {
            break;
        }
        if (room > 0) {
            give_room(conn, room);
        } else if (conn != NULL) {
            handle(self, conn);
            handled++;
        }
        if (sockets) {
            handled += modhttp_socket_handle(self);
        }
    }
    if (self->log != mp_const_none) {
        modhttp_log_drain(self);
    }
    return handled;
}

// --- In the background: handlers run from MicroPython's scheduler, between the bytecodes of the program.

// What is left after a batch: queued like a Python callback, of which the scheduler runs one at a time, so that the program goes on.
static mp_obj_t background_more(mp_obj_t none);
static MP_DEFINE_CONST_FUN_OBJ_1(background_more_obj, background_more);

static bool has_ready(const modhttp_server_obj_t *self) {
    MICROPY_PY_LWIP_ENTER
    bool ready = self->server != NULL && (mh_server_has_ready(self->server) || mh_server_has_logged(self->server));
    MICROPY_PY_LWIP_EXIT
    return ready;
}

// Nothing may be raised into the scheduler, which would stay locked: what ends the program is raised in the program.
static void serve_background(void) {
    nlr_buf_t nlr;
    if (nlr_push(&nlr) == 0) {
        bool more = false;
        for (modhttp_server_obj_t *self = MP_STATE_VM(modhttp_servers); self != NULL; self = self->next) {
            if (self->background) {
                dispatch(self, BACKGROUND_BATCH_MAX);
                more |= has_ready(self);
            }
        }
        if (more) {
            mp_sched_schedule(MP_OBJ_FROM_PTR(&background_more_obj), mp_const_none);    // full: the next tick wakes us
        }
        nlr_pop();
    } else {
        mp_sched_exception(MP_OBJ_FROM_PTR(nlr.ret_val));
    }
}

static mp_obj_t background_more(mp_obj_t none) {
    (void)none;
    serve_background();
    return mp_const_none;
}

static void on_background(mp_sched_node_t *node) {
    (void)node;
    serve_background();
}

// At interrupt level.
static void wake(void *arg) {
    static mp_sched_node_t node;
    const modhttp_server_obj_t *self = arg;
    if (self->background) {
        mp_sched_schedule_node(&node, on_background);
    }
}

// poll(timeout_ms, max=16) -> requests handled. Negative: wait for one without end.
static mp_obj_t server_poll(size_t n_args, const mp_obj_t *args) {
    modhttp_server_obj_t *self = MP_OBJ_TO_PTR(args[0]);
    mp_int_t timeout = mp_obj_get_int(args[1]);
    mp_int_t max = n_args > 2 ? mp_obj_get_int(args[2]) : POLL_BATCH_MAX;
    mp_uint_t start = mp_hal_ticks_ms();
    if (self->server == NULL) {
        mp_raise_msg(&mp_type_RuntimeError, MP_ERROR_TEXT("the server is not started"));
    }
    for (;;) {
        int handled = dispatch(self, max);
        bool over = timeout < 0 && mh_server_port(self->server) == 0;   // nothing will come any more
        if (handled > 0 || timeout == 0 || over) {
            mp_event_handle_nowait();
            return MP_OBJ_NEW_SMALL_INT(handled);
        }
        if (timeout < 0) {
            mp_event_wait_indefinite();
            continue;
        }
        mp_uint_t passed = mp_hal_ticks_ms() - start;
        if (passed >= (mp_uint_t)timeout) {
            return MP_OBJ_NEW_SMALL_INT(0);
        }
        mp_event_wait_ms((mp_uint_t)timeout - passed);
    }
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(server_poll_obj, 2, 3, server_poll);

// --- Figures

static void store(mp_obj_t dict, qstr name, uint32_t value) {
    mp_obj_dict_store(dict, MP_OBJ_NEW_QSTR(name), mp_obj_new_int_from_uint(value));
}

static mp_obj_t server_stats(mp_obj_t self_in) {
    static const uint16_t names[] = { MP_QSTR_status_1xx, MP_QSTR_status_2xx, MP_QSTR_status_3xx, MP_QSTR_status_4xx, MP_QSTR_status_5xx };
    modhttp_server_obj_t *self = MP_OBJ_TO_PTR(self_in);
    mh_server_t *server = server_core(self);
    mh_stats_t stats;
    unsigned open, idle, queued, buffers;
    MICROPY_PY_LWIP_ENTER
    stats = *mh_server_stats(server);
    mh_server_usage(server, &open, &idle, &queued, &buffers);
    MICROPY_PY_LWIP_EXIT
    mp_obj_t dict = mp_obj_new_dict(15);
    store(dict, MP_QSTR_open, open);
    store(dict, MP_QSTR_idle, idle);
    store(dict, MP_QSTR_queued, queued);
    store(dict, MP_QSTR_requests, stats.requests);
    for (size_t i = 1; i < MP_ARRAY_SIZE(names); i++) {
        store(dict, names[i], stats.status[i]);
    }
    store(dict, MP_QSTR_bytes_in, stats.bytes_in);
    store(dict, MP_QSTR_bytes_out, stats.bytes_out);
    store(dict, MP_QSTR_refused, stats.refused);
    store(dict, MP_QSTR_timed_out, stats.timed_out);
    store(dict, MP_QSTR_resets, stats.resets);
    store(dict, MP_QSTR_head_buffers_free, buffers);
    store(dict, MP_QSTR_uptime, (uint32_t)((mp_hal_ticks_ms() - self->start_ms) / 1000));
    return dict;
}
static MP_DEFINE_CONST_FUN_OBJ_1(server_stats_obj, server_stats);

// Before the router knows: a request may come at once.
static void store_rest(modhttp_server_obj_t *self, mp_obj_t *place, mp_obj_t handler) {
    *place = handler;
    ensure_router(self);
    set_rest(self, self->router);
}

static bool server_store(modhttp_server_obj_t *self, qstr attr, mp_obj_t value) {
    switch (attr) {
        case MP_QSTR_call:
            self->call = value;
            return true;
        case MP_QSTR_spawn:
            self->spawn = value;
            return true;
        case MP_QSTR_publish:
            self->publish = value;
            return true;
        case MP_QSTR_step:
            self->step = value;
            return true;
        case MP_QSTR_fallback:
            store_rest(self, &self->fallback, value);
            return true;
        case MP_QSTR_missing:
            store_rest(self, &self->missing, value);
            return true;
        case MP_QSTR_background:
            self->background = mp_obj_is_true(value);
            return true;
        case MP_QSTR_common:
            set_common(self, value);
            return true;
        default:
            return false;
    }
}

// port: 0 when not listening. routes: (method, pattern, handler) of each. fallback. common: how long the field lines are that every answer has;
// set to a tuple of (origin, lines, lines for OPTIONS). To set only: missing, call, spawn, step, publish, background.
static void server_attr(mp_obj_t self_in, qstr attr, mp_obj_t *dest) {
    modhttp_server_obj_t *self = MP_OBJ_TO_PTR(self_in);
    if (dest[0] != MP_OBJ_NULL) {
        if (dest[1] != MP_OBJ_NULL && server_store(self, attr, dest[1])) {
            dest[0] = MP_OBJ_NULL;
        }
        return;
    }
    if (attr == MP_QSTR_port) {
        dest[0] = MP_OBJ_NEW_SMALL_INT(self->server == NULL ? 0 : mh_server_port(self->server));
    } else if (attr == MP_QSTR_routes) {
        dest[0] = self->routes;
    } else if (attr == MP_QSTR_fallback) {
        dest[0] = self->fallback;
    } else if (attr == MP_QSTR_common) {
        dest[0] = MP_OBJ_NEW_SMALL_INT(self->common == NULL ? 0 : self->common->max);
    } else {
        dest[1] = MP_OBJ_SENTINEL;      // look in the locals
    }
}

// A server can be waited for like a stream: it is readable when a request is ready, and when it has stopped.
static mp_uint_t server_ioctl(mp_obj_t self_in, mp_uint_t request, uintptr_t arg, int *errcode) {
    const modhttp_server_obj_t *self = MP_OBJ_TO_PTR(self_in);
    if (request == MP_STREAM_POLL) {
        bool over = self->server == NULL || mh_server_port(self->server) == 0;
        return over || has_ready(self) ? arg & MP_STREAM_POLL_RD : 0;
    }
    *errcode = MP_EINVAL;
    return MP_STREAM_ERROR;
}

static const mp_stream_p_t server_stream = {
    .ioctl = server_ioctl,
};

static const mp_rom_map_elem_t server_locals_table[] = {
    // on boards that are not ours no hook tells of a soft reset: the sweep of the heap does
    { MP_ROM_QSTR(MP_QSTR___del__), MP_ROM_PTR(&server_del_obj) },
    { MP_ROM_QSTR(MP_QSTR_add), MP_ROM_PTR(&server_add_obj) },
    { MP_ROM_QSTR(MP_QSTR_sensor), MP_ROM_PTR(&server_sensor_obj) },
    { MP_ROM_QSTR(MP_QSTR_listen), MP_ROM_PTR(&server_listen_obj) },
    { MP_ROM_QSTR(MP_QSTR_log), MP_ROM_PTR(&modhttp_server_log_obj) },
    { MP_ROM_QSTR(MP_QSTR_close), MP_ROM_PTR(&server_close_obj) },
    { MP_ROM_QSTR(MP_QSTR_poll), MP_ROM_PTR(&server_poll_obj) },
    { MP_ROM_QSTR(MP_QSTR_stats), MP_ROM_PTR(&server_stats_obj) },
};
static MP_DEFINE_CONST_DICT(server_locals, server_locals_table);

MP_DEFINE_CONST_OBJ_TYPE(
    modhttp_server_type,
    MP_QSTR_Server,
    MP_TYPE_FLAG_NONE,
    make_new, server_make_new,
    attr, server_attr,
    protocol, &server_stream,
    locals_dict, &server_locals
    );
