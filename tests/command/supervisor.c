/* SPDX-License-Identifier: MIT
 *
 * What a supervisor hands over and wants to hear: sockets of every kind on
 * descriptors 3 and on, as systemd places them, and a socket for the news.
 */
#include "supervisor.h"
#include "support/test.h"
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIRST_FD 3
#define FAR_FD 100 /* above all that may be handed over */

static int handed_count;
static struct supervisor_sockets taken;

/* `fd` under a number that will not be needed. */
static int move_far(int fd)
{
    int far = fcntl(fd, F_DUPFD, FAR_FD);

    assert_true(far >= 0);
    close(fd);
    return far;
}

/* The next descriptor a supervisor would use becomes `fd`. */
static void hand_over(int fd)
{
    int far = move_far(fd);

    assert_int_equal(dup2(far, FIRST_FD + handed_count), FIRST_FD + handed_count);
    close(far);
    handed_count++;
}

static int open_socket(int family, int type)
{
    struct sockaddr_storage address = {.ss_family = (sa_family_t)family};
    socklen_t size = family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
    int fd = socket(family, type, 0);

    if (family == AF_UNIX)
        size = sizeof(sa_family_t); /* the kernel finds an abstract name */
    if (fd < 0)
        return fd;
    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    return move_far(fd);
}

static void set_number(const char *variable, long number)
{
    char text[32];

    snprintf(text, sizeof(text), "%ld", number);
    setenv(variable, text, 1);
}

static void announce(const char *names)
{
    set_number("LISTEN_PID", getpid());
    set_number("LISTEN_FDS", handed_count);
    if (names != NULL)
        setenv("LISTEN_FDNAMES", names, 1);
    handed_count = 0;
}

static void expect_no_variables(void)
{
    static const char *const variables[] = {"LISTEN_PID",    "LISTEN_FDS",    "LISTEN_FDNAMES",
                                            "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"};

    for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
        assert_null(getenv(variables[i]));
}

/* Takes what was announced, all of it, and expects that socket `number` is refused with `text` in the reason. */
static void expect_refusal(int number, const char *text)
{
    const char *reason;
    int count = handed_count;

    announce(NULL);
    assert_int_equal(supervisor_take_sockets(&taken, &reason), count);
    assert_null(reason);
    for (int i = 0; i < count; i++) {
        const char *refusal = taken.sockets[i].refusal;

        if (i != number) {
            assert_null(refusal);
            continue;
        }
        assert_non_null(refusal);
        if (strstr(refusal, text) == NULL)
            fail_msg("'%s' does not say '%s'", refusal, text);
    }
}

static void hand_over_listener(void)
{
    int fd = open_socket(AF_INET, SOCK_STREAM);

    assert_int_equal(listen(fd, 1), 0);
    hand_over(fd);
}

/* Expects that nothing is taken; returns why. */
static const char *take_nothing(int result)
{
    const char *reason;

    taken.count = 77;
    assert_int_equal(supervisor_take_sockets(&taken, &reason), result);
    expect_no_variables();
    return reason;
}

TEST(sockets_no_supervisor_no_sockets)
{
    assert_null(take_nothing(0));
    setenv("LISTEN_FDS", "1", 1); /* for nobody: no LISTEN_PID */
    assert_null(take_nothing(0));
    assert_int_equal(taken.count, 77);
}

