/* SPDX-License-Identifier: MIT
 *
 * main() of every test program, and the helpers of test.h. Uses the C library
 * alone, so that a planned fault (faults.h) never hits the test's own works.
 */
#include "support/test.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CASES_MAX 512
#define EXIT_SKIPPED 77

static struct test_case *first_case;
static struct test_case **end_of_cases = &first_case;
static const char *running_case = "none"; /* read by the alarm's handler */
static unsigned limit_seconds = 55;       /* a little before ctest loses patience, so that we can say who hung */
static unsigned skipped_count;
static char last_words[8192];

void test_register(struct test_case *test)
{
    *end_of_cases = test;
    end_of_cases = &test->next;
}

void test_set_limit(unsigned seconds)
{
    limit_seconds = seconds;
}

static bool is_watched_by(const char *tool)
{
    const char *watcher = getenv("COIR_WATCHED");

    return watcher != NULL && strcmp(watcher, tool) == 0;
}

bool test_is_under_valgrind(void)
{
    return is_watched_by("valgrind");
}

int test_scaled(int count)
{
    return is_watched_by("valgrind") || is_watched_by("sanitizer") ? count / 10 : count;
}

/* A sanitizer has given itself one before, and that is its own. */
void test_free_handler_stack(void)
{
    const stack_t none = {.ss_flags = SS_DISABLE};
    stack_t kept;

    if (!TEST_ASAN && !TEST_TSAN && sigaltstack(&none, &kept) == 0 && !(kept.ss_flags & SS_DISABLE))
        free(kept.ss_sp);
}

void test_skip(const char *reason, const char *file, int line)
{
    print_message("skipped: %s\n", reason);
    skipped_count++;
    _skip(file, line);
}

bool test_is_emulated(void)
{
    return is_watched_by("emulator");
}

static void print_late(int signal)
{
    static const char late[] = "test: out of time: ";

    (void)signal;
    if (write(STDERR_FILENO, late, sizeof(late) - 1) < 0 ||
        write(STDERR_FILENO, running_case, strlen(running_case)) < 0 || write(STDERR_FILENO, "\n", 1) < 0)
        _exit(2);
    abort(); /* with a core: it shows where it hangs */
}

static unsigned timeout_seconds(void)
{
    const char *factor = getenv("COIR_TEST_TIMEOUT");
    long times = factor != NULL ? strtol(factor, NULL, 10) : 1;

    return (unsigned)(times > 0 ? times : 1) * limit_seconds;
}

/* cmocka's set-up of each case; hands over the case as the initial state. */
static int start_clock(void **state)
{
    const struct test_case *test = *state;

    running_case = test->name;
    alarm(timeout_seconds());
    return 0;
}

static void list_cases(void)
{
    for (const struct test_case *test = first_case; test != NULL; test = test->next)
        printf("%s\n", test->name);
}

static struct test_case *find_case(const char *name)
{
    struct test_case *test = first_case;

    while (test != NULL && strcmp(test->name, name) != 0)
        test = test->next;
    return test;
}

static void add_case(struct CMUnitTest *tests, size_t *count, struct test_case *test)
{
    if (*count == CASES_MAX) {
        fprintf(stderr, "test: more than %d cases\n", CASES_MAX);
        exit(2);
    }
    tests[(*count)++] = (struct CMUnitTest){test->name, test->body, start_clock, NULL, test};
}

int main(int argc, char **argv)
{
    struct CMUnitTest tests[CASES_MAX];
    size_t count = 0;

    if (argc == 2 && strcmp(argv[1], "--list") == 0) {
        list_cases();
        return 0;
    }
    for (struct test_case *test = first_case; argc < 2 && test != NULL; test = test->next)
        add_case(tests, &count, test);
    for (int i = 1; i < argc; i++) {
        struct test_case *test = find_case(argv[i]);

        if (test == NULL) {
            fprintf(stderr, "test: no case %s; --list shows them\n", argv[i]);
            return 2;
        }
        add_case(tests, &count, test);
    }
    signal(SIGALRM, print_late);
    if (_cmocka_run_group_tests(argv[0], tests, count, NULL, NULL) != 0) /* its macro wants an array of fixed size */
        return 1;
    return count == 1 && skipped_count == 1 ? EXIT_SKIPPED : 0;
}

/* The dying process: its standard error is the pipe; it leaves no core. */
static _Noreturn void run_to_death(void (*body)(void *argument), void *argument, int output)
{
    static const int signals[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL};
    const struct rlimit none = {0, 0};

    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
        signal(signals[i], SIG_DFL); /* cmocka would make a failed test of them, here in the child */
    setrlimit(RLIMIT_CORE, &none);
    dup2(output, STDERR_FILENO);
    body(argument);
    _exit(0);
}

/* Reads what the process says until it has ended; cuts what does not fit. */
static void collect_output(int fd, char *text, size_t room)
{
    char rest[256];
    size_t size = 0;
    ssize_t count;

    do {
        char *into = size < room - 1 ? text + size : rest;
        size_t space = size < room - 1 ? room - 1 - size : sizeof(rest);

        count = read(fd, into, space);
        if (count > 0 && into != rest)
            size += (size_t)count;
    } while (count > 0 || (count < 0 && errno == EINTR));
    text[size] = '\0';
}

/* Some emulators say of whom they run that it has died. */
static void drop_words_of_emulator(char *text)
{
    char *words = test_is_emulated() ? strstr(text, "qemu: uncaught target signal") : NULL;

    if (words != NULL)
        *words = '\0';
}

const char *test_last_words(void)
{
    return last_words;
}

static bool died_of(int status, int signal)
{
    if (signal == TEST_ANY_FAILURE)
        return status != 0;
    return WIFSIGNALED(status) && WTERMSIG(status) == signal;
}

void test_expect_death(int signal, void (*body)(void *argument), void *argument, const char *text, const char *file,
                       int line)
{
    int ends[2], status = 0;
    pid_t child;

    fflush(NULL);
    if (pipe(ends) < 0 || (child = fork()) < 0) {
        print_error("no process to die: %s\n", strerror(errno));
        _fail(file, line);
        return;
    }
    if (child == 0) {
        alarm(timeout_seconds()); /* an alarm is not inherited */
        run_to_death(body, argument, ends[1]);
    }
    close(ends[1]);
    collect_output(ends[0], last_words, sizeof(last_words));
    drop_words_of_emulator(last_words);
    close(ends[0]);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    if (died_of(status, signal) && strstr(last_words, text) != NULL)
        return;
    print_error("expected death by signal %d saying \"%s\"; got status 0x%x, saying:\n%s\n", signal, text,
                (unsigned)status, last_words);
    _fail(file, line);
}

void test_random_init(struct test_random *source)
{
    const char *chosen = getenv("COIR_TEST_SEED");
    struct timespec now = {0};
    uint64_t seed;

    clock_gettime(CLOCK_REALTIME, &now);
    seed = chosen != NULL ? strtoull(chosen, NULL, 0) : (uint64_t)now.tv_sec * 1000000007u + (uint64_t)now.tv_nsec;
    print_message("COIR_TEST_SEED=%llu\n", (unsigned long long)seed);
    test_random_seed(source, seed);
}
