/* SPDX-License-Identifier: MIT
 *
 * What engines that work by readiness share: sockets, and operations made of
 * "try; if it would block, wait until the kernel says ready; try again". Such
 * an engine embeds struct readiness, fills its table with the functions below,
 * and adds only how it learns of readiness.
 *
 * A receive is tried again not when its event comes but when its task's turn
 * does, so that the bytes are warm when the task sees them, and one buffer
 * serves task after task.
 */
#ifndef IO_READINESS_H
#define IO_READINESS_H

#include "io/engine.h"

/** How a readiness engine learns of readiness. */
struct readiness_hooks {
    /** Begins to watch the endpoint: all of it, or for a READY operation its events only. Returns 0 or an error. */
    int (*watch)(struct engine *engine, struct endpoint *endpoint);
    /** Forgets the endpoint, which is about to be closed. */
    void (*unwatch)(struct engine *engine, struct endpoint *endpoint);
    /** An operation of the endpoint begins or no longer waits. NULL: the engine need not know. */
    void (*interest)(struct engine *engine, struct endpoint *endpoint);
};

struct readiness {
    struct engine engine;
    const struct readiness_hooks *hooks;
};

/** The kernel says that some of the poll(2) `events` hold. */
void readiness_event(struct engine *engine, struct endpoint *endpoint, uint32_t events);

int readiness_open(struct engine *engine, const struct endpoint_plan *plan, struct endpoint **ret_endpoint);
int readiness_adopt(struct engine *engine, int fd, uint16_t flags, struct endpoint **ret_endpoint);
int readiness_open_signals(struct engine *engine, const sigset_t *signals, struct endpoint **ret_endpoint);
void readiness_close(struct engine *engine, struct endpoint *endpoint, enum endpoint_close how);
bool readiness_start(struct engine *engine, struct endpoint *endpoint, struct operation *operation);
bool readiness_retry(struct engine *engine, struct endpoint *endpoint, struct operation *operation);
void readiness_cancel(struct engine *engine, struct endpoint *endpoint, struct operation *operation);
int readiness_address(struct engine *engine, struct endpoint *endpoint, enum endpoint_address which,
                      struct sockaddr_storage *ret_address);
int readiness_unsent(struct engine *engine, struct endpoint *endpoint, int *ret_bytes);
int readiness_tune(struct engine *engine, struct endpoint *endpoint, const struct endpoint_tuning *tuning);
int readiness_finish(struct engine *engine, struct endpoint *endpoint);
int readiness_refuse(struct engine *engine, struct endpoint *endpoint);
coir_time readiness_now(struct engine *engine);

/** The part of an engine's table that is the same for all of them. */
#define READINESS_FUNCTIONS                                                                                            \
    .open = readiness_open, .adopt = readiness_adopt, .open_signals = readiness_open_signals,                          \
    .close = readiness_close, .start = readiness_start, .retry = readiness_retry, .cancel = readiness_cancel,          \
    .address = readiness_address, .unsent = readiness_unsent, .tune = readiness_tune, .finish = readiness_finish,      \
    .refuse = readiness_refuse, .now = readiness_now

/* Between the two files of this part: attempt.c tries, readiness.c keeps order. */

/** Tries the operation once. Returns its result, or -EAGAIN: it would block. */
int readiness_attempt(struct loop *loop, struct endpoint *endpoint, struct operation *operation);

#endif
