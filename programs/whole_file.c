/* SPDX-License-Identifier: MIT
 *
 * A file that is there whole or not at all: see whole_file.h.
 */
#include "whole_file.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DRAFTS_MAX 100 /* that other processes of this number may have left behind */

static bool is_standard_output(const char *path)
{
    return strcmp(path, "-") == 0;
}

/* True if a draft could take its place: it is a regular file, or nothing yet. */
static bool is_replaceable(const char *path)
{
    struct stat status;

    return stat(path, &status) < 0 || S_ISREG(status.st_mode);
}

/* Of a pipe: waits for somebody to read from it. Signals that are blocked may end the process meanwhile, as nothing is
 * lost by that which anybody has asked for. */
static int open_when_read(const char *path)
{
    sigset_t none, before;
    int fd;

    sigemptyset(&none);
    pthread_sigmask(SIG_SETMASK, &none, &before);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return fd;
}

static int open_directly(const char *path)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0 && errno == ENXIO)
        fd = open_when_read(path);
    else if (fd >= 0)
        (void)fcntl(fd, F_SETFL, 0);
    return fd < 0 ? -errno : fd;
}

/* Never over what somebody else has put there. */
static int open_draft(struct whole_file *file)
{
    int rc = -EEXIST;

    for (int i = 0; rc == -EEXIST && i < DRAFTS_MAX; i++) {
        char *draft;

        if (asprintf(&draft, "%s.%d.%d", file->path, (int)getpid(), i) < 0)
            return -ENOMEM;
        rc = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (rc < 0) {
            rc = -errno;
            free(draft);
        } else {
            file->draft = draft;
        }
    }
    return rc;
}

/* Where a link leads that leads to nothing yet, in the folder of `path`; NULL = `path` is no link. */
static char *follow(const char *path)
{
    const char *slash = strrchr(path, '/');
    int folder_size = slash != NULL ? (int)(slash + 1 - path) : 0;
    char target[PATH_MAX];
    ssize_t size = readlink(path, target, sizeof(target));
    char *followed;

    if (size <= 0 || (size_t)size == sizeof(target))
        return NULL;
    if (asprintf(&followed, "%.*s%.*s", target[0] == '/' ? 0 : folder_size, path, (int)size, target) < 0)
        return NULL;
    return followed;
}

/* The path without links: a link stays one, and what it leads to is replaced. */
static char *resolve(const char *path)
{
    char *resolved = realpath(path, NULL);

    if (resolved == NULL)
        resolved = follow(path);
    return resolved != NULL ? resolved : strdup(path);
}

static void free_all(struct whole_file *file)
{
    if (file->stream != NULL)
        fclose(file->stream);
    if (file->fd >= 0)
        close(file->fd);
    free(file->bytes);
    free(file->path);
    free(file->draft);
    *file = (struct whole_file){.fd = -1};
}

int whole_file_open(const char *path, struct whole_file *ret_file)
{
    struct whole_file *file = ret_file;
    int rc;

    *file = (struct whole_file){.fd = -1};
    file->stream = open_memstream(&file->bytes, &file->size);
    if (file->stream == NULL)
        return -ENOMEM;
    if (is_standard_output(path)) {
        rc = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
        rc = rc < 0 ? -errno : rc;
    } else if (!is_replaceable(path)) {
        rc = open_directly(path);
    } else {
        file->path = resolve(path);
        rc = file->path != NULL ? open_draft(file) : -ENOMEM;
    }
    if (rc < 0) {
        free_all(file);
        return rc;
    }
    file->fd = rc;
    return 0;
}

int whole_file_check(const char *path)
{
    struct whole_file file;
    int rc;

    if (is_standard_output(path))
        return 0;
    if (!is_replaceable(path))
        return access(path, W_OK) == 0 ? 0 : -errno;
    rc = whole_file_open(path, &file);
    if (rc == 0)
        whole_file_drop(&file);
    return rc;
}

/* The folder that holds the file, and what it is called there: equal for equal files, also for those to come. */
static bool find_place(const char *path, struct stat *ret_folder, char ret_name[PATH_MAX])
{
    char *resolved = resolve(path);
    char *slash = resolved != NULL ? strrchr(resolved, '/') : NULL;
    bool found;

    if (resolved == NULL)
        return false;
    (void)snprintf(ret_name, PATH_MAX, "%s", slash != NULL ? slash + 1 : resolved);
    if (slash != NULL)
        slash[1] = '\0';
    found = stat(slash != NULL ? resolved : ".", ret_folder) == 0;
    free(resolved);
    return found;
}

bool whole_file_same(const char *path, const char *other)
{
    char name[PATH_MAX], other_name[PATH_MAX];
    struct stat status, other_status;

    if (strcmp(path, other) == 0)
        return true;
    if (stat(path, &status) == 0 && stat(other, &other_status) == 0)
        return status.st_dev == other_status.st_dev && status.st_ino == other_status.st_ino;
    return find_place(path, &status, name) && find_place(other, &other_status, other_name) &&
           status.st_dev == other_status.st_dev && status.st_ino == other_status.st_ino &&
           strcmp(name, other_name) == 0;
}

static int write_all(int fd, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t written = write(fd, bytes, size);

        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return -errno;
        bytes += written;
        size -= (size_t)written;
    }
    return 0;
}

/* A draft is on the disk before it takes its name, or a crash would leave an empty file under that. */
static int publish(struct whole_file *file)
{
    int fd = file->fd;

    file->fd = -1;
    if (fsync(fd) < 0) {
        int rc = -errno;

        close(fd);
        return rc;
    }
    if (close(fd) < 0 || rename(file->draft, file->path) < 0)
        return -errno;
    return 0;
}

int whole_file_keep(struct whole_file *file)
{
    bool is_complete = fflush(file->stream) == 0 && !ferror(file->stream); /* else memory has run out */
    int rc = is_complete ? write_all(file->fd, file->bytes, file->size) : -ENOMEM;

    if (rc == 0 && file->draft != NULL)
        rc = publish(file);
    if (rc < 0 && file->draft != NULL)
        unlink(file->draft);
    free_all(file);
    return rc;
}

void whole_file_drop(struct whole_file *file)
{
    if (file->draft != NULL)
        unlink(file->draft);
    free_all(file);
}
