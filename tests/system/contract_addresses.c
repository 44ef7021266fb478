/* SPDX-License-Identifier: MIT
 *
 * struct coir_address: from text, to text, its port, and which are the same;
 * all of it outside a task.
 */
#include "support/test.h"
#include <coir.h>
#include <stdio.h>
#include <string.h>

static struct coir_address address_of(const char *uri)
{
    struct coir_address address;

    if (coir_address_read(uri, &address) != 0)
        fail_msg("%s is refused", uri);
    return address;
}

TEST(an_address_prints_as_it_is_read)
{
    static const char *const good[][2] = {
        {"udp://127.0.0.1:7", NULL},
        {"udp://0.0.0.0:0", NULL},
        {"udp://255.255.255.255:65535", NULL},
        {"udp://1.2.3.4:007", "udp://1.2.3.4:7"},
        {"udp://[::1]:7", NULL},
        {"udp://[2001:DB8:0:0:0:0:0:1]:80", "udp://[2001:db8::1]:80"},
        {"udp://[fe80::1%2]:7", NULL},
        {"udp://[::ffff:10.0.0.1]:7", "udp://10.0.0.1:7"},
        {"unix:///run/x.sock", NULL},
        {"unix://@abstract", NULL},
    };

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct coir_address address = address_of(good[i][0]);
        char text[COIR_ADDRESS_SIZE];

        coir_address_print(&address, text);
        assert_string_equal(text, good[i][1] != NULL ? good[i][1] : good[i][0]);
    }
}

TEST(the_longest_unix_paths_have_room)
{
    char uri[7 + 108 + 1], text[COIR_ADDRESS_SIZE];
    struct coir_address address, kept = {{1}};

    snprintf(uri, sizeof(uri), "unix:///%0107d", 7);
    address = kept;
    assert_int_equal(coir_address_read(uri, &address), -ENAMETOOLONG);
    assert_memory_equal(&address, &kept, sizeof(kept));
    uri[7 + 107] = '\0';
    address = address_of(uri);
    coir_address_print(&address, text);
    assert_string_equal(text, uri);
    uri[7] = '@';
    address = address_of(uri);
    coir_address_print(&address, text);
    assert_string_equal(text, uri);
}

TEST(what_is_no_address_is_refused)
{
    static const struct {
        const char *uri;
        int code;
    } bad[] = {
        {"", COIR_ERROR_ADDRESS},
        {"udp://", COIR_ERROR_ADDRESS},
        {"udp://:7", COIR_ERROR_ADDRESS}, /* of every address none is meant */
        {"udp://127.0.0.1", COIR_ERROR_ADDRESS},
        {"udp://127.0.0.1:65536", COIR_ERROR_ADDRESS},
        {"udp://localhost:7", COIR_ERROR_HOST_NAME},
        {"tcp://127.0.0.1:7", COIR_ERROR_ADDRESS},
        {"udpx://127.0.0.1:7", COIR_ERROR_ADDRESS},
        {"ud://127.0.0.1:7", COIR_ERROR_ADDRESS},
        {"fd://3", COIR_ERROR_ADDRESS},
        {"unix://relative", COIR_ERROR_ADDRESS},
        {"unix://", COIR_ERROR_ADDRESS},
    };
    struct coir_address kept = {{1}};

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct coir_address address = kept;

        assert_int_equal(coir_address_read(bad[i].uri, &address), bad[i].code);
        assert_memory_equal(&address, &kept, sizeof(kept));
    }
}

TEST(a_port_is_told)
{
    static const struct {
        const char *uri;
        int port;
    } some[] = {
        {"udp://127.0.0.1:7", 7}, {"udp://[::1]:65535", 65535}, {"udp://1.2.3.4:0", 0}, {"unix:///x", 0},
        {"unix://@x", 0},
    };

    for (size_t i = 0; i < sizeof(some) / sizeof(some[0]); i++) {
        struct coir_address address = address_of(some[i].uri);

        assert_int_equal(coir_address_port(&address), some[i].port);
    }
}

TEST(only_what_is_the_same_is_the_same)
{
    static const char *const different[] = {
        "udp://1.2.3.4:7",     "udp://1.2.3.4:8", "udp://1.2.3.5:7", "udp://[::1]:7", "udp://[fe80::1]:7",
        "udp://[fe80::1%2]:7", "unix:///abc",     "unix:///abcd",    "unix://@abc",   "unix://@/abc",
    };
    size_t count = sizeof(different) / sizeof(different[0]);

    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < count; j++) {
            struct coir_address one = address_of(different[i]);
            struct coir_address other = address_of(different[j]);

            assert_int_equal(coir_address_same(&one, &other), i == j);
        }
}

TEST(mapped_ip4_is_ip4)
{
    struct coir_address plain = address_of("udp://10.0.0.1:7");
    struct coir_address mapped = address_of("udp://[::ffff:10.0.0.1]:7");

    assert_true(coir_address_same(&plain, &mapped));
    assert_int_equal(coir_address_port(&mapped), 7);
}

TEST(all_zero_is_none)
{
    struct coir_address none = {{0}};
    struct coir_address some = address_of("udp://0.0.0.0:0");
    char text[COIR_ADDRESS_SIZE] = "something";

    coir_address_print(&none, text);
    assert_string_equal(text, "");
    assert_int_equal(coir_address_port(&none), 0);
    assert_false(coir_address_same(&none, &some));
    assert_true(coir_address_same(&none, &none));
}

static void read_nowhere(void *argument)
{
    (void)!coir_address_read(argument, NULL);
}

static void print_garbage(void *argument)
{
    struct coir_address address;
    char text[COIR_ADDRESS_SIZE];

    (void)argument;
    memset(&address, 0xff, sizeof(address));
    coir_address_print(&address, text);
}

TEST(misuse_is_caught)
{
    ASSERT_DIES(read_nowhere, (void *)(uintptr_t) "udp://1.2.3.4:7", "coir: misuse: ");
    ASSERT_DIES(print_garbage, NULL, "coir: misuse: ");
}
