/* SPDX-License-Identifier: MIT
 *
 * bench/echo: what the runtime adds to an echo server. The same load runs
 * against a plain epoll state machine and against straight-line coir sessions,
 * in pairs; ratios, exact counts and the targets they meet or miss are printed.
 *
 * Exit code: 0 every target met, 1 one missed, 2 a run failed or was misused.
 */
#include "compare.h"
#include "exact.h"
#include "process.h"
#include "server.h"
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define CELLS_MAX 32
#define DEFAULT_CELLS "64x64,1024x1000"
#define MATRIX_CELLS "64x64,64x1000,64x10000,1024x64,1024x1000,1024x10000,16384x64,16384x1000,16384x10000,1024x64x16"

static const char *const help =
    "usage: echo [option]...\n"
    "  --matrix             all cells that have a target, raw rows written (half an hour)\n"
    "  --cells LIST         cells as BYTESxSESSIONS[xDEPTH],... (default " DEFAULT_CELLS ")\n"
    "  --engine NAME        auto, epoll (default) or poll\n"
    "  --null               the baseline against itself: what the method cannot tell apart\n"
    "  --pairs MIN-MAX      runs of each side (default 15-100); stops when the interval is narrow\n"
    "  --window SECONDS     measured per run (default 0.4)\n"
    "  --warm-up SECONDS    before it (default 0.2)\n"
    "  --rows FILE          where raw rows go (default with --matrix: bench/results/echo-DATE.csv)\n"
    "  --instructions       instead: user instructions per message, under Valgrind\n"
    "  --calls              instead: system calls per message as strace counts them\n"
    "  --serve NAME         be a server: baseline, auto, epoll, poll; then letters on standard input:\n"
    "                       c counts, q leaves\n";

enum mode {
    MODE_TIME,
    MODE_INSTRUCTIONS,
    MODE_CALLS,
};

struct settings {
    enum mode mode;
    bool matrix;
    const char *cell_list;
    const char *rows_path;
    struct compare_plan plan;
    struct cell cells[CELLS_MAX];
    int cell_count;
};

static int parse_cell(const char *text, struct cell *ret_cell)
{
    struct cell cell = {.depth = 1};
    int size;
    int fields = sscanf(text, "%dx%dx%d", &size, &cell.sessions, &cell.depth);

    if (fields < 2 || size < 1 || size > 1048576 || cell.sessions < 1 || cell.sessions > 19000 || cell.depth < 1)
        return -1;
    cell.message_size = (size_t)size;
    *ret_cell = cell;
    return 0;
}

static int parse_cells(struct settings *settings)
{
    char list[512];
    char *rest = list;
    char *text;

    snprintf(list, sizeof list, "%s", settings->cell_list);
    while ((text = strsep(&rest, ",")) != NULL) {
        if (settings->cell_count == CELLS_MAX || parse_cell(text, &settings->cells[settings->cell_count++]) < 0) {
            fprintf(stderr, "echo: \"%s\" is not a cell: BYTESxSESSIONS or BYTESxSESSIONSxDEPTH\n", text);
            return -1;
        }
    }
    return 0;
}

static int parse_pairs(struct compare_plan *plan, const char *text)
{
    if (sscanf(text, "%d-%d", &plan->pairs_min, &plan->pairs_max) == 2 && plan->pairs_min >= 1 &&
        plan->pairs_min <= plan->pairs_max && plan->pairs_max <= COMPARE_PAIRS_MAX)
        return 0;
    fprintf(stderr, "echo: \"%s\" is not a range of pairs within 1-%d\n", text, COMPARE_PAIRS_MAX);
    return -1;
}

static int parse_seconds(const char *text, int64_t *ret_ns)
{
    double seconds = atof(text);
    if (seconds > 0 && seconds < 3600) {
        *ret_ns = (int64_t)(seconds * 1e9);
        return 0;
    }
    fprintf(stderr, "echo: \"%s\" is not a number of seconds\n", text);
    return -1;
}

