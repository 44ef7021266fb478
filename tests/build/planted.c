/* SPDX-License-Identifier: MIT
 *
 * A user's program for planted.sh: `planted PART`. The part `work` is correct:
 * tasks that echo, sleep and hold memory by nothing but their stacks. Each of
 * the others makes one mistake, which the right tool has to name.
 */
#include <coir.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MANY 20

static struct coir_listener *listener;
static struct coir_stream *stream;
static pthread_barrier_t both;
static int shared;
static volatile int *dangling;
static volatile int sink;

static int echo(void *arg)
{
    struct coir_stream *session = arg;
    struct coir_slice data;
    int rc;

    while ((rc = coir_receive(session, &data)) > 0) {
        rc = coir_write(session, data.bytes, data.size);
        coir_release(&data);
        if (rc < 0)
            break;
    }
    coir_close(session);
    return rc;
}

static int serve(void *arg)
{
    struct coir_stream *session;
    struct coir_scope *sessions;
    int rc = coir_scope_open(NULL, &sessions);

    (void)arg;
    if (rc < 0)
        return rc;
    for (int i = 0; i < MANY && rc == 0; i++)
        if ((rc = coir_accept(listener, &session)) == 0)
            rc = coir_spawn(sessions, echo, session, NULL);
    coir_scope_close(sessions);
    return rc;
}

static int exchange(struct coir_stream *session, const char *message, char *answer)
{
    for (int i = 0; i < 10; i++) {
        if (coir_write(session, message, 100) < 0 || coir_read_exact(session, answer, 100) != 100 ||
            memcmp(message, answer, 100) != 0 || coir_sleep(COIR_MILLISECOND) < 0)
            return -EIO;
    }
    return 0;
}

static int talk(void *arg)
{
    char *message = malloc(100); /* its only pointer is on a stack that is switched away */
    char answer[100];
    struct coir_stream *session;
    int rc = message == NULL ? -ENOMEM : coir_connect(arg, NULL, &session);

    if (rc < 0) {
        free(message);
        return rc;
    }
    memset(message, 'x', 100);
    rc = exchange(session, message, answer);
    free(message);
    coir_close(session);
    return rc;
}

static int work(void *arg)
{
    struct coir_task_options options = {.name = "talker"};
    char address[] = "unix://@coir-planted-0000000000";
    struct coir_scope *scope;
    int rc;

    (void)arg;
    snprintf(address, sizeof(address), "unix://@coir-planted-%d", (int)getpid());
    rc = coir_listen(address, NULL, &listener);
    if (rc < 0 || coir_scope_open(NULL, &scope) < 0)
        return 1;
    rc = coir_spawn(scope, serve, NULL, NULL);
    for (int i = 0; i < MANY && rc == 0; i++)
        rc = coir_spawn(scope, talk, address, &options);
    if (rc == 0)
        rc = coir_scope_close(scope);
    coir_listener_close(listener);
    return rc;
}

/* Runs `fn` as a task called "culprit" to its end. */
static int run_culprit(int (*fn)(void *arg))
{
    struct coir_task_options options = {.name = "culprit", .stack = COIR_STACK_SMALL};
    struct coir_scope *scope;

    if (coir_scope_open(NULL, &scope) < 0 || coir_spawn(scope, fn, NULL, &options) < 0)
        return 1;
    return coir_scope_close(scope);
}

/* Waits for the other culprit: of accesses by a fiber that has gone ThreadSanitizer may not tell whose they were. Not
 * before it counts: who leaves a barrier late knows of all that the other has done since. */
static int count(void *arg)
{
    (void)arg;
    for (int i = 0; i < 1000; i++)
        shared++;
    pthread_barrier_wait(&both);
    return 0;
}

static int run_counter(void *arg)
{
    (void)arg;
    return run_culprit(count);
}

static void *run_other(void *arg)
{
    (void)!coir_run(run_counter, NULL, NULL);
    return arg;
}

