/* SPDX-License-Identifier: MIT
 *
 * bulk URI BYTES: sends BYTES (a multiple of 65,536) of a pattern through one
 * session, half-closes, and expects all of it back, then the end. One process
 * sends, the other one receives.
 */
#include "peer.h"
#include <sys/wait.h>

#define BLOCK_WORDS 8192
#define BLOCK_SIZE (BLOCK_WORDS * sizeof(uint64_t))

/* No word twice within 2^64 of them: a block that is lost, doubled or moved shows. */
static void fill_block(uint64_t *words, uint64_t first)
{
    for (uint64_t i = 0; i < BLOCK_WORDS; i++)
        words[i] = (first + i) * 0x9e3779b97f4a7c15u;
}

static int send_all(int fd, uint64_t block_count)
{
    static uint64_t words[BLOCK_WORDS];

    for (uint64_t i = 0; i < block_count; i++) {
        fill_block(words, i * BLOCK_WORDS);
        peer_send_all(fd, words, BLOCK_SIZE);
    }
    return shutdown(fd, SHUT_WR) < 0;
}

static void receive_all(int fd, uint64_t block_count)
{
    static uint64_t words[BLOCK_WORDS];
    static uint64_t expected[BLOCK_WORDS];

    for (uint64_t i = 0; i < block_count; i++) {
        peer_receive_all(fd, words, BLOCK_SIZE);
        fill_block(expected, i * BLOCK_WORDS);
        if (memcmp(words, expected, BLOCK_SIZE) != 0)
            PEER_DIE("block %llu differs", (unsigned long long)i);
    }
    peer_expect_end(fd);
}

int main(int argument_count, char **arguments)
{
    uint64_t block_count;
    int status;
    pid_t sender;
    int fd;

    if (argument_count != 3)
        PEER_DIE("usage: bulk URI BYTES");
    block_count = peer_number(arguments[2]) / BLOCK_SIZE;
    fd = peer_connect(arguments[1]);
    sender = fork();
    if (sender < 0)
        PEER_DIE("fork: %s", strerror(errno));
    if (sender == 0)
        _exit(send_all(fd, block_count));
    receive_all(fd, block_count);
    if (waitpid(sender, &status, 0) < 0 || status != 0)
        PEER_DIE("the sender failed");
    return 0;
}
