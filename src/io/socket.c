/* SPDX-License-Identifier: MIT
 *
 * Sockets of the readiness engines: opening, adopting, asking and setting.
 */
#include "io/loop.h"
#include "io/readiness.h"
#include "kernel/kernel.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/un.h>

static int set_number(int fd, int level, int name, int value)
{
    return kernel_set_option(fd, level, name, &value, sizeof(value));
}

/* An endpoint of `fd`, which nobody watches yet; NULL = no memory. */
static struct endpoint *make_endpoint(struct loop *loop, int fd, uint16_t flags)
{
    struct endpoint *endpoint = slab_take(&loop->endpoints);

    if (endpoint == NULL)
        return NULL;
    endpoint->fd = fd;
    endpoint->slot = UINT32_MAX;
    endpoint->flags = flags | ENDPOINT_OUTBOUND;
    endpoint->error = 0;
    endpoint->class = BUFFER_CLASS_LARGEST; /* a first receive of any size needs no second */
    endpoint->small_in_a_row = 0;
    endpoint->in = (struct operation){.state = OPERATION_IDLE};
    endpoint->out = (struct operation){.state = OPERATION_IDLE};
    return endpoint;
}

/* Makes an endpoint of `fd` and has it watched; on failure `fd` is left alone. */
static int watch_endpoint(struct engine *engine, int fd, uint16_t flags, struct endpoint **ret_endpoint)
{
    struct endpoint *endpoint = make_endpoint(engine->loop, fd, flags);
    int rc;

    if (endpoint == NULL)
        return -ENOMEM;
    rc = readiness_hooks_of(engine)->watch(engine, endpoint);
    if (rc < 0) {
        slab_give(&engine->loop->endpoints, endpoint);
        return rc;
    }
    *ret_endpoint = endpoint;
    return 0;
}

/* The file that bind(2) has just made, where nobody needs it: a socket that does not listen has its name by now. */
static void remove_name(const struct endpoint_plan *plan)
{
    const struct sockaddr_un *address = (const void *)plan->address;

    if (plan->family == AF_UNIX && address->sun_path[0] != '\0')
        (void)kernel_unlink(address->sun_path);
}

