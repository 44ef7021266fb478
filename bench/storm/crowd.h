/* SPDX-License-Identifier: MIT
 *
 * A crowd of bad clients, from one thread: those who never read and send until
 * nothing more goes, those who talk and reset at a random moment and come back
 * at once, idle ones, and a few who flood. All but the flood speak with the
 * segment size of the Internet, as on the loopback's the kernel would give each
 * connection megabytes.
 *
 * Every byte that comes back is looked at only where it is measured (pulse.h).
 */
#ifndef BENCH_STORM_CROWD_H
#define BENCH_STORM_CROWD_H

#include <stdbool.h>
#include <stdint.h>

enum crowd_manners {
    CROWD_DEAF,     /* never reads, sends until full */
    CROWD_RESTLESS, /* talks, resets, connects again */
    CROWD_IDLE,     /* has one message echoed, then says nothing */
    CROWD_FLOOD,    /* sends and reads as fast as it may */
};
#define CROWD_MANNERS 4

struct crowd_plan {
    uint16_t port; /* on 127.0.0.1 */
    int clients[CROWD_MANNERS];
    uint64_t seed; /* of when who resets */
};

struct crowd_tally {
    uint64_t connected;     /* connections that were made */
    uint64_t resets;        /* of ours */
    uint64_t cut_off;       /* by the server: not reading, it is the deaf */
    uint64_t answers;       /* to the restless, and the first to the idle: what the server made of the crowd's rest */
    uint64_t flooded_bytes; /* that came back */
};

struct crowd;

/** Connects everybody, and lets the deaf send until full. 0, or -1 with a reason on standard error. */
int crowd_open(const struct crowd_plan *plan, struct crowd **ret_crowd);

/** Goes on for at most `duration_ns`, or until `stop_fd` is readable (-1: there is none). 0 or -1. */
int crowd_run(struct crowd *crowd, int64_t duration_ns, int stop_fd);

/** Goes on until the server has cut off all the deaf, or for long enough that it never will. 0 or -1. */
int crowd_run_until_cut_off(struct crowd *crowd);

/** Closes every connection, once those under way have been made, so that each that the server has seen is counted.
 * NULL is ignored. */
void crowd_close(struct crowd *crowd, struct crowd_tally *ret_tally);

#endif
