// Endpoints that only those may see who say what they are to say. Credentials are compared as they were sent, so that no secret is
// decoded, at interrupt level or at all.

#include "core/chars.h"
#include "net/internal.h"
#include "net/put.h"

// Room for Retry-After, which a client that has to wait is told.
#define RETRY_MAX (32)

static const mh_guarded_t *guarded_of(const mh_endpoint_t *endpoint) {
    return (const mh_guarded_t *)(const void *)endpoint;
}

// --- Clients

// Of IPv6 the network counts, of which a client has any number of addresses.
static uint64_t client_of(const ip_addr_t *address) {
    #if LWIP_IPV6
    if (IP_IS_V6(address)) {
        const ip6_addr_t *ip = ip_2_ip6(address);
        return (uint64_t)ip->addr[0] << 32 | ip->addr[1];
    }
    #endif
    return ip4_addr_get_u32(ip_2_ip4(address));
}

uint32_t mh_guard_wait(const mh_guard_t *guard, const ip_addr_t *client) {
    return guard->throttle.count == 0 ? 0 : mh_throttle_wait(&guard->throttle, client_of(client), sys_now());
}

void mh_guard_failed(mh_guard_t *guard, const ip_addr_t *client) {
    mh_throttle_failed(&guard->throttle, client_of(client), sys_now());
}

void mh_guard_passed(mh_guard_t *guard, const ip_addr_t *client) {
    if (guard->throttle.count > 0) {
        mh_throttle_passed(&guard->throttle, client_of(client));
    }
}

// --- Credentials

// Every token is looked at, whichever it is.
static bool is_known(const mh_guard_t *guard, const mh_auth_t *auth) {
    bool known = false;
    if (auth->token == NULL || auth->scheme_len != guard->scheme_len || !mh_same(auth->scheme, guard->scheme, guard->scheme_len)) {
        return false;
    }
    for (unsigned i = 0; i < guard->count; i++) {
        known |= mh_equal(auth->token, auth->token_len, guard->tokens[i].at, guard->tokens[i].len);
    }
    return known;
}

int mh_authorization(const mh_head_t *head, const uint8_t *data, mh_auth_t *auth) {
    uint16_t at = head->fields;
    mh_field_t field, other;
    if (!mh_field_find(data, &at, "authorization", 13, &field)) {
        return 0;
    }
    return mh_auth_parse(field.value, field.value_len, auth) && !mh_field_find(data, &at, "authorization", 13, &other) ? 1 : -400;
}

uint16_t mh_guard_check(mh_guard_t *guard, const mh_head_t *head, const uint8_t *data, const ip_addr_t *client) {
    mh_auth_t auth;
    int found = mh_authorization(head, data, &auth);
    if (found <= 0) {
        return found == 0 ? 401 : 400;
    }
    if (mh_guard_wait(guard, client) > 0) {
        return 429;     // whether it would have been right is not to be told
    }
    if (!is_known(guard, &auth)) {
        mh_guard_failed(guard, client);
        return 401;
    }
    mh_guard_passed(guard, client);
    return 0;
}

// --- The endpoint, which is the other as soon as the request has passed

static uint16_t choose(mh_conn_t *conn, const mh_ask_t *ask) {
    const mh_guarded_t *guarded = guarded_of(conn->cursor.endpoint);
    uint16_t status = mh_guard_check(guarded->guard, &conn->head, ask->data, altcp_get_ip(conn->pcb, 0));
    if (status != 0) {
        conn->cursor.end = status;
        return 0;
    }
    return native_begin(conn, guarded->inner, ask);
}

// A refusal.
static bool go_on(mh_conn_t *conn) {
    const mh_guard_t *guard = guarded_of(conn->cursor.endpoint)->guard;
    uint16_t status = (uint16_t)conn->cursor.end;
    mh_answer_t answer = { .status = status };
    char retry[RETRY_MAX];
    const char *fields = guard->challenge;
    size_t len = status == 401 ? guard->challenge_len : 0;
    if (status == 429) {
        char *at = PUT(retry, "Retry-After: ");
        uint32_t wait = LWIP_MAX(mh_guard_wait(guard, altcp_get_ip(conn->pcb, 0)), 1);
        at = put_decimal(at, (wait + 999) / 1000);
        len = (size_t)(PUT(at, "\r\n") - retry);
        fields = retry;
    }
    mh_conn_answer_defaults(conn, &answer);
    if (!send_reply(conn, status, answer.keep_alive, fields, len)) {
        return false;
    }
    if (!answer.keep_alive) {
        conn->flags &= ~CONN_KEEP;
    }
    return true;
}

// That it has passed is found out without counting: what has not is looked at once more by choose().
static bool is_usual(const mh_endpoint_t *endpoint, const mh_ask_t *ask) {
    const mh_guarded_t *guarded = guarded_of(endpoint);
    const mh_endpoint_type_t *type = guarded->inner->type;
    mh_auth_t auth;
    return type->is_usual != NULL && mh_authorization(&ask->conn->head, ask->data, &auth) == 1
        && mh_guard_wait(guarded->guard, altcp_get_ip(ask->conn->pcb, 0)) == 0 && is_known(guarded->guard, &auth)
        && type->is_usual(guarded->inner, ask);
}

// A request that is remembered has the right credentials; but a client that guesses such a one is to wait like any other.
static bool at_once(mh_conn_t *conn, mh_endpoint_t *endpoint) {
    const mh_guarded_t *guarded = guarded_of(endpoint);
    const ip_addr_t *client = altcp_get_ip(conn->pcb, 0);
    if (mh_guard_wait(guarded->guard, client) > 0 || !guarded->inner->type->at_once(conn, guarded->inner)) {
        return false;
    }
    mh_guard_passed(guarded->guard, client);
    return true;
}

static const mh_endpoint_type_t guarded_type = { .is_usual = is_usual, .at_once = at_once, .choose = choose, .go_on = go_on };

void mh_guarded_init(mh_guarded_t *guarded, mh_endpoint_t *inner, mh_guard_t *guard) {
    *guarded = (mh_guarded_t) { .endpoint = { .type = &guarded_type }, .inner = inner, .guard = guard };
}