static int race(void *arg)
{
    pthread_t other;

    (void)arg;
    if (pthread_barrier_init(&both, NULL, 2) != 0 || pthread_create(&other, NULL, run_other, NULL) != 0)
        return 1;
    (void)run_culprit(count);
    return pthread_join(other, NULL);
}

static __attribute__((noinline)) volatile int *leave_frame(void)
{
    volatile int local = 1;
    volatile int *volatile pointer = &local;

    return pointer;
}

static int return_local(void *arg)
{
    volatile int *local = leave_frame();

    (void)arg;
    if (coir_sleep(COIR_MILLISECOND) < 0)
        return 1;
    sink = *local;
    return 0;
}

static int point_at_own_stack(void *arg)
{
    volatile int local = 1;
    volatile int *volatile pointer = &local;

    (void)arg;
    dangling = pointer;
    return coir_sleep(COIR_MILLISECOND);
}

static int finished_stack(void *arg)
{
    int rc = run_culprit(point_at_own_stack);

    (void)arg;
    sink = *dangling;
    return rc;
}

static int keep_memory(void *arg)
{
    void *volatile lost = malloc(1000);

    (void)arg;
    return lost == NULL ? -ENOMEM : coir_sleep(COIR_MILLISECOND);
}

static int leaked_memory(void *arg)
{
    (void)arg;
    return run_culprit(keep_memory);
}

static int wait_for_nobody(void *arg)
{
    struct coir_channel *channel;
    void *item;

    (void)arg;
    return coir_channel_open(1, sizeof(item), &channel) < 0 ? 1 : coir_channel_receive(channel, &item);
}

static int leaked_task(void *arg)
{
    (void)arg;
    return run_culprit(wait_for_nobody);
}

static int leave_scope_open(void *arg)
{
    struct coir_scope *scope;

    (void)arg;
    return coir_scope_open(NULL, &scope) < 0 ? 1 : coir_spawn(scope, keep_memory, NULL, NULL);
}

static int open_scope(void *arg)
{
    (void)arg;
    return run_culprit(leave_scope_open);
}

static int use_stream(void *arg)
{
    (void)arg;
    return coir_write(stream, "x", 1);
}

static int adopt_stream(void)
{
    int ends[2];

    return socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0 ? 1 : coir_adopt(ends[0], NULL, &stream);
}

static int closed_stream(void *arg)
{
    (void)arg;
    if (adopt_stream() != 0)
        return 1;
    coir_close(stream);
    return run_culprit(use_stream);
}

static int use_from_there(void *arg)
{
    (void)arg;
    return run_culprit(use_stream);
}

static void *run_thief(void *arg)
{
    (void)!coir_run(use_from_there, NULL, NULL);
    return arg;
}

static int foreign_stream(void *arg)
{
    pthread_t thief;

    (void)arg;
    if (adopt_stream() != 0 || pthread_create(&thief, NULL, run_thief, NULL) != 0)
        return 1;
    return pthread_join(thief, NULL);
}

static int take_large_frame(void *arg)
{
    volatile char frame[48 * 1024];
    volatile char *volatile lowest = frame;

    (void)arg;
    *lowest = 1;
    return *lowest - 1;
}

static int large_frame(void *arg)
{
    (void)arg;
    return run_culprit(take_large_frame);
}

int main(int argc, char **argv)
{
    static const struct part {
        const char *name;
        int (*fn)(void *arg);
    } parts[] = {
        {"work", work},
        {"race", race},
        {"return_local", return_local},
        {"finished_stack", finished_stack},
        {"leaked_memory", leaked_memory},
        {"leaked_task", leaked_task},
        {"open_scope", open_scope},
        {"closed_stream", closed_stream},
        {"foreign_stream", foreign_stream},
        {"large_frame", large_frame},
    };

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        if (argc == 2 && strcmp(argv[1], parts[i].name) == 0)
            return coir_run(parts[i].fn, NULL, NULL) < 0;
    return 2;
}
