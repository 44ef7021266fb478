/* SPDX-License-Identifier: MIT
 *
 * Sockets that somebody gives us: what they are, and taking them over.
 */
#ifndef NET_GIVEN_H
#define NET_GIVEN_H

#include "io/endpoint.h"

/** A SOL_SOCKET option of `fd` that is a number. Returns 0 or an error. */
int given_option(int fd, int name, int *ret_value);

/** Checks that `fd` is a socket of `type`, SOCK_..., and of a family that we know, which it tells. Returns 0,
 * -ESOCKTNOSUPPORT, -EAFNOSUPPORT, or as getsockopt(2). */
int given_check(int fd, int type, int *ret_family);

/** Makes an endpoint of `fd`, and sets its options as far as its giver's socket allows. On failure `fd` is left alone.
 */
int given_adopt(int fd, int family, const struct endpoint_tuning *tuning, struct endpoint **ret_endpoint);

#endif
