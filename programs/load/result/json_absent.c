/* SPDX-License-Identifier: MIT
 *
 * What takes the place of json.c and its reader in a build without
 * jansson: says so.
 */
#include "load/result/json.h"
#include <stdio.h>

static bool refuse(char ret_reason[RESULT_JSON_REASON_SIZE])
{
    snprintf(ret_reason, RESULT_JSON_REASON_SIZE,
             "this coir was built without jansson, which reads and writes JSON: install its development package "
             "(libjansson-dev, jansson-devel, jansson or jansson-dev) and build coir again");
    return false;
}

bool result_json_is_there(void)
{
    return false;
}

bool result_json_write(const struct load_result *result, const char *path, char ret_reason[RESULT_JSON_REASON_SIZE])
{
    (void)result;
    (void)path;
    return refuse(ret_reason);
}

bool result_json_read(const char *path, struct load_result *ret_result, char ret_reason[RESULT_JSON_REASON_SIZE])
{
    (void)path;
    (void)ret_result;
    return refuse(ret_reason);
}
