/* SPDX-License-Identifier: MIT
 *
 * The contract of names of the Unix domain, for listeners and for datagram
 * sockets: what is bound, which file is replaced, and who removes it.
 */
#include "support/bound.h"
#include <fcntl.h>

/* A name in a new directory. */
struct site {
    const char *directory;
    const char *path;
    char uri[128];
};

static void make_site(struct site *ret_site)
{
    ret_site->directory = peer_make_directory();
    ret_site->path = session_path(ret_site->directory, "s", ret_site->uri);
}

/* A case for each kind, in a directory of its own that it leaves empty. */
#define PATH_TEST(case_name)                                                                                           \
    static void case_name(const struct bound_kind *kind, const struct site *site);                                     \
    SESSION_TEST(case_name)                                                                                            \
    {                                                                                                                  \
        for (int i = 0; i < BOUND_KINDS; i++) {                                                                        \
            struct site site;                                                                                          \
                                                                                                                       \
            make_site(&site);                                                                                          \
            case_name(&bound_kinds[i], &site);                                                                         \
            peer_remove_directory(site.directory);                                                                     \
        }                                                                                                              \
    }                                                                                                                  \
    static void case_name(const struct bound_kind *kind, const struct site *site)

PATH_TEST(a_path_is_bound_and_removed_by_who_bound_it)
{
    void *socket = bound_open(kind, site->uri);

    assert_string_equal(kind->local(socket), site->uri);
    kind->visit(site->path);
    assert_int_equal(access(site->path, F_OK), 0);
    kind->close(socket);
    assert_int_equal(access(site->path, F_OK), -1);
}

PATH_TEST(a_stale_file_is_replaced)
{
    for (int other = 0; other < BOUND_KINDS; other++) {
        void *socket;

        close(bound_kinds[other].serve(site->path)); /* a server that died leaves its file */
        assert_int_equal(access(site->path, F_OK), 0);
        socket = bound_open(kind, site->uri);
        kind->visit(site->path);
        kind->close(socket);
    }
}

PATH_TEST(the_file_of_a_live_server_is_left_alone)
{
    for (int other = 0; other < BOUND_KINDS; other++) {
        int server = bound_kinds[other].serve(site->path);

        bound_expect_refused(kind, site->uri, -EADDRINUSE);
        bound_kinds[other].visit(site->path); /* still his */
        close(server);
        assert_int_equal(unlink(site->path), 0);
    }
}

PATH_TEST(a_live_server_with_a_full_queue_is_alive)
{
    int other = peer_listen_path(site->path, 0);
    int waiting = peer_connect_path(site->path);

    bound_expect_refused(kind, site->uri, -EADDRINUSE);
    assert_int_equal(unlink(site->path), 0);
    close(waiting);
    close(other);
}

PATH_TEST(a_file_that_is_no_socket_is_left_alone)
{
    char stale_uri[128];
    const char *stale = session_path(site->directory, "t", stale_uri);

    close(open(site->path, O_CREAT | O_WRONLY, 0600));
    bound_expect_refused(kind, site->uri, -EADDRINUSE);
    assert_int_equal(unlink(site->path), 0);
    close(kind->serve(stale));
    assert_int_equal(symlink(stale, site->path), 0); /* a link to a stale socket is somebody's intention */
    bound_expect_refused(kind, site->uri, -EADDRINUSE);
    assert_int_equal(unlink(site->path), 0);
    assert_int_equal(unlink(stale), 0);
}

PATH_TEST(a_file_that_another_put_in_its_place_is_not_removed)
{
    void *socket = bound_open(kind, site->uri);
    int other;

    assert_int_equal(unlink(site->path), 0);
    other = kind->serve(site->path);
    kind->close(socket);
    kind->visit(site->path);
    close(other);
    assert_int_equal(unlink(site->path), 0);
}

PATH_TEST(the_file_of_a_given_socket_is_its_givers)
{
    void *socket = bound_open(kind, session_fd(kind->serve(site->path)));

    assert_string_equal(kind->local(socket), site->uri);
    kind->close(socket);
    assert_int_equal(unlink(site->path), 0);
}

PATH_TEST(a_given_socket_is_taken_once)
{
    struct coir_run_info run;
    void *socket;
    int fd;

    assert_int_equal(coir_run_info(&run), 0);
    if (strcmp(run.engine, "epoll") != 0)
        return; /* poll(2) would not mind */
    fd = kind->serve(site->path);
    socket = bound_open(kind, session_fd(fd));
    bound_expect_refused(kind, session_fd(fd), -EEXIST);
    kind->visit(site->path);
    kind->close(socket);
    assert_int_equal(unlink(site->path), 0);
}

SESSION_TEST(an_abstract_name_is_bound)
{
    for (int i = 0; i < BOUND_KINDS; i++) {
        const struct bound_kind *kind = &bound_kinds[i];
        void *socket = bound_open(kind, session_abstract());

        assert_string_equal(kind->local(socket), session_abstract());
        bound_expect_refused(kind, session_abstract(), -EADDRINUSE);
        kind->visit(session_abstract() + 7);
        kind->close(socket);
        kind->close(bound_open(kind, session_abstract()));
    }
}

SESSION_TEST(errors_of_paths_name_their_cause)
{
    char uri[200];

    snprintf(uri, sizeof(uri), "unix:///tmp/%0110d", 7);
    for (int i = 0; i < BOUND_KINDS; i++) {
        bound_expect_refused(&bound_kinds[i], "unix:///nowhere/at/all", -ENOENT);
        bound_expect_refused(&bound_kinds[i], "unix:///dev/null/s", -ENOTDIR);
        bound_expect_refused(&bound_kinds[i], uri, -ENAMETOOLONG);
    }
}
