/* SPDX-License-Identifier: MIT
 *
 * Bare coroutines. The object lies at the top of its own stack, so that making
 * one is a single mapping. Resume and yield end in a jump into the switch:
 * nothing may come after it, and the checks before it are few.
 */
#include <coir/coroutine.h>

#include "base/assert.h"
#include "context/context.h"
#include "stack/stack.h"
#include <errno.h>

#define STACK_SIZE_DEFAULT ((size_t)64 * 1024)
#define STACK_SIZE_LEAST ((size_t)16 * 1024)
#define STACK_SIZE_MOST ((size_t)1024 * 1024 * 1024)

struct coir_coroutine {
    enum coir_coroutine_status status; /* with the next three in one cache line */
    unsigned int stack_name;
    struct context context; /* while it is suspended */
    struct context resumer; /* while it is running: whoever resumed it */
    void *(*fn)(struct coir_coroutine *self, void *value, void *arg);
    void *arg;
};

/* At the top of the stack; a multiple of cache lines. */
#define RESERVED_SIZE ((sizeof(struct coir_coroutine) + 63) / 64 * 64)

/* Create enters it once with the coroutine as the value, as the first resume passes something else. */
static void run_coroutine(void *value)
{
    struct coir_coroutine *self = value;
    void *result;

    context_entered(&self->context, "coroutine");
    value = context_switch(&self->context, &self->resumer, NULL);
    result = self->fn(self, value, self->arg);
    self->status = COIR_COROUTINE_FINISHED;
    context_leave(&self->context, &self->resumer, result);
}

static size_t choose_stack_size(const struct coir_coroutine_options *options)
{
    size_t size = STACK_SIZE_DEFAULT;

    if (options != NULL && options->stack_size != 0)
        size = options->stack_size;
    return stack_round_size(size < STACK_SIZE_LEAST ? STACK_SIZE_LEAST : size);
}

int coir_coroutine_create(void *(*fn)(struct coir_coroutine *self, void *value, void *arg), void *arg,
                          const struct coir_coroutine_options *options, struct coir_coroutine **ret_coroutine)
{
    struct coir_coroutine *coroutine;
    unsigned int stack_name;
    size_t size;
    void *low;
    int rc;

    ASSERT(fn != NULL);
    ASSERT(ret_coroutine != NULL);
    if (options != NULL && options->stack_size > STACK_SIZE_MOST)
        return -EINVAL;
    size = choose_stack_size(options);
    rc = stack_map(size, &low, &stack_name);
    if (rc < 0)
        return rc;
    coroutine = (struct coir_coroutine *)(void *)((char *)low + size - RESERVED_SIZE);
    coroutine->status = COIR_COROUTINE_SUSPENDED;
    coroutine->stack_name = stack_name;
    coroutine->fn = fn;
    coroutine->arg = arg;
    context_init(&coroutine->context, low, size, RESERVED_SIZE, run_coroutine);
    (void)context_switch(&coroutine->resumer, &coroutine->context, coroutine);
    *ret_coroutine = coroutine;
    return 0;
}

void *coir_coroutine_resume(struct coir_coroutine *coroutine, void *value)
{
    ASSERT(coroutine != NULL && coroutine->status == COIR_COROUTINE_SUSPENDED);
    coroutine->status = COIR_COROUTINE_RUNNING;
    return context_switch(&coroutine->resumer, &coroutine->context, value);
}

/* True on the coroutine's own stack: it runs, and has not resumed another which runs now. */
static inline bool is_inside(const struct coir_coroutine *coroutine)
{
    return (uintptr_t)__builtin_frame_address(0) - (uintptr_t)coroutine->context.stack_low <
           coroutine->context.stack_size;
}

void *coir_coroutine_yield(struct coir_coroutine *self, void *value)
{
    ASSERT(self != NULL && is_inside(self));
    self->status = COIR_COROUTINE_SUSPENDED;
    return context_switch(&self->context, &self->resumer, value);
}

enum coir_coroutine_status coir_coroutine_status(const struct coir_coroutine *coroutine)
{
    ASSERT(coroutine != NULL);
    return coroutine->status;
}

void coir_coroutine_destroy(struct coir_coroutine *coroutine)
{
    unsigned int stack_name;
    void *low;
    size_t size;

    if (coroutine == NULL)
        return;
    ASSERT(coroutine->status != COIR_COROUTINE_RUNNING);
    if (coroutine->status == COIR_COROUTINE_SUSPENDED)
        context_drop(&coroutine->context);
    low = (void *)(uintptr_t)coroutine->context.stack_low;
    size = coroutine->context.stack_size;
    stack_name = coroutine->stack_name;
    stack_unmap(low, size, stack_name);
}
