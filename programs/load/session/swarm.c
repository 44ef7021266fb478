/* SPDX-License-Identifier: MIT
 *
 * All sessions of a load: see swarm.h.
 */
#include "load/session/swarm.h"
#include "command.h"
#include "load/server_cpu.h"
#include "load/session/session.h"
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

/** So many connect at a time: far below any backlog. */
#define DOORWAY 256
/** Of each kind of error so many are told; all are counted. */
#define TOLD_MOST 3
/** Between two looks at the clock. */
#define TICK_NS (100 * COIR_MILLISECOND)
/** A look that is so late is no fault of the server's. */
#define LATE_NS (200 * COIR_MILLISECOND)
#define LINE_SIZE 512
/** A schedule begins so much after the last session has settled. */
#define HEADSTART_NS (20 * COIR_MILLISECOND)

static const struct meter_column columns[] = {
    {METER_LEVEL, "connections"}, {METER_RATE, "messages/s"}, {METER_BYTE_RATE, ""}, {METER_LEVEL, "errors"}};
#define COLUMN_COUNT (sizeof(columns) / sizeof(columns[0]))

int swarm_queue(struct swarm *swarm)
{
    char item;
    int rc = coir_channel_receive(swarm->doorway, &item);

    return rc < 0 ? rc : 0;
}

void swarm_let_in(struct swarm *swarm)
{
    static const char item;

    if (coir_channel_offer(swarm->doorway, &item) < 0)
        swarm->failures++; /* never: it has room for all of them */
}

void swarm_settle(struct swarm *swarm)
{
    if (--swarm->unsettled == 0)
        coir_channel_finish(swarm->settled);
}

void swarm_leave(struct swarm *swarm)
{
    if (--swarm->running == 0)
        coir_channel_finish(swarm->empty);
}

void swarm_opened(struct swarm *swarm)
{
    struct load_result *result = swarm->result;

    result->opened++;
    swarm->open++;
    if (swarm->open > result->open_most)
        result->open_most = swarm->open;
}

void swarm_closed(struct swarm *swarm)
{
    swarm->open--;
}

/* Where messages are due at certain times, those count that were due while it measures, whenever they come back: else
 * the ones that a server holds up past the end would be in nobody's latency. */
static bool is_measured(const struct swarm *swarm, coir_time began)
{
    if (swarm->options->settings.rate > 0)
        return began >= swarm->measure_begin && began < swarm->measure_end;
    return swarm->measuring;
}

void swarm_count(struct swarm *swarm, coir_time began, coir_time now)
{
    coir_time latency = now - began;

    swarm->messages++;
    swarm->result->in_time += swarm->measuring;
    if (!is_measured(swarm, began))
        return;
    histogram_add(&swarm->result->latency, latency);
    swarm->result->messages++;
    swarm->point.messages++;
    if (latency > swarm->point.most_ns)
        swarm->point.most_ns = latency;
}

void swarm_skip(struct swarm *swarm, uint64_t count)
{
    if (!swarm->result->interrupted)
        swarm->result->unsent += count;
}

void swarm_abandon(struct swarm *swarm, uint64_t count)
{
    swarm->result->abandoned += count;
}

uint64_t swarm_sent_most(const struct swarm *swarm)
{
    uint64_t most = 0;

    for (uint64_t i = 0; i < swarm->options->settings.connections; i++)
        if (swarm->sessions[i].sent > most)
            most = swarm->sessions[i].sent;
    return most;
}

/* What can be done about it. */
static const char *advice_for(enum load_error error)
{
    switch (error) {
    case LOAD_ERROR_NO_PORT:
        return "; give more source addresses (--sources 127.0.0.1-127.0.0.8), or widen "
               "net.ipv4.ip_local_port_range";
    case LOAD_ERROR_NO_DESCRIPTOR:
        return "; raise the limit (ulimit -n), or ask for fewer --connections, and run several `coir load` side by "
               "side";
    case LOAD_ERROR_REFUSED:
        return "; does the server run, and on this address?";
    default:
        return "";
    }
}

