/* SPDX-License-Identifier: MIT
 *
 * Tasks: a function on its own stack, and the one way to suspend it.
 *
 * task_park() is the only function that suspends; everything that waits
 * reaches it. task_wake() only queues. A wait is described by a constant
 * wait_kind, so that cancelling, deadlines, drains and reports need no
 * knowledge of what is waited for.
 */
#ifndef TASK_TASK_H
#define TASK_TASK_H

#include "base/assert.h"
#include "base/list.h"
#include "base/slab.h"
#include "context/context.h"
#include "stack/stack.h"
#include "task/scheduler.h"
#include "task/scope.h"
#include "task/timer.h"
#include <coir/task.h>

/** Suspending calls that a task may finish in one turn before it gives way. */
#define TASK_TURN_BUDGET 16
/** Failing calls in a row, without a success, that count as a livelock. */
#define TASK_LIVELOCK 1000

/** Bytes of a parked stack that its task comes back through before it calls anything. As many are left free at the top
 * of each stack, so that there are always so many to touch. */
#define TASK_WARM_SIZE 256

/** What task_park() returns for a wait that was ended by its own deadline or
 * by a drain, not by its scope: the caller looks again at what it waits for. */
#define WAIT_RECONSIDER (-EINTR)

/** From settle(): what was waited for is not there after all. */
#define WAIT_UNSETTLED (-EAGAIN)

enum task_state {
    TASK_READY,   /* in the ready queue */
    TASK_CALLED,  /* there too, but wait.kind->settle decides whether it runs */
    TASK_RUNNING, /* the scheduler's current one */
    TASK_PARKED,
    TASK_FINISHED,
};

/** Who ended a wait before what it waited for came. */
enum wait_end {
    WAIT_GOES_ON,
    WAIT_ENDED_BY_SCOPE,
    WAIT_ENDED_BY_DEADLINE,
    WAIT_ENDED_BY_DRAIN,
};

/** A kind of wait: constants. */
struct wait_kind {
    const char *name; /* "sleep", "receive": for reports */
    /* Sees to it that the task is woken, soon, with WAIT_RECONSIDER or with a
     * result that came first. NULL: the wait cannot be ended early. */
    void (*cancel)(struct task *task);
    /* Called when the turn of a task woken by task_wake_to_settle() has come,
     * on whichever stack hands on to it. Returns what task_park() is to
     * return, or WAIT_UNSETTLED: the task goes on waiting. */
    int (*settle)(struct scheduler *scheduler, struct task *task);
    bool heeds_drain; /* a drain of its scope ends the wait */
};

/** What a task waits for. */
struct wait {
    const struct wait_kind *kind; /* while PARKED */
    void *object;                 /* of the kind: an operation, a channel */
    void *item;                   /* likewise: what it brings or takes */
    struct timer timer;           /* the wait's own deadline */
    int result;                   /* of task_park() */
    uint32_t since;               /* the scheduler's tick when it began, for debuggers */
};

struct task {
    struct slab_header header;
    union {
        struct queue_link ready; /* while READY */
        struct list waiting;     /* while PARKED: for whoever keeps a list of waiters */
    };
    struct context context;
    struct stack stack;
    struct coir_scope *scope; /* the innermost one that it is inside */
    struct coir_scope *home;  /* the one that it was spawned into */
    struct list sibling;      /* in home's children */
    int *ret_result;
    struct local_value *locals;
    union {
        struct wait wait; /* from its first turn on */
        struct {
            int (*fn)(void *arg); /* until then; what follows in `wait` is valid all the time */
            void *arg;
        } first;
    };
    uint8_t state;            /* enum task_state */
    int8_t budget;            /* suspending calls left in this turn */
    int8_t budget_at_failure; /* what the last call that was refused left; less now: one was not, since */
    uint8_t wait_end;         /* enum wait_end: what has ended the wait early */
    uint16_t failures_in_row; /* calls refused since the last that was not */
    bool background;
    char name[32];
};

