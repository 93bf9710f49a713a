// _modhttp.Form: the parts of a form in a request's body, one after the other, as their bytes come.

#include <string.h>

#include "py/objstr.h"
#include "py/unicode.h"

#include "core/form.h"
#include "py/internal.h"

// What is read of the body at one time.
#define WINDOW (512)

typedef struct _modhttp_form_obj_t {
    mp_obj_base_t base;
    modhttp_request_obj_t *request;
    mp_obj_t body;          // where the program has it as a whole already, else MP_OBJ_NULL
    const uint8_t *at;      // what has come and is not parsed yet
    size_t left;
    const uint8_t *data;    // of the part, and not asked for yet
    size_t data_len;
    uint16_t count;         // parts that have begun
    bool in_part;
    bool ended;             // the body has
    mh_form_t form;
    uint8_t window[WINDOW];
} modhttp_form_obj_t;

static NORETURN void refuse(const modhttp_form_obj_t *self, int result) {
    modhttp_raise_http(-result, self->form.fault);
}

static uint32_t limit(mp_obj_t value, const char *name, mp_int_t max) {
    mp_int_t n = mp_obj_get_int(value);
    if (n < 0 || n > max) {
        mp_raise_msg_varg(&mp_type_ValueError, MP_ERROR_TEXT("%s must be 0 to %d"), name, (int)max);
    }
    return (uint32_t)n;
}

// Form(request, max_part, max_parts). HTTPError(415) where the request has none.
static mp_obj_t form_make_new(const mp_obj_type_t *type, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    mp_arg_check_num(n_args, n_kw, 3, 3, false);
    if (!mp_obj_is_type(args[0], &modhttp_request_type)) {
        mp_raise_TypeError(MP_ERROR_TEXT("a form needs a request"));
    }
    uint32_t part_max = limit(args[1], "max_part", 0x3fffffff), parts_max = limit(args[2], "max_parts", 65535);
    modhttp_form_obj_t *self = mp_obj_malloc(modhttp_form_obj_t, type);
    memset((char *)self + sizeof(self->base), 0, sizeof(*self) - sizeof(self->base));
    self->request = MP_OBJ_TO_PTR(args[0]);
    const uint8_t *data;
    const mh_head_t *head = mh_conn_head(modhttp_request_conn(self->request), &data);
    uint16_t at = head->fields;
    mh_field_t field = { .value = "", .value_len = 0 };
    mh_field_find(data, &at, "content-type", 12, &field);
    int result = mh_form_init(&self->form, field.value, field.value_len, (uint16_t)parts_max, part_max);
    if (result < 0) {
        refuse(self, result);
    }
    self->body = self->request->more == NULL ? MP_OBJ_NULL : self->request->more->body;
    if (self->body != MP_OBJ_NULL) {
        self->at = (const uint8_t *)mp_obj_str_get_data(self->body, &self->left);
    }
    return MP_OBJ_FROM_PTR(self);
}

// Have something to parse, or the body's end. False: there is nothing yet.
static bool fill(modhttp_form_obj_t *self, bool wait) {
    if (self->left != 0 || self->ended) {
        return true;
    }
    int n = self->body != MP_OBJ_NULL ? 0 : (wait ? modhttp_request_read : modhttp_request_try)(self->request, self->window, WINDOW);
    if (n == -EAGAIN) {
        return false;
    }
    if (n < 0) {
        modhttp_raise(n);
    }
    self->at = self->window;
    self->left = (size_t)n;
    self->ended = n == 0;
    return true;
}

// The next event, or -EAGAIN when nothing has come.
static int advance(modhttp_form_obj_t *self, bool wait) {
    int event = MH_FORM_MORE;
    while (event == MH_FORM_MORE) {
        if (!fill(self, wait)) {
            return -EAGAIN;
        }
        size_t taken;
        event = mh_form_next(&self->form, self->at, self->left, &taken, &self->data, &self->data_len);
        self->at += taken;
        self->left -= taken;
        if (event < 0) {
            refuse(self, event);
        }
    }
    self->in_part = event == MH_FORM_PART || event == MH_FORM_DATA;
    return event;
}

