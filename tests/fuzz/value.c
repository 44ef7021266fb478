/* SPDX-License-Identifier: MIT
 *
 * Durations, sizes and counts as text. What is read prints as a text that
 * reads as the same value; what is refused has a reason and changes nothing.
 * And the numbers of --stats stay within their room, whatever they are.
 */
#include "value.h"
#include "fuzz/fuzz.h"
#include "meter.h"
#include <math.h>
#include <string.h>

#define UNTOUCHED 0x5aa5

/* The digits of a short word, its point left out, times its unit are the value times a power of ten. Both products
 * have fewer than 104 bits, of which the last 64 and the first 40 are compared. */
static void check_exact(const char *word, uint64_t value, uint64_t unit)
{
    uint64_t digits = 0, scale = 1;
    bool behind = false;

    if (strlen(word) > 18)
        return;
    for (; *word == '.' || (*word >= '0' && *word <= '9'); word++) {
        if (*word == '.') {
            behind = true;
            continue;
        }
        digits = digits * 10 + (unsigned)(*word - '0');
        scale *= behind ? 10 : 1;
    }
    CHECK(digits * unit == value * scale);
    CHECK(fabs((double)digits * (double)unit - (double)value * (double)scale) <=
          ldexp((double)digits * (double)unit, -40));
}

/* What follows the number, behind a 1. */
static void print_one(const char *word, char text[8])
{
    snprintf(text, 8, "1%.6s", word + strspn(word, "0123456789."));
}

static void check_duration(const char *word)
{
    char text[VALUE_TEXT_SIZE];
    coir_time duration = UNTOUCHED, again = UNTOUCHED;
    const char *wrong = value_read_duration(word, true, &duration);

    if (wrong != NULL) {
        CHECK(*wrong != '\0' && duration == UNTOUCHED);
        CHECK(value_read_duration(word, false, &duration) != NULL);
        return;
    }
    CHECK(duration >= 0);
    CHECK((value_read_duration(word, false, &again) != NULL) == (duration == COIR_FOREVER));
    value_print_duration(duration, text);
    CHECK(value_read_duration(text, true, &again) == NULL);
    CHECK(duration == again);
    print_one(word, text);
    if (duration != COIR_FOREVER && value_read_duration(text, false, &again) == NULL)
        check_exact(word, (uint64_t)duration, (uint64_t)again);
}

static void check_size(const char *word)
{
    char text[VALUE_TEXT_SIZE];
    uint64_t size = UNTOUCHED, again;
    const char *wrong = value_read_size(word, &size);

    if (wrong != NULL) {
        CHECK(*wrong != '\0' && size == UNTOUCHED);
        return;
    }
    value_print_size(size, text);
    CHECK(value_read_size(text, &again) == NULL);
    CHECK(size == again);
    print_one(word, text);
    CHECK(value_read_size(text, &again) == NULL);
    check_exact(word, size, again);
}

static void check_count(const char *word)
{
    uint64_t count = UNTOUCHED, size;
    const char *wrong = value_read_count(word, &count);

    if (wrong != NULL) {
        CHECK(*wrong != '\0' && count == UNTOUCHED);
        return;
    }
    CHECK(value_read_size(word, &size) == NULL && size == count); /* digits alone are bytes */
}

/* The input as numbers. */
static void check_numbers(const uint8_t *bytes, size_t size)
{
    static const struct meter_column columns[] = {
        {METER_LEVEL, "sessions"}, {METER_RATE, "messages/s"}, {METER_BYTE_RATE, ""}};
    uint64_t numbers[8] = {0};
    struct meter_values before = {{0}}, now = {{0}};
    char moment[VALUE_TEXT_SIZE], text[100];
    size_t room, used;

    memcpy(numbers, bytes, size < sizeof(numbers) ? size : sizeof(numbers));
    memcpy(before.values, numbers, 3 * sizeof(numbers[0]));
    memcpy(now.values, numbers + 3, 3 * sizeof(numbers[0]));
    room = 1 + (size_t)(numbers[6] % sizeof(text));
    used = meter_format(columns, 3, &before, &now, (coir_time)numbers[7], (size_t)(numbers[6] >> 32), text, room);
    CHECK(used < room && text[used] == '\0' && strlen(text) == used);
    value_print_moment((int64_t)numbers[0], (long)(numbers[1] % 1000000000), moment);
    CHECK(strlen(moment) == strlen("2026-11-23T21:00:00.123Z"));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char *word = malloc(size + 1);

    CHECK(word != NULL);
    if (size > 0)
        memcpy(word, bytes, size);
    word[size] = '\0';
    check_duration(word);
    check_size(word);
    check_count(word);
    free(word);
    if (size > 0)
        check_numbers(bytes, size);
    return 0;
}
