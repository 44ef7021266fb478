# SPDX-License-Identifier: MIT
"""Sessions that say hardly anything: plain sockets, each of which echoes once when it is opened."""
import contextlib
import os
import socket

from compare import servers

PATIENCE_S = 2  # a server that has not answered by then will not
TOGETHER = 256  # sessions that echo at a time


def text_of(number):
    """What a session says: no other says the same."""
    return b"session %08d" % number


def read_text(client, size):
    text = b""
    while len(text) < size:
        piece = client.recv(size - len(text))
        if not piece:
            raise servers.Broken("was closed at once")
        text += piece
    return text


def expect_echo(client, number):
    expected = text_of(number)
    if read_text(client, len(expected)) != expected:
        raise servers.Broken("got wrong bytes")


def describe_error(error):
    if isinstance(error, socket.timeout):
        return "got no answer within %g s" % PATIENCE_S
    if isinstance(error, (ConnectionResetError, BrokenPipeError)):
        return "was closed at once"
    return "got: " + os.strerror(error.errno).lower()


def start_session(address, number):
    """A session that has asked; what becomes of it is told when its answer is read."""
    client = socket.socket()
    try:
        client.settimeout(PATIENCE_S)
        client.connect(address)
        client.sendall(text_of(number))
    except OSError as error:
        client.close()
        raise servers.Broken(describe_error(error)) from None
    return client


def open_sessions(address, first, count):
    """So many more sessions that have echoed, and what the one after the last has seen, or "".

    They ask together, as a server that looks at all its sessions each time would take minutes to answer one by one.
    """
    clients, complaint = [], ""
    for number in range(first, first + count):
        try:
            clients.append(start_session(address, number))
        except servers.Broken as broken:
            complaint = str(broken)
            break
    answered, earlier = read_answers(clients, first)
    close_all(clients[answered:])
    return clients[:answered], earlier or complaint


def read_answers(clients, first):
    """How many answer before one does not, and what that one has seen."""
    for index, client in enumerate(clients):
        try:
            expect_echo(client, first + index)
        except servers.Broken as broken:
            return index, str(broken)
        except OSError as error:
            return index, describe_error(error)
    return len(clients), ""


def count_answers(clients):
    """How many of the sessions echo once more before one does not, and what that one has seen."""
    answered, complaint = 0, ""
    while answered < len(clients) and not complaint:
        some = clients[answered:answered + TOGETHER]
        for index, client in enumerate(some):
            try:
                client.sendall(text_of(answered + index))
            except OSError:
                break  # it is told when its answer is read
        good, complaint = read_answers(some, answered)
        answered += good
    return answered, complaint


def close_all(clients):
    for client in clients:
        client.close()


@contextlib.contextmanager
def idle_sessions(running, count):
    """So many of them are there for the length of a `with`, and say nothing."""
    clients = []
    try:
        while len(clients) < count:
            more, complaint = open_sessions(running.address, len(clients), min(TOGETHER, count - len(clients)))
            clients += more
            if complaint:
                raise servers.Broken("idle client {:,} {}".format(len(clients) + 1, complaint))
        yield
    finally:
        close_all(clients)