void swarm_say(struct swarm *swarm, const char *format, ...)
{
    static const char begin[] = "coir load: ";
    char line[LINE_SIZE];
    va_list values;

    memcpy(line, begin, sizeof(begin));
    va_start(values, format);
    (void)vsnprintf(line + sizeof(begin) - 1, sizeof(line) - sizeof(begin) + 1, format, values);
    va_end(values);
    if (swarm->screen == NULL)
        command_complain("load", "%s", line + sizeof(begin) - 1);
    else
        (void)writer_put(swarm->screen, line, strlen(line)); /* it counts what it drops */
}

void swarm_fail(struct swarm *swarm, uint64_t session, enum load_error error, const char *text)
{
    swarm->failures++;
    swarm->result->errors[error]++;
    swarm->point.errors++;
    if (swarm->told[error]++ >= TOLD_MOST)
        return;
    swarm_say(swarm, "connection %" PRIu64 ": %s%s%s", session, text, advice_for(error),
              swarm->told[error] == TOLD_MOST ? " (more like this are only counted)" : "");
}

enum load_error swarm_error_of(int rc, bool connecting)
{
    switch (rc) {
    case -ECONNREFUSED:
    case -ENOENT:
        return LOAD_ERROR_REFUSED;
    case -EADDRNOTAVAIL: /* of connect(2) */
    case -EADDRINUSE:    /* of bind(2) */
        return LOAD_ERROR_NO_PORT;
    case -EMFILE:
    case -ENFILE:
    case -ENOMEM:
    case -ENOBUFS:
        return LOAD_ERROR_NO_DESCRIPTOR;
    case -ETIMEDOUT:
    case -EHOSTUNREACH:
    case -ENETUNREACH:
        return connecting ? LOAD_ERROR_NO_CONNECTION : LOAD_ERROR_RESET;
    case -ECONNRESET:
    case -EPIPE:
        return LOAD_ERROR_RESET;
    default:
        return LOAD_ERROR_OTHER;
    }
}

/* Ends the waits that have lasted too long. While we stood still ourselves nobody has kept us waiting. */
static void lose_patience(struct swarm *swarm, coir_time now)
{
    const struct load_settings *settings = &swarm->options->settings;
    coir_time late = now - swarm->ticked - TICK_NS;

    swarm->ticked = now;
    for (uint64_t i = 0; i < settings->connections; i++) {
        struct session *session = &swarm->sessions[i];

        if (session->waits_since != 0 && late > LATE_NS)
            session->waits_since += late;
        if (session->patience == NULL || session->waits_since == 0 ||
            now - session->waits_since < settings->patience_ns)
            continue;
        session->lost_patience = true;
        coir_scope_cancel(session->patience);
    }
}

static void show(struct swarm *swarm)
{
    struct meter_values values = {
        {swarm->open, swarm->messages, swarm->messages * swarm->options->settings.message_bytes, swarm->failures}};

    if (swarm->meter != NULL)
        meter_update(swarm->meter, &values);
}

/* What has happened since the last time goes into the timeline: into the interval that ends about now. */
static void note_point(struct swarm *swarm, coir_time now)
{
    struct load_point *point = &swarm->point;
    coir_time at = now - swarm->measure_begin - TICK_NS / 2;

    if (swarm->measuring)
        load_result_note(swarm->result, at > 0 ? at : 0, point->messages, point->errors, point->most_ns);
    *point = (struct load_point){.messages = 0};
}

/* Until the next interval of the timeline ends. */
static coir_time time_to_tick(const struct swarm *swarm)
{
    coir_time begin = swarm->measuring ? swarm->measure_begin : 0;

    return TICK_NS - (coir_now() - begin) % TICK_NS;
}

/* Looks at the clock until it is cancelled. */
static int tick(void *arg)
{
    struct swarm *swarm = arg;

    swarm->ticked = coir_now();
    for (unsigned int ticks = 0; coir_sleep(time_to_tick(swarm)) == 0; ticks++) {
        coir_time now = coir_now();

        note_point(swarm, now);
        lose_patience(swarm, now);
        if (ticks % 5 == 0)
            show(swarm);
    }
    return 0;
}

