/* SPDX-License-Identifier: MIT
 *
 * Datagrams and their frames, where no loopback shows it: interfaces of
 * link-local addresses, groups of IPv6, control messages of others.
 */
#include "io/message.h"
#include "support/test.h"
#include <arpa/inet.h>
#include <string.h>

static unsigned char room_bytes[sizeof(struct buffer) + 64] __attribute__((aligned(16)));

static struct buffer *room(void)
{
    struct buffer *buffer = (struct buffer *)room_bytes;

    buffer->capacity = 64;
    return buffer;
}

/* What the kernel leaves in a frame that was laid for a receive. */
static void put_control(struct message_frame *frame, size_t *used, int level, int type, const void *value, size_t size)
{
    struct cmsghdr control = {.cmsg_level = level, .cmsg_type = type};
    unsigned char *at = frame->control.bytes + *used;

    control.cmsg_len = (__typeof__(control.cmsg_len))CMSG_LEN(size);
    memcpy(at, &control, sizeof(control));
    memcpy(at + CMSG_LEN(0), value, size);
    *used += CMSG_SPACE(size);
}

static void put_ip6(struct message_frame *frame, size_t *used, const char *host, unsigned interface)
{
    struct in6_pktinfo info = {.ipi6_ifindex = interface};

    assert_int_equal(inet_pton(AF_INET6, host, &info.ipi6_addr), 1);
    put_control(frame, used, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof(info));
}

static void put_ip4(struct message_frame *frame, size_t *used, const char *ours, const char *destination)
{
    struct in_pktinfo info = {.ipi_ifindex = 3};

    assert_int_equal(inet_pton(AF_INET, ours, &info.ipi_spec_dst), 1);
    assert_int_equal(inet_pton(AF_INET, destination, &info.ipi_addr), 1);
    put_control(frame, used, IPPROTO_IP, IP_PKTINFO, &info, sizeof(info));
}

static struct message take(struct message_frame *frame, size_t used)
{
    struct message message = {.to_many = true, .ours.any.sa_family = AF_INET}; /* of the one before */

    message_lay_receive(frame, &message, room(), false);
    assert_int_equal(frame->header.msg_controllen, MESSAGE_CONTROL_SIZE);
    frame->header.msg_controllen = (__typeof__(frame->header.msg_controllen))used;
    frame->header.msg_namelen = 0;
    message_take(&message, frame);
    return message;
}

static void expect_ip6(const struct message *message, const char *host, unsigned interface)
{
    char text[64];

    assert_int_equal(message->ours.any.sa_family, AF_INET6);
    assert_string_equal(inet_ntop(AF_INET6, &message->ours.ip6.sin6_addr, text, sizeof(text)), host);
    assert_int_equal(message->ours.ip6.sin6_scope_id, interface);
}

static void expect_ip4(const struct message *message, const char *host)
{
    char text[64];

    assert_int_equal(message->ours.any.sa_family, AF_INET);
    assert_string_equal(inet_ntop(AF_INET, &message->ours.ip4.sin_addr, text, sizeof(text)), host);
}

static struct message take_ip6(const char *host, unsigned interface)
{
    struct message_frame frame;
    size_t used = 0;

    put_ip6(&frame, &used, host, interface);
    return take(&frame, used);
}

TEST(a_link_local_address_keeps_its_interface)
{
    struct message message = take_ip6("fe80::1", 7);

    expect_ip6(&message, "fe80::1", 7);
    assert_false(message.to_many);
}

TEST(a_global_address_has_no_interface)
{
    struct message message = take_ip6("2001:db8::1", 7);

    expect_ip6(&message, "2001:db8::1", 0); /* else the answer could not leave another way */
}

TEST(nobody_answers_as_a_group_of_ip6)
{
    struct message message = take_ip6("ff02::1", 7);

    assert_true(message.to_many);
    assert_int_equal(message.ours.any.sa_family, AF_UNSPEC);
}

