// _modhttp.Guard, and what else python/modhttp/auth.py is built on: credentials taken apart, secrets compared, noise.

#include <string.h>

#include "py/objstr.h"

#include "core/noise.h"
#include "port/port.h"
#include "py/internal.h"

// --- Credentials

// The same str in lower case.
static mp_obj_t lower_str(const char *text, size_t len) {
    vstr_t vstr;
    vstr_init_len(&vstr, len);
    for (size_t i = 0; i < len; i++) {
        vstr.buf[i] = (char)(text[i] >= 'A' && text[i] <= 'Z' ? text[i] | 0x20 : text[i]);
    }
    return mp_obj_new_str_from_vstr(&vstr);
}

static mp_obj_t param_value(const mh_auth_param_t *param) {
    if (!param->escaped) {
        return mp_obj_new_bytes((const byte *)param->value, param->value_len);
    }
    vstr_t vstr;
    vstr_init_len(&vstr, param->value_len);
    vstr.len = mh_auth_unescape(param->value, param->value_len, vstr.buf);
    return mp_obj_new_bytes_from_vstr(&vstr);
}

static mp_obj_t new_params(const mh_auth_t *auth) {
    mp_obj_t dict = mp_obj_new_dict(0);
    const char *rest = auth->params;
    size_t rest_len = auth->params_len;
    mh_auth_param_t param;
    while (mh_auth_param_next(&rest, &rest_len, &param) > 0) {
        mp_obj_t name = lower_str(param.name, param.name_len);
        if (mp_map_lookup(mp_obj_dict_get_map(dict), name, MP_MAP_LOOKUP) != NULL) {
            modhttp_raise_http(400, "malformed Authorization");     // each once (RFC 9110 section 11.2)
        }
        mp_obj_dict_store(dict, name, param_value(&param));
    }
    return dict;
}

// authorization(request) -> (scheme in lower case, token68 or None, {parameter in lower case: bytes}); None where there is no such field.
// HTTPError(400) where it is malformed, or there are two.
static mp_obj_t modhttp_authorization(mp_obj_t request) {
    const uint8_t *data;
    const mh_head_t *head = mh_conn_head(modhttp_request_conn(MP_OBJ_TO_PTR(request)), &data);
    mh_auth_t auth;
    int found = mh_authorization(head, data, &auth);
    if (found == 0) {
        return mp_const_none;
    }
    if (found < 0) {
        modhttp_raise_http(400, "malformed Authorization");
    }
    mp_obj_t items[3] = {
        lower_str(auth.scheme, auth.scheme_len),
        auth.token == NULL ? mp_const_none : mp_obj_new_str(auth.token, auth.token_len),
        new_params(&auth),
    };
    return mp_obj_new_tuple(3, items);
}
MP_DEFINE_CONST_FUN_OBJ_1(modhttp_authorization_obj, modhttp_authorization);

// unbase64(text) -> bytes, or None where the text is malformed; strict, as binascii is not.
static mp_obj_t modhttp_unbase64(mp_obj_t text_in) {
    size_t len;
    const char *text = mp_obj_str_get_data(text_in, &len);
    vstr_t vstr;
    vstr_init_len(&vstr, len / 4 * 3);
    int result = mh_base64_decode(text, len, (uint8_t *)vstr.buf);
    if (result < 0) {
        vstr_clear(&vstr);
        return mp_const_none;
    }
    vstr.len = (size_t)result;
    return mp_obj_new_bytes_from_vstr(&vstr);
}
MP_DEFINE_CONST_FUN_OBJ_1(modhttp_unbase64_obj, modhttp_unbase64);

// same(given, secret): how long it takes depends on the length of `given` alone.
static mp_obj_t modhttp_same(mp_obj_t given_in, mp_obj_t secret_in) {
    size_t given_len, secret_len;
    const char *given = mp_obj_str_get_data(given_in, &given_len);
    const char *secret = mp_obj_str_get_data(secret_in, &secret_len);
    return mp_obj_new_bool(mh_equal(given, given_len, secret, secret_len));
}
MP_DEFINE_CONST_FUN_OBJ_2(modhttp_same_obj, modhttp_same);

