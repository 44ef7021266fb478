/* SPDX-License-Identifier: MIT
 *
 * Accepting: what accept(2) may say on Linux, and draining a listener without
 * resetting anybody.
 */
#include "io/loop.h"
#include "kernel/kernel.h"
#include "net/listener.h"
#include "net/net.h"
#include "net/pause.h"
#include "net/stream.h"
#include <errno.h>

/** How long to wait where the kernel has no descriptor or no memory, which no event announces. */
#define SHORTAGE_PAUSE_NS (50 * COIR_MILLISECOND)
/** So many errors in a row are those of connections; where more come, it is the system that refuses them all, as a
 * sandbox's rule does, and will for a while. */
#define ERRORS_IN_A_ROW 64
/** An acceptor may do as many calls as this part of a round has tasks. */
#define ROUND_SHARE 8
/** A handshake that has begun ends within this, on a network worth the name; after it the queue counts as empty. */
#define DRAIN_QUIET_NS (2 * COIR_MILLISECOND)

enum accept_verdict {
    ACCEPT_NEXT,  /* this one is dead: take the next */
    ACCEPT_PAUSE, /* the system is short of something */
    ACCEPT_FAIL,  /* the listener is dead */
};

/* accept(2): errors of the network belong to the connection that was in the queue, not to the listener. */
static enum accept_verdict judge_error(int error)
{
    switch (error) {
    case -EMFILE:
    case -ENFILE:
    case -ENOMEM:
    case -ENOBUFS:
        return ACCEPT_PAUSE;
    case -EBADF:
    case -EINVAL:
    case -ENOTSOCK:
    case -EFAULT:
        return ACCEPT_FAIL;
    case -EOPNOTSUPP: /* a pending error of the new socket, too */
    default:
        return ACCEPT_NEXT;
    }
}

static bool drains_now(void)
{
    return scope_drains(scheduler_current->current->scope);
}

/* In a drain: no connection begins any more. Returns when the wait for those that have begun is over. */
static coir_time begin_refusing(struct coir_listener *listener)
{
    struct engine *engine = loop_current()->engine;

    if (!listener->refusing) {
        listener->refusing = true;
        listener->last_accept = coir_now();
        (void)engine->table->refuse(engine, listener->endpoint);
    }
    listener->endpoint->flags |= ENDPOINT_INBOUND;
    return time_after(listener->last_accept, DRAIN_QUIET_NS);
}

/* One accept; -ESHUTDOWN when the scope drains and nothing has come for a while. */
static int accept_or_drained(struct coir_listener *listener)
{
    struct endpoint *endpoint = listener->endpoint;

    for (;;) {
        coir_time deadline = COIR_FOREVER;
        bool late = false;
        int rc;

        if (drains_now() || listener->refusing) {
            if (listener->adopted)
                return -ESHUTDOWN; /* the queue is not ours alone */
            deadline = begin_refusing(listener);
            late = coir_now() >= deadline;
        }
        endpoint->in.kind = OPERATION_ACCEPT;
        rc = operation_await(endpoint, &endpoint->in, deadline);
        if (rc == -EINVAL && listener->refusing && endpoint->flags & ENDPOINT_LOCAL)
            return -ESHUTDOWN; /* its queue is empty, and stays so: we shut it down */
        if (rc != WAIT_RECONSIDER)
            return rc;
        /* Only a try that began after the deadline proves the queue empty: where tasks held up the loop, a connection
         * and the deadline are met together. */
        if (late)
            return -ESHUTDOWN;
        rc = task_proceed();
        if (rc < 0)
            return rc;
    }
}

/* Waits a little for descriptors or memory. Returns 0, -ECANCELED, -ETIME or OPERATION_GONE. */
static int pause_accepting(struct coir_listener *listener)
{
    static const struct wait_kind pause_kind = {.name = "pause in accept", .cancel = pause_cancel, .heeds_drain = true};
    struct slab_header before = listener->header;
    int rc;

    listener->shortages++;
    rc = pause_for(&pause_kind, SHORTAGE_PAUSE_NS);
    if (listener->header.magic != before.magic || listener->header.generation != before.generation)
        return OPERATION_GONE;
    return rc;
}

