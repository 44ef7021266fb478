/* SPDX-License-Identifier: MIT
 *
 * The coir command: finds the subcommand and hands over to it. Everything
 * under programs/ is written from the public headers alone.
 */
#include "command.h"
#include <coir/run.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

struct subcommand {
    const char *name;
    int (*run)(int count, char **arguments);
};

static const struct subcommand subcommands[] = {
    {"echo", echo_main},
    {"load", load_main},
};

static const char help[] = "Usage: coir COMMAND [OPTION]...\n"
                           "Network services of straight-line code.\n"
                           "\n"
                           "  coir echo        serve the echo protocol (RFC 862): TCP, UDP, Unix sockets\n"
                           "  coir load        test such a server: its speed, and every byte it sends back\n"
                           "  coir --help      print this\n"
                           "  coir --version   print the version\n"
                           "\n"
                           "'coir COMMAND --help' tells about one command.\n"
                           "\n"
                           "Exit codes: 0 done; 1 it could not start, or had to stop; 2 wrong usage;\n3 it had to end "
                           "before everything was done; 4 bytes were wrong.\n";

/* A descriptor that we open must not become a standard one, or what we say would go there: into somebody's connection.
 * Where one is closed it stays of no use, as it was. */
static void occupy_standard_descriptors(void)
{
    for (int fd = 0; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0)
            (void)open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY); /* it takes the lowest that is free */
}

int main(int count, char **arguments)
{
    const char *name = count > 1 ? arguments[1] : NULL;

    occupy_standard_descriptors();
    if (name == NULL) {
        command_complain(NULL, "no command given; try 'coir --help'");
        return COMMAND_MISUSED;
    }
    if (strcmp(name, "--help") == 0)
        return command_print("%s", help);
    if (strcmp(name, "--version") == 0)
        return command_print("coir %s\n", coir_version());
    for (size_t i = 0; i < sizeof(subcommands) / sizeof(subcommands[0]); i++)
        if (strcmp(name, subcommands[i].name) == 0)
            return subcommands[i].run(count - 1, arguments + 1);
    command_complain(NULL, "unknown %s '%s'; try 'coir --help'", name[0] == '-' ? "option" : "command", name);
    return COMMAND_MISUSED;
}
