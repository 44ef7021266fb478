/* SPDX-License-Identifier: MIT
 *
 * Every session's bytes: see pattern.h.
 */
#include "load/session/pattern.h"
#include <string.h>

#define WORD sizeof(uint64_t)
/** From word to word: odd, so that it has an inverse, and no byte of the sum repeats soon. */
#define STEP UINT64_C(0x9e3779b97f4a7c15)
#define STEP_INVERSE UINT64_C(0xf1de83e19937733d)

_Static_assert(STEP *STEP_INVERSE == 1, "the inverse of the step modulo 2^64");

/* Spreads a number over 64 bits; different ones stay different. */
static uint64_t mix(uint64_t number)
{
    number = (number ^ (number >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    number = (number ^ (number >> 27)) * UINT64_C(0x94d049bb133111eb);
    return number ^ (number >> 31);
}

struct pattern pattern_of(uint64_t seed, uint64_t session)
{
    return (struct pattern){.start = mix(seed + session)};
}

static uint64_t word_at(const struct pattern *pattern, uint64_t offset)
{
    return pattern->start + offset / WORD * STEP;
}

/* The bytes from `offset` to the end of its word, or as many as there is room for; returns how many. */
static size_t fill_part(const struct pattern *pattern, uint64_t offset, unsigned char *bytes, size_t size)
{
    uint64_t word = word_at(pattern, offset);
    size_t skipped = (size_t)(offset % WORD);
    size_t part = WORD - skipped < size ? WORD - skipped : size;

    memcpy(bytes, (const char *)&word + skipped, part);
    return part;
}

void pattern_fill(const struct pattern *pattern, uint64_t offset, void *bytes, size_t size)
{
    unsigned char *next = bytes;
    unsigned char *end = next + size;

    if (offset % WORD != 0)
        next += fill_part(pattern, offset, next, size);
    uint64_t word = word_at(pattern, offset + (size_t)(next - (unsigned char *)bytes));
    for (; (size_t)(end - next) >= WORD; next += WORD, word += STEP)
        memcpy(next, &word, WORD);
    if (next < end)
        memcpy(next, &word, (size_t)(end - next));
}

/* How many of a word's bytes, at most `size`, are those at `offset`. */
static size_t match_part(const struct pattern *pattern, uint64_t offset, const unsigned char *bytes, size_t size)
{
    unsigned char expected[WORD];
    size_t part = fill_part(pattern, offset, expected, size);
    size_t same = 0;

    while (same < part && bytes[same] == expected[same])
        same++;
    return same;
}

/* How many bytes of whole words match; `bytes` begins with a whole word. */
static size_t match_words(uint64_t word, const unsigned char *bytes, size_t size)
{
    size_t same = 0;

    for (; size - same >= WORD; same += WORD, word += STEP) {
        uint64_t found;

        memcpy(&found, bytes + same, WORD);
        if (found != word)
            break;
    }
    return same;
}

size_t pattern_match(const struct pattern *pattern, uint64_t offset, const void *bytes, size_t size)
{
    const unsigned char *first = bytes;
    size_t lead = offset % WORD == 0 ? 0 : WORD - (size_t)(offset % WORD);
    size_t same = 0;

    if (lead > 0) {
        same = match_part(pattern, offset, first, size);
        if (same < lead)
            return same; /* or there are no more */
    }
    same += match_words(word_at(pattern, offset + same), first + same, size - same);
    return same + match_part(pattern, offset + same, first + same, size - same);
}

/* Is it a word that the session has sent? */
static bool is_word_of(const struct pattern_search *search, uint64_t session, uint64_t word,
                       struct pattern_place *ret_place)
{
    struct pattern pattern = pattern_of(search->seed, session);
    uint64_t number = (word - pattern.start) * STEP_INVERSE;

    if (number >= search->end / WORD + 1)
        return false;
    *ret_place = (struct pattern_place){.session = session, .offset = number * WORD};
    return true;
}

static bool find_word(const struct pattern_search *search, uint64_t word, struct pattern_place *ret_place)
{
    if (is_word_of(search, search->first, word, ret_place))
        return true;
    for (uint64_t session = 0; session < search->sessions; session++)
        if (is_word_of(search, session, word, ret_place))
            return true;
    return false;
}

bool pattern_find(const struct pattern_search *search, const void *bytes, size_t size, struct pattern_place *ret_place)
{
    const unsigned char *first = bytes;

    for (size_t skipped = 0; skipped + 2 * WORD <= size; skipped++) {
        struct pattern_place place;
        uint64_t words[2];

        memcpy(words, first + skipped, sizeof(words));
        if (words[1] - words[0] != STEP || !find_word(search, words[0], &place))
            continue;
        place.offset -= skipped; /* before the first byte, if so much else came */
        *ret_place = place;
        return true;
    }
    return false;
}