/* On to the next one, but others may run before. Returns 0, -ECANCELED, -ETIME or OPERATION_GONE. */
static int pass_over(struct coir_listener *listener)
{
    int rc;

    task_charge(scheduler_current, 1, 0);
    rc = task_enter(&listener->header);
    return rc == -EBADF ? OPERATION_GONE : rc;
}

/* A descriptor, or why there will be none. */
static int accept_descriptor(struct coir_listener *listener)
{
    for (unsigned errors = 1;; errors++) {
        int fd = accept_or_drained(listener);
        int rc = 0;

        if (fd >= 0 || fd == -ECANCELED || fd == -ETIME || fd == -ESHUTDOWN || fd == OPERATION_GONE)
            return fd;
        switch (judge_error(fd)) {
        case ACCEPT_FAIL:
            return fd;
        case ACCEPT_PAUSE:
            rc = pause_accepting(listener);
            break;
        case ACCEPT_NEXT:
            listener->lost++;
            rc = errors % ERRORS_IN_A_ROW == 0 ? pause_accepting(listener) : pass_over(listener);
            break;
        }
        if (rc < 0)
            return rc;
    }
}

/* A stream of the descriptor, which this closes where that fails. */
static int make_stream(struct coir_listener *listener, int fd, struct coir_stream **ret_stream)
{
    struct engine *engine = loop_current()->engine;
    uint16_t flags = listener->endpoint->flags & ENDPOINT_LOCAL;
    struct endpoint *endpoint;
    struct coir_stream *stream;
    int rc = engine->table->adopt(engine, fd, flags, &endpoint);

    if (rc < 0) {
        (void)kernel_close(fd);
        return rc;
    }
    stream = socket_stream_open(endpoint, listener->linger, STREAM_ACCEPTED);
    if (stream == NULL) {
        engine->table->close(engine, endpoint, ENDPOINT_RESET);
        return -ENOMEM;
    }
    *ret_stream = stream;
    return 0;
}

/* Among thousands of sessions that are ready in each round sixteen clients a round would wait for ever: as many calls
 * as an eighth of the round's tasks do not count. */
static void spare_share(struct coir_listener *listener)
{
    struct scheduler *scheduler = scheduler_current;

    if (listener->turn != scheduler->turns) {
        listener->turn = scheduler->turns;
        listener->spared = 0;
    }
    if (listener->spared >= scheduler->round_size / ROUND_SHARE)
        return;
    listener->spared++;
    task_spare(scheduler);
}

/* Accepts until there is a stream, also past those for which there was no memory. */
static int accept_stream(struct coir_listener *listener, struct coir_stream **ret_stream)
{
    int fd;
    int rc;

    do {
        fd = accept_descriptor(listener);
        if (fd < 0)
            return fd;
        rc = make_stream(listener, fd, ret_stream);
        if (rc < 0) {
            listener->lost++;
            rc = pause_accepting(listener);
            if (rc < 0)
                return rc;
            rc = -EAGAIN;
        }
    } while (rc < 0);
    listener->accepted++;
    spare_share(listener);
    listener->last_accept = coir_now();
    (*ret_stream)->quiet_from = listener->last_accept; /* its readers may be in a drain where we are in none */
    return 0;
}

int coir_accept(struct coir_listener *listener, struct coir_stream **ret_stream)
{
    int rc;

    ASSERT(task_is_running());
    ASSERT(listener != NULL && slab_owns(&net_current()->listeners, listener));
    ASSERT(ret_stream != NULL);
    rc = task_enter(&listener->header);
    if (rc < 0)
        return rc;
    if (listener->accepting)
        return -EBUSY;
    listener->accepting = true;
    rc = accept_stream(listener, ret_stream);
    if (rc == OPERATION_GONE)
        return -EBADF;
    listener->accepting = false;
    return rc;
}
