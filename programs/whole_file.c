/* SPDX-License-Identifier: MIT
 *
 * A file that is there whole or not at all: see whole_file.h.
 */
#include "whole_file.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DRAFTS_MAX 100 /* that other processes of this number may have left behind */

/* True if a draft could take its place: it is a regular file, or nothing yet. */
static bool is_replaceable(const char *path)
{
    struct stat status;

    return stat(path, &status) < 0 || S_ISREG(status.st_mode);
}

static int open_directly(const char *path)
{
    int fd = strcmp(path, "-") == 0 ? fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0) : open(path, O_WRONLY | O_CLOEXEC);

    return fd < 0 ? -errno : fd;
}

/* Never over what somebody else has put there. */
static int open_draft(struct whole_file *file)
{
    int fd = -1;

    for (int i = 0; fd < 0 && i < DRAFTS_MAX; i++) {
        free(file->draft);
        if (asprintf(&file->draft, "%s.%d.%d", file->path, (int)getpid(), i) < 0) {
            file->draft = NULL;
            return -ENOMEM;
        }
        fd = open(file->draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd < 0 && errno != EEXIST)
            return -errno;
    }
    return fd < 0 ? -EEXIST : fd;
}

/* The path without links: a link stays one, and what it leads to is replaced. */
static char *resolve(const char *path)
{
    char *resolved = realpath(path, NULL);

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
    if (strcmp(path, "-") == 0 || !is_replaceable(path)) {
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
