/* SPDX-License-Identifier: MIT
 *
 * The load loop. Sent and expected bytes are both taken straight from one
 * pattern: the byte at position p of connection c is pattern[(start of c + p)
 * mod PERIOD]. PERIOD is prime, so that no message size divides it and a
 * reply that is shifted, swapped or stale cannot match.
 */
#include "load.h"

#include "clock.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define PERIOD 65537
#define CHUNK 65536
#define EVENTS_MAX 512
#define WAVE 256 /* far below any backlog */

struct connection {
    int fd;
    uint32_t start;      /* in the pattern */
    uint64_t target;     /* bytes that may have been sent by now; whole messages */
    uint64_t sent;       /* bytes */
    uint64_t received;   /* bytes */
    int64_t *started_ns; /* when each message under way was due, by number modulo depth */
};

struct load {
    struct load_plan plan;
    int epoll_fd;
    int opened; /* connections that have a descriptor */
    struct connection *connections;
    int64_t *started_ns;
    uint64_t under_way; /* messages due and not yet back */
    uint64_t allowed;   /* messages that this run may still begin */
    uint64_t completed; /* messages of this run */
    struct histogram latencies;
    unsigned char buffer[CHUNK];
    unsigned char pattern[PERIOD + CHUNK];
};

static int fail_session(const struct load *load, const struct connection *connection, const char *what)
{
    fprintf(stderr, "load: session %d: %s at byte %llu\n", (int)(connection - load->connections), what,
            (unsigned long long)connection->received);
    return -1;
}

static void fill_pattern(unsigned char *pattern)
{
    uint64_t state = 0x9e3779b97f4a7c15ULL;
    for (size_t i = 0; i < PERIOD; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        pattern[i] = (unsigned char)(state >> 32);
    }
    memcpy(pattern + PERIOD, pattern, CHUNK); /* so that a chunk never wraps */
}

static const unsigned char *pattern_at(const struct load *load, const struct connection *connection, uint64_t position)
{
    return load->pattern + (connection->start + position) % PERIOD;
}

static int send_due(struct load *load, struct connection *connection)
{
    while (connection->sent < connection->target) {
        uint64_t due = connection->target - connection->sent;
        size_t size = due < CHUNK ? (size_t)due : CHUNK;
        ssize_t sent = send(connection->fd, pattern_at(load, connection, connection->sent), size, MSG_NOSIGNAL);
        if (sent < 0 && errno == EAGAIN)
            return 0; /* the edge of EPOLLOUT brings us back */
        if (sent < 0)
            return fail_session(load, connection, strerror(errno));
        connection->sent += (uint64_t)sent;
    }
    return 0;
}

/* Makes up to `count` more messages due; fewer near the end of a run. */
static void begin_messages(struct load *load, struct connection *connection, uint64_t count, int64_t now)
{
    uint64_t depth = (uint64_t)load->plan.depth;
    uint64_t begun = connection->target / load->plan.message_size;
    if (count > load->allowed)
        count = load->allowed;
    load->allowed -= count;
    load->under_way += count;
    connection->target += count * load->plan.message_size;
    for (uint64_t i = begun; i < begun + count; i++)
        connection->started_ns[i % depth] = now;
}

static void complete_messages(struct load *load, struct connection *connection, size_t bytes)
{
    uint64_t depth = (uint64_t)load->plan.depth;
    uint64_t first = connection->received / load->plan.message_size;
    connection->received += bytes;
    uint64_t end = connection->received / load->plan.message_size;
    int64_t now = clock_monotonic();
    for (uint64_t i = first; i < end; i++)
        histogram_add(&load->latencies, now - connection->started_ns[i % depth]);
    load->completed += end - first;
    load->under_way -= end - first;
    begin_messages(load, connection, end - first, now);
}

static int receive_replies(struct load *load, struct connection *connection)
{
    ssize_t size;
    do {
        size = recv(connection->fd, load->buffer, CHUNK, 0);
        if (size < 0)
            return errno == EAGAIN ? 0 : fail_session(load, connection, strerror(errno));
        if (size == 0)
            return fail_session(load, connection, "the server finished");
        if ((uint64_t)size > connection->sent - connection->received)
            return fail_session(load, connection, "more came back than was sent");
        if (memcmp(load->buffer, pattern_at(load, connection, connection->received), (size_t)size) != 0)
            return fail_session(load, connection, "WRONG BYTES");
        complete_messages(load, connection, (size_t)size);
    } while (size == CHUNK);
    return 0;
}

static int handle_event(struct load *load, const struct epoll_event *event)
{
    struct connection *connection = event->data.ptr;
    if (event->events & (EPOLLIN | EPOLLERR | EPOLLHUP))
        if (receive_replies(load, connection) < 0)
            return -1;
    return send_due(load, connection);
}

