/* SPDX-License-Identifier: MIT
 *
 * The plan behind faults.h, and the wrapper of every function of kernel.h and
 * alloc.h. fault_names.inc is made from those headers when the build is
 * configured: FAULT_NAME(name) for each function. One that has no wrapper here
 * stops the compiler ("__wrap_... undeclared" becomes an undefined symbol when
 * linked), one whose prototype changed as well.
 */
#include "support/faults.h"
#include "base/alloc.h"
#include "kernel/kernel.h"
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PLANS_MAX 32
#define PIECES_MAX 64

#define FAULT_HEADER(path)
#define FAULT_NAME(name) FUNCTION_##name,
enum function {
#include "support/fault_names.inc"
    FUNCTION_COUNT,
    FUNCTION_ANY,
};
#undef FAULT_NAME

#define FAULT_NAME(name) __typeof__(name) __real_##name, __wrap_##name;
#include "support/fault_names.inc"
#undef FAULT_NAME

#define FAULT_NAME(name) {#name, (void (*)(void))__wrap_##name},
static const struct {
    const char *name;
    void (*wrapper)(void);
} functions[FUNCTION_COUNT] = {
#include "support/fault_names.inc"
};
#undef FAULT_NAME

struct plan {
    enum function function;
    enum fault_span span;
    unsigned calls_left; /* until it is due, that one included; 0 = spent */
    int error;           /* or 0: */
    size_t limit;
};

/* What is to become of one call. */
struct verdict {
    int error;    /* 0 = let it happen */
    size_t limit; /* SIZE_MAX = whole */
    bool unseen;  /* made by an observer */
};

static struct plan plans[PLANS_MAX];
static size_t plan_count;
static pthread_mutex_t plans_lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_bool plans_exist; /* so that without a plan no lock is taken: also good in signal handlers */
static atomic_uint call_counts[FUNCTION_COUNT];
static atomic_uint hit_count;
static struct {
    void (*before)(const struct fault_call *call, void *context);
    void (*after)(const struct fault_call *call, void *context);
    void *context;
} observer;
static _Thread_local bool observing;

static _Noreturn void complain(const char *what, const char *name)
{
    fprintf(stderr, "faults: %s: %s\n", what, name);
    abort();
}

static enum function find_function(const char *name)
{
    size_t at = 0;

    while (at < FUNCTION_COUNT && strcmp(functions[at].name, name) != 0)
        at++;
    if (at == FUNCTION_COUNT)
        complain("no such function", name);
    return (enum function)at;
}

static bool can_fail(enum function function)
{
    return function != FUNCTION_kernel_clock && function != FUNCTION_alloc_free;
}

static bool can_be_short(enum function function)
{
    return function == FUNCTION_kernel_receive || function == FUNCTION_kernel_read ||
           function == FUNCTION_kernel_send || function == FUNCTION_kernel_send_pieces ||
           function == FUNCTION_kernel_write;
}

static void add_plan(struct plan plan)
{
    if (plan.calls_left == 0)
        complain("calls are counted from 1", plan.function < FUNCTION_COUNT ? functions[plan.function].name : "any");
    pthread_mutex_lock(&plans_lock);
    if (plan_count == PLANS_MAX)
        complain("too many plans", "fault_clear() forgets them");
    plans[plan_count++] = plan;
    atomic_store(&plans_exist, true);
    pthread_mutex_unlock(&plans_lock);
}

void fault_fail(const char *function, unsigned nth, int error, enum fault_span span)
{
    enum function which = function != FAULT_ANY ? find_function(function) : FUNCTION_ANY;

    if (!can_fail(which))
        complain("cannot fail", function);
    if (error <= 0)
        complain("not a positive errno", function != FAULT_ANY ? function : "any");
    add_plan((struct plan){.function = which, .span = span, .calls_left = nth, .error = error});
}

