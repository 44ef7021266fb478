/* SPDX-License-Identifier: MIT
 *
 * Reports: see report.h.
 */
#include "observe/report.h"
#include "observe/text.h"
#include <stdlib.h>

/* Of a million tasks, enough to see the pattern. */
#define TASKS_TOLD 1000

static void add_task(struct text *text, const struct task *task)
{
    text_add(text, "task \"");
    text_add(text, task->name[0] != '\0' ? task->name : "(unnamed)");
    text_add(text, "\"");
}

static void tell_wait(const struct task *task)
{
    struct text line = {.size = 0};

    text_add(&line, "coir:   ");
    add_task(&line, task);
    text_add(&line, " waits: ");
    text_add(&line, task->state == TASK_PARKED ? task->wait.kind->name : "nothing");
    if (task->background)
        text_add(&line, " (background)");
    text_add(&line, "\n");
    text_flush(&line);
}

void report_deadlock(struct loop *loop)
{
    const struct slab *tasks = &loop->scheduler.tasks;
    struct text line = {.size = 0};
    unsigned int told = 0;

    text_add(&line, "coir: deadlock: ");
    text_add_number(&line, tasks->live);
    text_add(&line, " task(s) wait, and nothing is left that could wake one\n");
    text_flush(&line);
    for (const struct task *task = slab_next(tasks, NULL); task != NULL && told < TASKS_TOLD;
         task = slab_next(tasks, task), told++)
        tell_wait(task);
    abort();
}

void report_assertion(const struct assert_site *site)
{
    struct text line = {.size = 0};

    text_add(&line, "coir: misuse: ");
    text_add(&line, site->condition);
    text_add(&line, ", at ");
    text_add(&line, site->file);
    text_add(&line, ":");
    text_add_number(&line, (uint64_t)site->line);
    text_add(&line, " in ");
    text_add(&line, site->function);
    if (scheduler_current != NULL && scheduler_current->current != NULL) {
        text_add(&line, ", ");
        add_task(&line, scheduler_current->current);
    }
    text_add(&line, "\n");
    text_flush(&line);
}

static const char *next_class(enum coir_stack_class class)
{
    switch (class) {
    case COIR_STACK_SMALL:
        return "COIR_STACK_DEFAULT";
    case COIR_STACK_DEFAULT:
        return "COIR_STACK_LARGE";
    case COIR_STACK_LARGE:
        return "COIR_STACK_HUGE";
    case COIR_STACK_HUGE:
        break;
    }
    return NULL;
}

void report_overflow(const struct scheduler *scheduler, const void *address)
{
    struct text line = {.size = 0};
    struct stack_site site;
    const char *larger;

    if (!stack_find(&scheduler->stacks, address, &site) || !site.in_guard || site.owner == NULL)
        return;
    text_add(&line, "coir: stack overflow: ");
    add_task(&line, site.owner);
    text_add(&line, " needs more than its stack of ");
    text_add_number(&line, site.size / 1024);
    text_add(&line, " KiB; ");
    larger = next_class(site.stack_class);
    if (larger == NULL) {
        text_add(&line, "no class is larger: use less of the stack\n");
    } else {
        text_add(&line, "spawn it with .stack = ");
        text_add(&line, larger);
        text_add(&line, " in coir_task_options (of the first task: coir_run_options)\n");
    }
    text_flush(&line);
}
