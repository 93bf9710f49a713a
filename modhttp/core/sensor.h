#ifndef MODHTTP_CORE_SENSOR_H
#define MODHTTP_CORE_SENSOR_H

// A sensor: columns of values, the latest samples of them in a ring, and their texts. All memory is the caller's.
//
// Whoever writes a sample and whoever reads one keep each other off: nothing here locks.
//
// No text has malformed UTF-8: where a str or a help has, each such byte shows as U+FFFD.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MH_SENSOR_COLUMNS_MAX (32)
#define MH_SENSOR_NAME_MAX (32)         // bytes of a column's name
#define MH_SENSOR_STR_MAX (250)         // bytes kept of a str

typedef enum {
    MH_COLUMN_INT,      // int32_t
    MH_COLUMN_FLOAT,    // float
    MH_COLUMN_BOOL,     // uint32_t, 0 or 1
    MH_COLUMN_STR,      // a byte for its length, then UTF-8, filled up with zeros to a multiple of four in all
} mh_column_type_t;

typedef struct _mh_column_t {
    const char *name;   // an identifier, MH_SENSOR_NAME_MAX at most
    const char *help;   // for /metrics; "" for none
    const char *unit;   // likewise
    int32_t scale;      // of MH_COLUMN_INT: what is shown is value / scale (mh_scaled), 1 or more
    uint16_t at;        // of its value in a sample
    uint8_t type;
    uint8_t size;       // of MH_COLUMN_STR: bytes kept, MH_SENSOR_STR_MAX at most
} mh_column_t;

// A sample as it is kept, and as it is sent in the binary form (on machines of least significant byte first): after these, the
// columns' values in order, each at a multiple of four bytes.
typedef struct _mh_sample_t {
    uint32_t seq;       // 0 is the one that a sensor begins with
    uint32_t ms;        // when it was taken, in milliseconds since the board started
} mh_sample_t;

typedef struct _mh_sensor_t {
    const mh_column_t *columns;
    uint8_t column_count;       // 1 or more
    uint16_t sample_size;       // bytes
    uint16_t capacity;          // samples kept at the most, 1 or more
    uint16_t count;             // samples kept; by them, not by seq, which wraps around, the ring knows what it has
    uint16_t newest;            // its place in the ring
    uint32_t seq;               // of the newest
    uint8_t *ring;              // capacity * sample_size bytes, aligned for mh_sample_t
} mh_sensor_t;

// Place the columns in a sample: fills in each `at`. Returns the size of a sample.
uint16_t mh_sensor_layout(mh_column_t *columns, size_t count);

// Begin with the sample 0, all zeros, which is returned for its values to be set.
mh_sample_t *mh_sensor_begin(mh_sensor_t *sensor, uint32_t ms);
// The next sample, returned for its values to be set: it has the newest one's, and when the ring is full the oldest one's place.
mh_sample_t *mh_sensor_next(mh_sensor_t *sensor, uint32_t ms);

// Set a str's value, cut to the column's size where a character ends.
void mh_column_set_str(const mh_column_t *column, mh_sample_t *sample, const char *text, size_t len);

// The sample `seq`, or NULL when it is not kept (any more, or yet).
const mh_sample_t *mh_sensor_sample(const mh_sensor_t *sensor, uint32_t seq);
// The oldest that is kept.
uint32_t mh_sensor_oldest(const mh_sensor_t *sensor);

// --- Texts. Each writes at `out`, at most as many bytes as the function with _max of its name says, and returns how many.

// {"celsius":21.5,"door":true}
size_t mh_sensor_json(const mh_sensor_t *sensor, const mh_sample_t *sample, char *out);
size_t mh_sensor_json_max(const mh_sensor_t *sensor);

// [17,123456,21.5,true]
size_t mh_sensor_json_row(const mh_sensor_t *sensor, const mh_sample_t *sample, char *out);
// ["celsius","door"]
size_t mh_sensor_json_names(const mh_sensor_t *sensor, char *out);
size_t mh_sensor_json_names_max(const mh_sensor_t *sensor);

// seq,ms,celsius,door CR LF
size_t mh_sensor_csv_names(const mh_sensor_t *sensor, char *out);
size_t mh_sensor_csv_names_max(const mh_sensor_t *sensor);
// 17,123456,21.5,true CR LF (RFC 4180); what is no number is left empty
size_t mh_sensor_csv_row(const mh_sensor_t *sensor, const mh_sample_t *sample, char *out);

// Enough for a row of either kind.
size_t mh_sensor_row_max(const mh_sensor_t *sensor);

// A column in Prometheus's text format 0.0.4: HELP (where there is one), TYPE and value of <name>_<column>[_<unit>]. Nothing for a str.
// The unit is left out where the column's name is it, or ends with '_' and it.
// What is no letter or digit becomes '_' in the name, and '_' comes before a digit that would begin it.
size_t mh_sensor_metric(const mh_sensor_t *sensor, const mh_sample_t *sample, const char *name, unsigned column, char *out);
size_t mh_sensor_metric_max(const mh_sensor_t *sensor, const char *name, unsigned column);
// The metric's name alone; mh_sensor_metric_max() is enough for it.
size_t mh_sensor_metric_name(const mh_sensor_t *sensor, const char *name, unsigned column, char *out);

#endif
