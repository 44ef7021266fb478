/* SPDX-License-Identifier: MIT
 *
 * The command line of `coir echo`: see echo_options.h.
 */
#include "echo_options.h"
#include "command.h"
#include <getopt.h>
#include <string.h>

#define DEFAULT_URI "tcp://:7"

static const char help[] = "Usage: coir echo [OPTION]...\n"
                           "Sends back to every client what it sends, until it finishes (RFC 862).\n"
                           "\n"
                           "  --listen URI     where to serve; repeat it for more     (default: " DEFAULT_URI ")\n"
                           "      tcp://HOST:PORT   HOST is a number, [IPv6] in brackets, or nothing:\n"
                           "                        every address; PORT 0 picks a free one\n"
                           "      unix:///PATH      a Unix socket; unix://@NAME an abstract one\n"
                           "      fd://NUMBER       a listening socket that was handed over\n"
                           "  --engine NAME    auto, epoll or poll                    (default: auto)\n"
                           "  --quiet          print only where it listens, and errors\n"
                           "  --help           print this\n"
                           "  --version        print the version\n"
                           "\n"
                           "SIGTERM or SIGINT: takes no new clients, ends each session once it has been\n"
                           "quiet for 0.2 s, and waits for what is on its way. Once more: resets the rest.\n"
                           "\n"
                           "Exit codes: 0 ended by a signal; 1 could not start, or had to stop;\n"
                           "2 wrong usage.\n"
                           "\n"
                           "Example: coir echo --listen tcp://127.0.0.1:7007 --listen unix:///tmp/echo.sock\n";

static const struct option known[] = {
    {"listen", required_argument, NULL, 'l'}, {"engine", required_argument, NULL, 'e'},
    {"quiet", no_argument, NULL, 'q'},        {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'v'},      {NULL, 0, NULL, 0},
};

static bool add_listener(struct echo_options *options, const char *uri)
{
    if (options->uri_count == ECHO_LISTENERS_MAX) {
        command_complain("echo", "more than %d times --listen; start a second server", ECHO_LISTENERS_MAX);
        return false;
    }
    options->uris[options->uri_count++] = uri;
    return true;
}

static bool choose_engine(struct echo_options *options, const char *name)
{
    static const char *const names[] = {
        [COIR_ENGINE_AUTO] = "auto", [COIR_ENGINE_EPOLL] = "epoll", [COIR_ENGINE_POLL] = "poll"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(name, names[i]) != 0)
            continue;
        options->engine = (enum coir_engine)i;
        options->engine_name = names[i];
        return true;
    }
    command_complain("echo", "no engine is called '%s'; there are auto, epoll and poll", name);
    return false;
}

/* One option, as getopt_long() gives it for the argument `word`. */
static bool take_option(struct echo_options *options, int option, const char *word)
{
    switch (option) {
    case 'l':
        return add_listener(options, optarg);
    case 'e':
        return choose_engine(options, optarg);
    case 'q':
        options->quiet = true;
        return true;
    case 'h':
        options->request = ECHO_HELP;
        return true;
    case 'v':
        options->request = ECHO_VERSION;
        return true;
    case ':':
        command_complain("echo", "option '%s' wants a value; try 'coir echo --help'", word);
        return false;
    default:
        command_complain("echo", "unknown option '%s', or one that takes no value; try 'coir echo --help'", word);
        return false;
    }
}

bool echo_options_read(int count, char **arguments, struct echo_options *ret_options)
{
    struct echo_options options = {.request = ECHO_SERVE, .engine_name = "auto"};
    const char *word = arguments[optind];
    int option;

    opterr = 0;
    /* Stops at the first request: `--help` is heard whatever follows. */
    while (options.request == ECHO_SERVE && (option = getopt_long(count, arguments, "+:", known, NULL)) != -1) {
        if (!take_option(&options, option, word))
            return false;
        word = arguments[optind];
    }
    if (options.request == ECHO_SERVE && optind < count) {
        command_complain("echo", "'%s' is no option; addresses go after --listen", arguments[optind]);
        return false;
    }
    if (options.uri_count == 0)
        options.uris[options.uri_count++] = DEFAULT_URI;
    *ret_options = options;
    return true;
}

const char *echo_options_help(void)
{
    return help;
}
