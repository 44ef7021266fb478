/* SPDX-License-Identifier: MIT
 *
 * The heap against a sorted array, in size, and misused.
 */
#include "base/heap.h"
#include "support/test.h"
#include <stdlib.h>
#include <string.h>

#define MANY ((size_t)1000000)

/* Checks order and links of the whole heap, without recursion; returns its size. */
static size_t check_heap(const struct heap *heap)
{
    const struct heap_node *node = heap->root;
    size_t size = 0;

    if (node != NULL) {
        assert_null(node->previous);
        assert_null(node->next);
    }
    while (node != NULL) {
        size++;
        if (node->child != NULL) {
            assert_ptr_equal(node->child->previous, node);
            assert_true(node->child->key >= node->key);
            node = node->child;
            continue;
        }
        while (node != NULL && node->next == NULL) { /* up: to the first sibling, then to its parent */
            while (node->previous != NULL && node->previous->child != node)
                node = node->previous;
            node = node->previous;
        }
        if (node != NULL) {
            const struct heap_node *parent = node;

            assert_ptr_equal(node->next->previous, node);
            while (parent->previous->child != parent)
                parent = parent->previous;
            assert_true(node->next->key >= parent->previous->key);
            node = node->next;
        }
    }
    return size;
}

static int64_t take_least(struct heap *heap)
{
    struct heap_node *least = heap_least(heap);

    assert_non_null(least);
    heap_remove(heap, least);
    return least->key;
}

TEST(empty_heap_has_no_least)
{
    struct heap heap;

    heap_init(&heap);
    assert_true(heap_empty(&heap));
    assert_null(heap_least(&heap));
}

TEST(least_comes_out_first_whatever_the_order_in)
{
    static const int64_t keys[] = {5, 3, 9, 3, INT64_MIN, 7, INT64_MAX, 0, -1};
    static const int64_t sorted[] = {INT64_MIN, -1, 0, 3, 3, 5, 7, 9, INT64_MAX};
    struct heap_node nodes[9];
    struct heap heap;

    heap_init(&heap);
    for (size_t i = 0; i < 9; i++)
        heap_insert(&heap, &nodes[i], keys[i]);
    assert_false(heap_empty(&heap));
    for (size_t i = 0; i < 9; i++)
        assert_true(take_least(&heap) == sorted[i]);
    assert_true(heap_empty(&heap));
}

TEST(any_node_can_be_taken_out)
{
    struct heap_node nodes[64];

    for (size_t out = 0; out < 64; out++) {
        struct heap heap;

        heap_init(&heap);
        for (size_t i = 0; i < 64; i++)
            heap_insert(&heap, &nodes[i], (int64_t)(i * 37 % 64));
        heap_remove(&heap, heap_least(&heap)); /* gives it some depth */
        if (nodes[out].key != 0)
            heap_remove(&heap, &nodes[out]);
        assert_int_equal(check_heap(&heap), nodes[out].key != 0 ? 62 : 63);
        for (int64_t key = 1; key < 64; key++)
            if (key != nodes[out].key)
                assert_true(take_least(&heap) == key);
    }
}

/* The model: keys in ascending order. */
struct model {
    int64_t keys[600];
    size_t count;
};

static void model_insert(struct model *model, int64_t key)
{
    size_t at = model->count++;

    for (; at > 0 && model->keys[at - 1] > key; at--)
        model->keys[at] = model->keys[at - 1];
    model->keys[at] = key;
}

static void model_remove(struct model *model, int64_t key)
{
    size_t at = 0;

    while (model->keys[at] != key)
        at++;
    model->count--;
    memmove(&model->keys[at], &model->keys[at + 1], (model->count - at) * sizeof(model->keys[0]));
}

