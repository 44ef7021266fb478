/* SPDX-License-Identifier: MIT
 *
 * The command line of `coir echo`: see options.h. An option that takes a value
 * has a reader in the table `known`; --help, coir-echo(1) and that table tell
 * the same.
 */
#include "options.h"
#include "command.h"
#include "option.h"
#include "privilege.h"
#include "value.h"
#include <string.h>

static const char help[] = "Usage: coir echo [OPTION]...\n"
                           "Serves the echo protocol (RFC 862): each client gets back what it sends.\n"
                           "\n"
                           "  --listen URI         serve there; may be repeated (default tcp://:7 udp://:7)\n"
                           "                       tcp://HOST:PORT udp://HOST:PORT unix:///PATH unix://@NAME\n"
                           "                       unixgram:///PATH fd://N; no HOST: every one; PORT 0: any\n"
                           "  --free-bind          also addresses that this host does not have yet\n"
                           "  --user NAME[:GROUP]  become that user as soon as every address is open\n"
                           "  --max-sessions N     N clients at a time, the others wait    (default: ulimit)\n"
                           "  --max-per-source N   N of one address or IPv6 /64, the others are sent away\n"
                           "  --shed-idle          when full, send away the client that is idle for longest\n"
                           "  --idle-timeout TIME  end clients that are silent for so long    (default: off)\n"
                           "  --stall-timeout TIME reset clients that read nothing for so long (default 60s)\n"
                           "  --memory SIZE        for what clients have not yet read        (default: 256M)\n"
                           "  --drain-quiet TIME   after SIGTERM, end clients silent for so long     (200ms)\n"
                           "  --drain-timeout TIME so long after SIGTERM, reset those that are left    (30s)\n"
                           "  --stats[=TIME]       show the counters, every second or every TIME\n"
                           "  --log FILE           a line for each event; '-' is standard error\n"
                           "  --engine NAME        how to wait: auto, epoll or poll          (default: auto)\n"
                           "  --quiet              print addresses and errors alone. Or: --help, --version\n"
                           "\n"
                           "TIME: 200ms 5s 2m. SIZE: 16M 1G. 'off': no limit. Exit code: 0 done, 1 could not\n"
                           "start or go on, 2 wrong usage, 3 had to cut clients off. More: man coir-echo\n";

enum option_code {
    OPTION_LISTEN = OPTION_CODE_MIN,
    OPTION_FREE_BIND,
    OPTION_USER,
    OPTION_MAX_SESSIONS,
    OPTION_MAX_PER_SOURCE,
    OPTION_SHED_IDLE,
    OPTION_IDLE_TIMEOUT,
    OPTION_STALL_TIMEOUT,
    OPTION_MEMORY,
    OPTION_DRAIN_QUIET,
    OPTION_DRAIN_TIMEOUT,
    OPTION_STATS,
    OPTION_LOG,
    OPTION_ENGINE,
    OPTION_QUIET,
    OPTION_HELP,
    OPTION_VERSION,
};

static const struct option known[] = {
    {"listen", required_argument, NULL, OPTION_LISTEN},
    {"free-bind", no_argument, NULL, OPTION_FREE_BIND},
    {"user", required_argument, NULL, OPTION_USER},
    {"max-sessions", required_argument, NULL, OPTION_MAX_SESSIONS},
    {"max-per-source", required_argument, NULL, OPTION_MAX_PER_SOURCE},
    {"shed-idle", no_argument, NULL, OPTION_SHED_IDLE},
    {"idle-timeout", required_argument, NULL, OPTION_IDLE_TIMEOUT},
    {"stall-timeout", required_argument, NULL, OPTION_STALL_TIMEOUT},
    {"memory", required_argument, NULL, OPTION_MEMORY},
    {"drain-quiet", required_argument, NULL, OPTION_DRAIN_QUIET},
    {"drain-timeout", required_argument, NULL, OPTION_DRAIN_TIMEOUT},
    {"stats", optional_argument, NULL, OPTION_STATS},
    {"log", required_argument, NULL, OPTION_LOG},
    {"engine", required_argument, NULL, OPTION_ENGINE},
    {"quiet", no_argument, NULL, OPTION_QUIET},
    {"help", no_argument, NULL, OPTION_HELP},
    {"version", no_argument, NULL, OPTION_VERSION},
    {NULL, 0, NULL, 0},
};

static const struct option_table table = {"echo", known};

static bool add_address(struct echo_options *options, const char *uri)
{
    if (options->uri_count == ECHO_DOORS_MAX) {
        command_complain("echo", "more than %d times --listen; start a second server", ECHO_DOORS_MAX);
        return false;
    }
    options->uris[options->uri_count++] = uri;
    options->has_listen = true;
    return true;
}

