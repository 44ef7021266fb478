/* SPDX-License-Identifier: MIT
 *
 * Listening: opening, closing and asking. Accepting is in accept.c.
 */
#include "net/listener.h"
#include "io/loop.h"
#include "kernel/kernel.h"
#include "net/bound.h"
#include "net/given.h"
#include "net/net.h"
#include <errno.h>
#include <fcntl.h>

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
    listener->lost = 0;
    listener->shortages = 0;
    listener->last_accept = 0;
    listener->turn = 0;
    listener->spared = 0;
    listener->accepting = false;
    listener->adopted = false;
    listener->refusing = false;
    *ret_listener = listener;
    return 0;
}

int listener_open(const struct address *address, const struct coir_listen_options *options,
                  struct coir_listener **ret_listener)
{
    struct coir_listener *listener;
    struct stream_settings settings;
    struct endpoint_plan plan;
    int rc = options->backlog < 0 ? -EINVAL : options_settle(&options->stream, &settings);

    if (rc == 0)
        rc = make_listener(&settings, &listener);
    if (rc != 0)
        return rc;
    plan = (struct endpoint_plan){
        .purpose = ENDPOINT_TO_LISTEN,
        .backlog = options->backlog > 0 ? options->backlog : DEFAULT_BACKLOG,
        .free_bind = options->free_bind,
        .tuning = settings.tuning,
    };
    rc = bound_open(address, &plan, &listener->file, &listener->endpoint);
    if (rc < 0) {
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
    int rc = given_check(fd, SOCK_STREAM, ret_family);

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

void coir_listener_close(struct coir_listener *listener)
{
    struct engine *engine;

    if (listener == NULL)
        return;
    ASSERT(task_is_running());
    ASSERT(is_listener(listener));
    engine = loop_current()->engine;
    bound_remove_file(listener->file);
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
    *ret_info = (struct coir_listener_info){
        .accepted = listener->accepted,
        .lost = listener->lost,
        .shortages = listener->shortages,
    };
    if (engine->table->address(engine, listener->endpoint, ENDPOINT_OUR_ADDRESS, &address) == 0)
        address_print("tcp", &address, ret_info->local);
    return 0;
}
