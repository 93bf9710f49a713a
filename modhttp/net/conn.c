// A connection's life: opening, answers done, closing, deadlines; lwIP's callbacks.

#include "lwip/priv/tcp_priv.h"

#include "net/internal.h"

// Ticks of 500 ms that our FIN after the client's has to be acknowledged in. lwIP itself would wait for two MSL, on the boards
// less than it takes to send it again when it was lost, and the client would wait for it for ever.
#define LAST_ACK_TICKS (24)

// lwIP calls tcp_poll's function every this many of its slow ticks of 500 ms.
#define POLL_TICKS (1)

void conn_set_deadline(mh_conn_t *conn, uint32_t ms) {
    conn->deadline = sys_now() + ms;
}

void conn_progress(mh_conn_t *conn, size_t len) {
    uint32_t most = sys_now() + conn->server->config.progress_ms;
    uint32_t earned = conn->deadline + (uint32_t)len * MS_PER_BYTE;
    conn->deadline = is_past(earned, most) ? most : earned;
}

void conn_free_head(mh_conn_t *conn) {
    if (conn->block != NULL) {
        mh_heads_trim(&conn->server->heads, conn->block, conn->room, 0);
        conn->block = NULL;
        conn->have = conn->room = 0;
    }
}

void conn_free_request(mh_conn_t *conn) {
    if (conn->native) {
        native_end(conn);       // nothing was gathered: what lies there was the endpoint's
    } else if (conn->gathered.data != NULL || conn->debt > 0 || (conn->flags & (CONN_ROOMLESS | CONN_RESERVED))) {
        gather_release(conn);
    }
    conn_free_head(conn);
}

void conn_credit(mh_conn_t *conn, size_t len) {
    if (conn->in != NULL && len == conn->in->tot_len) {     // mostly
        conn_credit_all(conn);
    } else if (len > 0) {
        altcp_recved(conn->pcb, (u16_t)len);
        conn->in = pbuf_free_header(conn->in, (u16_t)len);
    }
}

void conn_credit_all(mh_conn_t *conn) {
    if (conn->in != NULL) {
        altcp_recved(conn->pcb, conn->in->tot_len);
        pbuf_free(conn->in);
        conn->in = NULL;
    }
}

// --- Ends

static err_t on_poll_closed(void *arg, struct altcp_pcb *pcb) {
    uintptr_t ticks = (uintptr_t)arg;
    if (ticks > 0 && pcb->state == LAST_ACK) {
        pcb->tmr = tcp_ticks;
        altcp_arg(pcb, (void *)(ticks - 1));
    }
    return ERR_OK;
}

bool close_patiently(struct altcp_pcb *pcb) {
    altcp_arg(pcb, (void *)(uintptr_t)LAST_ACK_TICKS);
    altcp_recv(pcb, NULL);
    altcp_poll(pcb, on_poll_closed, 1);
    if (altcp_close(pcb) == ERR_OK) {
        return true;
    }
    altcp_abort(pcb);
    return false;
}

// Forget the pcb, whose callbacks must not find us any more.
static struct altcp_pcb *conn_unlink(mh_conn_t *conn) {
    struct altcp_pcb *pcb = conn->pcb;
    conn->pcb = NULL;
    if (pcb != NULL) {
        altcp_arg(pcb, NULL);
        altcp_recv(pcb, NULL);
        altcp_sent(pcb, NULL);
        altcp_err(pcb, NULL);
        altcp_poll(pcb, NULL, 0);
    }
    return pcb;
}

void conn_clear(mh_conn_t *conn) {
    if (conn->server->log != NULL) {
        log_end(conn);
    }
    if (conn->state == CONN_WS) {
        socket_part(conn);
    }
    if (conn->in != NULL) {
        pbuf_free(conn->in);
    }
    conn->in = NULL;
    if (conn->hold != NULL) {
        gather_retry(conn->server);     // a body may find memory when what was being sent is let go of
    }
    conn->hold = conn->out_hold = NULL;
    conn->out = NULL;           // it lies within them, and the garbage collector would take it for one
    conn->out_len = conn->unacked = 0;
    conn->refusal = 0;
    conn->flags &= ~CONN_STALLED;
    if (conn->flags & CONN_HELD) {
        if ((conn->flags & CONN_WAIT) || conn->stream) {
            server_enqueue(conn);
        }
        return;
    }
    server_dequeue(conn);
    conn_free_request(conn);
    conn->owner = NULL;
    conn->flags = 0;
    conn->state = CONN_FREE;
}

