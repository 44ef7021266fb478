/* SPDX-License-Identifier: MIT
 *
 * The datagrams of a session: which are under way, and what became of those
 * before, as far back as there is room. Answers come in any order, late, twice
 * or never; their bytes tell which message they are. Pure.
 */
#ifndef PROGRAMS_LOAD_SESSION_FLIGHT_H
#define PROGRAMS_LOAD_SESSION_FLIGHT_H

#include "load/session/pattern.h"
#include <coir/types.h>

/** So many are remembered at most, under way or not: 24 MiB. */
#define FLIGHT_MAX (UINT64_C(1) << 20)

enum flight_state {
    FLIGHT_UNKNOWN,   /* too long ago, or never sent */
    FLIGHT_SENDING,   /* it may be waiting for room */
    FLIGHT_UNDER_WAY, /* the kernel has taken it */
    FLIGHT_ANSWERED,
    FLIGHT_GIVEN_UP, /* it was waited for long enough */
    FLIGHT_BLAMED    /* a wrong datagram came that stands for it */
};

struct flight_slot {
    coir_time due;
    coir_time sent;
    enum flight_state state;
};

/** Those from number `oldest` up to `next` may be under way; `capacity` of them are remembered. */
struct flight {
    struct pattern pattern;
    uint64_t size;             /* of each message */
    struct flight_slot *slots; /* by the number modulo `capacity`, a power of two */
    uint64_t capacity;
    uint64_t oldest;
    uint64_t next;
    uint64_t under_way; /* with the one that is being sent */
    uint64_t expected;  /* the one after that which came last */
    uint64_t missing;   /* given up or blamed, not back yet, and remembered by this count alone */
};

/** Returns 0 or -ENOMEM. */
int flight_open(struct flight *flight, struct pattern pattern, uint64_t size);
void flight_close(struct flight *flight);

/** There is room for one more; false: FLIGHT_MAX lie between the oldest under way and the next, or no memory is left.
 */
bool flight_has_room(struct flight *flight);

/** The next one, which was due then, is being sent; there is room. Returns its number. */
uint64_t flight_add(struct flight *flight, coir_time due);

/** The latest has left; or it never will, and its number is the next one's. */
void flight_sent(struct flight *flight, coir_time now);
void flight_withdraw(struct flight *flight);

/** What is remembered of a number that is. */
struct flight_slot *flight_slot(const struct flight *flight, uint64_t number);

/** The first that is remembered. */
uint64_t flight_first(const struct flight *flight);

/** How many of `bytes`, from the first on, are those of the message. */
size_t flight_match(const struct flight *flight, uint64_t number, const void *bytes, size_t size);

/** Which message these are all bytes of, if one that is remembered: one under way if there are several. Messages of
 * under 8 bytes repeat soon: of those, the ones long done are not looked at. */
bool flight_find(const struct flight *flight, const void *bytes, size_t size, uint64_t *ret_number);

/** Which message under way the wrong `bytes` ought to be, by their first and their last ones; `right`: so many of the
 * first are. Returns true if they surely stand for it; false: there may be none, and then it is the next one. */
bool flight_find_likeliest(const struct flight *flight, const void *bytes, size_t size, uint64_t *ret_number,
                           size_t *ret_right);

/** The message has come to that. Returns what it was before. */
enum flight_state flight_settle(struct flight *flight, uint64_t number, enum flight_state state);

/** When the oldest under way was sent; `otherwise` if none is. */
coir_time flight_oldest_sent(const struct flight *flight, coir_time otherwise);

#endif
