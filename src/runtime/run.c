/* SPDX-License-Identifier: MIT
 *
 * coir_run(): puts the parts together, and the only file that names engines
 * and schemes.
 */
#include "base/assert.h"
#include "engine/epoll/epoll.h"
#include "engine/poll/poll.h"
#include "io/linger.h"
#include "io/loop.h"
#include "kernel/kernel.h"
#include "net/net.h"
#include "observe/report.h"
#include "runtime/debug.h"
#include "runtime/fault.h"
#include <coir/error.h>
#include <coir/run.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct engine_choice {
    enum coir_engine number;
    const char *name; /* for the environment */
    struct engine *(*create)(void);
    void (*destroy)(struct engine *engine);
};

/* The best first. */
static const struct engine_choice engines[] = {
    {COIR_ENGINE_EPOLL, "epoll", epoll_engine_create, epoll_engine_destroy},
    {COIR_ENGINE_POLL, "poll", poll_engine_create, poll_engine_destroy},
};

static const struct scheme *const schemes[] = {&scheme_tcp, &scheme_udp, &scheme_unix, &scheme_fd, NULL};

struct runtime {
    struct loop loop;
    struct net net;
    const struct engine_choice *choice;
    const char *reason;
    struct fault_watch faults;
    struct debug_run debug;
    sigset_t signals; /* the thread's mask before */
};

/* Readies the loop on one engine. */
static int try_engine(struct runtime *runtime, const struct engine_choice *choice, uint64_t byte_budget)
{
    struct engine *engine = choice->create();
    int rc;

    if (engine == NULL)
        return -ENOMEM;
    rc = loop_init(&runtime->loop, engine, byte_budget);
    if (rc < 0)
        choice->destroy(engine);
    else
        runtime->choice = choice;
    return rc;
}

/* The kernel lacks what the engine needs, or a sandbox denies it. */
static bool is_no_engine_here(int error)
{
    return error == -ENOSYS || error == -EPERM || error == -EACCES;
}

static bool is_asked_for(const struct engine_choice *choice, enum coir_engine wanted, const char *name)
{
    if (wanted != COIR_ENGINE_AUTO)
        return choice->number == wanted;
    return name == NULL || strcmp(choice->name, name) == 0;
}

/* What the environment asks for; NULL = nothing. */
static const char *engine_of_environment(void)
{
    const char *name = getenv("COIR_ENGINE");

    return name == NULL || name[0] == '\0' || strcmp(name, "auto") == 0 ? NULL : name;
}

/* The engine asked for, by option or by the environment; else the first that works. */
static int choose_engine(struct runtime *runtime, const struct coir_run_options *options)
{
    const char *name = engine_of_environment();
    int rc = -EINVAL;

    if (options->engine != COIR_ENGINE_AUTO)
        runtime->reason = "it was asked for";
    else if (name != NULL)
        runtime->reason = "the environment's COIR_ENGINE asks for it";
    else
        runtime->reason = "it is the best one that works here";
    for (size_t i = 0; i < sizeof(engines) / sizeof(engines[0]); i++) {
        if (!is_asked_for(&engines[i], options->engine, name))
            continue;
        rc = try_engine(runtime, &engines[i], options->byte_budget);
        if (!is_no_engine_here(rc))
            break;
    }
    return rc;
}

static int start_runtime(struct runtime *runtime, const struct coir_run_options *options)
{
    int rc = choose_engine(runtime, options);

    if (rc < 0)
        return rc;
    runtime->loop.net = &runtime->net;
    runtime->loop.deadlock = report_deadlock;
    net_init(&runtime->net, &runtime->loop, schemes);
    assert_set_reporter(report_assertion);
    runtime->faults = (struct fault_watch){.watches = false};
    if (!options->leave_fault_signals)
        rc = fault_watch(&runtime->faults);
    if (rc == 0)
        rc = kernel_signal_mask(SIG_BLOCK, NULL, &runtime->signals);
    return rc;
}

static void end_runtime(struct runtime *runtime)
{
    struct engine *engine = runtime->loop.engine;

    fault_unwatch(&runtime->faults);
    net_done(&runtime->net, &runtime->loop);
    loop_done(&runtime->loop);
    runtime->choice->destroy(engine);
}

