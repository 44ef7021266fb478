/* SPDX-License-Identifier: MIT
 *
 * Addresses from and to text.
 */
#include "net/address.h"
#include "support/test.h"
#include <arpa/inet.h>
#include <coir/datagram.h>
#include <coir/error.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An address of the scheme that the text names. */
static int parse(const char *uri, struct address *ret_address)
{
    size_t size;
    const char *rest = address_split(uri, &size);

    if (rest == NULL)
        return COIR_ERROR_ADDRESS;
    return address_flaw_code(strncmp(uri, "unix", size) == 0 ? address_parse_local(rest, ret_address)
                                                             : address_parse_ip(rest, ret_address));
}

static void print(const struct address *address, char text[COIR_ADDRESS_SIZE])
{
    struct sockaddr_storage storage = {.ss_family = AF_UNSPEC};

    memcpy(&storage, &address->any, address->size);
    address_print("tcp", &storage, text);
}

static void expect_text(const char *uri, const char *expected)
{
    struct address address;
    char text[COIR_ADDRESS_SIZE];

    if (parse(uri, &address) != 0)
        fail_msg("%s is refused", uri);
    print(&address, text);
    assert_string_equal(text, expected);
}

TEST(good_addresses_print_as_they_were_meant)
{
    static const char *const good[][2] = {
        {"tcp://127.0.0.1:7", NULL},
        {"tcp://0.0.0.0:0", NULL},
        {"tcp://255.255.255.255:65535", NULL},
        {"tcp://1.2.3.4:007", "tcp://1.2.3.4:7"},
        {"tcp://[::1]:7", NULL},
        {"tcp://[::]:65535", NULL},
        {"tcp://:7", "tcp://[::]:7"},
        {"tcp://[2001:DB8:0:0:0:0:0:1]:80", "tcp://[2001:db8::1]:80"},
        {"tcp://[fe80::1%2]:7", NULL},
        {"tcp://[fe80::1%2147483647]:7", NULL},
        {"tcp://[::ffff:10.0.0.1]:7", "tcp://10.0.0.1:7"},
        {"tcp://[64:ff9b::a00:1]:7", NULL},
        {"unix:///run/x.sock", NULL},
        {"unix:///with space:and@colon", NULL},
        {"unix://@abstract", NULL},
        {"unix://@/looks/like/a/path", NULL},
        {"unix://@@", NULL},
    };

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        expect_text(good[i][0], good[i][1] != NULL ? good[i][1] : good[i][0]);
}

TEST(bad_syntax_is_told_from_names)
{
    static const struct {
        const char *uri;
        int code;
    } bad[] = {
        {"", COIR_ERROR_ADDRESS},
        {"://", COIR_ERROR_ADDRESS},
        {"tcp", COIR_ERROR_ADDRESS},
        {"tcp:", COIR_ERROR_ADDRESS},
        {"tcp:/", COIR_ERROR_ADDRESS},
        {"tcp://", COIR_ERROR_ADDRESS},
        {"tcp://:", COIR_ERROR_ADDRESS},
        {"tcp://1.2.3.4", COIR_ERROR_ADDRESS},
        {"tcp://1.2.3.4:", COIR_ERROR_ADDRESS},
        {"tcp://1.2.3.4:65536", COIR_ERROR_ADDRESS},
        {"tcp://1.2.3.4:99999999999999999999", COIR_ERROR_ADDRESS},
        {"tcp://1.2.3.4:-1", COIR_ERROR_ADDRESS},
        {"tcp://1.2.3.4:+1", COIR_ERROR_ADDRESS},
        {"tcp://1.2.3.4: 1", COIR_ERROR_ADDRESS},
        {"tcp://1.2.3.4:1 ", COIR_ERROR_ADDRESS},
        {"tcp://1.2.3.4:0x7", COIR_ERROR_ADDRESS},
        {"tcp://1.2.3.4:7/", COIR_ERROR_ADDRESS},
        {"tcp://1.2.3.4:http", COIR_ERROR_ADDRESS},
        {"tcp://1.2.3:7", COIR_ERROR_ADDRESS},
        {"tcp://1.2.3.4.5:7", COIR_ERROR_ADDRESS},
        {"tcp://1.2.3.256:7", COIR_ERROR_ADDRESS},
        {"tcp:// 1.2.3.4:7", COIR_ERROR_ADDRESS},
        {"tcp://::1:7", COIR_ERROR_ADDRESS},
        {"tcp://[::1]", COIR_ERROR_ADDRESS},
        {"tcp://[::1:7", COIR_ERROR_ADDRESS},
        {"tcp://::1]:7", COIR_ERROR_ADDRESS},
        {"tcp://[]:7", COIR_ERROR_ADDRESS},
        {"tcp://[:7", COIR_ERROR_ADDRESS},
        {"tcp://]:7", COIR_ERROR_ADDRESS},
        {"tcp://[1.2.3.4]:7", COIR_ERROR_ADDRESS},
        {"tcp://[localhost]:7", COIR_ERROR_ADDRESS},
        {"tcp://[12345::]:7", COIR_ERROR_ADDRESS},
        {"tcp://[::1%]:7", COIR_ERROR_ADDRESS},
        {"tcp://[::1%0]:7", COIR_ERROR_ADDRESS},
        {"tcp://[::1%eth0]:7", COIR_ERROR_ADDRESS},
        {"tcp://[::1%2147483648]:7", COIR_ERROR_ADDRESS},
        {"tcp://[%1]:7", COIR_ERROR_ADDRESS},
        {"tcp://user@1.2.3.4:7", COIR_ERROR_ADDRESS},
        {"tcp://a b:7", COIR_ERROR_ADDRESS},
        {"TCP://1.2.3.4:7", COIR_ERROR_ADDRESS},
        {"tcp ://1.2.3.4:7", COIR_ERROR_ADDRESS},
        {"unix://", COIR_ERROR_ADDRESS},
        {"unix://@", COIR_ERROR_ADDRESS},
        {"unix://relative/path", COIR_ERROR_ADDRESS},
        {"tcp://localhost:7", COIR_ERROR_HOST_NAME},
        {"tcp://example.org:80", COIR_ERROR_HOST_NAME},
        {"tcp://a_b-c.d:80", COIR_ERROR_HOST_NAME},
        {"tcp://1.2.3.4.example:80", COIR_ERROR_HOST_NAME},
        {"tcp://localhost:port", COIR_ERROR_ADDRESS},
        {"tcp://localhost", COIR_ERROR_ADDRESS},
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct address address;
        int rc = parse(bad[i].uri, &address);

        if (rc != bad[i].code)
            fail_msg("%s gives %d instead of %d", bad[i].uri, rc, bad[i].code);
    }
}

