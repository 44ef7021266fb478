/* SPDX-License-Identifier: MIT
 *
 * Processor time, ours and the server's: see server_cpu.h. proc(5) lists every
 * process's descriptors with the inodes of its sockets, its children, and the
 * time of those of them that have ended and been waited for. So the sum over a
 * process and its descendants loses nothing that one of them has used.
 */
#include "load/server_cpu.h"
#include "load/server_sockets.h"
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PATH_SIZE 300
#define LINE_SIZE 512
#define FAMILY_MAX 65536

/** A server's processes: those that were found, then their descendants. */
struct family {
    pid_t *members;
    size_t count;
    size_t room;
    bool is_unclear; /* we are among them, or there are too many, or what they used is not kept */
};

static coir_time read_clock(clockid_t clock)
{
    struct timespec now;

    if (clock_gettime(clock, &now) < 0)
        return -1;
    return (coir_time)now.tv_sec * COIR_SECOND + now.tv_nsec;
}

/* Of a whole process, while it is there. */
static coir_time read_process(pid_t process)
{
    clockid_t clock;

    return clock_getcpuclockid(process, &clock) == 0 ? read_clock(clock) : -1;
}

coir_time server_cpu_own(void)
{
    return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

pid_t server_cpu_process(void)
{
    return getpid();
}

/* What /proc tells of a process in one line: its parent, and the time of its children that have ended. */
static bool read_stat(pid_t process, pid_t *ret_parent, coir_time *ret_ended)
{
    char path[PATH_SIZE];
    char line[LINE_SIZE];
    const char *rest; /* after the name, which may hold anything */
    unsigned long user;
    unsigned long system;
    FILE *file;

    (void)snprintf(path, sizeof(path), "/proc/%ld/stat", (long)process);
    file = fopen(path, "re");
    if (file == NULL)
        return false;
    rest = fgets(line, sizeof(line), file) != NULL ? strrchr(line, ')') : NULL;
    fclose(file);
    if (rest == NULL ||
        sscanf(rest, ") %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %lu %lu", ret_parent, &user, &system) != 3)
        return false;
    *ret_ended = (coir_time)(user + system) * (COIR_SECOND / sysconf(_SC_CLK_TCK));
    return true;
}

/* Of such a process the kernel forgets what its children have used. */
static bool ignores_children(pid_t process)
{
    char path[PATH_SIZE];
    char line[LINE_SIZE];
    unsigned long long ignored = 0;
    FILE *file;

    (void)snprintf(path, sizeof(path), "/proc/%ld/status", (long)process);
    file = fopen(path, "re");
    if (file == NULL)
        return false;
    while (fgets(line, sizeof(line), file) != NULL && sscanf(line, "SigIgn: %llx", &ignored) != 1)
        ;
    fclose(file);
    return ignored >> (SIGCHLD - 1) & 1;
}

/* Has the process a descriptor of one of the sockets? */
static bool has_socket(const char *process, const struct server_sockets *sockets)
{
    char path[PATH_SIZE];
    char target[64];
    const struct dirent *entry;
    bool found = false;
    DIR *folder;

    (void)snprintf(path, sizeof(path), "/proc/%s/fd", process);
    folder = opendir(path);
    if (folder == NULL)
        return false; /* not ours to see, or gone */
    while (!found && (entry = readdir(folder)) != NULL) {
        ssize_t size = readlinkat(dirfd(folder), entry->d_name, target, sizeof(target) - 1);
        unsigned long inode;

        target[size > 0 ? size : 0] = '\0';
        found = sscanf(target, "socket:[%lu]", &inode) == 1 && server_sockets_have(sockets, inode);
    }
    closedir(folder);
    return found;
}

/* Returns false if there are too many. */
static bool add_process(struct server_cpu *server, pid_t process)
{
    coir_time ended;

    if (server->count == SERVER_CPU_PROCESSES)
        return false;
    if (read_stat(process, &server->parents[server->count], &ended))
        server->processes[server->count++] = process; /* else it has ended */
    return true;
}

static void find_processes(struct server_cpu *server, const struct server_sockets *sockets)
{
    DIR *folder = opendir("/proc");
    const struct dirent *entry;
    bool fits = folder != NULL;

    while (fits && (entry = readdir(folder)) != NULL) {
        pid_t process = (pid_t)strtol(entry->d_name, NULL, 10);

        if (process > 0 && process != getpid() && has_socket(entry->d_name, sockets))
            fits = add_process(server, process);
    }
    if (folder != NULL)
        closedir(folder);
    if (!fits)
        server->count = 0;
}

void server_cpu_find(struct server_cpu *server, const char *uri)
{
    struct server_sockets sockets;

    server->count = 0;
    server->before = -1;
    server_sockets_find(&sockets, uri);
    if (sockets.count > 0)
        find_processes(server, &sockets);
}

static bool is_found(const struct server_cpu *server, pid_t process)
{
    for (size_t i = 0; i < server->count; i++)
        if (server->processes[i] == process)
            return true;
    return false;
}

static void add_member(struct family *family, pid_t process)
{
    if (family->count == family->room) {
        size_t room = family->room > 0 ? 2 * family->room : 2 * (size_t)SERVER_CPU_PROCESSES;
        pid_t *members = room <= FAMILY_MAX ? realloc(family->members, room * sizeof(*members)) : NULL;

        if (members == NULL) {
            family->is_unclear = true;
            return;
        }
        family->members = members;
        family->room = room;
    }
    family->members[family->count++] = process;
}

/* Those of one thread. Where we are a child, the others need not be the server's either. */
static void add_children_of_thread(struct family *family, const struct server_cpu *server, int folder,
                                   const char *thread)
{
    char path[PATH_SIZE];
    FILE *file;
    int child;
    int fd;

    (void)snprintf(path, sizeof(path), "%s/children", thread);
    fd = openat(folder, path, O_RDONLY | O_CLOEXEC);
    file = fd >= 0 ? fdopen(fd, "r") : NULL;
    if (file == NULL) {
        if (fd >= 0)
            close(fd);
        return; /* it has ended */
    }
    while (!family->is_unclear && fscanf(file, "%d", &child) == 1) {
        if (child == getpid())
            family->is_unclear = true;
        else if (!is_found(server, child))
            add_member(family, child);
    }
    fclose(file);
}

static void add_children(struct family *family, const struct server_cpu *server, pid_t process)
{
    size_t before = family->count;
    char path[PATH_SIZE];
    const struct dirent *entry;
    DIR *folder;

    (void)snprintf(path, sizeof(path), "/proc/%ld/task", (long)process);
    folder = opendir(path);
    if (folder == NULL)
        return;
    while ((entry = readdir(folder)) != NULL)
        if (entry->d_name[0] != '.')
            add_children_of_thread(family, server, dirfd(folder), entry->d_name);
    closedir(folder);
    if (family->count > before && ignores_children(process))
        family->is_unclear = true;
}

/* Who was found may have ended if the time has gone to another of them. */
static bool may_be_gone(const struct server_cpu *server, size_t number)
{
    return number >= server->count || is_found(server, server->parents[number]);
}

/* The time of a member and of its children that have ended; -1 = it is gone. */
static coir_time read_member(pid_t process)
{
    coir_time own = read_process(process);
    coir_time ended;
    pid_t parent;

    return own >= 0 && read_stat(process, &parent, &ended) ? own + ended : -1;
}

static coir_time sum_family(struct family *family, const struct server_cpu *server)
{
    coir_time sum = 0;

    for (size_t i = 0; i < server->count; i++)
        add_member(family, server->processes[i]);
    for (size_t i = 0; i < family->count && !family->is_unclear; i++) {
        coir_time used = read_member(family->members[i]);

        if (used < 0 && !may_be_gone(server, i))
            return -1;
        sum += used > 0 ? used : 0;
        add_children(family, server, family->members[i]);
    }
    return family->is_unclear ? -1 : sum;
}

/* Is this a kernel that lists children? */
static bool has_children_listed(void)
{
    char path[PATH_SIZE];

    (void)snprintf(path, sizeof(path), "/proc/self/task/%ld/children", (long)getpid());
    return access(path, R_OK) == 0;
}

/* What all processes of the server have used since they began; -1 = it cannot be read. */
static coir_time read_server(const struct server_cpu *server)
{
    struct family family = {.count = 0};
    coir_time sum;

    if (server->count == 0 || !has_children_listed())
        return -1;
    sum = sum_family(&family, server);
    free(family.members);
    return sum;
}

void server_cpu_begin(struct server_cpu *server)
{
    server->before = read_server(server);
}

coir_time server_cpu_end(const struct server_cpu *server)
{
    coir_time now = read_server(server);

    return server->before >= 0 && now >= server->before ? now - server->before : -1;
}
