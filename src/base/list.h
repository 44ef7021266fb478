/* SPDX-License-Identifier: MIT
 *
 * Intrusive lists: a doubly linked ring with a head, and a singly linked queue.
 * Neither owns nor allocates anything.
 */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

/** The struct of type `type` whose member `member` is at `pointer`. */
#define CONTAINER_OF(pointer, type, member) ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

struct list {
    struct list *next;
    struct list *previous;
};

static inline void list_init(struct list *list)
{
    list->next = list;
    list->previous = list;
}

static inline bool list_empty(const struct list *list)
{
    return list->next == list;
}

/** Puts `entry` before `position`; before the head means at the end. */
static inline void list_insert_before(struct list *position, struct list *entry)
{
    entry->next = position;
    entry->previous = position->previous;
    position->previous->next = entry;
    position->previous = entry;
}

static inline void list_append(struct list *head, struct list *entry)
{
    list_insert_before(head, entry);
}

/** Takes `entry` out; it is left pointing nowhere of use. */
static inline void list_remove(struct list *entry)
{
    entry->previous->next = entry->next;
    entry->next->previous = entry->previous;
}

/** Visits every entry; the body may remove the one it is at. */
#define LIST_FOR_EACH(entry, head)                                                                                     \
    for (struct list *entry = (head)->next, *entry##_next = entry->next; entry != (head);                              \
         entry = entry##_next, entry##_next = entry->next)

/** A link of a queue: in one queue at a time. */
struct queue_link {
    struct queue_link *next;
};

/** First in, first out. */
struct queue {
    struct queue_link *first;
    struct queue_link **end; /* where the next one is hooked in */
};

static inline void queue_init(struct queue *queue)
{
    queue->first = NULL;
    queue->end = &queue->first;
}

static inline bool queue_empty(const struct queue *queue)
{
    return queue->first == NULL;
}

static inline void queue_push(struct queue *queue, struct queue_link *link)
{
    link->next = NULL;
    *queue->end = link;
    queue->end = &link->next;
}

/** Takes all links out. Returns the first, which leads to the others; NULL when there is none. */
static inline struct queue_link *queue_take_all(struct queue *queue)
{
    struct queue_link *first = queue->first;

    queue_init(queue);
    return first;
}

#endif