TEST(sockets_each_kind_is_taken_for_what_it_is)
{
    int local = open_socket(AF_UNIX, SOCK_STREAM);
    int ip6 = open_socket(AF_INET6, SOCK_DGRAM);
    const char *reason;

    assert_int_equal(listen(local, 1), 0);
    hand_over_listener();
    hand_over(open_socket(AF_INET, SOCK_DGRAM));
    hand_over(local);
    hand_over(open_socket(AF_UNIX, SOCK_DGRAM));
    if (ip6 >= 0) /* none where IPv6 is off */
        hand_over(ip6);
    announce(ip6 >= 0 ? "echo-tcp:echo-udp::a\nb:six" : "echo-tcp:echo-udp::a\nb");
    assert_int_equal(supervisor_take_sockets(&taken, &reason), ip6 >= 0 ? 5 : 4);
    assert_null(reason);
    expect_no_variables();
    for (size_t i = 0; i < taken.count; i++) {
        static const int families[] = {AF_INET, AF_INET, AF_UNIX, AF_UNIX, AF_INET6};

        assert_null(taken.sockets[i].refusal);
        assert_int_equal(taken.sockets[i].fd, FIRST_FD + i);
        assert_int_equal(taken.sockets[i].family, families[i]);
        assert_int_equal(taken.sockets[i].kind, i % 2 == 0 && i < 4 ? SUPERVISOR_LISTENER : SUPERVISOR_DATAGRAMS);
        assert_int_equal(fcntl(taken.sockets[i].fd, F_GETFD), FD_CLOEXEC);
    }
    assert_string_equal(taken.sockets[0].name, "echo-tcp");
    assert_string_equal(taken.sockets[1].name, "echo-udp");
    assert_string_equal(taken.sockets[2].name, "");
    assert_string_equal(taken.sockets[3].name, "a?b");
}

TEST(sockets_without_names_are_unknown)
{
    const char *reason;

    hand_over_listener();
    announce(NULL);
    assert_int_equal(supervisor_take_sockets(&taken, &reason), 1);
    assert_string_equal(taken.sockets[0].name, "unknown");
}

TEST(sockets_a_long_name_is_cut_and_the_next_is_found)
{
    char names[SUPERVISOR_NAME_SIZE + 100];
    const char *reason;

    memset(names, 'x', sizeof(names));
    memcpy(names + sizeof(names) - 6, ":next", 6);
    hand_over_listener();
    hand_over_listener();
    announce(names);
    assert_int_equal(supervisor_take_sockets(&taken, &reason), 2);
    assert_int_equal(strlen(taken.sockets[0].name), SUPERVISOR_NAME_SIZE - 1);
    assert_string_equal(taken.sockets[1].name, "next");
}

TEST(sockets_of_another_process_are_left_alone)
{
    hand_over_listener();
    announce("mine");
    set_number("LISTEN_PID", getppid());
    assert_non_null(strstr(take_nothing(0), "LISTEN_PID"));
    assert_int_equal(taken.count, 77);
    assert_int_equal(fcntl(FIRST_FD, F_GETFD), 0); /* untouched */

    hand_over_listener();
    announce(NULL);
    setenv("LISTEN_PID", "-1", 1);
    assert_non_null(strstr(take_nothing(0), "LISTEN_PID"));
}

TEST(sockets_wrong_counts_are_told)
{
    static const char *const wrong[] = {"", "x", "1x", "-1", "+1", " 1", "2147483645", "99999999999999999999"};

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        set_number("LISTEN_PID", getpid());
        setenv("LISTEN_FDS", wrong[i], 1);
        assert_non_null(strstr(take_nothing(-EINVAL), "LISTEN_FDS"));
    }
    set_number("LISTEN_PID", getpid());
    setenv("LISTEN_FDS", "65", 1);
    assert_non_null(strstr(take_nothing(-EINVAL), "64"));
    set_number("LISTEN_PID", getpid());
    assert_non_null(strstr(take_nothing(-EINVAL), "LISTEN_FDS"));
}

TEST(sockets_wrong_numbers_of_names_are_told)
{
    static const char *const wrong[] = {"", "one", "one:two:three", "one:two:"};

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        hand_over_listener();
        hand_over_listener();
        announce(wrong[i]);
        assert_non_null(strstr(take_nothing(-EINVAL), "LISTEN_FDNAMES"));
    }
}

TEST(sockets_a_missing_one_is_refused_alone)
{
    hand_over_listener();
    hand_over_listener();
    hand_over_listener();
    close(FIRST_FD + 1);
    expect_refusal(1, "not open");
}

TEST(sockets_files_and_pipes_are_refused)
{
    int ends[2];

    hand_over(open("/dev/null", O_RDWR));
    expect_refusal(0, "no socket");
    assert_int_equal(pipe(ends), 0);
    hand_over(ends[0]);
    expect_refusal(0, "no socket");
}

TEST(sockets_that_do_not_listen_are_refused)
{
    hand_over(open_socket(AF_INET, SOCK_STREAM));
    expect_refusal(0, "does not listen");
}

