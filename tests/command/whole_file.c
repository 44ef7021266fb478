/* SPDX-License-Identifier: MIT
 *
 * Files that are there whole or not at all.
 */
#include "whole_file.h"
#include "support/test.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[32];
static char path[64], link_path[64];

static void make_folder(void)
{
    snprintf(folder, sizeof(folder), "/tmp/coir-whole-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/file", folder);
    snprintf(link_path, sizeof(link_path), "%s/link", folder);
}

static int count_entries(void)
{
    DIR *entries = opendir(folder);
    int count = -2; /* . and .. */

    assert_non_null(entries);
    while (readdir(entries) != NULL)
        count++;
    closedir(entries);
    return count;
}

static void remove_folder(void)
{
    unlink(path);
    unlink(link_path);
    assert_int_equal(rmdir(folder), 0);
}

static void put(const char *text)
{
    struct whole_file file;

    assert_int_equal(whole_file_open(path, &file), 0);
    fputs(text, file.stream);
    assert_int_equal(whole_file_keep(&file), 0);
}

static void expect_text(const char *text)
{
    char got[64] = "";
    FILE *file = fopen(path, "r");

    assert_non_null(file);
    assert_true(fread(got, 1, sizeof(got) - 1, file) < sizeof(got));
    fclose(file);
    assert_string_equal(got, text);
}

TEST(it_is_there_when_it_is_kept_and_not_before)
{
    struct whole_file file;
    struct stat status;

    make_folder();
    umask(027);
    put("first");
    assert_int_equal(whole_file_open(path, &file), 0);
    fputs("second", file.stream);
    fflush(file.stream);
    expect_text("first");
    assert_int_equal(whole_file_keep(&file), 0);
    expect_text("second");
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0640);
    assert_int_equal(count_entries(), 1);
    remove_folder();
}

TEST(what_is_dropped_leaves_nothing)
{
    struct whole_file file;

    make_folder();
    assert_int_equal(whole_file_open(path, &file), 0);
    fputs("nothing", file.stream);
    whole_file_drop(&file);
    assert_int_equal(count_entries(), 0);
    remove_folder();
}

/* A disk that is full, as far as one process can tell. */
TEST(what_does_not_fit_leaves_the_old_one)
{
    struct rlimit limit;
    struct whole_file file;

    make_folder();
    put("old");
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = 1000;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(whole_file_open(path, &file), 0);
    for (int i = 0; i < 1000; i++)
        fputs("0123456789", file.stream);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    assert_int_equal(whole_file_keep(&file), -EFBIG);
    limit.rlim_cur = limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    expect_text("old");
    assert_int_equal(count_entries(), 1);
    remove_folder();
}

TEST(drafts_of_others_are_left_alone)
{
    char draft[96];
    struct whole_file file;
    int fd;

    make_folder();
    snprintf(draft, sizeof(draft), "%s.%d.0", path, (int)getpid());
    fd = open(draft, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    close(fd);
    put("text");
    expect_text("text");
    assert_int_equal(unlink(draft), 0);
    assert_int_equal(count_entries(), 1);
    assert_int_equal(whole_file_open("/nonexistent/folder/file", &file), -ENOENT);
    remove_folder();
}

/* Writes through a link to the file, which is there or is not. */
static void expect_link_to_stay(void)
{
    struct whole_file file;
    struct stat status;

    assert_int_equal(symlink("file", link_path), 0);
    assert_true(whole_file_same(link_path, path));
    assert_int_equal(whole_file_open(link_path, &file), 0);
    fputs("new", file.stream);
    assert_int_equal(whole_file_keep(&file), 0);
    assert_int_equal(lstat(link_path, &status), 0);
    assert_true(S_ISLNK(status.st_mode));
    expect_text("new");
}

TEST(a_link_stays_a_link)
{
    make_folder();
    put("old");
    expect_link_to_stay();
    remove_folder();
}

TEST(a_link_that_leads_nowhere_stays_a_link)
{
    make_folder();
    expect_link_to_stay();
    remove_folder();
}

TEST(one_file_has_many_names)
{
    char longer[128], other[128];

    make_folder();
    snprintf(longer, sizeof(longer), "%s/./file", folder);
    snprintf(other, sizeof(other), "%s/other", folder);
    for (int i = 0; i < 2; i++) { /* before it is there, and after that */
        assert_true(whole_file_same(path, longer));
        assert_false(whole_file_same(path, other));
        put("text");
    }
    assert_int_equal(symlink("file", link_path), 0);
    assert_true(whole_file_same(path, link_path));
    assert_false(whole_file_same("/nonexistent/file", path));
    remove_folder();
}

TEST(a_check_leaves_nothing_and_no_reader_sees_it)
{
    struct pollfd reader = {.events = POLLIN};

    make_folder();
    assert_int_equal(whole_file_check(path), 0);
    assert_int_equal(count_entries(), 0);
    assert_int_equal(whole_file_check("/nonexistent/folder/file"), -ENOENT);
    assert_int_equal(mkfifo(path, 0600), 0);
    reader.fd = open(path, O_RDONLY | O_NONBLOCK);
    assert_int_equal(whole_file_check(path), 0);
    assert_int_equal(poll(&reader, 1, 0), 0);
    put("text");
    assert_int_equal(poll(&reader, 1, 0), 1);
    assert_true(reader.revents & POLLHUP); /* as it would have been at once, had somebody come and gone */
    close(reader.fd);
    remove_folder();
}

TEST(what_is_no_file_is_written_and_not_replaced)
{
    struct whole_file file;
    struct stat status;

    assert_int_equal(whole_file_open("/dev/full", &file), 0);
    fputs("text", file.stream);
    assert_int_equal(whole_file_keep(&file), -ENOSPC);
    assert_int_equal(stat("/dev/full", &status), 0);
    assert_true(S_ISCHR(status.st_mode));
    make_folder();
    assert_int_equal(whole_file_open(folder, &file), -EISDIR);
    remove_folder();
}

TEST(a_dash_is_standard_output)
{
    struct whole_file file;
    char text[16] = "";
    int pipe_fds[2];
    int saved = dup(STDOUT_FILENO);

    assert_int_equal(pipe(pipe_fds), 0);
    assert_true(dup2(pipe_fds[1], STDOUT_FILENO) >= 0);
    assert_int_equal(whole_file_open("-", &file), 0);
    fputs("text", file.stream);
    assert_int_equal(whole_file_keep(&file), 0);
    assert_true(dup2(saved, STDOUT_FILENO) >= 0);
    assert_int_equal(read(pipe_fds[0], text, sizeof(text)), 4);
    assert_string_equal(text, "text");
    close(pipe_fds[0]);
    close(pipe_fds[1]);
    close(saved);
}
