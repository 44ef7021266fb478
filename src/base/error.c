/* SPDX-License-Identifier: MIT
 *
 * Names and texts of error codes. The texts say what happened to whoever
 * called coir; where errno's own text does that, it is used.
 */
#include <coir/error.h>
#include <errno.h>
#include <string.h>

struct error_entry {
    int code;
    const char *name;
    const char *text;
};

#define NAMED(symbol, words)                                                                                           \
    {                                                                                                                  \
        .code = (symbol), .name = #symbol, .text = (words)                                                             \
    }

/* With NULL for a text the C library's is right. */
static const struct error_entry errors[] = {
    NAMED(EPERM, NULL),
    NAMED(ENOENT, NULL),
    NAMED(EINTR, NULL),
    NAMED(EIO, NULL),
    NAMED(EBADF, "the descriptor is not open, or the stream was closed by its owner"),
    NAMED(EAGAIN, NULL),
    NAMED(ENOMEM, "out of memory, or of room for guarded stacks"),
    NAMED(EACCES, NULL),
    NAMED(EFAULT, NULL),
    NAMED(EBUSY, "another task is already at it, or a slice is still out"),
    NAMED(EEXIST, NULL),
    NAMED(ENOTDIR, NULL),
    NAMED(EINVAL, NULL),
    NAMED(ENFILE, NULL),
    NAMED(EMFILE, "too many open descriptors in this process (ulimit -n)"),
    NAMED(ENOSPC, NULL),
    NAMED(EROFS, NULL),
    NAMED(EPIPE, "nothing more can be written there"),
    NAMED(ENAMETOOLONG, NULL),
    NAMED(ENOSYS, "this system does not have it"),
    NAMED(ELOOP, NULL),
    NAMED(ETIME, "a deadline of ours passed"),
    NAMED(EPROTO, NULL),
    NAMED(ENOTSOCK, NULL),
    NAMED(EMSGSIZE, "longer than allowed"),
    NAMED(EOPNOTSUPP, NULL),
    NAMED(ESOCKTNOSUPPORT, NULL),
    NAMED(EAFNOSUPPORT, NULL),
    NAMED(EADDRINUSE, "somebody already listens on that address"),
    NAMED(EADDRNOTAVAIL, "not an address of this host, or no free port is left"),
    NAMED(ENETDOWN, NULL),
    NAMED(ENETUNREACH, NULL),
    NAMED(ECONNABORTED, NULL),
    NAMED(ECONNRESET, "the peer reset the connection"),
    NAMED(ENOBUFS, "the byte budget is spent"),
    NAMED(EISCONN, NULL),
    NAMED(ENOTCONN, NULL),
    NAMED(ESHUTDOWN, "the scope is draining"),
    NAMED(ETIMEDOUT, "the peer no longer answers"),
    NAMED(ECONNREFUSED, "nobody listens on that address"),
    NAMED(EHOSTUNREACH, NULL),
    NAMED(ECANCELED, "the scope was cancelled"),
    NAMED(-COIR_ERROR_ADDRESS, "not an address like tcp://127.0.0.1:7, tcp://[::1]:7 or unix:///path"),
    NAMED(-COIR_ERROR_HOST_NAME, "host names cannot be resolved here: give the address in numbers"),
};

static const struct error_entry *find_error(int code)
{
    int number = code < 0 ? -code : code;

    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
        if (errors[i].code == number)
            return &errors[i];
    return NULL;
}

const char *coir_error_name(int code)
{
    const struct error_entry *entry = find_error(code);

    if (code == 0)
        return "OK";
    if (entry == NULL)
        return "UNKNOWN";
    return entry->name[0] == '-' ? entry->name + 1 : entry->name;
}

const char *coir_error_text(int code)
{
    const struct error_entry *entry = find_error(code);

    if (code == 0)
        return "success";
    if (entry != NULL && entry->text != NULL)
        return entry->text;
    return strerror(code < 0 ? -code : code);
}
