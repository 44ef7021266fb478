/* SPDX-License-Identifier: MIT
 *
 * Ranges of source addresses: what is read, what is refused, and that they are
 * used in turn.
 */
#include "load/sources.h"
#include "support/test.h"
#include <string.h>

static void expect_uri(const struct sources *sources, uint64_t number, const char *uri)
{
    char text[COIR_ADDRESS_SIZE];

    sources_print(sources, number, "tcp", text);
    assert_string_equal(text, uri);
}

TEST(a_range_is_used_in_turn)
{
    struct sources sources;

    assert_null(sources_read("127.0.0.254-127.0.1.1", &sources));
    assert_int_equal(sources.count, 4);
    expect_uri(&sources, 0, "tcp://127.0.0.254:0");
    expect_uri(&sources, 2, "tcp://127.0.1.0:0");
    expect_uri(&sources, 3, "tcp://127.0.1.1:0");
    expect_uri(&sources, 4, "tcp://127.0.0.254:0");
}

TEST(one_address_is_a_range)
{
    struct sources sources;

    assert_null(sources_read("127.0.0.5", &sources));
    assert_int_equal(sources.count, 1);
    expect_uri(&sources, 9, "tcp://127.0.0.5:0");
}

TEST(addresses_of_ipv6_are_counted_alike)
{
    struct sources sources;

    assert_null(sources_read("fd00::ffff-fd00::1:1", &sources));
    assert_int_equal(sources.count, 3);
    expect_uri(&sources, 1, "tcp://[fd00::1:0]:0");
}

TEST(what_is_no_range_is_refused)
{
    static const struct {
        const char *word;
        const char *flaw;
    } bad[] = {
        {"", "addresses are numbers"},
        {"localhost", "addresses are numbers"},
        {"127.0.0.1-", "addresses are numbers"},
        {"127.0.0.1:7", "addresses are numbers"},
        {"127.0.0.9-127.0.0.1", "below the first"},
        {"127.0.0.1-::1", "differ in more"},
        {"fd00::1-fd01::1", "differ in more"},
        {"10.0.0.0-11.0.0.0", "more than 65536"},
        {"1111111111111111111111111111111111111111111111111", "too long"},
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct sources sources;
        const char *flaw = sources_read(bad[i].word, &sources);

        if (flaw == NULL || strstr(flaw, bad[i].flaw) == NULL)
            fail_msg("'%s': %s", bad[i].word, flaw != NULL ? flaw : "it is taken");
    }
}
