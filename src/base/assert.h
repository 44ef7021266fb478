/* SPDX-License-Identifier: MIT
 *
 * Assertions, on in release builds too: a program error ends the program with
 * a diagnosis. What is printed besides the place is up to a reporter, which
 * runtime/ sets, as base/ knows of no tasks.
 */
#ifndef BASE_ASSERT_H
#define BASE_ASSERT_H

#define LIKELY(condition) __builtin_expect(!!(condition), 1)
#define UNLIKELY(condition) __builtin_expect(!!(condition), 0)

/** Ends the program unless `condition` holds: it states what the caller owes us. */
#define ASSERT(condition) (LIKELY(condition) ? (void)0 : assert_fail(#condition, __FILE__, __LINE__, __func__))

/** As ASSERT, but in debug builds only: for checks that cost, or that a program in production should survive. */
#ifdef COIR_DEBUG
#define DEBUG_ASSERT(condition) ASSERT(condition)
#else
#define DEBUG_ASSERT(condition) ((void)0)
#endif

/** What failed, and where. */
struct assert_site {
    const char *condition;
    const char *file;
    int line;
    const char *function;
};

/**
 * Chooses who reports a failed assertion, for the whole process, before it
 * aborts. NULL restores the plain line on standard error,
 * `coir: misuse: CONDITION, at FILE:LINE in FUNCTION`, which is also what is
 * printed of a second failure, inside `report`.
 */
void assert_set_reporter(void (*report)(const struct assert_site *site));

/** For ASSERT() alone: reports, then aborts. */
_Noreturn void assert_fail(const char *condition, const char *file, int line, const char *function)
    __attribute__((cold));

#endif
