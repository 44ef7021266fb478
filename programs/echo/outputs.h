/* SPDX-License-Identifier: MIT
 *
 * What `coir echo` writes while it serves: the log of --log and the counters
 * of --stats. Neither makes the server wait: both go through writers, which
 * drop and count what nobody takes.
 */
#ifndef PROGRAMS_ECHO_OUTPUTS_H
#define PROGRAMS_ECHO_OUTPUTS_H

#include "counters.h"
#include "log.h"
#include "meter.h"
#include "options.h"
#include "writer.h"

/** Kinds of lines in the log; those of a session's end in the order of enum echo_outcome. */
enum event {
    EVENT_SERVER,
    EVENT_OPENED,
    EVENT_FINISHED,
    EVENT_RESET,
    EVENT_TIMED_OUT,
    EVENT_SHED,
    EVENT_CANCELLED,
    EVENT_SHORTAGE,
};

/** Each may be NULL: then it was not asked for. */
struct outputs {
    struct writer *screen; /* standard error */
    struct writer *file;   /* the log's; the screen, if that is where it goes */
    const char *path;      /* of the log's file */
    struct log *log;
    struct meter *meter;
    bool quiet;       /* standard error is for errors alone */
    bool deaf;        /* nobody takes what goes to standard error */
    bool opened_anew; /* the log's file was asked for, and nothing said yet of whether that worked */
};

/** Opens what the options ask for, or says on standard error why that fails. Returns an exit code. */
int outputs_open(struct outputs *outputs, const struct echo_options *options);

/** A line for whoever runs the server, on standard error; given up if nobody takes it: the server must not hang on
 * that.
 */
void outputs_say(struct outputs *outputs, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** Writes what is left, for at most a second, and closes it all. */
void outputs_close(struct outputs *outputs);

/** A line in the log, if there is one. */
void outputs_event(struct outputs *outputs, enum event event, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** A line about what the server can go on with, but should not have to: in the log, if there is one, else on standard
 * error, unless that is to be quiet. */
void outputs_warn(struct outputs *outputs, enum event event, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** To be called once a second, so that lines about suppressed lines come, and about a file that cannot be opened anew.
 */
void outputs_settle(struct outputs *outputs);

/** Shows the counters, if that was asked for. */
void outputs_show(struct outputs *outputs, const struct echo_counters *counters);

/** Opens the log's file anew: it was rotated. */
void outputs_reopen(struct outputs *outputs);

#endif
