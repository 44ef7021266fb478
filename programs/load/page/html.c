/* SPDX-License-Identifier: MIT
 *
 * Text and numbers of a page: see html.h.
 */
#include "load/page/html.h"
#include "load/result/text.h"
#include "meter.h"
#include <math.h>

#define SPACE "\u00a0"

struct unit {
    const char *name;
    double factor;
};

/* Ascending. */
static const struct unit units[] = {{"ns", 1}, {"\u00b5s", 1e3}, {"ms", 1e6}, {"s", 1e9}};

#define UNIT_COUNT (sizeof(units) / sizeof(units[0]))

static const char *find_escape(char byte)
{
    switch (byte) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

/* Characters that XML has no room for, even escaped (XML 1.0, 2.2). */
static bool is_banned(const char *text, size_t size)
{
    unsigned char byte = (unsigned char)text[0];

    if (size == 1)
        return (byte < ' ' && byte != '\t' && byte != '\n' && byte != '\r') || byte == 0x7f;
    return size == 3 && byte == 0xef && (unsigned char)text[1] == 0xbf && (unsigned char)text[2] >= 0xbe;
}

void html_text(FILE *file, const char *text)
{
    while (*text != '\0') {
        size_t size = text_character_size(text);
        const char *escape = find_escape(*text);

        if (escape != NULL)
            fputs(escape, file);
        else if (size == 0 || is_banned(text, size))
            fputs("\ufffd", file);
        else
            fwrite(text, 1, size, file);
        text += size > 0 ? size : 1;
    }
}

/* The limits are where rounding would make a digit more. */
static int count_decimals(double number)
{
    return number >= 99.95 ? 0 : number >= 9.995 ? 1 : 2;
}

static const struct unit *choose_unit(double duration_ns)
{
    size_t unit = 0;

    while (unit + 1 < UNIT_COUNT && duration_ns >= 999.5 * units[unit].factor)
        unit++;
    return &units[unit];
}

void html_print_duration(double duration_ns, char ret_text[HTML_NUMBER_SIZE])
{
    const struct unit *unit = choose_unit(duration_ns);
    double number = duration_ns / unit->factor;

    snprintf(ret_text, HTML_NUMBER_SIZE, "%.*f" SPACE "%s", unit == units ? 0 : count_decimals(number), number,
             unit->name);
}

void html_print_round_duration(double duration_ns, char ret_text[HTML_NUMBER_SIZE])
{
    const struct unit *unit = choose_unit(duration_ns);

    snprintf(ret_text, HTML_NUMBER_SIZE, "%.4g" SPACE "%s", duration_ns / unit->factor, unit->name);
}

void html_print_setting(coir_time duration_ns, char ret_text[HTML_NUMBER_SIZE])
{
    const struct unit *unit = choose_unit((double)duration_ns);

    if (duration_ns == COIR_FOREVER)
        snprintf(ret_text, HTML_NUMBER_SIZE, "no limit");
    else if (duration_ns == 0)
        snprintf(ret_text, HTML_NUMBER_SIZE, "none");
    else
        snprintf(ret_text, HTML_NUMBER_SIZE, "%.9g" SPACE "%s", (double)duration_ns / unit->factor, unit->name);
}

void html_print_count(double count, char ret_text[HTML_NUMBER_SIZE])
{
    char digits[METER_NUMBER_SIZE];

    if (count >= 1e18) {
        snprintf(ret_text, HTML_NUMBER_SIZE, "%.2e", count);
        return;
    }
    meter_print_count((uint64_t)llround(count), digits);
    snprintf(ret_text, HTML_NUMBER_SIZE, "%s", digits);
}

void html_print_rate(double rate, char ret_text[HTML_NUMBER_SIZE])
{
    if (rate >= 999.5 || rate <= 0)
        html_print_count(rate, ret_text);
    else if (rate < 0.9995)
        snprintf(ret_text, HTML_NUMBER_SIZE, "%.3g", rate);
    else
        snprintf(ret_text, HTML_NUMBER_SIZE, "%.*f", count_decimals(rate), rate);
}

void html_print_round_rate(double rate, char ret_text[HTML_NUMBER_SIZE])
{
    if (rate >= 1000)
        html_print_count(rate, ret_text);
    else
        snprintf(ret_text, HTML_NUMBER_SIZE, "%.4g", rate);
}

void html_print_share(double share, char ret_text[HTML_NUMBER_SIZE])
{
    double percent = share * 100;
    int decimals = percent >= 10 || percent == 0 ? 1 : percent >= 0.1 ? 2 : 5;

    snprintf(ret_text, HTML_NUMBER_SIZE, "%.*f" SPACE "%%", decimals, percent);
}

void html_print_round_share(double share, char ret_text[HTML_NUMBER_SIZE])
{
    snprintf(ret_text, HTML_NUMBER_SIZE, "%.4g" SPACE "%%", share * 100);
}