// noise(n) -> n bytes of the machine's noise source, as they come; None where they are not plausible.
static mp_obj_t modhttp_noise(mp_obj_t n) {
    mp_int_t len = mp_obj_get_int(n);
    if (len <= 0 || len % MH_NOISE_WINDOW != 0) {
        mp_raise_msg_varg(&mp_type_ValueError, MP_ERROR_TEXT("n must be a multiple of %d"), MH_NOISE_WINDOW);
    }
    vstr_t vstr;
    vstr_init_len(&vstr, (size_t)len);
    modhttp_noise_bits((uint8_t *)vstr.buf, (size_t)len);
    return mh_noise_is_plausible((const uint8_t *)vstr.buf, (size_t)len) ? mp_obj_new_bytes_from_vstr(&vstr) : mp_const_none;
}
MP_DEFINE_CONST_FUN_OBJ_1(modhttp_noise_obj, modhttp_noise);

// --- Guard

typedef struct _modhttp_guard_obj_t {
    mp_obj_base_t base;
    mp_obj_t scheme;        // what `guard` refers to
    mp_obj_t kept;          // the tokens
    mp_obj_t challenge;
    mh_text_t *texts;
    mh_guard_t guard;
} modhttp_guard_obj_t;

// What a route's handler is in front of an endpoint.
typedef struct _guarded_obj_t {
    mp_obj_base_t base;
    mp_obj_t guard;         // kept for `guarded`
    mp_obj_t inner;
    mh_guarded_t guarded;
} guarded_obj_t;

static MP_DEFINE_CONST_OBJ_TYPE(guarded_type, MP_QSTR_Guarded, MP_TYPE_FLAG_NONE);

// Guard(scheme, tokens, challenge): lets who says the scheme, in lower case, and one of the token68s pass; `challenge` is the field lines of a 401.
static mp_obj_t guard_make_new(const mp_obj_type_t *type, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    mp_arg_check_num(n_args, n_kw, 3, 3, false);
    modhttp_guard_obj_t *self = mp_obj_malloc(modhttp_guard_obj_t, type);
    mh_guard_t *guard = &self->guard;
    size_t count, len;
    mp_obj_t *tokens;
    memset(guard, 0, sizeof(*guard));
    self->scheme = args[0];
    self->challenge = args[2];
    mp_obj_get_array(args[1], &count, &tokens);
    self->kept = mp_obj_new_tuple(count, tokens);
    self->texts = m_new(mh_text_t, count);
    for (size_t i = 0; i < count; i++) {
        self->texts[i].at = mp_obj_str_get_data(tokens[i], &self->texts[i].len);
    }
    guard->tokens = self->texts;
    guard->count = (uint16_t)count;
    guard->scheme = mp_obj_str_get_data(self->scheme, &len);
    guard->scheme_len = (uint16_t)len;
    guard->challenge = mp_obj_str_get_data(self->challenge, &guard->challenge_len);
    if (guard->challenge_len > MH_CHALLENGE_MAX || mh_fields_check(guard->challenge, guard->challenge_len) != MH_FIELDS_OK) {
        mp_raise_ValueError(MP_ERROR_TEXT("the realm is too long, or has a character that HTTP does not allow"));
    }
    return MP_OBJ_FROM_PTR(self);
}

// The connection of a request, and its client. ECONNRESET where that is gone.
static mh_conn_t *get_client(mp_obj_t request, ip_addr_t *client) {
    uint16_t port;
    mh_conn_t *conn = modhttp_request_conn(MP_OBJ_TO_PTR(request));
    MICROPY_PY_LWIP_ENTER
    bool alive = mh_conn_client(conn, client, &port);
    MICROPY_PY_LWIP_EXIT
    if (!alive) {
        modhttp_raise(-ECONNRESET);
    }
    return conn;
}

