/* SPDX-License-Identifier: MIT
 *
 * The event loop: run the tasks that are ready, let the engine wait until the
 * next deadline, tell the scheduler the time, repeat. And the way from a task
 * to an operation.
 */
#ifndef IO_LOOP_H
#define IO_LOOP_H

#include "base/slab.h"
#include "io/buffer.h"
#include "io/engine.h"
#include "task/task.h"

struct net;

struct loop {
    struct scheduler scheduler;
    struct engine *engine;
    struct slab endpoints;
    struct buffers buffers;
    struct net *net;     /* of the room above, which alone looks inside */
    struct slab streams; /* its too: here, whose stream one is can be told without looking at anything of the loop */
    uint64_t lingering;  /* endpoints */
    uint64_t slices_out;
    coir_time trim_at;                   /* when to look at idle stacks; COIR_FOREVER = not at all */
    uint64_t stacks_freed;               /* when last asked whether to look at idle ones */
    void (*deadlock)(struct loop *loop); /* reports that nothing can wake any task; does not return */
    uint64_t waits;
    uint64_t receive_calls;
    uint64_t send_calls;
    uint64_t accept_calls;
    uint64_t register_calls;
    uint64_t stale_events;
};

_Static_assert(offsetof(struct loop, scheduler) == 0, "a scheduler's address is its loop's, or NULL for both");

/** The calling thread's loop; NULL where nothing runs. */
static inline struct loop *loop_current(void)
{
    return (struct loop *)(void *)scheduler_current;
}

/** Where `member` of the calling thread's loop is, or nothing where there is no loop: to be compared with, before it is
 * known that there is one. Of integers: &loop_current()->member means to a compiler that there is, whatever is asked
 * after it. */
#define LOOP_MEMBER(member) ((const void *)((uintptr_t)scheduler_current + offsetof(struct loop, member)))

#define ENDPOINT_MAGIC 0x656e6470u

/** Prepares a loop on `engine`, whose table is set and which this readies. Returns 0 or a negative errno. */
int loop_init(struct loop *loop, struct engine *engine, uint64_t byte_budget);
void loop_done(struct loop *loop);

/** Turns until no task is left and nothing lingers. */
void loop_run(struct loop *loop);

/** What operation_await() returns when the endpoint was closed meanwhile. */
#define OPERATION_GONE (-EBADFD)

/** Begins the operation, whose memory and size are set. Returns its result, or OPERATION_PENDING: operation_wait() is
 * to follow. */
static inline int operation_begin(struct loop *loop, struct endpoint *endpoint, struct operation *operation,
                                  enum operation_kind kind)
{
    struct engine *engine = loop->engine;

    DEBUG_ASSERT(operation->state == OPERATION_IDLE); /* the public calls have asked: -EBUSY */
    operation->kind = (uint8_t)kind;
    return engine->table->start[kind](engine, endpoint, operation);
}

/** Waits for an operation that has begun. Returns as operation_await(). */
static inline int operation_wait(struct loop *loop, struct endpoint *endpoint, struct operation *operation,
                                 coir_time deadline)
{
    struct task *task = loop->scheduler.current;
    int result;

    operation->waiter = task;
    task->wait.item = endpoint;
    result = task_park_here(&loop->scheduler, &loop->engine->table->waits[operation->kind], operation, deadline);
    if (LIKELY(result >= 0) || result != OPERATION_GONE)
        operation->state = OPERATION_IDLE;
    return result;
}

/**
 * Performs the operation of `endpoint` whose kind, memory and size are set,
 * and waits until it is done. `deadline`: COIR_FOREVER = none.
 *
 * Returns: its result; -ECANCELED, -ETIME the scope; WAIT_RECONSIDER the
 *          deadline or a drain; OPERATION_GONE the endpoint was closed: do not
 *          touch it again.
 */
static inline int operation_await(struct endpoint *endpoint, struct operation *operation, coir_time deadline)
{
    struct loop *loop = loop_current();
    int result = operation_begin(loop, endpoint, operation, operation->kind);

    return UNLIKELY(result == OPERATION_PENDING) ? operation_wait(loop, endpoint, operation, deadline) : result;
}

/** For the cancel() of an engine's waits: has the engine cancel the operation that the task waits for. */
void operation_cancel_wait(struct task *task);

/** For engines: the operation is over. Wakes its waiter. */
void operation_complete(struct loop *loop, struct endpoint *endpoint, struct operation *operation, int result);

/** The endpoint is going away: whoever waits for the operation, if anybody does, is woken with OPERATION_GONE. */
void operation_abandon(struct operation *operation);

#endif