_Static_assert(sizeof(struct task) <= 256, "a task is promised to take at most 256 bytes");

/** Starts a task in `scope`, whatever the scope's state. `options` is not NULL. Returns 0, -ENOMEM or -EINVAL as
 * coir_spawn(). */
int task_start(struct scheduler *scheduler, struct coir_scope *scope, int (*fn)(void *arg), void *arg,
               const struct coir_task_options *options);

/** Makes a parked task ready; task_park() will return `result`. One that is ready already gets the new result. */
void task_wake(struct task *task, int result);

/**
 * Touches what a parked task comes back through. With thousands of sessions
 * each one's stack is cold, and out of the TLB too. Events come many at a time:
 * touched as they are taken in, the walks of the page tables overlap, where at
 * each task's turn its switch would wait for its own. Loads, not prefetches:
 * those are dropped where the page is not in the TLB.
 */
static inline void task_warm_up(const struct task *task)
{
    const volatile char *begin = task->context.stack_pointer;

    if (sanitizer_watches_switches())
        return; /* there are red zones on the way */
#pragma GCC unroll 8
    for (size_t i = 0; i < TASK_WARM_SIZE; i += 64)
        (void)begin[i];
}

/** Makes a parked task ready, but asks its wait's settle() first when its turn has come. */
static inline void task_wake_to_settle(struct scheduler *scheduler, struct task *task)
{
    task->state = TASK_CALLED;
    queue_push(&scheduler->ready, &task->ready);
    task_warm_up(task);
}

/** Ends the task's wait early, if it is in one that can be. */
void task_interrupt(struct task *task, enum wait_end end);

/** Puts the calling task behind all others that are ready; cannot be cancelled. Returns 0. */
int task_give_way(void);

/** The rest of task_enter(): the scope wants attention, or the budget is spent. */
int task_enter_slowly(struct task *task, const struct slab_header *object);

/** Sets the timer that ends the task's wait. */
void task_set_deadline(struct scheduler *scheduler, struct task *task, coir_time deadline);

/** Goes on in whoever is next; the rest of task_park(), and of nothing else. Returns what task_park() does. */
int task_switch_away(struct scheduler *scheduler, struct task *task);

/** task_park() where the scheduler is at hand. */
static inline int task_park_here(struct scheduler *scheduler, const struct wait_kind *kind, void *object,
                                 coir_time deadline)
{
    struct task *task = scheduler->current;

    DEBUG_ASSERT(task->state == TASK_RUNNING);
    task->wait.kind = kind;
    task->wait.object = object;
    task->wait.since = scheduler->tick;
    task->wait_end = WAIT_GOES_ON;
    task->state = TASK_PARKED;
    if (UNLIKELY(deadline != COIR_FOREVER))
        task_set_deadline(scheduler, task, deadline);
    return task_switch_away(scheduler, task);
}

/**
 * Suspends the calling task until task_wake(), or until something ends the wait
 * early. `deadline`: COIR_FOREVER = none.
 *
 * Returns: what it was woken with; or -ECANCELED, -ETIME: its scope ended the
 *          wait; or WAIT_RECONSIDER: the deadline or a drain did.
 */
static inline int task_park(const struct wait_kind *kind, void *object, coir_time deadline)
{
    return task_park_here(scheduler_current, kind, object, deadline);
}

/** task_park() for what only another task can bring: when every task waits so, nothing can wake any of them. */
static inline int task_park_for_tasks(const struct wait_kind *kind, void *object)
{
    struct scheduler *scheduler = scheduler_current;
    uint64_t counts = !scheduler->current->background;
    int rc;

    scheduler->waits_for_tasks += counts;
    rc = task_park(kind, object, COIR_FOREVER);
    scheduler->waits_for_tasks -= counts;
    return rc;
}

