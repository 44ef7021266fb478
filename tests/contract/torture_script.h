/* SPDX-License-Identifier: MIT
 *
 * A short life of a server and of its clients, all in one run: listeners on
 * TCP, on a Unix path and on a given descriptor, a datagram socket; sessions
 * that echo, a half-close, a close with bytes unread, a cancelled read, an
 * adopted descriptor, a channel, a signal, a drain.
 *
 * Whatever a call says that it would not say without a fault is told to
 * script_tell(), and the script goes on as far as it can; nothing waits for
 * what cannot come any more. Bytes that are wrong are never excused.
 */
#ifndef CONTRACT_TORTURE_SCRIPT_H
#define CONTRACT_TORTURE_SCRIPT_H

#include "contract/peer.h"
#include <coir.h>
#include <signal.h>

#define SCRIPT_TEXT "all that comes in goes out again, byte by byte"
#define SCRIPT_SIZE (sizeof(SCRIPT_TEXT) - 1)

struct script {
    const char *path;        /* of the Unix socket's file */
    bool patient;            /* the limits are such that nobody meets them who does not wait in vain */
    struct coir_scope *life; /* NULL: not open */
    struct coir_scope *clients;
    struct coir_scope *serving;
    char tcp[COIR_ADDRESS_SIZE];
    char unix_path[COIR_ADDRESS_SIZE];
    char udp[COIR_ADDRESS_SIZE];
    unsigned told;           /* errors that somebody was told */
    const char *first_place; /* where the first one was, */
    int first_error;         /* and which */
    bool cut_short;          /* an echo was not whole */
    bool wrong;              /* something was neither right nor an error */
    bool late;               /* a patient limit was met */
};

static inline void script_tell(struct script *script, const char *place, int error)
{
    if (script->told++ > 0)
        return;
    script->first_place = place;
    script->first_error = error;
}

/* Far more than a run takes. */
static inline coir_time script_patience(void)
{
    return (test_is_under_valgrind() ? 10 : 2) * COIR_SECOND;
}

static inline coir_time script_limit(const struct script *script)
{
    return script->patient ? script_patience() : 10 * COIR_MILLISECOND;
}

/* Tells of an error, and returns whether it was one. */
static inline bool script_failed(struct script *script, const char *place, ssize_t rc)
{
    if (rc < 0)
        script_tell(script, place, (int)rc);
    return rc < 0;
}

/* Closes a scope that had the limit. */
static inline void script_close_scope(struct script *script, struct coir_scope *scope)
{
    bool expired = ((unsigned)coir_scope_state(scope) & COIR_SCOPE_EXPIRED) != 0;
    int rc = coir_scope_close(scope);

    script->late |= expired && script->patient;
    (void)script_failed(script, "scope close", rc);
}

/* The server. */

struct script_door {
    struct script *script;
    struct coir_listener *listener; /* NULL: not open */
    struct coir_datagram_socket *socket;
};

struct script_session {
    struct script *script;
    struct coir_stream *stream;
};

static inline int script_serve_session(void *arg)
{
    struct script_session *session = arg;
    struct coir_slice slice;
    int rc;

    while ((rc = coir_receive(session->stream, &slice)) > 0) {
        rc = coir_write(session->stream, slice.bytes, slice.size);
        coir_release(&slice);
        if (rc < 0)
            break;
    }
    if (rc != -ESHUTDOWN)
        (void)script_failed(session->script, "session", rc);
    coir_close(session->stream);
    return 0;
}

/* Nobody accepts or answers any more: clients need not wait for it. */
static inline void script_shut_door(struct script *script, const char *place, int rc)
{
    if (rc == -ESHUTDOWN)
        return;
    script_tell(script, place, rc);
    if (script->clients != NULL)
        coir_scope_cancel(script->clients);
}

static inline int script_serve_streams(void *arg)
{
    static const struct coir_task_options options = {.arg_size = sizeof(struct script_session)};
    struct script_door *door = arg;
    struct script_session session = {.script = door->script};
    int rc;

    while ((rc = coir_accept(door->listener, &session.stream)) == 0)
        if (script_failed(door->script, "spawn",
                          coir_spawn(door->script->serving, script_serve_session, &session, &options)))
            coir_abort(session.stream);
    script_shut_door(door->script, "accept", rc);
    return 0;
}

