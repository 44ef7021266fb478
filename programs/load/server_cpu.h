/* SPDX-License-Identifier: MIT
 *
 * Processor time, ours and the server's. The server's can be read where it runs
 * on this host: its processes are those that have the sockets that serve, and
 * all that descend from them, also the ones that come and go meanwhile.
 */
#ifndef PROGRAMS_LOAD_SERVER_CPU_H
#define PROGRAMS_LOAD_SERVER_CPU_H

#include <coir/types.h>
#include <stddef.h>
#include <sys/types.h>

#define SERVER_CPU_PROCESSES 64 /* that have the sockets; with more nothing is told */

struct server_cpu {
    size_t count; /* 0 = not found, or they cannot be told from others */
    pid_t processes[SERVER_CPU_PROCESSES];
    pid_t parents[SERVER_CPU_PROCESSES]; /* of those */
    coir_time before;                    /* what they had used; -1 = it cannot be read */
};

/** Finds who serves at `uri`: us excepted, and only what /proc shows us. It looks at every process: not to be called
 * while others wait. */
void server_cpu_find(struct server_cpu *server, const char *uri);

/** What is told at the end counts from here. */
void server_cpu_begin(struct server_cpu *server);

/** Processor time of all its processes since; -1 = it cannot be read. */
coir_time server_cpu_end(const struct server_cpu *server);

/** Our own so far. */
coir_time server_cpu_own(void);

/** Our process. */
pid_t server_cpu_process(void);

#endif
