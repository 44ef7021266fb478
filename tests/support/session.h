/* SPDX-License-Identifier: MIT
 *
 * Cases that run inside coir, on every engine: SESSION_TEST(name) { ... } is a
 * case whose body is a task. And the few calls that most of them begin with:
 * a stream whose other end is a plain socket, a child, a moment's rest.
 *
 * Assertions may be made in any task: one that fails ends the case at once.
 */
#ifndef SUPPORT_SESSION_H
#define SUPPORT_SESSION_H

#include "support/peer.h"
#include "support/test.h"
#include <coir.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/** A case that is run once on each engine. */
#define SESSION_TEST(case_name)                                                                                        \
    static void session_##case_name(void);                                                                             \
    TEST(case_name)                                                                                                    \
    {                                                                                                                  \
        session_run(session_##case_name);                                                                              \
    }                                                                                                                  \
    static void session_##case_name(void)

static inline int session_call(void *body)
{
    (*(void (**)(void))body)();
    return 7;
}

/** What SESSION_TEST() does. */
static inline void session_run(void (*body)(void))
{
    static const enum coir_engine engines[] = {COIR_ENGINE_EPOLL, COIR_ENGINE_POLL};

    for (size_t i = 0; i < sizeof(engines) / sizeof(engines[0]); i++) {
        struct coir_run_options options = {.engine = engines[i], .stack = COIR_STACK_HUGE};
        unsigned descriptors = peer_count_descriptors();

        assert_int_equal(coir_run(session_call, &body, &options), 7);
        assert_int_equal(peer_count_descriptors(), descriptors); /* nobody leaked one */
    }
}

/** A connection between a stream and a plain socket. */
struct session {
    struct coir_stream *stream;
    int peer;
};

/** An abstract Unix address that no other test program uses; the name itself begins at + 7. */
static inline const char *session_abstract(void)
{
    static char uri[64];

    snprintf(uri, sizeof(uri), "unix://@coir test %d", (int)getpid());
    return uri;
}

/** "unix://DIRECTORY/NAME"; returns the path in it. */
static inline const char *session_path(const char *directory, const char *name, char ret_uri[128])
{
    snprintf(ret_uri, 128, "unix://%s/%s", directory, name);
    return ret_uri + 7;
}

/** "fd://FD", in static memory. */
static inline const char *session_fd(int fd)
{
    static char uri[32];

    snprintf(uri, sizeof(uri), "fd://%d", fd);
    return uri;
}

/** The port of a bound TCP address as coir prints it. */
static inline uint16_t session_port(const char *address)
{
    const char *colon = strrchr(address, ':');

    assert_non_null(colon);
    return (uint16_t)strtoul(colon + 1, NULL, 10);
}

/** Listens on a port of 127.0.0.1 that the kernel picks. */
static inline struct coir_listener *session_listen(const struct coir_listen_options *options, uint16_t *ret_port)
{
    struct coir_listener *listener = NULL;
    struct coir_listener_info info;

    assert_int_equal(coir_listen("tcp://127.0.0.1:0", options, &listener), 0);
    assert_int_equal(coir_listener_info(listener, &info), 0);
    *ret_port = session_port(info.local);
    return listener;
}

/** A TCP connection that coir accepted. */
static inline struct session session_accept_with(const struct coir_stream_options *options)
{
    struct coir_listen_options listening = {.backlog = 1};
    struct coir_listener *listener;
    struct session session = {.stream = NULL};
    uint16_t port;

    if (options != NULL)
        listening.stream = *options;
    listener = session_listen(&listening, &port);
    session.peer = peer_connect(port);
    assert_int_equal(coir_accept(listener, &session.stream), 0);
    coir_listener_close(listener);
    return session;
}

static inline struct session session_accept(void)
{
    return session_accept_with(NULL);
}

/** A TCP connection that coir made. */
static inline struct session session_connect(void)
{
    struct session session = {.stream = NULL};
    char uri[64];
    uint16_t port;
    int listener = peer_listen(1, &port);

    snprintf(uri, sizeof(uri), "tcp://127.0.0.1:%u", port);
    assert_int_equal(coir_connect(uri, NULL, &session.stream), 0);
    session.peer = peer_accept(listener);
    close(listener);
    return session;
}

/** A Unix connection that coir adopted. */
static inline struct session session_adopt(void)
{
    struct session session = {.stream = NULL};
    int ends[2];

    peer_pair(ends);
    assert_int_equal(coir_adopt(ends[0], NULL, &session.stream), 0);
    session.peer = ends[1];
    return session;
}

/** The three kinds of the above: run the same checks on each. */
#define SESSION_KINDS 3
static inline struct session session_of_kind(int kind)
{
    return kind == 0 ? session_accept() : kind == 1 ? session_connect() : session_adopt();
}

/** Ends both ends; the peer's first, so that nothing lingers. */
static inline void session_end(struct session *session)
{
    if (session->peer >= 0)
        close(session->peer);
    coir_close(session->stream);
}

static inline struct coir_stream_info session_info(const struct coir_stream *stream)
{
    struct coir_stream_info info;

    assert_int_equal(coir_stream_info(stream, &info), 0);
    return info;
}

static inline struct coir_scope *session_scope(enum coir_scope_policy policy)
{
    struct coir_scope_options options = {.policy = policy};
    struct coir_scope *scope = NULL;

    assert_int_equal(coir_scope_open(&options, &scope), 0);
    return scope;
}

/** A child with a stack that assertions can fail on. */
static inline void session_spawn(struct coir_scope *scope, int (*fn)(void *arg), void *arg)
{
    static const struct coir_task_options options = {.stack = COIR_STACK_LARGE};

    assert_int_equal(coir_spawn(scope, fn, arg, &options), 0);
}

static inline void session_sleep_ms(unsigned milliseconds)
{
    assert_int_equal(coir_sleep(milliseconds * COIR_MILLISECOND), 0);
}

/** Lets children run until they wait. */
static inline void session_settle(void)
{
    session_sleep_ms(5);
}

/** Fails unless the stream's next bytes are the text. */
static inline void session_expect(struct coir_stream *stream, const char *text)
{
    char bytes[256];
    size_t size = strlen(text);

    assert_true(size < sizeof(bytes));
    assert_int_equal(coir_read_exact(stream, bytes, size), (ssize_t)size);
    assert_memory_equal(bytes, text, size);
}

#endif
