/* SPDX-License-Identifier: MIT
 *
 * What the two halves of json.h share: one writes, the other reads.
 */
#ifndef PROGRAMS_LOAD_RESULT_JSON_NAMES_H
#define PROGRAMS_LOAD_RESULT_JSON_NAMES_H

#include "load/result/json.h"
#include <stdio.h>
#include <string.h>

#define RESULT_JSON_SCHEMA 1
#define RESULT_JSON_PROGRAM "coir load"
/** What a double still holds exactly, and so every reader of JSON. */
#define RESULT_JSON_COUNT_MAX (INT64_C(1) << 53)
#define RESULT_JSON_RATE_MAX 1e15
/** So much of a path is told; its end says more than its beginning. */
#define RESULT_JSON_PATH_SIZE 161

static const char *const result_json_modes[] = {
    [LOAD_MODE_CLOSED] = "closed",
    [LOAD_MODE_OPEN] = "open",
    [LOAD_MODE_CHURN] = "churn",
    [LOAD_MODE_IDLE] = "idle",
};

#define RESULT_JSON_MODES (sizeof(result_json_modes) / sizeof(result_json_modes[0]))

static inline void result_json_print_path(const char *path, char ret_text[RESULT_JSON_PATH_SIZE])
{
    size_t size = strlen(path);

    if (size < RESULT_JSON_PATH_SIZE)
        snprintf(ret_text, RESULT_JSON_PATH_SIZE, "%s", path);
    else
        snprintf(ret_text, RESULT_JSON_PATH_SIZE, "...%s", path + size - RESULT_JSON_PATH_SIZE + sizeof("..."));
}

#endif