void conn_drop(mh_conn_t *conn) {
    struct altcp_pcb *pcb = conn_unlink(conn);
    if (pcb != NULL) {
        altcp_abort(pcb);
        conn->server->aborted = pcb;
    }
    conn_clear(conn);
}

void conn_close(mh_conn_t *conn) {
    if (conn->unacked > 0 || conn->in != NULL) {
        conn_drop(conn);
        return;
    }
    struct altcp_pcb *pcb = conn_unlink(conn);
    if (pcb != NULL && !close_patiently(pcb)) {
        conn->server->aborted = pcb;
    }
    conn_clear(conn);
}

static void end_sending(mh_conn_t *conn) {
    conn->flags &= ~CONN_STALLED;
    // When both sides have sent their FIN, lwIP waits no longer than 2 MSL for acknowledgements, on the boards less than it takes to
    // send again what was lost: then ours follows the last acknowledgement.
    bool now = conn->unacked == 0 || conn->pcb->state != CLOSE_WAIT;
    if (now && altcp_shutdown(conn->pcb, 0, 1) != ERR_OK) {
        conn->flags |= CONN_STALLED;
    }
}

void conn_linger(mh_conn_t *conn) {
    conn_free_request(conn);
    server_dequeue(conn);
    conn_credit_all(conn);
    conn->state = CONN_LINGER;
    conn_set_deadline(conn, conn->unacked > 0 ? conn->server->config.progress_ms : LINGER_MS);
    conn->linger_end = sys_now() + LINGER_MAX_MS;
    end_sending(conn);
}

void conn_refuse(mh_conn_t *conn, uint16_t status) {
    server_dequeue(conn);
    conn_free_request(conn);
    conn_credit_all(conn);
    conn->flags &= ~(CONN_KEEP | CONN_WAIT);
    conn->refusal = status;
    conn_finish(conn);
}

// --- Answers done

void conn_idle(mh_conn_t *conn) {
    static const mh_head_t fresh;
    conn_free_request(conn);
    conn->head = fresh;
    conn->flags &= CONN_EOF;
    conn->state = CONN_HEAD;
    if (conn->unacked == 0) {
        conn_set_deadline(conn, conn->server->config.idle_ms);
    }       // else it is the answer's already
    altcp_setprio(conn->pcb, TCP_PRIO_MIN);     // lwIP may take an idle pcb for a new connection
}

void conn_answered(mh_conn_t *conn) {
    conn->served = true;
    if (conn->server->log != NULL) {
        log_end(conn);
    }
    // A client that has ended its side is still owed the answers to what it sent before.
    if (!(conn->flags & CONN_KEEP) || ((conn->flags & CONN_EOF) && conn->in == NULL)) {
        conn_linger(conn);
    } else if (mh_body_done(&conn->body)) {
        conn_idle(conn);
    } else {
        conn_free_request(conn);
        conn->state = CONN_SKIP;
        conn->skip_left = SKIP_MAX;
        conn_set_deadline(conn, conn->server->config.progress_ms);
    }
}

void conn_finish(mh_conn_t *conn) {
    if (conn->unacked == 0 || !conn_owned(conn)) {
        conn_set_deadline(conn, conn->server->config.progress_ms);  // the state before had another
    }
    conn->state = CONN_SENDING;
    conn_resume(conn);
}

void conn_resume(mh_conn_t *conn) {
    if (conn->state == CONN_LINGER) {
        end_sending(conn);
        return;
    }
    if (!send_flush(conn)) {
        if (conn->state == CONN_EVENTS) {
            conn_advance(conn);     // it may have become so just now
        }
        altcp_output(conn->pcb);
        return;
    }
    if (conn->state == CONN_SENDING) {
        conn_answered(conn);
        conn_advance(conn);
    } else if (conn->state == CONN_HEAD) {
        conn_advance(conn);
    } else if (conn->state == CONN_WS) {
        socket_resume(conn);
    } else if (conn_owned(conn) && (conn->flags & CONN_WAIT)) {
        server_enqueue(conn);
    }
    if (conn->pcb != NULL) {
        altcp_output(conn->pcb);
    }
}

// --- lwIP's callbacks

// What a callback returns to lwIP, which must hear of it when this very pcb was aborted.
static err_t verdict(const mh_server_t *server, const struct altcp_pcb *pcb, err_t err) {
    return server->aborted == pcb ? ERR_ABRT : err;
}

