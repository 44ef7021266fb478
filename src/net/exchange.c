/* SPDX-License-Identifier: MIT
 *
 * Receiving and sending datagrams. What the network reports of one datagram
 * must neither end the socket nor be taken for the fate of another.
 */
#include "io/loop.h"
#include "net/datagram.h"
#include "net/net.h"
#include "net/packed.h"
#include "net/pause.h"
#include "net/socket_stream.h"
#include <errno.h>
#include <limits.h>
#include <string.h>

/** Between two tries at a Unix receiver whose queue is full, which no event announces: short at first, as it may just
 * have lost its turn. */
#define QUEUE_PAUSE_MIN_NS (50 * COIR_MICROSECOND)
#define QUEUE_PAUSE_MAX_NS (2 * COIR_MILLISECOND)

#define ASSERT_SOCKET(socket)                                                                                          \
    do {                                                                                                               \
        ASSERT(task_is_running());                                                                                     \
        ASSERT((socket) != NULL && slab_owns(&net_current()->datagram_sockets, (socket)));                             \
    } while (0)

static bool is_same(const struct slab_header *header, struct slab_header before)
{
    return header->magic == before.magic && header->generation == before.generation;
}

/* recvmsg(2): what is left is a report of the network, of a datagram that was sent before. */
static bool is_report(int error)
{
    switch (error) {
    case -ECANCELED: /* the scope's */
    case -ETIME:
    case -ESHUTDOWN:
    case OPERATION_GONE:
    case -ENOBUFS: /* shortages */
    case -ENOMEM:
    case -EBADF: /* the socket itself */
    case -ENOTSOCK:
    case -EINVAL:
    case -EFAULT:
        return false;
    default:
        return error < 0;
    }
}

/* One receive; -ESHUTDOWN when the scope drains and there is nothing. */
static int receive_or_drained(struct coir_datagram_socket *socket)
{
    struct endpoint *endpoint = socket->endpoint;
    struct operation *operation = &endpoint->in;

    for (;;) {
        bool draining = scope_drains(scheduler_current->current->scope);
        int rc;

        if (draining)
            endpoint->flags |= ENDPOINT_INBOUND; /* only a try proves the queue empty */
        operation->kind = OPERATION_RECEIVE_FROM;
        operation->memory = &socket->incoming;
        rc = operation_await(endpoint, operation, draining ? coir_now() : COIR_FOREVER);
        if (rc != WAIT_RECONSIDER)
            return rc;
        if (draining)
            return -ESHUTDOWN;
        rc = task_proceed();
        if (rc < 0)
            return rc;
    }
}

/* On to the next one, but others may run before. Returns 0, -ECANCELED, -ETIME or OPERATION_GONE. */
static int pass_over(struct coir_datagram_socket *socket)
{
    struct operation *operation = &socket->endpoint->in;
    int rc;

    socket->errors++;
    operation->state = OPERATION_RESERVED;
    rc = task_enter(&socket->header);
    if (rc == -EBADF)
        return OPERATION_GONE;
    operation->state = OPERATION_IDLE;
    return rc;
}

/* Receives past what is no datagram. Returns bytes, or why there will be none. */
static int receive_message(struct coir_datagram_socket *socket)
{
    for (;;) {
        int rc = receive_or_drained(socket);

        if (!is_report(rc))
            return rc;
        rc = pass_over(socket);
        if (rc < 0)
            return rc;
    }
}

static struct coir_slice lend_buffer(struct buffer *buffer, size_t size)
{
    if (buffer == NULL)
        return (struct coir_slice){.bytes = NULL};
    buffer->holder = NULL; /* what is released is nobody's */
    buffer->end = (uint32_t)size;
    buffer->lent = (uint32_t)size;
    buffer_hide_rest(buffer);
    loop_current()->slices_out++;
    return (struct coir_slice){.bytes = buffer->bytes, .size = size, .origin = buffer};
}

