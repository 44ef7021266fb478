/* SPDX-License-Identifier: MIT
 *
 * A server process, seen from the measuring side: start it pinned to a CPU,
 * alone or under a tool, ask it for its counts, read its CPU time, end it.
 */
#ifndef BENCH_ECHO_PROCESS_H
#define BENCH_ECHO_PROCESS_H

#include <stdint.h>
#include <sys/types.h>

#define PROCESS_SERVER_CPU 0
#define PROCESS_LOAD_CPU 1

struct process {
    pid_t pid; /* of the server, or of the tool it runs under */
    int commands;
    int answers;
    uint16_t port;
};

struct process_counts {
    uint64_t receives;
    uint64_t sends;
};

/** Pins the calling process to `cpu`, where there is such a CPU. */
void process_pin(int cpu);

/** Starts the server `name`; `tool` is a NULL-terminated command to run it under, or NULL. 0 or -1. */
int process_start(const char *name, const char *const *tool, struct process *ret_process);

/** How many calls the server has made on its sessions since it started. 0 or -1. */
int process_counts(const struct process *process, struct process_counts *ret_counts);

/** The server's CPU time, exact only while it sleeps (the kernel settles it when a task leaves its CPU). 0 or -1. */
int process_cpu_ns(const struct process *process, int64_t *ret_cpu_ns);

/** Asks the server to leave and waits for it. 0, or -1 if it did not end well. */
int process_stop(struct process *process);

#endif