/** Makes `task` the running one. */
static inline void task_run(struct scheduler *scheduler, struct task *task)
{
    task->state = TASK_RUNNING;
    task->budget = TASK_TURN_BUDGET;
    scheduler->switches++;
    scheduler->current = task;
}

/** task_run(); returns what the switch to the task must pass: the result of what it waited for. */
static inline int task_begin_turn(struct scheduler *scheduler, struct task *task)
{
    int result = task->wait.result;

    if (UNLIKELY(result == WAIT_RECONSIDER) && task->wait_end == WAIT_ENDED_BY_SCOPE)
        result = scope_stops(task->scope);
    task_run(scheduler, task);
    return result;
}

/** Begins a round of turns for the tasks that are ready; false: there are none, or the loop must look at the kernel. */
static inline bool scheduler_begin_turn(struct scheduler *scheduler)
{
    if (scheduler->switches >= scheduler->look_at || queue_empty(&scheduler->ready))
        return false;
    scheduler->turns++;
    scheduler->round_size = scheduler->switches - scheduler->round_begin;
    scheduler->round_begin = scheduler->switches;
    scheduler->turn = queue_take_all(&scheduler->ready);
    return true;
}

/** Asks the wait of a CALLED task whose turn has come whether it is over; then its result is set. Returns false: the
 * task goes on waiting. */
static inline bool task_settle(struct scheduler *scheduler, struct task *task)
{
    int result = task->wait.kind->settle(scheduler, task);

    if (UNLIKELY(result == WAIT_UNSETTLED)) {
        task->state = TASK_PARKED;
        return false;
    }
    task->wait.result = result;
    timer_clear(scheduler, &task->wait.timer);
    return true;
}

/** Takes the next task whose turn it is, which may have to be settled first; NULL where only the loop can go on. */
static inline struct task *scheduler_take(struct scheduler *scheduler)
{
    struct queue_link *link;

    if (scheduler->turn == NULL && !scheduler_begin_turn(scheduler))
        return NULL;
    link = scheduler->turn;
    scheduler->turn = link->next;
    return CONTAINER_OF(link, struct task, ready);
}

/** Takes the next task that is to run; NULL where only the loop can go on. */
struct task *scheduler_next(struct scheduler *scheduler);

/** Ends the calling task, whose function has returned wait.result. */
_Noreturn void scheduler_end_task(struct scheduler *scheduler, struct task *task);

static inline bool task_is_running(void)
{
    return scheduler_current != NULL && scheduler_current->current != NULL;
}

/**
 * What every suspending call begins with: the entry check of the scope, and
 * the turn budget, which may suspend the caller. `object`: the handle that the
 * call is about, which may be closed meanwhile; NULL = none. A task must be
 * running, which the public calls have asked.
 *
 * Returns: 0; -ECANCELED, -ETIME the scope; -EBADF the object was closed.
 */
static inline int task_enter(const struct slab_header *object)
{
    struct task *task = scheduler_current->current;

    task->budget--;
    if (LIKELY(task->budget >= 0 && !task->scope->needs_check))
        return 0;
    return task_enter_slowly(task, object);
}

/**
 * Between the operations of one call: the scope may have been stopped since
 * the entry check, and would not stop an operation that begins after that.
 *
 * Returns: 0, -ECANCELED or -ETIME.
 */
static inline int task_proceed(void)
{
    struct coir_scope *scope = scheduler_current->current->scope;

    return UNLIKELY(scope->needs_check) ? scope_check(scheduler_current, scope) : 0;
}

/** Gives back what the running task's last call has cost of its budget. */
static inline void task_spare(struct scheduler *scheduler)
{
    scheduler->current->budget++;
}

/** Makes the running task give way sooner, but not before it has made `spared` more calls: it did the work of `calls`.
 */
static inline void task_charge(struct scheduler *scheduler, int calls, int spared)
{
    struct task *task = scheduler->current;
    int least = task->budget < spared ? task->budget : spared;

    task->budget = (int8_t)(task->budget - calls > least ? task->budget - calls : least);
}

#endif
