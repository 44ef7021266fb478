/* SPDX-License-Identifier: MIT
 *
 * bench/storm: 64 well-behaved sessions in a storm of bad ones (crowd.h), on
 * `coir echo` with its default options and on the plain epoll server, in
 * interleaved pairs. The server has one CPU; the crowd has the other, and gives
 * way there to those who measure.
 *
 * usage: storm [PAIRS [ENGINE]]      (11, epoll)
 * Exit code: 0 within the target, 1 not, 2 a run failed.
 */
#include "command.h"
#include "crowd.h"
#include "echo/process.h"
#include "echo/server.h"
#include "pulse.h"
#include "statistics.h"
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define RATIO_MAX 1.5
#define PAIRS_MAX 200
#define SESSIONS 64
#define INTERVAL_NS 5000000LL
#define WARM_UP_NS 300000000LL
#define WINDOW_NS 4000000000LL /* a second has a dozen of the bursts that make its p99: too few */
#define FOR_EVER_NS 3600000000000LL
#define CROWD_NICENESS 10

/* The crowd in a process of its own. */
struct crowd_process {
    pid_t pid;
    int stop;    /* closed: it stops */
    int answers; /* a byte when everybody is there, a tally at the end */
};

struct run {
    struct pulse_tally pulse;
    struct crowd_tally crowd;
};

static _Noreturn void be_crowd(uint16_t port, int stop, int answers)
{
    struct crowd_plan plan = {.port = port, .clients = {1000, 1000, 1000, 10}, .seed = 1};
    struct crowd_tally tally;
    struct crowd *crowd;

    if (nice(CROWD_NICENESS) < 0 || crowd_open(&plan, &crowd) < 0 || write(answers, "r", 1) != 1 ||
        crowd_run(crowd, FOR_EVER_NS, stop) < 0)
        _exit(1);
    crowd_close(crowd, &tally);
    _exit(write(answers, &tally, sizeof(tally)) != sizeof(tally));
}

static int stop_crowd(struct crowd_process *crowd, struct crowd_tally *ret_tally)
{
    ssize_t got;

    close(crowd->stop);
    got = read(crowd->answers, ret_tally, sizeof(*ret_tally));
    close(crowd->answers);
    (void)waitpid(crowd->pid, NULL, 0);
    return got == sizeof(*ret_tally) ? 0 : -1;
}

/* Returns when everybody is there. 0 or -1. */
static int start_crowd(uint16_t port, struct crowd_process *ret_crowd)
{
    struct crowd_process crowd;
    struct crowd_tally nothing;
    int stop[2];
    int answers[2];
    char ready;

    if (pipe2(stop, O_CLOEXEC) < 0 || pipe2(answers, O_CLOEXEC) < 0)
        return perror("storm: pipe"), -1;
    crowd = (struct crowd_process){.pid = fork(), .stop = stop[1], .answers = answers[0]};
    if (crowd.pid == 0) {
        close(stop[1]);
        be_crowd(port, stop[0], answers[1]);
    }
    close(stop[0]);
    close(answers[1]);
    if (read(crowd.answers, &ready, 1) != 1) {
        (void)stop_crowd(&crowd, &nothing);
        return -1;
    }
    *ret_crowd = crowd;
    return 0;
}

static int measure_in_storm(uint16_t port, struct run *ret_run)
{
    struct pulse_plan plan = {.port = port, .sessions = SESSIONS, .interval_ns = INTERVAL_NS};
    struct crowd_process crowd;
    struct pulse *pulse;
    int rc;

    if (pulse_open(&plan, &pulse) < 0)
        return -1;
    if (start_crowd(port, &crowd) < 0) {
        pulse_close(pulse);
        return -1;
    }
    rc = pulse_run(pulse, WARM_UP_NS, &ret_run->pulse);
    if (rc == 0)
        rc = pulse_run(pulse, WINDOW_NS, &ret_run->pulse);
    if (stop_crowd(&crowd, &ret_run->crowd) < 0)
        rc = -1;
    pulse_close(pulse);
    return rc;
}

static int measure_baseline(struct run *ret_run)
{
    struct process server;
    int rc;

    if (process_start("baseline", NULL, &server) < 0)
        return -1;
    rc = measure_in_storm(server.port, ret_run);
    return process_stop(&server) < 0 ? -1 : rc;
}

static int measure_coir(const char *engine, struct run *ret_run)
{
    struct command server;
    int rc;

    if (command_start(engine, &server) < 0)
        return -1;
    rc = measure_in_storm(server.port, ret_run);
    return command_stop(&server) < 0 ? -1 : rc;
}

static void print_run(const char *name, const struct run *run)
{
    printf("    %-8s p50 %6.0f us, p99 %6.0f us, longest %6.0f us, %llu put off; %llu connections, "
           "%llu answers, flood %llu MB\n",
           name, run->pulse.p50_ns / 1e3, run->pulse.p99_ns / 1e3, run->pulse.longest_ns / 1e3,
           (unsigned long long)run->pulse.put_off, (unsigned long long)run->crowd.connected,
           (unsigned long long)run->crowd.answers, (unsigned long long)run->crowd.flooded_bytes / 1000000);
    fflush(stdout);
}

static int measure_pairs(const char *engine, int pairs, double *baseline_p99, double *measured_p99)
{
    for (int pair = 0; pair < pairs; pair++) {
        bool baseline_first = pair % 2 == 0;
        struct run baseline;
        struct run measured;

        if ((baseline_first && measure_baseline(&baseline) < 0) || measure_coir(engine, &measured) < 0 ||
            (!baseline_first && measure_baseline(&baseline) < 0))
            return -1;
        print_run("baseline", &baseline);
        print_run("coir", &measured);
        baseline_p99[pair] = baseline.pulse.p99_ns;
        measured_p99[pair] = measured.pulse.p99_ns;
    }
    return 0;
}

static int report(int pairs, const double *baseline_p99, const double *measured_p99)
{
    struct statistics_ratio ratio;
    bool met;

    if (statistics_ratio_of(measured_p99, baseline_p99, (size_t)pairs, &ratio) < 0)
        return 2;
    met = ratio.median <= RATIO_MAX;
    printf("  p99: %.0f us, baseline %.0f us\n", statistics_median(measured_p99, (size_t)pairs) / 1e3,
           statistics_median(baseline_p99, (size_t)pairs) / 1e3);
    statistics_print_ratio(stdout, "  p99", &ratio);
    printf("    %s p99: median ratio at most %.1f\n", met ? "ok    " : "MISSED", RATIO_MAX);
    return !met;
}

static void raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

int main(int argc, char **argv)
{
    static double baseline_p99[PAIRS_MAX];
    static double measured_p99[PAIRS_MAX];
    int pairs = argc > 1 ? atoi(argv[1]) : 11;
    const char *engine = argc > 2 ? argv[2] : "epoll";

    if (server_wanted(argc, argv))
        return server_main(argv);
    if (argc > 3 || pairs < 1 || pairs > PAIRS_MAX) {
        fprintf(stderr, "usage: storm [PAIRS [ENGINE]], at most %d pairs\n", PAIRS_MAX);
        return 2;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    raise_descriptor_limit();
    process_pin(PROCESS_LOAD_CPU);
    printf("storm: %d sessions among 1,000 deaf, 1,000 restless, 1,000 idle clients and a flood of 10\n", SESSIONS);
    if (measure_pairs(engine, pairs, baseline_p99, measured_p99) < 0)
        return 2;
    return report(pairs, baseline_p99, measured_p99);
}
