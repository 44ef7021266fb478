/* SPDX-License-Identifier: MIT
 *
 * talkers URI COUNT TALK_MS QUIET_MS: COUNT sessions that exchange messages
 * without a pause for TALK_MS, then wait for their end. The server is told to
 * drain meanwhile: every exchange must work all the same, and no session may
 * be ended before it has been quiet for QUIET_MS. Prints "talking" once each has
 * been answered, so that none is still in the kernel's queue.
 */
#include "peer.h"

#define MESSAGE_MAX 8192 /* fits the sockets' buffers, so that nobody has to wait */

static char message[MESSAGE_MAX];
static char answer[MESSAGE_MAX];

/* One message to each, then one from each: all are on their way at once. */
static void exchange_with_all(const int *fds, size_t count)
{
    size_t size = 1 + (size_t)rand() % MESSAGE_MAX;

    for (size_t i = 0; i < size; i++)
        message[i] = (char)rand();
    for (size_t i = 0; i < count; i++)
        peer_send_all(fds[i], message, size);
    for (size_t i = 0; i < count; i++) {
        peer_receive_all(fds[i], answer, size);
        if (memcmp(message, answer, size) != 0)
            PEER_DIE("talker %zu: the echo differs", i);
    }
}

int main(int argument_count, char **arguments)
{
    int fds[1024];
    int64_t quiet_ms;
    int64_t talk_until;
    int64_t talked_until;
    size_t count;

    if (argument_count != 5)
        PEER_DIE("usage: talkers URI COUNT TALK_MS QUIET_MS");
    count = peer_number(arguments[2]);
    quiet_ms = (int64_t)peer_number(arguments[4]);
    if (count > sizeof(fds) / sizeof(fds[0]))
        PEER_DIE("too many");
    for (size_t i = 0; i < count; i++)
        fds[i] = peer_connect(arguments[1]);
    exchange_with_all(fds, count);
    puts("talking");
    fflush(stdout);
    talk_until = peer_now_ms() + (int64_t)peer_number(arguments[3]);
    do {
        talked_until = peer_now_ms();
        exchange_with_all(fds, count);
    } while (peer_now_ms() < talk_until);
    for (size_t i = 0; i < count; i++) {
        peer_expect_end(fds[i]);
        if (peer_now_ms() < talked_until + quiet_ms)
            PEER_DIE("talker %zu was ended %lld ms after it spoke", i, (long long)(peer_now_ms() - talked_until));
    }
    return 0;
}
