/* SPDX-License-Identifier: MIT
 *
 * The doors of `coir echo`: see doors.h.
 */
#include "doors.h"
#include "command.h"
#include "supervisor.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

static bool begins_with(const char *text, const char *beginning)
{
    return strncmp(text, beginning, strlen(beginning)) == 0;
}

/* The descriptor of "fd://3"; -1: that is another address. */
static int descriptor_of(const char *uri)
{
    return begins_with(uri, "fd://") ? (int)strtol(uri + strlen("fd://"), NULL, 10) : -1;
}

/* True if the socket that was handed over is one of datagrams. One that is not a socket is left to coir_listen(), which
 * says so. */
static bool is_datagram_descriptor(const char *uri)
{
    int type = 0;
    socklen_t size = sizeof(type);
    int fd = descriptor_of(uri);

    return fd >= 0 && getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_DGRAM;
}

#define UNIX_DATAGRAMS "unixgram:"

/* "unixgram:" is ours: to the library, what a Unix address is for is said by the call. Returns false: it is too long.
 */
static bool translate(const char *uri, char ret_text[COIR_ADDRESS_SIZE])
{
    int size = begins_with(uri, UNIX_DATAGRAMS)
                   ? snprintf(ret_text, COIR_ADDRESS_SIZE, "unix:%s", uri + strlen(UNIX_DATAGRAMS))
                   : snprintf(ret_text, COIR_ADDRESS_SIZE, "%s", uri);

    return size < COIR_ADDRESS_SIZE;
}

static int open_unix_datagrams(const char *uri, struct coir_datagram_socket **ret_socket)
{
    char text[COIR_ADDRESS_SIZE];

    return translate(uri, text) ? coir_datagram_open(text, NULL, ret_socket) : -ENAMETOOLONG;
}

static int open_door(struct door *door, bool free_bind)
{
    struct coir_datagram_options datagrams = {.free_bind = free_bind};
    struct coir_listen_options streams = {.free_bind = free_bind};

    if (begins_with(door->uri, UNIX_DATAGRAMS))
        return open_unix_datagrams(door->uri, &door->socket);
    if (begins_with(door->uri, "udp:") || is_datagram_descriptor(door->uri))
        return coir_datagram_open(door->uri, &datagrams, &door->socket);
    return coir_listen(door->uri, &streams, &door->listener);
}

static bool lacks_right(const char *uri, int rc)
{
    return (rc == -EACCES || rc == -EPERM) && (begins_with(uri, "tcp:") || begins_with(uri, "udp:"));
}

static bool is_unix_path(const char *uri)
{
    return begins_with(uri, "unix:///") || begins_with(uri, "unixgram:///");
}

/* What is in the way of a Unix socket: bind(2) calls any file an address in use. */
static const char *advise_about_file(const char *uri)
{
    struct stat file;

    if (stat(strstr(uri, "://") + 3, &file) == 0 && !S_ISSOCK(file.st_mode))
        return "; that is a file and no socket, and is left alone: choose another path";
    return "; stop that one ('ss -lxp' shows who), or choose another path";
}

static const char *advise(const char *uri, int rc)
{
    if (lacks_right(uri, rc))
        return ": ports below 1024 take a right";
    switch (rc) {
    case COIR_ERROR_ADDRESS:
        return "; 'coir echo --help' lists every form";
    case -EADDRINUSE:
        return is_unix_path(uri)
                   ? advise_about_file(uri)
                   : "; stop that one ('ss -lntup' shows who), or choose another address (port 0 finds a free one)";
    case -EADDRNOTAVAIL:
        return strstr(uri, "://[") != NULL
                   ? "; 'ip address' lists those of this host (of IPv6 there are none where "
                     "net.ipv6.conf.all.disable_ipv6 is 1), --free-bind takes one that comes later"
                   : "; 'ip address' lists those of this host, --free-bind takes one that comes later";
    case -EAFNOSUPPORT:
        return strstr(uri, "://[") != NULL ? "; this kernel runs without IPv6: use an IPv4 address" : "";
    case -ENOENT:
        return "; make the directory first";
    case -EACCES:
    case -EPERM:
        return is_unix_path(uri) ? "; its directory has to be writable for the user that starts the server" : "";
    case -EBADF:
        return "; whoever starts the server has to open it";
    default:
        return "";
    }
}

static void print_ways_to_low_ports(void)
{
    fputs("Any of these will do:\n"
          "  another port:            coir echo --listen tcp://:7007 --listen udp://:7007\n"
          "  rights, then fewer:      start as root, with --user nobody\n"
          "  the right, for the file: setcap cap_net_bind_service=+ep PATH/TO/coir\n"
          "  ... or for the service:  AmbientCapabilities=CAP_NET_BIND_SERVICE (systemd)\n"
          "  no right needed at all:  sysctl net.ipv4.ip_unprivileged_port_start=7\n"
          "  socket activation:       a systemd .socket unit; the server finds its sockets\n",
          stderr);
}

/* What a code means here, where the library's words are about more than addresses. */
static const char *explain(const char *uri, int rc)
{
    char text[COIR_ADDRESS_SIZE];
    const char *flaw = rc == COIR_ERROR_ADDRESS && translate(uri, text) ? coir_address_flaw(text) : NULL;
    int fd = descriptor_of(uri);

    if (flaw == NULL && fd >= 0)
        flaw = supervisor_judge(fd);
    return flaw != NULL ? flaw : coir_error_text(rc);
}

static void complain(const char *uri, int rc)
{
    command_complain("echo", "cannot listen on '%.*s%s': %s%s", COIR_ADDRESS_SIZE, uri,
                     strlen(uri) > COIR_ADDRESS_SIZE ? "..." : "", explain(uri, rc), advise(uri, rc));
}

