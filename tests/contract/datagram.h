/* SPDX-License-Identifier: MIT
 *
 * Datagram sockets of the other side: plain ones of the C library, and what
 * they send and expect.
 */
#ifndef CONTRACT_DATAGRAM_H
#define CONTRACT_DATAGRAM_H

#include "contract/rig.h"
#include "net/datagram.h"

/** Sockets of both families. */
#define CASE_OF_KINDS(name) CASE_OF_FAMILIES(name, udp)

static inline void send_datagram(int fd, const struct place *to, const void *bytes, size_t size)
{
    assert_int_equal(sendto(fd, bytes, size, MSG_NOSIGNAL, (const struct sockaddr *)&to->address, to->size),
                     (ssize_t)size);
}

/** Receives one datagram, which must be `text`. */
static inline void expect_datagram(int fd, const char *text)
{
    char bytes[256];
    size_t size = strlen(text);

    assert_true(size < sizeof(bytes));
    assert_int_equal(recv(fd, bytes, sizeof(bytes), 0), (ssize_t)size);
    assert_memory_equal(bytes, text, size);
}

/** A socket of ours with an address, and a peer's. */
struct exchange {
    struct coir_datagram_socket *socket;
    struct coir_address address; /* the peer's */
    struct place place;          /* ours */
    int peer;
};

static inline struct exchange open_exchange(bool local)
{
    struct exchange exchange = {.socket = NULL};
    struct place place;
    char uri[64] = "udp://127.0.0.1:0";

    if (local)
        snprintf(uri, sizeof(uri), "unix://@coir-contract-%d", (int)getpid());
    assert_int_equal(coir_datagram_open(uri, NULL, &exchange.socket), 0);
    exchange.place = place_of(exchange.socket->endpoint->fd);
    exchange.peer = new_bound(local, SOCK_DGRAM, &place);
    print_place(&place, uri, sizeof(uri));
    if (!local) { /* it was printed as TCP's */
        uri[0] = 'u';
        uri[1] = 'd';
    }
    assert_int_equal(coir_address_read(uri, &exchange.address), 0);
    return exchange;
}

static inline void close_exchange(struct exchange *exchange)
{
    coir_datagram_close(exchange->socket);
    close(exchange->peer);
}

static inline void send_to_us(const struct exchange *exchange, const char *text)
{
    send_datagram(exchange->peer, &exchange->place, text, strlen(text));
}

/** Receives one datagram, which must be `text` and the peer's, and releases it. */
static inline void expect_from_peer(struct exchange *exchange, const char *text)
{
    struct coir_datagram datagram;

    assert_int_equal(coir_datagram_receive(exchange->socket, &datagram), 0);
    assert_int_equal(datagram.data.size, strlen(text));
    assert_memory_equal(datagram.data.bytes, text, datagram.data.size);
    assert_true(coir_address_same(&datagram.peer, &exchange->address));
    coir_release(&datagram.data);
}

/** A datagram to the peer. */
static inline struct coir_datagram datagram_of(const struct exchange *exchange, const char *text)
{
    return (struct coir_datagram){
        .data = {.bytes = (unsigned char *)(uintptr_t)text, .size = strlen(text)},
        .peer = exchange->address,
    };
}

static inline struct coir_datagram_info info_of(const struct exchange *exchange)
{
    struct coir_datagram_info info;

    assert_int_equal(coir_datagram_info(exchange->socket, &info), 0);
    return info;
}

/** A receive by a task of its own. */
struct receiver {
    struct exchange *exchange;
    struct coir_datagram datagram;
    int result;
    bool ended;
};

static inline int run_receiver(void *arg)
{
    struct receiver *receiver = arg;

    receiver->result = coir_datagram_receive(receiver->exchange->socket, &receiver->datagram);
    receiver->ended = true;
    return 0;
}

/** Starts the receive and sees it waiting. */
static inline void start_receiver(struct coir_scope *scope, struct receiver *receiver, struct exchange *exchange)
{
    *receiver = (struct receiver){.exchange = exchange};
    assert_int_equal(coir_spawn(scope, run_receiver, receiver, NULL), 0);
    UNTIL(exchange->socket->endpoint->in.state == OPERATION_STARTED);
}

/** The task received `text`, which is released. */
static inline void expect_received(struct receiver *receiver, const char *text)
{
    assert_int_equal(receiver->result, 0);
    assert_int_equal(receiver->datagram.data.size, strlen(text));
    assert_memory_equal(receiver->datagram.data.bytes, text, strlen(text));
    coir_release(&receiver->datagram.data);
}

#endif
