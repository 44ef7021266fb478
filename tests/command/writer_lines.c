/* SPDX-License-Identifier: MIT
 *
 * The writer where all is well: files, lines of every length, several threads,
 * rotation, terminals, signals.
 */
#include "output.h"
#include <pthread.h>
#include <signal.h>

static bool put(const struct output *output, const char *line)
{
    return writer_put(output->writer, line, strlen(line));
}

TEST(lines_are_appended_in_order)
{
    struct output output = output_to_file();
    struct writer_info info;

    put(&output, "one");
    output_await_written(&output, 1);
    put(&output, "");
    put(&output, "three");
    output_await_written(&output, 3);
    writer_info(output.writer, &info);
    assert_int_equal(info.written, 3);
    assert_int_equal(info.dropped + info.waiting + info.errors, 0);
    assert_int_equal(output_close(&output), 0);
    assert_string_equal(output.text, "one\n\nthree\n");
    output_open(&output, NULL);
    put(&output, "four");
    output.size = 0;
    assert_int_equal(output_close(&output), 0);
    assert_string_equal(output.text, "one\n\nthree\nfour\n");
    output_done(&output);
}

TEST(a_long_line_is_cut)
{
    struct output output = output_to_file();
    char line[WRITER_LINE_MAX + 2];

    memset(line, 'x', sizeof(line));
    assert_true(writer_put(output.writer, line, WRITER_LINE_MAX));
    assert_true(writer_put(output.writer, line, WRITER_LINE_MAX + 1));
    assert_true(writer_put(output.writer, line, sizeof(line)));
    assert_int_equal(output_close(&output), 0);
    assert_int_equal(strlen(output_line(&output, 0)), WRITER_LINE_MAX);
    assert_null(strchr(output_line(&output, 0), '.'));
    for (size_t i = 1; i <= 2; i++) {
        assert_int_equal(strlen(output_line(&output, i)), WRITER_LINE_MAX);
        assert_string_equal(output_line(&output, i) + WRITER_LINE_MAX - 4, "x...");
    }
    output_done(&output);
}

/* Line `number`: its length and its bytes follow from that. */
static size_t make_line(uint64_t number, char *line)
{
    struct test_random random;
    size_t size;

    test_random_seed(&random, number);
    size = test_random_below(&random, test_random_below(&random, 10) == 0 ? WRITER_LINE_MAX : 100);
    for (size_t i = 0; i < size; i++)
        line[i] = (char)('a' + test_random_below(&random, 26));
    return size;
}

/* Puts it until there is room. */
static void insist(struct writer *writer, const char *line, size_t size)
{
    while (!writer_put(writer, line, size))
        output_pause();
}

TEST(a_small_ring_goes_round_and_round)
{
    const struct writer_options small = {.ring_bytes = 8192};
    struct output output = output_prepare();
    char line[WRITER_LINE_MAX];
    const char *at, *end;
    uint64_t number = 0;

    output_open(&output, &small);
    for (uint64_t i = 0; i < 3000; i++)
        insist(output.writer, line, make_line(i, line));
    assert_int_equal(output_close(&output), 0);
    for (at = output.text; (end = strchr(at, '\n')) != NULL; at = end + 1) {
        size_t size = make_line(number, line);

        if (output_report(at) > 0)
            continue;
        assert_int_equal(end - at, size);
        assert_memory_equal(at, line, size);
        number++;
    }
    assert_int_equal(number, 3000);
    output_done(&output);
}

#define THREADS 4
#define LINES_EACH 2000

struct teller {
    struct writer *writer;
    int number;
};

static void *tell(void *arg)
{
    const struct teller *teller = arg;
    char line[32];
    struct writer_info info;

    for (int i = 0; i < LINES_EACH; i++) {
        size_t size = (size_t)snprintf(line, sizeof(line), "%d %d", teller->number, i);

        insist(teller->writer, line, size);
        if (i % 100 == 0) {
            writer_info(teller->writer, &info);
            writer_reopen(teller->writer);
            writer_width(teller->writer);
        }
    }
    return NULL;
}

