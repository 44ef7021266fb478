/* SPDX-License-Identifier: MIT
 *
 * The server process's beginning and its words, common to both servers.
 */
#include "server.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

int server_wanted(int argc, char **argv)
{
    return argc == 3 && strcmp(argv[1], "--serve") == 0;
}

int server_main(char **argv)
{
    const char *name = argv[2];
    int rc;
    if (strcmp(name, "baseline") == 0)
        rc = serve_baseline();
    else
        rc = serve_coir(name);
    return rc < 0;
}

void server_say_ready(uint16_t port)
{
    dprintf(STDOUT_FILENO, "ready %u\n", port);
}

void server_say_counts(uint64_t receives, uint64_t sends)
{
    dprintf(STDOUT_FILENO, "counts %llu %llu\n", (unsigned long long)receives, (unsigned long long)sends);
}

char server_next_command(void)
{
    char command;
    return read(STDIN_FILENO, &command, 1) == 1 ? command : SERVER_LEAVE;
}
