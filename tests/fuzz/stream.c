/* SPDX-License-Identifier: MIT
 *
 * Two echo sessions on Unix sockets, and peers that do what the input says:
 * bytes in any pieces, descriptors among them, half closes, resets; and what
 * the server may do to a session, cancelling and draining. Whatever happens,
 * what is echoed is what was sent; all of it is, where nobody disturbed the
 * session; no descriptor is left, and the run ends.
 *
 * Rooms: runtime
 *
 * Input: a byte that chooses engine, how peers come and how sessions read, then
 * one byte per action: its low bit says whose, three more which, the rest how much.
 */
#include "fuzz/fuzz.h"
#include <coir.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define PEERS 2
#define DESCRIPTORS_MAX 3
#define LINE_MAX_BYTES 64
#define HANG_NS (20 * COIR_SECOND)
#define QUEUED_MAX 200 /* so many a socket holds even where each came alone */
#define DESCRIPTORS_LOOKED_AT 64

/* A client: the other end of a session, as a plain socket. */
struct peer {
    int fd; /* -1: it has reset the connection */
    uint64_t sent;
    uint64_t received;
    bool finished;  /* it sends no more */
    bool disturbed; /* it or the server has broken the session off */
};

/* What a session's task is given. */
struct session {
    struct coir_stream *stream;
    unsigned style; /* of reading */
};

struct game {
    const uint8_t *actions;
    size_t count;
    unsigned style;
    bool listens;
    bool patient;
    struct coir_scope *sessions;
    struct coir_listener *listener;
    struct peer peers[PEERS];
    int canary; /* the end of a pipe that peers send copies of */
};

/* Byte `at` of what every peer sends; every 13th ends a line, but for stretches without any. */
static uint8_t byte_at(uint64_t at)
{
    if (at % 13 == 0 && at % 1024 < 700)
        return '\n';
    return (uint8_t)(at * 31 + (at >> 8));
}

static int echo_slice(const struct session *session, struct coir_slice *slice)
{
    size_t used = session->style == 3 ? (slice->size + 1) / 2 : slice->size;
    int rc = coir_write(session->stream, slice->bytes, used);

    coir_release_used(slice, used);
    return rc;
}

/* What is there, through a buffer of an odd size; 1, or 0 at the end, or an error. */
static int echo_some(const struct session *session)
{
    char bytes[37];
    ssize_t size = coir_read(session->stream, bytes, sizeof(bytes));
    int rc;

    if (size <= 0)
        return (int)size;
    rc = coir_write(session->stream, bytes, (size_t)size);
    return rc < 0 ? rc : 1;
}

/* A line, or what is there if none comes. */
static int echo_line(const struct session *session)
{
    struct coir_slice line;
    int rc = coir_read_until(session->stream, "\n", 1, LINE_MAX_BYTES, &line);

    if (rc == 0 || rc == -EMSGSIZE)
        return echo_some(session);
    if (rc < 0)
        return rc;
    CHECK(line.size <= LINE_MAX_BYTES && line.bytes[line.size - 1] == '\n');
    rc = echo_slice(session, &line);
    return rc < 0 ? rc : 1;
}

static int echo_received(const struct session *session)
{
    struct coir_slice slice;
    int rc = coir_receive(session->stream, &slice);

    if (rc <= 0)
        return rc;
    CHECK(slice.size > 0);
    rc = echo_slice(session, &slice);
    return rc < 0 ? rc : 1;
}

static int run_session(void *arg)
{
    const struct session *session = arg;
    int rc;

    do
        rc = session->style == 1   ? echo_some(session)
             : session->style == 2 ? echo_line(session)
                                   : echo_received(session);
    while (rc > 0);
    CHECK(rc == 0 || rc == -ECONNRESET || rc == -EPIPE || rc == -ECANCELED || rc == -ETIME || rc == -ESHUTDOWN);
    coir_close(session->stream);
    return 0;
}

static void start_session(struct game *game, struct coir_stream *stream)
{
    const struct coir_task_options options = {.arg_size = sizeof(struct session), .stack = COIR_STACK_LARGE};
    struct session session = {.stream = stream, .style = game->style};

    CHECK(coir_spawn(game->sessions, run_session, &session, &options) == 0);
}

/* The server's task of a game with a listener: it ends when the listener is drained or closed. */
static int accept_sessions(void *arg)
{
    struct game *game = arg;
    struct coir_stream *stream;

    while (coir_accept(game->listener, &stream) == 0)
        start_session(game, stream);
    coir_listener_close(game->listener);
    game->listener = NULL;
    return 0;
}

