/* SPDX-License-Identifier: MIT
 *
 * Whatever opens a socket on an address, while each call that it makes fails.
 */
#ifndef SUPPORT_OPENINGS_H
#define SUPPORT_OPENINGS_H

#include "support/faults.h"
#include "support/session.h"
#include <errno.h>

/** Every call fails once: an error, and nothing left behind (which the case's frame checks). `path`: a file's, or NULL.
 */
static inline void openings_fail_at(int (*open_and_close)(const char *uri), const char *uri, const char *path)
{
    for (unsigned n = 1; n < 40; n++) {
        unsigned hits;
        int rc;

        fault_fail(FAULT_ANY, n, EACCES, FAULT_ONCE);
        rc = open_and_close(uri);
        hits = fault_hits();
        fault_clear();
        if (hits == 0) {
            assert_true(n > 4);
            return;
        }
        assert_true(rc == 0 || rc == -EACCES || rc == -ENOMEM);
        if (path != NULL && unlink(path) == 0) /* the removal at the close may have been it */
            assert_int_equal(rc, 0);
    }
    fail_msg("opening %s never ends", uri);
}

/** On addresses of every kind. `scheme`: that of IP. */
static inline void openings_fail_each_call(int (*open_and_close)(const char *uri), const char *scheme)
{
    const char *directory = peer_make_directory();
    char uri[128];
    const char *path = session_path(directory, "s", uri);
    char one[32];
    char every[32];

    snprintf(one, sizeof(one), "%s://127.0.0.1:0", scheme);
    snprintf(every, sizeof(every), "%s://:0", scheme);
    openings_fail_at(open_and_close, one, NULL);
    openings_fail_at(open_and_close, every, NULL);
    openings_fail_at(open_and_close, session_abstract(), NULL);
    openings_fail_at(open_and_close, uri, path);
    peer_remove_directory(directory);
}

#endif
