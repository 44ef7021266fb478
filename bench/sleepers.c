/* SPDX-License-Identifier: MIT
 *
 * bench/sleepers: a million tasks asleep in one process, each on its own
 * guarded stack, with the kernel's default limits. All of them are asleep at
 * the same moment; they wake at random deadlines, none early and none before
 * another whose deadline was earlier. Memory, mappings and time per task are
 * printed.
 *
 * usage: sleepers [TASKS]      (1000000)
 * Exit code: 0 all as promised, 1 not, 2 it could not be run.
 */
#include "clock.h"
#include <coir.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Per task, first touch of its stack included, before the first one wakes; a busy machine is given more, twice. */
#define SPAWN_NS ((coir_time)20000)
#define SPAWN_NS_MAX (9 * SPAWN_NS)
#define MARGIN_NS (2 * COIR_SECOND)
#define SPREAD_NS (4 * COIR_SECOND)
#define PROBE_EVERY 1000 /* tasks whose guard is looked for */
#define SMALL_STACK_SIZE ((size_t)16384)

/* The deadline is what the clock says inside coir_sleep(), plus the duration:
 * between what it said just before, and what it says to whoever runs next. */
struct sleeper {
    coir_time earliest;
    coir_time latest; /* the duration alone until the next task has run */
};

struct night {
    int count;
    coir_time spawn_ns; /* each */
    coir_time first_ns; /* no deadline is earlier */
    bool late;          /* it had passed before all were asleep: what was counted means nothing */
    uint64_t random;
    struct sleeper *sleepers;
    int started;
    int asleep;
    int asleep_most;
    int early;
    int out_of_order;
    int failed;
    int probes;
    int unguarded;
    coir_time latest_earliest; /* of the tasks that woke */
    coir_time worst_delay;     /* of a wake-up after its deadline */
    int pipe[2];
};

static struct night night;

static uint64_t draw_random(void)
{
    night.random ^= night.random << 13;
    night.random ^= night.random >> 7;
    night.random ^= night.random << 17;
    return night.random;
}

/* write(2) reads the byte for us and says EFAULT where a guard is. */
static bool is_guarded(uintptr_t address)
{
    char ignored;
    ssize_t written = write(night.pipe[1], (const void *)address, 1);
    if (written == 1 && read(night.pipe[0], &ignored, 1) != 1)
        return false;
    return written < 0 && errno == EFAULT;
}

/* Below the task's stack, wherever in its 16 KiB we are, there must be 64 KiB that cannot be touched. */
static void probe_guard(void)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t here = (uintptr_t)__builtin_frame_address(0) & ~(page - 1);
    uintptr_t address = here;

    while (!is_guarded(address) && here - address <= SMALL_STACK_SIZE)
        address -= page;
    night.probes++;
    for (uintptr_t offset = 0; offset < 65536; offset += page)
        if (!is_guarded(address - offset)) {
            night.unguarded++;
            return;
        }
}

static void note_wake(const struct sleeper *sleeper, coir_time now)
{
    if (now < sleeper->earliest)
        night.early++;
    if (sleeper->latest < night.latest_earliest)
        night.out_of_order++; /* somebody with a surely later deadline was woken before us */
    if (sleeper->earliest > night.latest_earliest)
        night.latest_earliest = sleeper->earliest;
    if (now - sleeper->latest > night.worst_delay)
        night.worst_delay = now - sleeper->latest;
}

static int run_sleeper(void *arg)
{
    struct sleeper *sleeper = arg;
    coir_time wanted = night.first_ns + (coir_time)(draw_random() % SPREAD_NS);
    coir_time before;
    int rc;

    if (night.started++ % PROBE_EVERY == 0)
        probe_guard();
    before = coir_now();
    if (sleeper > night.sleepers)
        sleeper[-1].latest += before;
    sleeper->earliest = wanted;
    sleeper->latest = wanted - before;
    night.asleep++;
    rc = coir_sleep(wanted - before);
    if (night.asleep > night.asleep_most)
        night.asleep_most = night.asleep;
    night.asleep--;
    if (rc < 0)
        night.failed++;
    note_wake(sleeper, coir_now());
    return rc;
}

static int spawn_sleepers(struct coir_scope *scope)
{
    struct coir_task_options options = {.stack = COIR_STACK_SMALL};

    for (int i = 0; i < night.count; i++) {
        int rc = coir_spawn(scope, run_sleeper, &night.sleepers[i], &options);
        if (rc < 0) {
            fprintf(stderr, "sleepers: task %d was not spawned: %s\n", i, coir_error_text(rc));
            return rc;
        }
        if (i % 64 == 63 && (rc = coir_yield()) < 0) /* so that each starts, and sleeps, soon */
            return rc;
    }
    return coir_yield();
}

