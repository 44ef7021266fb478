/* SPDX-License-Identifier: MIT
 *
 * Every call that takes a handle, and how handles are made, live and stale: for
 * tests of what happens where the handle is none, or the place is wrong. What is
 * in here runs in processes that are to die, so nothing is asserted.
 */
#ifndef SUPPORT_USES_H
#define SUPPORT_USES_H

#include <coir.h>
#include <stddef.h>
#include <sys/socket.h>

enum use_handle { USE_SCOPE, USE_CHANNEL, USE_STREAM, USE_LISTENER, USE_DATAGRAMS, USE_SLICE };

struct use {
    const char *call;
    enum use_handle handle;
    void (*fn)(void *handle);
};

static inline struct coir_scope *use_make_scope(void)
{
    struct coir_scope *scope = NULL;

    return coir_scope_open(NULL, &scope) == 0 ? scope : NULL;
}

static inline struct coir_channel *use_make_channel(void)
{
    struct coir_channel *channel = NULL;

    return coir_channel_open(1, 1, &channel) == 0 ? channel : NULL;
}

static inline struct coir_stream *use_make_stream(int *ret_other)
{
    struct coir_stream *stream = NULL;
    int ends[2];

    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0 || coir_adopt(ends[0], NULL, &stream) < 0)
        return NULL;
    *ret_other = ends[1];
    return stream;
}

static inline struct coir_slice *use_make_slice(void)
{
    static struct coir_slice slice;
    int other = -1;
    struct coir_stream *stream = use_make_stream(&other);

    return send(other, "abc", 3, 0) == 3 && coir_receive(stream, &slice) == 1 ? &slice : NULL;
}

/** A new handle, which is open; NULL where none could be made. */
static inline void *use_make(enum use_handle handle)
{
    struct coir_listener *listener = NULL;
    struct coir_datagram_socket *datagrams = NULL;
    int other;

    switch (handle) {
    case USE_SCOPE:
        return use_make_scope();
    case USE_CHANNEL:
        return use_make_channel();
    case USE_STREAM:
        return use_make_stream(&other);
    case USE_LISTENER:
        return coir_listen("tcp://127.0.0.1:0", NULL, &listener) == 0 ? listener : NULL;
    case USE_DATAGRAMS:
        return coir_datagram_open("udp://127.0.0.1:0", NULL, &datagrams) == 0 ? datagrams : NULL;
    case USE_SLICE:
        return use_make_slice();
    }
    return NULL;
}

static inline void use_end(enum use_handle handle, void *object)
{
    switch (handle) {
    case USE_SCOPE:
        (void)coir_scope_close(object);
        break;
    case USE_CHANNEL:
        coir_channel_close(object);
        break;
    case USE_STREAM:
        coir_abort(object);
        break;
    case USE_LISTENER:
        coir_listener_close(object);
        break;
    case USE_DATAGRAMS:
        coir_datagram_close(object);
        break;
    case USE_SLICE:
        coir_release(object);
        break;
    }
}

/** One that has been closed. */
static inline void *use_make_stale(enum use_handle handle)
{
    void *object = use_make(handle);

    if (object != NULL)
        use_end(handle, object);
    return object;
}

static inline int use_nothing(void *arg)
{
    (void)arg;
    return 0;
}

static char use_bytes[8];
static struct iovec use_piece = {.iov_base = use_bytes, .iov_len = 1};
static struct coir_slice use_slice;
static struct coir_scope_info use_scope_info;
static struct coir_stream_info use_stream_info;
static struct coir_listener_info use_listener_info;
static struct coir_datagram_info use_datagram_info;
static struct coir_datagram use_datagram;
static struct coir_stream *use_accepted;

#define USE_DEFINE(title, handle_kind, expression)                                                                     \
    static void use_##title(void *handle)                                                                              \
    {                                                                                                                  \
        (void)!(expression);                                                                                           \
    }
#define USE_DEFINE_VOID(title, handle_kind, expression)                                                                \
    static void use_##title(void *handle)                                                                              \
    {                                                                                                                  \
        expression;                                                                                                    \
    }
#define USE_LIST(title, handle_kind, expression) {#title, handle_kind, use_##title},

