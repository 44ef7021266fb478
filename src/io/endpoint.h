/* SPDX-License-Identifier: MIT
 *
 * Endpoints: the engine's object per descriptor, with one operation record per
 * direction, what is known of the descriptor's readiness, and the error that
 * ended it.
 */
#ifndef IO_ENDPOINT_H
#define IO_ENDPOINT_H

#include "base/slab.h"
#include "io/linger.h"
#include "io/operation.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#define ENDPOINT_LOCAL (1u << 0)    /* AF_UNIX: a short read says nothing about what is left */
#define ENDPOINT_BORROWED (1u << 1) /* the descriptor is somebody else's: never close it */
#define ENDPOINT_EXPOSED (1u << 2)  /* others may hold copies of the descriptor */
#define ENDPOINT_INBOUND (1u << 3)  /* something may be there to receive or accept */
#define ENDPOINT_OUTBOUND (1u << 4) /* the kernel may take more */
#define ENDPOINT_HANGUP (1u << 5)   /* RDHUP, HUP, ERR or PRI since the last EAGAIN: read until that */
#define ENDPOINT_ENDED (1u << 6)    /* the peer's end was received */
#define ENDPOINT_LINGERS (1u << 7)  /* closed by its owner; only linger.c knows it */
#define ENDPOINT_FOREIGN (1u << 8)  /* adopted as borrowed: watched only while an operation waits */

struct endpoint {
    struct slab_header header;
    int fd;
    uint32_t slot;  /* for the engine to find it by */
    uint16_t flags; /* ENDPOINT_... */
    int16_t error;  /* fatal to both directions; 0 = none */
    uint8_t class;  /* of the buffer for the next LEND */
    uint8_t small_in_a_row;
    uint8_t looks_without_progress; /* of linger.c */
    struct operation in;
    union {
        struct operation out;
        struct linger_state linger; /* with ENDPOINT_LINGERS */
    };
};

_Static_assert(sizeof(struct endpoint) <= 112, "a stream and its endpoint are promised to take at most 200 bytes");

/** How an endpoint is opened. */
enum endpoint_purpose {
    ENDPOINT_TO_LISTEN,
    ENDPOINT_TO_CONNECT,
    ENDPOINT_FOR_DATAGRAMS,
};

/** TCP's options of a stream; a listener's pass to what it accepts. */
struct endpoint_tuning {
    uint32_t user_timeout_ms; /* 0 = off */
    uint32_t keepalive_s;     /* 0 = off */
    bool delay_small_writes;
};

/** Options of a datagram socket. */
struct datagram_tuning {
    uint32_t receive_queue_bytes; /* 0 = as the system has it; at most INT_MAX */
    bool broadcast;
};

/** What a new socket is to be. */
struct endpoint_plan {
    enum endpoint_purpose purpose;
    const struct sockaddr *address; /* to bind to; NULL = none */
    socklen_t address_size;
    sa_family_t family;
    bool dual_stack; /* an IPv6 socket takes IPv4 too */
    bool free_bind;  /* also to an address that this host does not have */
    int backlog;
    struct endpoint_tuning tuning; /* of streams; set before the socket can have a peer */
    struct datagram_tuning datagrams;
};

#endif
