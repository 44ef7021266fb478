/* SPDX-License-Identifier: MIT
 *
 * Waiting for somebody else's descriptor, and for signals.
 */
#include "contract/matrix.h"
#include <coir/wait.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/resource.h>

static void borrow_end(struct subject *subject)
{
    struct pair pair = new_pair(subject->local);

    subject->other = pair.ours;
    subject->peer = pair.theirs;
    subject->size = POLLIN;
    assert_int_equal(engine_now()->table->adopt(engine_now(), pair.ours, ENDPOINT_BORROWED, &subject->endpoint), 0);
}

static void send_hello(struct subject *subject)
{
    send_text(subject->peer, "hello");
}

/* The bytes are the descriptor's owner's. */
static void expect_readable(struct subject *subject, int result)
{
    assert_int_equal(result, POLLIN);
    expect_text(subject->other, "hello");
}

static const struct subject_kind readable = {
    .kind = OPERATION_READY,
    .once = true,
    .call = "kernel_poll",
    .open = borrow_end,
    .make_ready = send_hello,
    .expect = expect_readable,
};

DONE_AT_ONCE(readable, tcp)
DONE_AT_ONCE(readable, local)
WAITING(readable, tcp)
WAITING(readable, local)

static void borrow_full_end(struct subject *subject)
{
    borrow_end(subject);
    make_narrow((struct pair){subject->other, subject->peer});
    fill(subject->other);
    subject->size = POLLOUT;
}

static void drain_peer(struct subject *subject)
{
    drain(subject->peer, subject->other);
}

static void expect_writable(struct subject *subject, int result)
{
    (void)subject;
    assert_int_equal(result, POLLOUT);
}

static const struct subject_kind writable = {
    .kind = OPERATION_READY,
    .once = true,
    .call = "kernel_poll",
    .open = borrow_full_end,
    .make_ready = drain_peer,
    .expect = expect_writable,
};

WAITING(writable, tcp)
WAITING(writable, local)

static sigset_t one_signal(void)
{
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGUSR1);
    return signals;
}

static void open_signal(struct subject *subject)
{
    sigset_t signals = one_signal();

    assert_int_equal(pthread_sigmask(SIG_BLOCK, &signals, NULL), 0); /* until the run ends */
    assert_int_equal(engine_now()->table->open_signals(engine_now(), &signals, &subject->endpoint), 0);
}

static void raise_signal(struct subject *subject)
{
    (void)subject;
    assert_int_equal(kill(getpid(), SIGUSR1), 0);
}

static void expect_signal(struct subject *subject, int result)
{
    (void)subject;
    assert_int_equal(result, SIGUSR1);
}

static const struct subject_kind signalled = {
    .kind = OPERATION_SIGNAL,
    .call = "kernel_read",
    .open = open_signal,
    .make_ready = raise_signal,
    .expect = expect_signal,
};

static void see_signal(void (*fate)(struct subject *subject))
{
    sigset_t signals = one_signal();
    struct timespec none = {0, 0};

    see(&signalled, false, fate);
    (void)sigtimedwait(&signals, NULL, &none); /* of a fate that left it pending */
}

