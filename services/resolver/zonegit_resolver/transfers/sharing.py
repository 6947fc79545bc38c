"""The order of transfers: as many at a time as the settings say, the others in a fair queue.

A flow is a client's network together with the key that signed, if any: a secondary without a key
cannot stand in for one with a key, nor one host of a provider for another customer's. A transfer is
charged for its octets, as links are shared, and for the time for which its client did not read,
since it held a place then. Differences go before whole zones, which never take all places.
"""

import asyncio
import ipaddress
from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import asynccontextmanager
from typing import Final

from zonegit.authority.addresses import unmapped
from zonegit.errors import Busy
from zonegit.fairness.fair_queue import Share
from zonegit.fairness.gate import Gate
from zonegit.zone.names import Name

DIFFERENCES: Final = "ixfr"
WHOLE: Final = "axfr"

DIFFERENCES_WEIGHT: Final = 4.0
"""Four fifths of what is sent may be differences, if there are as many."""
MAX_WAITING_OF_FLOW: Final = 256
"""Transfers of one flow that wait: a conversation has one, and so many one /24 at the most may
have, as a rule (``max-tcp-per-subnet``)."""
MAX_WAIT_S: Final = 120.0
"""Then a transfer is refused, and its client tries again when it likes to."""
IPV4_OCTETS: Final = 3
IPV6_OCTETS: Final = 7
"""Octets of an address that identify a network: a /24, a /56."""

MIN_OCTETS_A_SECOND: Final = 16_384
"""The rate at which a client reads at least, while another one waits for its turn."""
GRACE_S: Final = 10.0
"""Seconds for which a client may read more slowly."""

OCTETS_A_SECOND: Final = 50_000_000
START_OCTETS: Final = 65_536
"""A transfer is charged for so many octets more than it has."""


def shares(most: int) -> dict[str, Share]:
    """Return the classes for ``most`` transfers at a time. One flow leaves three quarters to
    others, whole zones a quarter to differences."""
    of_flow = max(1, most // 4)
    return {
        DIFFERENCES: Share(
            weight=DIFFERENCES_WEIGHT,
            max_running_of_flow=of_flow,
            max_waiting_of_flow=MAX_WAITING_OF_FLOW,
        ),
        WHOLE: Share(
            max_running=max(1, most - of_flow),
            max_running_of_flow=of_flow,
            max_waiting_of_flow=MAX_WAITING_OF_FLOW,
        ),
    }


class Turn:
    """A transfer that may be sent. ``octets`` are those sent so far, ``waited_s`` the seconds for
    which it waited until its client had read them. ``others_wait`` returns whether another client
    waits for its turn."""

    def __init__(self, others_wait: Callable[[], bool]) -> None:
        self.octets = 0
        self.waited_s = 0.0
        self._others_wait = others_wait

    def note(self, octets: int, waited_s: float) -> None:
        """Note a message that the client has read, or nearly.

        Raises:
            SlowClientError: the client reads too slowly for the others that wait.
        """
        self.octets += octets
        self.waited_s += waited_s
        slow_s = self.waited_s - GRACE_S
        if slow_s > 0 and self.octets < slow_s * MIN_OCTETS_A_SECOND and self._others_wait():
            raise SlowClientError

    def cost_s(self, places: int) -> float:
        """Return what the transfer is charged, where there are so many ``places``."""
        return (START_OCTETS + self.octets) / OCTETS_A_SECOND + self.waited_s / places


class SlowClientError(ConnectionError):
    """A client holds a place that others wait for, and reads too slowly."""


class TransferQueue:
    """The transfers of one resolver: ``most`` at a time."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._gate = Gate("transfers to {flow}", shares(most), most)

    def resize(self, most: int) -> None:
        """Let as many run from now on; those that run are not stopped."""
        if most != self._most:
            self._most = most
            self._gate.resize(shares(most), most)

    @property
    def running(self) -> int:
        """Return how many transfers are being sent."""
        return self._gate.running

    def waiting(self) -> dict[str, int]:
        """Return how many wait, by class."""
        return self._gate.waiting()

    def lines(self) -> list[Hashable]:
        """Return the flows that have, or recently had, a transfer of a whole zone."""
        return self._gate.flows(WHOLE)

    def refused(self) -> dict[str, int]:
        """Return how many were refused because too many waited, by class."""
        return dict(self._gate.refused)

    @asynccontextmanager
    async def turn(self, share: str, peer: str, key: Name | None) -> AsyncIterator[Turn]:
        """Wait for the turn of a transfer to ``peer``; it lasts until the context is left.

        Raises:
            Busy: too many of that flow wait, or it waited too long.
        """
        flow = (network(peer), key)
        try:
            async with asyncio.timeout(MAX_WAIT_S):
                entered = await self._gate.enter(share, flow)
        except TimeoutError:
            raise Busy("the transfer waited too long for its turn") from None
        turn = Turn(lambda: self._gate.others_wait(flow))
        try:
            yield turn
        finally:
            self._gate.leave(entered, turn.cost_s(self._most))


def network(peer: str) -> bytes:
    """Return the /24 (IPv4) or /56 (IPv6) of an address."""
    address = unmapped(ipaddress.ip_address(peer.partition("%")[0]))
    return address.packed[: IPV4_OCTETS if address.version == 4 else IPV6_OCTETS]
