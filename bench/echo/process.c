/* SPDX-License-Identifier: MIT
 *
 * Server processes. Each run gets a fresh one: this program, started anew with
 * --serve, so that a tool can be put in front and no heap is inherited.
 */
#include "process.h"

#include "server.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define TOOL_WORDS_MAX 12
#define PATIENCE_MS 30000 /* Valgrind takes two seconds to start */

void process_pin(int cpu)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((size_t)cpu, &set);
    (void)sched_setaffinity(0, sizeof(set), &set); /* one CPU only: then they share it, and the ratio still holds */
}

static void become_server(const char *name, const char *const *tool, int input, int output)
{
    const char *words[TOOL_WORDS_MAX + 4];
    char self[4096];
    int count = 0;
    ssize_t size = readlink("/proc/self/exe", self, sizeof(self) - 1);

    if (size < 0)
        _exit(127);
    self[size] = '\0';
    while (tool != NULL && tool[count] != NULL && count < TOOL_WORDS_MAX) {
        words[count] = tool[count];
        count++;
    }
    words[count++] = self;
    words[count++] = "--serve";
    words[count++] = name;
    words[count] = NULL;
    process_pin(PROCESS_SERVER_CPU);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (dup2(input, STDIN_FILENO) >= 0 && dup2(output, STDOUT_FILENO) >= 0)
        execvp(words[0], (char *const *)(uintptr_t)words);
    fprintf(stderr, "%s: %s\n", words[0], strerror(errno));
    _exit(127);
}

/* One line of an answer, which is short and comes whole; "" at the end. */
static int read_answer(const struct process *process, char *line, size_t size)
{
    struct pollfd waiting = {.fd = process->answers, .events = POLLIN};
    ssize_t got = poll(&waiting, 1, PATIENCE_MS) == 1 ? read(process->answers, line, size - 1) : -1;

    line[got > 0 ? got : 0] = '\0';
    if (got == 0 || (got > 0 && line[got - 1] == '\n'))
        return 0;
    fprintf(stderr, "echo: the server gave no answer\n");
    return -1;
}

static int await_ready(struct process *process)
{
    char line[64];
    unsigned int port;
    if (read_answer(process, line, sizeof(line)) < 0 || sscanf(line, "ready %u", &port) != 1)
        return -1;
    process->port = (uint16_t)port;
    return 0;
}

int process_start(const char *name, const char *const *tool, struct process *ret_process)
{
    int commands[2];
    int answers[2];
    if (pipe2(commands, O_CLOEXEC) < 0 || pipe2(answers, O_CLOEXEC) < 0)
        return perror("echo: pipe"), -1;
    struct process process = {.commands = commands[1], .answers = answers[0]};
    process.pid = fork();
    if (process.pid == 0)
        become_server(name, tool, commands[0], answers[1]);
    close(commands[0]);
    close(answers[1]);
    if (process.pid < 0)
        return perror("echo: fork"), -1;
    if (await_ready(&process) < 0) {
        (void)process_stop(&process);
        return -1;
    }
    *ret_process = process;
    return 0;
}

static int give_command(const struct process *process, char command)
{
    return write(process->commands, &command, 1) == 1 ? 0 : -1;
}

int process_counts(const struct process *process, struct process_counts *ret_counts)
{
    char line[64];
    unsigned long long receives;
    unsigned long long sends;
    if (give_command(process, SERVER_COUNT_CALLS) < 0 || read_answer(process, line, sizeof(line)) < 0 ||
        sscanf(line, "counts %llu %llu", &receives, &sends) != 2)
        return -1;
    *ret_counts = (struct process_counts){.receives = receives, .sends = sends};
    return 0;
}

int process_cpu_ns(const struct process *process, int64_t *ret_cpu_ns)
{
    char path[64];
    long long cpu_ns;
    snprintf(path, sizeof(path), "/proc/%d/schedstat", (int)process->pid);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return perror(path), -1;
    int fields = fscanf(file, "%lld", &cpu_ns);
    fclose(file);
    if (fields != 1)
        return -1;
    *ret_cpu_ns = cpu_ns;
    return 0;
}

int process_stop(struct process *process)
{
    char line[64];
    int status;

    (void)give_command(process, SERVER_LEAVE); /* fails only where it has left already */
    close(process->commands);
    if (read_answer(process, line, sizeof line) < 0) /* the pipe ends with the process */
        (void)kill(process->pid, SIGKILL);
    close(process->answers);
    if (waitpid(process->pid, &status, 0) != process->pid)
        return -1;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    fprintf(stderr, "echo: the server ended with status 0x%x\n", (unsigned int)status);
    return -1;
}