static int connect_peer(const struct sockaddr_un *address, socklen_t size)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    CHECK(fd >= 0);
    CHECK(connect(fd, (const struct sockaddr *)address, size) == 0);
    return fd;
}

static void open_by_listener(struct game *game)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char uri[64];
    int size = snprintf(uri, sizeof(uri), "unix://@coir fuzz %d", (int)getpid());

    memcpy(address.sun_path + 1, uri + 8, (size_t)size - 8);
    CHECK(coir_listen(uri, NULL, &game->listener) == 0);
    for (size_t i = 0; i < PEERS; i++)
        game->peers[i].fd =
            connect_peer(&address, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)size - 7));
    CHECK(coir_spawn(game->sessions, accept_sessions, game, NULL) == 0);
}

static void open_by_pairs(struct game *game)
{
    for (size_t i = 0; i < PEERS; i++) {
        struct coir_stream *stream;
        int ends[2];

        CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0);
        CHECK(coir_adopt(ends[0], NULL, &stream) == 0);
        game->peers[i].fd = ends[1];
        start_session(game, stream);
    }
}

/* Reads up to `most` bytes; > 0 some came, 0 the end, -1 nothing is there, -2 the connection is gone. */
static int read_back(struct peer *peer, size_t most)
{
    uint8_t bytes[4096];
    ssize_t size = recv(peer->fd, bytes, most < sizeof(bytes) ? most : sizeof(bytes), MSG_DONTWAIT);

    if (size < 0)
        return errno == EAGAIN ? -1 : -2;
    for (ssize_t i = 0; i < size; i++)
        CHECK(bytes[i] == byte_at(peer->received + (uint64_t)i));
    peer->received += (uint64_t)size;
    CHECK(peer->received <= peer->sent);
    return size > 0;
}

/* Sends up to `size` bytes with copies of `descriptor`; what is refused was not sent. */
static void send_bytes(struct peer *peer, size_t size, int descriptor, size_t copies)
{
    uint8_t bytes[4096];
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(DESCRIPTORS_MAX * sizeof(int))];
    } control = {.room = {0}};
    struct iovec piece = {.iov_base = bytes, .iov_len = size};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
    ssize_t sent;

    for (size_t i = 0; i < size; i++)
        bytes[i] = byte_at(peer->sent + i);
    if (copies > 0) {
        message.msg_control = control.room;
        message.msg_controllen = (__typeof__(message.msg_controllen))CMSG_SPACE(copies * sizeof(int));
        control.header = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
        control.header.cmsg_len = (__typeof__(control.header.cmsg_len))CMSG_LEN(copies * sizeof(int));
        for (size_t i = 0; i < copies; i++)
            memcpy(CMSG_DATA(&control.header) + i * sizeof(int), &descriptor, sizeof(int));
    }
    sent = sendmsg(peer->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent > 0)
        peer->sent += (uint64_t)sent;
}

/* Closes with what was sent back unread, if any is: the session sees a reset. */
static void reset(struct peer *peer)
{
    close(peer->fd);
    peer->fd = -1;
    peer->disturbed = true;
}

static void give_way(size_t times)
{
    for (size_t i = 0; i < times; i++)
        CHECK(coir_yield() == 0);
}

static void disturb_sessions(struct game *game, size_t how)
{
    if (game->sessions == NULL)
        return;
    if (how == 0)
        coir_scope_cancel(game->sessions);
    else if (how == 1)
        coir_scope_drain(game->sessions, 0);
    else if (how == 2)
        coir_scope_set_limit(game->sessions, 0);
    else
        return;
    for (size_t i = 0; i < PEERS; i++)
        game->peers[i].disturbed = true;
}

static void finish(struct peer *peer, bool reads_no_more)
{
    (void)shutdown(peer->fd, SHUT_WR);
    peer->finished = true;
    if (reads_no_more) {
        (void)shutdown(peer->fd, SHUT_RD);
        peer->disturbed = true;
    }
}