static inline int script_serve_datagrams(void *arg)
{
    struct script_door *door = arg;
    struct coir_datagram datagram;
    int errors = 0;
    int rc;

    while ((rc = coir_datagram_receive(door->socket, &datagram)) == 0 || (rc != -ESHUTDOWN && errors++ < 3)) {
        if (script_failed(door->script, "datagram receive", rc))
            continue;
        if (script_failed(door->script, "datagram send", coir_datagram_send(door->socket, &datagram)))
            (void)script_failed(door->script, "datagram again", coir_datagram_send(door->socket, &datagram));
        coir_release(&datagram.data);
    }
    script_shut_door(door->script, "datagrams", rc);
    return 0;
}

static inline void script_listen(struct script_door *door, const char *uri, char *ret_local)
{
    struct coir_listener_info info;
    int rc = coir_listen(uri, NULL, &door->listener);

    ret_local[0] = '\0';
    if (script_failed(door->script, "listen", rc))
        return;
    (void)coir_listener_info(door->listener, &info);
    strcpy(ret_local, info.local);
    if (info.local[0] == '\0')
        script_tell(door->script, "local address", -EIO);
    if (!script_failed(door->script, "spawn", coir_spawn(door->script->serving, script_serve_streams, door, NULL)))
        return;
    coir_listener_close(door->listener); /* or clients would wait for nobody */
    door->listener = NULL;
    ret_local[0] = '\0';
}

static inline void script_open_datagrams(struct script_door *door)
{
    struct coir_datagram_info info;
    int rc = coir_datagram_open("udp://127.0.0.1:0", NULL, &door->socket);

    door->script->udp[0] = '\0';
    if (script_failed(door->script, "datagram open", rc))
        return;
    (void)coir_datagram_info(door->socket, &info);
    strcpy(door->script->udp, info.local);
    if (script_failed(door->script, "spawn", coir_spawn(door->script->serving, script_serve_datagrams, door, NULL)))
        door->script->udp[0] = '\0';
}

static inline void script_close_socket(struct script *script, struct coir_datagram_socket *socket)
{
    struct coir_datagram_info info;

    if (socket != NULL && coir_datagram_info(socket, &info) == 0)
        script->told += (unsigned)info.errors;
    coir_datagram_close(socket);
}

static inline void script_close_door(struct script_door *door)
{
    struct coir_listener_info info;

    if (door->listener != NULL && coir_listener_info(door->listener, &info) == 0)
        door->script->told += (unsigned)(info.lost + info.shortages);
    coir_listener_close(door->listener);
    script_close_socket(door->script, door->socket);
}

/* A listener that somebody gives us; nobody comes. */
static inline void script_take_listener(struct script *script)
{
    struct coir_listener *listener;
    struct place place;
    char uri[32];
    int fd = new_listener(false, 1, &place);

    snprintf(uri, sizeof(uri), "fd://%d", fd);
    if (script_failed(script, "given listener", coir_listen(uri, NULL, &listener)))
        close(fd);
    else
        coir_listener_close(listener);
}

/* A datagram socket with a file; nobody writes. */
static inline void script_take_datagram_path(struct script *script)
{
    struct coir_datagram_socket *socket;
    char uri[128];

    snprintf(uri, sizeof(uri), "unix://%s.d", script->path);
    if (!script_failed(script, "datagram path", coir_datagram_open(uri, NULL, &socket)))
        coir_datagram_close(socket);
}

/* The clients. */

/* Reads to the end; the echo must be the text, or the beginning of it where an error is told. */
static inline void script_expect_echo(struct script *script, struct coir_stream *stream)
{
    struct coir_slice slice;
    size_t size = 0;
    int rc;

    while ((rc = coir_receive(stream, &slice)) > 0) {
        if (size + slice.size > SCRIPT_SIZE || memcmp(&SCRIPT_TEXT[size], slice.bytes, slice.size) != 0)
            script->wrong = true;
        size += slice.size;
        coir_release(&slice);
    }
    (void)script_failed(script, "receive", rc);
    script->cut_short |= size < SCRIPT_SIZE;
}

