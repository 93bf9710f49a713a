#ifndef MODHTTP_NET_NATIVE_H
#define MODHTTP_NET_NATIVE_H

// Endpoints that are answered at interrupt level, without Python: sensors, published bytes, memory-mapped files, metrics.
//
// An endpoint's memory is the caller's and outlives the servers that it is given to. Functions are called with lwIP held off, where
// nothing else is said.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/auth.h"
#include "core/sensor.h"
#include "core/throttle.h"
#include "net/server.h"

// A handler number with this bit is an endpoint: the rest is its place among those of mh_server_endpoints().
#define MH_HANDLER_NATIVE (0x4000)

typedef struct _mh_endpoint_type_t mh_endpoint_type_t;

// The head of every endpoint.
typedef struct _mh_endpoint_t {
    const mh_endpoint_type_t *type;
    uint8_t form;               // which of the endpoint's representations
} mh_endpoint_t;

// The endpoints that the router's handlers stand for. Both are replaced together: first the longer table, then the router.
void mh_server_endpoints(mh_server_t *server, mh_endpoint_t *const *endpoints);

// --- Sensors

enum {
    MH_SENSOR_JSON,             // or what Accept prefers
    MH_SENSOR_CSV,
    MH_SENSOR_BIN,
    MH_SENSOR_EVENTS,           // text/event-stream
    MH_SENSOR_FORMS,
};

typedef struct _mh_sensor_endpoint_t {
    mh_endpoint_t forms[MH_SENSOR_FORMS];
    mh_sensor_t sensor;
    const char *name;           // for /metrics
    mh_conn_t *subscribers;     // connections whose clients get every sample
    struct _mh_sensor_endpoint_t *next_updated;
    uint32_t looked_at;         // when it was last found to be updated, counted over all sensors
    mh_server_t *asker;         // who was asked for the newest sample since it was rendered
    uint32_t text_seq;          // of the sample that `text` shows
    uint32_t text_date;         // when its Date was composed
    const mh_lines_t *text_lines;       // what every answer said then
    uint16_t head_len;          // of the kept answer in `text`
    uint16_t body_len;
    bool rendered;
    bool updated;               // and not looked at yet
    uint16_t head_size;         // room for the head of the kept answer
    uint16_t work_size;
    char *text;                 // the newest sample's whole answer, in JSON
    char *work;                 // a piece of an answer on its way into lwIP
    mh_sample_t *copy;          // a sample that is being shown
} mh_sensor_endpoint_t;

// Room for the head of a kept answer, without what every answer of the server's says.
#define MH_SENSOR_HEAD_MAX (240)

// The longest JSON of a sample: the answer with it must fit lwIP's send buffer.
#define MH_SENSOR_TEXT_MAX (2048)

// Bytes of memory for an endpoint's ring, texts and copies, aligned for uint32_t. `sensor` has its columns and capacity set, and all are laid out.
// `common` is how long the field lines are that every answer of its server has.
// 0: a sample's text would be longer than MH_SENSOR_TEXT_MAX.
size_t mh_sensor_endpoint_size(const mh_sensor_t *sensor, size_t common);
// Begins with sample 0, all zero: to be filled in by the caller through endpoint->sensor.ring before the endpoint is served.
void mh_sensor_endpoint_init(mh_sensor_endpoint_t *endpoint, size_t common, void *mem);

typedef union _mh_value_t {
    int32_t i;                  // MH_COLUMN_INT, MH_COLUMN_BOOL
    float f;
    struct {
        const char *text;
        size_t len;
    } s;
} mh_value_t;

void mh_column_set(const mh_column_t *column, mh_sample_t *sample, const mh_value_t *value);

// Take a sample: the columns whose bit is set in `which` get these values, the others keep theirs. May be called at any
// level, hard interrupts included. Clients hear of it at interrupt level, as soon as that may run.
void mh_sensor_update(mh_sensor_endpoint_t *endpoint, uint32_t which, const mh_value_t values[]);

// A number that tells this program from those before.
uint32_t mh_native_boot(void);

// Forget what the program that has ended was about; a later one's samples are not taken for its.
void mh_native_reset(void);

// --- Metrics: sensors, and the server's figures, in Prometheus's text format

typedef struct _mh_metrics_t {
    mh_endpoint_t endpoint;
    uint16_t count;
    uint16_t work_size;
    mh_sensor_endpoint_t *const *sensors;
    char *work;                 // work_size bytes: mh_metrics_size() of the sensor that needs most
} mh_metrics_t;

