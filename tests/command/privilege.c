/* SPDX-License-Identifier: MIT
 *
 * Giving up rights. Each drop happens in a process of its own, and is judged
 * from outside, by /proc/PID/status. Most of it takes root.
 */
#include "privilege.h"
#include "support/test.h"
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pwd.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define NO_CAPABILITIES "0000000000000000"
#define USER 4242
#define GROUP 4343

/* What a child says of itself before it waits to be looked at. */
struct answer {
    int rc;
    char reason[PRIVILEGE_REASON_SIZE];
};

struct child {
    pid_t pid;
    int release; /* closing it lets the child end */
    struct answer answer;
};

static struct child start_child(int (*body)(char *ret_reason))
{
    struct child child = {.pid = -1};
    int answers[2];
    int releases[2];
    char byte;

    assert_int_equal(pipe(answers), 0);
    assert_int_equal(pipe(releases), 0);
    child.pid = fork();
    assert_true(child.pid >= 0);
    if (child.pid == 0) {
        close(releases[1]);
        child.answer.rc = body(child.answer.reason);
        (void)!write(answers[1], &child.answer, sizeof(child.answer));
        (void)!read(releases[0], &byte, 1);
        _exit(0);
    }
    close(releases[0]);
    close(answers[1]);
    child.release = releases[1];
    assert_int_equal(read(answers[0], &child.answer, sizeof(child.answer)), sizeof(child.answer));
    close(answers[0]);
    return child;
}

static void end_child(const struct child *child)
{
    int status;

    close(child->release);
    assert_int_equal(waitpid(child->pid, &status, 0), child->pid);
    assert_int_equal(status, 0);
}

/* Field `name` of the child's status must be `expected`, whatever the space between its parts. */
static void expect_status(const struct child *child, const char *name, const char *expected)
{
    char path[64];
    char line[512];
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%ld/status", (long)child->pid);
    file = fopen(path, "re");
    assert_non_null(file);
    while (fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, name, strlen(name)) != 0 || line[strlen(name)] != ':')
            continue;
        for (char *part = strpbrk(line, "\t"); part != NULL; part = strpbrk(part, "\t"))
            *part = ' ';
        line[strcspn(line, "\n")] = '\0';
        while (line[strlen(line) - 1] == ' ')
            line[strlen(line) - 1] = '\0';
        if (strcmp(line + strlen(name) + 1 + strspn(line + strlen(name) + 1, " "), expected) != 0)
            fail_msg("%s, wanted '%s'", line, expected);
        fclose(file);
        return;
    }
    fail_msg("no %s in %s", name, path);
}

/* The numbers that drop_to_numbers() and become_user_with_capability() change to. */
static void expect_user_and_group(const struct child *child)
{
    expect_status(child, "Uid", "4242 4242 4242 4242");
    expect_status(child, "Gid", "4343 4343 4343 4343");
}

static void expect_no_rights(const struct child *child)
{
    static const char *const sets[] = {"CapInh", "CapPrm", "CapEff", "CapAmb", "CapBnd"};

    for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++)
        expect_status(child, sets[i], NO_CAPABILITIES);
    expect_status(child, "NoNewPrivs", "1");
}

static void need_root(void)
{
    if (geteuid() != 0)
        TEST_SKIP("changing users takes root");
    if (access("/proc/self/status", R_OK) < 0)
        TEST_SKIP("there is no /proc");
}

/* Inheritable and ambient ones are what a plain change of the user would leave. */
static void hold_capability_of_every_kind(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct held[_LINUX_CAPABILITY_U32S_3];

    if (syscall(SYS_capget, &header, held) < 0)
        _exit(1);
    held[0].inheritable |= 1u << CAP_NET_BIND_SERVICE;
    held[0].effective = held[0].permitted;
    if (syscall(SYS_capset, &header, held) < 0 ||
        prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_BIND_SERVICE, 0, 0) < 0)
        _exit(1);
}

static int drop_to_numbers(char *ret_reason)
{
    struct privilege_user user;
    int rc = privilege_find_user("4242:4343", &user, ret_reason);

    hold_capability_of_every_kind();
    return rc < 0 ? rc : privilege_drop(&user, ret_reason);
}

TEST(drop_leaves_user_and_group_and_nothing_else)
{
    struct child child;

    need_root();
    child = start_child(drop_to_numbers);
    assert_int_equal(child.answer.rc, 0);
    expect_user_and_group(&child);
    expect_status(&child, "Groups", "");
    expect_no_rights(&child);
    end_child(&child);
}

/* Makes this process a user like any other, who still holds capabilities, as a service with AmbientCapabilities= does.
 */
