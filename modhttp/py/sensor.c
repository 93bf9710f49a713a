// _modhttp.Field, _modhttp.Sensor: values that C serves; and the metrics of all of a server's sensors.

#include <string.h>

#include "py/objint.h"
#include "py/objstr.h"

#include "py/internal.h"

#define STR_SIZE (16)
#define HISTORY_MAX (10000)
#define HELP_MAX (120)
#define UNIT_MAX (24)
#define LABEL_MAX (48)

// --- Field: a value with more to say about it

typedef struct _modhttp_field_obj_t {
    mp_obj_base_t base;
    mp_obj_t preset;
    mp_obj_t help;
    mp_obj_t unit;
    mp_int_t scale;
    mp_int_t size;
} modhttp_field_obj_t;

// Field(default, help="", unit="", scale=1, size=16)
static mp_obj_t field_make_new(const mp_obj_type_t *type, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    static const mp_arg_t allowed[] = {
        { MP_QSTR_default, MP_ARG_REQUIRED | MP_ARG_OBJ, { .u_obj = MP_OBJ_NULL } },
        { MP_QSTR_help, MP_ARG_OBJ, { .u_rom_obj = MP_ROM_QSTR(MP_QSTR_) } },
        { MP_QSTR_unit, MP_ARG_OBJ, { .u_rom_obj = MP_ROM_QSTR(MP_QSTR_) } },
        { MP_QSTR_scale, MP_ARG_INT, { .u_int = 1 } },
        { MP_QSTR_size, MP_ARG_INT, { .u_int = STR_SIZE } },
    };
    mp_arg_val_t v[MP_ARRAY_SIZE(allowed)];
    mp_arg_parse_all_kw_array(n_args, n_kw, args, MP_ARRAY_SIZE(allowed), allowed, v);
    size_t help_len, unit_len;
    mp_obj_str_get_data(v[1].u_obj, &help_len);
    mp_obj_str_get_data(v[2].u_obj, &unit_len);
    if (help_len > HELP_MAX || unit_len > UNIT_MAX) {
        mp_raise_msg_varg(&mp_type_ValueError, MP_ERROR_TEXT("help must be at most %d bytes, unit %d"), HELP_MAX, UNIT_MAX);
    }
    if (v[3].u_int < 1 || v[3].u_int > 1000000000) {
        mp_raise_ValueError(MP_ERROR_TEXT("scale must be 1 to 1000000000"));
    }
    if (v[4].u_int < 1 || v[4].u_int > MH_SENSOR_STR_MAX) {
        mp_raise_msg_varg(&mp_type_ValueError, MP_ERROR_TEXT("size must be 1 to %d"), MH_SENSOR_STR_MAX);
    }
    modhttp_field_obj_t *self = mp_obj_malloc(modhttp_field_obj_t, type);
    self->preset = v[0].u_obj;
    self->help = v[1].u_obj;
    self->unit = v[2].u_obj;
    self->scale = v[3].u_int;
    self->size = v[4].u_int;
    return MP_OBJ_FROM_PTR(self);
}

MP_DEFINE_CONST_OBJ_TYPE(
    modhttp_field_type,
    MP_QSTR_Field,
    MP_TYPE_FLAG_NONE,
    make_new, field_make_new
    );

// --- Sensor

typedef struct _modhttp_sensor_obj_t {
    mp_obj_base_t base;
    mp_obj_t name;              // as str; the columns' texts are kept by `kept`
    mp_obj_t kept;
    mh_column_t *columns;
    uint16_t *qstrs;            // the columns' names
    void *mem;
    mh_sensor_endpoint_t endpoint;
} modhttp_sensor_obj_t;

static NORETURN void raise_column(const mp_obj_type_t *type, mp_rom_error_text_t text, qstr name) {
    mp_raise_msg_varg(type, text, name);
}

static bool is_identifier(const char *text, size_t len) {
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (!(c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (i > 0 && c >= '0' && c <= '9'))) {
            return false;
        }
    }
    return len > 0 && len <= MH_SENSOR_NAME_MAX;
}

static uint8_t type_of(mp_obj_t preset, qstr name) {
    if (mp_obj_is_bool(preset)) {
        return MH_COLUMN_BOOL;
    }
    if (mp_obj_is_int(preset)) {
        return MH_COLUMN_INT;
    }
    if (mp_obj_is_float(preset)) {
        return MH_COLUMN_FLOAT;
    }
    if (mp_obj_is_str(preset)) {
        return MH_COLUMN_STR;
    }
    raise_column(&mp_type_TypeError, MP_ERROR_TEXT("%q must be an int, float, bool, str or Field"), name);
}