TEST(nothing_is_written_for_bad_syntax)
{
    struct address address;
    struct address before;

    memset(&address, 0x5a, sizeof(address));
    before = address;
    assert_true(parse("tcp://[::1]:x", &address) < 0);
    assert_true(parse("tcp://localhost:7", &address) < 0);
    assert_true(parse("unix://@", &address) < 0);
    assert_memory_equal(&address, &before, sizeof(address));
}

TEST(a_host_of_any_length_is_taken_or_refused)
{
    char uri[600] = "tcp://";

    for (size_t size = 1; size < 500; size++) {
        struct address address;
        int rc;

        memset(uri + 6, 'a', size);
        memcpy(uri + 6 + size, ":7", 3);
        rc = parse(uri, &address);
        assert_true(rc == COIR_ERROR_HOST_NAME || (size > 253 && rc == COIR_ERROR_ADDRESS));
    }
}

TEST(a_unix_name_may_have_107_bytes)
{
    static const char starts[] = {'/', '@'};

    for (size_t i = 0; i < sizeof(starts); i++) {
        char uri[7 + 110] = "unix://";
        char text[COIR_ADDRESS_SIZE];
        struct address address;

        memset(uri + 7, 'x', 108);
        uri[7] = starts[i];
        assert_int_equal(parse(uri, &address), -ENAMETOOLONG);
        uri[7 + 107] = '\0';
        assert_int_equal(parse(uri, &address), 0);
        print(&address, text);
        assert_string_equal(text, uri);
    }
}

TEST(an_abstract_name_is_no_longer_than_it_is_written)
{
    struct address address;

    assert_int_equal(parse("unix://@ab", &address), 0);
    assert_int_equal(address.size, offsetof(struct sockaddr_un, sun_path) + 3);
    assert_memory_equal(address.local.sun_path, "\0ab", 3);
    assert_int_equal(parse("unix:///ab", &address), 0);
    assert_int_equal(address.size, offsetof(struct sockaddr_un, sun_path) + 4);
}

TEST(every_address_is_recognised)
{
    static const struct {
        const char *uri;
        bool empty;
        bool every;
    } cases[] = {
        {"tcp://:7", true, true},        {"tcp://[::]:7", false, true},       {"tcp://0.0.0.0:7", false, true},
        {"tcp://[::1]:7", false, false}, {"tcp://[::1:0:0]:7", false, false}, {"tcp://[0:0:1::]:7", false, false},
        {"tcp://[1::]:7", false, false}, {"tcp://0.0.0.1:7", false, false}};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct address address;

        assert_int_equal(parse(cases[i].uri, &address), 0);
        assert_int_equal(address.every, cases[i].empty);
        assert_int_equal(address_is_every(&address), cases[i].every);
    }
}

TEST(the_scheme_is_what_stands_before_colon_slash_slash)
{
    size_t size = 99;
    const char *uri = "a1+-.://rest://more";

    assert_ptr_equal(address_split(uri, &size), uri + 8);
    assert_int_equal(size, 5);
    assert_null(address_split("://rest", &size));
    assert_null(address_split("a_b://rest", &size));
    assert_int_equal(size, 5);
}