/* A signal ends the load early, with what there is. */
static int watch_signals(void *arg)
{
    static const int signals[] = {SIGINT, SIGTERM};
    struct swarm *swarm = arg;
    int signal;
    int rc = coir_signal_wait(signals, 2, &signal);

    if (rc < 0)
        return rc;
    swarm->result->interrupted = true;
    swarm->ending = true;
    coir_scope_cancel(swarm->scope);
    return 0;
}

static int start_sessions(struct swarm *swarm)
{
    static const struct coir_task_options options = {.name = "session"};
    int rc = 0;

    for (uint64_t i = 0; i < swarm->options->settings.connections && rc == 0; i++) {
        swarm->sessions[i].swarm = swarm;
        swarm->sessions[i].number = i;
        rc = coir_spawn(swarm->scope, session_run, &swarm->sessions[i], &options);
        if (rc < 0)
            break;
        swarm->running++;
    }
    return rc;
}

/* Waits so long, unless every session has ended before. */
static void wait_while_busy(struct swarm *swarm, coir_time duration)
{
    struct coir_scope_options limit = {.limit_ns = duration};
    struct coir_scope *scope;
    char item;

    if (duration <= 0 || coir_scope_open(&limit, &scope) < 0)
        return;
    if (coir_channel_receive(swarm->empty, &item) == 0)
        swarm->ending = true;
    (void)coir_scope_close(scope);
}

/* Lets those begin that wait for everybody. */
static void begin_schedule(struct swarm *swarm)
{
    const struct load_settings *settings = &swarm->options->settings;

    swarm->schedule_begin = coir_now() + HEADSTART_NS;
    swarm->measure_begin = swarm->schedule_begin + settings->warmup_ns;
    swarm->measure_end = swarm->measure_begin + settings->duration_ns;
    coir_channel_finish(swarm->begun);
}

static void measure(struct swarm *swarm)
{
    struct load_result *result = swarm->result;
    coir_time began;
    coir_time now;
    coir_time own;

    wait_while_busy(swarm, swarm->measure_begin - coir_now());
    result->began = (int64_t)time(NULL);
    swarm->point = (struct load_point){.messages = 0};
    began = swarm->options->settings.rate > 0 ? swarm->measure_begin : coir_now(); /* as is_measured() */
    swarm->measuring = true;
    server_cpu_begin(&swarm->server);
    own = server_cpu_own();
    wait_while_busy(swarm, swarm->measure_end - coir_now());
    now = coir_now();
    result->measured_ns = now > began ? now - began : 0;
    result->load_cpu_ns = server_cpu_own() - own;
    result->server_cpu_ns = server_cpu_end(&swarm->server);
    note_point(swarm, coir_now());
    swarm->measuring = false;
}

/* The idle ones go on. */
static void end_calm(struct swarm *swarm)
{
    for (uint64_t i = 0; i < swarm->options->settings.connections; i++)
        if (swarm->sessions[i].calm != NULL)
            coir_scope_cancel(swarm->sessions[i].calm);
}

/* From the first connection to the last. */
static int conduct(struct swarm *swarm)
{
    char item;
    int rc;

    server_cpu_find(&swarm->server, swarm->options->settings.uri); /* which may take long: before anybody waits */
    rc = start_sessions(swarm);

    if (rc == 0)
        rc = coir_channel_receive(swarm->settled, &item);
    if (rc == 0) {
        begin_schedule(swarm);
        measure(swarm);
    }
    swarm->ending = true;
    end_calm(swarm);
    if (rc < 0)
        coir_scope_cancel(swarm->scope);
    return rc;
}

