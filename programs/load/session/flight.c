/* SPDX-License-Identifier: MIT
 *
 * Datagrams under way: see flight.h.
 */
#include "load/session/flight.h"
#include <errno.h>
#include <stdlib.h>

#define CAPACITY_MIN 256
/** So many bytes are another message's only by a freak of chance. */
#define SURE 8
/** Of short messages that are done so many are compared. */
#define SHORT_REMEMBERED 64

int flight_open(struct flight *flight, struct pattern pattern, uint64_t size)
{
    *flight = (struct flight){.pattern = pattern, .size = size, .capacity = CAPACITY_MIN};
    flight->slots = calloc(CAPACITY_MIN, sizeof(*flight->slots));
    return flight->slots != NULL ? 0 : -ENOMEM;
}

void flight_close(struct flight *flight)
{
    free(flight->slots);
    flight->slots = NULL;
}

struct flight_slot *flight_slot(const struct flight *flight, uint64_t number)
{
    return &flight->slots[number & (flight->capacity - 1)];
}

uint64_t flight_first(const struct flight *flight)
{
    return flight->next > flight->capacity ? flight->next - flight->capacity : 0;
}

static bool is_pending(const struct flight *flight, uint64_t number)
{
    enum flight_state state = flight_slot(flight, number)->state;

    return state == FLIGHT_UNDER_WAY || state == FLIGHT_SENDING;
}

/* Twice the room. Returns false if there is no memory. */
static bool grow(struct flight *flight)
{
    struct flight larger = *flight;

    larger.capacity *= 2;
    larger.slots = calloc((size_t)larger.capacity, sizeof(*larger.slots));
    if (larger.slots == NULL)
        return false;
    for (uint64_t number = flight_first(flight); number < flight->next; number++)
        *flight_slot(&larger, number) = *flight_slot(flight, number);
    free(flight->slots);
    *flight = larger;
    return true;
}

bool flight_has_room(struct flight *flight)
{
    if (flight->next - flight->oldest < flight->capacity)
        return true;
    return flight->capacity < FLIGHT_MAX && grow(flight);
}

uint64_t flight_add(struct flight *flight, coir_time due)
{
    struct flight_slot *slot = flight_slot(flight, flight->next);

    flight->missing += slot->state == FLIGHT_GIVEN_UP || slot->state == FLIGHT_BLAMED;
    *slot = (struct flight_slot){.due = due, .state = FLIGHT_SENDING};
    flight->under_way++;
    return flight->next++;
}

void flight_sent(struct flight *flight, coir_time now)
{
    struct flight_slot *slot = flight_slot(flight, flight->next - 1);

    slot->sent = now;
    if (slot->state == FLIGHT_SENDING)
        slot->state = FLIGHT_UNDER_WAY; /* else the answer was faster */
}

void flight_withdraw(struct flight *flight)
{
    flight->next--;
    flight->under_way -= is_pending(flight, flight->next); /* a short one may have been taken for another */
    flight_slot(flight, flight->next)->state = FLIGHT_UNKNOWN;
    if (flight->oldest > flight->next)
        flight->oldest = flight->next;
}

size_t flight_match(const struct flight *flight, uint64_t number, const void *bytes, size_t size)
{
    size_t most = size < flight->size ? size : (size_t)flight->size;

    return pattern_match(&flight->pattern, number * flight->size, bytes, most);
}

static bool is_message(const struct flight *flight, uint64_t number, const void *bytes)
{
    return flight_match(flight, number, bytes, (size_t)flight->size) == flight->size;
}

/* The nearest to the expected one: they come mostly in order. */
static bool find_nearest(const struct flight *flight, const void *bytes, uint64_t *ret_number)
{
    uint64_t first = flight_first(flight);
    uint64_t after = flight->expected > first ? flight->expected : first;
    uint64_t before = after;

    while (after < flight->next || before > first) {
        if (after < flight->next && is_message(flight, after++, bytes)) {
            *ret_number = after - 1;
            return true;
        }
        if (before > first && is_message(flight, --before, bytes)) {
            *ret_number = before;
            return true;
        }
    }
    return false;
}

/* The first from number `first` on, among those under way, or the others. */
static bool find_first(const struct flight *flight, const void *bytes, uint64_t first, bool pending,
                       uint64_t *ret_number)
{
    for (uint64_t number = first; number < flight->next; number++) {
        if (is_pending(flight, number) != pending || !is_message(flight, number, bytes))
            continue;
        *ret_number = number;
        return true;
    }
    return false;
}

bool flight_find(const struct flight *flight, const void *bytes, size_t size, uint64_t *ret_number)
{
    uint64_t recent = flight->next > SHORT_REMEMBERED ? flight->next - SHORT_REMEMBERED : 0;

    if (size != flight->size)
        return false;
    if (size >= SURE)
        return find_nearest(flight, bytes, ret_number);
    if (flight->expected > flight->oldest && find_first(flight, bytes, flight->expected, true, ret_number))
        return true;
    return find_first(flight, bytes, flight->oldest, true, ret_number) ||
           find_first(flight, bytes, recent, false, ret_number);
}

/* Are the last bytes those that the message ends with? */
static bool has_end_of(const struct flight *flight, uint64_t number, const unsigned char *bytes, size_t size)
{
    uint64_t end = (number + 1) * flight->size;

    return size >= SURE && flight->size >= SURE &&
           pattern_match(&flight->pattern, end - SURE, bytes + size - SURE, SURE) == SURE;
}

bool flight_find_likeliest(const struct flight *flight, const void *bytes, size_t size, uint64_t *ret_number,
                           size_t *ret_right)
{
    bool sure = flight->under_way == 1;

    *ret_number = flight->oldest;
    *ret_right = 0;
    for (uint64_t number = flight->oldest; number < flight->next; number++) {
        size_t right = is_pending(flight, number) ? flight_match(flight, number, bytes, size) : 0;
        bool is_certain = right >= SURE || (is_pending(flight, number) && has_end_of(flight, number, bytes, size));

        if (right <= *ret_right && !is_certain)
            continue;
        *ret_number = number;
        *ret_right = right;
        if (is_certain)
            return true;
    }
    return sure;
}

enum flight_state flight_settle(struct flight *flight, uint64_t number, enum flight_state state)
{
    struct flight_slot *slot = flight_slot(flight, number);
    enum flight_state before = slot->state;

    flight->under_way -= is_pending(flight, number);
    slot->state = state;
    if (state == FLIGHT_ANSWERED)
        flight->expected = number + 1;
    while (flight->oldest < flight->next && !is_pending(flight, flight->oldest))
        flight->oldest++;
    return before;
}

coir_time flight_oldest_sent(const struct flight *flight, coir_time otherwise)
{
    const struct flight_slot *slot = flight_slot(flight, flight->oldest);

    return flight->oldest < flight->next && slot->state == FLIGHT_UNDER_WAY ? slot->sent : otherwise;
}
