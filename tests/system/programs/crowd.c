/* SPDX-License-Identifier: MIT
 *
 * crowd URI COUNT SEED: COUNT clients at once, each with a size, pieces and
 * manners of its own, all of them drawn from SEED, which is printed. One that
 * finishes gets every byte it sent, then the end; one that resets or walks
 * away is owed nothing, and what it got until then is checked.
 */
#include "peer.h"
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>

#define PIECE_MAX 65536

enum manners {
    FINISHES_AT_ONCE, /* half-closes as soon as all is sent */
    FINISHES_LATE,    /* ... as all of it has come back */
    RESETS,           /* after `leaves_at` bytes, both ways together */
    WALKS_AWAY,       /* close(2), likewise, with bytes unread */
    MANNERS
};

struct client {
    enum manners manners;
    bool lazy; /* reads nothing before all, or 64 KiB, are sent */
    bool finished;
    size_t number;
    size_t total;
    size_t leaves_at;
    size_t sent;
    size_t received;
};

static uint64_t random_state;

static uint64_t random_next(void)
{
    uint64_t mixed = random_state += 0x9e3779b97f4a7c15u;

    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
    return mixed ^ (mixed >> 31);
}

/* Mostly small, sometimes nearly 2 to the power of `bits`. */
static size_t random_size(unsigned bits)
{
    return (size_t)(random_next() % (1u << (random_next() % bits + 1)));
}

static unsigned char pattern_at(const struct client *client, size_t offset)
{
    return (unsigned char)(offset * 131 + (offset >> 8) * 7 + client->number * 29);
}

static void die_of(const struct client *client, const char *what)
{
    PEER_DIE("client %zu, manners %d, sent %zu of %zu, received %zu: %s", client->number, client->manners, client->sent,
             client->total, client->received, what);
}

static void send_piece(int fd, struct client *client)
{
    static unsigned char bytes[PIECE_MAX];
    size_t size = 1 + random_size(16);
    ssize_t sent;

    if (size > client->total - client->sent)
        size = client->total - client->sent;
    for (size_t i = 0; i < size; i++)
        bytes[i] = pattern_at(client, client->sent + i);
    sent = send(fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0)
        client->sent += (size_t)sent;
    else if (errno != EAGAIN)
        die_of(client, strerror(errno));
}

/* Returns false at the end. */
static bool receive_piece(int fd, struct client *client)
{
    static unsigned char bytes[PIECE_MAX];
    ssize_t received = recv(fd, bytes, 1 + random_size(16), MSG_DONTWAIT);

    if (received == 0)
        return false;
    if (received < 0) {
        if (errno != EAGAIN)
            die_of(client, strerror(errno));
        return true;
    }
    for (ssize_t i = 0; i < received; i++)
        if (bytes[i] != pattern_at(client, client->received++))
            die_of(client, "the echo differs");
    return true;
}

static void reset(int fd)
{
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};

    if (setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)) < 0)
        PEER_DIE("SO_LINGER: %s", strerror(errno));
}

static bool wants_to_leave(const struct client *client)
{
    return (client->manners == RESETS || client->manners == WALKS_AWAY) &&
           client->sent + client->received >= client->leaves_at;
}

static void finish_if_due(int fd, struct client *client)
{
    size_t done = client->manners == FINISHES_LATE ? client->received : client->sent;

    if (client->finished || done < client->total)
        return;
    if (shutdown(fd, SHUT_WR) < 0)
        die_of(client, strerror(errno));
    client->finished = true;
}

/* Lets one client do something; returns false when it has gone. */
static bool serve_client(struct pollfd *ready, struct client *client)
{
    if (client->sent < client->total && ready->revents & POLLOUT)
        send_piece(ready->fd, client);
    if (wants_to_leave(client)) {
        if (client->manners == RESETS)
            reset(ready->fd);
        return false;
    }
    finish_if_due(ready->fd, client);
    if (ready->revents & (POLLIN | POLLERR | POLLHUP) && !receive_piece(ready->fd, client)) {
        if (!client->finished || client->received != client->total)
            die_of(client, "an end that came too early");
        return false;
    }
    return true;
}

static short events_of(const struct client *client)
{
    bool reads = !client->lazy || client->sent == client->total || client->sent >= PIECE_MAX;

    return (short)((reads ? POLLIN : 0) | (client->sent < client->total ? POLLOUT : 0));
}

static void draw_client(struct client *client, size_t number)
{
    *client = (struct client){
        .manners = (enum manners)(random_next() % MANNERS),
        .lazy = random_next() % 4 == 0,
        .number = number,
        .total = random_size(20),
    };
    client->leaves_at = (size_t)(random_next() % (client->total + 1));
}

int main(int argument_count, char **arguments)
{
    struct pollfd *ready;
    struct client *clients;
    size_t count;

    if (argument_count != 4)
        PEER_DIE("usage: crowd URI COUNT SEED");
    count = peer_number(arguments[2]);
    random_state = peer_number(arguments[3]);
    printf("seed %s\n", arguments[3]);
    peer_raise_descriptor_limit();
    ready = calloc(count, sizeof(*ready));
    clients = calloc(count, sizeof(*clients));
    if (ready == NULL || clients == NULL)
        PEER_DIE("out of memory");
    for (size_t i = 0; i < count; i++) {
        draw_client(&clients[i], i);
        ready[i].fd = peer_connect(arguments[1]);
    }
    for (size_t left = count; left > 0;) {
        for (size_t i = 0; i < count; i++)
            ready[i].events = events_of(&clients[i]);
        if (poll(ready, count, 100) < 0) /* some wait for nothing */
            PEER_DIE("poll: %s", strerror(errno));
        for (size_t i = 0; i < count; i++) {
            if (ready[i].fd < 0 || serve_client(&ready[i], &clients[i]))
                continue;
            close(ready[i].fd);
            ready[i].fd = -1;
            left--;
        }
    }
    free(ready);
    free(clients);
    return 0;
}
