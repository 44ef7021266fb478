/* SPDX-License-Identifier: MIT
 *
 * Scopes, drain: "coir_scope_drain(scope, quiet_ns), inherited downwards:
 * accept returns -ESHUTDOWN once the kernel's queue is empty; every read of an
 * accepted stream returns -ESHUTDOWN quiet_ns after the latest of drain, accept
 * and last byte (what is already there comes first); connected streams, writes,
 * connects and sleeps go on." How the queue is emptied is the listeners' affair
 * and tested with them; shields are in contract_scopes_shield.c.
 */
#include "support/tasks.h"
#include <errno.h>
#include <string.h>

struct server {
    struct coir_listener *listener;
    struct coir_stream *client; /* connected by us */
    struct coir_stream *session;
    char address[COIR_ADDRESS_SIZE];
};

static void open_server(struct server *server)
{
    struct coir_listener_info info;

    assert_int_equal(coir_listen("tcp://127.0.0.1:0", NULL, &server->listener), 0);
    assert_int_equal(coir_listener_info(server->listener, &info), 0);
    memcpy(server->address, info.local, sizeof(server->address));
    assert_int_equal(coir_connect(server->address, NULL, &server->client), 0);
    assert_int_equal(coir_accept(server->listener, &server->session), 0);
}

static void close_server(struct server *server)
{
    coir_listener_close(server->listener);
    coir_abort(server->client);
    coir_abort(server->session);
}

TASK_TEST(accept_takes_what_is_queued_and_then_says_shutdown)
{
    struct coir_stream *clients[3], *session;
    struct coir_scope *scope;
    struct server server;

    open_server(&server);
    for (int i = 0; i < 3; i++)
        assert_int_equal(coir_connect(server.address, NULL, &clients[i]), 0);
    scope = open_scope(NULL);
    coir_scope_drain(scope, 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(coir_accept(server.listener, &session), 0);
        coir_abort(session);
        coir_abort(clients[i]);
    }
    assert_int_equal(coir_accept(server.listener, &session), -ESHUTDOWN);
    assert_int_equal(coir_accept(server.listener, &session), -ESHUTDOWN);
    close_server(&server);
    assert_int_equal(coir_scope_close(scope), 0);
}

static int drain_shortly(void *arg)
{
    assert_int_equal(coir_sleep(COIR_MILLISECOND), 0);
    coir_scope_drain(arg, 0);
    return 0;
}

TASK_TEST(a_drain_reaches_accepts_and_reads_that_wait)
{
    struct coir_scope *outer = open_scope(NULL);
    struct coir_scope *inner = open_scope(NULL);
    struct coir_stream *stream;
    struct server server;
    char byte;

    open_server(&server);
    spawn(outer, drain_shortly, inner);
    assert_int_equal(coir_accept(server.listener, &stream), -ESHUTDOWN);
    assert_int_equal(coir_scope_close(inner), 0);
    inner = open_scope(NULL);
    spawn(outer, drain_shortly, inner);
    assert_int_equal(coir_read(server.session, &byte, 1), -ESHUTDOWN);
    assert_int_equal(coir_scope_close(inner), 0);
    close_server(&server);
    assert_int_equal(coir_scope_close(outer), 0);
}

TASK_TEST(a_drain_is_inherited_downwards_by_scopes_before_and_after)
{
    struct coir_scope *outer = open_scope(NULL);
    struct coir_scope *before = open_scope(NULL);
    struct coir_scope *after;
    struct server server;
    char byte;

    open_server(&server);
    coir_scope_drain(outer, 0);
    assert_int_equal(coir_read(server.session, &byte, 1), -ESHUTDOWN);
    assert_int_equal(coir_scope_state(before), 0);
    assert_int_equal(coir_scope_state(outer), COIR_SCOPE_DRAINING);
    assert_int_equal(coir_scope_close(before), 0);
    after = open_scope(NULL);
    assert_int_equal(coir_read(server.session, &byte, 1), -ESHUTDOWN);
    assert_int_equal(coir_scope_close(after), 0);
    close_server(&server);
    assert_int_equal(coir_scope_close(outer), 0);
}

TASK_TEST(a_drain_does_not_reach_scopes_around)
{
    struct coir_scope *outer, *inner;
    struct server server;
    char byte;

    open_server(&server);
    outer = open_scope(NULL);
    inner = open_scope(NULL);
    coir_scope_drain(inner, 0);
    assert_int_equal(coir_scope_close(inner), 0);
    coir_scope_set_limit(outer, 5 * COIR_MILLISECOND);
    assert_int_equal(coir_read(server.session, &byte, 1), -ETIME);
    assert_int_equal(coir_scope_state(outer), COIR_SCOPE_EXPIRED);
    assert_int_equal(coir_scope_close(outer), 0);
    close_server(&server);
}