static long read_status(const char *field)
{
    char line[256];
    long value = -1;
    FILE *file = fopen("/proc/self/status", "re");

    while (file != NULL && value < 0 && fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, field, strlen(field)) == 0)
            value = strtol(line + strlen(field), NULL, 10);
    if (file != NULL)
        fclose(file);
    return value;
}

static int count_mappings(void)
{
    int count = 0;
    int next;
    FILE *file = fopen("/proc/self/maps", "re");

    while (file != NULL && (next = fgetc(file)) != EOF)
        count += next == '\n';
    if (file != NULL)
        fclose(file);
    return count;
}

static void report_night(long resident_before, int64_t spawn_ns)
{
    struct coir_run_info info;

    coir_run_info(&info);
    printf("  engine %s, stacks guarded by %s\n", info.engine, info.stack_guard);
    printf("  asleep at once: %d; spawned, started and asleep after %.0f ns each\n", night.asleep,
           (double)spawn_ns / night.count);
    printf("  memory: %.0f bytes a task resident, %.0f of page tables, %.1f GiB of address space reserved\n",
           (double)(read_status("VmRSS:") - resident_before) * 1024 / night.count,
           (double)read_status("VmPTE:") * 1024 / night.count, (double)info.stack_bytes / (1 << 30));
    printf("  mappings: %d\n", count_mappings());
}

static int run_night(void *arg)
{
    struct coir_scope *scope;
    long resident_before = read_status("VmRSS:");
    int64_t start_ns;
    int64_t start_cpu_ns = clock_cpu();
    int rc = coir_scope_open(NULL, &scope);

    (void)arg;
    if (rc < 0)
        return rc;
    start_ns = coir_now();
    night.first_ns = start_ns + night.count * night.spawn_ns + MARGIN_NS;
    rc = spawn_sleepers(scope);
    night.late = coir_now() >= night.first_ns;
    night.sleepers[night.count - 1].latest += coir_now();
    report_night(resident_before, clock_cpu() - start_cpu_ns);
    start_cpu_ns = clock_cpu();
    if (rc < 0)
        coir_scope_cancel(scope);
    int ended = coir_scope_close(scope);
    printf("  woken, ended and reaped: %.0f ns of CPU each; at worst %.0f us after the deadline\n",
           (double)(clock_cpu() - start_cpu_ns) / night.count, (double)night.worst_delay / 1e3);
    return rc < 0 ? rc : ended;
}

static int check(bool met, const char *text, int value)
{
    printf("    %s %s: %d\n", met ? "ok    " : "MISSED", text, value);
    return !met;
}

/* A night of so many tasks, each of which may take so long to be spawned. As coir_run(). */
static int pass_night(int count, coir_time spawn_ns)
{
    night = (struct night){.count = count,
                           .spawn_ns = spawn_ns,
                           .random = 0x2545f4914f6cdd1dULL,
                           .sleepers = night.sleepers,
                           .pipe = {night.pipe[0], night.pipe[1]}};
    memset(night.sleepers, 1, (size_t)count * sizeof *night.sleepers); /* ours, not the tasks': paid for now */
    printf("sleepers: %d tasks\n", count);
    return coir_run(run_night, NULL, NULL);
}

int main(int argc, char **argv)
{
    int count = argc > 1 ? atoi(argv[1]) : 1000000;
    coir_time spawn_ns = SPAWN_NS;
    int missed;
    int rc;

    if (count < 1 || pipe2(night.pipe, O_CLOEXEC) < 0)
        return fprintf(stderr, "usage: sleepers [TASKS]\n"), 2;
    night.sleepers = calloc((size_t)count, sizeof *night.sleepers);
    if (night.sleepers == NULL)
        return perror("sleepers"), 2;
    while ((rc = pass_night(count, spawn_ns)) == 0 && night.late && spawn_ns < SPAWN_NS_MAX) {
        printf("  too late: this machine is busy; again, with three times as long\n");
        spawn_ns *= 3;
    }
    if (rc < 0)
        return fprintf(stderr, "sleepers: %s\n", coir_error_text(rc)), 2;
    missed = check(!night.late && night.asleep_most == night.count, "asleep at the same moment", night.asleep_most) +
             check(night.early == 0, "woken early", night.early) +
             check(night.out_of_order == 0, "woken out of order", night.out_of_order) +
             check(night.failed == 0, "sleeps that failed", night.failed) +
             check(night.probes > 0 && night.unguarded == 0, "of the stacks probed, without a guard", night.unguarded);
    return missed > 0;
}
