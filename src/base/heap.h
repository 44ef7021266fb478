/* SPDX-License-Identifier: MIT
 *
 * An intrusive pairing heap of moments: insert and decrease in O(1), take the
 * least in amortised O(log n), and nothing is ever allocated, so that setting
 * a timer cannot fail. Moments that are equal come out in any order.
 */
#ifndef BASE_HEAP_H
#define BASE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct heap_node {
    struct heap_node *child;
    struct heap_node *next;     /* sibling */
    struct heap_node *previous; /* sibling, or the parent where it is the first child; NULL: the root */
    int64_t key;
};

struct heap {
    struct heap_node *root; /* the least; NULL = empty */
};

static inline void heap_init(struct heap *heap)
{
    heap->root = NULL;
}

static inline bool heap_empty(const struct heap *heap)
{
    return heap->root == NULL;
}

/** The node with the least key, which stays in; NULL when there is none. */
static inline struct heap_node *heap_least(const struct heap *heap)
{
    return heap->root;
}

/** Puts `node`, which is in no heap, in with `key`. */
void heap_insert(struct heap *heap, struct heap_node *node, int64_t key);

/** Takes `node` out of the heap that it is in. */
void heap_remove(struct heap *heap, struct heap_node *node);

#endif