static int parse_descriptor(const char *text)
{
    int fd = -1;

    return address_parse_descriptor(text, &fd) == ADDRESS_SOUND ? fd : -1;
}

TEST(descriptors_are_numbers)
{
    assert_int_equal(parse_descriptor("0"), 0);
    assert_int_equal(parse_descriptor("3"), 3);
    assert_int_equal(parse_descriptor("2147483647"), 2147483647);
    assert_int_equal(parse_descriptor("2147483648"), -1);
    assert_int_equal(parse_descriptor(""), -1);
    assert_int_equal(parse_descriptor("-1"), -1);
    assert_int_equal(parse_descriptor("3 "), -1);
}

TEST(what_is_no_address_of_a_stream_prints_as_nothing)
{
    struct sockaddr_storage none = {.ss_family = AF_UNSPEC};
    struct sockaddr_storage other = {.ss_family = AF_APPLETALK};
    struct sockaddr_storage unnamed = {.ss_family = AF_UNIX};
    char text[COIR_ADDRESS_SIZE] = "x";

    address_print("tcp", &none, text);
    assert_string_equal(text, "");
    address_print("tcp", &other, text);
    assert_string_equal(text, "");
    address_print("tcp", &unnamed, text);
    assert_string_equal(text, "unix://");
}

/* A host that does not print as another kind of address. */
static void make_host(struct test_random *random, struct address *address)
{
    *address = (struct address){.size = sizeof(address->ip6)};
    address->ip6.sin6_family = AF_INET6;
    test_random_fill(random, &address->ip6.sin6_addr, 16);
    for (size_t i = 0; i < 16; i++)
        if (test_random_below(random, 2) == 0)
            address->ip6.sin6_addr.s6_addr[i] = 0; /* runs that "::" may stand for */
    if (IN6_IS_ADDR_V4MAPPED(&address->ip6.sin6_addr))
        address->ip6.sin6_addr.s6_addr[0] = 1;
    address->ip6.sin6_port = (in_port_t)test_random_next(random);
    if (test_random_below(random, 4) == 0)
        address->ip6.sin6_scope_id = 1 + (uint32_t)test_random_below(random, INT32_MAX);
}

TEST(whatever_is_printed_is_read_back)
{
    struct test_random random;

    test_random_init(&random);
    for (int i = 0; i < 20000; i++) {
        struct address address, again;
        char text[COIR_ADDRESS_SIZE];

        make_host(&random, &address);
        if (i % 2 == 0) {
            in_addr_t host = (in_addr_t)test_random_next(&random);
            in_port_t port = address.ip6.sin6_port;

            address = (struct address){.ip4 = {.sin_family = AF_INET, .sin_port = port, .sin_addr.s_addr = host},
                                       .size = sizeof(address.ip4)};
        }
        print(&address, text);
        if (parse(text, &again) != 0)
            fail_msg("%s is refused", text);
        assert_int_equal(again.size, address.size);
        assert_memory_equal(&again.any, &address.any, address.size);
    }
}

TEST(random_text_is_taken_or_refused_and_prints_if_taken)
{
    static const char letters[] = "tcpunix:/[]@%.0123456789afz";
    struct test_random random;
    int taken = 0;

    test_random_init(&random);
    for (int i = 0; i < 200000; i++) {
        char *uri = calloc(1, 32);
        size_t size = test_random_below(&random, 24);
        struct address address;

        memcpy(uri, test_random_below(&random, 2) ? "tcp://" : "unix://", 7);
        for (size_t at = strlen(uri); at < 7 + size; at++)
            uri[at] = letters[test_random_below(&random, sizeof(letters) - 1)];
        if (parse(uri, &address) == 0) {
            char text[COIR_ADDRESS_SIZE];

            print(&address, text);
            assert_true(strlen(text) < COIR_ADDRESS_SIZE);
            taken++;
        }
        free(uri);
    }
    assert_true(taken > 0);
}

/* An IPv4 host in IPv6's clothes is ten bytes of zero and two of ones. */
TEST(only_mapped_hosts_are_ip4)
{
    static const char *const uris[][2] = {
        {"udp://[::ffff:10.0.0.1]:7", "udp://10.0.0.1:7"},
        {"udp://[::10.0.0.1]:7", "udp://[::"}, /* musl goes on by a00:1 */
        {"udp://[0:0:1:1:0:ffff:a00:1]:7", "udp://[::1:1:0:ffff:a00:1]:7"},
        {"udp://[1::ffff:a00:1]:7", "udp://[1::ffff:a00:1]:7"},
    };

    for (size_t i = 0; i < sizeof(uris) / sizeof(uris[0]); i++) {
        struct coir_address address;
        char text[COIR_ADDRESS_SIZE];

        assert_int_equal(coir_address_read(uris[i][0], &address), 0);
        coir_address_print(&address, text);
        assert_memory_equal(text, uris[i][1], strlen(uris[i][1]));
    }
}
