/* SPDX-License-Identifier: MIT
 *
 * The command line of `coir load`: see options.h. Which options fit together is
 * judged once all of them are known, in check_...().
 */
#include "load/options.h"
#include "command.h"
#include "load/result_json.h"
#include "value.h"
#include <coir/datagram.h>
#include <coir/error.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static const char help[] = "Usage: coir load URI [OPTION]...\n"
                           "       coir load --merge FILE... | --compare OLD NEW\n"
                           "Sends messages to an echo server, and checks every byte that comes back.\n"
                           "URI: tcp://HOST:PORT udp://HOST:PORT unix:///PATH unix://@NAME unixgram:///PATH\n"
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
                           "  --patience TIME   an answer that takes longer is an error      (default: 5s)\n"
                           "  --json FILE       the result; also with --merge; '-': standard output\n"
                           "  --report FILE     the result as a page of HTML; also with --merge, --compare\n"
                           "  --engine NAME     auto, epoll or poll. Or: --quiet, --help, --version\n"
                           "Exit code: 0 every byte was right, 1 could not start or connections failed,\n"
                           "2 wrong usage, 3 interrupted, 4 wrong bytes. More: man coir-load\n";

#define CONNECTIONS_MAX 1000000
#define SIZE_LIMIT ((uint64_t)1 << 30)
#define DEPTH_MAX 65536
#define RATE_MAX 1000000000
#define UDP_SIZE_MAX 65507 /* what an IPv4 datagram takes */

enum option_code {
    OPTION_URI = 1, /* as getopt_long() gives an argument that is no option */
    OPTION_CONNECTIONS = 256,
    OPTION_SIZE,
    OPTION_DEPTH,
    OPTION_DURATION,
    OPTION_WARMUP,
    OPTION_RAMP,
    OPTION_RATE,
    OPTION_CHURN,
    OPTION_IDLE,
    OPTION_HALF_CLOSE,
    OPTION_SOURCES,
    OPTION_PATIENCE,
    OPTION_JSON,
    OPTION_REPORT,
    OPTION_ENGINE,
    OPTION_QUIET,
    OPTION_MERGE,
    OPTION_COMPARE,
    OPTION_HELP,
    OPTION_VERSION,
};

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

/** A command line that is being read. */
struct reading {
    struct load_options options;
    char **words;
    bool used[sizeof(known) / sizeof(known[0])]; /* by the option's place in `known` */
};

static const char *name_of(int code)
{
    const struct option *option = known;

    while (option->val != code)
        option++;
    return option->name;
}

static bool has(const struct reading *reading, int code)
{
    return reading->used[code - OPTION_CONNECTIONS];
}

static bool complain(const char *what)
{
    command_complain("load", "%s; try 'coir load --help'", what);
    return false;
}

/* Says what is wrong with the option's value, if anything is. */
static bool judge(int code, const char *value, const char *flaw)
{
    if (flaw != NULL)
        command_complain("load", "--%s '%s': %s", name_of(code), value, flaw);
    return flaw == NULL;
}

static bool take_time(int code, const char *value, bool may_be_zero, coir_time *ret_time)
{
    coir_time time = 0;
    const char *flaw = may_be_zero && strcmp(value, "0") == 0 ? NULL : value_read_duration(value, false, &time);

    if (flaw == NULL && time == 0 && !may_be_zero)
        flaw = "zero is too short";
    if (flaw == NULL && time > 24 * 3600 * COIR_SECOND)
        flaw = "longer than a day";
    if (!judge(code, value, flaw))
        return false;
    *ret_time = time;
    return true;
}

static bool take_count(int code, const char *value, uint64_t most, uint64_t *ret_count)
{
    uint64_t count;
    const char *flaw = value_read_count(value, most, &count);

    if (flaw == NULL && count == 0)
        flaw = "zero would do nothing";
    if (!judge(code, value, flaw))
        return false;
    *ret_count = count;
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
    if (!judge(code, value, flaw))
        return false;
    *ret_size = size;
    return true;
}

static bool take_rate(const char *value, double *ret_rate)
{
    uint64_t rate;

    if (!take_count(OPTION_RATE, value, RATE_MAX, &rate))
        return false;
    *ret_rate = (double)rate;
    return true;
}

static bool take_engine(struct load_options *options, const char *name)
{
    static const char *const names[] = {
        [COIR_ENGINE_AUTO] = "auto", [COIR_ENGINE_EPOLL] = "epoll", [COIR_ENGINE_POLL] = "poll"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(name, names[i]) != 0)
            continue;
        options->engine = (enum coir_engine)i;
        return true;
    }
    return judge(OPTION_ENGINE, name, "there are auto, epoll and poll");
}

static bool take_sources(struct load_options *options, const char *value)
{
    const char *flaw = sources_read(value, &options->sources);

    if (flaw == NULL && strlen(value) >= sizeof(options->settings.sources))
        flaw = "too long";
    if (!judge(OPTION_SOURCES, value, flaw))
        return false;
    memcpy(options->settings.sources, value, strlen(value) + 1);
    return true;
}