TEST(behaves_as_a_sorted_array)
{
    static struct heap_node nodes[600];
    static bool inside[600];
    struct model model = {.count = 0};
    struct test_random random;
    struct heap heap;

    heap_init(&heap);
    test_random_init(&random);
    for (int step = 0; step < 200000; step++) {
        size_t at = (size_t)test_random_below(&random, 600);
        int64_t key = (int64_t)test_random_below(&random, 200); /* few keys: many ties */
        uint64_t choice = test_random_below(&random, 10);

        if (!inside[at]) {
            heap_insert(&heap, &nodes[at], key);
            model_insert(&model, key);
            inside[at] = true;
        } else if (choice < 4) { /* another moment, earlier or later */
            model_remove(&model, nodes[at].key);
            heap_remove(&heap, &nodes[at]);
            heap_insert(&heap, &nodes[at], key);
            model_insert(&model, key);
        } else if (choice < 7) {
            model_remove(&model, nodes[at].key);
            heap_remove(&heap, &nodes[at]);
            inside[at] = false;
        } else {
            inside[heap_least(&heap) - nodes] = false;
            model_remove(&model, take_least(&heap));
        }
        assert_int_equal(heap_empty(&heap), model.count == 0);
        if (model.count > 0)
            assert_true(heap_least(&heap)->key == model.keys[0]);
        if (step % 1000 == 0)
            assert_int_equal(check_heap(&heap), model.count);
    }
}

static struct heap_node *many_nodes(void)
{
    struct heap_node *nodes = malloc(MANY * sizeof(*nodes));

    assert_non_null(nodes);
    return nodes;
}

static void expect_ascending(struct heap *heap, size_t count)
{
    int64_t last = INT64_MIN;

    for (size_t i = 0; i < count; i++) {
        int64_t key = take_least(heap);

        if (key < last)
            fail_msg("%lld after %lld", (long long)key, (long long)last);
        last = key;
    }
    assert_true(heap_empty(heap));
}

TEST(million_nodes_in_descending_order) /* each becomes the parent of the last: a million deep */
{
    struct heap_node *nodes = many_nodes();
    struct heap heap;

    heap_init(&heap);
    for (size_t i = 0; i < MANY; i++)
        heap_insert(&heap, &nodes[i], -(int64_t)i);
    assert_int_equal(check_heap(&heap), MANY);
    heap_remove(&heap, &nodes[0]); /* the deepest */
    expect_ascending(&heap, MANY - 1);
    free(nodes);
}

TEST(million_nodes_in_ascending_order) /* a million siblings */
{
    struct heap_node *nodes = many_nodes();
    struct heap heap;

    heap_init(&heap);
    for (size_t i = 0; i < MANY; i++)
        heap_insert(&heap, &nodes[i], (int64_t)i);
    expect_ascending(&heap, MANY);
    free(nodes);
}

TEST(million_nodes_in_random_order_with_half_taken_out)
{
    struct heap_node *nodes = many_nodes();
    struct test_random random;
    struct heap heap;

    heap_init(&heap);
    test_random_init(&random);
    for (size_t i = 0; i < MANY; i++)
        heap_insert(&heap, &nodes[i], (int64_t)test_random_below(&random, MANY));
    for (size_t i = 0; i < MANY; i += 2)
        heap_remove(&heap, &nodes[i]);
    expect_ascending(&heap, MANY / 2);
    free(nodes);
}

static void remove_twice(void *argument)
{
    struct heap_node nodes[3];
    struct heap heap;

    (void)argument;
    heap_init(&heap);
    for (size_t i = 0; i < 3; i++)
        heap_insert(&heap, &nodes[i], (int64_t)i);
    heap_remove(&heap, &nodes[1]);
    heap_remove(&heap, &nodes[1]);
}

TEST(taking_out_twice_is_misuse)
{
    ASSERT_DIES(remove_twice, NULL, "coir: misuse: heap->root == node || node->previous");
}

static void remove_from_another(void *argument)
{
    struct heap_node first, second;
    struct heap heap, other;

    (void)argument;
    heap_init(&heap);
    heap_init(&other);
    heap_insert(&heap, &first, 1);
    heap_insert(&other, &second, 1);
    heap_remove(&heap, &second);
}

TEST(taking_the_root_out_of_another_heap_is_misuse)
{
    ASSERT_DIES(remove_from_another, NULL, "coir: misuse: heap->root == node");
}
