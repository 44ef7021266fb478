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

/* Every errno; with NULL for a text the C library's is right. */
static const struct error_entry errors[] = {
    NAMED(EPERM, NULL),
    NAMED(ENOENT, NULL),
    NAMED(ESRCH, NULL),
    NAMED(EINTR, NULL),
    NAMED(EIO, NULL),
    NAMED(ENXIO, NULL),
    NAMED(E2BIG, NULL),
    NAMED(ENOEXEC, NULL),
    NAMED(EBADF, "the descriptor is not open, or the stream was closed by its owner"),
    NAMED(ECHILD, NULL),
    NAMED(EAGAIN, NULL),
    NAMED(ENOMEM, "out of memory, or of room for guarded stacks"),
    NAMED(EACCES, NULL),
    NAMED(EFAULT, NULL),
    NAMED(ENOTBLK, NULL),
    NAMED(EBUSY, "another task is already at it, or a slice is still out"),
    NAMED(EEXIST, NULL),
    NAMED(EXDEV, NULL),
    NAMED(ENODEV, NULL),
    NAMED(ENOTDIR, NULL),
    NAMED(EISDIR, NULL),
    NAMED(EINVAL, NULL),
    NAMED(ENFILE, NULL),
    NAMED(EMFILE, "too many open descriptors in this process (ulimit -n)"),
    NAMED(ENOTTY, NULL),
    NAMED(ETXTBSY, NULL),
    NAMED(EFBIG, NULL),
    NAMED(ENOSPC, "no space is left on the device, or as many descriptors are watched as a user may"),
    NAMED(ESPIPE, NULL),
    NAMED(EROFS, NULL),
    NAMED(EMLINK, NULL),
    NAMED(EPIPE, "nothing more can be written there"),
    NAMED(EDOM, NULL),
    NAMED(ERANGE, NULL),
    NAMED(EDEADLK, NULL),
    NAMED(ENAMETOOLONG, "a Unix socket's path or name has at most 107 bytes"),
    NAMED(ENOLCK, NULL),
    NAMED(ENOSYS, "this system does not have it"),
    NAMED(ENOTEMPTY, NULL),
    NAMED(ELOOP, NULL),
    NAMED(ENOMSG, NULL),
    NAMED(EIDRM, NULL),
    NAMED(ECHRNG, NULL),
    NAMED(EL2NSYNC, NULL),
    NAMED(EL3HLT, NULL),
    NAMED(EL3RST, NULL),
    NAMED(ELNRNG, NULL),
    NAMED(EUNATCH, NULL),
    NAMED(ENOCSI, NULL),
    NAMED(EL2HLT, NULL),
    NAMED(EBADE, NULL),
    NAMED(EBADR, NULL),
    NAMED(EXFULL, NULL),
    NAMED(ENOANO, NULL),
    NAMED(EBADRQC, NULL),
    NAMED(EBADSLT, NULL),
    NAMED(EBFONT, NULL),
    NAMED(ENOSTR, NULL),
    NAMED(ENODATA, NULL),
    NAMED(ETIME, "a deadline of ours passed"),
    NAMED(ENOSR, NULL),
    NAMED(ENONET, NULL),
    NAMED(ENOPKG, NULL),
    NAMED(EREMOTE, NULL),
    NAMED(ENOLINK, NULL),
    NAMED(EADV, NULL),
    NAMED(ESRMNT, NULL),
    NAMED(ECOMM, NULL),
    NAMED(EPROTO, NULL),
    NAMED(EMULTIHOP, NULL),
    NAMED(EDOTDOT, NULL),
    NAMED(EBADMSG, NULL),
    NAMED(EOVERFLOW, NULL),
    NAMED(ENOTUNIQ, NULL),
    NAMED(EBADFD, NULL),
    NAMED(EREMCHG, NULL),
    NAMED(ELIBACC, NULL),
    NAMED(ELIBBAD, NULL),
    NAMED(ELIBSCN, NULL),
    NAMED(ELIBMAX, NULL),
    NAMED(ELIBEXEC, NULL),
    NAMED(EILSEQ, NULL),
    NAMED(ERESTART, NULL),
    NAMED(ESTRPIPE, NULL),
    NAMED(EUSERS, NULL),
    NAMED(ENOTSOCK, NULL),
    NAMED(EDESTADDRREQ, NULL),
    NAMED(EMSGSIZE, "longer than allowed"),
    NAMED(EPROTOTYPE, NULL),
    NAMED(ENOPROTOOPT, NULL),
    NAMED(EPROTONOSUPPORT, NULL),
    NAMED(ESOCKTNOSUPPORT, NULL),
    NAMED(EOPNOTSUPP, NULL),
    NAMED(EPFNOSUPPORT, NULL),
    NAMED(EAFNOSUPPORT, NULL),
    NAMED(EADDRINUSE, "somebody already listens on that address"),
    NAMED(EADDRNOTAVAIL, "not an address of this host, or no free port is left"),
    NAMED(ENETDOWN, NULL),
    NAMED(ENETUNREACH, NULL),
    NAMED(ENETRESET, NULL),
    NAMED(ECONNABORTED, NULL),
    NAMED(ECONNRESET, "the peer reset the connection"),
    NAMED(ENOBUFS, "the byte budget is spent, or the kernel's memory for the network"),
    NAMED(EISCONN, NULL),
    NAMED(ENOTCONN, NULL),
    NAMED(ESHUTDOWN, "the scope is draining"),
    NAMED(ETOOMANYREFS, NULL),
    NAMED(ETIMEDOUT, "the peer no longer answers"),
    NAMED(ECONNREFUSED, "nobody listens on that address"),
    NAMED(EHOSTDOWN, NULL),
    NAMED(EHOSTUNREACH, NULL),
    NAMED(EALREADY, NULL),
    NAMED(EINPROGRESS, NULL),
    NAMED(ESTALE, NULL),
    NAMED(EUCLEAN, NULL),
    NAMED(ENOTNAM, NULL),
    NAMED(ENAVAIL, NULL),
    NAMED(EISNAM, NULL),
    NAMED(EREMOTEIO, NULL),
    NAMED(EDQUOT, NULL),
    NAMED(ENOMEDIUM, NULL),
    NAMED(EMEDIUMTYPE, NULL),
    NAMED(ECANCELED, "the scope was cancelled"),
    NAMED(ENOKEY, NULL),
    NAMED(EKEYEXPIRED, NULL),
    NAMED(EKEYREVOKED, NULL),
    NAMED(EKEYREJECTED, NULL),
    NAMED(EOWNERDEAD, NULL),
    NAMED(ENOTRECOVERABLE, NULL),
    NAMED(ERFKILL, NULL),
    NAMED(EHWPOISON, NULL),
    NAMED(-COIR_ERROR_ADDRESS, "not an address for this, such as tcp://127.0.0.1:7, tcp://[::1]:7 or unix:///path"),
    NAMED(-COIR_ERROR_HOST_NAME, "host names cannot be resolved here: give the address in numbers"),
};

static const struct error_entry *find_error(int code)
{
    int number = code > 0 ? -code : code; /* the other way round, INT_MIN has no match */

    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
        if (-errors[i].code == number)
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
    if (entry == NULL)
        return "an error that nobody defined";
    return entry->text != NULL ? entry->text : strerror(entry->code);
}