/* An option's own value. */
static bool take_value(struct load_options *options, int code, const char *value)
{
    struct load_settings *settings = &options->settings;

    switch (code) {
    case OPTION_CONNECTIONS:
        return take_count(code, value, CONNECTIONS_MAX, &settings->connections);
    case OPTION_SIZE:
        return take_size(code, value, &settings->message_bytes);
    case OPTION_DEPTH:
        return take_count(code, value, DEPTH_MAX, &settings->depth);
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
        options->json = value;
        return true;
    case OPTION_REPORT:
        options->report = value;
        return true;
    default:
        return take_engine(options, value);
    }
}

static bool take_mode(struct load_options *options, enum load_mode mode)
{
    if (options->settings.mode != LOAD_MODE_CLOSED && options->settings.mode != mode)
        return complain("--churn and --idle exclude each other");
    options->settings.mode = mode;
    return true;
}

static bool take_request(struct load_options *options, enum load_request request)
{
    if (options->request != LOAD_RUN && options->request != request)
        return complain("--merge and --compare exclude each other");
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

/* What getopt_long() itself found wrong with the argument `word`. */
static bool refuse(int code, const char *word)
{
    if (code == ':')
        command_complain("load", "option '%s' wants a value; try 'coir load --help'", word);
    else
        command_complain("load",
                         optopt >= OPTION_CONNECTIONS ? "option '%s': it takes no value"
                                                      : "unknown option '%s'; try 'coir load --help'",
                         word);
    return false;
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
        options->request = LOAD_HELP;
        return true;
    case OPTION_VERSION:
        options->request = LOAD_VERSION;
        return true;
    default:
        return take_value(options, code, optarg);
    }
}

/* One option, as getopt_long() gives it for the argument `word`. */
static bool take_option(struct reading *reading, int code, const char *word)
{
    if (code == ':' || code == '?')
        return refuse(code, word);
    reading->used[code - OPTION_CONNECTIONS] = true;
    return take_word(reading, code);
}

/* A file that is merged twice would count twice. */
static bool check_repetition(const struct load_options *options)
{
    for (size_t i = 1; i < options->file_count; i++)
        for (size_t j = 0; j < i; j++)
            if (strcmp(options->files[i], options->files[j]) == 0) {
                command_complain("load", "'%s' is named twice", options->files[i]);
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
            command_complain("load", "--%s goes with a run; --merge and --compare read results", name_of(code));
            return false;
        }
    if (options->settings.uri[0] != '\0') {
        command_complain("load", "'%s' goes behind --merge or --compare", options->settings.uri);
        return false;
    }
    if (!check_repetition(options))
        return false;
    if (options->request == LOAD_MERGE && options->file_count == 0)
        return complain("--merge wants files of --json");
    if (options->request == LOAD_COMPARE && options->file_count != 2)
        return complain("--compare wants two files of --json");
    if (options->request == LOAD_COMPARE && options->report == NULL)
        return complain("--compare writes a page: add --report FILE");
    if (options->request == LOAD_COMPARE && options->json != NULL)
        return complain("--compare has no JSON of its own; --merge has");
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
        return complain("--churn, --idle and --half-close go with connections, and datagrams have none");
    if (settings->message_bytes > UDP_SIZE_MAX)
        return complain("a datagram has at most 65507 bytes: give a smaller --size");
    return true;
}

static bool check_mode(const struct reading *reading)
{
    const struct load_settings *settings = &reading->options.settings;

    if (settings->mode == LOAD_MODE_IDLE && (has(reading, OPTION_RATE) || has(reading, OPTION_DEPTH)))
        return complain("--idle sends nothing meanwhile: it goes with neither --rate nor --depth");
    if (settings->mode == LOAD_MODE_IDLE && settings->half_close)
        return complain("--idle holds connections open: it does not go with --half-close");
    if (has(reading, OPTION_RATE) && has(reading, OPTION_DEPTH) && settings->mode == LOAD_MODE_CLOSED)
        return complain(
            "with --rate messages are sent when they are due, however many are under way: leave --depth out");
    if (strncmp(settings->uri, "unix", 4) == 0 && has(reading, OPTION_SOURCES))
        return complain("Unix sockets have no source addresses: leave --sources out");
    if (has(reading, OPTION_SOURCES) &&
        (reading->options.sources.family == AF_INET6) != (strstr(settings->uri, "://[") != NULL))
        return complain("the server's address and those of --sources are not of the same family");
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

static bool check(struct reading *reading)
{
    struct load_options *options = &reading->options;

    if (options->json != NULL && options->report != NULL && strcmp(options->json, options->report) == 0) {
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
        return complain("no address given, as in tcp://127.0.0.1:7007");
    if (!check_uri(options->settings.uri) || !check_mode(reading))
        return false;
    settle(reading);
    return true;
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
    if (!fits || (!is_answered(&reading.options) && !check(&reading)))
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
