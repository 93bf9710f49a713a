// The C half of the host's machine module (the other half is micropython/unix/modules/machine.py): Timer, as on
// rp2, and reset(). A Timer's alarms are timeouts of lwIP, so they come at interrupt level and schedule the callback
// from there. And a look into lwIP's pools, for `make soak`.
#include <stdlib.h>

#include "py/mphal.h"
#include "py/runtime.h"

#include "lwip/memp.h"
#include "lwip/stats.h"
#include "lwip/sys.h"
#include "lwip/timeouts.h"

enum { TIMER_ONE_SHOT, TIMER_PERIODIC };

typedef struct {
    mp_obj_base_t base;
    bool running;
    uint8_t mode;
    uint32_t period_ms;
    uint32_t due; // sys_now() of the next alarm
    mp_obj_t callback;
} host_timer_t;

static void host_timer_alarm(void *arg) {
    host_timer_t *self = arg;
    if (self->callback != mp_const_none) {
        mp_sched_schedule(self->callback, MP_OBJ_FROM_PTR(self));
    }
    if (self->mode == TIMER_ONE_SHOT) {
        self->running = false;
        return;
    }
    // Counted from when it was due, not from when it came: lateness does not add up.
    self->due += self->period_ms;
    int32_t left = (int32_t)(self->due - sys_now());
    sys_timeout(left > 0 ? (u32_t)left : 0, host_timer_alarm, self);
}

static mp_obj_t host_timer_deinit(mp_obj_t self_in) {
    host_timer_t *self = MP_OBJ_TO_PTR(self_in);
    MICROPY_PY_LWIP_ENTER
    if (self->running) {
        sys_untimeout(host_timer_alarm, self);
        self->running = false;
    }
    MICROPY_PY_LWIP_EXIT
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(host_timer_deinit_obj, host_timer_deinit);

static void host_timer_start(host_timer_t *self, size_t n_args, const mp_obj_t *pos_args, mp_map_t *kw_args) {
    enum { ARG_mode, ARG_callback, ARG_period, ARG_tick_hz, ARG_freq, ARG_hard };
    static const mp_arg_t allowed_args[] = {
        { MP_QSTR_mode, MP_ARG_KW_ONLY | MP_ARG_INT, {.u_int = TIMER_PERIODIC} },
        { MP_QSTR_callback, MP_ARG_KW_ONLY | MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE} },
        { MP_QSTR_period, MP_ARG_KW_ONLY | MP_ARG_INT, {.u_int = -1} },
        { MP_QSTR_tick_hz, MP_ARG_KW_ONLY | MP_ARG_INT, {.u_int = 1000} },
        { MP_QSTR_freq, MP_ARG_KW_ONLY | MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE} },
        { MP_QSTR_hard, MP_ARG_KW_ONLY | MP_ARG_BOOL, {.u_bool = false} },
    };
    mp_arg_val_t args[MP_ARRAY_SIZE(allowed_args)];
    mp_arg_parse_all(n_args, pos_args, kw_args, MP_ARRAY_SIZE(allowed_args), allowed_args, args);

    mp_float_t period_ms;
    if (args[ARG_freq].u_obj != mp_const_none) {
        period_ms = 1000 / mp_obj_get_float(args[ARG_freq].u_obj);
    } else {
        period_ms = (mp_float_t)args[ARG_period].u_int * 1000 / (mp_float_t)args[ARG_tick_hz].u_int;
    }
    if (!(period_ms > 0 && period_ms < INT32_MAX)) {
        mp_raise_ValueError(MP_ERROR_TEXT("period or freq must be positive"));
    }
    host_timer_deinit(MP_OBJ_FROM_PTR(self));
    self->mode = (uint8_t)args[ARG_mode].u_int;
    self->callback = args[ARG_callback].u_obj;
    self->period_ms = period_ms < 1 ? 1 : (uint32_t)period_ms;
    MICROPY_PY_LWIP_ENTER
    self->due = sys_now() + self->period_ms;
    self->running = true;
    sys_timeout(self->period_ms, host_timer_alarm, self);
    MICROPY_PY_LWIP_EXIT
}

static mp_obj_t host_timer_make_new(const mp_obj_type_t *type, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    host_timer_t *self = mp_obj_malloc_with_finaliser(host_timer_t, type);
    self->running = false;
    self->callback = mp_const_none;
    if (n_args > 0) {
        if (mp_obj_get_int(args[0]) != -1) {
            mp_raise_ValueError(MP_ERROR_TEXT("Timer doesn't exist"));
        }
        n_args -= 1;
        args += 1;
    }
    if (n_args > 0 || n_kw > 0) {
        mp_map_t kw_args;
        mp_map_init_fixed_table(&kw_args, n_kw, args + n_args);
        host_timer_start(self, n_args, args, &kw_args);
    }
    return MP_OBJ_FROM_PTR(self);
}

