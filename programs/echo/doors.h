/* SPDX-License-Identifier: MIT
 *
 * The doors of `coir echo`: the listeners and datagram sockets that its
 * command line names, opened all or not at all.
 */
#ifndef PROGRAMS_ECHO_DOORS_H
#define PROGRAMS_ECHO_DOORS_H

#include "counters.h"
#include "options.h"
#include "outputs.h"
#include <coir.h>

struct door {
    const char *uri;                /* as it was asked for */
    struct coir_listener *listener; /* one of these two */
    struct coir_datagram_socket *socket;
    uint64_t shortages_told; /* of the listener's */
    uint64_t lost_told;
};

struct doors {
    struct door doors[ECHO_DOORS_MAX];
    size_t count;
    uint64_t shortages; /* of listeners that were closed */
    uint64_t lost;
};

/** Takes the sockets that a supervisor hands over, where the command line does not say where to serve. Returns an exit
 * code. */
int doors_take_given(struct echo_options *options);

/** Opens a door for each address. What cannot be opened is said on standard error, each with its cause; then none is
 * open. Returns an exit code. */
int doors_open(struct doors *doors, const struct echo_options *options);

/** Says on standard error where each door is: "listening on tcp://[::]:7". */
void doors_tell(const struct doors *doors, struct outputs *outputs);

/** Says that clients had to wait, or were lost, since the last time, if there were any: in one line. */
void doors_warn(struct doors *doors, struct outputs *outputs);

/** Counts all of them, since the beginning. */
void doors_count(const struct doors *doors, struct echo_counters *counters);

/** Closes it, if it is open. */
void door_close(struct doors *doors, struct door *door);
void doors_close(struct doors *doors);

#endif
