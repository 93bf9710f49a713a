// _modhttp.Endpoint, what a route's handler is when C answers; _modhttp.Blob, bytes to be served.

#include <string.h>

#include "py/objstr.h"

#include "py/internal.h"

// --- Endpoint

mp_obj_t modhttp_endpoint_new(mh_endpoint_t *endpoint, mp_obj_t owner) {
    modhttp_endpoint_obj_t *self = mp_obj_malloc(modhttp_endpoint_obj_t, &modhttp_endpoint_type);
    self->endpoint = endpoint;
    self->owner = owner;
    return MP_OBJ_FROM_PTR(self);
}

MP_DEFINE_CONST_OBJ_TYPE(
    modhttp_endpoint_type,
    MP_QSTR_Endpoint,
    MP_TYPE_FLAG_NONE
    );

// --- Blob

typedef struct _modhttp_blob_obj_t {
    mp_obj_base_t base;
    mp_obj_t type;          // what `blob` refers to
    mp_obj_t data;
    mp_obj_t gzip;
    mp_obj_t fields;
    uint32_t count;         // how often it was set
    mh_blob_t blob;
} modhttp_blob_obj_t;

static void check_text(mp_obj_t obj, const char **text, size_t *len) {
    *text = mp_obj_str_get_data(obj, len);
    if (*len == 0 || *len > MH_BLOB_TYPE_MAX) {
        mp_raise_msg_varg(&mp_type_ValueError, MP_ERROR_TEXT("content type must be 1 to %d bytes"), MH_BLOB_TYPE_MAX);
    }
    if (!mh_field_value_ok(*text, *len)) {
        mp_raise_ValueError(MP_ERROR_TEXT("content type has a character that HTTP does not allow"));
    }
}

static uint32_t get_bytes(mp_obj_t obj, const void **data) {
    mp_buffer_info_t info;
    mp_get_buffer_raise(obj, &info, MP_BUFFER_READ);
    *data = info.buf;
    return (uint32_t)info.len;
}

// A str or bytes object with what the object holds now.
static mp_obj_t freeze(mp_obj_t obj) {
    const void *data;
    if (mp_obj_is_str_or_bytes(obj)) {
        return obj;
    }
    size_t len = get_bytes(obj, &data);
    return mp_obj_new_bytes(data, len);
}

// Blob(content_type, data): a value, which set() replaces.
// Blob(content_type, data, gzip, fields): a file, which lies in flash, with its compressed form (or None) and more field lines.
// Blob(content_type, data, position): a buffer that changes by itself, with the address of the word that has the address of its
// oldest byte, or 0.
static mp_obj_t blob_make_new(const mp_obj_type_t *type, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    mp_arg_check_num(n_args, n_kw, 2, 4, false);
    modhttp_blob_obj_t *self = mp_obj_malloc(modhttp_blob_obj_t, type);
    mh_blob_t *blob = &self->blob;
    mh_blob_init(blob);
    self->type = args[0];
    self->data = n_args == 2 ? freeze(args[1]) : args[1];
    self->gzip = self->fields = mp_const_none;
    self->count = 0;
    check_text(self->type, &blob->type, &blob->type_len);
    blob->len = get_bytes(self->data, &blob->data);
    if (n_args == 2) {
        blob->hold = MP_OBJ_TO_PTR(self->data);
        mh_blob_tag_count(blob, 0);
    } else if (n_args == 3) {
        blob->hold = MP_OBJ_TO_PTR(self->data);
        blob->position = (const volatile uint32_t *)(uintptr_t)mp_obj_get_int_truncated(args[2]);
    } else {
        self->gzip = args[2];
        self->fields = args[3];
        if (self->gzip != mp_const_none) {
            blob->gzip_len = get_bytes(self->gzip, &blob->gzip);
        }
        blob->fields = mp_obj_str_get_data(self->fields, &blob->fields_len);
        if (blob->fields_len > MH_BLOB_FIELDS_MAX || mh_fields_check(blob->fields, blob->fields_len) < 0) {
            mp_raise_ValueError(MP_ERROR_TEXT("bad field lines"));
        }
        blob->fixed = true;
        mh_blob_tag_bytes(blob);
    }
    return MP_OBJ_FROM_PTR(self);
}

// set(data): what is served from now on. Answers under way go on with what they began with.
static mp_obj_t blob_set(mp_obj_t self_in, mp_obj_t data) {
    modhttp_blob_obj_t *self = MP_OBJ_TO_PTR(self_in);
    const void *bytes;
    mp_obj_t frozen = freeze(data);
    uint32_t len = get_bytes(frozen, &bytes);
    MICROPY_PY_LWIP_ENTER
    self->data = frozen;
    self->blob.data = bytes;
    self->blob.len = len;
    self->blob.hold = MP_OBJ_TO_PTR(frozen);
    mh_blob_tag_count(&self->blob, ++self->count);
    MICROPY_PY_LWIP_EXIT
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(blob_set_obj, blob_set);

// endpoint() -> handler for a route
static mp_obj_t blob_endpoint(mp_obj_t self_in) {
    modhttp_blob_obj_t *self = MP_OBJ_TO_PTR(self_in);
    return modhttp_endpoint_new(&self->blob.endpoint, self_in);
}
static MP_DEFINE_CONST_FUN_OBJ_1(blob_endpoint_obj, blob_endpoint);

static const mp_rom_map_elem_t blob_locals_table[] = {
    { MP_ROM_QSTR(MP_QSTR_set), MP_ROM_PTR(&blob_set_obj) },
    { MP_ROM_QSTR(MP_QSTR_endpoint), MP_ROM_PTR(&blob_endpoint_obj) },
};
static MP_DEFINE_CONST_DICT(blob_locals, blob_locals_table);

MP_DEFINE_CONST_OBJ_TYPE(
    modhttp_blob_type,
    MP_QSTR_Blob,
    MP_TYPE_FLAG_NONE,
    make_new, blob_make_new,
    locals_dict, &blob_locals
    );
