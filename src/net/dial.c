/* SPDX-License-Identifier: MIT
 *
 * Connecting, and adopting what is connected already.
 */
#include "net/dial.h"
#include "io/loop.h"
#include "kernel/kernel.h"
#include "net/given.h"
#include "net/net.h"
#include "net/options.h"
#include "net/pause.h"
#include "net/stream.h"
#include <coir/error.h>
#include <errno.h>
#include <string.h>

/** Between two tries at a Unix listener whose queue is full, which no event announces. */
#define QUEUE_PAUSE_NS (2 * COIR_MILLISECOND)

static int connect_endpoint(struct endpoint *endpoint, const struct address *address)
{
    static const struct wait_kind pause_kind = {.name = "pause in connect", .cancel = pause_cancel};
    struct operation *operation = &endpoint->out;
    int rc;

    for (;;) {
        operation->kind = OPERATION_CONNECT;
        operation->memory = (void *)(uintptr_t)&address->any;
        operation->size = address->size;
        rc = operation_await(endpoint, operation, COIR_FOREVER);
        if (rc != -EBUSY)
            return rc;
        rc = pause_for(&pause_kind, QUEUE_PAUSE_NS);
        if (rc < 0)
            return rc;
    }
}

/* On loopback a socket whose picked port happens to be the one it connects to is connected to itself. */
static bool is_itself(struct endpoint *endpoint)
{
    struct engine *engine = loop_current()->engine;
    struct sockaddr_storage ours;
    struct sockaddr_storage peer;

    if (endpoint->flags & ENDPOINT_LOCAL)
        return false;
    if (engine->table->address(engine, endpoint, ENDPOINT_OUR_ADDRESS, &ours) < 0 ||
        engine->table->address(engine, endpoint, ENDPOINT_PEER_ADDRESS, &peer) < 0)
        return false;
    return memcmp(&ours, &peer, sizeof(ours)) == 0;
}

static int open_endpoint(const struct address *address, const struct address *local,
                         const struct endpoint_tuning *tuning, struct endpoint **ret_endpoint)
{
    struct engine *engine = loop_current()->engine;
    struct endpoint_plan plan = {
        .purpose = ENDPOINT_TO_CONNECT,
        .address = local != NULL ? &local->any : NULL,
        .address_size = local != NULL ? local->size : 0,
        .family = address->any.sa_family,
        .tuning = *tuning,
    };

    return engine->table->open(engine, &plan, ret_endpoint);
}

/* Connects the open endpoint and makes a stream of it. */
static int complete_connection(struct endpoint *endpoint, const struct address *address,
                               const struct stream_settings *settings, struct coir_stream **ret_stream)
{
    struct coir_stream *stream;
    int rc = connect_endpoint(endpoint, address);

    if (rc < 0)
        return rc;
    if (is_itself(endpoint))
        return -ECONNREFUSED;
    stream = socket_stream_open(endpoint, settings->linger, 0);
    if (stream == NULL)
        return -ENOMEM;
    *ret_stream = stream;
    return 0;
}

int dial(const struct address *address, const struct address *local, const struct coir_stream_options *options,
         struct coir_stream **ret_stream)
{
    struct engine *engine = loop_current()->engine;
    struct stream_settings settings;
    struct endpoint *endpoint;
    int rc = options_settle(options, &settings);

    if (rc == 0)
        rc = open_endpoint(address, local, &settings.tuning, &endpoint);
    if (rc != 0)
        return rc;
    rc = complete_connection(endpoint, address, &settings, ret_stream);
    if (rc < 0)
        engine->table->close(engine, endpoint, ENDPOINT_RESET);
    return rc;
}

/* Is it a connected stream socket? */
static int check_connected(int fd, int *ret_family)
{
    struct sockaddr_storage peer;
    socklen_t size = sizeof(peer);
    int rc = given_check(fd, SOCK_STREAM, ret_family);

    return rc == 0 ? kernel_peer_address(fd, (struct sockaddr *)&peer, &size) : rc;
}

int coir_adopt(int fd, const struct coir_stream_options *options, struct coir_stream **ret_stream)
{
    struct stream_settings settings;
    struct coir_stream *stream;
    int family = AF_UNSPEC;
    int rc;

    ASSERT(task_is_running());
    ASSERT(ret_stream != NULL);
    rc = options_settle(options, &settings);
    if (rc == 0)
        rc = check_connected(fd, &family);
    if (rc < 0)
        return rc;
    stream = socket_stream_open(NULL, settings.linger, 0);
    if (stream == NULL)
        return -ENOMEM;
    rc = given_adopt(fd, family, &settings.tuning, &stream->endpoint);
    if (rc < 0) {
        slab_give(&loop_current()->streams, stream);
        return rc;
    }
    *ret_stream = stream;
    return 0;
}
