/* SPDX-License-Identifier: MIT
 *
 * From a URI to a scheme and, for the schemes that are sockets, to an address.
 */
#include "net/scheme.h"
#include "net/datagram.h"
#include "net/dial.h"
#include "net/listener.h"
#include "net/net.h"
#include <coir/error.h>
#include <string.h>

/* The scheme of `uri` among `schemes`, and what follows "://"; NULL = none. */
static const struct scheme *find_scheme(const struct scheme *const *schemes, const char *uri, const char **ret_rest)
{
    size_t size;
    const char *rest = address_split(uri, &size);

    if (rest == NULL)
        return NULL;
    for (const struct scheme *const *scheme = schemes; *scheme != NULL; scheme++) {
        if (strlen((*scheme)->name) == size && strncmp((*scheme)->name, uri, size) == 0) {
            *ret_rest = rest;
            return *scheme;
        }
    }
    return NULL;
}

enum address_flaw scheme_check(const struct scheme *const *schemes, const char *uri)
{
    const char *rest;
    const struct scheme *scheme = find_scheme(schemes, uri, &rest);

    return scheme == NULL ? ADDRESS_SCHEME : scheme->check(rest);
}

int coir_listen(const char *uri, const struct coir_listen_options *options, struct coir_listener **ret_listener)
{
    static const struct coir_listen_options defaults;
    const struct scheme *scheme;
    const char *rest;

    ASSERT(task_is_running());
    ASSERT(uri != NULL && ret_listener != NULL);
    scheme = find_scheme(net_current()->schemes, uri, &rest);
    if (scheme == NULL || scheme->listen == NULL)
        return COIR_ERROR_ADDRESS;
    return scheme->listen(rest, options != NULL ? options : &defaults, ret_listener);
}

int coir_connect(const char *uri, const struct coir_stream_options *options, struct coir_stream **ret_stream)
{
    static const struct coir_stream_options defaults;
    const struct scheme *scheme;
    const char *rest;
    int rc;

    ASSERT(task_is_running());
    ASSERT(uri != NULL && ret_stream != NULL);
    rc = task_enter(NULL);
    if (rc < 0)
        return rc;
    scheme = find_scheme(net_current()->schemes, uri, &rest);
    if (scheme == NULL || scheme->connect == NULL)
        return COIR_ERROR_ADDRESS;
    return scheme->connect(rest, options != NULL ? options : &defaults, ret_stream);
}

int coir_datagram_open(const char *uri, const struct coir_datagram_options *options,
                       struct coir_datagram_socket **ret_socket)
{
    static const struct coir_datagram_options defaults;
    const struct scheme *scheme;
    const char *rest;

    ASSERT(task_is_running());
    ASSERT(uri != NULL && ret_socket != NULL);
    scheme = find_scheme(net_current()->schemes, uri, &rest);
    if (scheme == NULL || scheme->datagrams == NULL)
        return COIR_ERROR_ADDRESS;
    return scheme->datagrams(rest, options != NULL ? options : &defaults, ret_socket);
}

/* The address to connect from: of the same scheme. Returns 0 or an error; *ret_local stays NULL where none is given. */
static int parse_local(const char *uri, const char *scheme_name,
                       enum address_flaw (*parse)(const char *, struct address *), struct address *space,
                       const struct address **ret_local)
{
    size_t size;
    const char *rest;
    int rc;

    if (uri == NULL)
        return 0;
    rest = address_split(uri, &size);
    if (rest == NULL || size != strlen(scheme_name) || strncmp(uri, scheme_name, size) != 0)
        return COIR_ERROR_ADDRESS;
    rc = address_flaw_code(parse(rest, space));
    if (rc == 0)
        *ret_local = space;
    return rc;
}

/* An empty host stands for every address of the family that is connected to. */
static void match_family(struct address *local, const struct address *address)
{
    struct address ip4 = {.ip4 = {.sin_family = AF_INET}, .size = sizeof(ip4.ip4)};

    if (!local->every || address->any.sa_family != AF_INET)
        return;
    ip4.ip4.sin_port = local->ip6.sin6_port;
    *local = ip4;
}

