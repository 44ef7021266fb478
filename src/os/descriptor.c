/* SPDX-License-Identifier: MIT
 *
 * Waiting for a descriptor of somebody else: coir_wait_fd().
 */
#include "io/loop.h"
#include <coir/wait.h>
#include <errno.h>
#include <poll.h>

#define EVENTS_KNOWN (POLLIN | POLLPRI | POLLOUT)

int coir_wait_fd(int fd, short events)
{
    struct endpoint *endpoint;
    struct engine *engine;
    int rc;

    ASSERT(task_is_running());
    rc = task_enter(NULL);
    if (rc < 0)
        return rc;
    if (fd < 0)
        return -EBADF;
    if (events == 0 || (events & ~EVENTS_KNOWN) != 0)
        return -EINVAL;
    engine = loop_current()->engine;
    rc = engine->table->adopt(engine, fd, ENDPOINT_BORROWED, &endpoint);
    if (rc < 0)
        return rc;
    endpoint->in.kind = OPERATION_READY;
    endpoint->in.size = (uint32_t)events;
    rc = operation_await(endpoint, &endpoint->in, COIR_FOREVER);
    engine->table->close(engine, endpoint, ENDPOINT_CLOSE);
    return rc;
}
