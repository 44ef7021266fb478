/* SPDX-License-Identifier: MIT
 *
 * A peer to compare with: an echo server on libuv, `libuv PORT`. All sessions
 * read into one buffer, and write at once what goes at once; for the rest one
 * stops reading until libuv has written it.
 */
#include <err.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#define BACKLOG 4096

static char buffer[65536];

/* session: begin */
struct session {
    uv_tcp_t socket;
    uv_write_t write;
    char *owed;
};

static void free_session(uv_handle_t *handle)
{
    struct session *session = handle->data;

    free(session->owed);
    free(session);
}

static void end_session(struct session *session)
{
    if (!uv_is_closing((uv_handle_t *)&session->socket))
        uv_close((uv_handle_t *)&session->socket, free_session);
}

static void lend_buffer(uv_handle_t *handle, size_t wanted, uv_buf_t *ret_lent)
{
    (void)handle;
    (void)wanted;
    *ret_lent = uv_buf_init(buffer, sizeof(buffer));
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *lent);

static void on_written(uv_write_t *write, int status)
{
    struct session *session = write->data;

    free(session->owed);
    session->owed = NULL;
    if (status < 0 || uv_read_start((uv_stream_t *)&session->socket, lend_buffer, on_read) < 0)
        end_session(session);
}

static int write_later(struct session *session, const char *bytes, size_t size)
{
    uv_stream_t *stream = (uv_stream_t *)&session->socket;
    uv_buf_t owed;

    session->owed = malloc(size);
    if (session->owed == NULL)
        return UV_ENOMEM;
    memcpy(session->owed, bytes, size);
    owed = uv_buf_init(session->owed, (unsigned)size);
    uv_read_stop(stream);
    session->write.data = session;
    return uv_write(&session->write, stream, &owed, 1, on_written);
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *lent)
{
    struct session *session = stream->data;
    uv_buf_t bytes = uv_buf_init(lent->base, size > 0 ? (unsigned)size : 0);
    int sent = 0;

    if (size > 0) {
        sent = uv_try_write(stream, &bytes, 1);
        sent = sent == UV_EAGAIN ? 0 : sent;
    }
    if (size < 0 || sent < 0 || (sent < size && write_later(session, lent->base + sent, (size_t)(size - sent)) < 0))
        end_session(session);
}
/* session: end */

/* Without a descriptor libuv itself turns the client away. */
static void on_connection(uv_stream_t *listener, int status)
{
    struct session *session = status < 0 ? NULL : calloc(1, sizeof(*session));

    if (session == NULL)
        return;
    session->socket.data = session;
    if (uv_tcp_init(listener->loop, &session->socket) < 0)
        free(session);
    else if (uv_accept(listener, (uv_stream_t *)&session->socket) < 0 || uv_tcp_nodelay(&session->socket, 1) < 0 ||
             uv_read_start((uv_stream_t *)&session->socket, lend_buffer, on_read) < 0)
        end_session(session);
}

int main(int argc, char **argv)
{
    struct sockaddr_in address;
    int size = sizeof(address);
    uv_loop_t *loop = uv_default_loop();
    uv_tcp_t listener;

    signal(SIGPIPE, SIG_IGN);
    if (uv_ip4_addr("127.0.0.1", argc > 1 ? atoi(argv[1]) : 7007, &address) < 0 || uv_tcp_init(loop, &listener) < 0 ||
        uv_tcp_bind(&listener, (struct sockaddr *)&address, 0) < 0 ||
        uv_listen((uv_stream_t *)&listener, BACKLOG, on_connection) < 0 ||
        uv_tcp_getsockname(&listener, (struct sockaddr *)&address, &size) < 0)
        errx(1, "cannot listen");
    fprintf(stderr, "listening on tcp://127.0.0.1:%d\n", ntohs(address.sin_port));
    return uv_run(loop, UV_RUN_DEFAULT);
}
