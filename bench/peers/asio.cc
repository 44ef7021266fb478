/* SPDX-License-Identifier: MIT
 *
 * A peer to compare with: an echo server on Boost.Asio with the coroutines of
 * C++20, `asio PORT`. The buffer is part of the coroutine's frame, and costs
 * what of it was touched.
 */
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include <boost/asio.hpp>

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

/* session: begin */
static asio::awaitable<void> serve_session(tcp::socket session)
{
    std::array<char, 65536> buffer;
    error_code error;
    auto token = asio::redirect_error(asio::use_awaitable, error);

    for (;;) {
        std::size_t size = co_await session.async_read_some(asio::buffer(buffer), token);
        if (error)
            co_return;
        co_await asio::async_write(session, asio::buffer(buffer, size), token);
        if (error)
            co_return;
    }
}
/* session: end */

static asio::awaitable<void> accept_sessions(tcp::acceptor &listener)
{
    error_code error;
    auto token = asio::redirect_error(asio::use_awaitable, error);

    for (;;) {
        tcp::socket session = co_await listener.async_accept(token);
        if (!error)
            session.set_option(tcp::no_delay(true), error);
        if (!error) {
            asio::co_spawn(listener.get_executor(), serve_session(std::move(session)), asio::detached);
        } else { /* no descriptor, most likely */
            asio::steady_timer pause(listener.get_executor(), std::chrono::milliseconds(50));
            co_await pause.async_wait(asio::use_awaitable);
        }
    }
}

int main(int argc, char **argv)
{
    auto port = static_cast<unsigned short>(argc > 1 ? std::atoi(argv[1]) : 7007);
    asio::io_context context(1); /* one thread */
    tcp::acceptor listener(context);

    listener.open(tcp::v4());
    listener.set_option(tcp::acceptor::reuse_address(true));
    listener.bind(tcp::endpoint(asio::ip::address_v4::loopback(), port));
    listener.listen(4096);
    std::fprintf(stderr, "listening on tcp://127.0.0.1:%d\n", listener.local_endpoint().port());
    asio::co_spawn(context, accept_sessions(listener), asio::detached);
    context.run();
}