TEST(sockets_that_are_connections_are_refused)
{
    int ends[2];

    hand_over_listener();
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    hand_over(ends[0]);
    expect_refusal(1, "Accept=no");
}

TEST(sockets_of_other_types_and_families_are_refused)
{
    int packets = open_socket(AF_UNIX, SOCK_SEQPACKET);

    assert_int_equal(listen(packets, 1), 0);
    hand_over(packets);
    expect_refusal(0, "neither of streams nor of datagrams");
    hand_over(socket(AF_NETLINK, SOCK_RAW, 0));
    expect_refusal(0, "neither of IP nor of Unix");
}

/* A socket for the news, as a supervisor opens it, named in the environment. */
static int open_listening_ear(char ret_path[64])
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

    if (ret_path != NULL) {
        snprintf(ret_path, 64, "/tmp/coir-ear-%ld", (long)getpid());
        memcpy(address.sun_path, ret_path, strlen(ret_path));
        unlink(ret_path);
        assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
        setenv("NOTIFY_SOCKET", ret_path, 1);
    } else {
        char name[64];
        int size = snprintf(name, sizeof(name), "@coir-ear-%ld", (long)getpid());

        memcpy(address.sun_path + 1, name + 1, (size_t)size - 1);
        assert_int_equal(bind(fd, (struct sockaddr *)&address, (socklen_t)(sizeof(sa_family_t) + (size_t)size)), 0);
        setenv("NOTIFY_SOCKET", name, 1);
    }
    return fd;
}

static void expect_news(int ear, const char *text)
{
    char news[1024];
    ssize_t size = recv(ear, news, sizeof(news) - 1, 0);

    assert_true(size >= 0);
    news[size] = '\0';
    assert_string_equal(news, text);
}

static void tell_everything(int ear)
{
    struct supervisor supervisor;
    const char *reason;

    assert_int_equal(supervisor_attach(&supervisor, &reason), 1);
    expect_no_variables();
    assert_null(reason);
    assert_int_equal(fcntl(supervisor.fd, F_GETFD), FD_CLOEXEC);
    assert_int_equal(supervisor.watchdog_ns, 0);
    assert_int_equal(supervisor_tell_ready(&supervisor, "2 listeners"), 1);
    expect_news(ear, "READY=1\nSTATUS=2 listeners");
    assert_int_equal(supervisor_tell_ready(&supervisor, NULL), 1);
    expect_news(ear, "READY=1\n");
    assert_int_equal(supervisor_tell_status(&supervisor, "a\nREADY=1"), 1);
    expect_news(ear, "STATUS=a READY=1");
    assert_int_equal(supervisor_tell_alive(&supervisor), 1);
    expect_news(ear, "WATCHDOG=1\n");
    assert_int_equal(supervisor_tell_leaving(&supervisor, "5 sessions left"), 1);
    expect_news(ear, "STOPPING=1\nSTATUS=5 sessions left");
    supervisor_detach(&supervisor);
    assert_int_equal(supervisor_tell_alive(&supervisor), 0);
    supervisor_detach(&supervisor);
}

TEST(news_arrive_by_a_path)
{
    char path[64];
    int ear = open_listening_ear(path);

    tell_everything(ear);
    close(ear);
    unlink(path);
}

TEST(news_arrive_by_an_abstract_name)
{
    int ear = open_listening_ear(NULL);

    tell_everything(ear);
    close(ear);
}

TEST(news_a_long_status_is_cut)
{
    int ear = open_listening_ear(NULL);
    struct supervisor supervisor;
    char status[1000];
    char news[1024];
    const char *reason;

    memset(status, 'x', sizeof(status) - 1);
    status[sizeof(status) - 1] = '\0';
    assert_int_equal(supervisor_attach(&supervisor, &reason), 1);
    assert_int_equal(supervisor_tell_ready(&supervisor, status), 1);
    assert_int_equal(recv(ear, news, sizeof(news), 0), strlen("READY=1\nSTATUS=") + 255);
    supervisor_detach(&supervisor);
    close(ear);
}