#define SIGNAL_CASE(fate)                                                                                              \
    CASE(signal_##fate)                                                                                                \
    {                                                                                                                  \
        see_signal(see_##fate);                                                                                        \
    }

SIGNAL_CASE(done_at_once)
SIGNAL_CASE(cancelled_before)
SIGNAL_CASE(result_before_cancel)
SIGNAL_CASE(done_later)
SIGNAL_CASE(cancelled_during)
SIGNAL_CASE(cancelled_when_ready)
SIGNAL_CASE(result_wins)
SIGNAL_CASE(closed)
SIGNAL_CASE(closed_when_ready)
SIGNAL_CASE(deadline)
SIGNAL_CASE(expired)

/* The public call, where it differs from the operation. */

CASE_OF_BOTH(wait_fd_sees_the_peer_close_and_reset)
{
    struct pair pair = new_pair(local);

    close(pair.theirs);
    assert_int_equal(coir_wait_fd(pair.ours, POLLIN) & POLLIN, POLLIN);
    close(pair.ours);
    pair = new_pair(local);
    reset_peer(local, pair.theirs, pair.ours);
    assert_int_equal(coir_wait_fd(pair.ours, POLLIN) & (POLLIN | POLLERR | POLLHUP), POLLIN | POLLERR | POLLHUP);
    close(pair.ours);
}

struct watcher {
    int fd;
    int result;
    bool ended;
};

static int run_watcher(void *arg)
{
    struct watcher *watcher = arg;

    watcher->result = coir_wait_fd(watcher->fd, POLLIN);
    watcher->ended = true;
    return 0;
}

CASE(wait_fd_is_woken_by_the_peers_close)
{
    struct pair pair = new_pair(false);
    struct watcher watcher = {.fd = pair.ours};
    struct coir_scope *scope = open_scope();

    assert_int_equal(coir_spawn(scope, run_watcher, &watcher, NULL), 0);
    UNTIL(waiting_operations() == 1);
    close(pair.theirs);
    assert_int_equal(coir_scope_close(scope), 0);
    assert_int_equal(watcher.result & POLLIN, POLLIN);
    close(pair.ours);
}

/* Several may wait for one descriptor, also for a stream's own. */
CASE_OF_BOTH(one_descriptor_is_waited_for_by_many)
{
    struct pair pair = new_pair(local);
    struct coir_scope *scope = open_scope();
    struct watcher watchers[3];
    struct coir_stream *stream = adopt_stream(pair);

    for (int i = 0; i < 3; i++) {
        watchers[i] = (struct watcher){.fd = coir_fd(stream)};
        assert_int_equal(coir_spawn(scope, run_watcher, &watchers[i], NULL), 0);
    }
    UNTIL(waiting_operations() == 3);
    send_text(pair.theirs, "hello");
    assert_int_equal(coir_scope_close(scope), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(watchers[i].result, POLLIN);
    expect_stream_text(stream, "hello");
    close(pair.theirs);
    coir_close(stream);
}

#define CROWD 100

static unsigned count_results(const struct watcher *watchers, int result)
{
    unsigned count = 0;

    for (int i = 0; i < CROWD; i++)
        count += watchers[i].ended && watchers[i].result == result;
    return count;
}

/* More than the process may have descriptors: those beyond are told, and the others wait as ever. */
CASE_OF_BOTH(one_descriptor_is_waited_for_by_too_many)
{
    struct pair pair = new_pair(local);
    struct coir_scope *scope = open_scope();
    struct watcher watchers[CROWD];
    struct rlimit before, limit = {.rlim_cur = 50};
    unsigned refused;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    limit.rlim_max = before.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    for (int i = 0; i < CROWD; i++) {
        watchers[i] = (struct watcher){.fd = pair.ours};
        assert_int_equal(coir_spawn(scope, run_watcher, &watchers[i], NULL), 0);
    }
    UNTIL(waiting_operations() + (int)count_results(watchers, -EMFILE) == CROWD);
    refused = count_results(watchers, -EMFILE);
    assert_in_range(refused, CROWD - 50, CROWD - 10);
    assert_int_equal(coir_sleep(COIR_MILLISECOND), 0); /* the engine can still wait */
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    send_text(pair.theirs, "x");
    assert_int_equal(coir_scope_close(scope), 0);
    assert_int_equal(count_results(watchers, POLLIN), CROWD - refused);
    close(pair.theirs);
    close(pair.ours);
}

/* No registration stays behind, though a copy of the descriptor would keep it alive. */
CASE_OF_BOTH(wait_fd_leaves_no_registration_behind)
{
    uint64_t stale = run_info().stale_events;

    for (int i = 0; i < 10; i++) {
        struct pair pair = new_pair(local);
        struct watcher watcher = {.fd = pair.ours};
        struct coir_scope *scope = open_scope();
        int copy = dup(pair.ours);

        assert_int_equal(coir_spawn(scope, run_watcher, &watcher, NULL), 0);
        UNTIL(waiting_operations() == 1);
        send_text(pair.theirs, "x");
        assert_int_equal(coir_scope_close(scope), 0);
        assert_int_equal(watcher.result, POLLIN);
        close(pair.ours);
        send_text(pair.theirs, "y"); /* the copy is still there to be told of */
        engine_now()->table->wait(engine_now(), 0);
        close(copy);
        close(pair.theirs);
    }
    assert_int_equal(run_info().stale_events, stale);
    assert_int_equal(loop_current()->endpoints.live, 0);
}

CASE(wait_fd_takes_anything_that_poll_takes)
{
    int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

    assert_int_equal(coir_wait_fd(file, POLLIN), POLLIN);
    close(file);
    assert_int_equal(coir_wait_fd(file, POLLIN), -EBADF);
    assert_int_equal(coir_wait_fd(-1, POLLIN), -EBADF);
    assert_int_equal(coir_wait_fd(0, 0), -EINVAL);
    assert_int_equal(coir_wait_fd(0, POLLHUP), -EINVAL);
}

CASE(signal_wait_takes_what_came_before)
{
    int signals[] = {SIGUSR2, SIGUSR1};
    sigset_t set = one_signal();
    int signal = 0;

    assert_int_equal(pthread_sigmask(SIG_BLOCK, &set, NULL), 0);
    assert_int_equal(kill(getpid(), SIGUSR1), 0);
    assert_int_equal(coir_signal_wait(signals, 2, &signal), 0);
    assert_int_equal(signal, SIGUSR1);
    assert_int_equal(kill(getpid(), SIGUSR2), 0); /* blocked since the first call */
    assert_int_equal(coir_signal_wait(signals, 2, &signal), 0);
    assert_int_equal(signal, SIGUSR2);
}

/* It was readable, but its owner has read when the turn of who waits comes. */
static void read_before_look(const struct fault_call *call, void *fd)
{
    char byte;

    if (strcmp(call->function, "kernel_poll") == 0 && call->size == 1)
        (void)recv(*(int *)fd, &byte, 1, MSG_DONTWAIT);
}

CASE_OF_BOTH(readiness_that_is_gone_is_waited_for_again)
{
    struct pair pair = new_pair(local);
    struct coir_scope *scope = open_scope();
    struct watcher watcher = {.fd = pair.ours};
    unsigned looks;

    assert_int_equal(coir_spawn(scope, run_watcher, &watcher, NULL), 0);
    UNTIL(waiting_operations() == 1);
    fault_observe(read_before_look, NULL, &pair.ours);
    looks = fault_calls("kernel_poll");
    send_text(pair.theirs, "x");
    UNTIL(fault_calls("kernel_poll") > looks && !is_ready(pair.ours, POLLIN));
    fault_observe(NULL, NULL, NULL);
    assert_int_equal(coir_yield(), 0);
    assert_false(watcher.ended);
    send_text(pair.theirs, "y");
    assert_int_equal(coir_scope_close(scope), 0);
    assert_int_equal(watcher.result, POLLIN);
    close(pair.theirs);
    close(pair.ours);
}
