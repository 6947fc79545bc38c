"""Send zone transfers: AXFR (RFC 5936) and IXFR (RFC 1995).

A transfer reads one immutable snapshot, so it is of one commit regardless of its duration. Its
messages are made as fast as the client reads them, and in slices: a flat zone of 500,000 names is
sorted, packed and signed while queries are answered.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable
from contextlib import aclosing
from dataclasses import dataclass, field
from itertools import chain
from typing import Final, Protocol

import structlog

from zonegit.errors import Busy
from zonegit.nameserver.answer.authenticate import authenticate
from zonegit.nameserver.answer.client import Client
from zonegit.nameserver.answer.responder import encode_options
from zonegit.nameserver.answer.zone_table import BranchState, ServedBranches, ZoneTable, count_query
from zonegit.nameserver.message import edns
from zonegit.nameserver.message.fragment import NOERROR, NOTAUTH, REFUSED, SERVFAIL
from zonegit.nameserver.message.query import QUERY, STREAM, Query, encode_error
from zonegit.nameserver.zone.compiler import RECORD_OVERHEAD, RRSET_OVERHEAD
from zonegit.nameserver.zone.records import ZoneDelta, ZoneRecord, iter_records, soa_record
from zonegit.nameserver.zone.snapshot import ZoneSnapshot
from zonegit.zone import names, rrtypes
from zonegit.zone.names import Name
from zonegit.zone.rrset import IN
from zonegit.zone.serial import is_later
from zonegit_resolver.dispatcher import DnsOperation, DnsRequest
from zonegit_resolver.scheduling import Scheduler
from zonegit_resolver.xfr.packing import Packer
from zonegit_resolver.xfr.transfer_queue import (
    DIFFERENCES,
    WHOLE,
    SlowClientError,
    TransferQueue,
    TransferTurn,
)

AXFR: Final = "axfr"
IXFR: Final = "ixfr"
CURRENT: Final = "current"
"""The reply is the SOA only, because the client is up to date."""
REFUSED_KIND: Final = "refused"
SLOW: Final = "slow"
"""The transfer was ended because the client read too slowly while others waited."""

Records = Iterable[ZoneRecord | None]
"""Records of a transfer; None stands for a pause."""

log = structlog.get_logger()


class DifferenceSource(Protocol):
    """Returns the difference from the serial of a secondary to a served state."""

    async def find_difference(
        self, apex: Name, state: BranchState, serial: int
    ) -> ZoneDelta | None:
        """Return the difference; None if it is not known, or not soon enough."""
        ...


@dataclass(slots=True)
class TransferCounters:
    """The number of transfers by kind of reply, and the octets of all messages."""

    by_kind: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys((AXFR, IXFR, CURRENT, REFUSED_KIND, SLOW), 0)
    )
    octets: int = 0

    def count(self, kind: str, octets: int = 0) -> None:
        """Count a transfer."""
        self.by_kind[kind] += 1
        self.octets += octets


RecordTransfer = Callable[[Name, str, Name | None, str, int | None], None]
"""Called with the zone, the client's address and key, the kind of a transfer, and the serial that
the client has after it."""


def _record_nothing(zone: Name, peer: str, key: Name | None, kind: str, serial: int | None) -> None:
    pass


class Outgoing:
    """Sends zones to clients that may have them. Without ``differences`` every transfer is a whole
    zone."""

    def __init__(
        self,
        zones: ZoneTable,
        differences: DifferenceSource | None = None,
        record_transfer: RecordTransfer = _record_nothing,
    ) -> None:
        self._zones = zones
        self._record_transfer = record_transfer
        self._differences = differences
        # Not the scheduler of loading: loading would get a slice only after all clients.
        self._scheduler = Scheduler()
        self.counters = TransferCounters()
        self.queue = TransferQueue(zones.options.max_transfers)

    def make_operation(self) -> DnsOperation:
        """Return the operation of transfers. Its limits are those of the queue. In a datagram the
        responder answers IXFR, and refuses AXFR (RFC 5936 section 4.2)."""
        types = (rrtypes.AXFR, rrtypes.IXFR)
        return DnsOperation(QUERY, types, self.answer, limits=None, is_stream_only=True)

    async def answer(self, request: DnsRequest) -> AsyncGenerator[bytes, None]:
        """Yield the messages of a transfer on a stream, or one message that refuses it.

        Work is done for one transfer at a time. It is not started if its client has disconnected.

        Raises:
            SlowClientError: The client reads too slowly while others wait; close its connection.
        """
        await asyncio.sleep(0)  # many refusals in a row do not block the event loop
        query = request.query
        client = authenticate(request.wire, query, self._zones, request.peer)
        if isinstance(client, bytes):
            self.counters.count(REFUSED_KIND)
            yield client
            return
        served = self._find_zone(query, client)
        if isinstance(served, bytes):
            self.counters.count(REFUSED_KIND)
            yield served
            return
        state = served.default
        if _is_current(query, state.snapshot):
            async for reply in self._send(
                query, client, state, CURRENT, [soa_record(state.snapshot)]
            ):
                yield reply
            return
        try:
            async with aclosing(
                self._send_in_turn(query, client, state, request.is_gone)
            ) as replies:
                async for reply in replies:
                    yield reply
        except Busy:
            self.counters.count(REFUSED_KIND)
            client.error = edns.NOT_READY
            edns_options = encode_options(query, self._zones.options, client)
            yield client.sign(encode_error(query, SERVFAIL, options=edns_options))

    async def _send_in_turn(
        self, query: Query, client: Client, state: BranchState, is_gone: Callable[[], bool]
    ) -> AsyncGenerator[bytes, None]:
        """Yield the messages of a transfer when it is its turn.

        An IXFR has a turn for the difference; if there is none, it waits for a turn for the whole
        zone.

        Raises:
            Busy: Too many transfers wait.
        """
        self.queue.resize(self._zones.options.max_transfers)
        if query.qtype == rrtypes.IXFR and query.serial is not None:
            async with self.queue.take_turn(DIFFERENCES, client.peer, client.key) as turn:
                state = self._find_latest(query, state)
                records = None if is_gone() else await self._find_difference(query, state)
                if records is not None:
                    async for reply in self._send(query, client, state, IXFR, records, turn):
                        yield reply
            if records is not None:
                return
        async with self.queue.take_turn(WHOLE, client.peer, client.key) as turn:
            if is_gone():
                return
            state = self._find_latest(query, state)
            records = _list_full(state.snapshot)
            async for reply in self._send(query, client, state, AXFR, records, turn):
                yield reply

    def _find_latest(self, query: Query, state: BranchState) -> BranchState:
        """Return what is served of the zone now: a transfer may have waited since its request."""
        served = self._zones.by_apex.get(query.name)
        return served.default if served is not None else state

    async def _send(
        self,
        query: Query,
        client: Client,
        state: BranchState,
        kind: str,
        records: Records,
        turn: TransferTurn | None = None,
    ) -> AsyncGenerator[bytes, None]:
        octets = 0
        async for message in self._pack_messages(
            Packer(query, STREAM - client.signature_size), records
        ):
            reply = client.sign(message)
            if len(reply) > STREAM:
                raise ValueError(f"{names.text(query.name)} has a record that fits no message")
            if turn is not None:
                if turn.is_too_slow():
                    self._record_sent(query, client, state, kind, octets, is_ended=True)
                    raise SlowClientError
                turn.begin()
            yield reply  # until the client has read it, or nearly
            octets += len(reply)
            if turn is not None:
                turn.end(len(reply))
        self._record_sent(query, client, state, kind, octets)

    def _find_zone(self, query: Query, client: Client) -> ServedBranches | bytes:
        """Return the served zone, or a refusal if it is not served or the client may not transfer
        it (RFC 5936 sections 2.2.1 and 5)."""
        served = self._zones.by_apex.get(query.name) if query.qclass == IN else None
        if served is not None and client.is_allowed(served.transfer_to):
            count_query(served.default.queries, query.qtype, NOERROR)
            return served
        if served is None:
            rcode, client.error = NOTAUTH, self._zones.unknown_zone_error
        else:
            self._zones.denied += 1
            rcode, client.error = REFUSED, edns.PROHIBITED
        edns_options = encode_options(query, self._zones.options, client)
        return client.sign(encode_error(query, rcode, options=edns_options))

    async def _find_difference(self, query: Query, state: BranchState) -> Records | None:
        """Return the records of an incremental transfer; None if the difference is not known or not
        smaller than the zone."""
        if self._differences is None or query.serial is None:
            return None
        delta = await self._differences.find_difference(query.name, state, query.serial)
        if delta is None or not _is_short(delta, state.snapshot):
            return None
        return _list_incremental(state.snapshot, delta)

    async def _pack_messages(self, packer: Packer, records: Records) -> AsyncIterator[bytes]:
        for record in records:
            if record is not None and (full := packer.add(record)) is not None:
                yield full
            await self._scheduler.checkpoint()
        yield packer.flush()

    def _record_sent(
        self,
        query: Query,
        client: Client,
        state: BranchState,
        kind: str,
        octets: int,
        *,
        is_ended: bool = False,
    ) -> None:
        self.counters.count(SLOW if is_ended else kind, octets)
        if not is_ended:
            serial = query.serial if kind == CURRENT else state.snapshot.serial
            self._record_transfer(query.name, client.peer, client.key, kind, serial)
        write = log.debug if kind == CURRENT else log.info  # a secondary asks every few minutes
        write(
            "transfer.ended" if is_ended else "transfer.sent",
            zone=names.text(query.name),
            kind=kind,
            peer=client.peer,
            key=names.text(client.key) if client.key is not None else None,
            have=query.serial,
            serial=state.snapshot.serial,
            octets=octets,
        )


def _is_current(query: Query, snapshot: ZoneSnapshot) -> bool:
    """Return whether the client's serial is current: the zone's is not later (RFC 1995 section 2).
    An IXFR query without an SOA asks for everything."""
    if query.qtype != rrtypes.IXFR or query.serial is None:
        return False
    return snapshot.serial is None or not is_later(snapshot.serial, query.serial)


def _is_short(delta: ZoneDelta, snapshot: ZoneSnapshot) -> bool:
    """Return whether a difference is smaller than the zone, approximately (RFC 1995 section 4)."""
    return len(delta) * (RRSET_OVERHEAD + RECORD_OVERHEAD) <= snapshot.size


def _list_full(snapshot: ZoneSnapshot) -> Records:
    """Return the records of a whole zone: the SOA, all other records, the SOA again (RFC 5936
    section 2.2)."""
    return chain((soa_record(snapshot),), iter_records(snapshot), (soa_record(snapshot),))


def _list_incremental(snapshot: ZoneSnapshot, delta: ZoneDelta) -> Records:
    """Return the records of an incremental transfer (RFC 1995 section 4).

    Between two copies of the new SOA: the old SOA with the removed records, then the new SOA with
    the added records. All versions are condensed to that one sequence (section 6).
    """
    return chain((soa_record(snapshot),), delta.removed, delta.added, (soa_record(snapshot),))
