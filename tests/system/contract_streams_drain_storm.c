/* SPDX-License-Identifier: MIT
 *
 * A hundred drains of a listener under clients that connect as fast as they
 * can: nobody whose connect() succeeded before the listener's close is reset.
 * Time limit: 180 s
 */
#include "support/session.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define CLIENTS 4
#define AT_ONCE 16 /* of each client */
#define DRAINS 100

/* What the processes share. */
struct storm {
    uint16_t port;
    unsigned connected[CLIENTS];
    unsigned served[CLIENTS];
    unsigned resets[CLIENTS];
    bool stop;
};

/* Begins a connection; -1 = it was refused at once. */
static int begin_connection(const struct storm *storm)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(__atomic_load_n(&storm->port, __ATOMIC_ACQUIRE)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 || errno == EINPROGRESS)
        return fd;
    close(fd);
    return -1;
}

static bool is_connected(int fd, int patience_ms)
{
    struct pollfd made = {.fd = fd, .events = POLLOUT};
    int error = 0;
    socklen_t size = sizeof(error);

    return poll(&made, 1, patience_ms) > 0 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0;
}

/* A connection that was made must end in a byte and an end: the server says one byte and closes. */
static void take_byte(struct storm *storm, int number, int fd)
{
    struct pollfd readable = {.fd = fd, .events = POLLIN};
    char byte;

    storm->connected[number]++;
    poll(&readable, 1, 10000);
    if (recv(fd, &byte, 1, 0) == 1)
        storm->served[number]++;
    else
        storm->resets[number]++;
}

static void connect_some(struct storm *storm, int number)
{
    int fds[AT_ONCE];
    bool connected[AT_ONCE];
    int patience_ms = 5; /* for all of them: a drain's filter drops what they say */

    for (int i = 0; i < AT_ONCE; i++)
        fds[i] = begin_connection(storm);
    for (int i = 0; i < AT_ONCE; i++) {
        connected[i] = fds[i] >= 0 && is_connected(fds[i], patience_ms);
        patience_ms = connected[i] ? patience_ms : 0;
    }
    for (int i = 0; i < AT_ONCE; i++) {
        if (connected[i])
            take_byte(storm, number, fds[i]);
        if (fds[i] >= 0)
            peer_reset(fds[i]); /* no TIME_WAIT: ports would run out */
    }
}

static pid_t start_client(struct storm *storm, int number)
{
    pid_t child = fork();

    assert_true(child >= 0);
    if (child > 0)
        return child;
    alarm(170);
    while (!__atomic_load_n(&storm->stop, __ATOMIC_ACQUIRE))
        connect_some(storm, number);
    _exit(0);
}

static int serve_one(void *arg)
{
    int rc = coir_write(arg, "x", 1);

    coir_close(arg);
    return rc < 0 ? 0 : rc; /* the client may be gone */
}

static void drain_once(struct storm *storm)
{
    struct coir_scope *scope = session_scope(COIR_SCOPE_INDEPENDENT);
    struct coir_listener_info info;
    struct coir_stream *stream;
    uint16_t port;
    struct coir_listener *listener = session_listen(NULL, &port);
    unsigned accepted = 0;
    int rc;

    __atomic_store_n(&storm->port, port, __ATOMIC_RELEASE);
    while ((rc = coir_accept(listener, &stream)) == 0) {
        session_spawn(scope, serve_one, stream);
        if (++accepted == 50)
            coir_scope_drain(scope, 0);
    }
    assert_int_equal(rc, -ESHUTDOWN);
    assert_int_equal(coir_listener_info(listener, &info), 0);
    assert_true(info.accepted >= 50);
    coir_listener_close(listener);
    assert_int_equal(coir_scope_close(scope), 0);
}

static int run_drains(void *arg)
{
    for (int i = 0; i < DRAINS; i++)
        drain_once(arg);
    coir_linger_stop();
    return 0;
}

TEST(no_client_is_reset_by_a_hundred_drains)
{
    struct storm *storm = mmap(NULL, sizeof(*storm), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct coir_run_options options = {.stack = COIR_STACK_HUGE};
    unsigned connected = 0, served = 0, resets = 0;
    pid_t clients[CLIENTS];

    assert_true(storm != MAP_FAILED);
    for (int i = 0; i < CLIENTS; i++)
        clients[i] = start_client(storm, i);
    assert_int_equal(coir_run(run_drains, storm, &options), 0);
    __atomic_store_n(&storm->stop, true, __ATOMIC_RELEASE);
    for (int i = 0; i < CLIENTS; i++) {
        assert_int_equal(waitpid(clients[i], NULL, 0), clients[i]);
        connected += storm->connected[i];
        served += storm->served[i];
        resets += storm->resets[i];
    }
    print_message("%u connections, %u served, %u reset\n", connected, served, resets);
    assert_true(connected >= 50 * DRAINS);
    assert_int_equal(resets, 0);
    assert_int_equal(served, connected);
    munmap(storm, sizeof(*storm));
}
