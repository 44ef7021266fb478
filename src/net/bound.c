/* SPDX-License-Identifier: MIT
 *
 * Bound sockets: see bound.h.
 */
#include "net/bound.h"
#include "base/alloc.h"
#include "io/loop.h"
#include "kernel/kernel.h"
#include <errno.h>
#include <string.h>

struct socket_file {
    uint64_t device;
    uint64_t number;
    char path[]; /* with its terminating zero */
};

static int open_at(const struct address *address, const struct endpoint_plan *plan, struct endpoint **ret_endpoint)
{
    struct engine *engine = loop_current()->engine;
    struct endpoint_plan here = *plan;

    here.address = &address->any;
    here.address_size = address->size;
    here.family = address->any.sa_family;
    here.dual_stack = address->every;
    return engine->table->open(engine, &here, ret_endpoint);
}

/* The file of a server that died without removing it: a socket that refuses connections. Others are left alone. */
static bool remove_stale_file(const struct address *address)
{
    struct stat status;
    int fd;
    int rc;

    if (address->any.sa_family != AF_UNIX || address->local.sun_path[0] == '\0')
        return false;
    if (kernel_lstat(address->local.sun_path, &status) < 0 || !S_ISSOCK(status.st_mode))
        return false;
    fd = kernel_socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd < 0)
        return false;
    rc = kernel_connect(fd, &address->any, address->size);
    (void)kernel_close(fd);
    return rc == -ECONNREFUSED && kernel_unlink(address->local.sun_path) == 0;
}

static int open_anew(const struct address *address, const struct endpoint_plan *plan, struct endpoint **ret_endpoint)
{
    struct address ip4 = {.ip4 = {.sin_family = AF_INET, .sin_port = address->ip6.sin6_port},
                          .size = sizeof(struct sockaddr_in)};
    int rc = open_at(address, plan, ret_endpoint);

    if (address->every && (rc == -EAFNOSUPPORT || rc == -EADDRNOTAVAIL))
        rc = open_at(&ip4, plan, ret_endpoint);
    else if (rc == -EADDRINUSE && remove_stale_file(address))
        rc = open_at(address, plan, ret_endpoint);
    return rc;
}

/* Room for what is to be known of the file, before there is one; NULL where there will be none. */
static int prepare_file(const struct address *address, struct socket_file **ret_file)
{
    const char *path = address->local.sun_path;
    struct socket_file *file = NULL;

    if (address->any.sa_family == AF_UNIX && path[0] != '\0') {
        file = alloc_bytes(sizeof(*file) + strlen(path) + 1);
        if (file == NULL)
            return -ENOMEM;
        memcpy(file->path, path, strlen(path) + 1);
    }
    *ret_file = file;
    return 0;
}

/* Remembers which file is ours; another server may put its own in its place. Where that fails, we made it just now. */
static int identify_file(struct socket_file *file)
{
    struct stat status;
    int rc;

    if (file == NULL)
        return 0;
    rc = kernel_lstat(file->path, &status);
    if (rc < 0) {
        (void)kernel_unlink(file->path);
        return rc;
    }
    file->device = status.st_dev;
    file->number = status.st_ino;
    return 0;
}

static int open_and_identify(const struct address *address, const struct endpoint_plan *plan, struct socket_file *file,
                             struct endpoint **ret_endpoint)
{
    struct engine *engine = loop_current()->engine;
    struct endpoint *endpoint;
    int rc = open_anew(address, plan, &endpoint);

    if (rc < 0)
        return rc;
    rc = identify_file(file);
    if (rc < 0) {
        engine->table->close(engine, endpoint, ENDPOINT_CLOSE);
        return rc;
    }
    *ret_endpoint = endpoint;
    return 0;
}

int bound_open(const struct address *address, const struct endpoint_plan *plan, struct socket_file **ret_file,
               struct endpoint **ret_endpoint)
{
    struct socket_file *file;
    int rc = prepare_file(address, &file);

    if (rc < 0)
        return rc;
    rc = open_and_identify(address, plan, file, ret_endpoint);
    if (rc < 0) {
        alloc_free(file);
        return rc;
    }
    *ret_file = file;
    return 0;
}

void bound_remove_file(struct socket_file *file)
{
    struct stat status;

    if (file == NULL)
        return;
    if (kernel_lstat(file->path, &status) == 0 && status.st_dev == file->device && status.st_ino == file->number)
        (void)kernel_unlink(file->path);
    alloc_free(file);
}
