/* SPDX-License-Identifier: MIT
 *
 * Lingering: what happens to a closed connection whose peer has not finished.
 * close(2) with unread input would reset it and destroy what is on its way, so
 * our half is finished and the peer's bytes are discarded until it ends; a
 * peer that makes no progress is reset.
 */
#ifndef IO_LINGER_H
#define IO_LINGER_H

#include "task/timer.h"
#include <stdint.h>

struct loop;
struct endpoint;

/** How far a connection may linger. */
struct linger_limits {
    uint32_t quiet_ms;    /* without progress; up to a quarter more */
    uint32_t discard_kib; /* of what the peer still sends */
};

/** What lingering keeps of a connection. */
struct linger_state {
    struct timer timer;
    uint32_t quiet_ms;
    int unsent_bytes;      /* when the timer was last set */
    uint64_t discard_left; /* bytes */
};

/** Takes over the endpoint; who waits for one of its operations is woken with OPERATION_GONE. */
void linger_start(struct loop *loop, struct endpoint *endpoint, struct linger_limits limits);

/** The engine has completed the endpoint's DISCARD. */
void linger_discarded(struct loop *loop, struct endpoint *endpoint);

/** Resets every connection that lingers. */
void linger_stop_all(struct loop *loop);

#endif