static void act(struct game *game, uint8_t action)
{
    struct peer *peer = &game->peers[action & 1];
    size_t amount = action >> 4; /* 0 to 15 */

    if (peer->fd < 0)
        return;
    switch (action >> 1 & 7) {
    case 0:
        send_bytes(peer, peer->finished ? 0 : 1 + amount, -1, 0);
        break;
    case 1:
        send_bytes(peer, peer->finished ? 0 : 256 * (1 + amount), -1, 0);
        break;
    case 2:
        send_bytes(peer, peer->finished ? 0 : 1 + amount, game->canary, 1 + amount % DESCRIPTORS_MAX);
        break;
    case 3:
        give_way(1 + amount);
        break;
    case 4:
        (void)read_back(peer, 1 + 300 * amount);
        break;
    case 5:
        if (amount < 8)
            finish(peer, amount == 7);
        break;
    case 6:
        if (amount == 0)
            reset(peer);
        break;
    default:
        disturb_sessions(game, amount);
        break;
    }
}

/* Waits until all is echoed, and reads none of it if it can: that would be news to a session that has missed some. */
static void await_echo(struct peer *peer)
{
    int queued = 0;

    for (;;) {
        CHECK(ioctl(peer->fd, FIONREAD, &queued) == 0);
        if (peer->received + (uint64_t)queued >= peer->sent)
            return;
        if (queued > QUEUED_MAX)
            (void)read_back(peer, SIZE_MAX);
        else
            give_way(1); /* fails after HANG_NS */
    }
}

/* Reads what is still owed, up to the end; a patient peer sees to it that all is echoed before it finishes. */
static void end_peer(struct peer *peer, bool patient)
{
    int rc;

    if (peer->fd < 0)
        return;
    if (patient && !peer->disturbed)
        await_echo(peer);
    if (!peer->finished)
        finish(peer, false);
    while ((rc = read_back(peer, SIZE_MAX)) != 0 && rc != -2)
        if (rc < 0)
            CHECK(coir_wait_fd(peer->fd, POLLIN) > 0); /* fails after HANG_NS: somebody has lost something */
    if (!peer->disturbed) {
        CHECK(rc == 0);
        CHECK(peer->received == peer->sent);
    }
    close(peer->fd);
}

/* The peers' task, outside the scope of the sessions. */
static int play_peers(void *arg)
{
    struct game *game = arg;

    for (size_t i = 0; i < game->count; i++)
        act(game, game->actions[i]);
    if (game->sessions != NULL)
        coir_scope_drain(game->sessions, 2 * HANG_NS); /* the queue is emptied, then nobody accepts */
    for (size_t i = 0; i < PEERS; i++)
        end_peer(&game->peers[i], game->patient);
    return 0;
}

static int play(void *arg)
{
    static const struct coir_scope_options patience = {.limit_ns = HANG_NS};
    static const struct coir_scope_options each_alone = {.policy = COIR_SCOPE_INDEPENDENT};
    static const struct coir_task_options large = {.stack = COIR_STACK_LARGE};
    struct game *game = arg;
    struct coir_scope *limit;

    CHECK(coir_scope_open(&patience, &limit) == 0);
    CHECK(coir_spawn(limit, play_peers, game, &large) == 0);
    CHECK(coir_scope_open(&each_alone, &game->sessions) == 0);
    if (game->listens)
        open_by_listener(game);
    else
        open_by_pairs(game);
    CHECK(coir_scope_close(game->sessions) == 0);
    game->sessions = NULL;
    CHECK(coir_scope_close(limit) == 0);
    return 0;
}

static unsigned count_descriptors(void)
{
    unsigned count = 0;

    for (int fd = 0; fd < DESCRIPTORS_LOOKED_AT; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    uint8_t choice = size > 0 ? bytes[0] : 0;
    struct coir_run_options options = {.engine = choice & 1 ? COIR_ENGINE_POLL : COIR_ENGINE_EPOLL,
                                       .stack = COIR_STACK_LARGE,
                                       .leave_fault_signals = true};
    struct game game = {.actions = size > 0 ? bytes + 1 : bytes,
                        .count = size > 0 ? size - 1 : 0,
                        .listens = (choice & 2) != 0,
                        .style = choice >> 2 & 3,
                        .patient =
                            (choice & 16) != 0 && (choice >> 2 & 3) != 2}; /* the rest of a line waits for its end */
    unsigned before = count_descriptors();
    int ends[2];
    char byte;

    CHECK(pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0);
    game.canary = ends[1];
    CHECK(coir_run(play, &game, &options) == 0);
    close(ends[1]);
    CHECK(read(ends[0], &byte, 1) == 0); /* the end: no copy is left anywhere */
    close(ends[0]);
    CHECK(count_descriptors() == before);
    return 0;
}