#define QUIET (100 * COIR_MILLISECOND) /* twice as long as a busy machine may keep us waiting */

/* How long a read of the accepted stream waited until the drain ended it. */
static coir_time read_until_shutdown(struct coir_stream *session, coir_time start)
{
    char byte;

    assert_int_equal(coir_read(session, &byte, 1), -ESHUTDOWN);
    return coir_now() - start;
}

TASK_TEST(quiet_counts_from_the_drain)
{
    struct coir_scope *scope = open_scope(NULL);
    struct server server;
    coir_time start;

    open_server(&server);
    assert_int_equal(coir_sleep(QUIET), 0); /* older than that is no reason to end at once */
    start = coir_now();
    coir_scope_drain(scope, QUIET);
    assert_true(read_until_shutdown(server.session, start) >= QUIET);
    close_server(&server);
    assert_int_equal(coir_scope_close(scope), 0);
}

TASK_TEST(quiet_counts_from_the_accept)
{
    struct coir_scope *scope = open_scope(NULL);
    struct coir_stream *client, *session;
    struct server server;
    coir_time start;

    open_server(&server);
    assert_int_equal(coir_connect(server.address, NULL, &client), 0);
    coir_scope_drain(scope, QUIET);
    assert_int_equal(coir_sleep(QUIET), 0);
    start = coir_now();
    assert_int_equal(coir_accept(server.listener, &session), 0);
    assert_true(read_until_shutdown(session, start) >= QUIET);
    coir_abort(session);
    coir_abort(client);
    close_server(&server);
    assert_int_equal(coir_scope_close(scope), 0);
}

static int write_late(void *arg)
{
    assert_int_equal(coir_sleep(QUIET / 2), 0);
    return coir_write(arg, "z", 1);
}

TASK_TEST(quiet_counts_from_the_last_byte)
{
    struct coir_scope *scope = open_scope(NULL);
    struct server server;
    coir_time start;
    char byte;

    open_server(&server);
    start = coir_now();
    spawn(scope, write_late, server.client);
    coir_scope_drain(scope, QUIET);
    assert_int_equal(coir_read(server.session, &byte, 1), 1);
    assert_true(coir_now() - start >= QUIET / 2);
    assert_true(read_until_shutdown(server.session, start) >= QUIET / 2 + QUIET);
    close_server(&server);
    assert_int_equal(coir_scope_close(scope), 0);
}

TASK_TEST(what_is_already_there_comes_first)
{
    struct coir_scope *scope = open_scope(NULL);
    struct server server;
    char bytes[4];

    open_server(&server);
    assert_int_equal(coir_write(server.client, "abcdef", 6), 0);
    assert_int_equal(coir_wait_fd(coir_fd(server.session), 1), 1); /* POLLIN */
    coir_scope_drain(scope, 0);
    assert_int_equal(coir_sleep(COIR_MILLISECOND), 0);
    assert_int_equal(coir_read(server.session, bytes, 4), 4);
    assert_int_equal(coir_read(server.session, bytes, 4), 2);
    assert_int_equal(coir_read(server.session, bytes, 4), -ESHUTDOWN);
    close_server(&server);
    assert_int_equal(coir_scope_close(scope), 0);
}

TASK_TEST(once_more_takes_the_shorter_quiet_time)
{
    struct coir_scope *scope = open_scope(NULL);
    struct server server;

    open_server(&server);
    coir_scope_drain(scope, 1000 * COIR_SECOND);
    coir_scope_drain(scope, -1); /* counts as 0 */
    coir_scope_drain(scope, 1000 * COIR_SECOND);
    assert_true(read_until_shutdown(server.session, coir_now()) < 100 * COIR_SECOND);
    close_server(&server);
    assert_int_equal(coir_scope_close(scope), 0);
}

TASK_TEST(connected_streams_writes_connects_and_sleeps_go_on)
{
    struct coir_scope *scope = open_scope(NULL);
    struct coir_stream *another;
    struct server server;
    char byte = 0;

    open_server(&server);
    coir_scope_drain(scope, 0);
    assert_int_equal(coir_sleep(COIR_MILLISECOND), 0);
    assert_int_equal(coir_yield(), 0);
    assert_int_equal(coir_connect(server.address, NULL, &another), 0);
    assert_int_equal(coir_write(server.session, "a", 1), 0); /* an accepted stream may write */
    spawn(scope, write_late, server.session);
    assert_int_equal(coir_read(server.client, &byte, 1), 1);
    assert_int_equal(byte, 'a');
    assert_int_equal(coir_read(server.client, &byte, 1), 1); /* waits, as no connected stream is told to leave */
    assert_int_equal(byte, 'z');
    coir_abort(another);
    close_server(&server);
    assert_int_equal(coir_scope_close(scope), 0);
}
