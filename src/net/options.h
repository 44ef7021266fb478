/* SPDX-License-Identifier: MIT
 *
 * Stream options: their defaults, and what they mean to the engine.
 */
#ifndef NET_OPTIONS_H
#define NET_OPTIONS_H

#include "io/endpoint.h"
#include "io/linger.h"
#include <coir/stream.h>

/** What the options come to. */
struct stream_settings {
    struct endpoint_tuning tuning;
    struct linger_limits linger;
};

/** Applies the defaults to `options` (NULL = all). Returns 0 or -EINVAL. */
int options_settle(const struct coir_stream_options *options, struct stream_settings *ret_settings);

#endif
