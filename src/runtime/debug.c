/* SPDX-License-Identifier: MIT
 *
 * The table for debuggers: see debug.h. It can be written, and so is in every
 * core file, because the list of runs is part of it.
 */
#include "runtime/debug.h"
#include "io/loop.h"
#include <pthread.h>

#define OFFSET(type, member)                                                                                           \
    {                                                                                                                  \
#type "." #member, (uint32_t)offsetof(struct type, member)                                                     \
    }
#define NUMBER(name)                                                                                                   \
    {                                                                                                                  \
#name, (uint32_t)(name)                                                                                        \
    }

#ifdef COIR_SWITCH_FPU
#define SWITCHES_FPU 1
#else
#define SWITCHES_FPU 0
#endif

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static struct debug_table table
    __attribute__((section(DEBUG_SECTION), used)) =
        {
            .magic = {'c', 'o', 'i', 'r', ' ', 'd', 'b', 'g'},
            .version = DEBUG_VERSION,
            .fact_size = sizeof(struct debug_fact),
            .runs = {&table.runs, &table.runs},
            .machine = COIR_CONTEXT_NAME,
            .facts =
                {
                    OFFSET(debug_run, link),
                    OFFSET(debug_run, loop),
                    OFFSET(loop, scheduler),
                    OFFSET(loop, endpoints),
                    OFFSET(scheduler, current),
                    OFFSET(scheduler, now),
                    OFFSET(scheduler, tick),
                    NUMBER(SCHEDULER_TICK_SHIFT),
                    OFFSET(scheduler, tasks),
                    OFFSET(scheduler, scopes),
                    OFFSET(scheduler, stacks),
                    OFFSET(slab, object_size),
                    OFFSET(slab, magic),
                    OFFSET(slab, live),
                    OFFSET(slab, chunks),
                    OFFSET(slab_chunk, slab),
                    OFFSET(slab_chunk, next),
                    OFFSET(slab_chunk, slots_made),
                    OFFSET(slab_header, magic),
                    OFFSET(task, name),
                    OFFSET(task, state),
                    OFFSET(task, background),
                    OFFSET(task, scope),
                    OFFSET(task, home),
                    OFFSET(task, wait.kind),
                    OFFSET(task, wait.object),
                    OFFSET(task, wait.since),
                    OFFSET(task, wait.timer.fire),
                    OFFSET(task, wait.timer.node.key),
                    OFFSET(task, first.fn),
                    OFFSET(task, context.stack_pointer),
                    OFFSET(task, context.stack_low),
                    OFFSET(task, context.stack_size),
                    OFFSET(wait_kind, name),
                    OFFSET(coir_scope, parent),
                    OFFSET(coir_scope, opener),
                    OFFSET(coir_scope, child_count),
                    OFFSET(coir_scope, name),
                    OFFSET(coir_scope, shield),
                    OFFSET(coir_scope, closing),
                    OFFSET(coir_scope, reached),
                    OFFSET(coir_scope, nearest),
                    OFFSET(endpoint, fd),
                    OFFSET(endpoint, flags),
                    OFFSET(endpoint, in.waiter),
                    OFFSET(endpoint, in.state),
                    OFFSET(endpoint, out.waiter),
                    OFFSET(endpoint, out.state),
                    NUMBER(TASK_READY),
                    NUMBER(TASK_CALLED),
                    NUMBER(TASK_RUNNING),
                    NUMBER(TASK_PARKED),
                    NUMBER(TASK_FINISHED),
                    NUMBER(COIR_SCOPE_CANCELLED),
                    NUMBER(COIR_SCOPE_EXPIRED),
                    NUMBER(COIR_SCOPE_DRAINING),
                    NUMBER(OPERATION_IDLE),
                    NUMBER(ENDPOINT_LINGERS),
                    NUMBER(SLAB_CHUNK_SIZE),
                    NUMBER(SLAB_FIRST_SLOT),
                    {"sizeof task", sizeof(struct task)},
                    {"sizeof coir_scope", sizeof(struct coir_scope)},
                    {"sizeof endpoint", sizeof(struct endpoint)},
                    NUMBER(SWITCHES_FPU),
                    {"", 0},
                },
};

void debug_enter(struct debug_run *run, struct loop *loop)
{
    run->loop = loop;
    pthread_mutex_lock(&lock);
    list_append(&table.runs, &run->link);
    pthread_mutex_unlock(&lock);
}

void debug_leave(struct debug_run *run)
{
    pthread_mutex_lock(&lock);
    list_remove(&run->link);
    pthread_mutex_unlock(&lock);
}

const struct debug_table *debug_table(void)
{
    return &table;
}
