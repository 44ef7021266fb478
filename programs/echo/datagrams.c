/* SPDX-License-Identifier: MIT
 *
 * The echo of datagrams: see datagrams.h.
 */
#include "datagrams.h"
#include <errno.h>

/** How long to wait for others to give memory back. */
#define MEMORY_PAUSE_NS (10 * COIR_MILLISECOND)
/** A Unix peer that does not read must not keep others waiting for longer. */
#define SEND_LIMIT_NS (100 * COIR_MILLISECOND)

/* Services that answer what they are sent, by the port they send from; nobody's own port is among them. */
static bool is_service(int port)
{
    switch (port) {
    case 7:     /* echo */
    case 11:    /* systat */
    case 13:    /* daytime */
    case 17:    /* quote of the day */
    case 19:    /* chargen */
    case 37:    /* time */
    case 53:    /* DNS */
    case 69:    /* TFTP */
    case 111:   /* portmapper */
    case 123:   /* NTP */
    case 137:   /* NetBIOS */
    case 138:   /* NetBIOS */
    case 161:   /* SNMP */
    case 389:   /* connectionless LDAP */
    case 520:   /* RIP */
    case 1900:  /* SSDP */
    case 3702:  /* WS-Discovery */
    case 5353:  /* multicast DNS */
    case 11211: /* memcached */
        return true;
    default:
        return false;
    }
}

/* True if it seems to come from an echo server: from our own port, be it on another address of ours or on another host
 * that serves like us; or from our Unix address. */
static bool is_like_us(const struct coir_datagram *datagram)
{
    int port = coir_address_port(&datagram->peer);

    return (port != 0 && port == coir_address_port(&datagram->local)) ||
           coir_address_same(&datagram->peer, &datagram->local);
}

/* True if it is safe to answer. Half of a datagram is no echo either. */
static bool may_answer(const struct coir_datagram *datagram)
{
    return !datagram->truncated && !datagram->to_many && !is_service(coir_address_port(&datagram->peer)) &&
           !is_like_us(datagram);
}

/* Sends it back, and gives up on a peer that takes nothing. Returns 0 or an error; a failure is that datagram's own. */
static int send_back(struct coir_datagram_socket *socket, const struct coir_datagram *datagram)
{
    static const struct coir_scope_options options = {.limit_ns = SEND_LIMIT_NS, .name = "answer"};
    struct coir_scope *patience;
    int rc = coir_scope_open(&options, &patience);

    if (rc < 0)
        return rc;
    rc = coir_datagram_send(socket, datagram);
    (void)coir_scope_close(patience); /* it has no tasks that could fail */
    return rc;
}

static void answer(struct coir_datagram_socket *socket, struct coir_datagram *datagram, struct echo_counters *counters)
{
    if (!may_answer(datagram)) {
        counters->datagrams_refused++;
    } else if (send_back(socket, datagram) == 0) {
        counters->messages++;
        counters->bytes += datagram->data.size;
    } else {
        counters->datagrams_lost++;
    }
}

int datagrams_answer(struct coir_datagram_socket *socket, struct echo_counters *counters)
{
    struct coir_datagram datagram;
    int rc;

    for (;;) {
        rc = coir_datagram_receive(socket, &datagram);
        if (rc == 0) {
            answer(socket, &datagram, counters);
            coir_release(&datagram.data);
        } else if (rc == -ENOBUFS || rc == -ENOMEM) {
            counters->waits_for_memory++;
            rc = coir_sleep(MEMORY_PAUSE_NS);
        }
        if (rc < 0)
            return rc;
    }
}
