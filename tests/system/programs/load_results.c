/* SPDX-License-Identifier: MIT
 *
 * load_results FOLDER: results of load as they might have been measured, each
 * as JSON (where there is jansson) and as a page, without any load. The same
 * each time. Links: program_parts
 *
 *   plain     a closed loop, no errors           compared.html  plain and slow
 *   slow      an open loop with errors           hostile.html   names and texts that would be markup
 *   single    one message                        mixed.html     plain and empty
 *   empty     nothing came back
 */
#include "load/page/page.h"
#include "load/result/json.h"
#include "whole_file.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PATH_ROOM 4096

struct random {
    uint64_t state;
};

static double next_random(struct random *random)
{
    random->state = random->state * 6364136223846793005u + 1442695040888963407u;
    return ((double)(random->state >> 11) + 0.5) / 9007199254740992.0;
}

/* Normally distributed, nearly: the sum of twelve. */
static double next_normal(struct random *random)
{
    double sum = -6;

    for (int i = 0; i < 12; i++)
        sum += next_random(random);
    return sum;
}

static void die(const char *what)
{
    fprintf(stderr, "load_results: %s\n", what);
    exit(1);
}

static struct load_result *make_result(enum load_mode mode)
{
    struct load_result *result = calloc(1, sizeof(*result));

    if (result == NULL)
        die("out of memory");
    result->settings = (struct load_settings){
        .uri = "tcp://127.0.0.1:7007",
        .engine = "epoll",
        .mode = mode,
        .connections = 64,
        .message_bytes = 64,
        .depth = mode == LOAD_MODE_OPEN ? 0 : 1,
        .duration_ns = 10 * COIR_SECOND,
        .warmup_ns = COIR_SECOND,
        .patience_ns = 5 * COIR_SECOND,
    };
    snprintf(result->version, sizeof(result->version), "0.1.0");
    snprintf(result->machine, sizeof(result->machine), "Linux 6.18.5 x86_64, 2 processors");
    result->began = 1795840283;
    result->processes = 1;
    result->server_cpu_ns = -1;
    result->point_ns = 100 * COIR_MILLISECOND;
    histogram_clear(&result->latency);
    return result;
}

static void add(struct load_result *result, coir_time at_ns, double latency_ns)
{
    int64_t latency = (int64_t)latency_ns;

    histogram_add(&result->latency, latency);
    load_result_note(result, at_ns, 1, 0, latency);
    result->messages++;
    result->bytes += result->settings.message_bytes;
}

static void finish(struct load_result *result, uint64_t opened)
{
    if (result->measured_ns == 0)
        result->measured_ns = 10 * COIR_SECOND;
    result->opened = opened;
    result->open_most = opened;
    result->load_cpu_ns = (coir_time)result->messages * 2750;
}

static struct load_result *make_plain(void)
{
    struct load_result *result = make_result(LOAD_MODE_CLOSED);
    struct random random = {1};

    for (int i = 0; i < 643200; i++) { /* an interval is half over when it ends */
        double tail = next_random(&random) < 0.004 ? 4 * next_random(&random) : 0;

        add(result, (coir_time)i * 15625, 62000 * exp(0.18 * next_normal(&random) + tail));
    }
    result->measured_ns = 10050 * COIR_MILLISECOND;
    result->server_cpu_ns = (coir_time)result->messages * 4120;
    finish(result, 64);
    return result;
}

static struct load_result *make_slow(void)
{
    struct load_result *result = make_result(LOAD_MODE_OPEN);
    struct random random = {2};