// check(request) -> 0: it may pass. Else the status to answer with, 400, 401 or 429; a failure is counted.
static mp_obj_t guard_check(mp_obj_t self_in, mp_obj_t request) {
    modhttp_guard_obj_t *self = MP_OBJ_TO_PTR(self_in);
    ip_addr_t client;
    const uint8_t *data;
    const mh_head_t *head = mh_conn_head(get_client(request, &client), &data);
    MICROPY_PY_LWIP_ENTER
    uint16_t status = mh_guard_check(&self->guard, head, data, &client);
    MICROPY_PY_LWIP_EXIT
    return MP_OBJ_NEW_SMALL_INT(status);
}
static MP_DEFINE_CONST_FUN_OBJ_2(guard_check_obj, guard_check);

// wait(request) -> milliseconds until its client's credentials are looked at.
static mp_obj_t guard_wait(mp_obj_t self_in, mp_obj_t request) {
    modhttp_guard_obj_t *self = MP_OBJ_TO_PTR(self_in);
    ip_addr_t client;
    get_client(request, &client);
    MICROPY_PY_LWIP_ENTER
    uint32_t wait = mh_guard_wait(&self->guard, &client);
    MICROPY_PY_LWIP_EXIT
    return mp_obj_new_int_from_uint(wait);
}
static MP_DEFINE_CONST_FUN_OBJ_2(guard_wait_obj, guard_wait);

// count(request, passed): how the program found its client's credentials.
static mp_obj_t guard_count(mp_obj_t self_in, mp_obj_t request, mp_obj_t passed) {
    modhttp_guard_obj_t *self = MP_OBJ_TO_PTR(self_in);
    bool well = mp_obj_is_true(passed);
    ip_addr_t client;
    get_client(request, &client);
    MICROPY_PY_LWIP_ENTER
    if (well) {
        mh_guard_passed(&self->guard, &client);
    } else {
        mh_guard_failed(&self->guard, &client);
    }
    MICROPY_PY_LWIP_EXIT
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_3(guard_count_obj, guard_count);

// endpoint(inner) -> handler for a route: the Endpoint, for whom the guard lets pass
static mp_obj_t guard_endpoint(mp_obj_t self_in, mp_obj_t inner) {
    modhttp_guard_obj_t *self = MP_OBJ_TO_PTR(self_in);
    guarded_obj_t *guarded = mp_obj_malloc(guarded_obj_t, &guarded_type);
    guarded->guard = self_in;
    guarded->inner = inner;
    mh_guarded_init(&guarded->guarded, ((modhttp_endpoint_obj_t *)MP_OBJ_TO_PTR(inner))->endpoint, &self->guard);
    return modhttp_endpoint_new(&guarded->guarded.endpoint, MP_OBJ_FROM_PTR(guarded));
}
static MP_DEFINE_CONST_FUN_OBJ_2(guard_endpoint_obj, guard_endpoint);

static const mp_rom_map_elem_t guard_locals_table[] = {
    { MP_ROM_QSTR(MP_QSTR_check), MP_ROM_PTR(&guard_check_obj) },
    { MP_ROM_QSTR(MP_QSTR_wait), MP_ROM_PTR(&guard_wait_obj) },
    { MP_ROM_QSTR(MP_QSTR_count), MP_ROM_PTR(&guard_count_obj) },
    { MP_ROM_QSTR(MP_QSTR_endpoint), MP_ROM_PTR(&guard_endpoint_obj) },
};
static MP_DEFINE_CONST_DICT(guard_locals, guard_locals_table);

MP_DEFINE_CONST_OBJ_TYPE(
    modhttp_guard_type,
    MP_QSTR_Guard,
    MP_TYPE_FLAG_NONE,
    make_new, guard_make_new,
    locals_dict, &guard_locals
    );