/* Whoever forgets one of these reads its name in the report. */
static void assert_all_closed(const struct runtime *runtime)
{
    bool every_slice_was_released = runtime->loop.slices_out == 0;
    bool every_stream_was_closed = runtime->loop.streams.live == 0;
    bool every_listener_was_closed = runtime->net.listeners.live == 0;
    bool every_datagram_socket_was_closed = runtime->net.datagram_sockets.live == 0;
    bool every_channel_was_closed = runtime->loop.scheduler.waitables.live == 0;

    ASSERT(every_slice_was_released);
    ASSERT(every_stream_was_closed);
    ASSERT(every_listener_was_closed);
    ASSERT(every_datagram_socket_was_closed);
    ASSERT(every_channel_was_closed);
}

/* Runs the first task, and with it all others. */
static int run_first_task(struct runtime *runtime, int (*fn)(void *arg), void *arg, enum coir_stack_class stack)
{
    struct scheduler *scheduler = &runtime->loop.scheduler;
    struct coir_scope *root = scope_open_root(scheduler);
    int result = 0;
    struct coir_task_options options = {.name = "main", .stack = stack, .ret_result = &result};
    int rc = root == NULL ? -ENOMEM : task_start(scheduler, root, fn, arg, &options);

    if (rc == 0) {
        loop_run(&runtime->loop);
        assert_all_closed(runtime);
    }
    if (root != NULL)
        scope_close_root(scheduler, root);
    return rc < 0 ? rc : result;
}

int coir_run(int (*fn)(void *arg), void *arg, const struct coir_run_options *options)
{
    static const struct coir_run_options defaults;
    struct runtime runtime = {.choice = NULL};
    int rc;

    ASSERT(scheduler_current == NULL); /* not inside another coir_run() on this thread */
    ASSERT(fn != NULL);
    if (options == NULL)
        options = &defaults;
    rc = start_runtime(&runtime, options);
    if (rc == 0) {
        debug_enter(&runtime.debug, &runtime.loop);
        rc = run_first_task(&runtime, fn, arg, options->stack);
        debug_leave(&runtime.debug);
        (void)kernel_signal_mask(SIG_SETMASK, &runtime.signals, NULL);
    }
    if (runtime.choice != NULL)
        end_runtime(&runtime);
    return rc;
}

static struct runtime *runtime_current(void)
{
    return CONTAINER_OF(loop_current(), struct runtime, loop);
}

int coir_run_info(struct coir_run_info *ret_info)
{
    ASSERT(task_is_running());
    ASSERT(ret_info != NULL);
    const struct runtime *runtime = runtime_current();
    const struct loop *loop = &runtime->loop;

    *ret_info = (struct coir_run_info){
        .engine = loop->engine->table->name,
        .engine_reason = runtime->reason,
        .tasks_live = loop->scheduler.tasks.live,
        .tasks_spawned = loop->scheduler.tasks_spawned,
        .switches = loop->scheduler.switches,
        .turns = loop->scheduler.turns,
        .waits = loop->waits,
        .receive_calls = loop->receive_calls,
        .send_calls = loop->send_calls,
        .accept_calls = loop->accept_calls,
        .register_calls = loop->register_calls,
        .stale_events = loop->stale_events,
        .livelocks = loop->scheduler.livelocks,
        .lingering = loop->lingering,
        .slices_out = loop->slices_out,
        .buffer_bytes = buffers_lent_bytes(&loop->buffers),
        .stack_bytes = stack_reserved(&loop->scheduler.stacks),
        .stack_guard = loop->scheduler.stacks.guard == STACK_GUARD_MARKERS ? "markers" : "mappings",
    };
    return 0;
}

void coir_linger_stop(void)
{
    ASSERT(task_is_running());
    linger_stop_all(loop_current());
}

const char *coir_address_flaw(const char *uri)
{
    ASSERT(uri != NULL);
    return address_flaw_text(scheme_check(schemes, uri));
}

const char *coir_version(void)
{
    return COIR_VERSION;
}
