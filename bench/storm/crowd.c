/* SPDX-License-Identifier: MIT
 *
 * The crowd: see crowd.h. Level-triggered epoll; each client asks only for the
 * events that its manners let it act on.
 */
#include "crowd.h"

#include "clock.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define MILLISECOND 1000000LL
#define CHUNK 65536
#define EVENTS_MAX 256
#define WAVE 256                        /* connects under way: far below any backlog */
#define LIFE_MAX_NS (500 * MILLISECOND) /* of a restless client's connection */
#define MESSAGE_MAX 4096
#define MESSAGES_MAX 4                        /* in such a life */
#define SEGMENT_SIZE 1460                     /* of Ethernet */
#define RECEIVE_ROOM 4096                     /* of the deaf: all else stays the server's burden */
#define QUIET_NS (100 * MILLISECOND)          /* nobody could send for so long: the deaf are full */
#define PATIENCE_NS (20 * 1000 * MILLISECOND) /* for all to connect, or to be cut off */

struct client {
    int fd; /* -1: the server has cut it off */
    enum crowd_manners manners;
    bool connected;
    int messages_left;
    int64_t leaves_ns; /* CROWD_RESTLESS: when it resets */
};

struct crowd {
    struct crowd_plan plan;
    struct crowd_tally tally;
    int epoll_fd;
    int count; /* of clients that have been opened */
    int total;
    int connecting;
    int64_t sent_ns; /* when a deaf client could last send */
    uint64_t random;
    struct client *clients;
    unsigned char bytes[CHUNK];
};

static uint64_t random_below(struct crowd *crowd, uint64_t bound)
{
    crowd->random = crowd->random * 6364136223846793005u + 1442695040888963407u;
    return (crowd->random >> 32) % bound;
}

static int watch(const struct crowd *crowd, struct client *client, int action, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = client};

    return epoll_ctl(crowd->epoll_fd, action, client->fd, &event);
}

static int set_up_socket(const struct client *client)
{
    struct linger reset = {.l_onoff = 1, .l_linger = 0};
    int segment_size = SEGMENT_SIZE;
    int room = RECEIVE_ROOM;

    if (setsockopt(client->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)) < 0)
        return -1;
    if (client->manners != CROWD_FLOOD &&
        setsockopt(client->fd, IPPROTO_TCP, TCP_MAXSEG, &segment_size, sizeof(segment_size)) < 0)
        return -1;
    return client->manners == CROWD_DEAF ? setsockopt(client->fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room)) : 0;
}

/* Begins to connect; where there is a connection, EPOLLOUT says so. */
static int begin_to_connect(struct crowd *crowd, struct client *client)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(crowd->plan.port)};

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    client->connected = false;
    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (client->fd < 0 || set_up_socket(client) < 0)
        return perror("crowd: socket"), -1;
    if (connect(client->fd, (struct sockaddr *)&address, sizeof(address)) < 0 && errno != EINPROGRESS)
        return perror("crowd: connect"), -1;
    crowd->connecting++;
    return watch(crowd, client, EPOLL_CTL_ADD, EPOLLOUT);
}

/* The server has had enough of it. */
static int cut_off(struct crowd *crowd, struct client *client)
{
    if (client->manners != CROWD_DEAF) {
        fprintf(stderr, "crowd: a client that is not deaf was cut off\n");
        return -1;
    }
    crowd->tally.cut_off++;
    close(client->fd);
    client->fd = -1;
    return 0;
}

static int send_message(struct crowd *crowd, struct client *client)
{
    size_t size = 1 + (size_t)random_below(crowd, MESSAGE_MAX);

    client->messages_left--;
    return send(client->fd, crowd->bytes, size, MSG_NOSIGNAL) < 0 ? cut_off(crowd, client) : 0;
}

