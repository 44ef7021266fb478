/* SPDX-License-Identifier: MIT
 *
 * activate URI... -- COMMAND...: runs COMMAND as systemd runs a service of
 * Type=notify with a .socket unit. Opens the sockets (tcp://, udp://, unix://)
 * and keeps them; the command has them as descriptors 3 and on, and a socket
 * for its news.
 *
 * Prints a line each: "socket URI" with the port that was picked, "started
 * PID", "news WORDS" for each line the command tells, "ended CODE" (128 and the
 * signal's number, where one killed it). SIGHUP restarts the command: SIGTERM,
 * and when it has ended, a new one. SIGTERM ends it for good, and activate with
 * its exit code, which is also what happens when it ends unasked.
 */
#include "peer.h"
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#define FIRST_FD 3
#define SOCKETS_MAX 8
#define BACKLOG 4096

struct service {
    char **command;
    int sockets[SOCKETS_MAX];
    int count;
    int news;
    char news_name[64];
    int signals;
    pid_t pid;
    bool restarts; /* asked to, and its end is awaited */
};

__attribute__((format(printf, 1, 2))) static void say(const char *format, ...)
{
    va_list values;

    va_start(values, format);
    vprintf(format, values);
    va_end(values);
    putchar('\n');
    fflush(stdout);
}

static void tell_socket(int fd, const char *uri)
{
    struct sockaddr_in address;
    socklen_t size = sizeof(address);

    if (getsockname(fd, (struct sockaddr *)&address, &size) == 0 && address.sin_family == AF_INET)
        say("socket %.3s://127.0.0.1:%d", uri, ntohs(address.sin_port));
    else
        say("socket %s", uri);
}

/* Opened where the command will not have it: the numbers from 3 on are for the copies. */
static int open_far(int fd)
{
    int far = fcntl(fd, F_DUPFD_CLOEXEC, FIRST_FD + SOCKETS_MAX);

    /* Once more over it: of a copy by fcntl(2) qemu forgets that it is a signalfd, whose bytes it has to turn round. */
    if (far < 0 || dup3(fd, far, O_CLOEXEC) < 0)
        PEER_DIE("no descriptor: %s", strerror(errno));
    close(fd);
    return far;
}

static int open_socket(const char *uri)
{
    bool is_udp = strncmp(uri, "udp://", 6) == 0;
    char stream_uri[128];
    union peer_address address;
    socklen_t size;
    int one = 1;
    int fd;

    snprintf(stream_uri, sizeof(stream_uri), "%s%s", is_udp ? "tcp" : "", is_udp ? uri + 3 : uri);
    size = peer_address_read(stream_uri, &address);
    fd = socket(address.any.sa_family, is_udp ? SOCK_DGRAM : SOCK_STREAM, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 || bind(fd, &address.any, size) < 0 ||
        (!is_udp && listen(fd, BACKLOG) < 0))
        PEER_DIE("%s: %s", uri, strerror(errno));
    tell_socket(fd, uri);
    return open_far(fd);
}

static void open_news(struct service *service)
{
    union peer_address address = {.local = {.sun_family = AF_UNIX}};
    char uri[96];
    socklen_t size;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

    snprintf(service->news_name, sizeof(service->news_name), "@coir-activate-%ld", (long)getpid());
    snprintf(uri, sizeof(uri), "unix://%s", service->news_name);
    size = peer_address_read(uri, &address);
    if (fd < 0 || bind(fd, &address.any, size) < 0)
        PEER_DIE("%s: %s", uri, strerror(errno));
    service->news = open_far(fd);
}

static void set_number(const char *variable, long number)
{
    char text[32];

    snprintf(text, sizeof(text), "%ld", number);
    setenv(variable, text, 1);
}

static void become_command(const struct service *service)
{
    sigset_t none;

    prctl(PR_SET_PDEATHSIG, SIGKILL); /* nobody is left behind by a test that failed */
    for (int i = 0; i < service->count; i++) {
        if (dup2(service->sockets[i], FIRST_FD + i) < 0)
            PEER_DIE("dup2: %s", strerror(errno));
    }
    set_number("LISTEN_FDS", service->count);
    set_number("LISTEN_PID", getpid());
    setenv("NOTIFY_SOCKET", service->news_name, 1);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execvp(service->command[0], service->command);
    PEER_DIE("%s: %s", service->command[0], strerror(errno));
}

static void start(struct service *service)
{
    service->restarts = false;
    service->pid = fork();
    if (service->pid < 0)
        PEER_DIE("fork: %s", strerror(errno));
    if (service->pid == 0)
        become_command(service);
    say("started %ld", (long)service->pid);
}

static void tell_news(const struct service *service)
{
    char text[2048];
    char *rest;
    ssize_t size;

    while ((size = recv(service->news, text, sizeof(text) - 1, 0)) >= 0) {
        text[size] = '\0';
        for (char *line = strtok_r(text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest))
            say("news %s", line);
    }
}

static void obey_signal(struct service *service)
{
    struct signalfd_siginfo signal;
    int status;

    if (read(service->signals, &signal, sizeof(signal)) != sizeof(signal))
        PEER_DIE("signalfd: %s", strerror(errno));
    if (signal.ssi_signo != SIGCHLD) {
        service->restarts = signal.ssi_signo == SIGHUP;
        kill(service->pid, SIGTERM);
        return;
    }
    if (waitpid(service->pid, &status, WNOHANG) != service->pid)
        return;
    tell_news(service);
    status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    say("ended %d", status);
    if (!service->restarts)
        exit(status);
    start(service);
}

static void watch(struct service *service)
{
    struct pollfd events[] = {{.fd = service->news, .events = POLLIN}, {.fd = service->signals, .events = POLLIN}};

    for (;;) {
        if (poll(events, 2, -1) < 0)
            PEER_DIE("poll: %s", strerror(errno));
        if (events[0].revents != 0)
            tell_news(service);
        if (events[1].revents != 0)
            obey_signal(service);
    }
}

int main(int argument_count, char **arguments)
{
    struct service service = {.count = 0};
    sigset_t signals;
    int next = 1;

    for (; next < argument_count && strcmp(arguments[next], "--") != 0; next++) {
        if (service.count == SOCKETS_MAX)
            PEER_DIE("more than %d sockets", SOCKETS_MAX);
        service.sockets[service.count++] = open_socket(arguments[next]);
    }
    if (next + 1 >= argument_count)
        PEER_DIE("usage: activate URI... -- COMMAND...");
    service.command = arguments + next + 1;
    open_news(&service);
    sigemptyset(&signals);
    sigaddset(&signals, SIGCHLD);
    sigaddset(&signals, SIGHUP);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    service.signals = open_far(signalfd(-1, &signals, SFD_CLOEXEC));
    start(&service);
    watch(&service);
}
