/* SPDX-License-Identifier: MIT
 *
 * Processor time, ours and the server's: see server_cpu.h. proc(5) lists every
 * socket of the network with its inode, and every process's descriptors with
 * those of its sockets.
 */
#include "load/server_cpu.h"
#include <arpa/inet.h>
#include <dirent.h>
#include <inttypes.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define STATE_LISTEN 0x0a
#define STATE_UDP 0x07
#define LINE_SIZE 512

/** A scheme's list of sockets. */
struct listing {
    const char *scheme;
    const char *files[2];
    unsigned int state;
};

static const struct listing listings[] = {
    {"tcp://", {"/proc/net/tcp", "/proc/net/tcp6"}, STATE_LISTEN},
    {"udp://", {"/proc/net/udp", "/proc/net/udp6"}, STATE_UDP},
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

/* The host of "tcp://HOST:PORT", without brackets; false if that is another host than ours: nothing can be bound
 * there. */
static bool is_here(const char *uri)
{
    char host[INET6_ADDRSTRLEN + 1 + IF_NAMESIZE];
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address = {.v6 = {.sin6_family = AF_UNSPEC}};
    const char *begin = strstr(uri, "://") + 3;
    const char *end = strrchr(begin, ':');
    bool is_v6 = begin[0] == '[';
    size_t size;
    int fd;
    int rc;

    if (end == NULL)
        return false;
    begin += is_v6;
    size = (size_t)(end - begin) - is_v6;
    if (size >= sizeof(host))
        return false;
    memcpy(host, begin, size);
    host[size] = '\0';
    address.any.sa_family = is_v6 ? AF_INET6 : AF_INET;
    if (inet_pton(address.any.sa_family, host, is_v6 ? (void *)&address.v6.sin6_addr : (void *)&address.v4.sin_addr) !=
        1)
        return false;
    fd = socket(address.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    rc = bind(fd, &address.any, is_v6 ? sizeof(address.v6) : sizeof(address.v4));
    close(fd);
    return rc == 0;
}

/* The inode of the socket in a line of /proc/net/tcp, if it has that port and state; 0 = it has not. */
static unsigned long inode_in(const char *line, unsigned int port, unsigned int state)
{
    unsigned int its_port;
    unsigned int its_state;
    unsigned long inode;

    if (sscanf(line, " %*d: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*x:%*x %*x:%*x %*x %*u %*u %lu", &its_port,
               &its_state, &inode) != 3)
        return 0;
    return its_port == port && its_state == state ? inode : 0;
}

/* The inode of the socket in a line of /proc/net/unix, if it has that name; 0 = it has not. */
static unsigned long inode_of_name(const char *line, const char *name)
{
    unsigned long inode;
    int at = 0;

    if (sscanf(line, "%*[0-9a-fA-F]: %*x %*x %*x %*x %*x %lu %n", &inode, &at) != 1 || at == 0)
        return 0;
    return strncmp(line + at, name, strlen(name)) == 0 && line[at + (int)strlen(name)] == '\n' ? inode : 0;
}

static unsigned long find_in_file(const char *file, const struct listing *listing, const char *uri)
{
    const char *port = strrchr(uri, ':');
    char line[LINE_SIZE];
    unsigned long inode = 0;
    FILE *list = fopen(file, "re");

    if (list == NULL)
        return 0;
    while (inode == 0 && fgets(line, sizeof(line), list) != NULL)
        inode =
            listing != NULL ? inode_in(line, (unsigned int)atoi(port + 1), listing->state) : inode_of_name(line, uri);
    fclose(list);
    return inode;
}

/* The inode of the socket that serves there; 0 = none is found. */
static unsigned long find_inode(const char *uri)
{
    unsigned long inode = 0;

    for (size_t i = 0; i < sizeof(listings) / sizeof(listings[0]); i++) {
        const struct listing *listing = &listings[i];

        if (strncmp(uri, listing->scheme, strlen(listing->scheme)) != 0)
            continue;
        if (!is_here(uri))
            return 0;
        inode = find_in_file(listing->files[0], listing, uri);
        return inode != 0 ? inode : find_in_file(listing->files[1], listing, uri);
    }
    return find_in_file("/proc/net/unix", NULL, strstr(uri, "://") + 3);
}

/* Has the process a descriptor of that socket? */
static bool has_socket(const char *process, const char *socket_name)
{
    char path[300];
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

        target[size > 0 ? size : 0] = '\0';
        found = strcmp(target, socket_name) == 0;
    }
    closedir(folder);
    return found;
}

void server_cpu_find(struct server_cpu *server, const char *uri)
{
    unsigned long inode = find_inode(uri);
    const struct dirent *entry;
    char name[64];
    DIR *folder = inode != 0 ? opendir("/proc") : NULL;

    server->count = 0;
    if (folder == NULL)
        return;
    (void)snprintf(name, sizeof(name), "socket:[%lu]", inode);
    while ((entry = readdir(folder)) != NULL && server->count < SERVER_CPU_PROCESSES) {
        pid_t process = (pid_t)strtol(entry->d_name, NULL, 10);

        if (process > 0 && process != getpid() && has_socket(entry->d_name, name))
            server->processes[server->count++] = process;
    }
    closedir(folder);
    if (server->count == SERVER_CPU_PROCESSES)
        server->count = 0;
}

void server_cpu_begin(struct server_cpu *server)
{
    for (size_t i = 0; i < server->count; i++)
        server->before[i] = read_process(server->processes[i]);
}

coir_time server_cpu_end(const struct server_cpu *server)
{
    coir_time sum = 0;

    for (size_t i = 0; i < server->count; i++) {
        coir_time now = read_process(server->processes[i]);

        if (now < 0 || server->before[i] < 0)
            return -1;
        sum += now - server->before[i];
    }
    return server->count > 0 ? sum : -1;
}
