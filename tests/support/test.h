/* SPDX-License-Identifier: MIT
 *
 * What every test program is made of: cmocka, cases that register themselves,
 * a main(), a time limit, deaths that are expected, random numbers with a seed.
 *
 * `program` runs every case in the file's order, `program --list` prints their
 * names one per line, `program CASE...` runs those alone. Each case has 55 s,
 * times COIR_TEST_TIMEOUT (for slow tools, such as COIR_WATCHED names). COIR_TEST_SEED repeats a random run.
 * Exit code: 0 passed, 77 the only case asked for was skipped, else failed.
 */
#ifndef SUPPORT_TEST_H
#define SUPPORT_TEST_H

#include "support/random.h"

/* cmocka.h wants these four first */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdbool.h>

/* True in a build with AddressSanitizer or ThreadSanitizer, which have reports of their own. */
#if defined(__SANITIZE_ADDRESS__)
#define TEST_ASAN true
#elif defined(__SANITIZE_THREAD__)
#define TEST_TSAN true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TEST_ASAN true
#elif __has_feature(thread_sanitizer)
#define TEST_TSAN true
#endif
#endif
#ifndef TEST_ASAN
#define TEST_ASAN false
#endif
#ifndef TEST_TSAN
#define TEST_TSAN false
#endif

/** True under Valgrind, which takes for an error what a test may do on purpose. */
bool test_is_under_valgrind(void);

/** `count`, or a tenth of it where a sanitizer or Valgrind makes everything slow. */
int test_scaled(int count);

/** Frees what a run has left behind because the kernel would not let go of it: a planned fault. The next would use it.
 */
void test_free_handler_stack(void);

struct test_case {
    const char *name;
    void (*body)(void **state);
    struct test_case *next;
};

/** For TEST() alone. */
void test_register(struct test_case *test);

/** Defines a case: TEST(heap_gives_the_least_first) { ... } */
#define TEST(case_name)                                                                                                \
    static void test_##case_name(void **state);                                                                        \
    static struct test_case test_case_##case_name = {#case_name, test_##case_name, NULL};                              \
    __attribute__((constructor)) static void register_##case_name(void)                                                \
    {                                                                                                                  \
        test_register(&test_case_##case_name);                                                                         \
    }                                                                                                                  \
    static void test_##case_name(void **state __attribute__((unused)))

/** Gives each case of this program `seconds` instead; ctest reads its own limit in the file comment. */
#define TEST_LIMIT(seconds)                                                                                            \
    __attribute__((constructor)) static void set_test_limit(void)                                                      \
    {                                                                                                                  \
        test_set_limit(seconds);                                                                                       \
    }

/** For TEST_LIMIT() alone. */
void test_set_limit(unsigned seconds);

/** Ends the case: it cannot run here, for a reason that is printed and is no failure. */
#define TEST_SKIP(reason) test_skip(reason, __FILE__, __LINE__)

/** For TEST_SKIP() alone. */
void test_skip(const char *reason, const char *file, int line);

/** In the place of a signal: any end but exit code 0, such as a sanitizer's. */
#define TEST_ANY_FAILURE 0

/**
 * Passes if `body(argument)` dies of `signal` and `text` is part of what it
 * wrote to standard error by then. It runs in a process of its own, without
 * other threads; cmocka's assertions must not be used in it.
 */
#define ASSERT_DIES_OF(signal, body, argument, text) test_expect_death(signal, body, argument, text, __FILE__, __LINE__)

/** The same for a misuse that the library diagnoses: SIGABRT. */
#define ASSERT_DIES(body, argument, text) ASSERT_DIES_OF(SIGABRT, body, argument, text)

/** True if a user-mode emulator runs the test, which does what a kernel does but for what it has never heard of. */
bool test_is_emulated(void);

/** All that the last process to die as above wrote to standard error, its first 8 KiB. */
const char *test_last_words(void);

/** For ASSERT_DIES_OF() alone. */
void test_expect_death(int signal, void (*body)(void *argument), void *argument, const char *text, const char *file,
                       int line);

/** Seeds from COIR_TEST_SEED, otherwise from the clock; prints the seed. */
void test_random_init(struct test_random *source);

#endif