    result->settings.connections = 1000;
    result->settings.rate = 40000;
    for (int i = 0; i < 400000; i++) {
        coir_time at_ns = (coir_time)i * 25000;
        double stall = at_ns > 6 * COIR_SECOND && at_ns < 6500 * COIR_MILLISECOND ? 5e6 * next_random(&random) : 0;
        double middle = next_random(&random) < 0.3 ? 210000 : 95000;

        add(result, at_ns, stall + middle * exp(0.25 * next_normal(&random)));
    }
    for (coir_time at_ns = 6 * COIR_SECOND; at_ns < 6600 * COIR_MILLISECOND; at_ns += 50 * COIR_MILLISECOND)
        load_result_note(result, at_ns, 0, 3, 0);
    load_result_note(result, 2 * COIR_SECOND, 0, 1, 0);
    result->measured_ns = 10 * COIR_SECOND + 2 * COIR_MILLISECOND;
    add(result, result->measured_ns, 100000); /* of an interval that has hardly begun */
    result->errors[LOAD_ERROR_RESET] = 34;
    result->errors[LOAD_ERROR_CORRUPTED] = 3;
    finish(result, 1034);
    return result;
}

static struct load_result *make_hostile(void)
{
    struct load_result *result = make_result(LOAD_MODE_CHURN);

    snprintf(result->settings.uri, sizeof(result->settings.uri), "unix:///tmp/<script>alert(1)</script>&\"'\xff\x01");
    snprintf(result->settings.sources, sizeof(result->settings.sources), "]]><img src=\"http://example.org/x.png\"/>");
    snprintf(result->settings.engine, sizeof(result->settings.engine), "</td><b>&lt;");
    snprintf(result->version, sizeof(result->version), "<!--");
    snprintf(result->machine, sizeof(result->machine), "&amp;\xc3\xa4\xc3</style>");
    add(result, 0, 1000);
    finish(result, 1);
    return result;
}

static struct load_result *make_single(void)
{
    struct load_result *result = make_result(LOAD_MODE_IDLE);

    add(result, COIR_SECOND, 123456);
    finish(result, 64);
    return result;
}

static struct load_result *make_empty(void)
{
    struct load_result *result = make_result(LOAD_MODE_CLOSED);

    result->errors[LOAD_ERROR_REFUSED] = 64;
    load_result_note(result, 0, 0, 64, 0);
    finish(result, 0);
    return result;
}

static void write_page(const char *path, const struct load_result *result, const char *name,
                       const struct load_result *other, const char *other_name)
{
    struct whole_file file;

    if (whole_file_open(path, &file) < 0)
        die("cannot open a page");
    page_write(file.stream, result, name, other, other_name);
    if (whole_file_keep(&file) < 0)
        die("cannot write a page");
}

/* Both forms of a result; it is given back. */
static struct load_result *put(const char *folder, const char *name, struct load_result *result)
{
    char path[PATH_ROOM], reason[RESULT_JSON_REASON_SIZE];

    snprintf(path, sizeof(path), "%s/%s.html", folder, name);
    write_page(path, result, name, NULL, NULL);
    snprintf(path, sizeof(path), "%s/%s.json", folder, name);
    if (result_json_is_there() && !result_json_write(result, path, reason))
        die(reason);
    return result;
}

static void put_both(const char *folder, const char *page, const struct load_result *result, const char *name,
                     const struct load_result *other, const char *other_name)
{
    char path[PATH_ROOM];

    snprintf(path, sizeof(path), "%s/%s.html", folder, page);
    write_page(path, result, name, other, other_name);
}

int main(int count, char **arguments)
{
    const char *folder = count == 2 ? arguments[1] : NULL;
    struct load_result *plain, *slow, *empty, *hostile;

    if (folder == NULL)
        die("usage: load_results FOLDER");
    plain = put(folder, "plain", make_plain());
    slow = put(folder, "slow", make_slow());
    empty = put(folder, "empty", make_empty());
    hostile = put(folder, "hostile", make_hostile());
    free(put(folder, "single", make_single()));
    put_both(folder, "compared", plain, "plain.json", slow, "slow.json");
    put_both(folder, "mixed", plain, "plain.json", empty, "empty.json");
    put_both(folder, "hostile_names", hostile, "</title><script>1</script>.json", plain, "\"onload='x' \xfe.json");
    free(plain);
    free(slow);
    free(empty);
    free(hostile);
    return 0;
}
