/* SPDX-License-Identifier: MIT
 *
 * The two halves of bench/storm, for tests. Links: bench_shared.
 *
 * storm crowd PORT DEAF RESTLESS IDLE FLOOD: bad clients (bench/storm/crowd.h).
 * Prints "ready" when all are there, goes on until the end of standard input and
 * the deaf ones', then prints how many connections were made, and cut off by the server.
 *
 * storm pulse PORT SESSIONS SECONDS: good ones (bench/storm/pulse.h), a message
 * each 5 ms. Prints how many sessions were served, and how fast.
 */
#include "peer.h"
#include "storm/crowd.h"
#include "storm/pulse.h"

#define SECOND_NS 1000000000LL
#define HOUR_NS (3600 * SECOND_NS)
#define INTERVAL_NS 5000000

/* A number that may be 0. */
static int count_of(const char *text)
{
    return strcmp(text, "0") == 0 ? 0 : (int)peer_number(text);
}

static void be_crowd(char **arguments)
{
    struct crowd_plan plan = {.port = (uint16_t)peer_number(arguments[2]), .seed = 1};
    struct crowd_tally tally;
    struct crowd *crowd;

    for (int i = 0; i < CROWD_MANNERS; i++)
        plan.clients[i] = count_of(arguments[3 + i]);
    if (crowd_open(&plan, &crowd) < 0)
        exit(1);
    puts("ready");
    fflush(stdout);
    if (crowd_run(crowd, HOUR_NS, STDIN_FILENO) < 0 || crowd_run_until_cut_off(crowd) < 0)
        exit(1);
    crowd_close(crowd, &tally);
    printf("connected %llu cut off %llu resets %llu flooded %llu\n", (unsigned long long)tally.connected,
           (unsigned long long)tally.cut_off, (unsigned long long)tally.resets,
           (unsigned long long)tally.flooded_bytes);
}

static void be_pulse(char **arguments)
{
    struct pulse_plan plan = {.port = (uint16_t)peer_number(arguments[2]),
                              .sessions = (int)peer_number(arguments[3]),
                              .interval_ns = INTERVAL_NS};
    struct pulse_tally tally;
    struct pulse *pulse;

    if (pulse_open(&plan, &pulse) < 0 || pulse_run(pulse, count_of(arguments[4]) * SECOND_NS, &tally) < 0)
        exit(1);
    pulse_close(pulse);
    printf("served %llu messages %llu put off %llu p50 %.0f us p99 %.0f us longest %.0f us\n",
           (unsigned long long)tally.served, (unsigned long long)tally.messages, (unsigned long long)tally.put_off,
           tally.p50_ns / 1e3, tally.p99_ns / 1e3, tally.longest_ns / 1e3);
}

int main(int argument_count, char **arguments)
{
    peer_raise_descriptor_limit();
    if (argument_count == 7 && strcmp(arguments[1], "crowd") == 0)
        be_crowd(arguments);
    else if (argument_count == 5 && strcmp(arguments[1], "pulse") == 0)
        be_pulse(arguments);
    else
        PEER_DIE("usage: storm crowd PORT DEAF RESTLESS IDLE FLOOD | storm pulse PORT SESSIONS SECONDS");
    return 0;
}