static void become_user_with_capability(void)
{
    if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 || setgroups(0, NULL) < 0 || setresgid(GROUP, GROUP, GROUP) < 0 ||
        setresuid(USER, USER, USER) < 0)
        _exit(1);
    hold_capability_of_every_kind();
}

static int drop_capabilities_of_user(char *ret_reason)
{
    become_user_with_capability();
    return privilege_drop_capabilities(ret_reason);
}

TEST(drop_capabilities_leaves_the_user)
{
    struct child child;

    need_root();
    child = start_child(drop_capabilities_of_user);
    assert_int_equal(child.answer.rc, 1);
    expect_user_and_group(&child);
    expect_no_rights(&child);
    end_child(&child);
}

static int drop_capabilities_of_root(char *ret_reason)
{
    return privilege_drop_capabilities(ret_reason);
}

TEST(drop_capabilities_leaves_root_alone)
{
    struct child child;

    need_root();
    child = start_child(drop_capabilities_of_root);
    assert_int_equal(child.answer.rc, 0);
    expect_status(&child, "NoNewPrivs", "0");
    end_child(&child);
}

/* The saved user is still root, as in a program that gave up its rights for a while. */
static int drop_with_way_back(char *ret_reason)
{
    if (setresuid(USER, USER, 0) < 0)
        _exit(1);
    return privilege_drop_capabilities(ret_reason);
}

TEST(drop_that_leaves_a_way_back_fails)
{
    struct child child;

    need_root();
    child = start_child(drop_with_way_back);
    assert_int_equal(child.answer.rc, -EPERM);
    assert_non_null(strstr(child.answer.reason, "way back"));
    end_child(&child);
}

/* A sandbox that says yes and does nothing: call `number`, if `argument` >= 0 with that as its first one, returns 0. */
static void pretend(unsigned number, long argument)
{
    bool any = argument < 0;
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)argument, 0, any ? 0 : 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = sizeof(filter) / sizeof(filter[0]), .filter = filter};

    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) < 0)
        _exit(1);
}

static int drop_without_capset(char *ret_reason)
{
    become_user_with_capability();
    pretend(SYS_capset, -1);
    return privilege_drop_capabilities(ret_reason);
}

static int drop_without_capset_and_need(char *ret_reason)
{
    pretend(SYS_capset, -1);
    if (setresuid(USER, USER, USER) < 0)
        _exit(1);
    return privilege_drop_capabilities(ret_reason);
}

static int drop_without_no_new_privs(char *ret_reason)
{
    pretend(SYS_prctl, PR_SET_NO_NEW_PRIVS);
    return drop_to_numbers(ret_reason);
}

static int drop_without_setresgid(char *ret_reason)
{
#ifdef SYS_setresgid32 /* where the other one's groups have 16 bits */
    pretend(SYS_setresgid32, -1);
#else
    pretend(SYS_setresgid, -1);
#endif
    return drop_to_numbers(ret_reason);
}

static void expect_failed_drop(int (*body)(char *ret_reason), const char *part)
{
    struct child child = start_child(body);

    assert_int_equal(child.answer.rc, -EPERM);
    if (strstr(child.answer.reason, part) == NULL)
        fail_msg("'%s' does not say '%s'", child.answer.reason, part);
    end_child(&child);
}

TEST(drop_is_judged_by_what_is_left)
{
    struct child child;

    need_root();
    if (prctl(PR_GET_SECCOMP, 0, 0, 0, 0) < 0)
        TEST_SKIP("there is no seccomp");
    expect_failed_drop(drop_without_capset, "capabilities are left");
    expect_failed_drop(drop_without_no_new_privs, "no_new_privs");
    expect_failed_drop(drop_without_setresgid, "not what they were changed to");
    child = start_child(drop_without_capset_and_need);
    assert_int_equal(child.answer.rc, 1); /* there was nothing to drop */
    end_child(&child);
}

static int drop_as_user(char *ret_reason)
{
    struct privilege_user user;
    int rc = privilege_find_user("4444:4444", &user, ret_reason);

    if (geteuid() == 0 && setresuid(USER, USER, USER) < 0)
        _exit(1);
    return rc < 0 ? rc : privilege_drop(&user, ret_reason);
}

TEST(drop_without_the_right_to_is_told)
{
    struct child child = start_child(drop_as_user);

    assert_int_equal(child.answer.rc, -EPERM);
    assert_non_null(strstr(child.answer.reason, "user 4444, group 4444"));
    assert_non_null(strstr(child.answer.reason, "CAP_SETUID"));
    end_child(&child);
}