static int connect_from(const struct address *address, const char *scheme_name,
                        enum address_flaw (*parse)(const char *, struct address *),
                        const struct coir_stream_options *options, struct coir_stream **ret_stream)
{
    const struct address *local = NULL;
    struct address space;
    int rc = parse_local(options->local, scheme_name, parse, &space, &local);

    if (rc == 0 && local != NULL)
        match_family(&space, address);
    return rc < 0 ? rc : dial(address, local, options, ret_stream);
}

static enum address_flaw check_ip(const char *rest)
{
    struct address address;

    return address_parse_ip(rest, &address);
}

static int listen_tcp(const char *rest, const struct coir_listen_options *options, struct coir_listener **ret_listener)
{
    struct address address;
    int rc = address_flaw_code(address_parse_ip(rest, &address));

    return rc < 0 ? rc : listener_open(&address, options, ret_listener);
}

/* "Every address" and port 0 are things to listen on, not to connect to. */
static int connect_tcp(const char *rest, const struct coir_stream_options *options, struct coir_stream **ret_stream)
{
    struct address address;
    int rc = address_flaw_code(address_parse_ip(rest, &address));

    if (rc < 0)
        return rc;
    if (address_is_every(&address) || address.ip4.sin_port == 0)
        return COIR_ERROR_ADDRESS;
    return connect_from(&address, "tcp", address_parse_ip, options, ret_stream);
}

static int open_udp(const char *rest, const struct coir_datagram_options *options,
                    struct coir_datagram_socket **ret_socket)
{
    struct address address;
    int rc = address_flaw_code(address_parse_ip(rest, &address));

    return rc < 0 ? rc : datagram_open(&address, options, ret_socket);
}

static enum address_flaw check_unix(const char *rest)
{
    struct address address;

    return address_parse_local(rest, &address);
}

static int listen_unix(const char *rest, const struct coir_listen_options *options, struct coir_listener **ret_listener)
{
    struct address address;
    int rc = address_flaw_code(address_parse_local(rest, &address));

    return rc < 0 ? rc : listener_open(&address, options, ret_listener);
}

static int connect_unix(const char *rest, const struct coir_stream_options *options, struct coir_stream **ret_stream)
{
    struct address address;
    int rc = address_flaw_code(address_parse_local(rest, &address));

    return rc < 0 ? rc : connect_from(&address, "unix", address_parse_local, options, ret_stream);
}

static int open_unix(const char *rest, const struct coir_datagram_options *options,
                     struct coir_datagram_socket **ret_socket)
{
    struct address address;
    int rc = address_flaw_code(address_parse_local(rest, &address));

    return rc < 0 ? rc : datagram_open(&address, options, ret_socket);
}

static enum address_flaw check_fd(const char *rest)
{
    int fd;

    return address_parse_descriptor(rest, &fd);
}

static int listen_fd(const char *rest, const struct coir_listen_options *options, struct coir_listener **ret_listener)
{
    int fd;
    int rc = address_flaw_code(address_parse_descriptor(rest, &fd));

    return rc < 0 ? rc : listener_adopt(fd, options, ret_listener);
}

static int open_fd(const char *rest, const struct coir_datagram_options *options,
                   struct coir_datagram_socket **ret_socket)
{
    int fd;
    int rc = address_flaw_code(address_parse_descriptor(rest, &fd));

    return rc < 0 ? rc : datagram_adopt(fd, options, ret_socket);
}

const struct scheme scheme_tcp = {.name = "tcp", .check = check_ip, .listen = listen_tcp, .connect = connect_tcp};
const struct scheme scheme_udp = {.name = "udp", .check = check_ip, .datagrams = open_udp};
const struct scheme scheme_unix = {
    .name = "unix", .check = check_unix, .listen = listen_unix, .connect = connect_unix, .datagrams = open_unix};
const struct scheme scheme_fd = {.name = "fd", .check = check_fd, .listen = listen_fd, .datagrams = open_fd};
