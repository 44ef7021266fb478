/* SPDX-License-Identifier: MIT
 *
 * The command line of `coir load`: see options.h. Which options fit together is
 * judged once all of them are known, in options_check.c.
 */
#include "load/options.h"
#include "command.h"
#include "load/options_reading.h"
#include "value.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static const char help[] = "Usage: coir load URI [OPTION]...\n"
                           "       coir load --merge FILE... | --compare OLD NEW --report FILE\n"
                           "Sends messages to an echo server, and checks every byte that comes back.\n"
                           "URI: tcp://HOST:PORT udp://HOST:PORT unix:///PATH unix://@NAME, or unixgram://\n"
                           "\n"
                           "  --connections N   at a time                                    (default: 64)\n"
                           "  --size SIZE       of a message                                 (default: 64)\n"
                           "  --depth N         messages under way on each connection         (default: 1)\n"
                           "  --duration TIME   of what is measured                         (default: 10s)\n"
                           "  --warmup TIME     before that                                  (default: 1s)\n"
                           "  --ramp TIME       open the connections over so long\n"
                           "  --rate N          messages a second in all, on a schedule; latency counts from\n"
                           "                    when each was due, so that a stalled server shows\n"
                           "  --churn           connect, one echo, close, again and again\n"
                           "  --idle            hold the connections open; an echo before and after\n"
                           "  --half-close      finish our half first, the server owes the rest\n"
                           "  --sources A-B     connect from these addresses in turn\n"
                           "  --patience TIME   for an answer; longer is an error (default: 5s, UDP 1s)\n"
                           "  --json FILE       the result; also with --merge; '-': standard output\n"
                           "  --report FILE     the result as a page of HTML; also with --merge, --compare\n"
                           "  --engine NAME     auto, epoll or poll. Or: --quiet, --help, --version\n"
                           "Exit code: 0 every byte was right, 1 could not start or connections failed,\n"
                           "2 wrong usage, 3 interrupted, 4 wrong bytes. More: man coir-load\n";

#define CONNECTIONS_MAX 1000000
#define SIZE_LIMIT ((uint64_t)1 << 30)
#define DEPTH_MAX 65536
#define RATE_MAX 1000000000

static const struct option known[] = {
    {"connections", required_argument, NULL, OPTION_CONNECTIONS},
    {"size", required_argument, NULL, OPTION_SIZE},
    {"depth", required_argument, NULL, OPTION_DEPTH},
    {"duration", required_argument, NULL, OPTION_DURATION},
    {"warmup", required_argument, NULL, OPTION_WARMUP},
    {"ramp", required_argument, NULL, OPTION_RAMP},
    {"rate", required_argument, NULL, OPTION_RATE},
    {"churn", no_argument, NULL, OPTION_CHURN},
    {"idle", no_argument, NULL, OPTION_IDLE},
    {"half-close", no_argument, NULL, OPTION_HALF_CLOSE},
    {"sources", required_argument, NULL, OPTION_SOURCES},
    {"patience", required_argument, NULL, OPTION_PATIENCE},
    {"json", required_argument, NULL, OPTION_JSON},
    {"report", required_argument, NULL, OPTION_REPORT},
    {"engine", required_argument, NULL, OPTION_ENGINE},
    {"quiet", no_argument, NULL, OPTION_QUIET},
    {"merge", no_argument, NULL, OPTION_MERGE},
    {"compare", no_argument, NULL, OPTION_COMPARE},
    {"help", no_argument, NULL, OPTION_HELP},
    {"version", no_argument, NULL, OPTION_VERSION},
    {NULL, 0, NULL, 0},
};

const struct option_table options_table = {"load", known};

static bool take_time(int code, const char *value, bool may_be_zero, coir_time *ret_time)
{
    coir_time time = 0;
    const char *flaw = strcmp(value, "0") == 0 ? NULL : value_read_duration(value, false, &time);

    if (flaw == NULL && time == 0 && !may_be_zero)
        flaw = "zero is too short";
    if (flaw == NULL && time > 24 * 3600 * COIR_SECOND)
        flaw = "longer than a day";
    if (!option_judge(&options_table, code, value, flaw))
        return false;
    *ret_time = time;
    return true;
}

static bool take_size(int code, const char *value, uint64_t *ret_size)
{
    uint64_t size;
    const char *flaw = value_read_size(value, &size);

    if (flaw == NULL && size == 0)
        flaw = "a message has at least one byte";
    if (flaw == NULL && size > SIZE_LIMIT)
        flaw = "more than 1G";
    if (!option_judge(&options_table, code, value, flaw))
        return false;
    *ret_size = size;
    return true;
}

static bool take_rate(const char *value, double *ret_rate)
{
    uint64_t rate;

    if (!option_take_count(&options_table, OPTION_RATE, value, RATE_MAX, &rate))
        return false;
    *ret_rate = (double)rate;
    return true;
}

static bool take_sources(struct load_options *options, const char *value)
{
    const char *flaw = sources_read(value, &options->sources);

    if (flaw == NULL && strlen(value) >= sizeof(options->settings.sources))
        flaw = "too long";
    if (!option_judge(&options_table, OPTION_SOURCES, value, flaw))
        return false;
    memcpy(options->settings.sources, value, strlen(value) + 1);
    return true;
}

static bool take_path(int code, const char *value, const char **ret_path)
{
    if (!option_judge(&options_table, code, value, value[0] == '\0' ? "it names no file" : NULL))
        return false;
    *ret_path = value;
    return true;
}

