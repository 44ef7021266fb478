/* SPDX-License-Identifier: MIT
 *
 * The echo of datagrams, and whom it refuses: an echo server answers whoever a
 * datagram says it is from, and so can be made to talk to another such service
 * for ever, or to shout at a third party (CERT CA-1996-01).
 */
#ifndef PROGRAMS_ECHO_DATAGRAMS_H
#define PROGRAMS_ECHO_DATAGRAMS_H

#include "counters.h"
#include <coir.h>

/**
 * Answers what comes until the scope ends or drains.
 *
 * Returns: the error that ended it: -ESHUTDOWN, -ECANCELED, or one of the socket.
 */
int datagrams_answer(struct coir_datagram_socket *socket, struct echo_counters *counters);

#endif
