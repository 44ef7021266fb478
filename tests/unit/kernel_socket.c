/* SPDX-License-Identifier: MIT
 *
 * The socket calls, on real sockets of this host.
 */
#include "kernel/kernel.h"
#include "support/test.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

struct pair {
    int ours;
    int theirs;
};

static struct pair new_pair(void)
{
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0); /* blocking: our calls must not */
    return (struct pair){fds[0], fds[1]};
}

static void close_pair(struct pair pair)
{
    close(pair.ours);
    close(pair.theirs);
}

static void expect_marks(int fd)
{
    assert_true(fd >= 0);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
}

static struct sockaddr_in loopback(void)
{
    return (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

/* Listens on any port of the loopback; its address goes to `ret_address`. */
static int new_listener(struct sockaddr_in *ret_address)
{
    socklen_t size = sizeof(*ret_address);
    int fd = kernel_socket(AF_INET, SOCK_STREAM, 0);

    expect_marks(fd);
    *ret_address = loopback();
    assert_int_equal(kernel_bind(fd, (struct sockaddr *)ret_address, size), 0);
    assert_int_equal(kernel_listen(fd, 16), 0);
    assert_int_equal(kernel_local_address(fd, (struct sockaddr *)ret_address, &size), 0);
    assert_int_equal(size, sizeof(*ret_address));
    assert_int_not_equal(ret_address->sin_port, 0);
    return fd;
}

static int new_connection(const struct sockaddr_in *address)
{
    struct pollfd writable = {.events = POLLOUT};
    int rc;

    writable.fd = kernel_socket(AF_INET, SOCK_STREAM, 0);
    rc = kernel_connect(writable.fd, (const struct sockaddr *)address, sizeof(*address));
    assert_true(rc == 0 || rc == -EINPROGRESS);
    assert_int_equal(poll(&writable, 1, 10000), 1);
    return writable.fd;
}

TEST(tcp_connection_is_made_accepted_and_named)
{
    struct sockaddr_in address, peer;
    socklen_t size = sizeof(peer);
    int listener = new_listener(&address);
    int client, accepted;

    assert_int_equal(kernel_accept(listener), -EAGAIN);
    client = new_connection(&address);
    accepted = kernel_accept(listener);
    expect_marks(accepted);
    assert_int_equal(kernel_peer_address(client, (struct sockaddr *)&peer, &size), 0);
    assert_int_equal(peer.sin_port, address.sin_port);
    size = sizeof(peer);
    assert_int_equal(kernel_peer_address(listener, (struct sockaddr *)&peer, &size), -ENOTCONN);
    close(client);
    close(accepted);
    close(listener);
}

TEST(options_are_set_and_read_back)
{
    int fd = kernel_socket(AF_INET, SOCK_STREAM, 0);
    int value = 1, back = 0;
    socklen_t size = sizeof(back);

    assert_int_equal(kernel_set_option(fd, SOL_SOCKET, SO_KEEPALIVE, &value, sizeof(value)), 0);
    assert_int_equal(kernel_get_option(fd, SOL_SOCKET, SO_KEEPALIVE, &back, &size), 0);
    assert_int_equal(back, 1);
    assert_int_equal(kernel_set_option(fd, SOL_SOCKET, 9999, &value, sizeof(value)), -ENOPROTOOPT);
    assert_int_equal(kernel_get_option(fd, SOL_SOCKET, 9999, &back, &size), -ENOPROTOOPT);
    close(fd);
}

TEST(bytes_go_through_and_nothing_blocks)
{
    struct pair pair = new_pair();
    char bytes[8] = "";

    assert_int_equal(kernel_receive(pair.ours, bytes, sizeof(bytes), 0), -EAGAIN);
    assert_int_equal(kernel_send(pair.theirs, "hello", 5), 5);
    assert_int_equal(kernel_receive(pair.ours, bytes, sizeof(bytes), MSG_PEEK), 5);
    assert_int_equal(kernel_receive(pair.ours, bytes, sizeof(bytes), 0), 5);
    assert_memory_equal(bytes, "hello", 5);
    close_pair(pair);
}

TEST(full_socket_refuses_to_send_at_once)
{
    static char bytes[65536];
    struct iovec piece = {bytes, sizeof(bytes)};
    struct pair pair = new_pair();
    ssize_t sent;

    do
        sent = kernel_send(pair.ours, bytes, sizeof(bytes));
    while (sent > 0);
    assert_int_equal(sent, -EAGAIN);
    assert_int_equal(kernel_send_pieces(pair.ours, &piece, 1), -EAGAIN);
    assert_int_equal(kernel_send_message(pair.ours, &(struct msghdr){.msg_iov = &piece, .msg_iovlen = 1}), -EAGAIN);
    close_pair(pair);
}

TEST(pieces_arrive_in_order)
{
    struct iovec pieces[] = {{"one ", 4}, {"", 0}, {"two ", 4}, {"three", 5}};
    struct pair pair = new_pair();
    char bytes[32] = "";

    assert_int_equal(kernel_send_pieces(pair.ours, pieces, 4), 13);
    assert_int_equal(kernel_receive(pair.theirs, bytes, sizeof(bytes), 0), 13);
    assert_string_equal(bytes, "one two three");
    close_pair(pair);
}

/* Sends `bytes` together with a copy of `fd`. */
static ssize_t send_with_descriptor(int socket, const char *bytes, int fd)
{
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int))];
    } control = {.room = {0}};
    struct iovec piece = {(void *)(uintptr_t)bytes, strlen(bytes)};
    struct msghdr message = {
        .msg_iov = &piece, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof(control.room)};

    control.header.cmsg_level = SOL_SOCKET;
    control.header.cmsg_type = SCM_RIGHTS;
    control.header.cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(&control.header), &fd, sizeof(int));
    return kernel_send_message(socket, &message);
}