/* The groups of a user who has several, for the next test; NULL where nobody has. */
static const struct passwd *find_sociable_user(void)
{
    const struct passwd *entry;
    gid_t groups[PRIVILEGE_GROUPS_MAX];
    int count;

    setpwent();
    while ((entry = getpwent()) != NULL) {
        count = PRIVILEGE_GROUPS_MAX;
        if (entry->pw_uid != 0 && getgrouplist(entry->pw_name, entry->pw_gid, groups, &count) > 1)
            return entry;
    }
    return NULL;
}

TEST(user_alone_comes_with_the_groups_of_the_system)
{
    const struct passwd *entry = find_sociable_user();
    struct privilege_user user;
    struct privilege_user same;
    char reason[PRIVILEGE_REASON_SIZE];
    char number[32];

    if (entry == NULL)
        TEST_SKIP("nobody here is in two groups");
    assert_int_equal(privilege_find_user(entry->pw_name, &user, reason), 0);
    assert_int_equal(user.user, entry->pw_uid);
    assert_int_equal(user.group, entry->pw_gid);
    assert_true(user.group_count > 1);
    snprintf(number, sizeof(number), "%lu", (unsigned long)user.user);
    assert_int_equal(privilege_find_user(number, &same, reason), 0);
    assert_memory_equal(&same, &user, sizeof(user));
    snprintf(number, sizeof(number), "%lu:0", (unsigned long)user.user);
    assert_int_equal(privilege_find_user(number, &user, reason), 0);
    assert_int_equal(user.group, 0);
    assert_int_equal(user.group_count, 0);
}

static int drop_to_nobody(char *ret_reason)
{
    struct privilege_user user;
    int rc = privilege_find_user("nobody", &user, ret_reason);

    return rc < 0 ? rc : privilege_drop(&user, ret_reason);
}

TEST(drop_to_a_name_takes_its_own_groups)
{
    const struct passwd *entry = getpwnam("nobody");
    char expected[64];
    struct child child;

    need_root();
    if (entry == NULL || entry->pw_uid == 0)
        TEST_SKIP("there is no user nobody");
    child = start_child(drop_to_nobody);
    assert_int_equal(child.answer.rc, 0);
    snprintf(expected, sizeof(expected), "%lu %lu %lu %lu", (unsigned long)entry->pw_gid, (unsigned long)entry->pw_gid,
             (unsigned long)entry->pw_gid, (unsigned long)entry->pw_gid);
    expect_status(&child, "Gid", expected);
    *strchr(expected, ' ') = '\0';
    expect_status(&child, "Groups", expected);
    expect_no_rights(&child);
    end_child(&child);
}

/* `text` is refused, and the reason has `part` in it. */
static void expect_no_user(const char *text, const char *part)
{
    struct privilege_user user = {.user = 77};
    char reason[PRIVILEGE_REASON_SIZE];

    assert_int_equal(privilege_find_user(text, &user, reason), -EINVAL);
    if (strstr(reason, part) == NULL)
        fail_msg("'%s': '%s' does not say '%s'", text, reason, part);
    assert_int_equal(user.user, 77);
}

TEST(user_wrong_ones_are_told)
{
    char name[1000];

    expect_no_user("no-such-user", "no user 'no-such-user'");
    expect_no_user("4242:no-such-group", "no group 'no-such-group'");
    expect_no_user("", "write USER");
    expect_no_user(":4343", "write USER");
    expect_no_user("4242:", "write USER");
    expect_no_user("-1:4343", "no user '-1'");
    expect_no_user("4294967295:1", "no user '4294967295'");
    expect_no_user("4294967296:1", "no user '4294967296'");
    expect_no_user("18446744073709551616:1", "no user '18446744073709551616'");
    expect_no_user("4242:4294967295", "no group '4294967295'");
    expect_no_user("42x:1", "no user '42x'");
    expect_no_user("0:4343", "superuser");
    expect_no_user("root", "superuser");
    memset(name, 'x', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    expect_no_user(name, "write USER");
    name[200] = '\0';
    expect_no_user(name, "there is no user 'xxx");
}

TEST(user_number_without_entry_needs_a_group)
{
    struct privilege_user user;
    char reason[PRIVILEGE_REASON_SIZE];

    if (getpwuid(3999999999) != NULL)
        TEST_SKIP("user 3999999999 has an entry");
    expect_no_user("3999999999", "3999999999:GROUP");
    assert_int_equal(privilege_find_user("3999999999:3999999998", &user, reason), 0);
    assert_int_equal(user.user, 3999999999);
    assert_int_equal(user.group, 3999999998);
}
