/* SPDX-License-Identifier: MIT
 *
 * What listeners and datagram sockets have in common, for cases that are the
 * same for both: they are opened on an address, told theirs, and closed.
 */
#ifndef SUPPORT_BOUND_H
#define SUPPORT_BOUND_H

#include "support/datagrams.h"

struct bound_kind {
    int (*open)(const char *uri, void **ret_socket);
    void (*close)(void *socket);
    const char *(*local)(const void *socket); /* in static memory */
    int (*serve)(const char *path);           /* another server's socket on that path */
    void (*visit)(const char *path);          /* reaches whoever has that path, or fails */
};

static inline int bound_open_listener(const char *uri, void **ret_socket)
{
    struct coir_listener *listener;
    int rc = coir_listen(uri, NULL, &listener);

    if (rc == 0)
        *ret_socket = listener;
    return rc;
}

static inline void bound_close_listener(void *socket)
{
    coir_listener_close(socket);
}

static inline const char *bound_local_listener(const void *socket)
{
    static struct coir_listener_info info;

    assert_int_equal(coir_listener_info(socket, &info), 0);
    return info.local;
}

static inline int bound_serve_streams(const char *path)
{
    return peer_listen_path(path, 5);
}

static inline void bound_visit_listener(const char *path)
{
    close(peer_connect_path(path));
}

static inline int bound_open_datagrams(const char *uri, void **ret_socket)
{
    struct coir_datagram_socket *socket;
    int rc = coir_datagram_open(uri, NULL, &socket);

    if (rc == 0)
        *ret_socket = socket;
    return rc;
}

static inline void bound_close_datagrams(void *socket)
{
    coir_datagram_close(socket);
}

static inline const char *bound_local_datagrams(const void *socket)
{
    static struct coir_datagram_info info;

    info = datagram_info(socket);
    return info.local;
}

static inline void bound_visit_datagrams(const char *path)
{
    int peer = datagram_peer_path(NULL);

    assert_int_equal(datagram_send_to_path(peer, path, "x", 1), 1);
    close(peer);
}

#define BOUND_KINDS 2
static const struct bound_kind bound_kinds[BOUND_KINDS] = {
    {bound_open_listener, bound_close_listener, bound_local_listener, bound_serve_streams, bound_visit_listener},
    {bound_open_datagrams, bound_close_datagrams, bound_local_datagrams, datagram_peer_path, bound_visit_datagrams},
};

static inline void *bound_open(const struct bound_kind *kind, const char *uri)
{
    void *socket = NULL;

    assert_int_equal(kind->open(uri, &socket), 0);
    return socket;
}

/** Fails unless nothing is opened there, for that reason. */
static inline void bound_expect_refused(const struct bound_kind *kind, const char *uri, int error)
{
    void *socket = NULL;

    assert_int_equal(kind->open(uri, &socket), error);
    assert_null(socket);
}

#endif