// next(wait) -> True: a part has begun; False: there are no more; None: wait for the request, and ask again. What is left of the part
// before is skipped.
static mp_obj_t form_next(mp_obj_t self_in, mp_obj_t wait_in) {
    modhttp_form_obj_t *self = MP_OBJ_TO_PTR(self_in);
    for (;;) {
        self->data_len = 0;
        int event = advance(self, mp_obj_is_true(wait_in));
        if (event == -EAGAIN) {
            return mp_const_none;
        }
        if (event == MH_FORM_PART) {
            self->count++;
            return mp_const_true;
        }
        if (event == MH_FORM_END) {
            return mp_const_false;
        }
    }
}
static MP_DEFINE_CONST_FUN_OBJ_2(form_next_obj, form_next);

// readinto(buf, wait, count) -> bytes put there, of the part that is the count-th: 0 at its end; None: wait for the request, and ask again.
static mp_obj_t form_readinto(size_t n_args, const mp_obj_t *args) {
    (void)n_args;
    modhttp_form_obj_t *self = MP_OBJ_TO_PTR(args[0]);
    mp_buffer_info_t to;
    mp_get_buffer_raise(args[1], &to, MP_BUFFER_WRITE);
    if (mp_obj_get_int(args[3]) != self->count) {
        mp_raise_msg(&mp_type_RuntimeError, MP_ERROR_TEXT("this part is over: read it before the next one begins"));
    }
    size_t got = 0;
    while (got < to.len && self->in_part) {
        if (self->data_len == 0 && advance(self, mp_obj_is_true(args[2])) == -EAGAIN) {
            return got == 0 ? mp_const_none : MP_OBJ_NEW_SMALL_INT(got);
        }
        size_t n = MIN(to.len - got, self->data_len);
        memcpy((char *)to.buf + got, self->data, n);
        self->data += n;
        self->data_len -= n;
        got += n;
    }
    return MP_OBJ_NEW_SMALL_INT(got);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(form_readinto_obj, 4, 4, form_readinto);

static mp_obj_t span_str(const modhttp_form_obj_t *self, mh_span_t span) {
    const char *text = self->form.head + span.at;
    if (!utf8_check((const byte *)text, span.len)) {
        modhttp_raise_http(400, "what a part of the form says of itself is not UTF-8");
    }
    return mp_obj_new_str(text, span.len);
}

static mp_obj_t optional_str(const modhttp_form_obj_t *self, mh_span_t span) {
    return span.at == 0 ? mp_const_none : span_str(self, span);
}

// part() -> (count, name, filename or None, content type or None) of the part that began last
static mp_obj_t form_part(mp_obj_t self_in) {
    const modhttp_form_obj_t *self = MP_OBJ_TO_PTR(self_in);
    mp_obj_t items[4] = { MP_OBJ_NEW_SMALL_INT(self->count), span_str(self, self->form.name) };
    items[2] = optional_str(self, self->form.filename);
    items[3] = optional_str(self, self->form.type);
    return mp_obj_new_tuple(4, items);
}
static MP_DEFINE_CONST_FUN_OBJ_1(form_part_obj, form_part);

static const mp_rom_map_elem_t form_locals_table[] = {
    { MP_ROM_QSTR(MP_QSTR_next), MP_ROM_PTR(&form_next_obj) },
    { MP_ROM_QSTR(MP_QSTR_part), MP_ROM_PTR(&form_part_obj) },
    { MP_ROM_QSTR(MP_QSTR_readinto), MP_ROM_PTR(&form_readinto_obj) },
};
static MP_DEFINE_CONST_DICT(form_locals, form_locals_table);

MP_DEFINE_CONST_OBJ_TYPE(
    modhttp_form_type,
    MP_QSTR_Form,
    MP_TYPE_FLAG_NONE,
    make_new, form_make_new,
    locals_dict, &form_locals
    );
