/* SPDX-License-Identifier: MIT
 *
 * The pairing heap. Entry points: heap_insert(), heap_remove().
 *
 * Invariants: no child's key is less than its parent's; the root has neither
 * siblings nor a `previous`. A million sleepers may form a list a million
 * nodes long or deep, so everything here is a loop, never recursion.
 */
#include "base/heap.h"
#include "base/assert.h"

/* Joins two trees; of equal keys the first stays on top. */
static struct heap_node *join_trees(struct heap_node *first, struct heap_node *second)
{
    struct heap_node *top = first->key <= second->key ? first : second;
    struct heap_node *under = top == first ? second : first;

    under->next = top->child;
    if (under->next != NULL)
        under->next->previous = under;
    under->previous = top;
    top->child = under;
    top->next = NULL;
    top->previous = NULL;
    return top;
}

/* Joins siblings two by two from the left; returns the pairs, the last first, linked by `next`. */
static struct heap_node *join_pairs(struct heap_node *first)
{
    struct heap_node *pairs = NULL;

    while (first != NULL) { /* ends: each turn takes at least one off the list */
        struct heap_node *second = first->next;
        struct heap_node *rest = second != NULL ? second->next : NULL;
        struct heap_node *pair = second != NULL ? join_trees(first, second) : first;

        pair->next = pairs;
        pairs = pair;
        first = rest;
    }
    return pairs;
}

/* Makes one tree of a list of siblings: this order of joining gives the amortised O(log n). */
static struct heap_node *join_siblings(struct heap_node *first)
{
    struct heap_node *tree = join_pairs(first);
    struct heap_node *rest;

    if (tree == NULL)
        return NULL;
    rest = tree->next;
    tree->next = NULL;
    tree->previous = NULL;
    while (rest != NULL) { /* ends: as above */
        struct heap_node *pair = rest;

        rest = pair->next;
        tree = join_trees(tree, pair);
    }
    return tree;
}

/* Takes a node that is not the root out of its parent's list of children. */
static void cut_out(struct heap_node *node)
{
    if (node->previous->child == node)
        node->previous->child = node->next;
    else
        node->previous->next = node->next;
    if (node->next != NULL)
        node->next->previous = node->previous;
}

void heap_insert(struct heap *heap, struct heap_node *node, int64_t key)
{
    node->child = NULL;
    node->next = NULL;
    node->previous = NULL;
    node->key = key;
    heap->root = heap->root == NULL ? node : join_trees(heap->root, node);
}

void heap_remove(struct heap *heap, struct heap_node *node)
{
    struct heap_node *orphans;

    ASSERT(heap->root == node || node->previous != NULL); /* else it is in no heap, or the root of another */
    orphans = join_siblings(node->child);
    if (heap->root == node) {
        heap->root = orphans;
        return;
    }
    cut_out(node);
    node->previous = NULL; /* so that taking it out twice is noticed */
    if (orphans != NULL)
        heap->root = join_trees(heap->root, orphans);
}
