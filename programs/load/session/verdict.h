/* SPDX-License-Identifier: MIT
 *
 * What is wrong with bytes that are not the ones expected: a loss, a repetition,
 * another order, another session's, or just other values. Pure.
 */
#ifndef PROGRAMS_LOAD_SESSION_VERDICT_H
#define PROGRAMS_LOAD_SESSION_VERDICT_H

#include "load/result/result.h"
#include "load/session/pattern.h"

/** Bytes from the first wrong one on that are enough to tell, where the fault ends well before the last of them. */
#define VERDICT_CONTEXT 128
#define VERDICT_TEXT_SIZE 200

/** The first wrong byte, and what came from there on. */
struct verdict_evidence {
    uint64_t seed;
    uint64_t sessions; /* of the run */
    uint64_t session;  /* this one's number */
    uint64_t offset;   /* of the first wrong byte, as what should have come there */
    uint64_t end;      /* no session has sent more bytes than these */
    bool surplus;      /* nothing was owed */
    size_t size;
    unsigned char bytes[VERDICT_CONTEXT];
};

/**
 * Judges. With few bytes after the fault it says what is most likely: one wrong
 * byte alone is a corrupted one.
 *
 * Returns: LOAD_ERROR_CORRUPTED, _LOST, _DUPLICATED, _REORDERED or _FOREIGN, and a text such as
 *          "byte 4096: 3 bytes are missing".
 */
enum load_error verdict_of(const struct verdict_evidence *evidence, char ret_text[VERDICT_TEXT_SIZE]);

#endif
