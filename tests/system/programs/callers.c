/* SPDX-License-Identifier: MIT
 *
 * callers URI COUNT MILLISECONDS [PID]: for so long, COUNT clients at a time
 * connect, send a message, have it echoed and leave, every second one by a
 * reset, and the next one comes at once. Every connection must be made, and
 * every echo must be whole.
 *
 * With PID, that process is then sent SIGTERM, and nobody leaves or comes any
 * more: each client that is there, connected and its message sent before the
 * signal, must get its whole echo, and then the end. Prints how many clients
 * there were, and how many of them at the signal.
 */
#include "peer.h"
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/epoll.h>

#define CALLERS_MAX 1000
#define MESSAGE_MAX 16384 /* fits the sockets' buffers, so that nobody has to wait */
#define EVENTS_MAX 64
#define PATIENCE_S 20

struct caller {
    int fd; /* -1: it has left */
    unsigned long number;
    size_t size;
    size_t received;
};

struct callers {
    const char *uri;
    int epoll_fd;
    int here; /* callers that have not left */
    unsigned long calls;
    bool leaving; /* the server is */
    struct caller callers[CALLERS_MAX];
};

static char byte_at(const struct caller *caller, size_t offset)
{
    return (char)(caller->number * 31 + offset * 131 + (offset >> 8) * 7);
}

/* Sends at once: of one that is still to say something the server knows nothing. */
static void call(struct callers *all, struct caller *caller)
{
    static char message[MESSAGE_MAX];
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = caller};

    caller->number = all->calls++;
    caller->size = 1 + (size_t)rand() % MESSAGE_MAX;
    caller->received = 0;
    for (size_t i = 0; i < caller->size; i++)
        message[i] = byte_at(caller, i);
    caller->fd = peer_connect(all->uri);
    peer_send_all(caller->fd, message, caller->size);
    if (epoll_ctl(all->epoll_fd, EPOLL_CTL_ADD, caller->fd, &event) < 0)
        PEER_DIE("epoll_ctl: %s", strerror(errno));
    all->here++;
}

static void leave(struct callers *all, struct caller *caller)
{
    struct linger reset = {.l_onoff = 1, .l_linger = 0};

    if (caller->number % 2 == 0)
        (void)setsockopt(caller->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    close(caller->fd);
    caller->fd = -1;
    all->here--;
}

static void die_of(const struct callers *all, const struct caller *caller, const char *what)
{
    PEER_DIE("caller %lu: %s after %zu of %zu bytes, %s SIGTERM", caller->number, what, caller->received, caller->size,
             all->leaving ? "after" : "before");
}

/* Something has come for the caller. */
static void listen_to(struct callers *all, struct caller *caller)
{
    char bytes[MESSAGE_MAX + 1];
    ssize_t got = recv(caller->fd, bytes, sizeof(bytes), MSG_DONTWAIT);

    if (got < 0)
        die_of(all, caller, strerror(errno));
    for (ssize_t i = 0; i < got; i++, caller->received++)
        if (caller->received == caller->size || bytes[i] != byte_at(caller, caller->received))
            die_of(all, caller, "the echo differs");
    if (got == 0 && caller->received < caller->size)
        die_of(all, caller, "the end");
    if (got > 0 && (all->leaving || caller->received < caller->size))
        return;
    if (got == 0 && !all->leaving)
        die_of(all, caller, "the end, unasked");
    leave(all, caller);
}

static void listen_to_all(struct callers *all)
{
    struct epoll_event events[EVENTS_MAX];
    int count = epoll_wait(all->epoll_fd, events, EVENTS_MAX, PATIENCE_S * 1000);

    if (count == 0)
        PEER_DIE("%d callers hear nothing for %d s", all->here, PATIENCE_S);
    for (int i = 0; i < count; i++)
        listen_to(all, events[i].data.ptr);
}

static void keep_calling(struct callers *all, size_t count, int64_t end_ms)
{
    while (peer_now_ms() < end_ms) {
        for (size_t i = 0; i < count; i++)
            if (all->callers[i].fd < 0)
                call(all, &all->callers[i]);
        listen_to_all(all);
    }
}

int main(int argument_count, char **arguments)
{
    static struct callers all;
    size_t count;

    if (argument_count != 4 && argument_count != 5)
        PEER_DIE("usage: callers URI COUNT MILLISECONDS [PID]");
    count = peer_number(arguments[2]);
    if (count > CALLERS_MAX)
        PEER_DIE("more than %d", CALLERS_MAX);
    alarm((unsigned)peer_number(arguments[3]) / 1000 + PATIENCE_S + 10); /* a connect may wait for ever */
    all.uri = arguments[1];
    all.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    for (size_t i = 0; i < count; i++)
        all.callers[i].fd = -1;
    keep_calling(&all, count, peer_now_ms() + (int64_t)peer_number(arguments[3]));
    if (argument_count == 5) {
        for (size_t i = 0; i < count; i++)
            if (all.callers[i].fd < 0)
                call(&all, &all.callers[i]);
        all.leaving = true;
        if (kill((pid_t)peer_number(arguments[4]), SIGTERM) < 0)
            PEER_DIE("kill: %s", strerror(errno));
    }
    printf("%lu called, %d of them at the end\n", all.calls, all.here);
    while (all.here > 0)
        listen_to_all(&all);
    return 0;
}