/* A duration: a TIME of zero ends everything at once, which nobody means. */
static bool take_time(int code, const char *value, bool may_be_off, coir_time *ret_time)
{
    coir_time time;
    const char *flaw = value_read_duration(value, may_be_off, &time);

    if (flaw == NULL && time == 0)
        flaw = may_be_off ? "zero is too short; 'off' is no limit" : "zero is too short";
    if (!option_judge(&table, code, value, flaw))
        return false;
    *ret_time = time;
    return true;
}

#define MEMORY_MIN ((uint64_t)1 << 20)

static bool take_memory(int code, const char *value, uint64_t *ret_size)
{
    uint64_t size = 0;
    const char *flaw = strcmp(value, "off") == 0 ? NULL : value_read_size(value, &size);

    if (flaw == NULL && size < MEMORY_MIN && strcmp(value, "off") != 0)
        flaw = "at least 1M, or 'off'";
    if (!option_judge(&table, code, value, flaw))
        return false;
    *ret_size = size;
    return true;
}

static bool take_user(struct echo_options *options, int code, const char *value)
{
    char reason[PRIVILEGE_REASON_SIZE];

    options->user_name = value;
    return option_judge(&table, code, value, privilege_find_user(value, &options->user, reason) < 0 ? reason : NULL);
}

/* An option's own value, other than those that only set a flag. */
static bool take_value(struct echo_options *options, int code, const char *value)
{
    switch (code) {
    case OPTION_LISTEN:
        return add_address(options, value);
    case OPTION_USER:
        return take_user(options, code, value);
    case OPTION_MAX_SESSIONS:
        return option_take_count(&table, code, value, UINT32_MAX, &options->max_sessions);
    case OPTION_MAX_PER_SOURCE:
        return option_take_count(&table, code, value, UINT32_MAX, &options->max_per_source);
    case OPTION_IDLE_TIMEOUT:
        return take_time(code, value, true, &options->idle_timeout);
    case OPTION_STALL_TIMEOUT:
        return take_time(code, value, true, &options->stall_timeout);
    case OPTION_MEMORY:
        return take_memory(code, value, &options->memory);
    case OPTION_DRAIN_QUIET:
        return take_time(code, value, false, &options->drain_quiet);
    case OPTION_DRAIN_TIMEOUT:
        return take_time(code, value, true, &options->drain_timeout);
    case OPTION_LOG:
        options->log = value;
        return true;
    default:
        return option_take_engine(&table, code, value, &options->engine);
    }
}

/* One option, as getopt_long() gives it for the argument `word`. */
static bool take_option(struct echo_options *options, int code, const char *word)
{
    switch (code) {
    case OPTION_FREE_BIND:
        options->free_bind = true;
        return true;
    case OPTION_SHED_IDLE:
        options->shed_idle = true;
        return true;
    case OPTION_STATS:
        options->stats = COIR_SECOND;
        return optarg == NULL || take_time(code, optarg, false, &options->stats);
    case OPTION_QUIET:
        options->quiet = true;
        return true;
    case OPTION_HELP:
        options->request = ECHO_HELP;
        return true;
    case OPTION_VERSION:
        options->request = ECHO_VERSION;
        return true;
    case ':':
    case '?':
        return option_refuse(&table, code, word);
    default:
        return take_value(options, code, optarg);
    }
}

bool echo_options_read(int count, char **arguments, struct echo_options *ret_options)
{
    struct echo_options options = {
        .request = ECHO_SERVE,
        .memory = (uint64_t)256 << 20,
        .idle_timeout = COIR_FOREVER,
        .stall_timeout = 60 * COIR_SECOND,
        .drain_quiet = 200 * COIR_MILLISECOND,
        .drain_timeout = 30 * COIR_SECOND,
        .stats = COIR_FOREVER,
    };
    const char *word = arguments[optind];
    int code;

    opterr = 0;
    /* Stops at the first request: `--help` is heard whatever follows. */
    while (options.request == ECHO_SERVE && (code = getopt_long(count, arguments, "+:", known, NULL)) != -1) {
        if (!take_option(&options, code, word))
            return false;
        word = arguments[optind];
    }
    if (options.request == ECHO_SERVE && optind < count) {
        bool is_interval = optind > 1 && strcmp(arguments[optind - 1], "--stats") == 0;

        command_complain("echo", "'%s' is no option; %s", arguments[optind],
                         is_interval ? "an interval is part of that one, as in --stats=5s"
                                     : "addresses go after --listen");
        return false;
    }
    if (options.uri_count == 0) {
        options.uris[options.uri_count++] = "tcp://:7";
        options.uris[options.uri_count++] = "udp://:7";
    }
    *ret_options = options;
    return true;
}

const char *echo_options_help(void)
{
    return help;
}
