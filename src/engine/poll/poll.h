/* SPDX-License-Identifier: MIT
 *
 * The poll engine: for systems without epoll, and the proof that the seam is
 * one. A wait costs time in proportion to the descriptors there are.
 */
#ifndef ENGINE_POLL_POLL_H
#define ENGINE_POLL_POLL_H

#include "io/readiness.h"

/** Makes an engine that its table's init() has not readied. Returns NULL when there is no memory. */
struct engine *poll_engine_create(void);
void poll_engine_destroy(struct engine *engine);

#endif
