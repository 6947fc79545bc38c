"""Both implementations of datagrams give the same results: in batches, and one by one."""

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from tests.support.waiting import DEADLINE_S

from zonegit_resolver.listen import udp_batch
from zonegit_resolver.listen.sockets import Address, bind
from zonegit_resolver.listen.udp import Channel, open_channel
from zonegit_resolver.listen.udp_batch import DATAGRAMS_BATCH, MAX_OCTETS, Batches

LOOPBACK = {
    socket.AF_INET: ["127.0.0.1", "127.0.0.53", "127.9.9.9"],
    socket.AF_INET6: ["::1"],
}


@pytest.fixture(params=["batches", "singles"])
def make(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Channel]:
    """Return a function that opens the channel of a socket, with or without batches."""
    if request.param == "singles":
        monkeypatch.setattr(udp_batch, "is_supported", lambda sock: False)

    def made(sock: socket.socket) -> Channel:
        found = open_channel(sock)
        if request.param == "batches" and not isinstance(found, Batches):
            pytest.skip("this system has no recvmmsg")
        assert isinstance(found, Batches) == (request.param == "batches")
        return found

    return made


@pytest.fixture
def sockets() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def server(sockets: ExitStack, host: str) -> socket.socket:
    udp, tcp = bind(Address(host, 0))
    sockets.callback(tcp.close)
    sockets.callback(udp.close)
    return udp


def client(sockets: ExitStack, to: socket.socket, host: str) -> socket.socket:
    """Return a connected socket, which receives only datagrams from ``host``."""
    sock = sockets.enter_context(socket.socket(to.family, socket.SOCK_DGRAM))
    sock.settimeout(DEADLINE_S)
    sock.connect((host, to.getsockname()[1]))
    return sock


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "0.0.0.0", "::"])
def test_each_reply_goes_to_its_own_peer_and_some_get_none(make, sockets, host: str) -> None:
    sock = server(sockets, host)
    asked = host if host in ("127.0.0.1", "::1") else LOOPBACK[sock.family][0]
    clients = [client(sockets, sock, asked) for _ in range(8)]
    found = make(sock)
    for number, each in enumerate(clients):
        each.send(b"query %d" % number)
    assert found.receive(DATAGRAMS_BATCH) == [(b"query %d" % n, asked) for n in range(8)]
    assert found.send([None if n in (0, 3, 4, 7) else b"reply %d" % n for n in range(8)]) == 0
    for number in (1, 2, 5, 6):
        assert clients[number].recv(512) == b"reply %d" % number


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_a_reply_comes_from_the_destination_address_of_its_query(make, sockets, host: str) -> None:
    """RFC 2181 section 4.1."""
    sock = server(sockets, host)
    found = make(sock)
    clients = [client(sockets, sock, each) for each in LOOPBACK[sock.family] * 2]
    for number, each in enumerate(clients):
        each.send(b"%d" % number)
    queries = found.receive(DATAGRAMS_BATCH)
    assert found.send([wire for wire, _ in queries]) == 0
    assert [each.recv(512) for each in clients] == [wire for wire, _ in queries]


def test_a_failed_reply_is_counted_and_affects_no_other(make, sockets) -> None:
    sock = server(sockets, "127.0.0.1")
    found = make(sock)
    one = client(sockets, sock, "127.0.0.1")
    for _ in range(5):
        one.send(b"query")
    assert len(found.receive(DATAGRAMS_BATCH)) == 5
    too_long = bytes(70_000)
    assert found.send([too_long, b"first", too_long, b"second", too_long]) == 3
    assert [one.recv(512), one.recv(512)] == [b"first", b"second"]


def test_a_batch_has_at_most_the_requested_number_of_datagrams(make, sockets) -> None:
    sock = server(sockets, "127.0.0.1")
    found = make(sock)
    one = client(sockets, sock, "127.0.0.1")
    for number in range(DATAGRAMS_BATCH + 5):
        one.send(b"%03d" % number * (1 + number % 7))
    taken = [found.receive(3), found.receive(DATAGRAMS_BATCH), found.receive(DATAGRAMS_BATCH)]
    assert [len(queries) for queries in taken] == [3, DATAGRAMS_BATCH, 2]
    octets = [wire for queries in taken for wire, _ in queries]
    assert octets == [b"%03d" % number * (1 + number % 7) for number in range(DATAGRAMS_BATCH + 5)]
    assert found.receive(DATAGRAMS_BATCH) == []


def test_a_long_datagram_is_whole_and_an_empty_one_is_empty(make, sockets) -> None:
    sock = server(sockets, "127.0.0.1")
    found = make(sock)
    one = client(sockets, sock, "127.0.0.1")
    sent = [b"w" * 65_507, b"", *(bytes([size % 251]) * size for size in range(1_279, 1_283)), b"z"]
    for _ in range(2):  # octets of a longer datagram are in no other
        for wire in sent:
            one.send(wire)
        assert [wire for wire, _ in found.receive(DATAGRAMS_BATCH)] == sent
        assert found.send([b"reply"] * len(sent)) == 0
        assert [one.recv(MAX_OCTETS) for _ in sent] == [b"reply"] * len(sent)
        sent.reverse()


def test_a_reply_may_be_as_long_as_a_datagram(make, sockets) -> None:
    sock = server(sockets, "127.0.0.1")
    found = make(sock)
    one = client(sockets, sock, "127.0.0.1")
    one.send(b"query")
    found.receive(DATAGRAMS_BATCH)
    assert found.send([b"x" * 60_000]) == 0
    assert one.recv(65_535) == b"x" * 60_000
