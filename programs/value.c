/* SPDX-License-Identifier: MIT
 *
 * Values as people write them: see value.h.
 *
 * A number is read as whole units and a fraction, digits over a power of ten,
 * so that what binary floating point would round is exact here.
 */
#include "value.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define FRACTION_DIGITS_MAX 18   /* what 64 bits hold of a power of ten */
#define SECONDS_MAX 253402300799 /* the last one of the year 9999 */

struct unit {
    const char *name;
    uint64_t factor;
};

/* Ascending. */
static const struct unit times[] = {
    {"ns", 1},
    {"us", 1000},
    {"ms", 1000000},
    {"s", 1000000000},
    {"m", 60 * UINT64_C(1000000000)},
    {"h", 3600 * UINT64_C(1000000000)},
};

static const struct unit sizes[] = {
    {"", 1}, {"K", UINT64_C(1) << 10}, {"M", UINT64_C(1) << 20}, {"G", UINT64_C(1) << 30}, {"T", UINT64_C(1) << 40},
};

#define TIME_COUNT (sizeof(times) / sizeof(times[0]))
#define SIZE_COUNT (sizeof(sizes) / sizeof(sizes[0]))

/* A decimal number: whole + fraction / scale. */
struct number {
    uint64_t whole;
    uint64_t fraction;
    uint64_t scale; /* a power of ten */
};

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static uint64_t common_divisor(uint64_t a, uint64_t b)
{
    while (b != 0) {
        uint64_t rest = a % b;

        a = b;
        b = rest;
    }
    return a;
}

static const char *read_whole(const char **cursor, uint64_t *ret_whole)
{
    const char *text = *cursor;
    uint64_t whole = 0;

    if (*text == '\0')
        return "it is empty";
    if (*text == '-')
        return "it is negative";
    if (!is_digit(*text))
        return "it does not begin with a digit";
    for (; is_digit(*text); text++)
        if (__builtin_mul_overflow(whole, 10, &whole) || __builtin_add_overflow(whole, *text - '0', &whole))
            return "it is too large";
    *cursor = text;
    *ret_whole = whole;
    return NULL;
}

/* What stands behind a decimal point, if there is one. */
static const char *read_fraction(const char **cursor, struct number *number)
{
    const char *text = *cursor;
    size_t digits, weight;

    number->fraction = 0;
    number->scale = 1;
    if (*text != '.')
        return NULL;
    text++;
    digits = strspn(text, "0123456789");
    if (digits == 0)
        return "a digit is missing behind its point";
    for (weight = digits; weight > 0 && text[weight - 1] == '0'; weight--)
        ;
    if (weight > FRACTION_DIGITS_MAX)
        return "it has too many digits behind its point";
    for (size_t i = 0; i < weight; i++) {
        number->fraction = number->fraction * 10 + (uint64_t)(text[i] - '0');
        number->scale *= 10;
    }
    *cursor = text + digits;
    return NULL;
}

/* number * factor, if that is a whole number and fits. */
static const char *multiply(const struct number *number, uint64_t factor, uint64_t *ret_product)
{
    uint64_t divisor = common_divisor(number->scale, factor);
    uint64_t steps = number->scale / divisor; /* the fraction counts whole ones of these, or is not exact */
    uint64_t product;

    if (__builtin_mul_overflow(number->whole, factor, &product))
        return "it is too large";
    if (number->fraction % steps != 0)
        return "it is finer than can be counted";
    if (__builtin_add_overflow(product, number->fraction / steps * (factor / divisor), &product))
        return "it is too large";
    *ret_product = product;
    return NULL;
}

/* The unit that `text` is, or NULL; 0 bytes name one too, if one has no name. */
static const struct unit *find_unit(const struct unit *units, size_t count, const char *text, size_t size)
{
    for (size_t i = 0; i < count; i++)
        if (strlen(units[i].name) == size && memcmp(units[i].name, text, size) == 0)
            return &units[i];
    return NULL;
}

