/* SPDX-License-Identifier: MIT
 *
 * Datagrams as operations bring and take them, and how recvmsg(2) and
 * sendmsg(2) say the same: a frame, whose control messages hold the address of
 * ours that a datagram was sent to or is sent from.
 */
#ifndef IO_MESSAGE_H
#define IO_MESSAGE_H

#include "io/buffer.h"
#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>

union message_address {
    struct sockaddr any; /* AF_UNSPEC: none */
    struct sockaddr_in ip4;
    struct sockaddr_in6 ip6;
    struct sockaddr_un local;
};

struct message {
    struct buffer *buffer; /* received, lent; NULL: the datagram is empty */
    const void *bytes;     /* to be sent */
    size_t size;           /* likewise */
    bool truncated;        /* received: see struct coir_datagram */
    bool to_many;
    socklen_t peer_size;
    union message_address peer;
    union message_address ours; /* its port means nothing; the interface only where the address needs one */
};

/** More than what we ask for takes: a socket that we were given may say more. */
#define MESSAGE_CONTROL_SIZE 256

/** Valid as long as what it was laid for. */
struct message_frame {
    struct msghdr header;
    struct iovec piece;
    union {
        struct cmsghdr first; /* for its alignment */
        unsigned char bytes[MESSAGE_CONTROL_SIZE];
    } control;
};

/** Lays a frame for a receive into `room`. With `local` nothing may come along: the kernel then drops descriptors that
 * a Unix peer passes, and needs none of ours for that. */
void message_lay_receive(struct message_frame *frame, struct message *message, struct buffer *room, bool local);

/** Takes from the frame what a receive brought beside the bytes. */
void message_take(struct message *message, struct message_frame *frame);

/** Lays a frame for a send. */
void message_lay_send(struct message_frame *frame, const struct message *message);

/** Gives back what a message that nobody will take has brought. */
void message_drop(struct message *message);

#endif