static int report_silence(const struct load *load)
{
    int silent = 0;
    for (int i = 0; i < load->opened; i++)
        silent += load->connections[i].received < load->connections[i].target;
    fprintf(stderr, "load: %d SILENT SESSIONS of %d: no answer for %d s\n", silent, load->opened, load->plan.patience);
    return -1;
}

/* Loops until nothing is under way; begins nothing new after `end_ns`. */
static int loop_until_quiet(struct load *load, int64_t end_ns)
{
    struct epoll_event events[EVENTS_MAX];
    while (load->under_way > 0) {
        int count = epoll_wait(load->epoll_fd, events, EVENTS_MAX, load->plan.patience * 1000);
        if (count == 0)
            return report_silence(load);
        if (count < 0 && errno != EINTR)
            return perror("load: epoll_wait"), -1;
        for (int i = 0; i < count; i++)
            if (handle_event(load, &events[i]) < 0)
                return -1;
        if (clock_monotonic() >= end_ns)
            load->allowed = 0;
    }
    return 0;
}

static int start_sessions(struct load *load, int first, int end, uint64_t messages_each)
{
    for (int i = first; i < end; i++) {
        begin_messages(load, &load->connections[i], messages_each, clock_monotonic());
        if (send_due(load, &load->connections[i]) < 0)
            return -1;
    }
    return 0;
}

static int connect_session(struct load *load, uint16_t port)
{
    struct connection *connection = &load->connections[load->opened];
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = connection};
    struct linger reset = {.l_onoff = 1, .l_linger = 0};
    int one = 1;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (connection->fd < 0)
        return perror("load: socket"), -1;
    connection->start = (uint32_t)load->opened * 7919U % PERIOD;
    connection->started_ns = load->started_ns + (size_t)load->opened * (size_t)load->plan.depth;
    load->opened++;
    if (setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) < 0 ||
        setsockopt(connection->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)) < 0)
        return perror("load: setsockopt"), -1;
    if (connect(connection->fd, (struct sockaddr *)&address, sizeof(address)) < 0 && errno != EINPROGRESS)
        return perror("load: connect"), -1;
    if (epoll_ctl(load->epoll_fd, EPOLL_CTL_ADD, connection->fd, &event) < 0)
        return perror("load: epoll_ctl"), -1;
    return 0;
}

/* The wave's sessions each get one message back before the next wave: then the
 * server has accepted them all. */
static int connect_wave(struct load *load, uint16_t port)
{
    int first = load->opened;
    while (load->opened < load->plan.sessions && load->opened < first + WAVE)
        if (connect_session(load, port) < 0)
            return -1;
    load->allowed = (uint64_t)(load->opened - first);
    if (start_sessions(load, first, load->opened, 1) < 0)
        return -1;
    return loop_until_quiet(load, INT64_MAX);
}

static struct load *make_load(const struct load_plan *plan)
{
    size_t sessions = (size_t)plan->sessions;
    struct load *load = calloc(1, sizeof(*load));
    if (load == NULL)
        return NULL;
    load->plan = *plan;
    load->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    load->connections = calloc(sessions, sizeof(*load->connections));
    load->started_ns = calloc(sessions * (size_t)plan->depth, sizeof(*load->started_ns));
    fill_pattern(load->pattern);
    if (load->epoll_fd >= 0 && load->connections != NULL && load->started_ns != NULL)
        return load;
    load_close(load);
    return NULL;
}

int load_open(const struct load_plan *plan, uint16_t port, struct load **ret_load)
{
    struct load *load = make_load(plan);
    if (load == NULL)
        return perror("load"), -1;
    while (load->opened < plan->sessions)
        if (connect_wave(load, port) < 0) {
            load_close(load);
            return -1;
        }
    *ret_load = load;
    return 0;
}

int load_run(struct load *load, const struct load_limit *limit, struct load_tally *ret_tally)
{
    int64_t start_ns = clock_monotonic();
    int64_t start_cpu_ns = clock_cpu();

    histogram_clear(&load->latencies);
    load->completed = 0;
    load->allowed = limit->messages;
    if (start_sessions(load, 0, load->opened, (uint64_t)load->plan.depth) < 0 ||
        loop_until_quiet(load, start_ns + limit->duration_ns) < 0)
        return -1;
    *ret_tally = (struct load_tally){
        .messages = load->completed,
        .wall_ns = clock_monotonic() - start_ns,
        .cpu_ns = clock_cpu() - start_cpu_ns,
        .p50_ns = histogram_quantile(&load->latencies, 0.50),
        .p99_ns = histogram_quantile(&load->latencies, 0.99),
    };
    return 0;
}

void load_close(struct load *load)
{
    if (load == NULL)
        return;
    for (int i = 0; load->connections != NULL && i < load->opened; i++)
        close(load->connections[i].fd);
    if (load->epoll_fd >= 0)
        close(load->epoll_fd);
    free(load->connections);
    free(load->started_ns);
    free(load);
}