/* The address of ours that the datagram was sent to. */
static void tell_local(struct coir_datagram_socket *socket, struct coir_address *ret_local)
{
    const union message_address *ours = &socket->incoming.ours;

    if (socket->family == AF_UNIX) {
        *ret_local = socket->bound;
        return;
    }
    if (coir_address_port(&socket->bound) == 0)
        (void)datagram_learn_address(socket);
    packed_write(&ours->any, ours->any.sa_family == AF_INET ? sizeof(ours->ip4) : sizeof(ours->ip6), ret_local);
    if (ours->any.sa_family != AF_UNSPEC)
        packed_set_port(ret_local, coir_address_port(&socket->bound));
}

/* Hands over what `socket->incoming` has. */
static void deliver(struct coir_datagram_socket *socket, size_t size, struct coir_datagram *datagram)
{
    const struct message *message = &socket->incoming;

    datagram->data = lend_buffer(message->buffer, size);
    datagram->truncated = message->truncated;
    datagram->to_many = message->to_many;
    packed_write(&message->peer.any, message->peer_size, &datagram->peer);
    tell_local(socket, &datagram->local);
    socket->datagrams_in++;
    socket->bytes_in += size;
    socket->truncated += message->truncated;
    socket_charge(loop_current(), (int)size, 1);
}

int coir_datagram_receive(struct coir_datagram_socket *socket, struct coir_datagram *ret_datagram)
{
    int rc;

    ASSERT_SOCKET(socket);
    ASSERT(ret_datagram != NULL);
    rc = task_enter(&socket->header);
    if (rc < 0)
        return rc;
    if (socket->endpoint->in.state != OPERATION_IDLE)
        return -EBUSY;
    rc = receive_message(socket);
    if (rc == OPERATION_GONE)
        return -EBADF;
    if (rc < 0)
        return rc;
    deliver(socket, (size_t)rc, ret_datagram);
    return 0;
}

static void leave_line(struct task *task)
{
    list_remove(&task->waiting);
    task_wake(task, WAIT_RECONSIDER);
}

/* Takes the first task out of the line; NULL when there is none. */
static struct task *take_sender(struct coir_datagram_socket *socket)
{
    struct task *task;

    if (list_empty(&socket->senders))
        return NULL;
    task = CONTAINER_OF(socket->senders.next, struct task, waiting);
    list_remove(&task->waiting);
    return task;
}

void datagram_dismiss_senders(struct coir_datagram_socket *socket)
{
    struct task *task;

    while ((task = take_sender(socket)) != NULL)
        task_wake(task, OPERATION_GONE);
}

/* The turn goes from task to task, so that nobody gets in between. */
static void pass_turn(struct coir_datagram_socket *socket)
{
    struct task *next = take_sender(socket);

    socket->sending = next != NULL;
    if (next != NULL)
        task_wake(next, 0);
}

/* Waits for the turn to send. Returns 0, -ECANCELED, -ETIME or OPERATION_GONE. */
static int take_turn(struct coir_datagram_socket *socket)
{
    static const struct wait_kind line_kind = {.name = "turn to send a datagram", .cancel = leave_line};
    struct slab_header before = socket->header;
    int rc;

    if (!socket->sending) {
        socket->sending = true;
        return 0;
    }
    list_append(&socket->senders, &scheduler_current->current->waiting);
    rc = task_park(&line_kind, socket, COIR_FOREVER);
    if (rc < 0)
        return rc;
    if (!is_same(&socket->header, before))
        return OPERATION_GONE;
    rc = task_proceed();
    if (rc < 0)
        pass_turn(socket);
    return rc;
}

/* Waits a little for a Unix receiver. Returns 0, -ECANCELED, -ETIME or OPERATION_GONE. */
static int pause_sending(struct coir_datagram_socket *socket, coir_time length_ns)
{
    static const struct wait_kind pause_kind = {.name = "pause in sending a datagram", .cancel = pause_cancel};
    struct slab_header before = socket->header;
    int rc = pause_for(&pause_kind, length_ns);

    return is_same(&socket->header, before) ? rc : OPERATION_GONE;
}