static void set_column(mh_column_t *column, qstr name, mp_obj_t field) {
    mp_obj_t preset = field;
    *column = (mh_column_t) { .name = qstr_str(name), .help = "", .unit = "", .scale = 1, .size = STR_SIZE };
    if (!is_identifier(column->name, strlen(column->name))) {
        raise_column(&mp_type_ValueError, MP_ERROR_TEXT("field %q must be a name of at most 32 letters, digits and _"), name);
    }
    if (mp_obj_is_type(field, &modhttp_field_type)) {
        const modhttp_field_obj_t *given = MP_OBJ_TO_PTR(field);
        preset = given->preset;
        column->help = mp_obj_str_get_str(given->help);
        column->unit = mp_obj_str_get_str(given->unit);
        column->scale = (int32_t)given->scale;
        column->size = (uint8_t)given->size;
    }
    column->type = type_of(preset, name);
    if (column->scale != 1 && column->type != MH_COLUMN_INT) {
        raise_column(&mp_type_ValueError, MP_ERROR_TEXT("%q has a scale but is no int"), name);
    }
}

// False where it is no int. MicroPython's own conversion takes no int of 2**31 or more on the boards, and no -2**31.
static bool get_32_bits(mp_obj_t obj, int32_t *value, bool *fits) {
    if (mp_obj_is_exact_type(obj, &mp_type_int)) {      // a large one
        byte data[4];
        *fits = mp_obj_int_to_bytes_impl(obj, MP_ENDIANNESS_BIG, sizeof(data), data);
        memcpy(value, data, sizeof(data));
        *fits = *fits && (*value < 0) == (mp_obj_int_sign(obj) < 0);
        return true;
    }
    mp_int_t small;
    if (!mp_obj_get_int_maybe(obj, &small)) {
        return false;
    }
    *value = (int32_t)small;
    *fits = small == *value;
    return true;
}

// room: celsius takes a float, not str
static NORETURN void raise_type(const modhttp_sensor_obj_t *self, size_t i, mp_obj_t obj) {
    static const char *const kinds[] = { "an int", "a float", "a bool", "a str" };
    const mh_column_t *column = &self->columns[i];
    const char *kind = column->scale == 1 ? kinds[column->type] : "an int or float";
    mp_raise_msg_varg(&mp_type_TypeError, MP_ERROR_TEXT("%s: %q takes %s, not %s"), self->endpoint.name, self->qstrs[i], kind,
        mp_obj_get_type_str(obj));
}

static int32_t get_int(const modhttp_sensor_obj_t *self, size_t i, mp_obj_t obj) {
    int32_t scale = self->columns[i].scale;
    if (scale != 1 && mp_obj_is_float(obj)) {
        mp_float_t value = mp_obj_get_float(obj) * (mp_float_t)scale;
        value += value < 0 ? (mp_float_t)-0.5 : (mp_float_t)0.5;
        if (value > (mp_float_t)-2147483648.0 && value < (mp_float_t)2147483648.0) {
            return (int32_t)value;
        }
    } else {
        int32_t value;
        bool fits;
        if (!get_32_bits(obj, &value, &fits)) {
            raise_type(self, i, obj);
        }
        if (fits) {
            return value;
        }
    }
    raise_column(&mp_type_OverflowError, MP_ERROR_TEXT("%q must fit 32 bits"), self->qstrs[i]);
}

static void get_value(const modhttp_sensor_obj_t *self, size_t i, mp_obj_t obj, mh_value_t *value) {
    mp_float_t f;
    switch (self->columns[i].type) {
        case MH_COLUMN_FLOAT:
            if (!mp_obj_get_float_maybe(obj, &f)) {
                raise_type(self, i, obj);
            }
            value->f = (float)f;
            break;
        case MH_COLUMN_BOOL:
            value->i = mp_obj_is_true(obj);
            break;
        case MH_COLUMN_STR:
            if (!mp_obj_is_str_or_bytes(obj)) {
                raise_type(self, i, obj);
            }
            value->s.text = mp_obj_str_get_data(obj, &value->s.len);
            break;
        default:
            value->i = get_int(self, i, obj);
    }
}