TEST(news_nobody_wants_go_nowhere)
{
    struct supervisor supervisor;
    const char *reason;

    assert_int_equal(supervisor_attach(&supervisor, &reason), 0);
    assert_null(reason);
    assert_int_equal(supervisor.fd, -1);
    assert_int_equal(supervisor_tell_ready(&supervisor, "ready"), 0);
    assert_int_equal(supervisor_tell_alive(&supervisor), 0);
    supervisor_detach(&supervisor);
}

TEST(news_wrong_addresses_are_told)
{
    static const char *const wrong[] = {"", "/", "@", "relative/path", "vsock:2:1234"};
    char long_path[200];
    struct supervisor supervisor = {.fd = 77};
    const char *reason;

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        setenv("NOTIFY_SOCKET", wrong[i], 1);
        assert_int_equal(supervisor_attach(&supervisor, &reason), -EINVAL);
        assert_non_null(strstr(reason, "NOTIFY_SOCKET"));
    }
    memset(long_path, '/', sizeof(long_path) - 1);
    long_path[sizeof(long_path) - 1] = '\0';
    setenv("NOTIFY_SOCKET", long_path, 1);
    assert_int_equal(supervisor_attach(&supervisor, &reason), -EINVAL);
    assert_int_equal(supervisor.fd, 77);
    expect_no_variables();
}

TEST(news_a_supervisor_that_is_gone_is_told)
{
    struct supervisor supervisor;
    const char *reason;
    int ear = open_listening_ear(NULL);

    assert_int_equal(supervisor_attach(&supervisor, &reason), 1);
    close(ear);
    assert_int_equal(supervisor_tell_alive(&supervisor), -ECONNREFUSED);
    /* One that comes back, as when systemd is executed again, is heard of again. */
    ear = open_listening_ear(NULL);
    assert_int_equal(supervisor_tell_alive(&supervisor), 1);
    expect_news(ear, "WATCHDOG=1\n");
    unsetenv("NOTIFY_SOCKET");
    supervisor_detach(&supervisor);
    close(ear);
}

TEST(news_never_wait_for_who_does_not_read)
{
    int ear = open_listening_ear(NULL);
    struct supervisor supervisor;
    const char *reason;
    int told = 0;
    int rc;

    assert_int_equal(supervisor_attach(&supervisor, &reason), 1);
    alarm(5); /* waiting would end here */
    while ((rc = supervisor_tell_alive(&supervisor)) == 1)
        told++;
    alarm(0);
    assert_int_equal(rc, -EAGAIN);
    assert_true(told > 0);
    expect_news(ear, "WATCHDOG=1\n");
    assert_int_equal(supervisor_tell_ready(&supervisor, NULL), 1);
    supervisor_detach(&supervisor);
    close(ear);
}

/* Attaches with these in the environment; NULL: the variable is not there. */
static int attach_watchdog(const char *interval, long pid, struct supervisor *ret_supervisor)
{
    const char *reason;
    int ear = open_listening_ear(NULL);
    int rc;

    if (interval != NULL)
        setenv("WATCHDOG_USEC", interval, 1);
    if (pid != 0)
        set_number("WATCHDOG_PID", pid);
    rc = supervisor_attach(ret_supervisor, &reason);
    close(ear);
    expect_no_variables();
    assert_true((rc < 0) == (reason != NULL));
    return rc;
}

TEST(watchdog_its_interval_is_told)
{
    static const char *const wrong[] = {"0", "", "-5", "1s", "18446744073709551615"};
    struct supervisor supervisor;

    assert_int_equal(attach_watchdog("30000000", 0, &supervisor), 1);
    assert_int_equal(supervisor.watchdog_ns, 30000000000);
    supervisor_detach(&supervisor);
    assert_int_equal(attach_watchdog("1", getpid(), &supervisor), 1);
    assert_int_equal(supervisor.watchdog_ns, 1000);
    supervisor_detach(&supervisor);
    assert_int_equal(attach_watchdog("30000000", getppid(), &supervisor), 1);
    assert_int_equal(supervisor.watchdog_ns, 0);
    supervisor_detach(&supervisor);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_int_equal(attach_watchdog(wrong[i], 0, &supervisor), -EINVAL);
}
