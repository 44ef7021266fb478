/* SPDX-License-Identifier: MIT
 *
 * A reproducible source of random numbers (splitmix64).
 */
#ifndef SUPPORT_RANDOM_H
#define SUPPORT_RANDOM_H

#include <stddef.h>
#include <stdint.h>

struct test_random {
    uint64_t state;
};

/** Seeds with a number of the test's own choice. */
void test_random_seed(struct test_random *source, uint64_t seed);

/** Any 64 bits. */
uint64_t test_random_next(struct test_random *source);

/** A number in [0, `limit`), `limit` > 0. */
size_t test_random_below(struct test_random *source, size_t limit);

/** Fills `bytes`: the same from the same state, whatever the pieces it is asked in are multiples of 8. */
void test_random_fill(struct test_random *source, void *bytes, size_t size);

#endif
