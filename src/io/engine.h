/* SPDX-License-Identifier: MIT
 *
 * The seam: everything the runtime asks of an operating system, or of what
 * stands in for one. It is completion-shaped: "do this operation, tell me the
 * result"; readiness, where an engine works by it, stays inside (readiness.h).
 *
 * An engine belongs to one loop; only wake() may be called from other threads.
 */
#ifndef IO_ENGINE_H
#define IO_ENGINE_H

#include "io/endpoint.h"
#include <coir/types.h>
#include <signal.h>
#include <stdbool.h>

struct loop;
struct engine;
struct wait_kind;

enum endpoint_address {
    ENDPOINT_OUR_ADDRESS,
    ENDPOINT_PEER_ADDRESS,
};

/** How an endpoint is closed. */
enum endpoint_close {
    ENDPOINT_CLOSE, /* close(2) */
    ENDPOINT_RESET, /* the peer sees a reset */
};

struct engine_table {
    const char *name;
    const struct wait_kind *waits; /* per kind of operation: how a task waits for it */

    /** Readies the engine. Returns 0, or why it does not work here. */
    int (*init)(struct engine *engine);
    void (*done)(struct engine *engine);

    /* Endpoints. Each is closed by close(), which also ends its operations:
     * a waiter is woken with -EBADF and must not touch the endpoint again. */
    int (*open)(struct engine *engine, const struct endpoint_plan *plan, struct endpoint **ret_endpoint);
    /** Takes `fd` over; on failure the caller keeps it. `flags`: ENDPOINT_LOCAL, _BORROWED, _EXPOSED. */
    int (*adopt)(struct engine *engine, int fd, uint16_t flags, struct endpoint **ret_endpoint);
    int (*open_signals)(struct engine *engine, const sigset_t *signals, struct endpoint **ret_endpoint);
    void (*close)(struct engine *engine, struct endpoint *endpoint, enum endpoint_close how);

    /* Operations. */
    /** By kind: begins the IDLE operation, whose kind, memory and size are set. Returns its result if it is done at
     * once, and leaves it IDLE; else OPERATION_PENDING: it is STARTED, and the caller sets its waiter. */
    int (*start[OPERATION_KIND_COUNT])(struct engine *engine, struct endpoint *endpoint, struct operation *operation);
    /** Asks a STARTED operation to end; it gets DONE soon, with -ECANCELED or with a result that came first. */
    void (*cancel)(struct engine *engine, struct endpoint *endpoint, struct operation *operation);

    /* Queries and settings. */
    int (*address)(struct engine *engine, struct endpoint *endpoint, enum endpoint_address which,
                   struct sockaddr_storage *ret_address);
    int (*unsent)(struct engine *engine, struct endpoint *endpoint, int *ret_bytes);
    /** Changes the options of an adopted stream socket. */
    int (*tune)(struct engine *engine, struct endpoint *endpoint, const struct endpoint_tuning *tuning);
    /** Changes the options of an adopted datagram socket, which from now on tells where each datagram was sent. */
    int (*tune_datagrams)(struct engine *engine, struct endpoint *endpoint, const struct datagram_tuning *tuning);
    /** Ends our half: the peer reads the end. */
    int (*finish)(struct engine *engine, struct endpoint *endpoint);
    /** Lets no further connection begin on a TCP listener; those that have begun go on. */
    int (*refuse)(struct engine *engine, struct endpoint *endpoint);

    /* The loop's. */
    /** Completes what can be completed; waits for it up to `timeout_ns` (COIR_FOREVER = no limit). */
    void (*wait)(struct engine *engine, coir_time timeout_ns);
    /** Makes a wait(), now or the next, return. The only call for other threads. */
    void (*wake)(struct engine *engine);
    coir_time (*now)(struct engine *engine);
};

struct engine {
    const struct engine_table *table;
    struct loop *loop;
};

#endif