/* What ends a handle is a no-op for NULL, but not for a stale one. */
#define USE_ENDINGS(X_INT, X_VOID)                                                                                     \
    X_VOID(coir_channel_close, USE_CHANNEL, coir_channel_close(handle))                                                \
    X_VOID(coir_close, USE_STREAM, coir_close(handle))                                                                 \
    X_VOID(coir_abort, USE_STREAM, coir_abort(handle))                                                                 \
    X_VOID(coir_listener_close, USE_LISTENER, coir_listener_close(handle))                                             \
    X_VOID(coir_datagram_close, USE_DATAGRAMS, coir_datagram_close(handle))

/* A slice that was released is empty: these ignore it, and NULL. */
#define USE_RELEASES(X_INT, X_VOID)                                                                                    \
    X_VOID(coir_release, USE_SLICE, coir_release(handle))                                                              \
    X_VOID(coir_release_used, USE_SLICE, coir_release_used(handle, 1))

#define USE_OTHERS(X_INT, X_VOID)                                                                                      \
    X_INT(coir_scope_close, USE_SCOPE, coir_scope_close(handle))                                                       \
    X_VOID(coir_scope_cancel, USE_SCOPE, coir_scope_cancel(handle))                                                    \
    X_VOID(coir_scope_set_limit, USE_SCOPE, coir_scope_set_limit(handle, 1))                                           \
    X_VOID(coir_scope_drain, USE_SCOPE, coir_scope_drain(handle, 0))                                                   \
    X_INT(coir_scope_state, USE_SCOPE, coir_scope_state(handle))                                                       \
    X_INT(coir_scope_info, USE_SCOPE, coir_scope_info(handle, &use_scope_info))                                        \
    X_INT(coir_spawn, USE_SCOPE, coir_spawn(handle, use_nothing, NULL, NULL))                                          \
    X_INT(coir_channel_send, USE_CHANNEL, coir_channel_send(handle, use_bytes))                                        \
    X_INT(coir_channel_offer, USE_CHANNEL, coir_channel_offer(handle, use_bytes))                                      \
    X_INT(coir_channel_receive, USE_CHANNEL, coir_channel_receive(handle, use_bytes))                                  \
    X_VOID(coir_channel_finish, USE_CHANNEL, coir_channel_finish(handle))                                              \
    X_INT(coir_receive, USE_STREAM, coir_receive(handle, &use_slice))                                                  \
    X_INT(coir_read, USE_STREAM, coir_read(handle, use_bytes, 1))                                                      \
    X_INT(coir_read_exact, USE_STREAM, coir_read_exact(handle, use_bytes, 1))                                          \
    X_INT(coir_read_until, USE_STREAM, coir_read_until(handle, "\n", 1, 8, &use_slice))                                \
    X_INT(coir_write, USE_STREAM, coir_write(handle, use_bytes, 1))                                                    \
    X_INT(coir_writev, USE_STREAM, coir_writev(handle, &use_piece, 1))                                                 \
    X_INT(coir_finish, USE_STREAM, coir_finish(handle))                                                                \
    X_INT(coir_stream_info, USE_STREAM, coir_stream_info(handle, &use_stream_info))                                    \
    X_INT(coir_fd, USE_STREAM, coir_fd(handle))                                                                        \
    X_INT(coir_accept, USE_LISTENER, coir_accept(handle, &use_accepted))                                               \
    X_INT(coir_listener_info, USE_LISTENER, coir_listener_info(handle, &use_listener_info))                            \
    X_INT(coir_datagram_receive, USE_DATAGRAMS, coir_datagram_receive(handle, &use_datagram))                          \
    X_INT(coir_datagram_send, USE_DATAGRAMS, coir_datagram_send(handle, &use_datagram))                                \
    X_INT(coir_datagram_info, USE_DATAGRAMS, coir_datagram_info(handle, &use_datagram_info))

USE_OTHERS(USE_DEFINE, USE_DEFINE_VOID)
USE_ENDINGS(USE_DEFINE, USE_DEFINE_VOID)
USE_RELEASES(USE_DEFINE, USE_DEFINE_VOID)

/** All calls that end no handle, those that do, and those that release a slice. */
static const struct use use_others[] = {USE_OTHERS(USE_LIST, USE_LIST)};
static const struct use use_endings[] = {USE_ENDINGS(USE_LIST, USE_LIST)};
static const struct use use_releases[] = {USE_RELEASES(USE_LIST, USE_LIST)};

#define USE_COUNT(uses) (sizeof(uses) / sizeof((uses)[0]))

#endif
