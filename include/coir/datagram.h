/* SPDX-License-Identifier: MIT
 *
 * Datagrams, over UDP and Unix sockets: messages that are sent and received
 * whole. Those of UDP may get lost, come twice or in another order.
 *
 * A socket has one owner, who alone closes it. At any time one task receives:
 * another gets -EBUSY. Any number may send; those that have to wait do so in a
 * line. An echo server is receive, send, release: a datagram that was received
 * names whom to answer, and from which of our addresses. Whoever answers
 * strangers looks first at `truncated`, at `to_many`, and at the peer: one with
 * port 7, 19 or 53, or our own address, may answer the answer, for ever.
 */
#ifndef COIR_DATAGRAM_H
#define COIR_DATAGRAM_H

#include <coir/stream.h>
#include <coir/types.h>

COIR_BEGIN_DECLARATIONS

struct coir_datagram_socket;

/** The address of a datagram socket; all zero is none. IPv4 is IPv4, also where
 * an IPv6 socket has received it. */
struct coir_address {
    uint64_t opaque[14];
};

struct coir_datagram {
    struct coir_slice data;
    struct coir_address peer;  /* who sent it; to whom it is sent */
    struct coir_address local; /* that of ours which it was sent to, and which it is sent from;
                                  none = the kernel chooses */
    bool truncated;            /* received: it was longer, and its end is lost */
    bool to_many;              /* received: it was sent to a broadcast or multicast address; then
                                  `local` is ours on that network with IPv4, none with IPv6 */
};

/** How a datagram socket behaves; zero is the default of every field. */
struct coir_datagram_options {
    uint32_t receive_queue_bytes; /* what the kernel keeps for us, with its own overhead, before it
                                     drops; 0 = net.core.rmem_default; capped at rmem_max */
    bool broadcast;               /* UDP: sending to broadcast addresses is allowed */
    bool free_bind;               /* UDP: also an address that this host does not have yet */
};

struct coir_datagram_info {
    char local[COIR_ADDRESS_SIZE]; /* the bound address, with the port that was picked; "" = none */
    uint64_t datagrams_in;
    uint64_t datagrams_out;
    uint64_t bytes_in;
    uint64_t bytes_out;
    uint64_t truncated; /* of those received */
    uint64_t errors;    /* reports that concerned no call: receives and sends went on past them */
};

/**
 * Reads an address: "udp://1.2.3.4:7", "udp://[::1]:7", "udp://[fe80::1%2]:7",
 * "unix:///run/x.sock", "unix://@abstract". May be called outside a task, too.
 *
 * Returns: 0 and the address.
 * Errors:  COIR_ERROR_ADDRESS, also where the host is empty;
 *          COIR_ERROR_HOST_NAME; -ENAMETOOLONG a Unix path over 107 bytes.
 */
COIR_EXPORT COIR_MUST_USE int coir_address_read(const char *uri, struct coir_address *ret_address);

/** Writes the address as coir_address_read() reads it; "" where it is none. May
 * be called outside a task, too. */
COIR_EXPORT void coir_address_print(const struct coir_address *address, char ret_text[COIR_ADDRESS_SIZE]);

/** The port; 0 where there is none. May be called outside a task, too. */
COIR_EXPORT int coir_address_port(const struct coir_address *address);

/** True if both are the same, port included. May be called outside a task, too. */
COIR_EXPORT bool coir_address_same(const struct coir_address *address, const struct coir_address *other);

/**
 * Opens a datagram socket on the address `uri`: "udp://:7" (every address, IPv6
 * and IPv4), "udp://127.0.0.1:0" (the kernel picks a port), "unix:///run/x.sock"
 * (a stale socket file is replaced, and the socket's own removed at its close),
 * "unix://@abstract", "fd://3" (a datagram socket we were given; it is closed
 * with ours, on failure it stays the giver's).
 *
 * Returns: 0 and the socket.
 * Errors:  COIR_ERROR_ADDRESS, COIR_ERROR_HOST_NAME the address; -EADDRINUSE
 *          somebody has it; -EADDRNOTAVAIL not an address of this host; -EACCES,
 *          -EPERM not allowed; -EAFNOSUPPORT no such family here, or the fd's is
 *          neither IP nor Unix; -ENAMETOOLONG a Unix path over 107 bytes;
 *          -ENOENT, -ENOTDIR, -EROFS, -ELOOP the Unix path; -EBADF, -ENOTSOCK,
 *          -ESOCKTNOSUPPORT (no datagram socket) the fd; -EEXIST it is in use
 *          here already (which the poll engine does not notice); -EINVAL an
 *          option's value; -EMFILE, -ENFILE, -ENOMEM, -ENOBUFS, -ENOSPC limits.
 * Owns:    the caller, who closes the socket.
 * Source:  bind(2), udp(7), ip(7), ipv6(7), unix(7). Without SO_REUSEADDR: two
 *          sockets would share what is sent to one.
 */