// More than this is more than lwIP's send buffer takes.
#define MH_METRICS_MAX (3000)

void mh_metrics_init(mh_metrics_t *metrics);
// Bytes that a sensor's metrics, or with NULL the server's, take at the most.
size_t mh_metrics_size(const mh_sensor_endpoint_t *sensor);

// --- A feed: several sensors in one stream of events, for clients that may not have a connection for each

typedef struct _mh_feed_t {
    mh_endpoint_t endpoint;
    const mh_metrics_t *metrics;        // of the same sensors; its `work` is used
} mh_feed_t;

void mh_feed_init(mh_feed_t *feed, const mh_metrics_t *metrics);

// --- Bytes: a published value, a file, a ring buffer

#define MH_BLOB_TYPE_MAX (64)
#define MH_BLOB_TAG_MAX (24)
#define MH_BLOB_FIELDS_MAX (96)

typedef struct _mh_blob_t {
    mh_endpoint_t endpoint;
    bool fixed;                 // a file, which stays as it is: ranges of it may be asked for
    const char *type;           // Content-Type, MH_BLOB_TYPE_MAX bytes at most
    size_t type_len;
    const void *data;           // sent by reference, and from flash without a copy
    uint32_t len;
    void *hold;                 // what keeps it in memory; NULL for flash
    const void *gzip;           // the same, compressed; NULL for none
    uint32_t gzip_len;
    const volatile uint32_t *position;  // of a ring buffer: the address of its oldest byte, which is sent first
    const char *fields;         // more field lines
    size_t fields_len;
    char tag[MH_BLOB_TAG_MAX];  // the entity tag without its quotes
    uint8_t tag_len;            // 0: it has none
} mh_blob_t;

void mh_blob_init(mh_blob_t *blob);

// Entity tags: of a file by its bytes, of a value by how often it was set since the program began.
void mh_blob_tag_bytes(mh_blob_t *blob);
void mh_blob_tag_count(mh_blob_t *blob, uint32_t count);

// --- Endpoints, and other routes, for those who may

// Room for it there is in an answer of the server's own.
#define MH_CHALLENGE_MAX (160)

// Whom to let pass: who says `scheme` and one of the tokens. All is the caller's memory.
typedef struct _mh_guard_t {
    const char *scheme;         // in lower case
    uint16_t scheme_len;
    uint16_t count;
    const mh_text_t *tokens;    // token68s
    const char *challenge;      // field lines of a 401
    size_t challenge_len;
    mh_throttle_t throttle;
} mh_guard_t;

// An endpoint in front of another, for both of which the memory is the caller's.
typedef struct _mh_guarded_t {
    mh_endpoint_t endpoint;
    mh_endpoint_t *inner;
    mh_guard_t *guard;
} mh_guarded_t;

void mh_guarded_init(mh_guarded_t *guarded, mh_endpoint_t *inner, mh_guard_t *guard);

// Take the Authorization field of a complete head apart: 1. 0: there is none. -400: it is malformed, or there are two.
int mh_authorization(const mh_head_t *head, const uint8_t *data, mh_auth_t *auth);

// 0 where the request may pass. Else 400 or 401, or 429 where the client is to wait first; a failure is counted.
uint16_t mh_guard_check(mh_guard_t *guard, const mh_head_t *head, const uint8_t *data, const ip_addr_t *client);

// The same, step by step, where the program looks at credentials: how long the client is to wait, in ms, and how it went.
uint32_t mh_guard_wait(const mh_guard_t *guard, const ip_addr_t *client);
void mh_guard_failed(mh_guard_t *guard, const ip_addr_t *client);
void mh_guard_passed(mh_guard_t *guard, const ip_addr_t *client);

// Have an endpoint answer a request that the program has looked at, in place of the program. The connection is not the caller's
// any more, unless the result is -EINVAL.
int mh_conn_pass(mh_conn_t *conn, mh_endpoint_t *endpoint);

// --- The port's

// Keep hard interrupts and the other core off, for a few hundred cycles; at any level.
uint32_t mh_interrupts_off(void);
void mh_interrupts_on(uint32_t state);

// Have mh_native_dispatch() called at interrupt level, soon; called at any level.
void mh_native_pend(void);

// Look at the sensors that were updated.
void mh_native_dispatch(void);

#endif
