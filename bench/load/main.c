/* SPDX-License-Identifier: MIT
 *
 * bench/load: what `coir load` costs, so that it is not the bottleneck that it
 * measures: its processor time per message against that of the load loop of
 * bench/echo, a plain epoll state machine. Both check every byte and note when
 * each message began and ended; both run against the same plain epoll server, a
 * fresh one each time, in interleaved pairs.
 *
 * Exit code: 0 within the target, 1 not, 2 it could not be run.
 */
#include "load/session/swarm.h"
#include "measure.h"
#include "process.h"
#include "server.h"
#include "statistics.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAIRS_MIN 15
#define PAIRS_MAX 100
#define WIDTH_WANTED 0.08 /* of the 95 % interval of the median ratio */
#define RATIO_MOST 1.1
#define SERVER "baseline"

static const struct cell cells[] = {{64, 64, 1}, {1024, 64, 1}};
static const struct timing timing = {.warm_up_ns = 200000000, .window_ns = 400000000};

/** What a process of `coir load` tells. */
struct account {
    uint64_t messages;
    int64_t cpu_ns;
};

static int run_load(const struct cell *cell, uint16_t port, struct account *ret_account)
{
    static struct load_result result;
    static struct load_options options;
    int rc;

    options = (struct load_options){.quiet = true,
                                    .settings = {.connections = (uint64_t)cell->sessions,
                                                 .message_bytes = cell->message_size,
                                                 .depth = (uint64_t)cell->depth,
                                                 .warmup_ns = timing.warm_up_ns,
                                                 .duration_ns = timing.window_ns,
                                                 .patience_ns = 10 * COIR_SECOND}};
    (void)snprintf(options.settings.uri, sizeof(options.settings.uri), "tcp://127.0.0.1:%u", port);
    histogram_clear(&result.latency);
    rc = swarm_run(&options, &result);
    if (rc < 0 || load_result_errors(&result) > 0 || result.messages == 0)
        return fprintf(stderr, "load: the run failed: %s\n", coir_error_text(rc)), -1;
    *ret_account = (struct account){.messages = result.messages, .cpu_ns = result.load_cpu_ns};
    return 0;
}

/* In a process of its own, as it is used. */
_Noreturn static void be_load(const struct cell *cell, uint16_t port, int answer)
{
    struct account account;

    process_pin(PROCESS_LOAD_CPU);
    if (run_load(cell, port, &account) < 0 || write(answer, &account, sizeof(account)) != sizeof(account))
        _exit(1);
    _exit(0);
}

static int await_account(const struct cell *cell, uint16_t port, struct account *ret_account)
{
    int answer[2];
    int status;
    pid_t child;
    ssize_t size;

    if (pipe(answer) < 0)
        return perror("load: pipe"), -1;
    child = fork();
    if (child == 0)
        be_load(cell, port, answer[1]);
    close(answer[1]);
    size = read(answer[0], ret_account, sizeof(*ret_account));
    close(answer[0]);
    if (child < 0 || waitpid(child, &status, 0) < 0 || status != 0 || size != sizeof(*ret_account))
        return fprintf(stderr, "load: a process of the load failed\n"), -1;
    return 0;
}

/* Nanoseconds of `coir load` per message. */
static int measure_ours(const struct cell *cell, double *ret_ns)
{
    struct account account;
    struct process server;
    int rc;

    if (process_start(SERVER, NULL, &server) < 0)
        return -1;
    rc = await_account(cell, server.port, &account);
    if (process_stop(&server) < 0)
        rc = -1;
    if (rc == 0)
        *ret_ns = (double)account.cpu_ns / (double)account.messages;
    return rc;
}

/* Nanoseconds of the plain loop per message. */
static int measure_plain(const struct cell *cell, double *ret_ns)
{
    struct run run;

    if (measure_run(SERVER, cell, &timing, &run) < 0)
        return -1;
    *ret_ns = run.load_cpu_ns / (double)run.messages;
    return 0;
}

/* The order within a pair alternates, so that a drift of the machine favours neither side. */
static int measure_pair(const struct cell *cell, size_t pair, double *ret_ours, double *ret_plain)
{
    if (pair % 2 == 0)
        return measure_ours(cell, ret_ours) < 0 ? -1 : measure_plain(cell, ret_plain);
    return measure_plain(cell, ret_plain) < 0 ? -1 : measure_ours(cell, ret_ours);
}

/* Returns 0 within the target, 1 not, -1 it could not be measured. */
static int compare(const struct cell *cell)
{
    double ours[PAIRS_MAX];
    double plain[PAIRS_MAX];
    struct statistics_ratio ratio = {.low = 0, .high = 1};
    size_t pairs = 0;

    while (pairs < PAIRS_MAX && (pairs < PAIRS_MIN || ratio.high - ratio.low >= WIDTH_WANTED)) {
        if (measure_pair(cell, pairs, &ours[pairs], &plain[pairs]) < 0)
            return -1;
        pairs++;
        if (pairs >= PAIRS_MIN && statistics_ratio_of(ours, plain, pairs, &ratio) < 0)
            return -1;
    }
    printf("%zu B x %d sessions\n", cell->message_size, cell->sessions);
    printf("  processor time a message: %.3f us, plain loop %.3f us\n", statistics_median(ours, pairs) / 1e3,
           statistics_median(plain, pairs) / 1e3);
    statistics_print_ratio(stdout, "  processor time a message", &ratio);
    printf("    %s median ratio at most %.1f\n", ratio.median <= RATIO_MOST ? "ok    " : "MISSED", RATIO_MOST);
    fflush(stdout); /* before the next fork */
    return ratio.median > RATIO_MOST;
}

int main(int argc, char **argv)
{
    int missed = 0;

    if (server_wanted(argc, argv))
        return server_main(argv);
    (void)signal(SIGPIPE, SIG_IGN); /* a server that died is told by its answers */
    process_pin(PROCESS_LOAD_CPU);
    printf("load: coir load against a plain epoll loop, both verifying and timing every message\n");
    for (size_t i = 0; i < sizeof(cells) / sizeof(cells[0]); i++) {
        int rc = compare(&cells[i]);

        if (rc < 0)
            return 2;
        missed += rc;
    }
    return missed > 0;
}
