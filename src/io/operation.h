/* SPDX-License-Identifier: MIT
 *
 * Operations: what a task asks of the kernel and waits for. An operation's
 * record is part of its endpoint, never of a stack, so that it outlives
 * whoever asked.
 *
 * IDLE -> STARTED -> (CANCELLING ->) DONE -> IDLE. Whoever waits leaves its
 * call only when the operation is DONE; then it is delivered, and IDLE again.
 * One that is done at once is delivered at once, and was never anything else.
 * Between two of one call it is RESERVED, so that nobody else begins one.
 */
#ifndef IO_OPERATION_H
#define IO_OPERATION_H

#include <errno.h>
#include <stdint.h>

struct task;
struct buffer;

enum operation_kind {
    OPERATION_ACCEPT,       /* result: a descriptor */
    OPERATION_CONNECT,      /* memory: a sockaddr of `size` bytes */
    OPERATION_RECEIVE,      /* memory: room for `size` bytes; result: bytes, 0 = the end */
    OPERATION_LEND,         /* the same into a lent buffer, which `memory` then is */
    OPERATION_SEND,         /* memory: `size` bytes; result: how many were taken */
    OPERATION_SEND_PIECES,  /* memory: `size` iovecs; likewise */
    OPERATION_READY,        /* size: poll(2) events; result: those that hold */
    OPERATION_SIGNAL,       /* result: the signal's number */
    OPERATION_DISCARD,      /* result: bytes thrown away, 0 = the end */
    OPERATION_RECEIVE_FROM, /* memory: a struct message (message.h); result: bytes, 0 = an empty datagram */
    OPERATION_SEND_TO,      /* memory: likewise; result: >= 0, or -EBUSY: try again soon, no event will tell when */
};
#define OPERATION_KIND_COUNT 11

enum operation_state {
    OPERATION_IDLE,
    OPERATION_RESERVED, /* nothing is asked, but a call that has been interrupted goes on with it */
    OPERATION_STARTED,
    OPERATION_CANCELLING,
    OPERATION_DONE,
};

/** What start() returns of an operation that is not done at once. */
#define OPERATION_PENDING (-EAGAIN)

struct operation {
    struct task *waiter; /* NULL: a lingering endpoint's own */
    void *memory;        /* the kernel's until the operation is DONE */
    uint32_t size;
    int32_t result; /* once DONE */
    uint8_t kind;   /* enum operation_kind */
    uint8_t state;  /* enum operation_state */
};

#endif
