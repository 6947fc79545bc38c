"""Receive and send many datagrams with one system call: ``recvmmsg`` and ``sendmmsg`` of Linux,
which the socket module does not have (docs/adr/0021-batches-of-datagrams.md).

One block of memory has a message header and I/O vectors for each datagram of a batch. After a reset
it receives queries. With its I/O vectors set to the replies it sends them: the addresses from which
and to which a query was sent are already in the header.
"""

import ctypes
import socket
import struct
import sys
from array import array
from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate
from typing import Any, Final

DATAGRAMS_BATCH: Final = 64
"""Datagrams of one batch."""
MAX_OCTETS: Final = 65_535
"""The maximum size of a datagram, in octets."""
_FIRST: Final = 1_280
"""Octets of each query that are in one contiguous block; nearly all queries are shorter. Not a
power of two, so that the first octets of the queries do not share cache lines of the processor."""
_REST: Final = MAX_OCTETS - _FIRST
"""Octets for the rest of a longer query, in memory that is not used until one arrives."""

_NAME: Final = 32
"""Octets for a socket address; the largest, ``sockaddr_in6``, has 28."""
_CONTROL: Final = 64
"""Octets for the ancillary data of a datagram; ``in6_pktinfo`` needs 40 of them."""
_INFO: Final = socket.CMSG_LEN(0)
"""The offset of the content of the control message."""
_INTERFACE: Final = {socket.AF_INET: _INFO, socket.AF_INET6: _INFO + 16}
"""The offset of the interface index: the first field of ``in_pktinfo``, the last of
``in6_pktinfo``."""
_PORT: Final = struct.Struct("!2xH")
_CONTROL_HEADER: Final = struct.Struct("@Nii")
"""``cmsghdr``: the length, which includes the header, the level and the type."""
_PEER: Final = {socket.AF_INET: struct.Struct("4x4s24x"), socket.AF_INET6: struct.Struct("8x16s8x")}
"""The IP address in a socket address."""
LINK_LOCAL: Final = b"\xfe\x80"
"""The prefix of a link-local IPv6 address, for which the interface matters."""


Origin = tuple[list[tuple[int, int, bytes]], tuple[Any, ...]]
"""The ancillary data of a query and the socket address of its client, as the socket module has
them."""


