/* SPDX-License-Identifier: MIT
 *
 * The ring and the queue.
 */
#include "base/list.h"
#include "support/test.h"

struct item {
    int number;
    struct list entry;
    struct queue_link link;
};

static int number_of(struct list *entry)
{
    return CONTAINER_OF(entry, struct item, entry)->number;
}

TEST(list_keeps_the_order_of_appending)
{
    struct item items[3] = {{.number = 1}, {.number = 2}, {.number = 3}};
    struct list head;
    int expected = 1;

    list_init(&head);
    assert_true(list_empty(&head));
    for (int i = 0; i < 3; i++)
        list_append(&head, &items[i].entry);
    assert_false(list_empty(&head));
    LIST_FOR_EACH(entry, &head)
    assert_int_equal(number_of(entry), expected++);
    assert_int_equal(expected, 4);
}

TEST(list_inserts_before_a_position)
{
    struct item items[3] = {{.number = 1}, {.number = 2}, {.number = 3}};
    struct list head;

    list_init(&head);
    list_append(&head, &items[0].entry);
    list_append(&head, &items[2].entry);
    list_insert_before(&items[2].entry, &items[1].entry);
    assert_int_equal(number_of(head.next->next), 2);
    assert_int_equal(number_of(head.previous->previous), 2);
}

TEST(list_visit_survives_removal_of_the_visited)
{
    struct item items[4] = {{.number = 1}, {.number = 2}, {.number = 3}, {.number = 4}};
    struct list head;
    int visited = 0;

    list_init(&head);
    for (int i = 0; i < 4; i++)
        list_append(&head, &items[i].entry);
    LIST_FOR_EACH(entry, &head)
    {
        visited++;
        list_remove(entry);
        entry->next = entry->previous = NULL;
    }
    assert_int_equal(visited, 4);
    assert_true(list_empty(&head));
}

TEST(queue_is_first_in_first_out)
{
    struct item items[3] = {{.number = 1}, {.number = 2}, {.number = 3}};
    struct queue_link *link;
    struct queue queue;

    queue_init(&queue);
    for (int i = 0; i < 3; i++)
        queue_push(&queue, &items[i].link);
    link = queue_take_all(&queue);
    for (int i = 0; i < 3; i++, link = link->next) {
        assert_non_null(link);
        assert_int_equal(CONTAINER_OF(link, struct item, link)->number, i + 1);
    }
    assert_null(link);
}

TEST(queue_goes_on_after_it_was_empty)
{
    struct item items[2] = {{.number = 1}, {.number = 2}};
    struct queue queue;

    queue_init(&queue);
    assert_true(queue_empty(&queue));
    assert_null(queue_take_all(&queue));
    queue_push(&queue, &items[0].link);
    assert_false(queue_empty(&queue));
    assert_ptr_equal(queue_take_all(&queue), &items[0].link);
    assert_true(queue_empty(&queue));
    queue_push(&queue, &items[1].link);
    assert_ptr_equal(queue_take_all(&queue), &items[1].link);
    assert_null(items[1].link.next);
    assert_null(queue_take_all(&queue));
}