static inline void script_talk(struct script *script, const char *uri)
{
    struct iovec pieces[] = {{(void *)(uintptr_t)SCRIPT_TEXT, 5},
                             {(void *)(uintptr_t)&SCRIPT_TEXT[5], SCRIPT_SIZE - 5}};
    struct coir_stream_options options = {.local = uri[0] == 't' ? "tcp://127.0.0.1:0" : NULL};
    struct coir_stream *stream;
    int rc;

    if (uri[0] == '\0' || script_failed(script, "connect", coir_connect(uri, &options, &stream)))
        return;
    rc = coir_writev(stream, pieces, 2);
    if (rc == 0)
        rc = coir_finish(stream);
    if (!script_failed(script, "write", rc))
        script_expect_echo(script, stream);
    coir_close(stream);
}

/* Leaves without having read the echo, which is still received and thrown away. */
static inline void script_leave_early(struct script *script)
{
    struct coir_stream *stream;

    if (script->tcp[0] == '\0' || script_failed(script, "connect", coir_connect(script->tcp, NULL, &stream)))
        return;
    (void)script_failed(script, "write", coir_write(stream, SCRIPT_TEXT, SCRIPT_SIZE));
    coir_close(stream);
}

static inline int script_read_in_vain(void *arg)
{
    struct script_session *session = arg;
    char byte;
    ssize_t rc = coir_read_exact(session->stream, &byte, 1);

    if (rc != -ECANCELED)
        script_tell(session->script, "cancelled read", (int)rc);
    return 0;
}

static inline void script_cancel_read(struct script *script)
{
    struct script_session session = {.script = script};
    struct coir_scope *scope;

    if (script->tcp[0] == '\0' || script_failed(script, "connect", coir_connect(script->tcp, NULL, &session.stream)))
        return;
    if (!script_failed(script, "scope", coir_scope_open(NULL, &scope))) {
        if (!script_failed(script, "spawn", coir_spawn(scope, script_read_in_vain, &session, NULL)))
            (void)script_failed(script, "yield", coir_yield());
        coir_scope_cancel(scope);
        coir_scope_close(scope);
    }
    coir_close(session.stream);
}

static inline void script_await_answer(struct script *script, struct coir_datagram_socket *socket)
{
    struct coir_datagram answer;
    int rc = coir_datagram_receive(socket, &answer);

    if (script_failed(script, "answer", rc))
        rc = coir_datagram_receive(socket, &answer); /* it waits in the kernel */
    if (script_failed(script, "answer again", rc))
        return;
    if (answer.data.size != SCRIPT_SIZE || memcmp(answer.data.bytes, SCRIPT_TEXT, SCRIPT_SIZE) != 0)
        script->wrong = true;
    coir_release(&answer.data);
}

static inline void script_send_datagram(struct script *script)
{
    struct coir_scope_options limit = {.limit_ns = script_limit(script) / 4};
    struct coir_datagram datagram = {.data = {.bytes = (unsigned char *)(uintptr_t)SCRIPT_TEXT, .size = SCRIPT_SIZE}};
    struct coir_datagram_socket *socket;
    struct coir_scope *scope;

    if (script->udp[0] == '\0' ||
        script_failed(script, "datagram open", coir_datagram_open("udp://127.0.0.1:0", NULL, &socket)))
        return;
    if (!script_failed(script, "scope", coir_scope_open(&limit, &scope))) {
        if (!script_failed(script, "address", coir_address_read(script->udp, &datagram.peer)) &&
            !script_failed(script, "question", coir_datagram_send(socket, &datagram)))
            script_await_answer(script, socket);
        coir_scope_close(scope);
    }
    script_close_socket(script, socket);
}

static inline int script_send_byte(void *arg)
{
    send_text(*(int *)arg, "x");
    return 0;
}

