/* SPDX-License-Identifier: MIT
 *
 * The bytes that a session sends: an endless sequence of its own, of which each
 * place is told from every other place of every other session. Its 64-bit words
 * are an arithmetic progression from a start that is the session's, so that two
 * words in a row say whose they are and which; see pattern_find(). Pure.
 */
#ifndef PROGRAMS_LOAD_SESSION_PATTERN_H
#define PROGRAMS_LOAD_SESSION_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** So many bytes in a row are enough for pattern_find(), wherever they begin. */
#define PATTERN_CONTEXT 23

struct pattern {
    uint64_t start; /* the first word */
};

/** A place in the sequence of a session. */
struct pattern_place {
    uint64_t session;
    uint64_t offset;
};

/** The sequence of session number `session` in the run `seed`: other runs have others. */
struct pattern pattern_of(uint64_t seed, uint64_t session);

/** Writes `size` bytes of the sequence, from `offset` on. */
void pattern_fill(const struct pattern *pattern, uint64_t offset, void *bytes, size_t size);

/** How many of `bytes`, from the first on, are those of the sequence from `offset` on. */
size_t pattern_match(const struct pattern *pattern, uint64_t offset, const void *bytes, size_t size);

/** Who is to be looked for. */
struct pattern_search {
    uint64_t seed;
    uint64_t sessions; /* of the run */
    uint64_t end;      /* no session has sent more bytes than these */
    uint64_t first;    /* the session that is tried first */
};

/**
 * Finds where `bytes` come from, by the first two whole words in a row that some
 * session has sent; what is before them may be anything.
 *
 * Returns: true and the place that the first byte would have, also before the
 *          beginning (2^64 - 1 is one byte before it); false: from nowhere.
 */
bool pattern_find(const struct pattern_search *search, const void *bytes, size_t size, struct pattern_place *ret_place);

#endif
