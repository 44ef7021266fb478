/* SPDX-License-Identifier: MIT
 *
 * Starting the runtime: one call runs one scheduler on the calling thread
 * until its first task has returned and everything owed to peers is sent.
 */
#ifndef COIR_RUN_H
#define COIR_RUN_H

#include <coir/task.h>
#include <coir/types.h>

COIR_BEGIN_DECLARATIONS

/** How the scheduler talks to the kernel. */
enum coir_engine {
    COIR_ENGINE_AUTO, /* the environment's COIR_ENGINE ("epoll", "poll"; unset, empty or "auto"
                         asks for nothing), else the best that works here */
    COIR_ENGINE_EPOLL,
    COIR_ENGINE_POLL, /* RLIMIT_NOFILE must not be lowered below what it watches */
};

struct coir_run_options {
    enum coir_engine engine;
    enum coir_stack_class stack; /* of the first task */
    uint64_t byte_budget;        /* for buffers the runtime lends; 0 = no limit */
    bool leave_fault_signals;    /* install no SIGSEGV and SIGBUS handlers */
};

/** What the scheduler of the calling task is and has done; counters since its start. */
struct coir_run_info {
    const char *engine;        /* "epoll" */
    const char *engine_reason; /* why this one, in a clause */
    uint64_t tasks_live;
    uint64_t tasks_spawned;
    uint64_t switches;      /* times a task was resumed */
    uint64_t turns;         /* rounds of the loop */
    uint64_t waits;         /* times the engine asked the kernel for events */
    uint64_t receive_calls; /* system calls that take bytes from a socket */
    uint64_t send_calls;    /* system calls that give bytes to a socket */
    uint64_t accept_calls;
    uint64_t register_calls; /* changes to what the kernel watches */
    uint64_t stale_events;   /* events of descriptors already closed, dropped */
    uint64_t livelocks;      /* times a task met a thousand failing calls in a row */
    uint64_t lingering;      /* closed streams that still deliver, now */
    uint64_t slices_out;     /* lent and not released, now */
    uint64_t buffer_bytes;   /* in buffers that are lent or held, now */
    uint64_t stack_bytes;    /* address space reserved for stacks, now */
    const char *stack_guard; /* how stacks are guarded: "markers", "mappings" */
};

/**
 * Runs `fn(arg)` as the first task of a new scheduler on this thread.
 *
 * Returns when that task has returned and every closed stream has delivered
 * what it owed; a peer that neither finishes nor reads holds it up for the
 * stream's `linger_ns` (coir_linger_stop() ends that early).
 *
 * exit(3) may be called inside a task: what atexit(3) was told then runs on
 * that task's stack, and what closed streams still owe is not waited for.
 *
 * Returns: what `fn` returned; or why the scheduler could not start.
 * Errors:  -EINVAL an option, or COIR_ENGINE, has no such value; -ENOMEM;
 *          -EMFILE, -ENFILE no descriptor for the engine; -ENOSYS, -EPERM,
 *          -EACCES the engine asked for by name, or every one, does not work
 *          here.
 * Misuse:  called inside a task; `fn` returned with a scope open, or with a
 *          slice not released, or a stream, listener, datagram socket or channel
 *          not closed.
 * Owns:    `arg` stays the caller's.
 */
COIR_EXPORT COIR_MUST_USE int coir_run(int (*fn)(void *arg), void *arg, const struct coir_run_options *options);

/**
 * Tells what the calling task's scheduler is and has done.
 *
 * Returns: 0.
 */
COIR_EXPORT int coir_run_info(struct coir_run_info *ret_info);

/**
 * Resets every closed stream that still delivers, now: their peers see
 * -ECONNRESET, and coir_run() need not wait for them.
 */
COIR_EXPORT void coir_linger_stop(void);

/** The library's version, "0.1.0"; COIR_VERSION is the header's. */
COIR_EXPORT const char *coir_version(void);
#define COIR_VERSION "0.1.0"

COIR_END_DECLARATIONS

#endif
