/* SPDX-License-Identifier: MIT
 *
 * Process manners: "The library never logs and never exits (misuse aside); it
 * installs SIGSEGV/SIGBUS handlers (alternate stack) only where the disposition
 * is the default, chains, restores, and can be told not to." What the handlers
 * are for is in contract_overflow.c, other signals in contract_signals.c.
 */
#include "support/tasks.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int fault_signals[] = {SIGSEGV, SIGBUS};

static int return_failure(void *arg)
{
    (void)arg;
    return -EIO;
}

/* Much that fails, and some that succeeds. */
static int try_everything(void *arg)
{
    struct coir_listener *listener;
    struct coir_stream *stream;
    struct coir_scope *scope;
    int rc;

    (void)arg;
    if (coir_connect("tcp://127.0.0.1:1", NULL, &stream) == 0 || coir_listen("nowhere", NULL, &listener) == 0 ||
        coir_adopt(1000, NULL, &stream) == 0 || coir_scope_open(NULL, &scope) < 0)
        return 1;
    if (coir_spawn(scope, return_failure, NULL, NULL) < 0 || coir_sleep(COIR_SECOND) != -ECANCELED)
        return 1;
    for (int i = 0; i < 900; i++)
        if (coir_yield() != -ECANCELED)
            return 1;
    rc = coir_scope_close(scope);
    return rc == -EIO ? 0 : 1;
}

/* In a process of its own, so that a file can stand in for its standard output and error. */
static void run_quietly(void *argument)
{
    int file = *(int *)argument;
    static struct coir_run_options wrong = {.engine = (enum coir_engine)99};
    int kept = dup(STDERR_FILENO);

    if (dup2(file, STDOUT_FILENO) < 0 || dup2(file, STDERR_FILENO) < 0 || coir_run(try_everything, NULL, NULL) != 0 ||
        coir_run(try_everything, NULL, &wrong) != -EINVAL)
        _exit(1);
    dup2(kept, STDERR_FILENO); /* an emulator says that it has died */
    abort();                   /* reached: nothing has ended the process */
}

TEST(the_library_never_logs_and_never_exits)
{
    FILE *file = tmpfile();
    int descriptor;

    assert_non_null(file);
    descriptor = fileno(file);
    ASSERT_DIES(run_quietly, &descriptor, "");
    assert_int_equal(lseek(descriptor, 0, SEEK_END), 0);
    assert_int_equal(fclose(file), 0);
}

struct dispositions {
    struct sigaction actions[2];
    stack_t stack;
};

static struct dispositions look(void)
{
    struct dispositions seen;

    memset(&seen, 0, sizeof(seen));
    for (int i = 0; i < 2; i++)
        assert_int_equal(sigaction(fault_signals[i], NULL, &seen.actions[i]), 0);
    assert_int_equal(sigaltstack(NULL, &seen.stack), 0);
    return seen;
}

static int look_inside(void *arg)
{
    *(struct dispositions *)arg = look();
    return 0;
}

/* cmocka and sanitizers have put handlers of their own there. */
static void set_both(void (*handler)(int signal))
{
    for (int i = 0; i < 2; i++)
        assert_true(signal(fault_signals[i], handler) != SIG_ERR);
}

static bool is_handler(const struct sigaction *action, void (*handler)(int signal))
{
    return !(action->sa_flags & SA_SIGINFO) && action->sa_handler == handler;
}

/* Without an alternate stack, as programs start; AddressSanitizer gives itself one. */
static void drop_stack(void)
{
    stack_t none = {.ss_flags = SS_DISABLE};

    assert_int_equal(sigaltstack(&none, NULL), 0);
}

TEST(handlers_are_installed_where_the_default_was_and_restored)
{
    struct dispositions inside, after;

    set_both(SIG_DFL);
    drop_stack();
    assert_int_equal(coir_run(look_inside, &inside, NULL), 0);
    after = look();
    for (int i = 0; i < 2; i++) {
        assert_true(inside.actions[i].sa_flags & SA_SIGINFO);
        assert_true(inside.actions[i].sa_flags & SA_ONSTACK);
        assert_true(is_handler(&after.actions[i], SIG_DFL));
    }
    assert_false(inside.stack.ss_flags & SS_DISABLE);
    assert_true(after.stack.ss_flags & SS_DISABLE);
}

static void handle_fault(int signal)
{
    (void)signal;
    _exit(3);
}

TEST(handlers_of_others_and_ignored_signals_stay)
{
    static void (*const others[])(int signal) = {handle_fault, SIG_IGN};

    for (size_t i = 0; i < 2; i++) {
        struct dispositions inside, after;

        set_both(others[i]);
        assert_int_equal(coir_run(look_inside, &inside, NULL), 0);
        after = look();
        for (int signal = 0; signal < 2; signal++) {
            assert_true(is_handler(&inside.actions[signal], others[i]));
            assert_true(is_handler(&after.actions[signal], others[i]));
        }
    }
}