/* An option's own value. */
static bool take_value(struct load_options *options, int code, const char *value)
{
    struct load_settings *settings = &options->settings;

    switch (code) {
    case OPTION_CONNECTIONS:
        return option_take_count(&options_table, code, value, CONNECTIONS_MAX, &settings->connections);
    case OPTION_SIZE:
        return take_size(code, value, &settings->message_bytes);
    case OPTION_DEPTH:
        return option_take_count(&options_table, code, value, DEPTH_MAX, &settings->depth);
    case OPTION_DURATION:
        return take_time(code, value, false, &settings->duration_ns);
    case OPTION_WARMUP:
        return take_time(code, value, true, &settings->warmup_ns);
    case OPTION_RAMP:
        return take_time(code, value, true, &settings->ramp_ns);
    case OPTION_PATIENCE:
        return take_time(code, value, false, &settings->patience_ns);
    case OPTION_RATE:
        return take_rate(value, &settings->rate);
    case OPTION_SOURCES:
        return take_sources(options, value);
    case OPTION_JSON:
        return take_path(code, value, &options->json);
    case OPTION_REPORT:
        return take_path(code, value, &options->report);
    default:
        return option_take_engine(&options_table, code, value, &options->engine);
    }
}

static bool take_mode(struct load_options *options, enum load_mode mode)
{
    if (options->settings.mode != LOAD_MODE_CLOSED && options->settings.mode != mode)
        return options_complain("--churn and --idle exclude each other");
    options->settings.mode = mode;
    return true;
}

static bool take_request(struct load_options *options, enum load_request request)
{
    if (options->request != LOAD_RUN && options->request != request)
        return options_complain("--merge and --compare exclude each other");
    options->request = request;
    return true;
}

static bool take_uri(struct reading *reading, const char *uri)
{
    struct load_settings *settings = &reading->options.settings;

    if (settings->uri[0] != '\0') {
        command_complain("load", "'%s' is one address too many: one load, one server", uri);
        return false;
    }
    if (strlen(uri) >= sizeof(settings->uri) || uri[0] == '\0') {
        command_complain("load", "'%s' is no address", uri);
        return false;
    }
    memcpy(settings->uri, uri, strlen(uri) + 1);
    return true;
}

/* An option that takes no value, or the URI. */
static bool take_word(struct reading *reading, int code)
{
    struct load_options *options = &reading->options;

    switch (code) {
    case OPTION_CHURN:
        return take_mode(options, LOAD_MODE_CHURN);
    case OPTION_IDLE:
        return take_mode(options, LOAD_MODE_IDLE);
    case OPTION_HALF_CLOSE:
        options->settings.half_close = true;
        return true;
    case OPTION_QUIET:
        options->quiet = true;
        return true;
    case OPTION_MERGE:
        return take_request(options, LOAD_MERGE);
    case OPTION_COMPARE:
        return take_request(options, LOAD_COMPARE);
    case OPTION_HELP:
    case OPTION_VERSION:
        options->request = code == OPTION_HELP ? LOAD_HELP : LOAD_VERSION;
        return true;
    default:
        return take_value(options, code, optarg);
    }
}

/* One option, as getopt_long() gives it for the argument `word`. */
static bool take_option(struct reading *reading, int code, const char *word)
{
    if (code == ':' || code == '?')
        return option_refuse(&options_table, code, word);
    reading->used[code - OPTION_CONNECTIONS] = true;
    return take_word(reading, code);
}

static bool is_answered(const struct load_options *options)
{
    return options->request == LOAD_HELP || options->request == LOAD_VERSION;
}

/* What follows --merge or --compare is files, between the options, too. */
static bool take_argument(struct reading *reading, char *word)
{
    if (reading->options.request == LOAD_RUN)
        return take_uri(reading, word);
    reading->options.files[reading->options.file_count++] = word;
    return true;
}

bool load_options_read(int count, char **arguments, struct load_options *ret_options)
{
    struct reading reading = {.options = {.request = LOAD_RUN,
                                          .files = arguments, /* there is room where words have been read */
                                          .settings = {.mode = LOAD_MODE_CLOSED,
                                                       .connections = 64,
                                                       .message_bytes = 64,
                                                       .depth = 1,
                                                       .duration_ns = 10 * COIR_SECOND,
                                                       .warmup_ns = COIR_SECOND,
                                                       .patience_ns = 5 * COIR_SECOND}}};
    const char *word = arguments[optind];
    bool fits = true;
    int code;

    opterr = 0;
    /* Stops at the first request: `--help` is heard whatever follows. */
    while (fits && !is_answered(&reading.options) && (code = getopt_long(count, arguments, "-:", known, NULL)) != -1) {
        if (code == OPTION_URI)
            fits = take_argument(&reading, optarg);
        else
            fits = take_option(&reading, code, word);
        word = arguments[optind];
    }
    for (; fits && !is_answered(&reading.options) && optind < count; optind++) /* behind "--" */
        fits = take_argument(&reading, arguments[optind]);
    if (!fits || (!is_answered(&reading.options) && !options_check(&reading)))
        return false;
    *ret_options = reading.options;
    return true;
}

bool load_options_is_datagram(const char *uri)
{
    return strncmp(uri, "udp://", 6) == 0 || strncmp(uri, "unixgram://", 11) == 0;
}

const char *load_options_help(void)
{
    return help;
}
