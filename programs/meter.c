/* SPDX-License-Identifier: MIT
 *
 * The line of `--stats`: see meter.h.
 */
#include "meter.h"
#include "value.h"
#include <coir/task.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define GAP "  "
#define WIDTH_UNKNOWN 80
#define LINE_SIZE 1024
#define COLUMN_SIZE 128

struct meter {
    struct writer *writer;
    const struct meter_column *columns;
    size_t count;
    struct meter_values before;
    coir_time before_at;
};

void meter_print_count(uint64_t count, char ret_text[METER_NUMBER_SIZE])
{
    char digits[METER_NUMBER_SIZE];
    size_t size = (size_t)snprintf(digits, sizeof(digits), "%" PRIu64, count);
    size_t at = 0;

    for (size_t i = 0; i < size; i++) {
        if (i > 0 && (size - i) % 3 == 0)
            ret_text[at++] = ',';
        ret_text[at++] = digits[i];
    }
    ret_text[at] = '\0';
}

void meter_print_rate(double rate, char ret_text[METER_NUMBER_SIZE])
{
    static const char *const prefixes[] = {"", "k", "M", "G", "T", "P", "E"};
    const size_t last = sizeof(prefixes) / sizeof(prefixes[0]) - 1;
    size_t prefix = 0;
    int decimals;

    /* The limits are where rounding would make a digit more. */
    while (rate >= 999.5 && prefix < last) {
        rate /= 1000;
        prefix++;
    }
    if (prefix == 0)
        decimals = rate > 0 && rate < 9.95 ? 1 : 0;
    else
        decimals = rate >= 99.95 ? 0 : rate >= 9.995 ? 1 : 2;
    snprintf(ret_text, METER_NUMBER_SIZE, "%.*f %s", decimals, rate, prefixes[prefix]);
}

static double rate_of(uint64_t before, uint64_t now, coir_time elapsed_ns)
{
    if (now <= before || elapsed_ns <= 0)
        return 0;
    return (double)(now - before) * (double)COIR_SECOND / (double)elapsed_ns;
}

/* One column; its size, which is cut to what there is room for. */
static size_t print_column(const struct meter_column *column, uint64_t before, uint64_t now, coir_time elapsed_ns,
                           char text[COLUMN_SIZE])
{
    char number[METER_NUMBER_SIZE];
    const char *unit = "";
    const char *gap = column->name[0] != '\0' ? " " : "";
    int size;

    if (column->kind == METER_LEVEL) {
        meter_print_count(now, number);
    } else {
        size_t end;

        meter_print_rate(rate_of(before, now, elapsed_ns), number);
        end = strlen(number) - 1;
        if (column->kind == METER_BYTE_RATE)
            unit = "B/s";
        else if (number[end] == ' ')
            number[end] = '\0';
    }
    size = snprintf(text, COLUMN_SIZE, "%s%s%s%s", number, unit, gap, column->name);
    return size < COLUMN_SIZE ? (size_t)size : COLUMN_SIZE - 1;
}

size_t meter_format(const struct meter_column *columns, size_t count, const struct meter_values *before,
                    const struct meter_values *now, coir_time elapsed_ns, size_t width, char *text, size_t room)
{
    const size_t limit = width > 0 && width < room - 1 ? width : room - 1;
    size_t used = 0;

    for (size_t i = 0; i < count; i++) {
        char column[COLUMN_SIZE];
        size_t size = print_column(&columns[i], before->values[i], now->values[i], elapsed_ns, column);
        size_t gap = i > 0 ? strlen(GAP) : 0;

        if (i > 0 && used + gap + size > limit)
            break;
        size = size < limit ? size : limit;
        memcpy(text + used, GAP, gap);
        memcpy(text + used + gap, column, size);
        used += gap + size;
    }
    text[used] = '\0';
    return used;
}

int meter_open(struct writer *writer, const struct meter_column *columns, size_t count,
               const struct meter_values *values, struct meter **ret_meter)
{
    struct meter *meter;

    if (count == 0 || count > METER_COLUMNS_MAX)
        return -EINVAL;
    meter = malloc(sizeof(*meter));
    if (meter == NULL)
        return -ENOMEM;
    *meter = (struct meter){
        .writer = writer, .columns = columns, .count = count, .before = *values, .before_at = coir_now()};
    *ret_meter = meter;
    return 0;
}

static size_t print_moment(char *text, size_t room)
{
    struct timespec now = {0};
    char moment[VALUE_TEXT_SIZE];

    clock_gettime(CLOCK_REALTIME, &now);
    value_print_moment(now.tv_sec, now.tv_nsec, moment);
    return (size_t)snprintf(text, room, "%s stats ", moment);
}

/* One less than the terminal's width: a full line would make some of them begin the next. */
static size_t usable_width(struct writer *writer)
{
    size_t width = writer_width(writer);

    if (width == 0)
        width = WIDTH_UNKNOWN;
    return width > 1 ? width - 1 : 1;
}

void meter_update(struct meter *meter, const struct meter_values *values)
{
    coir_time now = coir_now();
    bool live = writer_is_terminal(meter->writer);
    char text[LINE_SIZE];
    size_t size = live ? 0 : print_moment(text, sizeof(text));
    size_t width = live ? usable_width(meter->writer) : 0;

    size += meter_format(meter->columns, meter->count, &meter->before, values, now - meter->before_at, width,
                         text + size, sizeof(text) - size);
    if (live)
        writer_show(meter->writer, text, size);
    else
        writer_put(meter->writer, text, size);
    meter->before = *values;
    meter->before_at = now;
}

void meter_close(struct meter *meter)
{
    free(meter);
}
