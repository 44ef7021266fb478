/* SPDX-License-Identifier: MIT
 *
 * Users, groups and capabilities: see privilege.h. What each step returned is
 * not what counts, as a sandbox may refuse calls that have nothing left to do;
 * check_dropped() looks at what is left.
 */
#include "privilege.h"
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NAME_SIZE 256

__attribute__((format(printf, 3, 4))) static int fail(int failure, char *ret_reason, const char *format, ...)
{
    va_list values;

    va_start(values, format);
    vsnprintf(ret_reason, PRIVILEGE_REASON_SIZE, format, values);
    va_end(values);
    return failure;
}

/* The greatest number means "leave it" to the kernel, and is nobody's. */
static bool read_number(const char *text, uint32_t *ret_number)
{
    uint64_t number = 0;

    if (*text == '\0')
        return false;
    for (; *text >= '0' && *text <= '9' && number < UINT32_MAX; text++)
        number = number * 10 + (uint64_t)(*text - '0');
    *ret_number = (uint32_t)number;
    return *text == '\0' && number < UINT32_MAX;
}

/* True if `error`, after a look-up that found nothing, means just that: see getpwnam(3). */
static bool is_absence(int error)
{
    return error == 0 || error == ENOENT || error == ESRCH || error == EBADF || error == EPERM;
}

/* Sets user, and what the system knows about it: `*ret_entry`, or NULL. */
static int find_user(const char *name, uid_t *ret_user, struct passwd **ret_entry, char *ret_reason)
{
    struct passwd *entry;

    errno = 0;
    entry = getpwnam(name);
    if (entry == NULL && !is_absence(errno))
        return fail(-errno, ret_reason, "cannot look up user '%s': %s", name, strerror(errno));
    if (entry == NULL && !read_number(name, ret_user))
        return fail(-EINVAL, ret_reason, "there is no user '%s'", name);
    if (entry == NULL)
        entry = getpwuid(*ret_user); /* a number needs no entry */
    if (entry != NULL)
        *ret_user = entry->pw_uid;
    *ret_entry = entry;
    return 0;
}

static int find_group(const char *name, gid_t *ret_group, char *ret_reason)
{
    struct group *entry;

    errno = 0;
    entry = getgrnam(name);
    if (entry == NULL && !is_absence(errno))
        return fail(-errno, ret_reason, "cannot look up group '%s': %s", name, strerror(errno));
    if (entry == NULL && !read_number(name, ret_group))
        return fail(-EINVAL, ret_reason, "there is no group '%s'", name);
    if (entry != NULL)
        *ret_group = entry->gr_gid;
    return 0;
}

static int find_groups(const struct passwd *entry, const char *name, struct privilege_user *user, char *ret_reason)
{
    int count = PRIVILEGE_GROUPS_MAX;

    if (entry == NULL)
        return fail(-EINVAL, ret_reason, "the system does not know user %s: name its group too, as in %s:GROUP", name,
                    name);
    user->group = entry->pw_gid;
    if (getgrouplist(entry->pw_name, entry->pw_gid, user->groups, &count) < 0)
        return fail(-E2BIG, ret_reason,
                    "user '%s' is in more than %d groups: name the one to serve with, as in %s:GROUP", name,
                    PRIVILEGE_GROUPS_MAX, name);
    user->group_count = (size_t)count;
    return 0;
}

int privilege_find_user(const char *text, struct privilege_user *ret_user, char ret_reason[PRIVILEGE_REASON_SIZE])
{
    struct privilege_user user = {.group_count = 0};
    const char *colon = strchr(text, ':');
    size_t size = colon != NULL ? (size_t)(colon - text) : strlen(text);
    struct passwd *entry = NULL;
    char name[NAME_SIZE];
    int rc;

    if (size == 0 || size >= sizeof(name) || (colon != NULL && colon[1] == '\0'))
        return fail(-EINVAL, ret_reason, "'%.64s' is no user: write USER or USER:GROUP, names or numbers", text);
    memcpy(name, text, size);
    name[size] = '\0';
    rc = find_user(name, &user.user, &entry, ret_reason);
    if (rc == 0 && user.user == 0)
        return fail(-EINVAL, ret_reason, "user '%s' is the superuser: name one with fewer rights", name);
    if (rc == 0)
        rc = colon != NULL ? find_group(colon + 1, &user.group, ret_reason)
                           : find_groups(entry, name, &user, ret_reason);
    if (rc == 0)
        *ret_user = user;
    return rc;
}

/* From the bounding set, what execve(2) may give; that takes CAP_SETPCAP, and what stays no_new_privs makes idle. */
static void clear_bounding_set(void)
{
    for (unsigned long capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++)
        (void)prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
}

/* What leaves the permitted set leaves the ambient one by itself. */
static void clear_capabilities(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{.effective = 0}};

    (void)syscall(SYS_capset, &header, none);
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

static bool has_capabilities(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct held[_LINUX_CAPABILITY_U32S_3] = {{.effective = 0}};
    uint32_t all = 0;

    if (syscall(SYS_capget, &header, held) < 0)
        return true;
    for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
        all |= held[i].effective | held[i].permitted | held[i].inheritable;
    return all != 0;
}

static int check_dropped(char *ret_reason)
{
    if (has_capabilities())
        return fail(-EPERM, ret_reason, "capabilities are left that cannot be dropped");
    if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
        return fail(-EPERM, ret_reason, "no_new_privs cannot be set");
    if (setuid(0) == 0)
        return fail(-EPERM, ret_reason, "the way back to the superuser is still open");
    return 0;
}

/* True if user and group are those of `user`, in every sense of the word. */
static bool is_user(const struct privilege_user *user)
{
    gid_t real_group;
    gid_t effective_group;
    gid_t saved_group;
    uid_t real;
    uid_t effective;
    uid_t saved;

    return getresuid(&real, &effective, &saved) == 0 && real == user->user && effective == user->user &&
           saved == user->user && getresgid(&real_group, &effective_group, &saved_group) == 0 &&
           real_group == user->group && effective_group == user->group && saved_group == user->group;
}

static int change_user(const struct privilege_user *user, char *ret_reason)
{
    const char *step = NULL;

    /* The user comes last: with it goes the right to the rest. */
    if (setgroups(user->group_count, user->groups) < 0)
        step = "setgroups";
    else if (setresgid(user->group, user->group, user->group) < 0)
        step = "setresgid";
    else if (setresuid(user->user, user->user, user->user) < 0)
        step = "setresuid";
    if (step == NULL)
        return 0;
    return fail(-errno, ret_reason, "cannot become user %lu, group %lu: %s: %s%s", (unsigned long)user->user,
                (unsigned long)user->group, step, strerror(errno),
                errno == EPERM ? " (it takes root, or CAP_SETUID and CAP_SETGID)" : "");
}

int privilege_drop(const struct privilege_user *user, char ret_reason[PRIVILEGE_REASON_SIZE])
{
    int rc;

    clear_bounding_set(); /* first, while it is permitted; it takes nothing from this process itself */
    rc = change_user(user, ret_reason);
    if (rc < 0)
        return rc;
    clear_capabilities();
    rc = check_dropped(ret_reason);
    if (rc == 0 && !is_user(user))
        return fail(-EPERM, ret_reason, "user and group are not what they were changed to");
    return rc;
}

int privilege_drop_capabilities(char ret_reason[PRIVILEGE_REASON_SIZE])
{
    int rc;

    if (geteuid() == 0)
        return 0;
    clear_bounding_set();
    clear_capabilities();
    rc = check_dropped(ret_reason);
    return rc < 0 ? rc : 1;
}
