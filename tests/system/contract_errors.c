/* SPDX-License-Identifier: MIT
 *
 * The table of error codes, each met where the contract says: -ECANCELED,
 * -ETIME, -ESHUTDOWN, -EBUSY, -EBADF, -ENOBUFS, and the codes below -4095;
 * "coir_error_name(), coir_error_text() cover all".
 */
#include "support/tasks.h"
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

TASK_TEST(canceled_means_that_a_scope_around_was_cancelled)
{
    struct coir_scope *outer = open_scope(NULL);
    struct coir_scope *inner = open_scope(NULL);

    coir_scope_cancel(outer);
    assert_int_equal(coir_yield(), -ECANCELED);
    assert_int_equal(coir_scope_close(inner), 0);
    assert_int_equal(coir_scope_close(outer), 0);
    assert_int_equal(coir_yield(), 0);
}

TASK_TEST(time_means_that_a_deadline_of_ours_passed)
{
    struct coir_scope *scope = open_scope(&(struct coir_scope_options){.limit_ns = COIR_MILLISECOND});

    assert_int_equal(coir_sleep(1000 * COIR_SECOND), -ETIME);
    assert_int_equal(coir_scope_close(scope), 0);
}

TASK_TEST(shutdown_means_that_the_scope_drains)
{
    struct coir_listener *listener;
    struct coir_stream *stream;
    struct coir_scope *scope = open_scope(NULL);
    char uri[64];

    snprintf(uri, sizeof(uri), "unix://@coir contract shutdown %d", (int)getpid());
    assert_int_equal(coir_listen(uri, NULL, &listener), 0);
    coir_scope_drain(scope, 0);
    assert_int_equal(coir_accept(listener, &stream), -ESHUTDOWN);
    coir_listener_close(listener);
    assert_int_equal(coir_scope_close(scope), 0);
}

