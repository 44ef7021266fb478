/* SPDX-License-Identifier: MIT
 *
 * What engines that work by readiness share: sockets, and operations made of
 * "try; if it would block, wait until the kernel says ready; try again". Such
 * an engine embeds struct readiness, fills its table with READINESS_FUNCTIONS,
 * and adds only how it learns of readiness.
 *
 * A receive is tried again not when its event comes but when its task's turn
 * does, so that the bytes are warm when the task sees them, and one buffer
 * serves task after task.
 */
#ifndef IO_READINESS_H
#define IO_READINESS_H

#include "io/engine.h"
#include "io/loop.h"
#include "task/task.h"
#include <poll.h>

#define READINESS_INBOUND (POLLIN | POLLPRI | POLLRDHUP | POLLHUP | POLLERR)
#define READINESS_HANGUP (POLLPRI | POLLRDHUP | POLLHUP | POLLERR)
#define READINESS_OUTBOUND (POLLOUT | POLLHUP | POLLERR)

/** How a readiness engine learns of readiness. */
struct readiness_hooks {
    /** Begins to watch the endpoint: all of it, or where it is foreign the events of its READY operation. Returns 0 or
     * an error. */
    int (*watch)(struct engine *engine, struct endpoint *endpoint);
    /** Forgets the endpoint, which is about to be closed. */
    void (*unwatch)(struct engine *engine, struct endpoint *endpoint);
};

struct readiness {
    struct engine engine;
    const struct readiness_hooks *hooks;
};

static inline const struct readiness_hooks *readiness_hooks_of(const struct engine *engine)
{
    return CONTAINER_OF(engine, struct readiness, engine)->hooks;
}

/** attempt.c's: how tasks wait. */
extern const struct wait_kind readiness_waits[OPERATION_KIND_COUNT];

/* There was nothing, or no use in asking: the operation waits for an event. */
static inline int readiness_wait_for_event(struct operation *operation)
{
    operation->state = OPERATION_STARTED;
    return OPERATION_PENDING;
}

/* The task that waits for the operation tries it again when its turn comes. */
static inline void readiness_try_later(struct engine *engine, const struct operation *operation)
{
    if (operation->state == OPERATION_STARTED && operation->waiter->state == TASK_PARKED)
        task_wake_to_settle(&engine->loop->scheduler, operation->waiter);
}

/** The rest of readiness_event(): a hangup, or an endpoint that lingers or is foreign. */
void readiness_unusual_event(struct engine *engine, struct endpoint *endpoint, uint32_t events);

/** The kernel says that some of the poll(2) `events` hold. */
static inline void readiness_event(struct engine *engine, struct endpoint *endpoint, uint32_t events)
{
    if (UNLIKELY(events & READINESS_HANGUP || endpoint->flags & (ENDPOINT_LINGERS | ENDPOINT_FOREIGN))) {
        readiness_unusual_event(engine, endpoint, events);
        return;
    }
    if (events & READINESS_INBOUND) {
        endpoint->flags |= ENDPOINT_INBOUND;
        readiness_try_later(engine, &endpoint->in);
    }
    if (events & READINESS_OUTBOUND) {
        endpoint->flags |= ENDPOINT_OUTBOUND;
        readiness_try_later(engine, &endpoint->out);
    }
}

/** A wait for events has failed with `error`. Signals interrupt it and memory may be short for it; neither is the
 * program's fault, and both pass. */
void readiness_wait_failed(int error);

/* attempt.c and attempt_datagram.c: start() of each kind of operation, and what a STARTED one tries again. Each is
 * tried only where the endpoint's flags say that it may come to something. */
int readiness_accept(struct engine *engine, struct endpoint *endpoint, struct operation *operation);
int readiness_connect(struct engine *engine, struct endpoint *endpoint, struct operation *operation);
int readiness_receive(struct engine *engine, struct endpoint *endpoint, struct operation *operation);
int readiness_lend(struct engine *engine, struct endpoint *endpoint, struct operation *operation);
int readiness_send(struct engine *engine, struct endpoint *endpoint, struct operation *operation);
int readiness_send_pieces(struct engine *engine, struct endpoint *endpoint, struct operation *operation);
int readiness_ready(struct engine *engine, struct endpoint *endpoint, struct operation *operation);
int readiness_signal(struct engine *engine, struct endpoint *endpoint, struct operation *operation);
int readiness_discard(struct engine *engine, struct endpoint *endpoint, struct operation *operation);
int readiness_receive_from(struct engine *engine, struct endpoint *endpoint, struct operation *operation);
int readiness_send_to(struct engine *engine, struct endpoint *endpoint, struct operation *operation);

#define READINESS_START                                                                                                \
    {                                                                                                                  \
        [OPERATION_ACCEPT] = readiness_accept, [OPERATION_CONNECT] = readiness_connect,                                \
        [OPERATION_RECEIVE] = readiness_receive, [OPERATION_LEND] = readiness_lend, [OPERATION_SEND] = readiness_send, \
        [OPERATION_SEND_PIECES] = readiness_send_pieces, [OPERATION_READY] = readiness_ready,                          \
        [OPERATION_SIGNAL] = readiness_signal, [OPERATION_DISCARD] = readiness_discard,                                \
        [OPERATION_RECEIVE_FROM] = readiness_receive_from, [OPERATION_SEND_TO] = readiness_send_to,                    \
    }

/* readiness.c and socket.c: the rest of an engine's table. */
int readiness_open(struct engine *engine, const struct endpoint_plan *plan, struct endpoint **ret_endpoint);
int readiness_adopt(struct engine *engine, int fd, uint16_t flags, struct endpoint **ret_endpoint);
int readiness_open_signals(struct engine *engine, const sigset_t *signals, struct endpoint **ret_endpoint);
void readiness_close(struct engine *engine, struct endpoint *endpoint, enum endpoint_close how);
void readiness_cancel(struct engine *engine, struct endpoint *endpoint, struct operation *operation);
int readiness_address(struct engine *engine, struct endpoint *endpoint, enum endpoint_address which,
                      struct sockaddr_storage *ret_address);
int readiness_unsent(struct engine *engine, struct endpoint *endpoint, int *ret_bytes);
int readiness_tune(struct engine *engine, struct endpoint *endpoint, const struct endpoint_tuning *tuning);
int readiness_tune_datagrams(struct engine *engine, struct endpoint *endpoint, const struct datagram_tuning *tuning);
int readiness_finish(struct engine *engine, struct endpoint *endpoint);
int readiness_refuse(struct engine *engine, struct endpoint *endpoint);
coir_time readiness_now(struct engine *engine);

/** The part of an engine's table that is the same for all of them; start is not. */
#define READINESS_FUNCTIONS                                                                                            \
    .waits = readiness_waits, .open = readiness_open, .adopt = readiness_adopt,                                        \
    .open_signals = readiness_open_signals, .close = readiness_close, .cancel = readiness_cancel,                      \
    .address = readiness_address, .unsent = readiness_unsent, .tune = readiness_tune,                                  \
    .tune_datagrams = readiness_tune_datagrams, .finish = readiness_finish, .refuse = readiness_refuse,                \
    .now = readiness_now

#endif