static int bind_socket(int fd, const struct endpoint_plan *plan)
{
    int rc = 0;

    /* Two datagram sockets that have it would share one address. */
    if (plan->purpose == ENDPOINT_TO_LISTEN && plan->family != AF_UNIX)
        rc = set_number(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (rc == 0 && plan->family == AF_INET6)
        rc = set_number(fd, IPPROTO_IPV6, IPV6_V6ONLY, !plan->dual_stack);
    if (rc == 0 && plan->free_bind && plan->family != AF_UNIX)
        rc = set_number(fd, IPPROTO_IP, IP_FREEBIND, 1); /* of an IPv6 socket too */
    return rc == 0 ? kernel_bind(fd, plan->address, plan->address_size) : rc;
}

static int prepare_bound(struct engine *engine, int fd, const struct endpoint_plan *plan, uint16_t flags,
                         struct endpoint **ret_endpoint)
{
    int rc = bind_socket(fd, plan);

    if (rc < 0)
        return rc;
    rc = plan->purpose == ENDPOINT_TO_LISTEN ? kernel_listen(fd, plan->backlog) : 0;
    if (rc == 0)
        rc = watch_endpoint(engine, fd, flags, ret_endpoint);
    if (rc < 0)
        remove_name(plan);
    return rc;
}

/* Where the kernel is to pick the port it waits for the connect, and takes one that other connections may have, to
 * elsewhere. Without the option, as under an emulator, each port is good for one connection only. */
static int bind_to_connect(int fd, const struct endpoint_plan *plan)
{
    if (plan->family != AF_UNIX)
        (void)set_number(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1); /* of an IPv6 socket, too */
    return kernel_bind(fd, plan->address, plan->address_size);
}

/* A socket that connects is watched from its connect on: see readiness_connect(). */
static int prepare_connection(struct engine *engine, int fd, const struct endpoint_plan *plan, uint16_t flags,
                              struct endpoint **ret_endpoint)
{
    if (plan->address != NULL) {
        int rc = bind_to_connect(fd, plan);

        if (rc < 0)
            return rc;
        remove_name(plan);
    }
    struct endpoint *endpoint = make_endpoint(engine->loop, fd, flags);

    if (endpoint == NULL)
        return -ENOMEM;
    *ret_endpoint = endpoint;
    return 0;
}

static int set_keepalive(int fd, uint32_t idle_s)
{
    int rc = set_number(fd, SOL_SOCKET, SO_KEEPALIVE, idle_s > 0);

    if (rc == 0 && idle_s > 0)
        rc = set_number(fd, IPPROTO_TCP, TCP_KEEPIDLE, (int)idle_s);
    if (rc == 0 && idle_s > 0)
        rc = set_number(fd, IPPROTO_TCP, TCP_KEEPINTVL, 10);
    if (rc == 0 && idle_s > 0)
        rc = set_number(fd, IPPROTO_TCP, TCP_KEEPCNT, 6);
    return rc;
}

static int tune_socket(int fd, const struct endpoint_tuning *tuning)
{
    int rc = set_number(fd, IPPROTO_TCP, TCP_NODELAY, !tuning->delay_small_writes);

    if (rc == 0)
        rc = set_number(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, (int)tuning->user_timeout_ms);
    return rc == 0 ? set_keepalive(fd, tuning->keepalive_s) : rc;
}

/* Each datagram is to come with the address it was sent to. An IPv6 socket may take IPv4 as well, and tells more of it
 * by IPv4's own means. */
static int ask_for_destinations(int fd)
{
    int rc = set_number(fd, IPPROTO_IP, IP_PKTINFO, 1);

    if (rc < 0)
        return rc;
    rc = set_number(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
    return rc == -ENOPROTOOPT ? 0 : rc; /* an IPv4 socket */
}

static int tune_datagrams(int fd, bool local, const struct datagram_tuning *tuning)
{
    int rc = local ? 0 : ask_for_destinations(fd);

    if (rc == 0 && tuning->receive_queue_bytes > 0)
        rc = set_number(fd, SOL_SOCKET, SO_RCVBUF, (int)tuning->receive_queue_bytes);
    if (rc == 0 && tuning->broadcast)
        rc = set_number(fd, SOL_SOCKET, SO_BROADCAST, 1);
    return rc;
}

static int tune_new(int fd, const struct endpoint_plan *plan)
{
    bool local = plan->family == AF_UNIX;

    if (plan->purpose == ENDPOINT_FOR_DATAGRAMS)
        return tune_datagrams(fd, local, &plan->datagrams);
    return local ? 0 : tune_socket(fd, &plan->tuning);
}

int readiness_open(struct engine *engine, const struct endpoint_plan *plan, struct endpoint **ret_endpoint)
{
    uint16_t flags = plan->family == AF_UNIX ? ENDPOINT_LOCAL : 0;
    int type = plan->purpose == ENDPOINT_FOR_DATAGRAMS ? SOCK_DGRAM : SOCK_STREAM;
    int fd = kernel_socket(plan->family, type, 0);
    int rc;

    if (fd < 0)
        return fd;
    rc = tune_new(fd, plan);
    if (rc < 0) {
        (void)kernel_close(fd);
        return rc;
    }
    if (plan->purpose == ENDPOINT_TO_CONNECT)
        rc = prepare_connection(engine, fd, plan, flags, ret_endpoint);
    else
        rc = prepare_bound(engine, fd, plan, flags, ret_endpoint);
    if (rc < 0)
        (void)kernel_close(fd);
    return rc;
}

int readiness_adopt(struct engine *engine, int fd, uint16_t flags, struct endpoint **ret_endpoint)
{
    int rc;

    if (flags & ENDPOINT_BORROWED) {
        struct endpoint *endpoint = make_endpoint(engine->loop, fd, flags | ENDPOINT_FOREIGN);

        if (endpoint == NULL)
            return -ENOMEM;
        *ret_endpoint = endpoint;
        return 0;
    }
    rc = watch_endpoint(engine, fd, flags, ret_endpoint);
    if (rc == 0 && flags & ENDPOINT_EXPOSED)
        (void)kernel_close_on_exec(fd); /* last: one that we do not take is left as it was */
    return rc;
}

int readiness_open_signals(struct engine *engine, const sigset_t *signals, struct endpoint **ret_endpoint)
{
    int fd = kernel_signalfd(signals);
    int rc;

    if (fd < 0)
        return fd;
    rc = watch_endpoint(engine, fd, ENDPOINT_INBOUND, ret_endpoint);
    if (rc < 0)
        (void)kernel_close(fd);
    return rc;
}

int readiness_address(struct engine *engine, struct endpoint *endpoint, enum endpoint_address which,
                      struct sockaddr_storage *ret_address)
{
    socklen_t size = sizeof(*ret_address);

    (void)engine;
    *ret_address = (struct sockaddr_storage){.ss_family = AF_UNSPEC};
    if (which == ENDPOINT_OUR_ADDRESS)
        return kernel_local_address(endpoint->fd, (struct sockaddr *)ret_address, &size);
    return kernel_peer_address(endpoint->fd, (struct sockaddr *)ret_address, &size);
}

int readiness_unsent(struct engine *engine, struct endpoint *endpoint, int *ret_bytes)
{
    (void)engine;
    return kernel_unsent(endpoint->fd, ret_bytes);
}

int readiness_tune(struct engine *engine, struct endpoint *endpoint, const struct endpoint_tuning *tuning)
{
    (void)engine;
    return endpoint->flags & ENDPOINT_LOCAL ? 0 : tune_socket(endpoint->fd, tuning);
}

/* Reports that the giver of a socket wanted queued would stay there, as nobody here reads that queue, and poll(2) tell
 * of an error for ever. Turning it off empties it. */
static void refuse_reports(int fd)
{
    (void)set_number(fd, IPPROTO_IP, IP_RECVERR, 0);
    (void)set_number(fd, IPPROTO_IPV6, IPV6_RECVERR, 0); /* which an IPv4 socket does not know */
}

int readiness_tune_datagrams(struct engine *engine, struct endpoint *endpoint, const struct datagram_tuning *tuning)
{
    bool local = endpoint->flags & ENDPOINT_LOCAL;

    (void)engine;
    if (!local)
        refuse_reports(endpoint->fd);
    return tune_datagrams(endpoint->fd, local, tuning);
}

/* The connection is gone. Why, the kernel says once. */
static int keep_reason(struct endpoint *endpoint)
{
    socklen_t size = sizeof(int);
    int error = 0;

    if (kernel_get_option(endpoint->fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error != 0)
        endpoint->error = (int16_t)-error;
    endpoint->flags |= ENDPOINT_INBOUND | ENDPOINT_OUTBOUND | ENDPOINT_HANGUP; /* an answer for everybody who asks */
    return endpoint->error != 0 ? endpoint->error : -ENOTCONN;
}

int readiness_finish(struct engine *engine, struct endpoint *endpoint)
{
    int rc = kernel_shutdown(endpoint->fd, SHUT_WR);

    (void)engine;
    return rc == -ENOTCONN ? keep_reason(endpoint) : rc;
}

/* Drops what begins a connection. A client tries again, and meets whoever listens then; a connection that has begun
 * goes on, as its segments carry no SYN. */
int readiness_refuse(struct engine *engine, struct endpoint *endpoint)
{
    struct sock_filter drop_syn[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 13), /* the flags of the TCP header */
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x02, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 0),
        BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
    };
    struct sock_fprog program = {.len = sizeof(drop_syn) / sizeof(drop_syn[0]), .filter = drop_syn};

    (void)engine;
    if (endpoint->flags & ENDPOINT_LOCAL)
        return kernel_shutdown(endpoint->fd, SHUT_RD); /* those queued can still be accepted; others are refused */
    return kernel_set_option(endpoint->fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}