// Which column a keyword names.
static size_t find_column(const modhttp_sensor_obj_t *self, mp_obj_t key) {
    qstr name = mp_obj_str_get_qstr(key);
    size_t count = self->endpoint.sensor.column_count;
    for (size_t i = 0; i < count; i++) {
        if (self->qstrs[i] == name) {
            return i;
        }
    }
    raise_column(&mp_type_TypeError, MP_ERROR_TEXT("the sensor has no field %q"), name);
}

// update(**fields): take a sample. Fields that are not named keep their values. Allocates nothing, and may be called in a hard interrupt.
static mp_obj_t sensor_update(size_t n_args, const mp_obj_t *args, mp_map_t *kw) {
    (void)n_args;
    modhttp_sensor_obj_t *self = MP_OBJ_TO_PTR(args[0]);
    mh_value_t values[MH_SENSOR_COLUMNS_MAX];
    uint32_t which = 0;
    for (size_t i = 0; i < kw->alloc; i++) {
        if (mp_map_slot_is_filled(kw, i)) {
            size_t column = find_column(self, kw->table[i].key);
            get_value(self, column, kw->table[i].value, &values[column]);
            which |= 1u << column;
        }
    }
    mh_sensor_update(&self->endpoint, which, values);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_KW(sensor_update_obj, 1, sensor_update);

// Its first sample: what the fields were given as defaults.
static void fill(modhttp_sensor_obj_t *self, const mp_map_elem_t *fields) {
    mh_sample_t *sample = (mh_sample_t *)(void *)self->endpoint.sensor.ring;
    for (size_t i = 0; i < self->endpoint.sensor.column_count; i++) {
        mp_obj_t preset = fields[i].value;
        if (mp_obj_is_type(preset, &modhttp_field_type)) {
            preset = ((modhttp_field_obj_t *)MP_OBJ_TO_PTR(preset))->preset;
        }
        mh_value_t value;
        get_value(self, i, preset, &value);
        mh_column_set(&self->columns[i], sample, &value);
    }
}

static void set_up(modhttp_sensor_obj_t *self, const mp_map_elem_t *fields, size_t count, uint16_t history, size_t common) {
    mh_sensor_t *sensor = &self->endpoint.sensor;
    self->columns = m_new0(mh_column_t, count);
    self->qstrs = m_new(uint16_t, count);
    for (size_t i = 0; i < count; i++) {
        self->qstrs[i] = (uint16_t)mp_obj_str_get_qstr(fields[i].key);
        set_column(&self->columns[i], self->qstrs[i], fields[i].value);
        mp_obj_list_append(self->kept, fields[i].value);
    }
    sensor->columns = self->columns;
    sensor->column_count = (uint8_t)count;
    sensor->sample_size = mh_sensor_layout(self->columns, count);
    sensor->capacity = MAX(history, 1);
    size_t size = mh_sensor_endpoint_size(sensor, common);
    if (size == 0 || mh_metrics_size(&self->endpoint) > MH_METRICS_MAX) {
        mp_raise_ValueError(MP_ERROR_TEXT("the sensor has too much text: fewer fields, or shorter ones"));
    }
    self->mem = m_new(uint32_t, (size + 3) / 4);
    mh_sensor_endpoint_init(&self->endpoint, common, self->mem);
    fill(self, fields);
}

mp_obj_t modhttp_sensor_new(mp_obj_t name, mp_int_t history, size_t common, const mp_map_elem_t *fields, size_t count) {
    size_t name_len;
    const char *text = mp_obj_str_get_data(name, &name_len);
    if (count == 0 || count > MH_SENSOR_COLUMNS_MAX) {
        mp_raise_msg_varg(&mp_type_ValueError, MP_ERROR_TEXT("a sensor has 1 to %d fields"), MH_SENSOR_COLUMNS_MAX);
    }
    if (history < 0 || history > HISTORY_MAX) {
        mp_raise_msg_varg(&mp_type_ValueError, MP_ERROR_TEXT("history must be 0 to %d"), HISTORY_MAX);
    }
    if (name_len == 0 || name_len > LABEL_MAX) {
        mp_raise_msg_varg(&mp_type_ValueError, MP_ERROR_TEXT("a sensor's name must be 1 to %d bytes"), LABEL_MAX);
    }
    modhttp_sensor_obj_t *self = mp_obj_malloc(modhttp_sensor_obj_t, &modhttp_sensor_type);
    memset(&self->endpoint, 0, sizeof(self->endpoint));
    self->name = name;
    self->kept = mp_obj_new_list(0, NULL);
    self->endpoint.name = text;
    set_up(self, fields, count, (uint16_t)history, common);
    return MP_OBJ_FROM_PTR(self);
}

// endpoint(form) -> handler for a route: 0 JSON, or what Accept prefers; 1 CSV; 2 binary; 3 events
static mp_obj_t sensor_endpoint(mp_obj_t self_in, mp_obj_t form_in) {
    modhttp_sensor_obj_t *self = MP_OBJ_TO_PTR(self_in);
    mp_int_t form = mp_obj_get_int(form_in);
    if (form < 0 || form >= MH_SENSOR_FORMS) {
        mp_raise_ValueError(MP_ERROR_TEXT("form must be 0 to 3"));
    }
    return modhttp_endpoint_new(&self->endpoint.forms[form], self_in);
}
static MP_DEFINE_CONST_FUN_OBJ_2(sensor_endpoint_obj, sensor_endpoint);

// What its fields are called at /metrics.
static mp_obj_t metric_names(const modhttp_sensor_obj_t *self) {
    const mh_sensor_t *sensor = &self->endpoint.sensor;
    mp_obj_t names = mp_obj_new_list(0, NULL);
    for (unsigned i = 0; i < sensor->column_count; i++) {
        vstr_t vstr;
        vstr_init(&vstr, mh_sensor_metric_max(sensor, self->endpoint.name, i) + 1);
        vstr.len = mh_sensor_metric_name(sensor, self->endpoint.name, i, vstr.buf);
        if (vstr.len > 0) {
            mp_obj_list_append(names, mp_obj_new_str_from_vstr(&vstr));
        }
    }
    return names;
}

// What its fields are: a list of (name, a value as it is shown, help, unit).
static mp_obj_t fields(const modhttp_sensor_obj_t *self) {
    mp_obj_t list = mp_obj_new_list(0, NULL);
    for (unsigned i = 0; i < self->endpoint.sensor.column_count; i++) {
        mp_obj_t items[4] = { MP_OBJ_NEW_QSTR(self->qstrs[i]), MP_OBJ_NULL, MP_OBJ_NEW_QSTR(MP_QSTR_), MP_OBJ_NEW_QSTR(MP_QSTR_) };
        items[1] = ((mp_obj_list_t *)MP_OBJ_TO_PTR(self->kept))->items[i];
        if (mp_obj_is_type(items[1], &modhttp_field_type)) {
            const modhttp_field_obj_t *field = MP_OBJ_TO_PTR(items[1]);
            items[1] = field->scale == 1 ? field->preset : mp_obj_new_float(0);
            items[2] = field->help;
            items[3] = field->unit;
        }
        mp_obj_list_append(list, mp_obj_new_tuple(4, items));
    }
    return list;
}

// seq: of the newest sample. name. history: how many samples are kept. fields, metrics: lists. common: what there is room for of what
// every answer says.
static void sensor_attr(mp_obj_t self_in, qstr attr, mp_obj_t *dest) {
    modhttp_sensor_obj_t *self = MP_OBJ_TO_PTR(self_in);
    if (dest[0] != MP_OBJ_NULL) {
        return;
    }
    if (attr == MP_QSTR_seq) {
        dest[0] = mp_obj_new_int_from_uint(self->endpoint.sensor.seq);
    } else if (attr == MP_QSTR_name) {
        dest[0] = self->name;
    } else if (attr == MP_QSTR_history) {
        dest[0] = MP_OBJ_NEW_SMALL_INT(self->endpoint.sensor.capacity);
    } else if (attr == MP_QSTR_fields) {
        dest[0] = fields(self);
    } else if (attr == MP_QSTR_metrics) {
        dest[0] = metric_names(self);
    } else if (attr == MP_QSTR_common) {
        dest[0] = MP_OBJ_NEW_SMALL_INT(self->endpoint.head_size - MH_SENSOR_HEAD_MAX);
    } else {
        dest[1] = MP_OBJ_SENTINEL;
    }
}

static const mp_rom_map_elem_t sensor_locals_table[] = {
    { MP_ROM_QSTR(MP_QSTR_update), MP_ROM_PTR(&sensor_update_obj) },
    { MP_ROM_QSTR(MP_QSTR_endpoint), MP_ROM_PTR(&sensor_endpoint_obj) },
};
static MP_DEFINE_CONST_DICT(sensor_locals, sensor_locals_table);

MP_DEFINE_CONST_OBJ_TYPE(
    modhttp_sensor_type,
    MP_QSTR_Sensor,
    MP_TYPE_FLAG_NONE,
    attr, sensor_attr,
    locals_dict, &sensor_locals
    );

// --- Metrics

typedef struct _modhttp_metrics_obj_t {
    mp_obj_base_t base;
    mp_obj_t list;              // of Sensor
    mh_sensor_endpoint_t **sensors;
    mh_metrics_t metrics;
    mh_feed_t feed;
} modhttp_metrics_obj_t;

// Metrics(common): how long the field lines are that every answer has
static mp_obj_t metrics_make_new(const mp_obj_type_t *type, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    mp_arg_check_num(n_args, n_kw, 1, 1, false);
    modhttp_metrics_obj_t *self = mp_obj_malloc(modhttp_metrics_obj_t, type);
    mh_metrics_init(&self->metrics);
    mh_feed_init(&self->feed, &self->metrics);
    self->list = mp_obj_new_list(0, NULL);
    self->sensors = NULL;
    self->metrics.work_size = (uint16_t)(mh_metrics_size(NULL) + (size_t)mp_obj_get_int(args[0]));
    self->metrics.work = m_new(char, self->metrics.work_size);
    return MP_OBJ_FROM_PTR(self);
}

// add(sensor), whose name no other has.
static mp_obj_t metrics_add(mp_obj_t self_in, mp_obj_t sensor) {
    modhttp_metrics_obj_t *self = MP_OBJ_TO_PTR(self_in);
    mh_sensor_endpoint_t *endpoint = &((modhttp_sensor_obj_t *)MP_OBJ_TO_PTR(sensor))->endpoint;
    size_t count = self->metrics.count;
    mh_sensor_endpoint_t **sensors = m_new(mh_sensor_endpoint_t *, count + 1);
    for (size_t i = 0; i < count; i++) {
        sensors[i] = self->sensors[i];
    }
    sensors[count] = endpoint;
    size_t size = MAX(mh_metrics_size(endpoint), self->metrics.work_size);
    char *work = size > self->metrics.work_size ? m_new(char, size) : self->metrics.work;
    mp_obj_list_append(self->list, sensor);
    MICROPY_PY_LWIP_ENTER
    self->sensors = sensors;
    self->metrics.sensors = sensors;
    self->metrics.count = (uint16_t)(count + 1);
    self->metrics.work = work;
    self->metrics.work_size = (uint16_t)size;
    MICROPY_PY_LWIP_EXIT
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(metrics_add_obj, metrics_add);

// endpoint() -> handler for a route
static mp_obj_t metrics_endpoint(mp_obj_t self_in) {
    return modhttp_endpoint_new(&((modhttp_metrics_obj_t *)MP_OBJ_TO_PTR(self_in))->metrics.endpoint, self_in);
}
static MP_DEFINE_CONST_FUN_OBJ_1(metrics_endpoint_obj, metrics_endpoint);

// feed() -> handler for a route: all of the sensors' samples as they are taken
static mp_obj_t metrics_feed(mp_obj_t self_in) {
    return modhttp_endpoint_new(&((modhttp_metrics_obj_t *)MP_OBJ_TO_PTR(self_in))->feed.endpoint, self_in);
}
static MP_DEFINE_CONST_FUN_OBJ_1(metrics_feed_obj, metrics_feed);

// sensors: a list.
static void metrics_attr(mp_obj_t self_in, qstr attr, mp_obj_t *dest) {
    if (dest[0] == MP_OBJ_NULL && attr == MP_QSTR_sensors) {
        dest[0] = ((modhttp_metrics_obj_t *)MP_OBJ_TO_PTR(self_in))->list;
    } else if (dest[0] == MP_OBJ_NULL) {
        dest[1] = MP_OBJ_SENTINEL;
    }
}

static const mp_rom_map_elem_t metrics_locals_table[] = {
    { MP_ROM_QSTR(MP_QSTR_add), MP_ROM_PTR(&metrics_add_obj) },
    { MP_ROM_QSTR(MP_QSTR_endpoint), MP_ROM_PTR(&metrics_endpoint_obj) },
    { MP_ROM_QSTR(MP_QSTR_feed), MP_ROM_PTR(&metrics_feed_obj) },
};
static MP_DEFINE_CONST_DICT(metrics_locals, metrics_locals_table);

MP_DEFINE_CONST_OBJ_TYPE(
    modhttp_metrics_type,
    MP_QSTR_Metrics,
    MP_TYPE_FLAG_NONE,
    make_new, metrics_make_new,
    attr, metrics_attr,
    locals_dict, &metrics_locals
    );
