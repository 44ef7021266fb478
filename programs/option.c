/* SPDX-License-Identifier: MIT
 *
 * Options of a subcommand: see option.h.
 */
#include "option.h"
#include "command.h"
#include "value.h"
#include <inttypes.h>
#include <stdio.h>

const char *option_name(const struct option_table *table, int code)
{
    const struct option *option = table->known;

    while (option->val != code)
        option++;
    return option->name;
}

bool option_judge(const struct option_table *table, int code, const char *value, const char *flaw)
{
    if (flaw != NULL)
        command_complain(table->command, "--%s '%s': %s", option_name(table, code), value, flaw);
    return flaw == NULL;
}

bool option_refuse(const struct option_table *table, int code, const char *word)
{
    const char *command = table->command;

    if (code == ':')
        command_complain(command, "option '%s' wants a value; try 'coir %s --help'", word, command);
    else if (optopt >= OPTION_CODE_MIN)
        command_complain(command, "option '%s': it takes no value", word);
    else
        command_complain(command, "unknown option '%s'; try 'coir %s --help'", word, command);
    return false;
}

bool option_take_count(const struct option_table *table, int code, const char *value, uint64_t max, uint64_t *ret_count)
{
    char limit[32];
    uint64_t count;
    const char *flaw = value_read_count(value, &count);

    (void)snprintf(limit, sizeof(limit), "at most %" PRIu64, max);
    if (flaw == NULL && count == 0)
        flaw = "at least 1";
    if (flaw == NULL && count > max)
        flaw = limit;
    if (!option_judge(table, code, value, flaw))
        return false;
    *ret_count = count;
    return true;
}

bool option_take_engine(const struct option_table *table, int code, const char *value, enum coir_engine *ret_engine)
{
    return command_find_engine(value, ret_engine) ||
           option_judge(table, code, value, "no engine is called that; there are auto, epoll and poll");
}
