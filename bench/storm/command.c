/* SPDX-License-Identifier: MIT
 *
 * `coir echo` as a process: see command.h.
 */
#include "command.h"

#include "echo/process.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_MS 10000

/* Beside our own folder, which is build/PRESET/bench. */
static void become_command(const char *engine, int errors)
{
    char path[4096];
    ssize_t size = readlink("/proc/self/exe", path, sizeof(path) - 1);
    char *slash;

    path[size > 0 ? size : 0] = '\0';
    slash = strstr(path, "/bench/");
    if (slash == NULL || (size_t)(slash - path) + sizeof("/bin/coir") > sizeof(path))
        _exit(127);
    memcpy(slash, "/bin/coir", sizeof("/bin/coir"));
    process_pin(PROCESS_SERVER_CPU);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (dup2(errors, STDERR_FILENO) >= 0)
        execl(path, "coir", "echo", "--listen", "tcp://127.0.0.1:0", "--engine", engine, (char *)NULL);
    dprintf(errors, "%s: %s\n", path, strerror(errno));
    _exit(127);
}

/* Reads what it says until `word` is in it, or, where that is NULL, to the end. */
static int read_words(const struct command *command, const char *word, char *text, size_t size)
{
    size_t length = 0;

    text[0] = '\0';
    while (word == NULL || strstr(text, word) == NULL) {
        struct pollfd waiting = {.fd = command->errors, .events = POLLIN};
        ssize_t got;

        if (length == size - 1 || poll(&waiting, 1, PATIENCE_MS) != 1)
            return -1;
        got = read(command->errors, text + length, size - 1 - length);
        if (got <= 0)
            return word == NULL && got == 0 ? 0 : -1;
        length += (size_t)got;
        text[length] = '\0';
    }
    return 0;
}

static int await_ready(struct command *command)
{
    char text[1024];
    unsigned int port;
    int rc = read_words(command, "engine: ", text, sizeof(text));
    const char *place = strstr(text, "listening on tcp://127.0.0.1:");

    if (rc < 0 || place == NULL || sscanf(place, "listening on tcp://127.0.0.1:%u", &port) != 1) {
        fprintf(stderr, "storm: coir echo does not start: %s\n", text);
        return -1;
    }
    command->port = (uint16_t)port;
    return 0;
}

int command_start(const char *engine, struct command *ret_command)
{
    struct command command;
    int errors[2];

    if (pipe2(errors, O_CLOEXEC) < 0)
        return perror("storm: pipe"), -1;
    command.errors = errors[0];
    command.pid = fork();
    if (command.pid == 0)
        become_command(engine, errors[1]);
    close(errors[1]);
    if (command.pid < 0)
        return perror("storm: fork"), -1;
    if (await_ready(&command) < 0) {
        (void)kill(command.pid, SIGKILL);
        (void)command_stop(&command);
        return -1;
    }
    *ret_command = command;
    return 0;
}

int command_stop(struct command *command)
{
    char text[1024];
    int status;

    (void)kill(command->pid, SIGTERM);
    if (read_words(command, NULL, text, sizeof(text)) < 0)
        (void)kill(command->pid, SIGKILL);
    close(command->errors);
    if (waitpid(command->pid, &status, 0) != command->pid)
        return -1;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    fprintf(stderr, "storm: coir echo ended with status 0x%x: %s\n", (unsigned int)status, text);
    return -1;
}
