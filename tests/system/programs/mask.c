/* SPDX-License-Identifier: MIT
 *
 * mask FEATURE COMMAND...: runs COMMAND, and whatever it starts, as on a kernel
 * that lacks FEATURE, or in a sandbox that denies it: a seccomp filter has the
 * system call, with these arguments alone, fail as it fails there. COIR_MASK
 * tells COMMAND which feature that is. `mask --list` prints the features, one a
 * line.
 *
 * Exits as COMMAND does; with 77 where no filter can be installed, as under
 * user-mode emulation, and with 2 if misused.
 */
#include <endian.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_epoll_pwait2
#define SYS_epoll_pwait2 441 /* of Linux 5.11; older headers lack it */
#endif
#define ADVICE_GUARD_INSTALL 102 /* MADV_GUARD_INSTALL, likewise, of 6.13 */

#define CONDITIONS_MAX 2
#define EXIT_MISUSED 2
#define EXIT_SKIPPED 77

/* An argument that decides whether a call is meant; its value fits 32 bits. */
struct condition {
    unsigned int argument; /* counted from 0 */
    uint32_t value;
};

struct mask {
    const char *feature;
    uint32_t call;
    int error; /* 0: the call says that it has done it, and has done nothing */
    unsigned int condition_count;
    struct condition conditions[CONDITIONS_MAX];
};

/* docs/kernels.md says which kernels and sandboxes these are. */
static const struct mask masks[] = {
    {"guard-markers", SYS_madvise, EINVAL, 1, {{2, ADVICE_GUARD_INSTALL}}},
    {"guard-markers-of-no-effect", SYS_madvise, 0, 1, {{2, ADVICE_GUARD_INSTALL}}},
    {"huge-pages", SYS_madvise, EINVAL, 1, {{2, MADV_NOHUGEPAGE}}},
    {"nanosecond-waits", SYS_epoll_pwait2, ENOSYS, 0, {{0, 0}}},
    {"nanosecond-waits-denied", SYS_epoll_pwait2, EPERM, 0, {{0, 0}}},
    {"epoll", SYS_epoll_create1, ENOSYS, 0, {{0, 0}}},
    {"epoll-denied", SYS_epoll_create1, EPERM, 0, {{0, 0}}},
    {"ip6", SYS_socket, EAFNOSUPPORT, 1, {{0, AF_INET6}}},
    {"drain-filter", SYS_setsockopt, ENOPROTOOPT, 2, {{1, SOL_SOCKET}, {2, SO_ATTACH_FILTER}}},
    {"late-ports", SYS_setsockopt, ENOPROTOOPT, 2, {{1, IPPROTO_IP}, {2, IP_BIND_ADDRESS_NO_PORT}}},
    {"unsent-bytes", SYS_ioctl, ENOTTY, 1, {{1, TIOCOUTQ}}},
    {"signalfd", SYS_signalfd4, ENOSYS, 0, {{0, 0}}},
    {"eventfd", SYS_eventfd2, ENOSYS, 0, {{0, 0}}},
};

static const struct mask *find_mask(const char *feature)
{
    for (size_t i = 0; i < sizeof(masks) / sizeof(masks[0]); i++)
        if (strcmp(masks[i].feature, feature) == 0)
            return &masks[i];
    return NULL;
}

static void list_masks(void)
{
    for (size_t i = 0; i < sizeof(masks) / sizeof(masks[0]); i++)
        printf("%s\n", masks[i].feature);
}

/* Where the filter finds the half of an argument that counts. */
static uint32_t offset_of(unsigned int argument)
{
    bool big_endian = htobe32(1) == 1;

    return (uint32_t)(offsetof(struct seccomp_data, args) + argument * sizeof(uint64_t) + (big_endian ? 4 : 0));
}

/* Two instructions: go on if the word at `offset` is `value`, else to the instruction `otherwise`. */
static size_t add_test(struct sock_filter *filter, size_t at, uint32_t offset, uint32_t value, size_t otherwise)
{
    filter[at] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset);
    filter[at + 1] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, (uint8_t)(otherwise - at - 2));
    return at + 2;
}

/* Where one call is the way to all others on sockets, by arguments in memory, a filter does not see which is meant. */
static bool is_hidden(const struct mask *mask)
{
#ifdef SYS_socketcall
    return mask->call == SYS_socket || mask->call == SYS_setsockopt;
#else
    (void)mask;
    return false;
#endif
}

/* The call by which a C library, as musl, tries again where that one is not there; else `call` itself. */
static uint32_t find_older(uint32_t call)
{
#ifdef SYS_signalfd
    if (call == SYS_signalfd4)
        return SYS_signalfd;
#endif
    return call;
}

/* Call numbers are this machine's own: of programs for another one it masks something else. */
static bool install(const struct mask *mask, uint32_t call)
{
    struct sock_filter filter[4 + 2 * CONDITIONS_MAX];
    size_t last = 3 + 2 * (size_t)mask->condition_count;
    struct sock_fprog program = {.len = (unsigned short)(last + 1), .filter = filter};
    size_t at = add_test(filter, 0, offsetof(struct seccomp_data, nr), call, last);

    for (unsigned int i = 0; i < mask->condition_count; i++)
        at = add_test(filter, at, offset_of(mask->conditions[i].argument), mask->conditions[i].value, last);
    filter[at] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)mask->error);
    filter[last] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0)
        return true; /* root may: what is to be run keeps the ways to other rights that it has */
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0;
}

int main(int argument_count, char **arguments)
{
    const struct mask *mask = argument_count > 2 ? find_mask(arguments[1]) : NULL;

    if (argument_count == 2 && strcmp(arguments[1], "--list") == 0) {
        list_masks();
        return 0;
    }
    if (mask == NULL) {
        fprintf(stderr, "usage: mask FEATURE COMMAND...; mask --list\n");
        return EXIT_MISUSED;
    }
    if (is_hidden(mask)) {
        fprintf(stderr, "skipped: no seccomp filter sees what socketcall(2) is for\n");
        return EXIT_SKIPPED;
    }
    if (!install(mask, find_older(mask->call)) || !install(mask, mask->call)) {
        fprintf(stderr, "skipped: no seccomp filter here: %s\n", strerror(errno));
        return EXIT_SKIPPED;
    }
    setenv("COIR_MASK", mask->feature, 1);
    execvp(arguments[2], arguments + 2);
    fprintf(stderr, "mask: %s: %s\n", arguments[2], strerror(errno));
    return EXIT_MISUSED;
}
