/* SPDX-License-Identifier: MIT
 *
 * main() of the fuzz programs where libFuzzer is not: runs the seeds, each
 * file of the folders and files named, then random changes of them, for a
 * second or as long as `--seconds N` says.
 *
 * The seed is printed first; COIR_TEST_SEED repeats that run up to wherever it
 * got. FUZZ_KEEP names a file for the input that is being tried, so that it is
 * there after a crash.
 */
#include "fuzz/fuzz.h"
#include "support/random.h"
#include <dirent.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#define SEEDS_MAX 1000
#define INPUT_MAX 4096
#define CHANGES_MAX 8

struct input {
    size_t size;
    uint8_t bytes[INPUT_MAX];
};

static struct input *seeds[SEEDS_MAX];
static size_t seed_count;

static void run(const struct input *input)
{
    const char *keep = getenv("FUZZ_KEEP");
    uint8_t *exact = malloc(input->size > 0 ? input->size : 1); /* reading on is noticed */
    FILE *file = keep != NULL ? fopen(keep, "wb") : NULL;

    if (exact == NULL)
        abort();
    if (file != NULL) {
        fwrite(input->bytes, 1, input->size, file);
        fclose(file);
    }
    memcpy(exact, input->bytes, input->size);
    LLVMFuzzerTestOneInput(exact, input->size);
    free(exact);
}

static void add_seed(const char *path)
{
    struct input *input = calloc(1, sizeof(*input));
    FILE *file = fopen(path, "rb");

    if (file == NULL || input == NULL || seed_count == SEEDS_MAX) {
        fprintf(stderr, "cannot read %s\n", path);
        exit(2);
    }
    input->size = fread(input->bytes, 1, INPUT_MAX, file);
    fclose(file);
    seeds[seed_count++] = input;
}

/* Sorted, so that a seed of the random numbers means the same everywhere. */
static void add_seeds(const char *path)
{
    struct dirent **entries;
    int count = scandir(path, &entries, NULL, alphasort);
    char name[4096];

    if (count < 0) {
        add_seed(path);
        return;
    }
    for (int i = 0; i < count; i++) {
        snprintf(name, sizeof(name), "%s/%s", path, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.')
            add_seed(name);
        free(entries[i]);
    }
    free(entries);
}

/* Makes room for, or takes away, `size` bytes at `at`. */
static void insert(struct input *input, size_t at, const uint8_t *bytes, size_t size)
{
    size = size < INPUT_MAX - input->size ? size : INPUT_MAX - input->size;
    memmove(input->bytes + at + size, input->bytes + at, input->size - at);
    memcpy(input->bytes + at, bytes, size);
    input->size += size;
}

static void cut(struct input *input, size_t at, size_t size)
{
    size = size < input->size - at ? size : input->size - at;
    memmove(input->bytes + at, input->bytes + at + size, input->size - at - size);
    input->size -= size;
}

/* A piece of any seed. */
static void splice(struct input *input, size_t at, struct test_random *random)
{
    const struct input *other = seeds[test_random_below(random, seed_count)];
    size_t from = test_random_below(random, other->size + 1);

    insert(input, at, other->bytes + from, test_random_below(random, other->size - from + 1));
}

static void change(struct input *input, struct test_random *random)
{
    size_t at = test_random_below(random, input->size + 1);
    uint8_t bytes[16];

    test_random_fill(random, bytes, sizeof(bytes));
    switch (test_random_below(random, 6)) {
    case 0:
        if (at < input->size)
            input->bytes[at] ^= (uint8_t)(1u << (bytes[0] & 7));
        break;
    case 1:
        if (at < input->size)
            input->bytes[at] = bytes[0];
        break;
    case 2:
        insert(input, at, bytes, 1 + test_random_below(random, sizeof(bytes)));
        break;
    case 3:
        memset(bytes, at < input->size ? input->bytes[at] : '0', sizeof(bytes)); /* more of the same */
        insert(input, at, bytes, 1 + test_random_below(random, sizeof(bytes)));
        break;
    case 4:
        cut(input, at, 1 + test_random_below(random, 16));
        break;
    default:
        splice(input, at, random);
        break;
    }
}

static uint64_t run_changes(struct test_random *random, double seconds)
{
    static struct input input;
    uint64_t count = 0;
    struct timespec start, now;

    clock_gettime(CLOCK_MONOTONIC, &start);
    do {
        input = *seeds[test_random_below(random, seed_count)];
        for (uint64_t left = 1 + test_random_below(random, CHANGES_MAX); left > 0; left--)
            change(&input, random);
        run(&input);
        count++;
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while ((double)(now.tv_sec - start.tv_sec) + (double)(now.tv_nsec - start.tv_nsec) / 1e9 < seconds);
    return count;
}

static uint64_t choose_seed(void)
{
    const char *chosen = getenv("COIR_TEST_SEED");
    struct timespec now = {0};

    clock_gettime(CLOCK_REALTIME, &now);
    return chosen != NULL ? strtoull(chosen, NULL, 0) : (uint64_t)now.tv_sec * 1000000007u + (uint64_t)now.tv_nsec;
}

int main(int count, char **arguments)
{
    static const struct input nothing;
    struct test_random random;
    uint64_t seed = choose_seed();
    double seconds = 1;
    uint64_t changes;
    int first = 1;

    if (count > 2 && strcmp(arguments[1], "--seconds") == 0) {
        seconds = strtod(arguments[2], NULL);
        first = 3;
    }
    for (int i = first; i < count; i++)
        add_seeds(arguments[i]);
    if (seed_count == 0) {
        fprintf(stderr, "usage: %s [--seconds N] CORPUS...\n", arguments[0]);
        return 2;
    }
    printf("COIR_TEST_SEED=%llu\n", (unsigned long long)seed);
    fflush(stdout);
    test_random_seed(&random, seed);
    run(&nothing);
    for (size_t i = 0; i < seed_count; i++)
        run(seeds[i]);
    changes = run_changes(&random, seconds);
    printf("%zu inputs and %llu changed ones\n", seed_count, (unsigned long long)changes);
    for (size_t i = 0; i < seed_count; i++)
        free(seeds[i]);
    return 0;
}
