/* SPDX-License-Identifier: MIT
 *
 * Text and numbers for people, as they stand in a page. The numbers are plain
 * text in UTF-8, for html_text(), with spaces that no line is broken at before their units.
 */
#ifndef PROGRAMS_LOAD_PAGE_HTML_H
#define PROGRAMS_LOAD_PAGE_HTML_H

#include <coir/types.h>
#include <stdint.h>
#include <stdio.h>

/** Room for any number in print, its terminating zero included. */
#define HTML_NUMBER_SIZE 48

/**
 * Writes text of any origin as text between tags or in an attribute's quotes:
 * what would be markup is escaped, and what is no character of XML becomes U+FFFD.
 */
void html_text(FILE *file, const char *text);

/** "85.3 µs": three digits. */
void html_print_duration(double duration_ns, char ret_text[HTML_NUMBER_SIZE]);

/** "250 µs", "2.5 s": as many digits as there are, for round numbers. */
void html_print_round_duration(double duration_ns, char ret_text[HTML_NUMBER_SIZE]);

/** "10 s", "250 ms"; COIR_FOREVER is "no limit". */
void html_print_setting(coir_time duration_ns, char ret_text[HTML_NUMBER_SIZE]);

/** "123,456", "3": a number of things. */
void html_print_count(double count, char ret_text[HTML_NUMBER_SIZE]);

/** "123,456", "63.4": a rate; below a thousand three digits, and not below "<0.01". */
void html_print_rate(double rate, char ret_text[HTML_NUMBER_SIZE]);

/** "250", "0.5", "20,000", for round numbers. */
void html_print_round_rate(double rate, char ret_text[HTML_NUMBER_SIZE]);

/** "12.3 %", as many digits as tell it from 0 and 100. */
void html_print_share(double share, char ret_text[HTML_NUMBER_SIZE]);

/** "12.5 %", for round numbers. */
void html_print_round_share(double share, char ret_text[HTML_NUMBER_SIZE]);

#endif
