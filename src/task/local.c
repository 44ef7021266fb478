/* SPDX-License-Identifier: MIT
 *
 * Task-local values: see coir/task.h. A list, because a task keeps a handful.
 */
#include "task/local.h"
#include "base/alloc.h"
#include "task/task.h"
#include <errno.h>

struct local_value {
    const struct coir_local *key;
    void *value;
    struct local_value *next;
};

/* Where the key's value is hooked in, or the end of the list. */
static struct local_value **find_local(struct task *task, const struct coir_local *key)
{
    struct local_value **hook = &task->locals;

    while (*hook != NULL && (*hook)->key != key)
        hook = &(*hook)->next;
    return hook;
}

static int add_local(struct task *task, const struct coir_local *key, void *value)
{
    struct local_value *local = alloc_bytes(sizeof(*local));

    if (local == NULL)
        return -ENOMEM;
    *local = (struct local_value){.key = key, .value = value, .next = task->locals};
    task->locals = local;
    return 0;
}

int coir_local_set(const struct coir_local *key, void *value)
{
    ASSERT(task_is_running());
    ASSERT(key != NULL);
    struct task *task = scheduler_current->current;
    struct local_value **hook = find_local(task, key);
    struct local_value *local = *hook;

    if (local == NULL)
        return value == NULL ? 0 : add_local(task, key, value);
    local->value = value;
    if (value == NULL) {
        *hook = local->next;
        alloc_free(local);
    }
    return 0;
}

int coir_local_get(const struct coir_local *key, void **ret_value)
{
    ASSERT(task_is_running());
    ASSERT(key != NULL && ret_value != NULL);
    const struct local_value *local = *find_local(scheduler_current->current, key);

    if (local == NULL)
        return -ENOENT;
    *ret_value = local->value;
    return 0;
}

void local_destroy_all(struct task *task)
{
    struct local_value *local;

    while ((local = task->locals) != NULL) {
        task->locals = local->next;
        if (local->key->destroy != NULL)
            local->key->destroy(local->value);
        alloc_free(local);
    }
}
