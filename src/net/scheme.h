/* SPDX-License-Identifier: MIT
 *
 * The registry of URI schemes: what "tcp" in "tcp://:7" stands for. A scheme
 * that brings a transport of its own registers beside these, and the public
 * calls need not know it.
 */
#ifndef NET_SCHEME_H
#define NET_SCHEME_H

#include "net/address.h"
#include <coir/datagram.h>
#include <coir/listener.h>
#include <coir/stream.h>

struct scheme {
    const char *name;
    /** What is wrong with the URI's part behind "://". */
    enum address_flaw (*check)(const char *rest);
    /** As coir_listen(), coir_connect() and coir_datagram_open(), with that part. NULL: the scheme has no such thing.
     */
    int (*listen)(const char *rest, const struct coir_listen_options *options, struct coir_listener **ret_listener);
    int (*connect)(const char *rest, const struct coir_stream_options *options, struct coir_stream **ret_stream);
    int (*datagrams)(const char *rest, const struct coir_datagram_options *options,
                     struct coir_datagram_socket **ret_socket);
};

extern const struct scheme scheme_tcp;
extern const struct scheme scheme_udp;
extern const struct scheme scheme_unix;
extern const struct scheme scheme_fd; /* a descriptor that we were given */

/** What is wrong with `uri` where `schemes`, a list that ends with NULL, are known. */
enum address_flaw scheme_check(const struct scheme *const *schemes, const char *uri);

#endif