TEST(one_of_the_two_may_be_somebody_elses)
{
    struct dispositions inside, after;

    set_both(SIG_DFL);
    assert_true(signal(SIGBUS, handle_fault) != SIG_ERR);
    assert_int_equal(coir_run(look_inside, &inside, NULL), 0);
    after = look();
    assert_true(inside.actions[0].sa_flags & SA_SIGINFO);
    assert_true(is_handler(&inside.actions[1], handle_fault));
    assert_true(is_handler(&after.actions[0], SIG_DFL));
    assert_true(is_handler(&after.actions[1], handle_fault));
}

TEST(it_can_be_told_not_to)
{
    struct coir_run_options options = {.leave_fault_signals = true};
    struct dispositions inside;

    set_both(SIG_DFL);
    drop_stack();
    assert_int_equal(coir_run(look_inside, &inside, &options), 0);
    assert_true(is_handler(&inside.actions[0], SIG_DFL));
    assert_true(is_handler(&inside.actions[1], SIG_DFL));
    assert_true(inside.stack.ss_flags & SS_DISABLE);
}

static int replace_handler(void *arg)
{
    (void)arg;
    set_both(handle_fault);
    return 0;
}

TEST(a_handler_put_in_its_place_meanwhile_stays)
{
    struct dispositions after;

    set_both(SIG_DFL);
    assert_int_equal(coir_run(replace_handler, NULL, NULL), 0);
    after = look();
    assert_true(is_handler(&after.actions[0], handle_fault));
    assert_true(is_handler(&after.actions[1], handle_fault));
}

TEST(an_alternate_stack_of_the_program_is_used_and_kept)
{
    static char memory[65536];
    stack_t own = {.ss_sp = memory, .ss_size = sizeof(memory)};
    struct dispositions inside, after;

    set_both(SIG_DFL);
    assert_int_equal(sigaltstack(&own, NULL), 0);
    assert_int_equal(coir_run(look_inside, &inside, NULL), 0);
    after = look();
    assert_ptr_equal(inside.stack.ss_sp, memory);
    assert_ptr_equal(after.stack.ss_sp, memory);
    drop_stack();
}

static pthread_barrier_t meeting;

static int meet_twice(void *arg)
{
    (void)arg;
    pthread_barrier_wait(&meeting);
    pthread_barrier_wait(&meeting);
    return 0;
}

static void *run_on_thread(void *arg)
{
    return coir_run(meet_twice, arg, NULL) == 0 ? NULL : arg;
}

/* Handlers are the process's: they stay until the last run has ended. */
TEST(handlers_stay_while_another_thread_runs)
{
    struct dispositions seen;
    pthread_t thread;

    set_both(SIG_DFL);
    assert_int_equal(pthread_barrier_init(&meeting, NULL, 2), 0);
    assert_int_equal(pthread_create(&thread, NULL, run_on_thread, &meeting), 0);
    pthread_barrier_wait(&meeting);
    assert_int_equal(coir_run(look_inside, &seen, NULL), 0);
    seen = look();
    assert_true(seen.actions[0].sa_flags & SA_SIGINFO);
    pthread_barrier_wait(&meeting);
    assert_int_equal(pthread_join(thread, NULL), 0);
    seen = look();
    assert_true(is_handler(&seen.actions[0], SIG_DFL));
}

static int write_to_the_dead(void *arg)
{
    struct coir_stream *stream;
    int ends[2];
    int rc;

    (void)arg;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0 || coir_adopt(ends[0], NULL, &stream) < 0)
        return 1;
    close(ends[1]);
    rc = coir_write(stream, "x", 1);
    coir_abort(stream);
    return rc;
}

static int send_itself_a_fault(void *arg)
{
    kill(getpid(), *(int *)arg);
    return 0;
}

static void run_until_sent(void *arg)
{
    if (coir_run(send_itself_a_fault, arg, NULL) == 0)
        _exit(0); /* the signal was swallowed */
}

/* No instruction faults again after the handler of a signal that was sent. */
TEST(a_fault_signal_that_is_sent_kills)
{
    for (size_t i = 0; i < 2; i++)
        ASSERT_DIES_OF(fault_signals[i], run_until_sent, &fault_signals[i], "");
}

TEST(there_is_no_sigpipe)
{
    assert_true(signal(SIGPIPE, SIG_DFL) != SIG_ERR);
    assert_int_equal(coir_run(write_to_the_dead, NULL, NULL), -EPIPE);
}
