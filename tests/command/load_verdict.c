/* SPDX-License-Identifier: MIT
 *
 * What is wrong with bytes that came back: every kind of fault, of several
 * lengths and at several places, is told from the others.
 */
#include "load/session/verdict.h"
#include "support/test.h"
#include <stdio.h>
#include <string.h>

#define SEED 11
#define SESSIONS 100
#define MINE 42
#define SENT 1000000

/* The fault is at this byte; what should have come from there on. */
static struct verdict_evidence evidence_at(uint64_t offset)
{
    struct verdict_evidence evidence = {
        .seed = SEED, .sessions = SESSIONS, .session = MINE, .offset = offset, .end = SENT, .size = VERDICT_CONTEXT};
    struct pattern pattern = pattern_of(SEED, MINE);

    pattern_fill(&pattern, offset, evidence.bytes, evidence.size);
    return evidence;
}

/* From byte `at` on what comes is the sequence of `session` from `offset` on. */
static void go_on_at(struct verdict_evidence *evidence, size_t at, uint64_t session, uint64_t offset)
{
    struct pattern pattern = pattern_of(SEED, session);

    pattern_fill(&pattern, offset, evidence->bytes + at, evidence->size - at);
}

static void expect(const struct verdict_evidence *evidence, enum load_error error, const char *part)
{
    char text[VERDICT_TEXT_SIZE];
    enum load_error found = verdict_of(evidence, text);

    if (found != error || strstr(text, part) == NULL)
        fail_msg("byte %llu: %s, \"%s\"; wanted %s, \"%s\"", (unsigned long long)evidence->offset,
                 load_error_name(found), text, load_error_name(error), part);
}

TEST(other_values_are_corruption)
{
    for (uint64_t offset = 500; offset < 516; offset++) {
        struct verdict_evidence evidence = evidence_at(offset);

        evidence.bytes[0] ^= 1;
        expect(&evidence, LOAD_ERROR_CORRUPTED, "1 byte is wrong");
        evidence.bytes[6] ^= 0xff;
        expect(&evidence, LOAD_ERROR_CORRUPTED, "7 bytes are wrong");
    }
}

TEST(missing_bytes_are_a_loss)
{
    static const uint64_t losses[] = {1, 2, 7, 8, 9, 64, 1000, 65536, 65537, 500000};

    for (size_t i = 0; i < sizeof(losses) / sizeof(losses[0]); i++) {
        struct verdict_evidence evidence = evidence_at(4099);
        char part[32];

        go_on_at(&evidence, 0, MINE, 4099 + losses[i]);
        (void)snprintf(part, sizeof(part), "%llu byte%s missing", (unsigned long long)losses[i],
                       losses[i] == 1 ? " is" : "s are");
        expect(&evidence, LOAD_ERROR_LOST, part);
    }
}

TEST(bytes_that_come_again_are_a_duplicate)
{
    static const uint64_t repeats[] = {1, 2, 7, 8, 9, 64, 1000, 65536, 65537, 200000};

    for (size_t i = 0; i < sizeof(repeats) / sizeof(repeats[0]); i++) {
        struct verdict_evidence evidence = evidence_at(300001);

        go_on_at(&evidence, 0, MINE, 300001 - repeats[i]);
        expect(&evidence, LOAD_ERROR_DUPLICATED, "that came already");
    }
}

TEST(bytes_in_another_order_are_reordered)
{
    for (size_t distance = 1; distance < 40; distance++) {
        struct verdict_evidence evidence = evidence_at(7777);
        unsigned char first = evidence.bytes[0];

        if (evidence.bytes[distance] == first)
            continue;
        evidence.bytes[0] = evidence.bytes[distance];
        evidence.bytes[distance] = first;
        expect(&evidence, LOAD_ERROR_REORDERED, "in another order");
    }
}

TEST(bytes_of_another_session_are_told_with_its_number)
{
    struct verdict_evidence evidence = evidence_at(640);

    go_on_at(&evidence, 0, 17, 123456);
    expect(&evidence, LOAD_ERROR_FOREIGN, "session 17, from its byte 123456");
}

TEST(changes_far_apart_are_corruption)
{
    for (uint64_t offset = 640; offset < 648; offset++) {
        struct verdict_evidence evidence = evidence_at(offset);

        evidence.bytes[0] ^= 1;
        evidence.bytes[124] ^= 1;
        expect(&evidence, LOAD_ERROR_CORRUPTED, "125 bytes are wrong");
    }
}

TEST(bytes_that_were_never_sent_are_too_many)
{
    static const size_t counts[] = {1, 7, 8, 30};

    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        struct verdict_evidence evidence = evidence_at(643);

        memset(evidence.bytes, '#', counts[i]);
        go_on_at(&evidence, counts[i], MINE, 643);
        expect(&evidence, LOAD_ERROR_DUPLICATED, "there that were not sent");
    }
}

TEST(what_comes_where_nothing_is_owed_is_too_many)
{
    struct verdict_evidence evidence = evidence_at(640);

    memset(evidence.bytes, 'x', evidence.size);
    evidence.surplus = true;
    expect(&evidence, LOAD_ERROR_DUPLICATED, "more came back than was sent");
    go_on_at(&evidence, 0, 3, 64);
    expect(&evidence, LOAD_ERROR_FOREIGN, "session 3, from its byte 64");
}

TEST(nonsense_is_corruption)
{
    struct verdict_evidence evidence = evidence_at(640);

    memset(evidence.bytes, 'x', evidence.size);
    expect(&evidence, LOAD_ERROR_CORRUPTED, "128 bytes are wrong");
}

TEST(a_wrong_byte_alone_is_corruption)
{
    struct verdict_evidence evidence = evidence_at(640);

    evidence.bytes[0] ^= 4;
    evidence.size = 1;
    expect(&evidence, LOAD_ERROR_CORRUPTED, "1 byte is wrong");
    evidence.size = 5;
    expect(&evidence, LOAD_ERROR_CORRUPTED, "1 byte is wrong");
}