/* A number with one of the units; `unknown` lists these. */
static const char *read_measure(const char *word, const struct unit *units, size_t count, const char *unknown,
                                uint64_t *ret_value)
{
    const char *cursor = word;
    const struct unit *unit;
    struct number number;
    size_t size;
    const char *wrong = read_whole(&cursor, &number.whole);

    if (wrong == NULL)
        wrong = read_fraction(&cursor, &number);
    if (wrong != NULL)
        return wrong;
    size = strspn(cursor, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
    unit = find_unit(units, count, cursor, size);
    if (unit == NULL)
        return unknown;
    if (cursor[size] != '\0')
        return size > 0 ? "something follows its unit" : "something follows its digits";
    return multiply(&number, unit->factor, ret_value);
}

const char *value_read_duration(const char *word, bool may_be_off, coir_time *ret_duration_ns)
{
    const char *wrong;
    uint64_t duration = 0;

    if (strcmp(word, "off") == 0) {
        if (!may_be_off)
            return "it cannot be off";
        *ret_duration_ns = COIR_FOREVER;
        return NULL;
    }
    wrong = read_measure(word, times, TIME_COUNT, "it needs a unit, one of ns, us, ms, s, m and h", &duration);
    if (wrong != NULL)
        return wrong;
    if (duration >= (uint64_t)COIR_FOREVER)
        return "it is too large";
    *ret_duration_ns = (coir_time)duration;
    return NULL;
}

const char *value_read_size(const char *word, uint64_t *ret_size_bytes)
{
    return read_measure(word, sizes, SIZE_COUNT, "its unit is unknown; there are K, M, G and T, or none for bytes",
                        ret_size_bytes);
}

const char *value_read_count(const char *word, uint64_t *ret_count)
{
    uint64_t count;
    const char *cursor = word;
    const char *wrong = read_whole(&cursor, &count);

    if (wrong != NULL)
        return wrong;
    if (*cursor != '\0')
        return "something follows its digits";
    *ret_count = count;
    return NULL;
}

/* Thousandths of the unit are as fine as a message should be; hours and minutes are whole ones. */
static bool fits_unit(uint64_t duration, size_t unit)
{
    uint64_t factor = times[unit].factor;
    bool whole_only = factor > (uint64_t)COIR_SECOND || factor < 1000;

    return duration >= factor && duration % (whole_only ? factor : factor / 1000) == 0;
}

void value_print_duration(coir_time duration_ns, char ret_text[VALUE_TEXT_SIZE])
{
    uint64_t duration = (uint64_t)duration_ns;
    size_t unit = TIME_COUNT - 1;
    uint64_t factor, rest;
    char fraction[8] = "";

    if (duration_ns == COIR_FOREVER || duration_ns == 0) {
        snprintf(ret_text, VALUE_TEXT_SIZE, "%s", duration_ns == 0 ? "0s" : "off");
        return;
    }
    while (unit > 0 && !fits_unit(duration, unit))
        unit--;
    factor = times[unit].factor;
    rest = duration % factor;
    if (rest != 0) {
        size_t size = (size_t)snprintf(fraction, sizeof(fraction), ".%03u", (unsigned)(rest / (factor / 1000)));

        while (fraction[size - 1] == '0')
            fraction[--size] = '\0';
    }
    snprintf(ret_text, VALUE_TEXT_SIZE, "%" PRIu64 "%s%s", duration / factor, fraction, times[unit].name);
}

void value_print_size(uint64_t size_bytes, char ret_text[VALUE_TEXT_SIZE])
{
    size_t unit = size_bytes > 0 ? SIZE_COUNT - 1 : 0;

    while (size_bytes % sizes[unit].factor != 0)
        unit--;
    snprintf(ret_text, VALUE_TEXT_SIZE, "%" PRIu64 "%s", size_bytes / sizes[unit].factor, sizes[unit].name);
}

/* The Gregorian year in which day `*day` since 1970 lies; leaves the day in that year. */
static unsigned take_years(unsigned *day)
{
    unsigned year = 1970;

    for (;;) {
        bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        unsigned days = leap ? 366 : 365;

        if (*day < days)
            return year;
        *day -= days;
        year++;
    }
}

static unsigned take_months(unsigned *day, unsigned year)
{
    static const unsigned char lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    unsigned month = 0;

    for (;; month++) {
        unsigned days = lengths[month] + (month == 1 && leap ? 1u : 0u);

        if (*day < days)
            return month;
        *day -= days;
    }
}

/* gmtime_r(3) would read the zone file at its first call, on the stack of whoever logs. */
void value_print_moment(int64_t seconds, long nanoseconds, char ret_text[VALUE_TEXT_SIZE])
{
    int64_t bounded = seconds < 0 ? 0 : seconds > SECONDS_MAX ? SECONDS_MAX : seconds;
    unsigned second = (unsigned)(bounded % 86400);
    unsigned day = (unsigned)(bounded / 86400);
    unsigned year = take_years(&day);
    unsigned month = take_months(&day, year);

    snprintf(ret_text, VALUE_TEXT_SIZE, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ", year, month + 1, day + 1, second / 3600,
             second / 60 % 60, second % 60, (unsigned)(nanoseconds / 1000000) % 1000);
}
