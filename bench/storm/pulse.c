/* SPDX-License-Identifier: MIT
 *
 * The measured sessions: see pulse.h. They take turns, evenly spread over the
 * interval, so that the server sees a steady rate and no bursts of ours.
 */
#include "pulse.h"

#include "clock.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define MESSAGE_SIZE 64
#define EVENTS_MAX 64
#define PATIENCE_NS 10000000000LL

struct session {
    int fd;
    bool served;
    size_t under_way;  /* bytes that are still to come back */
    int64_t sent_ns;   /* when it was sent */
    uint64_t messages; /* what the message says, all over */
};

struct pulse {
    struct pulse_plan plan;
    int epoll_fd;
    int opened;
    int under_way; /* messages */
    uint64_t next; /* number of the next turn */
    struct session *sessions;
    uint64_t put_off;
    int64_t longest_ns;
    struct histogram latencies;
};

static int fail(const struct pulse *pulse, const struct session *session, const char *what)
{
    fprintf(stderr, "pulse: session %d: %s after %llu messages\n", (int)(session - pulse->sessions), what,
            (unsigned long long)session->messages);
    return -1;
}

static int connect_session(struct pulse *pulse)
{
    struct session *session = &pulse->sessions[pulse->opened];
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(pulse->plan.port)};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = session};
    struct linger reset = {.l_onoff = 1, .l_linger = 0};
    int one = 1;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    session->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (session->fd < 0)
        return perror("pulse: socket"), -1;
    pulse->opened++;
    if (setsockopt(session->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) < 0 ||
        setsockopt(session->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)) < 0 ||
        connect(session->fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
        epoll_ctl(pulse->epoll_fd, EPOLL_CTL_ADD, session->fd, &event) < 0)
        return fail(pulse, session, strerror(errno));
    return 0;
}

static void write_message(const struct session *session, uint64_t message[MESSAGE_SIZE / 8])
{
    for (size_t i = 0; i < MESSAGE_SIZE / 8; i++)
        message[i] = session->messages + (uint64_t)session->fd;
}

static int send_message(struct pulse *pulse, struct session *session)
{
    uint64_t message[MESSAGE_SIZE / 8];

    if (session->under_way > 0) {
        pulse->put_off++;
        return 0;
    }
    write_message(session, message);
    session->under_way = MESSAGE_SIZE;
    session->sent_ns = clock_monotonic();
    pulse->under_way++;
    return send(session->fd, message, MESSAGE_SIZE, MSG_NOSIGNAL) == MESSAGE_SIZE
               ? 0
               : fail(pulse, session, strerror(errno));
}

static void take_time(struct pulse *pulse, const struct session *session)
{
    int64_t latency_ns = clock_monotonic() - session->sent_ns;

    histogram_add(&pulse->latencies, latency_ns);
    if (latency_ns > pulse->longest_ns)
        pulse->longest_ns = latency_ns;
}

static int receive_answer(struct pulse *pulse, struct session *session)
{
    uint64_t message[MESSAGE_SIZE / 8];
    char answer[MESSAGE_SIZE];
    ssize_t got = recv(session->fd, answer, sizeof(answer), 0);

    if (got <= 0)
        return fail(pulse, session, got == 0 ? "the end" : strerror(errno));
    if ((size_t)got > session->under_way)
        return fail(pulse, session, "more came back than was sent");
    write_message(session, message);
    if (memcmp((char *)message + MESSAGE_SIZE - session->under_way, answer, (size_t)got) != 0)
        return fail(pulse, session, "WRONG BYTES");
    session->under_way -= (size_t)got;
    if (session->under_way > 0)
        return 0;
    take_time(pulse, session);
    session->messages++;
    session->served = true;
    pulse->under_way--;
    return 0;
}

