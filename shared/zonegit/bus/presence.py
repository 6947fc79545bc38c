"""Detect a second instance of a store on the bus, before and while this one serves.

Theory of operation
-------------------
If two processes serve one store from two folders, answers alternate between them and acknowledged
changes are lost. So each instance has a random id, listens on ``zg.presence.<store>``, and answers
there since when it serves.

- *Before it serves*, an instance sends a request to that subject. If no instance listens, the bus
  answers that within a millisecond, so the start is no slower. An instance that gets an answer
  exits. A listener that does not answer in time is a dead host whose connection the bus has not
  closed yet: the start continues.
- *While it serves*, it sends the request every few seconds, after a reconnect, and on a heartbeat
  of another instance. This finds two that started at the same moment, or that were separated by a
  broken network. Of two the later start exits; both compare the same pair of values, so exactly one
  does, regardless of their clocks.
- *Evidence* is an answer, which arrives at an inbox of this instance, or three heartbeats in a row
  of an instance that does not answer, such as one of an earlier release. A request is no evidence:
  every operator may send one. Neither is a single heartbeat, which can be the last one of a
  predecessor.
- *An instance that exits before it served* answers that it does not serve, until the serving one
  has sent its request. The serving one sends it when it receives a request, and reports the other
  as a rival.

If several instances may serve a store together, it says ``several``, and none of them exits.
"""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import structlog

from zonegit.bus.connection import Bus
from zonegit.bus.service import answer_requests
from zonegit.containment import keep_running
from zonegit.errors import Conflict, Denied, Invalid, Unavailable
from zonegit.wire import subjects
from zonegit.wire.messages import AskPresence, Presence

ANSWER_TIMEOUT_S: Final = 1.0
"""Seconds for another instance to answer."""
ASK_INTERVAL_S: Final = 3.0
RIVAL_S: Final = 10.0
"""Seconds for which another instance that tried to serve is reported."""
MAX_LINGER_S: Final = 5.0
"""The maximum time in seconds for which an instance that exits before it served answers."""
PAUSE_S: Final = 0.1
"""Seconds between the requests of an instance that does not serve."""
SILENT_HEARTBEATS: Final = 3
"""Heartbeats in a row of an instance that does not answer, after which it counts as serving."""
MAX_HEARTBEAT_GAP_S: Final = 3.0
"""Heartbeats with a longer pause between them are not in a row."""

log = structlog.get_logger()


@dataclass(slots=True)
class _Heard:
    """Heartbeats in a row of another instance. ``last`` is the time of the last one by the clock of
    the loop."""

    heartbeat: Presence
    last: float
    count: int = 1