static int finish_connecting(struct crowd *crowd, struct client *client)
{
    static const uint32_t events[CROWD_MANNERS] = {EPOLLOUT | EPOLLET, EPOLLIN, EPOLLIN, EPOLLIN | EPOLLOUT};
    int error = 0;
    socklen_t size = sizeof(error);

    if (getsockopt(client->fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0 || error != 0) {
        fprintf(stderr, "crowd: connect: %s\n", strerror(error));
        return -1;
    }
    crowd->connecting--;
    crowd->tally.connected++;
    client->connected = true;
    client->messages_left = client->manners == CROWD_RESTLESS ? (int)random_below(crowd, MESSAGES_MAX + 1) : 1;
    client->leaves_ns = clock_monotonic() + (int64_t)random_below(crowd, LIFE_MAX_NS);
    if (watch(crowd, client, EPOLL_CTL_MOD, events[client->manners]) < 0)
        return perror("crowd: epoll_ctl"), -1;
    if (client->manners == CROWD_FLOOD || client->manners == CROWD_DEAF || client->messages_left == 0)
        return 0;
    return send_message(crowd, client);
}

/* Answers an answer while it has something to say. */
static int listen_and_talk(struct crowd *crowd, struct client *client)
{
    ssize_t got = recv(client->fd, crowd->bytes, CHUNK, 0);

    if (got <= 0)
        return got < 0 && errno == EAGAIN ? 0 : cut_off(crowd, client);
    crowd->tally.answers++;
    return client->messages_left > 0 ? send_message(crowd, client) : 0;
}

static int fill_up(struct crowd *crowd, struct client *client)
{
    while (send(client->fd, crowd->bytes, CHUNK, MSG_NOSIGNAL) > 0)
        crowd->sent_ns = clock_monotonic();
    return errno == EAGAIN ? 0 : cut_off(crowd, client);
}

static int flood(struct crowd *crowd, struct client *client, uint32_t events)
{
    ssize_t got = events & EPOLLIN ? recv(client->fd, crowd->bytes, CHUNK, 0) : 1;

    if (got <= 0)
        return cut_off(crowd, client);
    if (events & EPOLLIN)
        crowd->tally.flooded_bytes += (uint64_t)got;
    if (events & EPOLLOUT && send(client->fd, crowd->bytes, CHUNK, MSG_NOSIGNAL) < 0 && errno != EAGAIN)
        return cut_off(crowd, client);
    return 0;
}

static int act(struct crowd *crowd, struct client *client, uint32_t events)
{
    if (!client->connected)
        return finish_connecting(crowd, client);
    switch (client->manners) {
    case CROWD_DEAF:
        return fill_up(crowd, client);
    case CROWD_FLOOD:
        return flood(crowd, client, events);
    default:
        return listen_and_talk(crowd, client);
    }
}

/* Those whose time has come reset, and come back. */
static int reset_some(struct crowd *crowd)
{
    int64_t now = clock_monotonic();

    for (int i = 0; i < crowd->count; i++) {
        struct client *client = &crowd->clients[i];

        if (client->manners != CROWD_RESTLESS || !client->connected || now < client->leaves_ns)
            continue;
        close(client->fd);
        crowd->tally.resets++;
        if (begin_to_connect(crowd, client) < 0)
            return -1;
    }
    return 0;
}

/* Takes in events, of which there may be none for a millisecond. */
static int go_on(struct crowd *crowd)
{
    struct epoll_event events[EVENTS_MAX];
    int count = epoll_wait(crowd->epoll_fd, events, EVENTS_MAX, 1);

    if (count < 0 && errno != EINTR)
        return perror("crowd: epoll_wait"), -1;
    for (int i = 0; i < count; i++)
        if (act(crowd, events[i].data.ptr, events[i].events) < 0)
            return -1;
    return 0;
}

static int open_next(struct crowd *crowd)
{
    int number = crowd->count;
    enum crowd_manners manners = CROWD_DEAF;

    while (number >= crowd->plan.clients[manners])
        number -= crowd->plan.clients[manners++];
    crowd->clients[crowd->count].manners = manners;
    return begin_to_connect(crowd, &crowd->clients[crowd->count++]);
}

static int connect_all(struct crowd *crowd)
{
    int64_t end = clock_monotonic() + PATIENCE_NS;

    while (crowd->count < crowd->total || crowd->connecting > 0) {
        while (crowd->count < crowd->total && crowd->connecting < WAVE)
            if (open_next(crowd) < 0)
                return -1;
        if (go_on(crowd) < 0)
            return -1;
        if (clock_monotonic() > end) {
            fprintf(stderr, "crowd: %d of %d connections are not made\n", crowd->connecting, crowd->total);
            return -1;
        }
    }
    return 0;
}

static struct crowd *make_crowd(const struct crowd_plan *plan)
{
    struct crowd *crowd = calloc(1, sizeof(*crowd));

    if (crowd == NULL)
        return NULL;
    crowd->plan = *plan;
    crowd->random = plan->seed;
    for (int i = 0; i < CROWD_MANNERS; i++)
        crowd->total += plan->clients[i];
    crowd->clients = calloc((size_t)crowd->total, sizeof(*crowd->clients));
    crowd->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (crowd->clients != NULL && crowd->epoll_fd >= 0)
        return crowd;
    crowd_close(crowd, NULL);
    return NULL;
}

int crowd_open(const struct crowd_plan *plan, struct crowd **ret_crowd)
{
    struct crowd *crowd = make_crowd(plan);
    int rc;

    if (crowd == NULL)
        return perror("crowd"), -1;
    rc = connect_all(crowd);
    while (rc == 0 && plan->clients[CROWD_DEAF] > 0 && clock_monotonic() - crowd->sent_ns < QUIET_NS)
        rc = go_on(crowd);
    if (rc < 0) {
        crowd_close(crowd, NULL);
        return -1;
    }
    *ret_crowd = crowd;
    return 0;
}

static bool must_stop(int stop_fd, int64_t end_ns)
{
    struct pollfd stop = {.fd = stop_fd, .events = POLLIN}; /* one below 0 is never ready */

    return clock_monotonic() >= end_ns || poll(&stop, 1, 0) != 0;
}

int crowd_run(struct crowd *crowd, int64_t duration_ns, int stop_fd)
{
    int64_t end_ns = clock_monotonic() + duration_ns;

    while (!must_stop(stop_fd, end_ns))
        if (go_on(crowd) < 0 || reset_some(crowd) < 0)
            return -1;
    return 0;
}

int crowd_run_until_cut_off(struct crowd *crowd)
{
    int64_t end_ns = clock_monotonic() + PATIENCE_NS;

    while (crowd->tally.cut_off < (uint64_t)crowd->plan.clients[CROWD_DEAF] && clock_monotonic() < end_ns)
        if (go_on(crowd) < 0 || reset_some(crowd) < 0)
            return -1;
    return 0;
}

void crowd_close(struct crowd *crowd, struct crowd_tally *ret_tally)
{
    int64_t end = clock_monotonic() + PATIENCE_NS;

    if (crowd == NULL)
        return;
    while (ret_tally != NULL && crowd->connecting > 0 && clock_monotonic() < end && go_on(crowd) == 0)
        ;
    for (int i = 0; i < crowd->count; i++)
        if (crowd->clients[i].fd >= 0)
            close(crowd->clients[i].fd);
    if (crowd->epoll_fd >= 0)
        close(crowd->epoll_fd);
    if (ret_tally != NULL)
        *ret_tally = crowd->tally;
    free(crowd->clients);
    free(crowd);
}