TEST(ip4_on_an_ip6_socket_is_told_by_its_own_means)
{
    for (int order = 0; order < 2; order++) {
        struct message_frame frame;
        struct message message;
        size_t used = 0;

        if (order == 0)
            put_ip6(&frame, &used, "::ffff:10.255.255.255", 3);
        put_ip4(&frame, &used, "10.0.0.1", "10.255.255.255");
        if (order == 1)
            put_ip6(&frame, &used, "::ffff:10.255.255.255", 3);
        message = take(&frame, used);
        expect_ip4(&message, "10.0.0.1");
        assert_true(message.to_many);
    }
}

/* Of what was queued before the option was set the kernel knows the destination alone. */
TEST(ip4_that_came_early_has_what_its_header_says)
{
    static const struct {
        const char *destination;
        bool to_many;
    } early[] = {{"10.0.0.1", false}, {"255.255.255.255", true}, {"224.0.0.1", true}};

    for (size_t i = 0; i < sizeof(early) / sizeof(early[0]); i++) {
        struct message_frame frame;
        struct message message;
        size_t used = 0;

        put_ip4(&frame, &used, "0.0.0.0", early[i].destination);
        message = take(&frame, used);
        assert_int_equal(message.to_many, early[i].to_many);
        if (early[i].to_many)
            assert_int_equal(message.ours.any.sa_family, AF_UNSPEC);
        else
            expect_ip4(&message, early[i].destination);
    }
}

TEST(what_is_not_ours_is_passed_over)
{
    struct message_frame frame;
    struct message message;
    size_t used = 0;
    int64_t other[2] = {1, 2};

    put_control(&frame, &used, SOL_SOCKET, SO_TIMESTAMP, other, sizeof(other));
    put_control(&frame, &used, IPPROTO_IP, IP_TTL, other, sizeof(int));
    put_control(&frame, &used, IPPROTO_IPV6, IPV6_HOPLIMIT, other, sizeof(int));
    put_ip4(&frame, &used, "10.0.0.1", "10.0.0.1");
    message = take(&frame, used);
    expect_ip4(&message, "10.0.0.1");
    assert_false(message.to_many);
}

TEST(without_control_messages_nothing_is_known)
{
    struct message_frame frame;
    struct message message = take(&frame, 0);

    assert_false(message.to_many);
    assert_int_equal(message.ours.any.sa_family, AF_UNSPEC);
    assert_int_equal(message.peer_size, 0);
}

/* The kernel drops passed descriptors where there is no room for them. */
TEST(a_unix_socket_gets_no_room_for_control_messages)
{
    struct message_frame frame;
    struct message message;

    message_lay_receive(&frame, &message, room(), true);
    assert_null(frame.header.msg_control);
    assert_int_equal(frame.header.msg_controllen, 0);
}

TEST(a_send_names_the_interface_of_a_link_local_address)
{
    struct message message = {.ours.ip6 = {.sin6_family = AF_INET6, .sin6_scope_id = 7}};
    struct message_frame frame;
    struct in6_pktinfo info;
    struct cmsghdr *control;

    assert_int_equal(inet_pton(AF_INET6, "fe80::1", &message.ours.ip6.sin6_addr), 1);
    message_lay_send(&frame, &message);
    control = CMSG_FIRSTHDR(&frame.header);
    assert_non_null(control);
    assert_int_equal(frame.header.msg_controllen, CMSG_SPACE(sizeof(info))); /* and nothing more */
    memcpy(&info, CMSG_DATA(control), sizeof(info));
    assert_int_equal(info.ipi6_ifindex, 7);
    assert_null(frame.header.msg_name); /* nobody is named: a socket that somebody has connected */
}

TEST(a_host_of_ip6_that_only_looks_mapped_is_one)
{
    struct message_frame frame;
    struct message message;
    size_t used = 0;

    put_ip6(&frame, &used, "::1:1:0:ffff:a00:1", 0);
    message = take(&frame, used);
    expect_ip6(&message, "::1:1:0:ffff:a00:1", 0);
}
