/* SPDX-License-Identifier: MIT
 *
 * coir: network services as straight-line code. All public headers.
 *
 *     run.h        start the runtime
 *     task.h       tasks, time, task-local values
 *     scope.h      lifetimes, cancellation, deadlines, drains
 *     stream.h     connected byte streams
 *     listener.h   where streams come from
 *     datagram.h   messages over UDP and Unix sockets
 *     channel.h    bounded queues between tasks
 *     wait.h       any descriptor, and signals as events
 *     error.h      names and texts of error codes
 *     coroutine.h  the bare mechanism, usable without the runtime
 */
#ifndef COIR_H
#define COIR_H

#include <coir/channel.h>
#include <coir/coroutine.h>
#include <coir/datagram.h>
#include <coir/error.h>
#include <coir/listener.h>
#include <coir/run.h>
#include <coir/scope.h>
#include <coir/stream.h>
#include <coir/task.h>
#include <coir/types.h>
#include <coir/wait.h>

#endif
