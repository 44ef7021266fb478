/* SPDX-License-Identifier: MIT
 *
 * Datagrams under way: whose bytes came back, in any order, late or twice, and
 * what is remembered when many more have been sent since.
 */
#include "load/session/flight.h"
#include "support/test.h"
#include <string.h>

#define SIZE 64
#define SIZE_MAX_HERE 64

static struct flight open_flight(uint64_t size)
{
    struct flight flight;

    assert_int_equal(flight_open(&flight, pattern_of(1, 2), size), 0);
    return flight;
}

static void send_many(struct flight *flight, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        assert_true(flight_has_room(flight));
        (void)flight_add(flight, (coir_time)flight->next);
        flight_sent(flight, (coir_time)flight->next);
    }
}

static void fill(const struct flight *flight, uint64_t number, unsigned char *bytes)
{
    pattern_fill(&flight->pattern, number * flight->size, bytes, (size_t)flight->size);
}

/* The message comes back. Returns what it was before; FLIGHT_UNKNOWN if it is not found. */
static enum flight_state answer(struct flight *flight, uint64_t number)
{
    unsigned char bytes[SIZE_MAX_HERE];
    uint64_t found;

    fill(flight, number, bytes);
    if (!flight_find(flight, bytes, (size_t)flight->size, &found))
        return FLIGHT_UNKNOWN;
    assert_int_equal(found, number);
    return flight_settle(flight, found, FLIGHT_ANSWERED);
}

TEST(answers_are_found_in_any_order_and_a_second_one_is_told)
{
    static const uint64_t sizes[] = {8, 9, 15, 16, 23, SIZE};

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct flight flight = open_flight(sizes[i]);

        send_many(&flight, 100);
        for (uint64_t number = 0; number < 100; number++)
            assert_int_equal(answer(&flight, number * 37 % 100), FLIGHT_UNDER_WAY);
        assert_int_equal(flight.under_way, 0);
        assert_int_equal(flight.oldest, 100);
        assert_int_equal(answer(&flight, 50), FLIGHT_ANSWERED);
        flight_close(&flight);
    }
}

TEST(one_that_stays_away_makes_room_grow)
{
    struct flight flight = open_flight(SIZE);

    send_many(&flight, 1);
    for (uint64_t number = 1; number < 5000; number++) {
        send_many(&flight, 1);
        assert_int_equal(answer(&flight, number), FLIGHT_UNDER_WAY);
    }
    assert_int_equal(flight.under_way, 1);
    assert_int_equal(flight_oldest_sent(&flight, -1), 1);
    assert_int_equal(flight_settle(&flight, 0, FLIGHT_GIVEN_UP), FLIGHT_UNDER_WAY);
    assert_int_equal(flight_oldest_sent(&flight, -1), -1);
    assert_int_equal(answer(&flight, 0), FLIGHT_GIVEN_UP);
    flight_close(&flight);
}

TEST(room_ends_and_what_is_overwritten_is_counted)
{
    struct flight flight = open_flight(SIZE);

    send_many(&flight, FLIGHT_MAX);
    assert_false(flight_has_room(&flight));
    assert_int_equal(flight_settle(&flight, 0, FLIGHT_GIVEN_UP), FLIGHT_UNDER_WAY);
    send_many(&flight, 1);
    assert_int_equal(flight.missing, 1);
    assert_int_equal(flight_first(&flight), 1);
    assert_int_equal(answer(&flight, 0), FLIGHT_UNKNOWN);
    flight_close(&flight);
}

TEST(what_was_not_sent_leaves_nothing)
{
    struct flight flight = open_flight(SIZE);

    send_many(&flight, 3);
    assert_int_equal(flight_add(&flight, 7), 3);
    flight_withdraw(&flight);
    assert_int_equal(flight.under_way, 3);
    assert_int_equal(answer(&flight, 3), FLIGHT_UNKNOWN);
    send_many(&flight, 1);
    assert_int_equal(answer(&flight, 3), FLIGHT_UNDER_WAY);
    flight_close(&flight);
}

TEST(a_wrong_one_stands_for_the_one_that_it_begins_or_ends_like)
{
    struct flight flight = open_flight(SIZE);
    unsigned char bytes[SIZE];
    uint64_t number;
    size_t right;

    send_many(&flight, 10);
    for (size_t at = 0; at < SIZE; at++) {
        fill(&flight, 6, bytes);
        bytes[at] ^= 1;
        assert_true(flight_find_likeliest(&flight, bytes, SIZE, &number, &right));
        assert_int_equal(number, 6);
        assert_int_equal(right, at);
    }
    memset(bytes, 0, sizeof(bytes));
    assert_false(flight_find_likeliest(&flight, bytes, SIZE, &number, &right));
    flight_close(&flight);
}

TEST(short_ones_are_first_looked_for_where_they_are_expected)
{
    struct flight flight = open_flight(1);
    unsigned char bytes[1];
    uint64_t number;

    send_many(&flight, 250);
    for (uint64_t next = 1; next < 250; next++) { /* the first is lost */
        fill(&flight, next, bytes);
        assert_true(flight_find(&flight, bytes, 1, &number));
        (void)flight_settle(&flight, number, FLIGHT_ANSWERED);
    }
    assert_int_equal(flight.under_way, 1);
    flight_close(&flight);
}
