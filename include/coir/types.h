/* SPDX-License-Identifier: MIT
 *
 * What every coir header needs: the one typedef, units of time, and the marks
 * that prototypes carry.
 *
 * Conventions of the whole library: a call returns >= 0 on success and a
 * negative errno on failure, and never sets errno for its caller to read;
 * outputs come last, are named ret_..., and are written only on success;
 * options are a pointer to a struct whose zero value is the default, and NULL
 * means all defaults; names that end in _ns are nanoseconds. Options, and the
 * texts in them, are read during the call only, except where a field says that
 * something must live on.
 *
 * Misuse aborts the program with a report, in release builds too: NULL for what
 * a call needs, always for a parameter ret_...; a handle that was closed (until
 * its memory serves another) or is another thread's, unless it is a coroutine's;
 * a call outside a task, but for coir_run(), coir_now(), coroutines, and what
 * only gives text or works on a struct coir_address.
 */
#ifndef COIR_TYPES_H
#define COIR_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/** Nanoseconds of the monotonic clock: a moment, or a length of time. */
typedef int64_t coir_time;

#define COIR_MICROSECOND ((coir_time)1000)
#define COIR_MILLISECOND ((coir_time)1000000)
#define COIR_SECOND ((coir_time)1000000000)
/** Later than every moment: no limit. */
#define COIR_FOREVER INT64_MAX

/** Room for any address coir prints, its terminating zero included. */
#define COIR_ADDRESS_SIZE 128

#define COIR_EXPORT __attribute__((visibility("default")))
#define COIR_MUST_USE __attribute__((warn_unused_result))

/** Marks a call that may suspend the calling task; other tasks run meanwhile.
 * It may do so even where it has nothing to wait for: a task that makes many
 * such calls in a row gives way between them. So after every one of them, what
 * other tasks may change has to be looked at anew.
 * Such a call first checks the task's scope, and fails there with -ECANCELED
 * or -ETIME before it attempts anything. */
#define COIR_SUSPENDS

#ifdef __cplusplus
#define COIR_BEGIN_DECLARATIONS extern "C" {
#define COIR_END_DECLARATIONS }
#else
#define COIR_BEGIN_DECLARATIONS
#define COIR_END_DECLARATIONS
#endif

#endif