TEST(messages_go_through_and_nothing_blocks)
{
    struct pair pair = new_pair();
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int))];
    } control;
    char bytes[8] = "";
    struct iovec piece = {bytes, sizeof(bytes)};
    struct msghdr message = {
        .msg_iov = &piece, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
    int passed;

    assert_int_equal(kernel_receive_message(pair.ours, &message), -EAGAIN);
    assert_int_equal(send_with_descriptor(pair.theirs, "hello", pair.theirs), 5);
    assert_int_equal(kernel_receive_message(pair.ours, &message), 5);
    assert_memory_equal(bytes, "hello", 5);
    memcpy(&passed, CMSG_DATA(&control.header), sizeof(passed));
    assert_true(fcntl(passed, F_GETFD) & FD_CLOEXEC);
    close(passed);
    close_pair(pair);
}

TEST(sending_to_nobody_is_an_error_and_no_signal)
{
    struct iovec piece = {"x", 1};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
    struct pair pair = new_pair();

    signal(SIGPIPE, SIG_DFL); /* it would end the process */
    close(pair.theirs);
    assert_int_equal(kernel_send(pair.ours, "x", 1), -EPIPE);
    assert_int_equal(kernel_send_pieces(pair.ours, &piece, 1), -EPIPE);
    assert_int_equal(kernel_send_message(pair.ours, &message), -EPIPE);
    close(pair.ours);
}

TEST(shutdown_is_the_peers_end_of_bytes)
{
    struct pair pair = new_pair();
    char byte;

    assert_int_equal(kernel_shutdown(pair.ours, SHUT_WR), 0);
    assert_int_equal(kernel_receive(pair.theirs, &byte, 1, 0), 0);
    close_pair(pair);
}

TEST(unsent_bytes_are_told)
{
    struct pair pair = new_pair();
    int bytes = -1;

    assert_int_equal(kernel_unsent(pair.ours, &bytes), 0);
    assert_int_equal(bytes, 0);
    assert_int_equal(kernel_send(pair.ours, "hello", 5), 5);
    assert_int_equal(kernel_unsent(pair.ours, &bytes), 0);
    assert_true(bytes >= 5); /* a Unix socket counts its bookkeeping too */
    close_pair(pair);
}

TEST(socket_calls_return_their_error)
{
    struct sockaddr_in address = loopback();
    char byte = 'x';
    struct iovec piece = {&byte, 1};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
    socklen_t size = sizeof(address);
    int number;

    assert_int_equal(kernel_socket(12345, SOCK_STREAM, 0), -EAFNOSUPPORT);
    assert_int_equal(kernel_bind(-1, (struct sockaddr *)&address, size), -EBADF);
    assert_int_equal(kernel_listen(-1, 1), -EBADF);
    assert_int_equal(kernel_accept(-1), -EBADF);
    assert_int_equal(kernel_connect(-1, (struct sockaddr *)&address, size), -EBADF);
    assert_int_equal(kernel_receive(-1, &number, sizeof(number), 0), -EBADF);
    assert_int_equal(kernel_send(-1, "x", 1), -EBADF);
    assert_int_equal(kernel_send_pieces(-1, &piece, 1), -EBADF);
    assert_int_equal(kernel_receive_message(-1, &message), -EBADF);
    assert_int_equal(kernel_send_message(-1, &message), -EBADF);
    assert_int_equal(kernel_shutdown(-1, SHUT_WR), -EBADF);
    assert_int_equal(kernel_local_address(-1, (struct sockaddr *)&address, &size), -EBADF);
    assert_int_equal(kernel_unsent(-1, &number), -EBADF);
}