class Instance:
    """This process as an instance of a store.

    Args:
        bus: The connection.
        store: The name of the store: ``refs`` or ``objectstore``.
        installation: Returns the installation that this instance belongs to.
        refuses: Returns the installation of a ref store that it hears and does not belong to.
    """

    def __init__(
        self,
        bus: Bus,
        store: str,
        installation: Callable[[], str],
        refuses: Callable[[], str] = str,
    ) -> None:
        self._bus = bus
        self._store = store
        self._subject = subjects.presence(store)
        self._installation = installation
        self._refuses = refuses
        self._due = asyncio.Event()
        self._heard: dict[str, _Heard] = {}
        self._rival: tuple[str, float] | None = None
        self._named = ""
        self._is_denied = False
        self._serves = False
        self.id = secrets.token_hex(8)
        self.started = time.time()

    def describe(self) -> Presence:
        """Return the description of this instance."""
        return Presence(
            instance=self.id,
            started=self.started,
            installation=self._installation(),
            refuses=self._refuses(),
            rival=self._find_rival(),
            serves=self._serves,
        )

    async def claim(self) -> None:
        """Check that no other instance serves, before this one does.

        Raises:
            Conflict: Another one does.
        """
        other = await self._ask_serving()
        if other is None or may_coexist(self.describe(), other):
            self._serves = True
            return
        with suppress(Denied, TimeoutError):
            async with asyncio.timeout(MAX_LINGER_S):
                await self._introduce(other)
        raise self._conflict(other)

    async def _ask_serving(self) -> Presence | None:
        """Return the description of a serving instance; None if none answers.

        The answer of one that exits can arrive before that of one that serves, so the request is
        repeated while one exits.
        """
        for _ in range(int(MAX_LINGER_S / PAUSE_S)):
            other = await self._ask()
            if other is None or other.serves:
                return other
            await asyncio.sleep(PAUSE_S)
        return None

    async def _introduce(self, other: Presence | None) -> None:
        """Answer requests until the serving instance knows this one."""
        async with answer_requests(self._bus, self._subject, AskPresence, self._answer):
            while other is not None and other.rival != self.id:
                other = await self._ask()
                await asyncio.sleep(PAUSE_S)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Answer and send requests from entry to exit; the body is cancelled if this instance has
        to exit.

        Raises:
            Conflict: Another instance serves, and started earlier.
        """
        async with AsyncExitStack() as stack:
            group = await stack.enter_async_context(asyncio.TaskGroup())
            try:
                await stack.enter_async_context(
                    answer_requests(self._bus, self._subject, AskPresence, self._answer)
                )
            except Denied as error:
                self._warn(error)
            self._bus.on_reconnect(self._ask_again)
            watching = group.create_task(keep_running("presence", self._watch))
            try:
                yield
            finally:
                watching.cancel()

    def record_heartbeat(self, heartbeat: Presence) -> None:
        """Record the heartbeat of an instance, which may be this one."""
        if heartbeat.instance == self.id or may_coexist(self.describe(), heartbeat):
            return
        now = asyncio.get_running_loop().time()
        heard = self._heard.get(heartbeat.instance)
        if heard is None or now - heard.last > MAX_HEARTBEAT_GAP_S:
            self._heard = {heartbeat.instance: _Heard(heartbeat, now)}
            self._due.set()
        else:
            heard.count, heard.last = heard.count + 1, now

    def _ask_again(self) -> None:
        """Send a request soon; the permissions may have changed."""
        self._is_denied = False
        self._due.set()

    def _answer(self, asked: AskPresence) -> Presence | None:
        if asked.instance == self.id:
            return None
        if asked.instance:
            self._due.set()
        return self.describe()

    def _find_rival(self) -> str:
        if self._rival is None or asyncio.get_running_loop().time() - self._rival[1] > RIVAL_S:
            return ""
        return self._rival[0]

    async def _watch(self) -> None:
        while True:
            self._due.clear()
            other = await self._ask()
            if other is None:
                other = self._find_silent()
            if other is not None:
                self._compare(other)
            await asyncio.sleep(
                PAUSE_S
            )  # instances that may coexist do not send requests without end
            with suppress(TimeoutError):
                async with asyncio.timeout(ASK_INTERVAL_S):
                    await self._due.wait()

    def _find_silent(self) -> Presence | None:
        """Return an instance that sends heartbeats and does not answer; None if there is none."""
        found = (each.heartbeat for each in self._heard.values() if each.count >= SILENT_HEARTBEATS)
        return next(found, None)

    def _compare(self, other: Presence) -> None:
        own = self.describe()
        if not other.serves:
            self._rival = (other.instance, asyncio.get_running_loop().time())
        elif has_to_yield(own, other):
            raise self._conflict(other)
        if not may_coexist(own, other) and other.instance != self._named:
            self._named = other.instance
            log.error(
                "instance.second",
                instance=other.instance,
                installation=other.installation,
                hint=f"a bus can have only one {self._store}; stop the one that started later",
            )

    async def _ask(self) -> Presence | None:
        """Return the description of another instance; None if none answers."""
        if self._is_denied:
            return None
        question = AskPresence(instance=self.id)
        try:
            return await self._bus.request(
                self._subject, question, Presence, timeout=ANSWER_TIMEOUT_S
            )
        except Denied as error:
            self._is_denied = True
            self._warn(error)
        except (Unavailable, Invalid):
            pass  # no listener, or one that is gone or is not an instance of the store
        return None

    def _warn(self, error: Denied) -> None:
        log.warning(
            "instances.not-asked",
            error=error.message,
            hint=f"allow {self._store} to publish and subscribe to {self._subject}",
        )

    def _conflict(self, other: Presence) -> Conflict:
        since = ""
        if other.started:
            since = f" since {datetime.fromtimestamp(other.started, UTC):%Y-%m-%dT%H:%M:%SZ}"
        return Conflict(
            f"another {self._store} serves on {self._bus.url_shown}{since}: instance"
            f" {other.instance or 'of an earlier release'} of installation"
            f" {other.installation or 'unknown'}",
            hint=f"a bus can have only one {self._store}; stop that one, or use another bus",
        )


def may_coexist(own: Presence, other: Presence) -> bool:
    """Return whether both instances may serve their store together."""
    return own.several and other.several and own.installation == other.installation


def has_to_yield(own: Presence, other: Presence) -> bool:
    """Return whether an instance has to exit because of another one that serves."""
    if may_coexist(own, other):
        return False
    return (other.started, other.instance) < (own.started, own.instance)