class _Iovec(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


class _Msghdr(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_void_p),
        ("namelen", ctypes.c_uint32),
        ("iov", ctypes.c_void_p),
        ("iovlen", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("controllen", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    )


class _Mmsghdr(ctypes.Structure):
    _fields_ = (("header", _Msghdr), ("length", ctypes.c_uint))


_WORD: Final = ctypes.sizeof(ctypes.c_size_t)
_HEADER: Final = ctypes.sizeof(_Mmsghdr)
_VECTORS: Final = 2
"""I/O vectors of a datagram: one for the first octets of a query, one for its rest. A reply uses
the first."""


class Batches:
    """Receives queries from one bound socket and sends their replies, a batch at a time.

    With ``destinations`` the kernel adds to each query the address to which it was sent
    (``IP_PKTINFO``), and its reply is sent from that address.
    """

    def __init__(self, sock: socket.socket, *, destinations: bool) -> None:
        self._descriptor = sock.fileno()
        self._family = sock.family
        self._destinations = destinations
        self._receive, self._send = _load_calls()
        self._octets = bytearray(DATAGRAMS_BATCH * _FIRST)
        self._rest = bytearray(DATAGRAMS_BATCH * _REST)
        self._names = bytearray(DATAGRAMS_BATCH * _NAME)
        self._controls = bytearray(DATAGRAMS_BATCH * _CONTROL)
        self._memory = bytearray(DATAGRAMS_BATCH * (_HEADER + _VECTORS * ctypes.sizeof(_Iovec)))
        self._headers = _find_address(self._memory)
        self._lay_out()
        self._fresh = bytes(self._memory)
        self._make_views()

    def _lay_out(self) -> None:
        """Lay out the headers and then the I/O vectors, ready to receive."""
        names, controls = _find_address(self._names), _find_address(self._controls)
        vectors, size = DATAGRAMS_BATCH * _HEADER, ctypes.sizeof(_Iovec)
        parts = ((_find_address(self._octets), _FIRST), (_find_address(self._rest), _REST))
        for slot in range(DATAGRAMS_BATCH):
            header = _Msghdr.from_buffer(self._memory, slot * _HEADER)
            header.name, header.namelen = names + slot * _NAME, _NAME
            at = vectors + slot * _VECTORS * size
            header.iov, header.iovlen = self._headers + at, _VECTORS
            if self._destinations:
                header.control, header.controllen = controls + slot * _CONTROL, _CONTROL
            for number, (start, length) in enumerate(parts):
                vector = _Iovec.from_buffer(self._memory, at + number * size)
                vector.base, vector.length = start + slot * length, length

    def _make_views(self) -> None:
        """Create views of one member of all headers or I/O vectors, with a stride."""
        block = memoryview(self._memory)
        headers, vectors = (
            block[: DATAGRAMS_BATCH * _HEADER],
            block[DATAGRAMS_BATCH * _HEADER :].cast("L"),
        )
        self._lengths = headers.cast("I")[_Mmsghdr.length.offset // 4 :: _HEADER // 4]
        self._bases, self._sizes, self._rest_sizes = vectors[::4], vectors[1::4], vectors[3::4]
        controls = memoryview(self._controls).cast("I")
        self._interfaces = controls[_INTERFACE[self._family] // 4 :: _CONTROL // 4]

    def receive(self, limit: int = DATAGRAMS_BATCH) -> list[tuple[bytes, str]]:
        """Receive the queries that have arrived, each with the IP address of its peer.

        Args:
            limit: The maximum number of queries, at most ``DATAGRAMS_BATCH``.

        Returns:
            The queries; an empty list if none have arrived or if the call failed. An error
            concerns one datagram, so the next call can succeed.
        """
        self._memory[:] = self._fresh
        count = self._receive(self._descriptor, self._headers, limit, socket.MSG_DONTWAIT, None)
        if count <= 0:
            return []
        octets = bytes(memoryview(self._octets)[: count * _FIRST])
        peers = _PEER[self._family].iter_unpack(self._names)
        lengths = self._lengths[:count].tolist()
        queries = [
            (octets[at : at + length], _format_peer(peer))
            for at, length, (peer,) in zip(_STARTS, lengths, peers, strict=False)
        ]
        return self._append_rests(queries, lengths) if max(lengths) > _FIRST else queries

    def _append_rests(
        self, queries: Sequence[tuple[bytes, str]], lengths: Sequence[int]
    ) -> list[tuple[bytes, str]]:
        """Return the queries, with the rest of those that are longer than ``_FIRST``."""
        rests = (
            self._rest[slot * _REST : slot * _REST + max(0, length - _FIRST)]
            for slot, length in enumerate(lengths)
        )
        return [
            (wire[:_FIRST] + rest, peer) for (wire, peer), rest in zip(queries, rests, strict=True)
        ]

    def origin(self, slot: int) -> Origin:
        """Return the origin of one of the queries last received, for a reply that is sent
        later."""
        name = bytes(memoryview(self._names)[slot * _NAME : (slot + 1) * _NAME])
        (port,) = _PORT.unpack_from(name)
        if self._family == socket.AF_INET:
            address: tuple[Any, ...] = (socket.inet_ntop(self._family, name[4:8]), port)
        else:
            flow, scope = (
                int.from_bytes(name[4:8], "big"),
                int.from_bytes(name[24:28], sys.byteorder),
            )
            address = (socket.inet_ntop(self._family, name[8:24]), port, flow, scope)
        if not self._destinations:
            return [], address
        start = slot * _CONTROL
        length, level, kind = _CONTROL_HEADER.unpack_from(self._controls, start)
        return [(level, kind, bytes(self._controls[start + _INFO : start + length]))], address

    def send(self, replies: Sequence[bytes | None]) -> int:
        """Send the replies to the queries last received, in their order; None for no reply.

        Returns:
            The number of replies that could not be sent.
        """
        if self._destinations:
            self._forget_interfaces(len(replies))
        sizes = [len(reply) if reply else 0 for reply in replies]
        joined = b"".join(filter(None, replies))
        start = ctypes.cast(ctypes.c_char_p(joined), ctypes.c_void_p).value or 0
        self._bases[: len(sizes)] = array("L", accumulate(sizes[:-1], initial=start))
        self._sizes[: len(sizes)] = array("L", sizes)
        self._rest_sizes[: len(sizes)] = array("L", bytes(len(sizes) * _WORD))
        return self._send_all([*sizes, 0])

    def _send_all(self, sizes: list[int]) -> int:
        """Send each run of replies with one call: a query without a reply leaves a gap in the
        headers."""
        lost = first = 0
        while first < len(sizes):
            end = sizes.index(0, first)
            while first < end:
                headers = self._headers + first * _HEADER
                sent = self._send(self._descriptor, headers, end - first, socket.MSG_DONTWAIT)
                lost += sent <= 0
                first += max(sent, 1)
            first = end + 1
        return lost

    def _forget_interfaces(self, count: int) -> None:
        """Clear the interface of each reply, except for link-local addresses: the route decides
        it."""
        if self._family == socket.AF_INET:
            self._interfaces[:count] = array("I", bytes(4 * count))
            return
        for slot in range(count):
            if not self._controls.startswith(LINK_LOCAL, slot * _CONTROL + _INFO):
                self._interfaces[slot] = 0


_STARTS: Final = range(0, DATAGRAMS_BATCH * _FIRST, _FIRST)


def is_supported(sock: socket.socket) -> bool:
    """Return whether the system has the calls, and allows this process to use them."""
    if sys.platform != "linux" or array("L").itemsize != _WORD:
        return False
    try:
        receive, send = _load_calls()
    except AttributeError:
        return False
    nothing = (sock.fileno(), None, 0, socket.MSG_DONTWAIT)
    return bool(receive(*nothing, None) == 0 and send(*nothing) == 0)


def _load_calls() -> tuple[Any, Any]:
    """Load ``recvmmsg`` and ``sendmmsg`` from the C library.

    Raises:
        AttributeError: The C library does not have them.
    """
    library = ctypes.CDLL(None)
    receive, send = library.recvmmsg, library.sendmmsg
    number, pointer, count = ctypes.c_int, ctypes.c_void_p, ctypes.c_uint
    receive.argtypes = [number, pointer, count, number, pointer]
    send.argtypes = [number, pointer, count, number]
    return receive, send


def _find_address(memory: bytearray) -> int:
    return ctypes.addressof(ctypes.c_char.from_buffer(memory))


@lru_cache(maxsize=16_384)
def _format_peer(peer: bytes) -> str:
    return socket.inet_ntop(socket.AF_INET if len(peer) == 4 else socket.AF_INET6, peer)