static err_t on_recv(void *arg, struct altcp_pcb *pcb, struct pbuf *p, err_t err) {
    mh_conn_t *conn = arg;
    mh_server_t *server = conn->server;
    server->aborted = NULL;
    if (p == NULL) {
        receive_eof(conn);
    } else {
        err = receive_data(conn, p);
    }
    if (conn->pcb == pcb && tcp_input_pcb != pcb) {
        altcp_output(pcb);      // lwIP does so itself for what just came, but not for what it had kept for us
    }
    return verdict(server, pcb, err);
}

static err_t on_sent(void *arg, struct altcp_pcb *pcb, u16_t len) {
    mh_conn_t *conn = arg;
    mh_server_t *server = conn->server;
    server->aborted = NULL;
    send_acked(conn, len);
    if (conn->state != CONN_LINGER) {
        conn_resume(conn);
    } else if (conn->unacked == 0 && (conn->flags & CONN_EOF)) {
        conn_close(conn);
    } else if (conn->unacked == 0) {
        conn_set_deadline(conn, LINGER_MS);
    }
    server_retry(server);
    return verdict(server, pcb, ERR_OK);
}

static void on_err(void *arg, err_t err) {
    mh_conn_t *conn = arg;
    if (conn == NULL) {
        return;
    }
    mh_server_t *server = conn->server;
    conn->pcb = NULL;       // lwIP has freed it
    if (err != ERR_CLSD) {
        server->stats.resets++;
    }
    conn_clear(conn);
    server_retry(server);
}

static void time_out(mh_conn_t *conn, uint16_t status) {
    conn->server->stats.timed_out++;
    if (status != 0) {
        conn_refuse(conn, status);
    } else {
        conn_drop(conn);
    }
}

static void check_deadline(mh_conn_t *conn) {
    if (!is_past(sys_now(), conn->deadline)) {
        return;
    }
    switch (conn->state) {
        case CONN_HEAD:
            if (conn->block != NULL) {
                time_out(conn, 408);
            } else if (conn->unacked > 0) {
                time_out(conn, 0);
            } else {
                conn_close(conn);
            }
            break;
        case CONN_BODY:
            time_out(conn, conn->flags & CONN_ROOMLESS ? 503 : 408);
            break;
        case CONN_READY:
            time_out(conn, 503);
            break;
        case CONN_OPEN:
            if (conn->unacked > 0) {
                time_out(conn, 0);
            } else if (conn->stream) {
                events_beat(conn);
            } else if (conn->flags & CONN_WAIT) {
                conn->server->stats.timed_out++;
                conn->flags |= CONN_LATE;
                server_enqueue(conn);
            }
            break;
        case CONN_DETACHED:
            if (conn->unacked > 0) {
                time_out(conn, 0);
            }
            break;
        case CONN_SKIP:
            conn->server->stats.timed_out++;
            conn_linger(conn);      // it has its answer, which a RST might destroy
            break;
        case CONN_LINGER:
            conn_drop(conn);
            break;
        case CONN_WS:
            socket_timer(conn);
            break;
        case CONN_EVENTS:
            if (conn->unacked > 0) {
                time_out(conn, 0);
            } else {
                native_beat(conn);
            }
            break;
        default:
            time_out(conn, 0);
    }
}

static err_t on_poll(void *arg, struct altcp_pcb *pcb) {
    mh_conn_t *conn = arg;
    mh_server_t *server = conn->server;
    server->aborted = NULL;
    if (conn->flags & CONN_STALLED) {
        conn_resume(conn);
    }
    events_tick(conn);
    if (conn->pcb == pcb) {
        check_deadline(conn);
    }
    if ((server->ready_first == conn || server->sockets_first != NULL) && server->wake != NULL) {
        server->wake(server->wake_arg);
    }
    return verdict(server, pcb, ERR_OK);
}

void conn_open(mh_conn_t *conn, struct altcp_pcb *pcb) {
    mh_server_t *server = conn->server;
    memset(conn, 0, sizeof(*conn));
    conn->server = server;
    conn->pcb = pcb;
    altcp_arg(pcb, conn);
    altcp_recv(pcb, on_recv);
    altcp_sent(pcb, on_sent);
    altcp_err(pcb, on_err);
    altcp_poll(pcb, on_poll, POLL_TICKS);
    altcp_nagle_disable(pcb);
    conn_idle(conn);
}
