/* SPDX-License-Identifier: MIT
 *
 * Datagram sockets: opening, closing and asking. Receiving and sending are in
 * exchange.c.
 */
#include "net/datagram.h"
#include "io/loop.h"
#include "net/given.h"
#include "net/net.h"
#include "net/packed.h"
#include <errno.h>
#include <limits.h>

static bool is_socket(const struct coir_datagram_socket *socket)
{
    return socket != NULL && slab_owns(&net_current()->datagram_sockets, socket);
}

static int settle_options(const struct coir_datagram_options *options, struct datagram_tuning *ret_tuning)
{
    if (options->receive_queue_bytes > INT_MAX)
        return -EINVAL;
    *ret_tuning = (struct datagram_tuning){options->receive_queue_bytes, options->broadcast};
    return 0;
}

/* A handle that has no endpoint yet. */
static int make_socket(struct coir_datagram_socket **ret_socket)
{
    struct coir_datagram_socket *socket = slab_take(&net_current()->datagram_sockets);
    struct slab_header header;

    if (socket == NULL)
        return -ENOMEM;
    header = socket->header;
    *socket = (struct coir_datagram_socket){.header = header};
    list_init(&socket->senders);
    *ret_socket = socket;
    return 0;
}

int datagram_learn_address(struct coir_datagram_socket *socket)
{
    struct engine *engine = loop_current()->engine;
    struct address address;
    int rc = engine->table->address(engine, socket->endpoint, ENDPOINT_OUR_ADDRESS, &address.storage);

    if (rc < 0)
        return rc;
    socket->family = address.any.sa_family;
    packed_write(&address.any, address_size(&address.storage), &socket->bound);
    return 0;
}

/* Opens the endpoint of a socket that is otherwise complete. */
static int open_socket(struct coir_datagram_socket *socket, const struct address *address,
                       const struct endpoint_plan *plan)
{
    struct engine *engine = loop_current()->engine;
    int rc = bound_open(address, plan, &socket->file, &socket->endpoint);

    if (rc < 0)
        return rc;
    rc = datagram_learn_address(socket);
    if (rc < 0) {
        bound_remove_file(socket->file);
        engine->table->close(engine, socket->endpoint, ENDPOINT_CLOSE);
    }
    return rc;
}

int datagram_open(const struct address *address, const struct coir_datagram_options *options,
                  struct coir_datagram_socket **ret_socket)
{
    struct endpoint_plan plan = {.purpose = ENDPOINT_FOR_DATAGRAMS, .free_bind = options->free_bind};
    struct coir_datagram_socket *socket;
    int rc = settle_options(options, &plan.datagrams);

    if (rc == 0)
        rc = make_socket(&socket);
    if (rc < 0)
        return rc;
    rc = open_socket(socket, address, &plan);
    if (rc < 0) {
        slab_give(&net_current()->datagram_sockets, socket);
        return rc;
    }
    *ret_socket = socket;
    return 0;
}

int datagram_adopt(int fd, const struct coir_datagram_options *options, struct coir_datagram_socket **ret_socket)
{
    struct engine *engine = loop_current()->engine;
    struct coir_datagram_socket *socket;
    struct datagram_tuning tuning;
    int family;
    int rc = settle_options(options, &tuning);

    if (rc < 0)
        return rc;
    rc = given_check(fd, SOCK_DGRAM, &family);
    if (rc < 0)
        return rc;
    rc = make_socket(&socket);
    if (rc < 0)
        return rc;
    rc = engine->table->adopt(engine, fd, family == AF_UNIX ? ENDPOINT_EXPOSED | ENDPOINT_LOCAL : ENDPOINT_EXPOSED,
                              &socket->endpoint);
    if (rc < 0) {
        slab_give(&net_current()->datagram_sockets, socket);
        return rc;
    }
    (void)engine->table->tune_datagrams(engine, socket->endpoint, &tuning); /* as far as the giver's socket allows */
    socket->family = (sa_family_t)family;
    (void)datagram_learn_address(socket);
    *ret_socket = socket;
    return 0;
}

void coir_datagram_close(struct coir_datagram_socket *socket)
{
    struct engine *engine;

    if (socket == NULL)
        return;
    ASSERT(task_is_running());
    ASSERT(is_socket(socket));
    engine = loop_current()->engine;
    bound_remove_file(socket->file);
    datagram_dismiss_senders(socket);
    engine->table->close(engine, socket->endpoint, ENDPOINT_CLOSE);
    slab_give(&net_current()->datagram_sockets, socket);
}

int coir_datagram_info(const struct coir_datagram_socket *socket, struct coir_datagram_info *ret_info)
{
    ASSERT(task_is_running());
    ASSERT(is_socket(socket));
    ASSERT(ret_info != NULL);
    *ret_info = (struct coir_datagram_info){
        .datagrams_in = socket->datagrams_in,
        .datagrams_out = socket->datagrams_out,
        .bytes_in = socket->bytes_in,
        .bytes_out = socket->bytes_out,
        .truncated = socket->truncated,
        .errors = socket->errors,
    };
    coir_address_print(&socket->bound, ret_info->local);
    return 0;
}