static int apply_option(struct settings *settings, int option)
{
    switch (option) {
    case 'm':
        settings->matrix = true;
        settings->cell_list = MATRIX_CELLS;
        return 0;
    case 'c':
        settings->cell_list = optarg;
        return 0;
    case 'e':
        settings->plan.server = optarg;
        return 0;
    case 'n':
        settings->plan.server = "baseline";
        return 0;
    case 'p':
        return parse_pairs(&settings->plan, optarg);
    case 'w':
        return parse_seconds(optarg, &settings->plan.timing.window_ns);
    case 'u':
        return parse_seconds(optarg, &settings->plan.timing.warm_up_ns);
    case 'r':
        settings->rows_path = optarg;
        return 0;
    case 'i':
        settings->mode = MODE_INSTRUCTIONS;
        return 0;
    case 's':
        settings->mode = MODE_CALLS;
        return 0;
    case 'h':
        fputs(help, stdout);
        exit(0);
    default:
        return -1;
    }
}

static int parse_options(struct settings *settings, int argc, char **argv)
{
    static const struct option options[] = {
        {"matrix", no_argument, NULL, 'm'},        {"cells", required_argument, NULL, 'c'},
        {"engine", required_argument, NULL, 'e'},  {"null", no_argument, NULL, 'n'},
        {"pairs", required_argument, NULL, 'p'},   {"window", required_argument, NULL, 'w'},
        {"warm-up", required_argument, NULL, 'u'}, {"rows", required_argument, NULL, 'r'},
        {"instructions", no_argument, NULL, 'i'},  {"calls", no_argument, NULL, 's'},
        {"help", no_argument, NULL, 'h'},          {NULL, 0, NULL, 0},
    };
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
        if (apply_option(settings, option) < 0)
            return -1;
    if (optind < argc) {
        fprintf(stderr, "echo: \"%s\": no such argument; see --help\n", argv[optind]);
        return -1;
    }
    return parse_cells(settings);
}

static int open_rows(struct settings *settings)
{
    static char dated[64]; /* settings keep it */
    time_t now = time(NULL);

    if (settings->rows_path == NULL && !settings->matrix)
        return 0;
    if (settings->rows_path == NULL) {
        strftime(dated, sizeof dated, "bench/results/echo-%Y-%m-%d.csv", localtime(&now));
        settings->rows_path = dated;
    }
    settings->plan.rows = fopen(settings->rows_path, "we");
    if (settings->plan.rows == NULL) {
        fprintf(stderr, "echo: %s: %s; choose another place with --rows\n", settings->rows_path, strerror(errno));
        return -1;
    }
    compare_print_columns(settings->plan.rows);
    return 0;
}

/* Returns targets missed, or -1. */
static int compare_cell(const struct settings *settings, const struct cell *cell)
{
    static struct comparison comparison;

    if (settings->mode == MODE_INSTRUCTIONS)
        return exact_report_instructions(settings->plan.server, cell);
    if (settings->mode == MODE_CALLS)
        return exact_report_calls(settings->plan.server, cell);
    if (compare_servers(&settings->plan, cell, &comparison) < 0)
        return -1;
    return compare_report(&comparison);
}

static int compare_all(const struct settings *settings)
{
    int all_missed = 0;
    int failed = 0;

    for (int i = 0; i < settings->cell_count; i++) {
        int missed = compare_cell(settings, &settings->cells[i]);
        if (missed < 0)
            failed++;
        else
            all_missed += missed;
    }
    printf("echo: %d targets missed, %d cells failed\n", all_missed, failed);
    return failed > 0 ? 2 : all_missed > 0;
}

int main(int argc, char **argv)
{
    struct settings settings = {
        .cell_list = DEFAULT_CELLS,
        .plan = {.server = "epoll",
                 .timing = {.warm_up_ns = 200000000, .window_ns = 400000000},
                 .pairs_min = 15,
                 .pairs_max = 100},
    };

    if (server_wanted(argc, argv))
        return server_main(argv);
    if (parse_options(&settings, argc, argv) < 0 || (settings.mode == MODE_TIME && open_rows(&settings) < 0))
        return 2;
    (void)signal(SIGPIPE, SIG_IGN); /* a server that died is told by its answers */
    process_pin(PROCESS_LOAD_CPU);
    printf("echo: %s against baseline; ratios are medians of pairs with their 95 %% intervals\n", settings.plan.server);
    return compare_all(&settings);
}
