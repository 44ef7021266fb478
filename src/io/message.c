/* SPDX-License-Identifier: MIT
 *
 * Datagrams and their frames: see message.h.
 */
#include "io/message.h"
#include <string.h>

void message_lay_receive(struct message_frame *frame, struct message *message, struct buffer *room, bool local)
{
    message->peer.any.sa_family = AF_UNSPEC;
    message->ours.any.sa_family = AF_UNSPEC;
    message->to_many = false;
    frame->piece = (struct iovec){.iov_base = room->bytes, .iov_len = room->capacity};
    frame->header = (struct msghdr){.msg_name = &message->peer, .msg_namelen = sizeof(message->peer.local)};
    frame->header.msg_iov = &frame->piece;
    frame->header.msg_iovlen = 1;
    if (!local) {
        frame->header.msg_control = &frame->control;
        frame->header.msg_controllen = sizeof(frame->control);
    }
}

/* The destination in the datagram's header, and ours on the network it came from: not the same where it was sent to
 * many, whom nobody can answer as. */
static void take_ip4(struct message *message, const struct in_pktinfo *info)
{
    struct in_addr ours = info->ipi_spec_dst;

    message->to_many = info->ipi_addr.s_addr != ours.s_addr;
    if (ours.s_addr == htonl(INADDR_ANY)) { /* it came before the socket was asked for more */
        message->to_many =
            IN_MULTICAST(ntohl(info->ipi_addr.s_addr)) || info->ipi_addr.s_addr == htonl(INADDR_BROADCAST);
        if (message->to_many)
            return;
        ours = info->ipi_addr;
    }
    message->ours.ip4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = ours};
}

/* Of IPv4 on an IPv6 socket, take_ip4() knows more. */
static void take_ip6(struct message *message, const struct in6_pktinfo *info)
{
    const struct in6_addr *host = &info->ipi6_addr;

    if (IN6_IS_ADDR_V4MAPPED(host))
        return;
    message->to_many = IN6_IS_ADDR_MULTICAST(host);
    if (message->to_many)
        return;
    message->ours.ip6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_addr = *host};
    if (IN6_IS_ADDR_LINKLOCAL(host))
        message->ours.ip6.sin6_scope_id = info->ipi6_ifindex;
}

static void take_control(struct message *message, struct cmsghdr *control)
{
    union {
        struct in_pktinfo ip4;
        struct in6_pktinfo ip6;
    } info;

    if (control->cmsg_level == IPPROTO_IP && control->cmsg_type == IP_PKTINFO) {
        memcpy(&info.ip4, CMSG_DATA(control), sizeof(info.ip4));
        take_ip4(message, &info.ip4);
    } else if (control->cmsg_level == IPPROTO_IPV6 && control->cmsg_type == IPV6_PKTINFO) {
        memcpy(&info.ip6, CMSG_DATA(control), sizeof(info.ip6));
        take_ip6(message, &info.ip6);
    }
}

/* The one after `control`; NULL = no more. CMSG_NXTHDR() does this too, but musl's warns of conversions. */
static struct cmsghdr *next_control(const struct msghdr *header, struct cmsghdr *control)
{
    unsigned char *next = (unsigned char *)control + CMSG_ALIGN(control->cmsg_len);
    unsigned char *end = (unsigned char *)header->msg_control + header->msg_controllen;

    return end - next < (ptrdiff_t)sizeof(*control) ? NULL : (struct cmsghdr *)(void *)next;
}

void message_take(struct message *message, struct message_frame *frame)
{
    struct msghdr *header = &frame->header;
    socklen_t size = header->msg_namelen;
    socklen_t room = sizeof(message->peer.local);

    message->peer_size = size < room ? size : room; /* of a Unix path of 108 bytes the kernel counts its zero, too */
    message->truncated = (header->msg_flags & MSG_TRUNC) != 0;
    for (struct cmsghdr *control = CMSG_FIRSTHDR(header); control != NULL; control = next_control(header, control))
        take_control(message, control);
}

/* Adds the one control message that a send has. */
static void add_control(struct message_frame *frame, int level, int type, const void *value, size_t size)
{
    struct cmsghdr *control = &frame->control.first;

    memset(&frame->control, 0, CMSG_SPACE(size));
    control->cmsg_level = level;
    control->cmsg_type = type;
    control->cmsg_len = (__typeof__(control->cmsg_len))CMSG_LEN(size); /* size_t in glibc, socklen_t in musl */
    memcpy(CMSG_DATA(control), value, size);
    frame->header.msg_control = control;
    frame->header.msg_controllen = (__typeof__(frame->header.msg_controllen))CMSG_SPACE(size);
}

static void add_ours(struct message_frame *frame, const union message_address *ours)
{
    struct in_pktinfo ip4 = {.ipi_ifindex = 0};
    struct in6_pktinfo ip6 = {.ipi6_ifindex = 0};

    if (ours->any.sa_family == AF_INET) {
        ip4.ipi_spec_dst = ours->ip4.sin_addr;
        add_control(frame, IPPROTO_IP, IP_PKTINFO, &ip4, sizeof(ip4));
    } else if (ours->any.sa_family == AF_INET6) {
        ip6.ipi6_addr = ours->ip6.sin6_addr;
        ip6.ipi6_ifindex = ours->ip6.sin6_scope_id;
        add_control(frame, IPPROTO_IPV6, IPV6_PKTINFO, &ip6, sizeof(ip6));
    }
}

void message_lay_send(struct message_frame *frame, const struct message *message)
{
    frame->piece = (struct iovec){.iov_base = (void *)(uintptr_t)message->bytes, .iov_len = message->size};
    frame->header = (struct msghdr){.msg_iov = &frame->piece};
    frame->header.msg_iovlen = 1;
    if (message->peer_size > 0) {
        frame->header.msg_name = (void *)(uintptr_t)&message->peer;
        frame->header.msg_namelen = message->peer_size;
    }
    add_ours(frame, &message->ours);
}

void message_drop(struct message *message)
{
    if (message->buffer != NULL)
        buffer_release(message->buffer);
}