void fault_limit(const char *function, unsigned nth, size_t size, enum fault_span span)
{
    enum function which = find_function(function);

    if (!can_be_short(which) || size == 0)
        complain("cannot be short", function);
    add_plan((struct plan){.function = which, .span = span, .calls_left = nth, .limit = size});
}

unsigned fault_calls(const char *function)
{
    return atomic_load(&call_counts[find_function(function)]);
}

unsigned fault_hits(void)
{
    return atomic_load(&hit_count);
}

void fault_clear(void)
{
    pthread_mutex_lock(&plans_lock);
    plan_count = 0;
    atomic_store(&plans_exist, false);
    pthread_mutex_unlock(&plans_lock);
    for (size_t i = 0; i < FUNCTION_COUNT; i++)
        atomic_store(&call_counts[i], 0);
    atomic_store(&hit_count, 0);
    fault_observe(NULL, NULL, NULL);
}

void fault_observe(void (*before)(const struct fault_call *call, void *context),
                   void (*after)(const struct fault_call *call, void *context), void *context)
{
    observer.before = before;
    observer.after = after;
    observer.context = context;
}

void (*fault_wrapper(const char *function))(void)
{
    return functions[find_function(function)].wrapper;
}

/* Counts down the plans that `function` matches; the oldest that is due decides. */
static void ask_plans(enum function function, struct verdict *verdict)
{
    pthread_mutex_lock(&plans_lock);
    for (size_t i = 0; i < plan_count; i++) {
        struct plan *plan = &plans[i];

        if (plan->function != function && !(plan->function == FUNCTION_ANY && can_fail(function)))
            continue;
        if (plan->calls_left > 1) {
            plan->calls_left--;
            continue;
        }
        if (plan->calls_left == 0)
            continue;
        if (plan->span == FAULT_ONCE)
            plan->calls_left = 0;
        if (plan->error != 0 && verdict->error == 0)
            verdict->error = plan->error;
        if (plan->error == 0 && verdict->limit == SIZE_MAX)
            verdict->limit = plan->limit;
    }
    pthread_mutex_unlock(&plans_lock);
}

static void show_call(void (*see)(const struct fault_call *call, void *context), const struct fault_call *call)
{
    int saved = errno;

    if (see == NULL)
        return;
    observing = true;
    see(call, observer.context);
    observing = false;
    errno = saved;
}

static struct verdict begin_call(enum function function, const struct fault_call *call)
{
    struct verdict verdict = {.error = 0, .limit = SIZE_MAX, .unseen = observing};

    if (verdict.unseen)
        return verdict;
    atomic_fetch_add(&call_counts[function], 1);
    show_call(observer.before, call);
    if (atomic_load(&plans_exist))
        ask_plans(function, &verdict);
    if (verdict.error != 0)
        atomic_fetch_add(&hit_count, 1);
    return verdict;
}

static int64_t end_call(struct fault_call *call, const struct verdict *verdict, int64_t result)
{
    call->result = result;
    if (!verdict->unseen)
        show_call(observer.after, call);
    return result;
}

