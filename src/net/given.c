/* SPDX-License-Identifier: MIT
 *
 * Sockets that somebody gives us: see given.h.
 */
#include "net/given.h"
#include "io/loop.h"
#include "kernel/kernel.h"
#include <errno.h>

int given_option(int fd, int name, int *ret_value)
{
    socklen_t size = sizeof(*ret_value);

    return kernel_get_option(fd, SOL_SOCKET, name, ret_value, &size);
}

int given_check(int fd, int type, int *ret_family)
{
    int found = 0;
    int rc = given_option(fd, SO_TYPE, &found);

    if (rc == 0 && found != type)
        rc = -ESOCKTNOSUPPORT;
    if (rc == 0)
        rc = given_option(fd, SO_DOMAIN, ret_family);
    if (rc == 0 && *ret_family != AF_INET && *ret_family != AF_INET6 && *ret_family != AF_UNIX)
        rc = -EAFNOSUPPORT;
    return rc;
}

int given_adopt(int fd, int family, const struct endpoint_tuning *tuning, struct endpoint **ret_endpoint)
{
    struct engine *engine = loop_current()->engine;
    uint16_t flags = family == AF_UNIX ? ENDPOINT_EXPOSED | ENDPOINT_LOCAL : ENDPOINT_EXPOSED;
    int rc = engine->table->adopt(engine, fd, flags, ret_endpoint);

    if (rc == 0)
        (void)engine->table->tune(engine, *ret_endpoint, tuning);
    return rc;
}