/* The sessions, with what watches them. */
static int run_watched(struct swarm *swarm, struct coir_scope *watch)
{
    static const struct coir_scope_options each_alone = {.policy = COIR_SCOPE_INDEPENDENT, .name = "sessions"};
    static const struct coir_task_options background = {.name = "watch", .background = true};
    int rc = coir_scope_open(&each_alone, &swarm->scope);

    if (rc < 0)
        return rc;
    rc = coir_spawn(watch, tick, swarm, &background);
    if (rc == 0)
        rc = coir_spawn(watch, watch_signals, swarm, &background);
    if (rc == 0)
        rc = conduct(swarm);
    show(swarm);
    (void)coir_scope_close(swarm->scope);
    swarm->result->bytes = swarm->result->messages * swarm->options->settings.message_bytes;
    return rc == -ECANCELED && swarm->result->interrupted ? 0 : rc;
}

static int open_channels(struct swarm *swarm)
{
    int rc = coir_channel_open(DOORWAY, 1, &swarm->doorway);

    for (int i = 0; rc == 0 && i < DOORWAY; i++)
        rc = coir_channel_offer(swarm->doorway, "");
    if (rc == 0)
        rc = coir_channel_open(1, 1, &swarm->settled);
    if (rc == 0)
        rc = coir_channel_open(1, 1, &swarm->begun);
    if (rc == 0)
        rc = coir_channel_open(1, 1, &swarm->empty);
    return rc;
}

static void close_channels(struct swarm *swarm)
{
    coir_channel_close(swarm->doorway);
    coir_channel_close(swarm->settled);
    coir_channel_close(swarm->begun);
    coir_channel_close(swarm->empty);
}

/* The progress, on a terminal. Without it the load goes on all the same. */
static void open_screen(struct swarm *swarm)
{
    static const struct meter_values nothing;

    if (swarm->options->quiet || writer_open("-", NULL, &swarm->screen) < 0)
        return;
    if (!writer_is_terminal(swarm->screen) ||
        meter_open(swarm->screen, columns, COLUMN_COUNT, &nothing, &swarm->meter) < 0)
        swarm->meter = NULL;
}

static void close_screen(struct swarm *swarm)
{
    meter_close(swarm->meter);
    if (swarm->screen == NULL)
        return;
    writer_show(swarm->screen, "", 0); /* the result says it better */
    (void)writer_close(swarm->screen, WRITER_CLOSE_NS);
}

static void note_engine(struct load_settings *settings)
{
    struct coir_run_info info;

    if (coir_run_info(&info) == 0)
        (void)snprintf(settings->engine, sizeof(settings->engine), "%s", info.engine);
}

static int run_all(void *arg)
{
    struct swarm *swarm = arg;
    struct coir_scope *watch;
    int rc = open_channels(swarm);

    if (rc == 0)
        rc = coir_scope_open(NULL, &watch);
    if (rc == 0) {
        open_screen(swarm);
        note_engine(&swarm->result->settings);
        rc = run_watched(swarm, watch);
        if (swarm->result->interrupted)
            coir_linger_stop();
        coir_scope_cancel(watch);
        (void)coir_scope_close(watch);
        close_screen(swarm);
    }
    close_channels(swarm);
    return rc;
}

/* One that no other run has. */
static uint64_t make_seed(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return ((uint64_t)now.tv_sec << 32) ^ (uint64_t)now.tv_nsec ^ (uint64_t)server_cpu_process() << 40;
}

/* Half of the descriptors that the sessions leave over, and as many as there are sessions at least. */
static uint64_t count_spare(uint64_t sessions)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur < 4 * sessions)
        return sessions;
    return limit.rlim_cur / 2 - sessions;
}

int swarm_run(const struct load_options *options, struct load_result *result)
{
    struct coir_run_options run = {.engine = options->engine, .stack = COIR_STACK_LARGE};
    uint64_t count = options->settings.connections;
    struct swarm swarm = {.options = options,
                          .result = result,
                          .seed = make_seed(),
                          .unsettled = count,
                          .measure_begin = COIR_FOREVER,
                          .measure_end = COIR_FOREVER};
    int rc;

    swarm.lingering_most = count_spare(count);
    swarm.sessions = calloc((size_t)count, sizeof(*swarm.sessions));
    if (swarm.sessions == NULL)
        return -ENOMEM;
    rc = coir_run(run_all, &swarm, &run);
    free(swarm.sessions);
    return rc;
}