COIR_EXPORT COIR_MUST_USE int coir_datagram_open(const char *uri, const struct coir_datagram_options *options,
                                                 struct coir_datagram_socket **ret_socket);

/**
 * Waits for a datagram and lends its bytes. A socket that waits holds no
 * buffer. Several datagrams of one socket may be out at a time.
 *
 * Suspends: until a datagram arrives, or the scope ends.
 * Shape:    up to 65,536 bytes, more than UDP has; the rest of a longer one is
 *           lost (`truncated`). An empty one has no bytes to release.
 * Returns:  0 and a datagram. `peer` is none where a Unix sender has no address.
 * Errors:   -EBUSY another task receives; -ENOBUFS the byte budget has no 65,536
 *           bytes left, and -ENOMEM: the datagram waits in the kernel; -EBADF
 *           its owner closed it; -EINVAL somebody has shut it down, and nothing
 *           is left in it; -ECANCELED, -ETIME the scope; -ESHUTDOWN the scope
 *           drains and the queue is empty, which in a flood may take until the
 *           scope's limit. What the network reports of datagrams sent before is
 *           counted, not returned.
 * Owns:     the caller, until coir_release(&datagram.data), also after the
 *           socket's close. Descriptors that a Unix peer passes are not taken.
 * Source:   recvmsg(2), ip(7) IP_PKTINFO, ipv6(7) IPV6_RECVPKTINFO.
 */
COIR_EXPORT COIR_SUSPENDS COIR_MUST_USE int coir_datagram_receive(struct coir_datagram_socket *socket,
                                                                  struct coir_datagram *ret_datagram);

/**
 * Sends a datagram: its `data`, to `peer`, from `local`, whose port does not
 * matter. What was received can be sent back as it is.
 *
 * Suspends: while the kernel's send queue or a Unix receiver's is full, or
 *           another task waits for that: first come, first served. A Unix peer
 *           that does not read holds up everybody who sends: set a limit.
 * Returns:  0: the kernel has taken it, which does not say that it arrives.
 * Errors:   -EMSGSIZE too long: over 65,507 bytes with IPv4, 65,527 with IPv6,
 *           net.core.wmem_default with Unix sockets; -ECONNREFUSED, -ENOENT
 *           nobody has that Unix address; -EHOSTUNREACH, -ENETUNREACH no way
 *           there, or with IPv4 not from `local`; -EINVAL `local` is not ours,
 *           or not of the peer's family; -EAFNOSUPPORT nor is the socket;
 *           -EDESTADDRREQ, -ENOTCONN `peer` is none; -EACCES, -EPERM not
 *           allowed, such as a broadcast without the option; -EPROTOTYPE the
 *           Unix address is a stream's; -ENOBUFS, -ENOMEM limits; -EBADF its
 *           owner closed it; -ECANCELED, -ETIME the scope. What another
 *           datagram has brought about is counted, not returned.
 * Owns:     `data` is lent to the kernel until return, even when cancelled.
 * Source:   sendmsg(2), ip(7), ipv6(7), unix(7).
 */
COIR_EXPORT COIR_SUSPENDS COIR_MUST_USE int coir_datagram_send(struct coir_datagram_socket *socket,
                                                               const struct coir_datagram *datagram);

/**
 * Closes the socket; what was sent still arrives, what has come and was not
 * received is lost. Never fails, and ignores cancellation. NULL is ignored. A
 * task that waits on the socket gets -EBADF.
 *
 * Suspends: only while the kernel still owns memory of an operation.
 */
COIR_EXPORT COIR_SUSPENDS void coir_datagram_close(struct coir_datagram_socket *socket);

/**
 * Tells about the socket.
 *
 * Returns: 0.
 */
COIR_EXPORT int coir_datagram_info(const struct coir_datagram_socket *socket, struct coir_datagram_info *ret_info);

COIR_END_DECLARATIONS

#endif
