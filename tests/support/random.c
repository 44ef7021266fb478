/* SPDX-License-Identifier: MIT
 *
 * A reproducible source of random numbers: see random.h.
 */
#include "support/random.h"
#include <string.h>

void test_random_seed(struct test_random *source, uint64_t seed)
{
    source->state = seed;
}

uint64_t test_random_next(struct test_random *source)
{
    /* splitmix64, public domain: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014 */
    uint64_t mixed = source->state += 0x9E3779B97F4A7C15u;

    mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9u;
    mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EBu;
    return mixed ^ mixed >> 31;
}

size_t test_random_below(struct test_random *source, size_t limit)
{
    return (size_t)(test_random_next(source) % limit); /* its bias is of no weight in tests */
}

void test_random_fill(struct test_random *source, void *bytes, size_t size)
{
    unsigned char *next = bytes;

    while (size > 0) {
        uint64_t word = test_random_next(source);
        size_t step = size < sizeof(word) ? size : sizeof(word);

        memcpy(next, &word, step);
        next += step;
        size -= step;
    }
}
