/* SPDX-License-Identifier: MIT
 *
 * Connecting to an address.
 */
#ifndef NET_DIAL_H
#define NET_DIAL_H

#include "net/address.h"
#include <coir/stream.h>

/** Connects to `address`, from `local` (NULL = any). Returns as coir_connect(). */
int dial(const struct address *address, const struct address *local, const struct coir_stream_options *options,
         struct coir_stream **ret_stream);

#endif
