/* SPDX-License-Identifier: MIT
 *
 * Giving up rights once they are not needed any more: privilege_find_user()
 * while the command line is read, then, when the ports are bound,
 * privilege_drop(), or privilege_drop_capabilities() where no user was named.
 *
 * Rights belong to threads: drop them before there are others. All that fail
 * write a reason, and a process that could not drop must not serve.
 */
#ifndef PROGRAMS_PRIVILEGE_H
#define PROGRAMS_PRIVILEGE_H

#include <stddef.h>
#include <sys/types.h>

#define PRIVILEGE_REASON_SIZE 200
#define PRIVILEGE_GROUPS_MAX 64

struct privilege_user {
    uid_t user;
    gid_t group;
    size_t group_count; /* of the supplementary groups */
    gid_t groups[PRIVILEGE_GROUPS_MAX];
};

/**
 * Looks up "USER" or "USER:GROUP", each a name or a number. A user alone comes
 * with all groups that the system has for it, a user with a group with that
 * one only. May read files, or ask a directory service.
 *
 * Returns: 0; -EINVAL bad form, no such user or group, or the superuser;
 * -E2BIG in too many groups; another errno the look-up itself failed.
 */
int privilege_find_user(const char *text, struct privilege_user *ret_user, char ret_reason[PRIVILEGE_REASON_SIZE]);

/**
 * Becomes `user` for good: groups, user, no capabilities of any kind, none by
 * execve(2) either. Then tries to go back, which has to fail.
 *
 * Returns: 0; -EPERM no right to change users, or a way back was left; another
 * errno of setgroups(2), setresgid(2), setresuid(2). After a failure part of
 * it may be done: end the process.
 */
int privilege_drop(const struct privilege_user *user, char ret_reason[PRIVILEGE_REASON_SIZE]);

/**
 * The same, staying the user that it is.
 *
 * Returns: 1; 0 it is the superuser, whose rights capabilities are the least of: nothing done;
 * -EPERM as above.
 */
int privilege_drop_capabilities(char ret_reason[PRIVILEGE_REASON_SIZE]);

#endif