/* Sends once, when there is room. */
static int send_once(struct coir_datagram_socket *socket, struct message *message)
{
    struct operation *operation = &socket->endpoint->out;
    coir_time pause_ns = QUEUE_PAUSE_MIN_NS;

    for (;;) {
        int rc;

        operation->kind = OPERATION_SEND_TO;
        operation->memory = message;
        rc = operation_await(socket->endpoint, operation, COIR_FOREVER);
        if (rc != -EBUSY)
            return rc;
        rc = pause_sending(socket, pause_ns);
        if (rc < 0)
            return rc;
        pause_ns = pause_ns < QUEUE_PAUSE_MAX_NS / 2 ? 2 * pause_ns : QUEUE_PAUSE_MAX_NS;
    }
}

/* A report of another datagram is made once, to whoever comes next; what is said twice concerns this one. */
static int send_message(struct coir_datagram_socket *socket, struct message *message)
{
    int rc = send_once(socket, message);
    int again;

    if (!is_report(rc))
        return rc;
    again = task_proceed();
    if (again == 0)
        again = send_once(socket, message);
    if (again != rc && again != OPERATION_GONE)
        socket->errors++;
    return again;
}

/* On an IPv6 socket IPv4 addresses are mapped. */
static void map_into_ip6(struct address *address)
{
    struct sockaddr_in6 ip6 = {.sin6_family = AF_INET6, .sin6_port = address->ip4.sin_port};

    ip6.sin6_addr.s6_addr[10] = 0xff;
    ip6.sin6_addr.s6_addr[11] = 0xff;
    memcpy(&ip6.sin6_addr.s6_addr[12], &address->ip4.sin_addr, sizeof(address->ip4.sin_addr));
    address->ip6 = ip6;
    address->size = sizeof(ip6);
}

static bool takes_family(const struct coir_datagram_socket *socket, sa_family_t family)
{
    return family == socket->family || (family == AF_INET && socket->family == AF_INET6);
}

static int write_peer(const struct coir_datagram_socket *socket, struct address *peer, struct message *message)
{
    if (peer->size == 0)
        return 0;
    if (!takes_family(socket, peer->any.sa_family))
        return -EAFNOSUPPORT;
    if (peer->any.sa_family != socket->family)
        map_into_ip6(peer);
    memcpy(&message->peer, &peer->storage, peer->size);
    message->peer_size = peer->size;
    return 0;
}

/* A Unix socket has one address to send from. */
static int write_local(const struct coir_datagram_socket *socket, const struct address *local, sa_family_t peer_family,
                       struct message *message)
{
    if (local->size == 0 || socket->family == AF_UNIX)
        return 0;
    if (!takes_family(socket, local->any.sa_family) ||
        (peer_family != AF_UNSPEC && peer_family != local->any.sa_family))
        return -EINVAL;
    memcpy(&message->ours, &local->storage, local->size);
    return 0;
}

static int write_message(const struct coir_datagram_socket *socket, const struct coir_datagram *datagram,
                         struct message *message)
{
    struct address peer;
    struct address local;
    sa_family_t peer_family;
    int rc;

    if (datagram->data.size > INT_MAX)
        return -EMSGSIZE;
    packed_read(&datagram->peer, &peer);
    packed_read(&datagram->local, &local);
    message->bytes = datagram->data.bytes;
    message->size = datagram->data.size;
    message->peer_size = 0;
    message->ours.any.sa_family = AF_UNSPEC;
    peer_family = peer.size > 0 ? peer.any.sa_family : AF_UNSPEC;
    rc = write_peer(socket, &peer, message);
    return rc < 0 ? rc : write_local(socket, &local, peer_family, message);
}

int coir_datagram_send(struct coir_datagram_socket *socket, const struct coir_datagram *datagram)
{
    struct message message;
    int rc;

    ASSERT_SOCKET(socket);
    ASSERT(datagram != NULL && (datagram->data.bytes != NULL || datagram->data.size == 0));
    rc = task_enter(&socket->header);
    if (rc == 0)
        rc = write_message(socket, datagram, &message);
    if (rc == 0)
        rc = take_turn(socket);
    if (rc < 0)
        return rc == OPERATION_GONE ? -EBADF : rc;
    rc = send_message(socket, &message);
    if (rc == OPERATION_GONE)
        return -EBADF;
    pass_turn(socket);
    if (rc < 0)
        return rc;
    socket->datagrams_out++;
    socket->bytes_out += message.size;
    return 0;
}
