/* SPDX-License-Identifier: MIT
 *
 * An echo server for datagrams, `08-udp-echo udp://127.0.0.1:7007`. It teaches
 * that a datagram names whom to answer, from where, and whom better not. */
#include <coir.h>
#include <signal.h>
#include <stdio.h>

static bool deserves_answer(const struct coir_datagram *datagram)
{
    return !datagram->truncated && !datagram->to_many && coir_address_port(&datagram->peer) >= 1024;
}

static int answer_all(void *arg)
{
    struct coir_datagram_socket *socket = arg;
    struct coir_datagram_info info;
    struct coir_datagram datagram;
    int result;

    coir_datagram_info(socket, &info);
    fprintf(stderr, "listening on %s\n", info.local);
    while ((result = coir_datagram_receive(socket, &datagram)) == 0) {
        if (deserves_answer(&datagram) && coir_datagram_send(socket, &datagram) < 0)
            fprintf(stderr, "an answer is lost\n"); /* as any datagram may be */
        coir_release(&datagram.data);
    }
    return result;
}

static int serve(void *uri)
{
    const int signals[] = {SIGTERM, SIGINT};
    struct coir_datagram_socket *socket = NULL;
    struct coir_scope *scope;
    int received;
    int result = coir_scope_open(NULL, &scope);

    if (result < 0)
        return result;
    result = coir_datagram_open(uri, NULL, &socket);
    if (result == 0)
        result = coir_spawn(scope, answer_all, socket, NULL);
    if (result == 0)
        result = coir_signal_wait(signals, 2, &received);
    coir_scope_drain(scope, 0); /* What has come is still answered. */
    int failure = coir_scope_close(scope);
    coir_datagram_close(socket);
    return failure < 0 ? failure : result;
}

int main(int argc, char **argv)
{
    int result = coir_run(serve, argc > 1 ? argv[1] : "udp://:7007", NULL);

    if (result < 0)
        fprintf(stderr, "08-udp-echo: %s\n", coir_error_text(result));
    return result < 0;
}
