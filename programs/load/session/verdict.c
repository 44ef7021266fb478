/* SPDX-License-Identifier: MIT
 *
 * Why bytes are not the ones expected: see verdict.h.
 *
 * A fault is followed by right bytes again, at the place where the stream goes
 * on: the same place after a change of values or of their order, a later one
 * after a loss, an earlier one after a repetition. The shortest fault that
 * explains all that follows is the one that is named.
 */
#include "load/session/verdict.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SHIFT_MAX 4096 /* with fewer bytes than tell their place */
#define SURE 8         /* so many bytes do not match by chance */

static struct pattern pattern_here(const struct verdict_evidence *evidence)
{
    return pattern_of(evidence->seed, evidence->session);
}

/* Are all bytes from number `first` on those that belong at `offset` + `first`? */
static bool goes_on(const struct verdict_evidence *evidence, size_t first, uint64_t offset)
{
    struct pattern pattern = pattern_here(evidence);
    size_t rest = evidence->size - first;

    return pattern_match(&pattern, offset + first, evidence->bytes + first, rest) == rest;
}

/* After how many bytes the stream goes on, for `sure` bytes at least, as if nothing had been; 0 = it does not. */
static size_t length_of_change(const struct verdict_evidence *evidence, size_t sure)
{
    for (size_t length = 1; length + sure <= evidence->size; length++)
        if (goes_on(evidence, length, evidence->offset))
            return length;
    return 0;
}

/* Are the first `length` bytes the right ones in another order? */
static bool is_reordered(const struct verdict_evidence *evidence, size_t length)
{
    struct pattern pattern = pattern_here(evidence);
    unsigned char expected[VERDICT_CONTEXT];
    int counts[256] = {0};

    pattern_fill(&pattern, evidence->offset, expected, length);
    for (size_t i = 0; i < length; i++) {
        counts[expected[i]]++;
        counts[evidence->bytes[i]]--;
    }
    for (size_t i = 0; i < 256; i++)
        if (counts[i] != 0)
            return false;
    return length > 1;
}

/* By how many bytes the stream has jumped, where there are too few to tell their place: > 0 forwards, < 0 back; 0 = it
 * has not, as far as can be seen. */
static int64_t length_of_jump(const struct verdict_evidence *evidence)
{
    if (evidence->size < SURE || evidence->size >= PATTERN_CONTEXT)
        return 0;
    for (int64_t shift = 1; shift <= SHIFT_MAX; shift++) {
        if (goes_on(evidence, 0, evidence->offset + (uint64_t)shift))
            return shift;
        if ((uint64_t)shift <= evidence->offset && goes_on(evidence, 0, evidence->offset - (uint64_t)shift))
            return -shift;
    }
    return 0;
}

/* "1 byte is", "3 bytes are". */
static const char *count_of(uint64_t count, char ret_text[32])
{
    (void)snprintf(ret_text, 32, "%" PRIu64 " byte%s", count, count == 1 ? " is" : "s are");
    return ret_text;
}

static enum load_error tell_jump(const struct verdict_evidence *evidence, int64_t jump,
                                 char ret_text[VERDICT_TEXT_SIZE])
{
    bool repeated = jump < 0 && goes_on(evidence, 0, evidence->offset - (uint64_t)-jump);
    char count[32];

    (void)snprintf(ret_text, VERDICT_TEXT_SIZE, "byte %" PRIu64 ": %s %s", evidence->offset,
                   count_of((uint64_t)(jump > 0 ? jump : -jump), count),
                   jump > 0   ? "missing"
                   : repeated ? "there that came already"
                              : "there that were not sent");
    return jump > 0 ? LOAD_ERROR_LOST : LOAD_ERROR_DUPLICATED;
}

static enum load_error tell_change(const struct verdict_evidence *evidence, size_t length,
                                   char ret_text[VERDICT_TEXT_SIZE])
{
    struct pattern pattern = pattern_here(evidence);
    bool reordered = is_reordered(evidence, length);
    unsigned char expected;
    char count[32];

    pattern_fill(&pattern, evidence->offset, &expected, 1);
    if (reordered)
        (void)snprintf(ret_text, VERDICT_TEXT_SIZE, "byte %" PRIu64 ": %s in another order", evidence->offset,
                       count_of(length, count));
    else
        (void)snprintf(ret_text, VERDICT_TEXT_SIZE, "byte %" PRIu64 ": %s wrong, the first 0x%02x in place of 0x%02x",
                       evidence->offset, count_of(length, count), evidence->bytes[0], expected);
    return reordered ? LOAD_ERROR_REORDERED : LOAD_ERROR_CORRUPTED;
}

/* By the words in it, which are of another session, or of another place of this one. */
static enum load_error tell_place(const struct verdict_evidence *evidence, const struct pattern_place *place,
                                  char ret_text[VERDICT_TEXT_SIZE])
{
    if (place->session == evidence->session)
        return tell_jump(evidence, (int64_t)(place->offset - evidence->offset), ret_text);
    (void)snprintf(ret_text, VERDICT_TEXT_SIZE,
                   "byte %" PRIu64 ": here come bytes of session %" PRIu64 ", from its byte %" PRIu64, evidence->offset,
                   place->session, (int64_t)place->offset < 0 ? 0 : place->offset);
    return LOAD_ERROR_FOREIGN;
}

/* By nothing but where it is. */
static enum load_error tell_rest(const struct verdict_evidence *evidence, char ret_text[VERDICT_TEXT_SIZE])
{
    if (!evidence->surplus)
        return tell_change(evidence, length_of_change(evidence, 0), ret_text); /* at most all that came */
    (void)snprintf(ret_text, VERDICT_TEXT_SIZE, "byte %" PRIu64 ": more came back than was sent", evidence->offset);
    return LOAD_ERROR_DUPLICATED;
}

enum load_error verdict_of(const struct verdict_evidence *evidence, char ret_text[VERDICT_TEXT_SIZE])
{
    struct pattern_search search = {
        .seed = evidence->seed, .sessions = evidence->sessions, .end = evidence->end, .first = evidence->session};
    size_t change = length_of_change(evidence, SURE);
    struct pattern_place place;
    int64_t jump = length_of_jump(evidence);

    if (change > 0)
        return tell_change(evidence, change, ret_text);
    if (jump != 0)
        return tell_jump(evidence, jump, ret_text);
    if (pattern_find(&search, evidence->bytes, evidence->size, &place) &&
        (place.session != evidence->session || place.offset != evidence->offset))
        return tell_place(evidence, &place, ret_text);
    return tell_rest(evidence, ret_text);
}
