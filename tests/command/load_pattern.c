/* SPDX-License-Identifier: MIT
 *
 * What the sessions of a load send: any piece is written and compared alike, no
 * two places are taken for each other, and two words tell where they are from.
 */
#include "load/session/pattern.h"
#include "support/test.h"
#include <string.h>

#define SEED 7
#define WHOLE 4096

static unsigned char whole[WHOLE];

static void fill_whole(uint64_t session)
{
    struct pattern pattern = pattern_of(SEED, session);

    pattern_fill(&pattern, 0, whole, WHOLE);
}

TEST(any_piece_is_part_of_the_whole)
{
    struct pattern pattern = pattern_of(SEED, 3);
    unsigned char piece[80];

    fill_whole(3);
    for (size_t offset = 0; offset < 40; offset++)
        for (size_t size = 0; size <= 40; size++) {
            memset(piece, 0x5a, sizeof(piece));
            pattern_fill(&pattern, offset, piece + 8, size);
            assert_memory_equal(piece + 8, whole + offset, size);
            assert_int_equal(piece[7], 0x5a);
            assert_int_equal(piece[8 + size], 0x5a);
        }
}

TEST(the_first_wrong_byte_is_found_wherever_it_is)
{
    struct pattern pattern = pattern_of(SEED, 3);

    fill_whole(3);
    for (size_t offset = 0; offset < 20; offset++)
        for (size_t size = 0; size <= 40; size++) {
            assert_int_equal(pattern_match(&pattern, offset, whole + offset, size), size);
            for (size_t wrong = 0; wrong < size; wrong++) {
                whole[offset + wrong] ^= 0x80;
                assert_int_equal(pattern_match(&pattern, offset, whole + offset, size), wrong);
                whole[offset + wrong] ^= 0x80;
            }
        }
}

TEST(a_piece_tells_whose_it_is_and_which)
{
    struct test_random random;
    unsigned char piece[PATTERN_CONTEXT];
    struct pattern_search search = {.seed = SEED, .sessions = 1000, .end = UINT32_MAX};
    struct pattern_place place;

    test_random_init(&random);
    for (int i = 0; i < 2000; i++) {
        uint64_t session = test_random_below(&random, 1000);
        uint64_t offset = test_random_below(&random, UINT32_MAX);
        struct pattern pattern = pattern_of(SEED, session);

        pattern_fill(&pattern, offset, piece, sizeof(piece));
        assert_true(pattern_find(&search, piece, sizeof(piece), &place));
        assert_int_equal(place.session, session);
        assert_int_equal(place.offset, offset);
    }
}

TEST(what_is_before_it_may_be_anything)
{
    struct pattern_search search = {.seed = SEED, .sessions = 1000, .end = UINT32_MAX, .first = 7};
    struct pattern pattern = pattern_of(SEED, 7);
    unsigned char piece[60] = "220 hello, this is no part of it";
    struct pattern_place place;

    pattern_fill(&pattern, 5000, piece + 33, sizeof(piece) - 33);
    assert_true(pattern_find(&search, piece, sizeof(piece), &place));
    assert_int_equal(place.session, 7);
    assert_int_equal(place.offset, 5000 - 33);
}

TEST(what_is_from_nowhere_is_not_found)
{
    static const char foreign[] = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    struct pattern_search search = {.seed = SEED, .sessions = 1000, .end = UINT32_MAX};
    struct pattern pattern = pattern_of(SEED, 1000);
    struct pattern_place place;
    unsigned char piece[64];

    assert_false(pattern_find(&search, foreign, sizeof(foreign), &place));
    pattern_fill(&pattern, 0, piece, sizeof(piece));
    assert_false(pattern_find(&search, piece, sizeof(piece), &place)); /* no such session */
    search.seed = SEED + 5000;
    assert_false(pattern_find(&search, piece, sizeof(piece), &place)); /* another run */
    search.seed = SEED;
    search.end = 79000;
    pattern = pattern_of(SEED, 1);
    pattern_fill(&pattern, 80000, piece, sizeof(piece));
    assert_false(pattern_find(&search, piece, sizeof(piece), &place)); /* never sent so far */
    search.end = UINT32_MAX;
    assert_true(pattern_find(&search, piece, sizeof(piece), &place));
    assert_false(pattern_find(&search, piece, 15, &place)); /* too few to tell */
}
