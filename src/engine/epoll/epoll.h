/* SPDX-License-Identifier: MIT
 *
 * The epoll engine: descriptors are registered once, edge-triggered, for
 * everything, so that a wait costs no system call of its own.
 */
#ifndef ENGINE_EPOLL_EPOLL_H
#define ENGINE_EPOLL_EPOLL_H

#include "io/readiness.h"

/** Makes an engine that its table's init() has not readied. Returns NULL when there is no memory. */
struct engine *epoll_engine_create(void);
void epoll_engine_destroy(struct engine *engine);

#endif
