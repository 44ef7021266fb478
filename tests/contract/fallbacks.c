/* SPDX-License-Identifier: MIT
 *
 * What coir does without where the kernel lacks it: each case asks the kernel
 * itself, and expects coir to have found out the same and to serve either way.
 * tests/system/masks.py runs them with each such thing taken away
 * (tests/system/programs/mask.c); that it is really gone they assert, and say.
 */
#include "contract/rig.h"
#include <linux/filter.h>
#include <linux/sockios.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>

#ifndef SYS_epoll_pwait2
#define SYS_epoll_pwait2 441 /* of Linux 5.11; older headers lack it */
#endif
#define ADVICE_GUARD_INSTALL 102 /* likewise, of 6.13 */
#define ADVICE_NONSENSE 0x7fff

/* Hands on whether the kernel has `feature`, which it must not where that is masked. */
static bool unless_masked(const char *feature, bool is_there)
{
    const char *mask = getenv("COIR_MASK");

    if (mask != NULL && strncmp(mask, feature, strlen(feature)) == 0) {
        assert_false(is_there);
        print_message("masked: %s\n", mask);
    }
    return is_there;
}

struct failures {
    const char *function;
    int seen;
};

static void see_failure(const struct fault_call *call, void *context)
{
    struct failures *failures = context;

    if (strcmp(call->function, failures->function) == 0 && call->result < 0)
        failures->seen++;
}

/* What user-mode emulators accept and do not do is not there. */
static bool has_guard_markers(void)
{
    size_t size = (size_t)sysconf(_SC_PAGESIZE);
    void *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int fd = eventfd(0, EFD_CLOEXEC);
    bool works;

    assert_true(page != MAP_FAILED && fd >= 0);
    works = madvise(page, size, ADVICE_NONSENSE) < 0 && madvise(page, size, ADVICE_GUARD_INSTALL) == 0 &&
            write(fd, page, sizeof(uint64_t)) < 0 && errno == EFAULT;
    close(fd);
    munmap(page, size);
    return works;
}

CASE(guards_are_markers_or_else_mappings)
{
    bool markers = unless_masked("guard-markers", has_guard_markers());

    assert_int_equal(scheduler_current->stacks.guard, markers ? STACK_GUARD_MARKERS : STACK_GUARD_MAPPINGS);
}

static bool has_huge_page_advice(void)
{
    size_t size = (size_t)sysconf(_SC_PAGESIZE);
    void *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    bool works;

    assert_true(page != MAP_FAILED);
    works = madvise(page, size, MADV_NOHUGEPAGE) == 0;
    munmap(page, size);
    return works;
}

static int do_nothing(void *arg)
{
    (void)arg;
    return 0;
}

CASE(stacks_do_not_need_the_advice_on_huge_pages)
{
    static const struct coir_task_options options = {.stack = COIR_STACK_LARGE}; /* the first one of its pool */
    struct failures failures = {.function = "kernel_advise"};
    bool advice = unless_masked("huge-pages", has_huge_page_advice());
    struct coir_scope *scope = open_scope();

    fault_observe(NULL, see_failure, &failures);
    assert_int_equal(coir_spawn(scope, do_nothing, NULL, &options), 0);
    fault_observe(NULL, NULL, NULL);
    assert_int_equal(coir_scope_close(scope), 0);
    assert_int_equal(failures.seen, advice ? 0 : 1);
}

static bool has_nanosecond_waits(void)
{
    struct epoll_event event;

    return syscall(SYS_epoll_pwait2, -1, &event, 1, NULL, NULL, (size_t)0) < 0 && errno == EBADF;
}

CASE_OF_ENGINE(epoll, waits_are_in_nanoseconds_or_else_in_milliseconds)
{
    bool nanoseconds = unless_masked("nanosecond-waits", has_nanosecond_waits());
    coir_time start = coir_now();

    fault_clear();
    engine_now()->table->wait(engine_now(), COIR_MILLISECOND + 1);
    assert_true(coir_now() - start > COIR_MILLISECOND);
    assert_int_equal(fault_calls("kernel_epoll_wait_ns"), nanoseconds ? 1 : 0);
    assert_int_equal(fault_calls("kernel_epoll_wait"), nanoseconds ? 0 : 1);
}

static bool has_epoll(void)
{
    int fd = epoll_create1(EPOLL_CLOEXEC);

    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static int expect_engine(void *arg)
{
    assert_string_equal(run_info().engine, arg);
    return 0;
}

TEST(the_engine_is_epoll_or_else_poll)
{
    bool epoll = unless_masked("epoll", has_epoll());

    assert_int_equal(unsetenv("COIR_ENGINE"), 0);
    assert_int_equal(coir_run(expect_engine, epoll ? "epoll" : "poll", NULL), 0);
}

static bool has_ip6(void)
{
    struct sockaddr_in6 every = {.sin6_family = AF_INET6};
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool works = fd >= 0 && bind(fd, (struct sockaddr *)&every, sizeof(every)) == 0;

    if (fd >= 0)
        close(fd);
    return works;
}

CASE(an_empty_host_is_both_families_or_else_ip4)
{
    const char *prefix = unless_masked("ip6", has_ip6()) ? "tcp://[::]:" : "tcp://0.0.0.0:";
    struct coir_listener_info info;
    struct coir_listener *listener;
    struct coir_datagram_socket *datagrams;

    assert_int_equal(coir_listen("tcp://:0", NULL, &listener), 0);
    assert_int_equal(coir_listener_info(listener, &info), 0);
    assert_memory_equal(info.local, prefix, strlen(prefix));
    coir_listener_close(listener);
    assert_int_equal(coir_datagram_open("udp://:0", NULL, &datagrams), 0);
    coir_datagram_close(datagrams);
}

static bool has_socket_filters(void)
{
    struct sock_filter all[] = {BPF_STMT(BPF_RET | BPF_K, UINT32_MAX)};
    struct sock_fprog program = {.len = 1, .filter = all};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool works = setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) == 0;

    close(fd);
    return works;
}

