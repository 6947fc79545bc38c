"""Limit the number of concurrent transfers, and let the others wait in a fair queue.

A flow is the network of a client together with its TSIG key, if any. So clients without a key do
not take the share of a secondary with a key, even if they are in the same network. A transfer is
charged for its octets, because links are shared, and for the time in which its client did not read,
because it occupied a place then. Differences have a higher weight than whole zones, which never
occupy all places.
"""

import asyncio
import ipaddress
import time
from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import asynccontextmanager
from typing import Final

from zonegit.errors import Busy
from zonegit.fairness.fair_queue import Share
from zonegit.fairness.gate import Gate
from zonegit.nameserver.acl import unmap_ipv4
from zonegit.zone.names import Name

DIFFERENCES: Final = "ixfr"
WHOLE: Final = "axfr"

DIFFERENCES_WEIGHT: Final = 4.0
"""Differences get four fifths of the time if there are as many."""
MAX_WAITING_OF_FLOW: Final = 256
"""The maximum number of waiting transfers of one flow. A connection has one at a time, and
``max-tcp-per-subnet`` limits the connections of one /24."""
MAX_WAIT_S: Final = 120.0
"""Seconds after which a waiting transfer is refused; its client can retry."""
IPV4_OCTETS: Final = 3
IPV6_OCTETS: Final = 7
"""Octets of an address that identify a network: a /24, a /56."""

MIN_OCTETS_A_SECOND: Final = 16_384
"""The minimum rate at which a client has to read while another one waits for its place."""
GRACE_S: Final = 10.0
"""Seconds for which a client may be slower than that."""

OCTETS_A_SECOND: Final = 50_000_000
START_OCTETS: Final = 65_536
"""Octets that are charged in addition to those of the transfer."""


def make_shares(places: int) -> dict[str, Share]:
    """Return the classes for ``places`` concurrent transfers.

    One flow leaves three quarters of the places to others, whole zones leave a quarter to
    differences.
    """
    of_flow = max(1, places // 4)
    return {
        DIFFERENCES: Share(
            weight=DIFFERENCES_WEIGHT,
            max_running_of_flow=of_flow,
            max_waiting_of_flow=MAX_WAITING_OF_FLOW,
        ),
        WHOLE: Share(
            max_running=max(1, places - of_flow),
            max_running_of_flow=of_flow,
            max_waiting_of_flow=MAX_WAITING_OF_FLOW,
        ),
    }


class TransferTurn:
    """The turn of one transfer.

    A client that reads slowly uses up ``GRACE_S`` seconds, and reading restores some of them. A
    fast start does not compensate for a slow end.

    Args:
        blocks_others: Returns whether a transfer of another client would start if this one ended.
        clock: Returns the time in seconds.
    """

    def __init__(
        self, blocks_others: Callable[[], bool], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._blocks_others = blocks_others
        self._clock = clock
        self._octets = 0
        self._waited_s = 0.0
        self._slack_s = GRACE_S
        self._since: float | None = None

    def begin(self) -> None:
        """Record that a message is being sent to the client."""
        self._since = self._clock()

    def end(self, octets: int) -> None:
        """Record that the client has read that message, or nearly."""
        waited_s = self._wait_s()
        self._since = None
        self._octets += octets
        self._waited_s += waited_s
        earned_s = octets / MIN_OCTETS_A_SECOND
        self._slack_s = min(GRACE_S, self._slack_s + earned_s) - waited_s

    def is_too_slow(self) -> bool:
        """Return whether the client reads too slowly while another one waits for its place."""
        if self._slack_s >= 0:
            return False
        if self._blocks_others():
            return True
        self._slack_s = GRACE_S
        return False

    def cost_s(self, places: int) -> float:
        """Return the charge of the transfer, with that number of places."""
        waited_s = self._waited_s + self._wait_s()
        return (START_OCTETS + self._octets) / OCTETS_A_SECOND + waited_s / places

    def _wait_s(self) -> float:
        return self._clock() - self._since if self._since is not None else 0.0


class SlowClientError(ConnectionError):
    """A client occupies a place that others wait for, and reads too slowly."""


class TransferQueue:
    """The queue of one resolver for ``places`` concurrent transfers."""

    def __init__(self, places: int) -> None:
        self._places = places
        self._gate = Gate("transfers to {flow}", make_shares(places), places)

    def resize(self, places: int) -> None:
        """Change the number of concurrent transfers; running ones are not stopped."""
        if places != self._places:
            self._places = places
            self._gate.resize(make_shares(places), places)

    @property
    def running(self) -> int:
        """Return how many transfers are being sent."""
        return self._gate.running

    def waiting(self) -> dict[str, int]:
        """Return how many wait, by class."""
        return self._gate.waiting()

    def list_flows(self) -> list[Hashable]:
        """Return the flows that have, or recently had, a transfer of a whole zone."""
        return self._gate.flows(WHOLE)

    def refused(self) -> dict[str, int]:
        """Return how many were refused because too many waited, by class."""
        return dict(self._gate.refused)

    @asynccontextmanager
    async def take_turn(
        self, share: str, peer: str, key: Name | None
    ) -> AsyncIterator[TransferTurn]:
        """Wait for the turn of a transfer to ``peer``; it lasts until the context is left.

        Raises:
            Busy: too many of that flow wait, or it waited too long.
        """
        flow = (client_network(peer), key)
        try:
            async with asyncio.timeout(MAX_WAIT_S):
                entered = await self._gate.enter(share, flow)
        except TimeoutError:
            raise Busy("the transfer waited too long for its turn") from None
        turn = TransferTurn(lambda: self._gate.blocks_others(share, flow))
        try:
            yield turn
        finally:
            self._gate.leave(entered, turn.cost_s(self._places))


def client_network(peer: str) -> bytes:
    """Return the /24 (IPv4) or /56 (IPv6) of an address."""
    address = unmap_ipv4(ipaddress.ip_address(peer.partition("%")[0]))
    return address.packed[: IPV4_OCTETS if address.version == 4 else IPV6_OCTETS]
