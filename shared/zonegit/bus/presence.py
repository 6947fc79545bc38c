"""One instance of a store on a bus: it asks who else serves, before it does and while it does.

Theory of operation
-------------------
Two processes that serve one store from two folders make answers flap and lose what one of them has
acknowledged. So each instance has a random id, listens on ``zg.presence.<store>``, and tells there
since when it serves.

- *Before it serves* an instance asks on that subject. Where nothing listens the bus itself says
  so, within a millisecond, and the start is no slower. An instance that gets an answer ends. A
  listener that does not answer in time is a dead host whose connection the bus has not given up
  yet: the start goes on.
- *While it serves* it asks every few seconds, after a reconnect, and when it hears the heartbeat of
  another instance: two that started at the same moment, or that a broken network kept apart, find
  each other so. Of two the later start ends; both compare the same pair of values, so exactly one
  does, whatever their clocks say.
- *What counts* is an answer, which arrives at an inbox of our own, or three heartbeats in a row of
  an instance that does not answer, such as one of an earlier release. A question counts for
  nothing: every operator may ask. Neither does a single heartbeat, for it may be a predecessor's
  last one.
- *One that ends before it served* answers, that it does not serve, until the one that serves has
  asked. That one asks when it gets a question, and reports who answered as a rival.

A store that several instances may serve together says ``several``, and none of them ends.
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
"""Seconds that another instance has to answer."""
ASK_INTERVAL_S: Final = 3.0
RIVAL_S: Final = 10.0
"""Seconds for which another instance that tried to serve is reported."""
MAX_LINGER_S: Final = 5.0
"""Seconds for which an instance that ends before it served answers, at the most."""
PAUSE_S: Final = 0.1
"""Seconds between the questions of an instance that does not serve."""
SILENT_HEARTBEATS: Final = 3
"""Heartbeats of an instance that does not answer, after which it is believed to serve."""
MAX_HEARTBEAT_GAP_S: Final = 3.0
"""Heartbeats further apart are not in a row."""

log = structlog.get_logger()


@dataclass(slots=True)
class _Heard:
    """Heartbeats in a row of another instance, the last one at ``last`` by the loop's clock."""

    heartbeat: Presence
    last: float
    count: int = 1


class Instance:
    """This process as an instance of a store.

    Args:
        bus: where the store is served.
        store: its name: ``refs`` or ``objectstore``.
        installation: returns the installation that this instance belongs to.
        refuses: returns that of a ref store which it heard and does not belong to.
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
        """Return what this instance says of itself."""
        return Presence(
            instance=self.id,
            started=self.started,
            installation=self._installation(),
            refuses=self._refuses(),
            rival=self._find_rival(),
            serves=self._serves,
        )

    async def claim(self) -> None:
        """Check that no other instance serves; to be called before this one does.

        Raises:
            Conflict: another one does.
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
        """Return what an instance that serves says of itself; None: none answers.

        The answer of one that ends may arrive before that of one that serves, so the question is
        repeated for as long as one ends.
        """
        for _ in range(int(MAX_LINGER_S / PAUSE_S)):
            other = await self._ask()
            if other is None or other.serves:
                return other
            await asyncio.sleep(PAUSE_S)
        return None

    async def _introduce(self, other: Presence | None) -> None:
        """Answer until the instance that serves knows of this one."""
        async with answer_requests(self._bus, self._subject, AskPresence, self._answer):
            while other is not None and other.rival != self.id:
                other = await self._ask()
                await asyncio.sleep(PAUSE_S)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Answer and ask from entry to exit; the body is cancelled when this instance has to end.

        Raises:
            Conflict: another instance serves, and started earlier.
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
        """Take note of the heartbeat of an instance, which may be this one."""
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
        """Ask soon, and find out whether the permissions have changed."""
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
            await asyncio.sleep(PAUSE_S)  # those that may serve together do not ask without end
            with suppress(TimeoutError):
                async with asyncio.timeout(ASK_INTERVAL_S):
                    await self._due.wait()

    def _find_silent(self) -> Presence | None:
        """Return an instance that beats and does not answer; None: there is none."""
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
                hint=f"a bus has one {self._store}: stop the one that started later",
            )

    async def _ask(self) -> Presence | None:
        """Return what another instance says of itself; None: none answers."""
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
            pass  # nothing listens, or what does is gone, or is not one of ours
        return None

    def _warn(self, error: Denied) -> None:
        log.warning(
            "instances.not-asked",
            error=error.message,
            hint=f"{self._store} has to publish and subscribe to {self._subject}",
        )

    def _conflict(self, other: Presence) -> Conflict:
        since = ""
        if other.started:
            since = f" since {datetime.fromtimestamp(other.started, UTC):%Y-%m-%dT%H:%M:%SZ}"
        return Conflict(
            f"another {self._store} serves on {self._bus.url_shown}{since}: instance"
            f" {other.instance or 'of an earlier release'} of installation"
            f" {other.installation or 'unknown'}",
            hint=f"a bus has one {self._store}: stop that one first, or use a bus of its own",
        )


def may_coexist(own: Presence, other: Presence) -> bool:
    """Return whether both instances may serve their store together."""
    return own.several and other.several and own.installation == other.installation


def has_to_yield(own: Presence, other: Presence) -> bool:
    """Return whether an instance has to end because of another one that serves, too."""
    if may_coexist(own, other):
        return False
    return (other.started, other.instance) < (own.started, own.instance)