/* Without the filter a connection that begins in the last moment may be reset; those in the queue never are. */
CASE(a_drain_serves_the_queue_with_a_filter_or_without)
{
    bool filters = unless_masked("drain-filter", has_socket_filters());
    struct failures failures = {.function = "kernel_set_option"};
    struct coir_scope *scope = open_scope();
    struct coir_listener_info info;
    struct coir_listener *listener;
    struct coir_stream *stream;
    struct coir_stream *client;

    assert_int_equal(coir_listen("tcp://127.0.0.1:0", NULL, &listener), 0);
    assert_int_equal(coir_listener_info(listener, &info), 0);
    assert_int_equal(coir_connect(info.local, NULL, &client), 0);
    fault_observe(NULL, see_failure, &failures);
    coir_scope_drain(scope, COIR_SECOND);
    assert_int_equal(coir_accept(listener, &stream), 0);
    coir_abort(stream);
    assert_int_equal(coir_accept(listener, &stream), -ESHUTDOWN);
    fault_observe(NULL, NULL, NULL);
    assert_int_equal(failures.seen, filters ? 0 : 1);
    coir_abort(client);
    coir_listener_close(listener);
    assert_int_equal(coir_scope_close(scope), 0);
}

static bool has_late_ports(void)
{
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool works = setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one)) == 0;

    close(fd);
    return works;
}

/* Without, each such connection takes a port of its own, so that fewer of them fit. */
CASE(a_connection_from_an_address_takes_its_port_when_it_connects_or_else_before)
{
    static const struct coir_stream_options options = {.local = "tcp://127.0.0.1:0"};
    struct failures failures = {.function = "kernel_set_option"};
    bool late = unless_masked("late-ports", has_late_ports());
    struct coir_listener_info info;
    struct coir_listener *listener;
    struct coir_stream *client;

    assert_int_equal(coir_listen("tcp://127.0.0.1:0", NULL, &listener), 0);
    assert_int_equal(coir_listener_info(listener, &info), 0);
    fault_observe(NULL, see_failure, &failures);
    assert_int_equal(coir_connect(info.local, &options, &client), 0);
    fault_observe(NULL, NULL, NULL);
    assert_int_equal(failures.seen, late ? 0 : 1);
    coir_abort(client);
    coir_listener_close(listener);
}

static bool has_unsent_bytes(int fd)
{
    int bytes;

    return ioctl(fd, SIOCOUTQ, &bytes) == 0;
}

static size_t read_to_end(int fd)
{
    static char bytes[65536];
    size_t total = 0;
    ssize_t count;

    while ((count = recv(fd, bytes, sizeof(bytes), 0)) > 0)
        total += (size_t)count;
    assert_int_equal(count, 0);
    return total;
}

/* Without, only what the peer sends counts as progress; within the quiet time all the same everything arrives. */
CASE_OF_BOTH(what_was_written_arrives_where_nobody_knows_how_much_is_unsent)
{
    struct failures failures = {.function = "kernel_unsent"};
    struct pair pair = new_pair(local);
    bool unsent = unless_masked("unsent-bytes", has_unsent_bytes(pair.ours));
    struct coir_stream *stream = adopt_stream(pair);
    size_t size;

    make_narrow(pair);
    size = fill(pair.ours);
    fault_observe(NULL, see_failure, &failures);
    coir_close(stream);
    fault_observe(NULL, NULL, NULL);
    assert_int_equal(failures.seen, unsent ? 0 : 1);
    assert_int_equal(read_to_end(pair.theirs), size);
    close(pair.theirs);
    UNTIL(run_info().lingering == 0);
}

static bool has_signalfd(void)
{
    sigset_t none;
    int fd;

    sigemptyset(&none);
    fd = signalfd(-1, &none, SFD_CLOEXEC);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

CASE(without_signalfd_only_waits_for_signals_fail)
{
    static const int signals[] = {SIGUSR1};
    bool signalfd = unless_masked("signalfd", has_signalfd());
    struct coir_scope *scope = open_scope();
    int signal;

    if (signalfd)
        coir_scope_set_limit(scope, COIR_MILLISECOND);
    assert_int_equal(coir_signal_wait(signals, 1, &signal), signalfd ? -ETIME : -ENOSYS);
    assert_int_equal(coir_scope_close(scope), 0);
}

static bool has_eventfd(void)
{
    int fd = eventfd(0, EFD_CLOEXEC);

    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

TEST(without_eventfd_the_start_says_so)
{
    assert_int_equal(coir_run(do_nothing, NULL, NULL), unless_masked("eventfd", has_eventfd()) ? 0 : -ENOSYS);
}
