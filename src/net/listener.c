/* SPDX-License-Identifier: MIT
 *
 * Listening: opening, closing and asking. Accepting is in accept.c.
 */
#include "net/listener.h"
#include "base/alloc.h"
#include "io/loop.h"
#include "kernel/kernel.h"
#include "net/given.h"
#include "net/net.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define DEFAULT_BACKLOG 4096

static bool is_listener(const struct coir_listener *listener)
{
    return listener != NULL && slab_owns(&net_current()->listeners, listener);
}

/* A handle that has no endpoint yet. */
static int make_listener(const struct stream_settings *settings, struct coir_listener **ret_listener)
{
    struct coir_listener *listener = slab_take(&net_current()->listeners);

    if (listener == NULL)
        return -ENOMEM;
    listener->endpoint = NULL;
    listener->file = NULL;
    listener->linger = settings->linger;
    listener->accepted = 0;
    listener->last_accept = 0;
    listener->accepting = false;
    listener->adopted = false;
    listener->refusing = false;
    *ret_listener = listener;
    return 0;
}

static int open_endpoint(const struct address *address, int backlog, const struct endpoint_tuning *tuning,
                         struct endpoint **ret_endpoint)
{
    struct engine *engine = loop_current()->engine;
    struct endpoint_plan plan = {
        .purpose = ENDPOINT_TO_LISTEN,
        .address = &address->any,
        .address_size = address->size,
        .family = address->any.sa_family,
        .dual_stack = address->every,
        .backlog = backlog,
        .tuning = *tuning,
    };

    return engine->table->open(engine, &plan, ret_endpoint);
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

/* Every address means IPv6 and IPv4 by one socket, or IPv4 alone on a host without IPv6. A stale file is replaced. */
static int listen_on(const struct address *address, int backlog, const struct endpoint_tuning *tuning,
                     struct endpoint **ret_endpoint)
{
    struct address ip4 = {.ip4 = {.sin_family = AF_INET, .sin_port = address->ip6.sin6_port},
                          .size = sizeof(struct sockaddr_in)};
    int rc = open_endpoint(address, backlog, tuning, ret_endpoint);

    if (address->every && (rc == -EAFNOSUPPORT || rc == -EADDRNOTAVAIL))
        rc = open_endpoint(&ip4, backlog, tuning, ret_endpoint);
    else if (rc == -EADDRINUSE && remove_stale_file(address))
        rc = open_endpoint(address, backlog, tuning, ret_endpoint);
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

/* Opens the endpoint of a listener that is otherwise complete. On failure no file is left that was not there before. */
static int open_listener(struct coir_listener *listener, const struct address *address, int backlog,
                         const struct endpoint_tuning *tuning)
{
    struct engine *engine = loop_current()->engine;
    struct endpoint *endpoint;
    int rc = listen_on(address, backlog, tuning, &endpoint);

    if (rc < 0)
        return rc;
    rc = identify_file(listener->file);
    if (rc < 0) {
        engine->table->close(engine, endpoint, ENDPOINT_CLOSE);
        return rc;
    }
    listener->endpoint = endpoint;
    return 0;
}

int listener_open(const struct address *address, const struct coir_listen_options *options,
                  struct coir_listener **ret_listener)
{
    struct coir_listener *listener;
    struct stream_settings settings;
    int rc = options->backlog < 0 ? -EINVAL : options_settle(&options->stream, &settings);

    if (rc == 0)
        rc = make_listener(&settings, &listener);
    if (rc != 0)
        return rc;
    rc = prepare_file(address, &listener->file);
    if (rc == 0)
        rc = open_listener(listener, address, options->backlog > 0 ? options->backlog : DEFAULT_BACKLOG,
                           &settings.tuning);
    if (rc < 0) {
        alloc_free(listener->file);
        slab_give(&net_current()->listeners, listener);
        return rc;
    }
    *ret_listener = listener;
    return 0;
}

/* Is it a stream socket that listens? */
static int check_listening(int fd, int *ret_family)
{
    int listens = 0;
    int rc = given_check(fd, ret_family);

    if (rc == 0)
        rc = given_option(fd, SO_ACCEPTCONN, &listens);
    return rc == 0 && !listens ? -EINVAL : rc;
}

/* accept(2) on a blocking descriptor would stop the whole scheduler; one that the engine does not take stays as it was.
 */
static int adopt_nonblocking(int fd, int family, const struct endpoint_tuning *tuning, struct endpoint **ret_endpoint)
{
    int flags = kernel_get_flags(fd);
    bool blocks = (flags & O_NONBLOCK) == 0;
    int rc = flags;

    if (rc >= 0 && blocks)
        rc = kernel_set_flags(fd, flags | O_NONBLOCK);
    if (rc < 0)
        return rc;
    rc = given_adopt(fd, family, tuning, ret_endpoint);
    if (rc < 0 && blocks)
        (void)kernel_set_flags(fd, flags);
    return rc;
}

int listener_adopt(int fd, const struct coir_listen_options *options, struct coir_listener **ret_listener)
{
    struct stream_settings settings;
    struct coir_listener *listener;
    int family = AF_UNSPEC;
    int rc = options->backlog < 0 ? -EINVAL : options_settle(&options->stream, &settings);

    if (rc == 0)
        rc = check_listening(fd, &family);
    if (rc == 0)
        rc = make_listener(&settings, &listener);
    if (rc != 0)
        return rc;
    rc = adopt_nonblocking(fd, family, &settings.tuning, &listener->endpoint);
    if (rc < 0) {
        slab_give(&net_current()->listeners, listener);
        return rc;
    }
    listener->adopted = true;
    *ret_listener = listener;
    return 0;
}

/* Before the socket is closed: afterwards the path may already be somebody else's. */
static void remove_file(struct socket_file *file)
{
    struct stat status;

    if (file == NULL)
        return;
    if (kernel_lstat(file->path, &status) == 0 && status.st_dev == file->device && status.st_ino == file->number)
        (void)kernel_unlink(file->path);
    alloc_free(file);
}

void coir_listener_close(struct coir_listener *listener)
{
    struct engine *engine;

    if (listener == NULL)
        return;
    ASSERT(task_is_running());
    ASSERT(is_listener(listener));
    engine = loop_current()->engine;
    remove_file(listener->file);
    engine->table->close(engine, listener->endpoint, ENDPOINT_CLOSE);
    slab_give(&net_current()->listeners, listener);
}

int coir_listener_info(const struct coir_listener *listener, struct coir_listener_info *ret_info)
{
    struct sockaddr_storage address;
    struct engine *engine;

    ASSERT(task_is_running());
    ASSERT(is_listener(listener));
    ASSERT(ret_info != NULL);
    engine = loop_current()->engine;
    *ret_info = (struct coir_listener_info){.accepted = listener->accepted};
    if (engine->table->address(engine, listener->endpoint, ENDPOINT_OUR_ADDRESS, &address) == 0)
        address_print(&address, ret_info->local);
    return 0;
}
