/* SPDX-License-Identifier: MIT
 *
 * Results as JSON files: docs/load-results.md tells what is in them. Where
 * coir was built without jansson there are none, and these say so.
 */
#ifndef PROGRAMS_LOAD_RESULT_JSON_H
#define PROGRAMS_LOAD_RESULT_JSON_H

#include "load/result/result.h"

/** Why a file was not written or read: a sentence for people. */
#define RESULT_JSON_REASON_SIZE 320

/** False where coir was built without jansson. */
bool result_json_is_there(void);

/** Writes the result to `path`, or to standard output where that is "-". The file is there whole or not at all.
 * Returns: true; or false and the reason. */
bool result_json_write(const struct load_result *result, const char *path, char ret_reason[RESULT_JSON_REASON_SIZE]);

/** Reads a result from `path`. Returns: true; or false and the reason, with the place in the file. */
bool result_json_read(const char *path, struct load_result *ret_result, char ret_reason[RESULT_JSON_REASON_SIZE]);

#endif
