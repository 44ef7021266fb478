/* SPDX-License-Identifier: MIT
 *
 * Which options of `coir load` go together: see options_reading.h.
 */
#include "command.h"
#include "load/options_reading.h"
#include "load/result/json.h"
#include "whole_file.h"
#include <coir/datagram.h>
#include <coir/error.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define UDP_SIZE_MAX 65507 /* what an IPv4 datagram takes */

static bool has(const struct reading *reading, int code)
{
    return reading->used[code - OPTION_CONNECTIONS];
}

bool options_complain(const char *what)
{
    command_complain("load", "%s; try 'coir load --help'", what);
    return false;
}

/* A file that is merged twice would count twice. */
static bool check_repetition(const struct load_options *options)
{
    for (size_t i = 1; i < options->file_count; i++)
        for (size_t j = 0; j < i; j++)
            if (whole_file_same(options->files[i], options->files[j])) {
                command_complain("load", "'%s' is named twice, before as '%s'", options->files[i], options->files[j]);
                return false;
            }
    return true;
}

/* With --merge and --compare: which options there may be. */
static bool check_files(const struct reading *reading)
{
    const struct load_options *options = &reading->options;

    for (int code = OPTION_CONNECTIONS; code <= OPTION_ENGINE; code++)
        if (has(reading, code) && code != OPTION_JSON && code != OPTION_REPORT) {
            command_complain("load", "--%s goes with a run; --merge and --compare read results",
                             option_name(&options_table, code));
            return false;
        }
    if (options->settings.uri[0] != '\0') {
        command_complain("load", "'%s' goes behind --merge or --compare", options->settings.uri);
        return false;
    }
    if (!check_repetition(options))
        return false;
    if (options->request == LOAD_MERGE && options->file_count == 0)
        return options_complain("--merge wants files of --json");
    if (options->request == LOAD_COMPARE && options->file_count != 2)
        return options_complain("--compare wants two files of --json");
    if (options->request == LOAD_COMPARE && options->report == NULL)
        return options_complain("--compare writes a page: add --report FILE");
    if (options->request == LOAD_COMPARE && options->json != NULL)
        return options_complain("--compare has no JSON of its own; --merge has");
    return true;
}

/* Is it an address that one can connect to? */
static bool check_uri(const char *uri)
{
    static const char *const schemes[][2] = {
        {"tcp://", "udp://"}, {"udp://", "udp://"}, {"unix://", "unix://"}, {"unixgram://", "unix://"}};
    const char *flaw = strncmp(uri, "unixgram://", 11) != 0 ? coir_address_flaw(uri) : NULL;
    struct coir_address address;
    char text[LOAD_TEXT_SIZE + 8];
    int rc = COIR_ERROR_ADDRESS;

    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        size_t size = strlen(schemes[i][0]);

        if (strncmp(uri, schemes[i][0], size) != 0)
            continue;
        (void)snprintf(text, sizeof(text), "%s%s", schemes[i][1], uri + size);
        rc = coir_address_read(text, &address);
        if (rc == 0 && strcmp(schemes[i][1], "udp://") == 0 && coir_address_port(&address) == 0)
            rc = COIR_ERROR_ADDRESS;
        if (rc == 0)
            return true;
    }
    command_complain("load", "cannot send to '%s': %s", uri, flaw != NULL ? flaw : coir_error_text(rc));
    return false;
}

/* Datagrams have no connection to close. */
static bool check_datagrams(const struct load_settings *settings)
{
    if (settings->mode == LOAD_MODE_CHURN || settings->mode == LOAD_MODE_IDLE || settings->half_close)
        return options_complain("--churn, --idle and --half-close go with connections, and datagrams have none");
    if (settings->message_bytes > UDP_SIZE_MAX)
        return options_complain("a datagram has at most 65507 bytes: give a smaller --size");
    return true;
}

static bool check_mode(const struct reading *reading)
{
    const struct load_settings *settings = &reading->options.settings;

    if (settings->mode == LOAD_MODE_IDLE && (has(reading, OPTION_RATE) || has(reading, OPTION_DEPTH)))
        return options_complain("--idle sends nothing meanwhile: it goes with neither --rate nor --depth");
    if (settings->mode == LOAD_MODE_IDLE && settings->half_close)
        return options_complain("--idle holds connections open: it does not go with --half-close");
    if (has(reading, OPTION_RATE) && has(reading, OPTION_DEPTH) && settings->mode == LOAD_MODE_CLOSED)
        return options_complain(
            "with --rate messages are sent when they are due, however many are under way: leave --depth out");
    if (strncmp(settings->uri, "unix", 4) == 0 && has(reading, OPTION_SOURCES))
        return options_complain("Unix sockets have no source addresses: leave --sources out");
    if (has(reading, OPTION_SOURCES) &&
        (reading->options.sources.family == AF_INET6) != (strstr(settings->uri, "://[") != NULL))
        return options_complain("the server's address and those of --sources are not of the same family");
    return !load_options_is_datagram(settings->uri) || check_datagrams(settings);
}

/* Fills in what follows from other options. */
static void settle(struct reading *reading)
{
    struct load_settings *settings = &reading->options.settings;

    if (settings->mode == LOAD_MODE_CLOSED && settings->rate > 0) {
        settings->mode = LOAD_MODE_OPEN;
        settings->depth = 0;
    }
    if (load_options_is_datagram(settings->uri) && !has(reading, OPTION_PATIENCE))
        settings->patience_ns = COIR_SECOND;
}

bool options_check(struct reading *reading)
{
    struct load_options *options = &reading->options;

    if (options->json != NULL && options->report != NULL && whole_file_same(options->json, options->report)) {
        command_complain("load", "--json and --report cannot both go to '%s'", options->json);
        return false;
    }
    if ((options->json != NULL || options->request != LOAD_RUN) && !result_json_is_there()) {
        command_complain("load", "this coir was built without jansson, which reads and writes JSON: install it (in "
                                 "Debian libjansson-dev) and build again");
        return false;
    }
    if (options->request != LOAD_RUN)
        return check_files(reading);
    if (options->settings.uri[0] == '\0')
        return options_complain("no address given, as in tcp://127.0.0.1:7007");
    if (!check_uri(options->settings.uri) || !check_mode(reading))
        return false;
    settle(reading);
    return true;
}
