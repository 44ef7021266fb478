/* SPDX-License-Identifier: MIT
 *
 * Stream options: see options.h.
 */
#include "net/options.h"
#include <errno.h>

#define DEFAULT_LINGER_NS (30 * COIR_SECOND)
#define DEFAULT_LINGER_BYTES ((uint64_t)64 << 20)
#define DEFAULT_USER_TIMEOUT_NS (120 * COIR_SECOND)
#define DEFAULT_KEEPALIVE_NS (60 * COIR_SECOND)
#define KEEPALIVE_MAX_S 32767 /* tcp(7), TCP_KEEPIDLE */

/* `value_ns` in units, rounded up, at most `max`; 0 where it is COIR_FOREVER. */
static uint32_t in_units(coir_time value_ns, coir_time unit_ns, uint32_t max)
{
    coir_time units;

    if (value_ns == COIR_FOREVER)
        return 0;
    units = value_ns / unit_ns + (value_ns % unit_ns != 0);
    return units > max ? max : (uint32_t)units;
}

static coir_time or_default(coir_time value, coir_time otherwise)
{
    return value != 0 ? value : otherwise;
}

static uint32_t discard_limit_kib(uint64_t bytes)
{
    uint64_t limit = bytes != 0 ? bytes : DEFAULT_LINGER_BYTES;
    uint64_t kib = limit / 1024 + (limit % 1024 != 0);

    return kib > UINT32_MAX ? UINT32_MAX : (uint32_t)kib;
}

int options_settle(const struct coir_stream_options *options, struct stream_settings *ret_settings)
{
    static const struct coir_stream_options defaults;

    if (options == NULL)
        options = &defaults;
    if (options->linger_ns < 0 || options->user_timeout_ns < 0 || options->keepalive_ns < 0)
        return -EINVAL;
    ret_settings->tuning = (struct endpoint_tuning){
        .user_timeout_ms =
            in_units(or_default(options->user_timeout_ns, DEFAULT_USER_TIMEOUT_NS), COIR_MILLISECOND, INT32_MAX),
        .keepalive_s = in_units(or_default(options->keepalive_ns, DEFAULT_KEEPALIVE_NS), COIR_SECOND, KEEPALIVE_MAX_S),
        .delay_small_writes = options->delay_small_writes,
    };
    ret_settings->linger = (struct linger_limits){
        .quiet_ms = in_units(or_default(options->linger_ns, DEFAULT_LINGER_NS), COIR_MILLISECOND, INT32_MAX),
        .discard_kib = discard_limit_kib(options->linger_bytes),
    };
    if (options->linger_ns == COIR_FOREVER)
        ret_settings->linger.quiet_ms = INT32_MAX;
    return 0;
}
