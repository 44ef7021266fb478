/* SPDX-License-Identifier: MIT
 *
 * What a run of `coir load` found out: how it was set, what it counted, when.
 * Pure: no clock, no socket, no file. Several processes' results merge into one.
 */
#ifndef PROGRAMS_LOAD_RESULT_RESULT_H
#define PROGRAMS_LOAD_RESULT_RESULT_H

#include "histogram.h"
#include <coir/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** What can go wrong with a connection, and with the bytes that came back. */
enum load_error {
    LOAD_ERROR_REFUSED,       /* nobody listens there */
    LOAD_ERROR_NO_CONNECTION, /* no answer, or no way there */
    LOAD_ERROR_NO_PORT,       /* every local port of a source address is in use */
    LOAD_ERROR_NO_DESCRIPTOR, /* or no memory for one */
    LOAD_ERROR_RESET,         /* the connection broke */
    LOAD_ERROR_ENDED,         /* the server finished before its time */
    LOAD_ERROR_SILENT,        /* bytes were owed, and none came for the patience */
    LOAD_ERROR_DATAGRAM_LOST, /* a datagram did not come back within the patience */
    LOAD_ERROR_CORRUPTED,     /* from here on the bytes are wrong: another value */
    LOAD_ERROR_LOST,          /* bytes of the stream are missing */
    LOAD_ERROR_DUPLICATED,    /* bytes came twice, or more came than were sent */
    LOAD_ERROR_REORDERED,     /* the right bytes in the wrong order */
    LOAD_ERROR_FOREIGN,       /* bytes of another session */
    LOAD_ERROR_OTHER,         /* anything else that a call reported */
    LOAD_ERROR_COUNT
};

/** The errors from this one on, but for the last, are wrong bytes. */
#define LOAD_ERROR_FIRST_WRONG LOAD_ERROR_CORRUPTED

enum load_mode {
    LOAD_MODE_CLOSED, /* a connection sends the next message when one has come back */
    LOAD_MODE_OPEN,   /* messages are sent on a schedule, whether or not anything has come back */
    LOAD_MODE_CHURN,  /* connect, one echo, close, again and again; a message is all of that */
    LOAD_MODE_IDLE    /* one echo, then the connection is held open, then one more echo */
};

#define LOAD_TEXT_SIZE 160
#define LOAD_POINTS_MAX 600 /* of the timeline */

/** How the run was set. */
struct load_settings {
    char uri[LOAD_TEXT_SIZE];
    char sources[LOAD_TEXT_SIZE]; /* "127.0.0.1-127.0.0.8"; "" = what the kernel picks */
    char engine[16];
    enum load_mode mode;
    uint64_t connections;
    uint64_t message_bytes;
    uint64_t depth; /* messages under way per connection; 0 in an open loop */
    double rate;    /* messages a second in all, in an open loop, or connections in a churn; 0 = as fast as it goes */
    bool half_close;
    coir_time duration_ns;
    coir_time warmup_ns;
    coir_time ramp_ns;
    coir_time patience_ns;
};

/** One interval of the timeline. */
struct load_point {
    uint64_t messages;
    uint64_t errors;
    int64_t most_ns; /* the longest latency of a message that came back in it; 0 = none did */
};

struct load_result {
    struct load_settings settings;
    char version[32];                  /* of coir */
    char machine[LOAD_TEXT_SIZE];      /* "Linux 6.1.0 x86_64, 2 processors" */
    int64_t began;                     /* of what is measured, or of a run that never came so far: seconds since 1970 */
    coir_time measured_ns;             /* wall time that the messages below are of */
    uint64_t processes;                /* results that were merged; 1 */
    uint64_t opened;                   /* connections, in all */
    uint64_t open_most;                /* at a time */
    uint64_t messages;                 /* that came back while it was measured; with a rate, that were due then */
    uint64_t in_time;                  /* that came back while it was measured, whenever they were due */
    uint64_t bytes;                    /* of `messages`, one way */
    uint64_t unsent;                   /* messages that were due and never sent */
    bool interrupted;                  /* by a signal */
    uint64_t abandoned;                /* messages that were under way then */
    uint64_t errors[LOAD_ERROR_COUNT]; /* from the first connection to the last byte, warm-up included */
    struct histogram latency;          /* of `messages` */
    coir_time load_cpu_ns;             /* our processor time while it was measured */
    coir_time server_cpu_ns;           /* the server's; -1 = cannot be read from here */
    coir_time point_ns;                /* how long an interval of the timeline is */
    size_t point_count;
    struct load_point points[LOAD_POINTS_MAX]; /* from the beginning of what is measured */
};

/** "corrupted", as in JSON and in messages. */
const char *load_error_name(enum load_error error);

/** "bytes had another value": for people. */
const char *load_error_text(enum load_error error);

/** "closed loop", "open loop", "churn", "idle". */
const char *load_mode_name(enum load_mode mode);

/** All errors, or those of wrong bytes alone. */
uint64_t load_result_errors(const struct load_result *result);
uint64_t load_result_wrong(const struct load_result *result);

/** Messages a second, and bytes a second one way; 0 if nothing was measured. */
double load_result_rate(const struct load_result *result);
double load_result_byte_rate(const struct load_result *result);

/** Processor time a message, in nanoseconds, of all that was used while it was measured; NAN if that is not known. */
double load_result_cost(const struct load_result *result, coir_time cpu_ns);

/** Notes in the timeline what happened `at_ns` after the beginning; when it is full its intervals get twice as long. */
void load_result_note(struct load_result *result, coir_time at_ns, uint64_t messages, uint64_t errors, int64_t most_ns);

/**
 * Adds a result of another process, measured at the same time.
 *
 * Returns: NULL, or why they do not fit together, in a clause, static text: sizes, modes or durations differ.
 */
const char *load_result_merge(struct load_result *result, const struct load_result *other);

#endif