static mp_obj_t host_timer_init(size_t n_args, const mp_obj_t *args, mp_map_t *kw_args) {
    host_timer_start(MP_OBJ_TO_PTR(args[0]), n_args - 1, args + 1, kw_args);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_KW(host_timer_init_obj, 1, host_timer_init);

static const mp_rom_map_elem_t host_timer_locals_dict_table[] = {
    { MP_ROM_QSTR(MP_QSTR___del__), MP_ROM_PTR(&host_timer_deinit_obj) },
    { MP_ROM_QSTR(MP_QSTR_init), MP_ROM_PTR(&host_timer_init_obj) },
    { MP_ROM_QSTR(MP_QSTR_deinit), MP_ROM_PTR(&host_timer_deinit_obj) },
    { MP_ROM_QSTR(MP_QSTR_ONE_SHOT), MP_ROM_INT(TIMER_ONE_SHOT) },
    { MP_ROM_QSTR(MP_QSTR_PERIODIC), MP_ROM_INT(TIMER_PERIODIC) },
};
static MP_DEFINE_CONST_DICT(host_timer_locals_dict, host_timer_locals_dict_table);

static MP_DEFINE_CONST_OBJ_TYPE(
    host_timer_type, MP_QSTR_Timer, MP_TYPE_FLAG_NONE,
    make_new, host_timer_make_new, locals_dict, &host_timer_locals_dict
    );

// Ends the program from wherever it is called, a Timer's callback too, which SystemExit would not leave.
static mp_obj_t host_reset(void) {
    mp_hal_stdio_mode_orig();
    exit(0);
}
static MP_DEFINE_CONST_FUN_OBJ_0(host_reset_obj, host_reset);

#if MEM_STATS && MEMP_STATS
static void store_pool(mp_obj_t dict, qstr name, const struct stats_mem *pool) {
    struct stats_mem now;
    MICROPY_PY_LWIP_ENTER
    now = *pool;
    MICROPY_PY_LWIP_EXIT
    mp_obj_t figures[4] = {
        mp_obj_new_int_from_uint(now.used), mp_obj_new_int_from_uint(now.max), mp_obj_new_int_from_uint(now.avail),
        mp_obj_new_int_from_uint(now.err),
    };
    mp_obj_dict_store(dict, MP_OBJ_NEW_QSTR(name), mp_obj_new_tuple(4, figures));
}

// pools() -> {"tcp_pcb": (used, most ever used, size, times that it was empty), ...}: lwIP's pools, and its heap in bytes.
static mp_obj_t host_pools(void) {
    static const struct {
        uint16_t name;
        uint16_t pool;
    } pools[] = {
        { MP_QSTR_tcp_pcb, MEMP_TCP_PCB },
        { MP_QSTR_tcp_pcb_listen, MEMP_TCP_PCB_LISTEN },
        { MP_QSTR_tcp_seg, MEMP_TCP_SEG },
        { MP_QSTR_pbuf, MEMP_PBUF },
        { MP_QSTR_pbuf_pool, MEMP_PBUF_POOL },
        { MP_QSTR_sys_timeout, MEMP_SYS_TIMEOUT },
    };
    mp_obj_t dict = mp_obj_new_dict(MP_ARRAY_SIZE(pools) + 1);
    store_pool(dict, MP_QSTR_heap, &lwip_stats.mem);
    for (size_t i = 0; i < MP_ARRAY_SIZE(pools); i++) {
        store_pool(dict, pools[i].name, memp_pools[pools[i].pool]->stats);
    }
    return dict;
}
static MP_DEFINE_CONST_FUN_OBJ_0(host_pools_obj, host_pools);
#endif

static const mp_rom_map_elem_t host_module_globals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR__host) },
    { MP_ROM_QSTR(MP_QSTR_Timer), MP_ROM_PTR(&host_timer_type) },
    { MP_ROM_QSTR(MP_QSTR_reset), MP_ROM_PTR(&host_reset_obj) },
    #if MEM_STATS && MEMP_STATS
    { MP_ROM_QSTR(MP_QSTR_pools), MP_ROM_PTR(&host_pools_obj) },
    #endif
};
static MP_DEFINE_CONST_DICT(host_module_globals, host_module_globals_table);

const mp_obj_module_t host_module = {
    .base = { &mp_type_module },
    .globals = (mp_obj_dict_t *)&host_module_globals,
};

MP_REGISTER_MODULE(MP_QSTR__host, host_module);
