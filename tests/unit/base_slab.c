/* SPDX-License-Identifier: MIT
 *
 * Slabs: reuse, recognition of stale and foreign pointers, growth, walking.
 */
#include "base/slab.h"
#include "support/faults.h"
#include "support/test.h"
#include <errno.h>
#include <string.h>

#define MAGIC 0x4B534154u

struct thing {
    struct slab_header header;
    uint64_t body[7];
};

static struct slab new_slab(void) /* empty: it may still move */
{
    struct slab slab;

    slab_init(&slab, sizeof(struct thing), MAGIC);
    return slab;
}

/* Not inlined: the compiler would follow what happens where memory is short, which it is not. */
__attribute__((noinline)) static struct thing *take_thing(struct slab *slab)
{
    struct thing *thing = slab_take(slab);

    assert_non_null(thing);
    return thing;
}

TEST(object_has_its_header_and_room_of_its_own)
{
    struct slab slab = new_slab();
    struct thing *first = take_thing(&slab);
    struct thing *second = take_thing(&slab);

    assert_int_equal(first->header.magic, MAGIC);
    assert_int_equal(first->header.generation, 1);
    assert_int_equal((uintptr_t)first % 8, 0);
    memset(first->body, 1, sizeof(first->body));
    memset(second->body, 2, sizeof(second->body));
    assert_int_equal(first->body[6], 0x0101010101010101u);
    assert_int_equal(second->header.magic, MAGIC);
    assert_int_equal(slab.live, 2);
    slab_give(&slab, first);
    slab_give(&slab, second);
    assert_int_equal(slab.live, 0);
    slab_done(&slab);
}

#ifdef COIR_DEBUG
TEST(debug_build_reuses_the_oldest_slot_last)
{
    struct slab slab = new_slab();
    struct thing *first = take_thing(&slab);

    slab_give(&slab, first);
    for (size_t i = 1; i < (SLAB_CHUNK_SIZE - 64) / sizeof(struct thing); i++) {
        struct thing *other = take_thing(&slab);

        assert_ptr_not_equal(other, first);
        slab_give(&slab, other);
    }
    assert_ptr_equal(slab_take(&slab), first);
    assert_int_equal(first->header.generation, 3);
    slab_give(&slab, first);
    slab_done(&slab);
}

static void write_after_giving_back(void *argument)
{
    struct slab slab = new_slab();
    volatile struct thing *stale = take_thing(&slab);

    (void)argument;
    slab_give(&slab, (void *)stale);
    stale->body[5] = 1;
    for (int i = 0; i < 2000; i++)
        slab_give(&slab, slab_take(&slab));
}

TEST(debug_build_notices_a_write_to_a_free_object)
{
    const char *report = TEST_ASAN ? "use-after-poison" : "coir: misuse: bytes[i] == POISON";

    ASSERT_DIES_OF(TEST_ANY_FAILURE, write_after_giving_back, NULL, report);
}
#else
TEST(release_build_reuses_the_warm_slot_first)
{
    struct slab slab = new_slab();
    struct thing *first = take_thing(&slab);
    struct thing *second = take_thing(&slab);

    slab_give(&slab, first);
    slab_give(&slab, second);
    assert_ptr_equal(slab_take(&slab), second);
    assert_ptr_equal(slab_take(&slab), first);
    assert_int_equal(first->header.generation, 3);
    slab_give(&slab, first);
    slab_give(&slab, second);
    slab_done(&slab);
}
#endif

static void write_to_free_header(void *argument)
{
    struct slab slab = new_slab();
    struct thing *stale = take_thing(&slab);

    (void)argument;
    slab_give(&slab, stale);
    stale->header.magic = 0;
    for (int i = 0; i < 2000; i++)
        slab_give(&slab, slab_take(&slab));
}

TEST(write_to_a_free_header_is_noticed_in_every_build)
{
    ASSERT_DIES(write_to_free_header, NULL, "coir: misuse: slot->header.magic == ~slab->magic");
}

TEST(stale_pointer_is_not_owned_until_the_slot_is_reused)
{
    struct slab slab = new_slab();
    struct thing *thing = take_thing(&slab);

    assert_true(slab_owns(&slab, thing));
    slab_give(&slab, thing);
    assert_false(slab_owns(&slab, thing));
    assert_int_equal(thing->header.magic, ~MAGIC);
    slab_done(&slab);
}

TEST(object_of_another_slab_is_not_owned)
{
    struct slab slab = new_slab();
    struct slab twin = new_slab(); /* same type, another thread's */
    struct slab other;
    struct thing *thing = take_thing(&slab);
    struct thing *thing_of_twin = take_thing(&twin);
    struct thing *thing_of_other;

    slab_init(&other, 48, MAGIC + 1);
    thing_of_other = take_thing(&other);
    assert_true(slab_owns(&twin, thing_of_twin));
    assert_false(slab_owns(&slab, thing_of_twin));
    assert_false(slab_owns(&twin, thing));
    assert_false(slab_owns(&slab, thing_of_other));
    slab_give(&slab, thing);
    slab_give(&twin, thing_of_twin);
    slab_give(&other, thing_of_other);
    slab_done(&slab);
    slab_done(&twin);
    slab_done(&other);
}