/* Waits for a descriptor that is a stream's, too. */
static inline void script_read_when_ready(struct script *script, struct coir_stream *stream, int fd, int peer)
{
    struct coir_scope *scope;
    char byte = 0;

    if (script_failed(script, "scope", coir_scope_open(NULL, &scope)))
        return;
    if (!script_failed(script, "spawn", coir_spawn(scope, script_send_byte, &peer, NULL)) &&
        !script_failed(script, "wait", coir_wait_fd(fd, POLLIN)) &&
        !script_failed(script, "read", coir_read(stream, &byte, 1)) && byte != 'x')
        script->wrong = true;
    coir_scope_close(scope);
}

static inline void script_adopt(struct script *script)
{
    struct pair pair = new_pair(true);
    struct coir_stream *stream;

    if (script_failed(script, "adopt", coir_adopt(pair.ours, NULL, &stream))) {
        close(pair.ours);
    } else {
        script_read_when_ready(script, stream, coir_fd(stream), pair.theirs);
        coir_abort(stream);
    }
    close(pair.theirs);
}

static inline int script_put(void *arg)
{
    int item = 7;

    return coir_channel_send(arg, &item);
}

static inline void script_trade(struct script *script)
{
    struct coir_channel *channel;
    struct coir_scope *scope;
    int item = 0;

    if (script_failed(script, "channel", coir_channel_open(1, sizeof(item), &channel)))
        return;
    if (!script_failed(script, "scope", coir_scope_open(NULL, &scope))) {
        if (!script_failed(script, "spawn", coir_spawn(scope, script_put, channel, NULL)) &&
            !script_failed(script, "take", coir_channel_receive(channel, &item)) && item != 7)
            script->wrong = true;
        coir_scope_close(scope);
    }
    coir_channel_close(channel);
}

/* The signal was sent before, and is blocked. */
static inline void script_take_signal(struct script *script)
{
    static const int signals[] = {SIGUSR1};
    int signal = 0;

    if (!script_failed(script, "signal", coir_signal_wait(signals, 1, &signal)) && signal != SIGUSR1)
        script->wrong = true;
}

static inline void script_run_clients(struct script *script)
{
    struct coir_scope_options limit = {.limit_ns = script_limit(script)};

    if (script_failed(script, "scope", coir_scope_open(&limit, &script->clients)))
        return;
    script_talk(script, script->tcp);
    script_talk(script, script->unix_path);
    script_leave_early(script);
    script_cancel_read(script);
    script_send_datagram(script);
    script_adopt(script);
    script_trade(script);
    script_take_signal(script);
    (void)script_failed(script, "sleep", coir_sleep(COIR_MICROSECOND));
    script_close_scope(script, script->clients);
    script->clients = NULL;
}

/* The whole. */

static inline void script_serve(struct script *script)
{
    struct coir_scope_options each_alone = {.policy = COIR_SCOPE_INDEPENDENT};
    struct script_door doors[3] = {{.script = script}, {.script = script}, {.script = script}};
    char uri[128];

    if (script_failed(script, "scope", coir_scope_open(&each_alone, &script->serving)))
        return;
    snprintf(uri, sizeof(uri), "unix://%s", script->path);
    script_listen(&doors[0], "tcp://127.0.0.1:0", script->tcp);
    script_listen(&doors[1], uri, script->unix_path);
    script_open_datagrams(&doors[2]);
    script_take_listener(script);
    script_take_datagram_path(script);
    script_run_clients(script);
    coir_scope_drain(script->serving, 0);
    coir_scope_set_limit(script->serving, script_limit(script));
    script_close_scope(script, script->serving);
    for (int i = 0; i < 3; i++)
        script_close_door(&doors[i]);
}

/** The first task of the run. */
static inline int script_run(void *arg)
{
    struct coir_scope_options limit = {.limit_ns = 2 * script_patience()};
    struct script *script = arg;

    if (script_failed(script, "scope", coir_scope_open(&limit, &script->life)))
        return 0;
    script_serve(script);
    script->late |= ((unsigned)coir_scope_state(script->life) & COIR_SCOPE_EXPIRED) != 0;
    coir_scope_close(script->life);
    if (script->told > 0)
        coir_linger_stop(); /* who was to read is gone */
    return 0;
}

#endif