/* Waits for so long; kernels before 5.11 and emulators lack the call for nanoseconds, and musl its wrapper. */
static long wait_for_events(int epoll_fd, struct epoll_event *ret_events, int64_t limit_ns)
{
    int64_t limit[2] = {limit_ns / 1000000000, limit_ns % 1000000000}; /* as the kernel reads it on every machine */
    struct timespec ours = {.tv_sec = (time_t)limit[0], .tv_nsec = (long)limit[1]};
    struct pollfd descriptor = {.fd = epoll_fd, .events = POLLIN};
    long count = syscall(SYS_epoll_pwait2, epoll_fd, ret_events, EVENTS_MAX, limit, NULL, (size_t)0);

    if (count >= 0 || errno != ENOSYS)
        return count;
    if (ppoll(&descriptor, 1, &ours, NULL) < 0)
        return -1;
    return epoll_wait(epoll_fd, ret_events, EVENTS_MAX, 0);
}

/* Waits for answers until then. */
static int receive_until(struct pulse *pulse, int64_t end_ns)
{
    struct epoll_event events[EVENTS_MAX];
    int64_t left_ns = end_ns - clock_monotonic();
    long count = wait_for_events(pulse->epoll_fd, events, left_ns < 0 ? 0 : left_ns);

    if (count < 0 && errno != EINTR)
        return perror("pulse: epoll"), -1;
    for (long i = 0; i < count; i++)
        if (receive_answer(pulse, events[i].data.ptr) < 0)
            return -1;
    return 0;
}

static int await_answers(struct pulse *pulse)
{
    int64_t end_ns = clock_monotonic() + PATIENCE_NS;

    while (pulse->under_way > 0) {
        if (receive_until(pulse, end_ns) < 0)
            return -1;
        if (clock_monotonic() >= end_ns) {
            fprintf(stderr, "pulse: %d messages have not come back\n", pulse->under_way);
            return -1;
        }
    }
    return 0;
}

int pulse_open(const struct pulse_plan *plan, struct pulse **ret_pulse)
{
    struct pulse *pulse = calloc(1, sizeof(*pulse));

    if (pulse == NULL)
        return perror("pulse"), -1;
    (void)prctl(PR_SET_TIMERSLACK, 1000, 0, 0, 0);
    pulse->plan = *plan;
    pulse->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    pulse->sessions = calloc((size_t)plan->sessions, sizeof(*pulse->sessions));
    while (pulse->epoll_fd >= 0 && pulse->sessions != NULL && pulse->opened < plan->sessions)
        if (connect_session(pulse) < 0)
            break;
    if (pulse->opened < plan->sessions) {
        pulse_close(pulse);
        return -1;
    }
    *ret_pulse = pulse;
    return 0;
}

static struct pulse_tally make_tally(const struct pulse *pulse)
{
    struct pulse_tally tally = {
        .messages = pulse->latencies.total,
        .put_off = pulse->put_off,
        .p50_ns = histogram_quantile(&pulse->latencies, 0.50),
        .p99_ns = histogram_quantile(&pulse->latencies, 0.99),
        .longest_ns = (double)pulse->longest_ns,
    };

    for (int i = 0; i < pulse->opened; i++)
        tally.served += pulse->sessions[i].served;
    return tally;
}

int pulse_run(struct pulse *pulse, int64_t duration_ns, struct pulse_tally *ret_tally)
{
    int64_t step_ns = pulse->plan.interval_ns / pulse->opened;
    int64_t begin_ns = clock_monotonic();
    int64_t due_ns = begin_ns;

    histogram_clear(&pulse->latencies);
    pulse->put_off = 0;
    pulse->longest_ns = 0;
    while (due_ns < begin_ns + duration_ns) {
        if (receive_until(pulse, due_ns) < 0)
            return -1;
        if (clock_monotonic() < due_ns)
            continue;
        if (send_message(pulse, &pulse->sessions[pulse->next++ % (uint64_t)pulse->opened]) < 0)
            return -1;
        due_ns += step_ns;
    }
    if (await_answers(pulse) < 0)
        return -1;
    *ret_tally = make_tally(pulse);
    return 0;
}

void pulse_close(struct pulse *pulse)
{
    if (pulse == NULL)
        return;
    for (int i = 0; pulse->sessions != NULL && i < pulse->opened; i++)
        close(pulse->sessions[i].fd);
    if (pulse->epoll_fd >= 0)
        close(pulse->epoll_fd);
    free(pulse->sessions);
    free(pulse);
}