static struct coir_stream *adopt_end(int *ret_other)
{
    struct coir_stream *stream;
    int ends[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    assert_int_equal(coir_adopt(ends[0], NULL, &stream), 0);
    *ret_other = ends[1];
    return stream;
}

static int read_one(void *arg)
{
    char byte;

    return (int)coir_read(arg, &byte, 1);
}

TASK_TEST(busy_means_that_another_task_reads_and_badf_that_the_owner_closed)
{
    int other, result = 77;
    struct coir_task_options options = {.ret_result = &result};
    struct coir_stream *stream = adopt_end(&other);
    struct coir_scope *scope = open_independent();

    assert_int_equal(coir_spawn(scope, read_one, stream, &options), 0);
    let_others_run(1);
    assert_int_equal(read_one(stream), -EBUSY);
    coir_abort(stream);
    assert_int_equal(coir_scope_close(scope), -EBADF);
    assert_int_equal(result, -EBADF);
}

TASK_TEST(busy_means_that_a_slice_is_still_out)
{
    struct coir_slice slice, second;
    int other;
    struct coir_stream *stream = adopt_end(&other);

    assert_int_equal(send(other, "abc", 3, 0), 3);
    assert_int_equal(coir_receive(stream, &slice), 1);
    assert_int_equal(coir_receive(stream, &second), -EBUSY);
    coir_release(&slice);
    coir_abort(stream);
}

static int spend_budget(void *arg)
{
    struct coir_slice slice;
    int other;
    struct coir_stream *stream = adopt_end(&other);
    coir_time start = coir_now();

    (void)arg;
    assert_int_equal(send(other, "abc", 3, 0), 3);
    assert_int_equal(coir_receive(stream, &slice), -ENOBUFS);
    assert_true(coir_now() - start < 5 * COIR_SECOND); /* never a wait */
    coir_abort(stream);
    return 0;
}

TEST(nobufs_means_that_the_byte_budget_is_spent)
{
    struct coir_run_options options = {.byte_budget = 1};

    assert_int_equal(coir_run(spend_budget, NULL, &options), 0);
}

TASK_TEST(codes_of_addresses_are_below_those_of_errno)
{
    struct coir_stream *stream;

    _Static_assert(COIR_ERROR_ADDRESS < -4095 && COIR_ERROR_HOST_NAME < -4095, "apart from every errno");
    assert_int_equal(coir_connect("tcp//127.0.0.1:7", NULL, &stream), COIR_ERROR_ADDRESS);
    assert_int_equal(coir_connect("tcp://localhost:7", NULL, &stream), COIR_ERROR_HOST_NAME);
}

static void check_text(int code)
{
    const char *text = coir_error_text(code);
    size_t length = strlen(text);

    assert_true(length > 0);
    assert_true(text[length - 1] != '.');
    assert_ptr_equal(text, coir_error_text(-code));
}

/* What is an errno the C library says, where it can. */
static const char *errno_name(int code)
{
#ifdef __GLIBC__
    return strerrorname_np(code);
#else
    (void)code;
    TEST_SKIP("the C library does not name its codes");
    return NULL;
#endif
}

TEST(names_and_texts_cover_all_codes)
{
    for (int code = 1; code < 4096; code++) {
        const char *known = errno_name(code);

        assert_string_equal(coir_error_name(-code), known != NULL ? known : "UNKNOWN");
        assert_string_equal(coir_error_name(code), coir_error_name(-code));
        if (known != NULL)
            check_text(-code);
    }
    assert_string_equal(coir_error_name(COIR_ERROR_ADDRESS), "COIR_ERROR_ADDRESS");
    assert_string_equal(coir_error_name(COIR_ERROR_HOST_NAME), "COIR_ERROR_HOST_NAME");
    check_text(COIR_ERROR_ADDRESS);
    check_text(COIR_ERROR_HOST_NAME);
}

TEST(numbers_that_nobody_defined_have_a_name_and_a_text_too)
{
    static const int strangers[] = {-100000, 100000, INT_MAX, INT_MIN, INT_MIN + 1};

    for (size_t i = 0; i < sizeof(strangers) / sizeof(strangers[0]); i++) {
        assert_string_equal(coir_error_name(strangers[i]), "UNKNOWN");
        assert_true(strlen(coir_error_text(strangers[i])) > 0);
    }
}

TEST(texts_of_our_own_codes_tell_them_apart)
{
    static const int ours[] = {-ECANCELED, -ETIME,   -ETIMEDOUT,         -ESHUTDOWN,          -EBUSY,
                               -EBADF,     -ENOBUFS, COIR_ERROR_ADDRESS, COIR_ERROR_HOST_NAME};

    for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(coir_error_text(ours[i]), coir_error_text(ours[j]));
}

/* What a message about each bad address must name. */
TEST(an_address_that_is_refused_has_a_flaw_of_its_own)
{
    static const char *const flaws[][2] = {
        {"", "tcp://, udp://, unix:// or fd://"},
        {"localhost", "tcp://, udp://, unix:// or fd://"},
        {"127.0.0.1:7", "tcp://, udp://, unix:// or fd://"},
        {"gopher://127.0.0.1:7", "tcp://, udp://, unix:// or fd://"},
        {"TCP://127.0.0.1:7", "tcp://, udp://, unix:// or fd://"},
        {"tcp://127.0.0.1", "port is missing"},
        {"tcp://127.0.0.1:", "port is missing"},
        {"tcp://[::1]", "port is missing"},
        {"tcp://", "port is missing"},
        {"tcp://localhost", "port is missing"},
        {"tcp://127.0.0.1:65536", "port is no number"},
        {"tcp://127.0.0.1:http", "port is no number"},
        {"tcp://:-1", "port is no number"},
        {"tcp://::1:7", "brackets, as in tcp://[::1]:7"},
        {"tcp://fe80::1", "brackets, as in tcp://[::1]:7"},
        {"tcp://[::1:7", "brackets, as in tcp://[::1]:7"},
        {"tcp://[12345::]:7", "no IPv6 address"},
        {"tcp://[127.0.0.1]:7", "no IPv6 address"},
        {"tcp://[fe80::1%eth0]:7", "interface's number"},
        {"tcp://127.0.0:7", "no IPv4 address"},
        {"tcp://127.0.0.256:7", "no IPv4 address"},
        {"tcp://localhost:7", "host names"},
        {"unix://relative/path", "path from the root"},
        {"unix://", "path from the root"},
        {"udp://127.0.0.1", "port is missing"},
        {"udp://localhost:7", "host names"},
        {"unix://@", "@ and a name"},
        {"fd://", "number of a descriptor"},
        {"fd://-1", "number of a descriptor"},
    };

    for (size_t i = 0; i < sizeof(flaws) / sizeof(flaws[0]); i++) {
        const char *text = coir_address_flaw(flaws[i][0]);

        if (text == NULL || strstr(text, flaws[i][1]) == NULL)
            fail_msg("'%s': %s", flaws[i][0], text != NULL ? text : "nothing is wrong");
        assert_int_not_equal(text[strlen(text) - 1], '.');
    }
}

TEST(a_path_that_is_too_long_is_a_flaw)
{
    char uri[7 + 108 + 1];

    snprintf(uri, sizeof(uri), "unix:///%0107d", 7);
    assert_non_null(strstr(coir_address_flaw(uri), "107 bytes"));
    uri[7 + 107] = '\0';
    assert_null(coir_address_flaw(uri));
}

TEST(an_address_of_the_right_form_has_no_flaw)
{
    static const char *const good[] = {
        "tcp://127.0.0.1:7", "tcp://[::1]:7", "tcp://[fe80::1%2]:7", "tcp://:0",
        "udp://127.0.0.1:7", "unix:///x",     "unix://@x",           "fd://3",
    };

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_null(coir_address_flaw(good[i]));
}

/* The words and the calls agree, whatever is asked for. */
TASK_TEST(what_has_a_flaw_is_refused_and_the_other_way_round)
{
    static const char *const uris[] = {
        "",          "tcp:/127.0.0.1:0",  "tcp://[::1:0", "tcp://127.0.0.1:x", "tcp://localhost:0", "tcp://127.0.0.1:0",
        "unix://no", "unix://@coir-flaw", "fd://x",       "fd://987654",
    };

    for (size_t i = 0; i < sizeof(uris) / sizeof(uris[0]); i++) {
        struct coir_listener *listener = NULL;
        int rc = coir_listen(uris[i], NULL, &listener);

        assert_int_equal(coir_address_flaw(uris[i]) != NULL, rc == COIR_ERROR_ADDRESS || rc == COIR_ERROR_HOST_NAME);
        coir_listener_close(listener);
    }
}