/* WRAP(type, name, parameters, descriptor, size, arguments...): a function that returns a negative errno. */
#define WRAP(type, name, parameters, descriptor, asked_size, ...)                                                      \
    type __wrap_##name parameters                                                                                      \
    {                                                                                                                  \
        struct fault_call call = {#name, descriptor, asked_size, 0};                                                   \
        struct verdict verdict = begin_call(FUNCTION_##name, &call);                                                   \
                                                                                                                       \
        return (type)end_call(&call, &verdict, verdict.error != 0 ? -verdict.error : __real_##name(__VA_ARGS__));      \
    }

/* The same for one that returns memory. */
#define WRAP_ALLOCATION(name, parameters, asked_size, ...)                                                             \
    void *__wrap_##name parameters                                                                                     \
    {                                                                                                                  \
        struct fault_call call = {#name, -1, asked_size, 0};                                                           \
        struct verdict verdict = begin_call(FUNCTION_##name, &call);                                                   \
        void *memory = verdict.error != 0 ? NULL : __real_##name(__VA_ARGS__);                                         \
                                                                                                                       \
        end_call(&call, &verdict, memory != NULL);                                                                     \
        return memory;                                                                                                 \
    }

/* In the arguments: what the verdict leaves of `size`. */
#define CUT(size) ((size) < verdict.limit ? (size) : verdict.limit)

WRAP_ALLOCATION(alloc_bytes, (size_t size), size, size)
WRAP_ALLOCATION(alloc_zeroed, (size_t count, size_t size), count *size, count, size)
WRAP_ALLOCATION(alloc_aligned, (size_t alignment, size_t size), size, alignment, size)

void __wrap_alloc_free(void *memory)
{
    struct fault_call call = {"alloc_free", -1, 0, 0};
    struct verdict verdict = begin_call(FUNCTION_alloc_free, &call);

    __real_alloc_free(memory);
    end_call(&call, &verdict, memory != NULL);
}

WRAP(int, kernel_socket, (int family, int type, int protocol), -1, 0, family, type, protocol)
WRAP(int, kernel_bind, (int fd, const struct sockaddr *address, socklen_t size), fd, size, fd, address, size)
WRAP(int, kernel_listen, (int fd, int backlog), fd, 0, fd, backlog)
WRAP(int, kernel_accept, (int fd), fd, 0, fd)
WRAP(int, kernel_connect, (int fd, const struct sockaddr *address, socklen_t size), fd, size, fd, address, size)
WRAP(ssize_t, kernel_receive, (int fd, void *bytes, size_t size, int flags), fd, size, fd, bytes, CUT(size), flags)
WRAP(ssize_t, kernel_send, (int fd, const void *bytes, size_t size), fd, size, fd, bytes, CUT(size))

static size_t total_size(const struct iovec *pieces, size_t count)
{
    size_t size = 0;

    for (size_t i = 0; i < count; i++)
        size += pieces[i].iov_len;
    return size;
}

/* Sends at most `limit` bytes, of the first PIECES_MAX pieces: a short write is allowed to be that short. */
static ssize_t send_pieces_cut(int fd, const struct iovec *pieces, size_t count, size_t limit)
{
    struct iovec cut[PIECES_MAX];
    size_t used = 0;

    for (; used < count && used < PIECES_MAX && limit > 0; used++) {
        cut[used] = pieces[used];
        if (cut[used].iov_len > limit)
            cut[used].iov_len = limit;
        limit -= cut[used].iov_len;
    }
    return __real_kernel_send_pieces(fd, cut, used);
}

ssize_t __wrap_kernel_send_pieces(int fd, const struct iovec *pieces, size_t count)
{
    struct fault_call call = {"kernel_send_pieces", fd, total_size(pieces, count), 0};
    struct verdict verdict = begin_call(FUNCTION_kernel_send_pieces, &call);
    ssize_t sent;

    if (verdict.error != 0)
        sent = -verdict.error;
    else if (verdict.limit < call.size)
        sent = send_pieces_cut(fd, pieces, count, verdict.limit);
    else
        sent = __real_kernel_send_pieces(fd, pieces, count);
    return (ssize_t)end_call(&call, &verdict, sent);
}

static size_t message_size(const struct msghdr *message)
{
    return total_size(message->msg_iov, (size_t)message->msg_iovlen);
}

WRAP(ssize_t, kernel_receive_message, (int fd, struct msghdr *message), fd, message_size(message), fd, message)
WRAP(ssize_t, kernel_send_message, (int fd, const struct msghdr *message), fd, message_size(message), fd, message)
WRAP(int, kernel_shutdown, (int fd, int how), fd, 0, fd, how)
WRAP(int, kernel_set_option, (int fd, int level, int name, const void *value, socklen_t size), fd, size, fd, level,
     name, value, size)
WRAP(int, kernel_get_option, (int fd, int level, int name, void *ret_value, socklen_t *size), fd, *size, fd, level,
     name, ret_value, size)
WRAP(int, kernel_local_address, (int fd, struct sockaddr *ret_address, socklen_t *size), fd, *size, fd, ret_address,
     size)
WRAP(int, kernel_peer_address, (int fd, struct sockaddr *ret_address, socklen_t *size), fd, *size, fd, ret_address,
     size)
WRAP(int, kernel_unsent, (int fd, int *ret_bytes), fd, 0, fd, ret_bytes)

int __wrap_kernel_close(int fd)
{
    struct fault_call call = {"kernel_close", fd, 0, 0};
    struct verdict verdict = begin_call(FUNCTION_kernel_close, &call);
    int result = __real_kernel_close(fd); /* also where it is to fail: the kernel lets go of it all the same */

    return (int)end_call(&call, &verdict, verdict.error != 0 ? -verdict.error : result);
}

WRAP(int, kernel_duplicate, (int fd), fd, 0, fd)
WRAP(int, kernel_get_flags, (int fd), fd, 0, fd)
WRAP(int, kernel_set_flags, (int fd, int flags), fd, 0, fd, flags)
WRAP(int, kernel_close_on_exec, (int fd), fd, 0, fd)
WRAP(ssize_t, kernel_read, (int fd, void *bytes, size_t size), fd, size, fd, bytes, CUT(size))
WRAP(ssize_t, kernel_write, (int fd, const void *bytes, size_t size), fd, size, fd, bytes, CUT(size))
WRAP(int, kernel_eventfd, (void), -1, 0)
WRAP(int, kernel_lstat, (const char *path, struct stat *ret_stat), -1, 0, path, ret_stat)
WRAP(int, kernel_unlink, (const char *path), -1, 0, path)
WRAP(int, kernel_descriptor_limit, (void), -1, 0)

WRAP(int, kernel_epoll_create, (void), -1, 0)
WRAP(int, kernel_epoll_control, (int epoll_fd, int action, int fd, struct epoll_event *event), epoll_fd, (size_t)action,
     epoll_fd, action, fd, event)
WRAP(int, kernel_epoll_wait, (int epoll_fd, struct epoll_event *ret_events, int max, int timeout_ms), epoll_fd,
     (size_t)max, epoll_fd, ret_events, max, timeout_ms)
WRAP(int, kernel_epoll_wait_ns, (int epoll_fd, struct epoll_event *ret_events, int max, int64_t timeout_ns), epoll_fd,
     (size_t)max, epoll_fd, ret_events, max, timeout_ns)
WRAP(int, kernel_poll, (struct pollfd * descriptors, size_t count, int64_t timeout_ns), -1, count, descriptors, count,
     timeout_ns)

WRAP(int, kernel_signal_mask, (int how, const sigset_t *signals, sigset_t *ret_previous), -1, 0, how, signals,
     ret_previous)
WRAP(int, kernel_signal_action, (int signal, const struct sigaction *action, struct sigaction *ret_previous), -1, 0,
     signal, action, ret_previous)
WRAP(int, kernel_signal_stack, (const stack_t *stack, stack_t *ret_previous), -1, 0, stack, ret_previous)
WRAP(int, kernel_signal_raise, (int signal), -1, 0, signal)
WRAP(int, kernel_signalfd, (const sigset_t *signals), -1, 0, signals)

WRAP(int, kernel_map, (size_t size, void **ret_memory), -1, size, size, ret_memory)
WRAP(int, kernel_unmap, (void *memory, size_t size), -1, size, memory, size)
WRAP(int, kernel_forbid, (void *memory, size_t size), -1, size, memory, size)
WRAP(int, kernel_advise, (void *memory, size_t size, int advice), -1, size, memory, size, advice)

int64_t __wrap_kernel_clock(void)
{
    struct fault_call call = {"kernel_clock", -1, 0, 0};
    struct verdict verdict = begin_call(FUNCTION_kernel_clock, &call);

    return end_call(&call, &verdict, __real_kernel_clock());
}