static bool is_misuse(int rc)
{
    return rc == COIR_ERROR_ADDRESS || rc == COIR_ERROR_HOST_NAME || rc == -ENAMETOOLONG;
}

/* Serves on the sockets in place of the default addresses. Returns an exit code. */
static int take_sockets(struct echo_options *options, const struct supervisor_sockets *given)
{
    static char uris[SUPERVISOR_SOCKETS_MAX][sizeof("fd://2147483647")];
    int result = COMMAND_DONE;

    options->uri_count = 0;
    for (size_t i = 0; i < given->count; i++) {
        const struct supervisor_socket *socket = &given->sockets[i];

        if (socket->refusal != NULL) {
            command_complain("echo", "cannot serve on descriptor %d ('%s'), which was handed over: %s", socket->fd,
                             socket->name, socket->refusal);
            result = COMMAND_FAILED;
        }
        (void)snprintf(uris[i], sizeof(uris[i]), "fd://%d", socket->fd);
        options->uris[options->uri_count++] = uris[i];
    }
    return result;
}

int doors_take_given(struct echo_options *options)
{
    static struct supervisor_sockets given;
    const char *reason;
    int rc;

    if (options->has_listen)
        return COMMAND_DONE; /* fd:// among the addresses says which */
    rc = supervisor_take_sockets(&given, &reason);
    if (rc < 0) {
        command_complain("echo", "cannot take the sockets that LISTEN_FDS hands over: %s", reason);
        return COMMAND_FAILED;
    }
    /* Not an error: a shell in between may have inherited what was meant for it. */
    if (reason != NULL && !options->quiet)
        command_complain("echo", "%s; serving on the default addresses", reason);
    return rc > 0 ? take_sockets(options, &given) : COMMAND_DONE;
}

int doors_open(struct doors *doors, const struct echo_options *options)
{
    int result = COMMAND_DONE;
    bool wants_right = false;

    *doors = (struct doors){.count = options->uri_count};
    for (size_t i = 0; i < doors->count; i++) {
        struct door *door = &doors->doors[i];
        int rc;

        door->uri = options->uris[i];
        rc = open_door(door, options->free_bind);
        if (rc == 0)
            continue;
        complain(door->uri, rc);
        wants_right |= lacks_right(door->uri, rc);
        if (result != COMMAND_MISUSED)
            result = is_misuse(rc) ? COMMAND_MISUSED : COMMAND_FAILED;
    }
    if (wants_right)
        print_ways_to_low_ports();
    if (result != COMMAND_DONE)
        doors_close(doors);
    return result;
}

void doors_tell(const struct doors *doors, struct outputs *outputs)
{
    for (size_t i = 0; i < doors->count; i++) {
        const struct door *door = &doors->doors[i];
        struct coir_datagram_info socket;
        struct coir_listener_info listener;

        if (door->socket != NULL && coir_datagram_info(door->socket, &socket) == 0)
            outputs_say(outputs, "listening on %s", socket.local);
        else if (coir_listener_info(door->listener, &listener) == 0)
            outputs_say(outputs, "listening on %s", listener.local);
    }
}

/* What its listener has counted: nothing, if there is none. */
static struct coir_listener_info look_at(const struct door *door)
{
    struct coir_listener_info info = {.shortages = 0};

    if (door->listener != NULL)
        (void)coir_listener_info(door->listener, &info);
    return info;
}

/* What is missing is missing to all of them: one line names the first and counts the rest. */
void doors_warn(struct doors *doors, struct outputs *outputs)
{
    char first[COIR_ADDRESS_SIZE] = "";
    char others[32] = "";
    uint64_t shortages = 0, lost = 0;
    size_t count = 0;

    for (size_t i = 0; i < doors->count; i++) {
        struct door *door = &doors->doors[i];
        struct coir_listener_info info = look_at(door);

        if (door->listener == NULL || info.shortages + info.lost == door->shortages_told + door->lost_told)
            continue;
        if (count++ == 0)
            memcpy(first, info.local, sizeof(first));
        shortages += info.shortages - door->shortages_told;
        lost += info.lost - door->lost_told;
        door->shortages_told = info.shortages;
        door->lost_told = info.lost;
    }
    if (count > 1)
        (void)snprintf(others, sizeof(others), " and %zu more", count - 1);
    if (shortages > 0)
        outputs_warn(outputs, EVENT_SHORTAGE,
                     "no descriptor or no memory for clients of %s%s, %" PRIu64
                     " times in the last second: they wait; raise ulimit -n (LimitNOFILE= of the unit), or lower "
                     "--max-sessions",
                     first, others, shortages);
    else if (lost > 0)
        outputs_warn(outputs, EVENT_SHORTAGE, "%" PRIu64 " connections to %s%s broke before they were accepted", lost,
                     first, others);
}

void doors_count(const struct doors *doors, struct echo_counters *counters)
{
    counters->shortages = doors->shortages;
    counters->connections_lost = doors->lost;
    for (size_t i = 0; i < doors->count; i++) {
        struct coir_listener_info info = look_at(&doors->doors[i]);

        counters->shortages += info.shortages;
        counters->connections_lost += info.lost;
    }
}

void door_close(struct doors *doors, struct door *door)
{
    struct coir_listener_info info = look_at(door);

    doors->shortages += info.shortages;
    doors->lost += info.lost;
    coir_listener_close(door->listener);
    coir_datagram_close(door->socket);
    door->listener = NULL;
    door->socket = NULL;
}

void doors_close(struct doors *doors)
{
    for (size_t i = 0; i < doors->count; i++)
        door_close(doors, &doors->doors[i]);
}
