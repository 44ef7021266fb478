/* SPDX-License-Identifier: MIT
 *
 * Accepting.
 */
#include "contract/matrix.h"
#include <sys/ioctl.h>

static struct place listener_place; /* of the subject: there is one at a time */

static void open_accept(struct subject *subject)
{
    int fd = new_listener(subject->local, 16, &listener_place);
    int yes = 1;

    assert_int_equal(ioctl(fd, FIONBIO, &yes), 0);
    assert_int_equal(
        engine_now()->table->adopt(engine_now(), fd, subject->local ? ENDPOINT_LOCAL : 0, &subject->endpoint), 0);
}

static void connect_one(struct subject *subject)
{
    subject->peer = new_client(&listener_place);
}

/* It is the very connection that the peer has made. */
static void expect_connection(struct subject *subject, int result)
{
    assert_true(result >= 0);
    send_text(subject->peer, "it is me");
    expect_text(result, "it is me");
    close(result);
}

static const struct subject_kind accepting = {
    .kind = OPERATION_ACCEPT,
    .call = "kernel_accept",
    .open = open_accept,
    .make_ready = connect_one,
    .expect = expect_connection,
};

DONE_AT_ONCE(accepting, tcp)
DONE_AT_ONCE(accepting, local)
WAITING(accepting, tcp)
WAITING(accepting, local)

CASE_OF_BOTH(one_event_brings_all_that_wait_in_the_queue)
{
    struct subject subject;
    int clients[8];

    open_subject(&subject, &accepting, local);
    for (int i = 0; i < 8; i++)
        clients[i] = new_client(&listener_place);
    for (int i = 0; i < 8; i++) {
        int fd = perform(&subject);

        assert_true(fd >= 0);
        close(fd);
    }
    subject.deadline = coir_now() + COIR_MILLISECOND;
    assert_int_equal(perform(&subject), WAIT_RECONSIDER);
    for (int i = 0; i < 8; i++)
        close(clients[i]);
    close_subject(&subject);
}

/* A connection that was reset while it was queued is no error of the listener's. */
CASE_OF_BOTH(what_was_reset_in_the_queue_says_so_itself)
{
    struct coir_listener *listener;
    struct coir_listener_info info;
    struct coir_stream *stream;
    struct place place;
    char uri[COIR_ADDRESS_SIZE];
    char byte;
    int fd = new_listener(local, 16, &place);
    int client = new_client(&place);

    snprintf(uri, sizeof(uri), "fd://%d", fd);
    assert_int_equal(coir_listen(uri, NULL, &listener), 0);
    if (!local)
        reset_peer(false, client, -1);
    else
        close(client);
    assert_int_equal(coir_accept(listener, &stream), 0);
    assert_int_equal(coir_read(stream, &byte, 1), local ? 0 : -ECONNRESET);
    assert_int_equal(coir_read(stream, &byte, 1), local ? 0 : -ECONNRESET);
    coir_close(stream);
    client = new_client(&place);
    assert_int_equal(coir_accept(listener, &stream), 0);
    close(client);
    coir_close(stream);
    assert_int_equal(coir_listener_info(listener, &info), 0);
    assert_int_equal(info.accepted, 2);
    coir_listener_close(listener);
}

CASE_OF_BOTH(listener_that_is_shut_down_is_dead)
{
    struct coir_scope *scope = open_scope();
    struct subject subject;

    open_subject(&subject, &accepting, local);
    start_waiting(&subject, scope);
    assert_int_equal(shutdown(subject.endpoint->fd, SHUT_RDWR), 0);
    assert_int_equal(coir_scope_close(scope), 0);
    assert_int_equal(subject.result, -EINVAL);
    close_subject(&subject);
}

/* What the network did to a connection in the queue is skipped; the next one is good. */
CASE(errors_of_a_connection_are_not_the_listeners)
{
    static const int errors[] = {ECONNABORTED, ENETDOWN,   EPROTO,      ENOPROTOOPT, EHOSTDOWN, ENONET,
                                 EHOSTUNREACH, EOPNOTSUPP, ENETUNREACH, EPERM,       EINTR,     ETIMEDOUT};
    struct coir_listener *listener;
    struct coir_stream *stream;
    struct place place;
    char uri[COIR_ADDRESS_SIZE];

    snprintf(uri, sizeof(uri), "fd://%d", new_listener(false, 16, &place));
    assert_int_equal(coir_listen(uri, NULL, &listener), 0);
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        int client = new_client(&place);

        fault_clear();
        fault_fail("kernel_accept", 1, errors[i], FAULT_ONCE);
        assert_int_equal(coir_accept(listener, &stream), 0);
        assert_int_equal(fault_hits(), 1);
        close(client);
        coir_close(stream);
    }
    coir_listener_close(listener);
}

/* A shortage is waited for, without spinning; no event would tell when it is over. */
CASE(shortage_is_waited_for)
{
    static const int errors[] = {EMFILE, ENFILE, ENOMEM, ENOBUFS};
    struct coir_listener *listener;
    struct coir_stream *stream;
    struct place place;
    char uri[COIR_ADDRESS_SIZE];

    snprintf(uri, sizeof(uri), "fd://%d", new_listener(false, 16, &place));
    assert_int_equal(coir_listen(uri, NULL, &listener), 0);
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        int client = new_client(&place);
        uint64_t waits = run_info().waits;

        fault_clear();
        fault_fail("kernel_accept", 1, errors[i], FAULT_ONCE);
        fault_fail("kernel_accept", 2, errors[i], FAULT_ONCE);
        assert_int_equal(coir_accept(listener, &stream), 0);
        assert_int_equal(fault_calls("kernel_accept"), 3);
        assert_in_range(run_info().waits - waits, 2, 60); /* spinning would be thousands */
        close(client);
        coir_close(stream);
    }
    coir_listener_close(listener);
}

static int run_accept(void *arg)
{
    struct coir_stream *stream;

    return coir_accept(arg, &stream);
}

static void see_pause_ended(bool by_close)
{
    struct coir_scope *scope = open_scope();
    struct coir_task_options options = {.name = "accepts"};
    struct coir_listener *listener;
    struct place place;
    char uri[COIR_ADDRESS_SIZE];
    int result = 0;
    int client;

    snprintf(uri, sizeof(uri), "fd://%d", new_listener(false, 16, &place));
    assert_int_equal(coir_listen(uri, NULL, &listener), 0);
    client = new_client(&place);
    fault_fail("kernel_accept", 1, EMFILE, FAULT_ALWAYS);
    options.ret_result = &result;
    assert_int_equal(coir_spawn(scope, run_accept, listener, &options), 0);
    UNTIL(fault_hits() > 0);
    if (by_close)
        coir_listener_close(listener);
    else
        coir_scope_cancel(scope);
    (void)coir_scope_close(scope);
    assert_int_equal(result, by_close ? -EBADF : -ECANCELED);
    close(client);
    if (!by_close)
        coir_listener_close(listener);
}

CASE(cancel_ends_the_wait_for_a_shortage)
{
    see_pause_ended(false);
}

CASE(close_ends_the_wait_for_a_shortage)
{
    see_pause_ended(true);
}