static void give_twice(void *argument)
{
    struct slab slab = new_slab();
    void *thing = slab_take(&slab);

    (void)argument;
    slab_give(&slab, thing);
    slab_give(&slab, thing);
}

static void give_to_another(void *argument)
{
    struct slab slab = new_slab();
    struct slab twin = new_slab();

    (void)argument;
    slab_give(&twin, slab_take(&slab));
}

static void end_with_live_objects(void *argument)
{
    struct slab slab = new_slab();

    (void)argument;
    (void)!slab_take(&slab);
    slab_done(&slab);
}

TEST(misuse_is_noticed)
{
    ASSERT_DIES(give_twice, NULL, "coir: misuse: slab_owns(slab, object)");
    ASSERT_DIES(give_to_another, NULL, "coir: misuse: slab_owns(slab, object)");
    ASSERT_DIES(end_with_live_objects, NULL, "coir: misuse: slab->live == 0");
}

/* Marks each visited thing; returns how many there were. */
static size_t visit_all(const struct slab *slab, uint64_t mark)
{
    size_t count = 0;

    for (struct thing *thing = slab_next(slab, NULL); thing != NULL; thing = slab_next(slab, thing)) {
        assert_true(thing->body[1] != mark);
        thing->body[1] = mark;
        count++;
    }
    return count;
}

TEST(many_chunks_are_walked_object_by_object)
{
    static struct thing *things[5000]; /* five chunks */
    struct slab slab = new_slab();

    assert_null(slab_next(&slab, NULL));
    for (size_t i = 0; i < 5000; i++) {
        things[i] = take_thing(&slab);
        things[i]->body[0] = i;
        things[i]->body[1] = 0;
    }
    assert_int_equal(visit_all(&slab, 1), 5000);
    for (size_t i = 0; i < 5000; i++) {
        assert_int_equal(things[i]->body[0], i); /* no two in one place */
        assert_int_equal(things[i]->body[1], 1);
        if (i % 3 == 0)
            slab_give(&slab, things[i]);
    }
    assert_int_equal(visit_all(&slab, 2), 5000 - 1667);
    for (struct thing *thing = slab_next(&slab, NULL); thing != NULL; thing = slab_next(&slab, thing))
        slab_give(&slab, thing); /* the one that the visit is at */
    assert_int_equal(slab.live, 0);
    slab_done(&slab);
}

TEST(memory_is_kept_for_reuse)
{
    static void *things[3000];
    struct slab slab = new_slab();

    fault_clear();
    for (int round = 0; round < 5; round++) {
        for (size_t i = 0; i < 3000; i++)
            things[i] = take_thing(&slab);
        for (size_t i = 0; i < 3000; i++)
            slab_give(&slab, things[i]);
    }
    assert_int_equal(fault_calls("alloc_aligned"), 3); /* 64 bytes each, 1023 a chunk */
    slab_done(&slab);
    assert_int_equal(fault_calls("alloc_free"), 3);
}

TEST(every_size_keeps_its_objects_apart)
{
    for (size_t size = sizeof(struct slab_header); size <= SLAB_OBJECT_SIZE_MAX; size += 61) {
        unsigned char *objects[100];
        struct slab slab;

        slab_init(&slab, size, MAGIC);
        for (size_t i = 0; i < 100; i++) {
            objects[i] = slab_take(&slab);
            memset(objects[i] + sizeof(struct slab_header), (int)i, size - sizeof(struct slab_header));
        }
        for (size_t i = 0; i < 100; i++) {
            assert_true(slab_owns(&slab, objects[i]));
            if (size > sizeof(struct slab_header))
                assert_int_equal(objects[i][size - 1], i);
            slab_give(&slab, objects[i]);
        }
        slab_done(&slab);
    }
}

TEST(without_memory_nothing_is_taken_and_nothing_broken)
{
    struct slab slab = new_slab();
    struct thing *thing;

    fault_clear();
    fault_fail("alloc_aligned", 1, ENOMEM, FAULT_ONCE);
    assert_null(slab_take(&slab));
    assert_int_equal(slab.live, 0);
    thing = slab_take(&slab);
    assert_non_null(thing);
    slab_give(&slab, thing);
    slab_done(&slab);
}

TEST(random_use_mixes_up_nothing)
{
    static struct thing *things[2000];
    struct slab slab = new_slab();
    struct test_random random;
    uint32_t live = 0;

    memset(things, 0, sizeof(things));
    test_random_init(&random);
    for (int step = 0; step < 100000; step++) {
        size_t at = (size_t)test_random_below(&random, 2000);

        if (things[at] == NULL) {
            things[at] = take_thing(&slab);
            things[at]->body[0] = at;
            live++;
        } else {
            assert_int_equal(things[at]->body[0], at);
            slab_give(&slab, things[at]);
            things[at] = NULL;
            live--;
        }
        assert_int_equal(slab.live, live);
    }
    for (size_t at = 0; at < 2000; at++)
        if (things[at] != NULL)
            slab_give(&slab, things[at]);
    slab_done(&slab);
}