TEST(several_threads_may_give_lines)
{
    struct output output = output_to_file();
    struct teller tellers[THREADS];
    pthread_t threads[THREADS];
    int next[THREADS] = {0};
    const char *at;
    int teller, line;

    for (int i = 0; i < THREADS; i++) {
        tellers[i] = (struct teller){output.writer, i};
        assert_int_equal(pthread_create(&threads[i], NULL, tell, &tellers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(output_close(&output), 0);
    for (at = output.text; *at != '\0'; at = strchr(at, '\n') + 1) {
        if (output_report(at) > 0)
            continue;
        assert_int_equal(sscanf(at, "%d %d\n", &teller, &line), 2);
        assert_int_equal(line, next[teller]++);
    }
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(next[i], LINES_EACH);
    output_done(&output);
}

/* Waits until it was tried to open the file anew. */
static void expect_reopened(const struct output *output, int error)
{
    struct writer_info info;

    for (writer_info(output->writer, &info); info.reopening; writer_info(output->writer, &info))
        output_pause();
    assert_int_equal(info.reopen_error, error);
}

TEST(a_rotated_file_is_opened_anew)
{
    struct output output = output_to_file();
    char old[64];

    snprintf(old, sizeof(old), "%s/old", output.folder);
    put(&output, "one");
    output_await_written(&output, 1);
    assert_int_equal(rename(output.path, old), 0);
    put(&output, "two");
    output_await_written(&output, 2);
    writer_reopen(output.writer);
    expect_reopened(&output, 0);
    put(&output, "three");
    assert_int_equal(output_close(&output), 0);
    assert_string_equal(output.text, "three\n");
    output_read_file(&output, old);
    assert_string_equal(output.text, "three\none\ntwo\n");
    output_done(&output);
}

TEST(a_file_that_cannot_be_opened_anew_goes_on)
{
    struct output output = output_to_file();
    char old[64];

    snprintf(old, sizeof(old), "%s/old", output.folder);
    put(&output, "one");
    output_await_written(&output, 1);
    assert_int_equal(rename(output.path, old), 0);
    assert_int_equal(mkdir(output.path, 0700), 0);
    writer_reopen(output.writer);
    expect_reopened(&output, -EISDIR);
    put(&output, "two");
    output_await_written(&output, 2);
    assert_int_equal(rmdir(output.path), 0);
    assert_int_equal(rename(old, output.path), 0);
    writer_reopen(output.writer);
    expect_reopened(&output, 0);
    assert_int_equal(output_close(&output), 0);
    assert_string_equal(output.text, "one\ntwo\n");
    output_done(&output);
}

TEST(a_terminal_keeps_the_status_below_the_lines)
{
    struct output output = output_to_terminal();

    put(&output, "a");
    output_await(&output, "a\r\n");
    writer_show(output.writer, "10 %", 4);
    output_await(&output, "a\r\n10 %");
    put(&output, "b");
    output_await(&output, "10 %\r\033[Kb\r\n10 %");
    writer_show(output.writer, "20 %", 4);
    output_await(&output, "10 %\r\033[K20 %");
    writer_show(output.writer, "", 0);
    output_await(&output, "20 %\r\033[K");
    put(&output, "c");
    output_await(&output, "20 %\r\033[Kc\r\n");
    writer_show(output.writer, "30 %", 4);
    put(&output, "d");
    assert_int_equal(output_close(&output), 0);
    output_await(&output, "30 %\r\n"); /* the last one stays */
    output_done(&output);
}

TEST(a_file_has_no_status_and_no_width)
{
    struct output output = output_to_file();

    assert_false(writer_is_terminal(output.writer));
    assert_int_equal(writer_width(output.writer), 0);
    writer_show(output.writer, "10 %", 4);
    put(&output, "a");
    assert_int_equal(output_close(&output), 0);
    assert_string_equal(output.text, "a\n");
    output_done(&output);
}

/* Were it not blocked there, the process would die. */
TEST(signals_never_reach_the_thread)
{
    const struct timespec no_time = {0};
    struct output output = output_to_file();
    sigset_t signals, before;

    sigemptyset(&signals);
    sigaddset(&signals, SIGUSR1);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, &before);
    kill(getpid(), SIGUSR1);
    kill(getpid(), SIGTERM);
    for (int i = 0; i < 10; i++) {
        put(&output, "line");
        output_pause();
    }
    assert_true(sigtimedwait(&signals, NULL, &no_time) > 0);
    assert_true(sigtimedwait(&signals, NULL, &no_time) > 0);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    assert_int_equal(output_close(&output), 0);
    output_done(&output);
}

static void expect_no_open(const char *path, const struct writer_options *options, int error)
{
    struct writer *writer = NULL;

    assert_int_equal(writer_open(path, options, &writer), error);
    assert_null(writer);
}

TEST(what_cannot_be_opened_leaves_nothing_behind)
{
    const struct writer_options tiny = {.ring_bytes = 8191};
    struct output output = output_prepare();
    int before = output_next_descriptor();
    int stderr_copy;

    expect_no_open("/", NULL, -EISDIR);
    expect_no_open("/nowhere/log", NULL, -ENOENT);
    expect_no_open("", NULL, -ENOENT);
    expect_no_open(output.path, &tiny, -EINVAL);
    assert_int_equal(mkfifo(output.path, 0600), 0);
    expect_no_open(output.path, NULL, -ENXIO);
    stderr_copy = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 100);
    close(STDERR_FILENO);
    expect_no_open("-", NULL, -EBADF);
    dup2(stderr_copy, STDERR_FILENO);
    close(stderr_copy);
    assert_int_equal(writer_close(NULL, 0), 0);
    assert_int_equal(output_next_descriptor(), before);
    output_done(&output);
}

TEST(a_writer_leaves_no_descriptor_behind)
{
    int before = output_next_descriptor();
    struct output output = output_to_file();

    put(&output, "a");
    writer_reopen(output.writer);
    writer_reopen(output.writer);
    assert_int_equal(output_close(&output), 0);
    assert_int_equal(output_next_descriptor(), before);
    output_done(&output);
}
