"""Safety checks with objects of the request, and with objects that have to be read."""

import asyncio
import random
import secrets
from collections.abc import Awaitable, Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.support import commits
from tests.support.commits import StoredCommit
from tests.support.counting_store import CountingStore
from tests.support.waiting import eventually

from zonegit.errors import Busy, NotFound, Unavailable, Unsafe, ZonegitError
from zonegit.objects.ids import ObjectId, RawObject, create_object
from zonegit.safety import judgement
from zonegit.safety.moves import MoveRequest
from zonegit.safety.reader import MoveReader
from zonegit.store import ref_names
from zonegit.store.basis import USUAL, MoveLimits, ServedTree
from zonegit.store.memory import MemoryObjects
from zonegit.store.objects import ObjectStore
from zonegit.store.ref_log import Origin
from zonegit.store.refs import Absent, Anything, Exactly
from zonegit.zone import names
from zonegit_refs import judgement_queue
from zonegit_refs.judgement_queue import (
    MAX_MOVES,
    MAX_OF_ACTOR,
    MAX_QUESTIONS_OF_ACTOR,
    MAX_WAITING_OF_ACTOR,
    MOVES,
    JudgementQueue,
)
from zonegit_refs.keeper import RefKeeper
from zonegit_refs.sql.refs import open_refs

ZONE = names.parse("foo.com.")
MAIN = ref_names.branch(ZONE, "main")
LARGE_COMMIT = commits.commit(ZONE, 1, hosts=20)
SMALL_COMMIT = commits.commit(ZONE, 2, hosts=8)
GROWN_COMMIT = commits.commit(ZONE, 2, hosts=21)


def origin(actor: str = "ada") -> Origin:
    return Origin(actor, "test", secrets.token_hex(16))


def by_id(*objects: RawObject) -> dict[ObjectId, RawObject]:
    return {raw.id: raw for raw in objects}


class UnreachableStore(MemoryObjects):
    """An object store that cannot be reached."""

    async def get(self, ids: Collection[ObjectId]) -> Mapping[ObjectId, RawObject]:
        raise Unavailable("nobody answers")


async def check_harm(
    store: ObjectStore,
    to: StoredCommit,
    known: Mapping[ObjectId, RawObject] | None = None,
    limits: MoveLimits = USUAL,
    **why: Any,
) -> None:
    """Judge a move of main from BIG."""
    request = MoveRequest(MAIN, Exactly(LARGE_COMMIT.id), to.id, **why)
    served = ServedTree(2, to.tree)
    await judgement.check_harm(
        MoveReader(store, known or {}), request, LARGE_COMMIT.id, served, limits
    )


async def test_objects_of_the_request_are_not_read() -> None:
    store = CountingStore()
    await check_harm(store, GROWN_COMMIT, by_id(*LARGE_COMMIT.objects, *GROWN_COMMIT.objects))
    assert store.asked == 0


async def test_other_objects_are_read() -> None:
    store = CountingStore()
    await store.put([*LARGE_COMMIT.objects, *SMALL_COMMIT.objects])
    with pytest.raises(Unsafe, match="12 of its 22"):
        await check_harm(store, SMALL_COMMIT)
    await check_harm(store, SMALL_COMMIT, limits=MoveLimits(percent=60))


async def test_no_move_is_allowed_while_the_object_store_is_down() -> None:
    with pytest.raises(Unavailable, match="nobody answers"):
        await check_harm(UnreachableStore(), GROWN_COMMIT, force=True)
    # The way out after a loss of objects: force with a reason skips the check.
    await check_harm(UnreachableStore(), GROWN_COMMIT, force=True, reason="the store is lost")


async def test_a_move_from_a_lost_tip_is_still_checked() -> None:
    store = MemoryObjects()
    await store.put(GROWN_COMMIT.objects)
    with pytest.raises(Unavailable, match=r"cannot determine what") as caught:
        await check_harm(store, GROWN_COMMIT)
    assert isinstance(caught.value.__cause__, NotFound)


class StoreWithInterruption(MemoryObjects):
    """A store that runs ``meanwhile`` once before it returns an object."""

    def __init__(self, at: ObjectId) -> None:
        super().__init__()
        self._at = at
        self.meanwhile: Callable[[], Awaitable[object]] | None = None

    async def get(self, ids: Collection[ObjectId]) -> Mapping[ObjectId, RawObject]:
        if self.meanwhile is not None and self._at in ids:
            meanwhile, self.meanwhile = self.meanwhile, None
            await meanwhile()
        return await super().get(ids)


async def test_a_branch_that_moves_during_a_check_is_checked_again(tmp_path: Path) -> None:
    """A move with any expected tip may remove little from one tip and too much from the next."""
    tiny = commits.commit(ZONE, 1, hosts=3)
    big, new = commits.commit(ZONE, 2, hosts=20), commits.commit(ZONE, 3, hosts=2)
    store = StoreWithInterruption(tiny.id)
    await store.put([*tiny.objects, *big.objects, *new.objects])
    async with open_refs(tmp_path / "refs.sqlite3") as tables:
        keeper = RefKeeper(tables, store, lambda *_: None)
        await keeper.register(ZONE, origin())
        await keeper.move(MAIN, Absent(), tiny.id, origin())
        store.meanwhile = lambda: keeper.move(MAIN, Anything(), big.id, origin())
        with pytest.raises(Unsafe, match="of its 22 RRsets"):
            await keeper.move(MAIN, Anything(), new.id, origin())
        assert (await keeper.zone(ZONE, "ada")).heads["main"].target == big.id


class BlockedStore(MemoryObjects):
    """A store that returns one object only after ``free`` is set.

    ``asked`` counts the waiting requests, and ``all_asked`` is set after ``most`` of them.
    """

    def __init__(self, at: ObjectId, most: int) -> None:
        super().__init__()
        self._at = at
        self._most = most
        self.free = asyncio.Event()
        self.asked = 0
        self.all_asked = asyncio.Event()

    async def get(self, ids: Collection[ObjectId]) -> Mapping[ObjectId, RawObject]:
        if self._at in ids:
            self.asked += 1
            if self.asked == self._most:
                self.all_asked.set()
            await self.free.wait()
        return await super().get(ids)


async def test_checks_of_one_actor_do_not_block_others(tmp_path: Path) -> None:
    store = BlockedStore(SMALL_COMMIT.id, MAX_QUESTIONS_OF_ACTOR)
    await store.put([*LARGE_COMMIT.objects, *SMALL_COMMIT.objects, *GROWN_COMMIT.objects])
    async with open_refs(tmp_path / "refs.sqlite3") as tables:
        keeper = RefKeeper(tables, store, lambda *_: None)
        await keeper.register(ZONE, origin())
        await keeper.move(MAIN, Absent(), LARGE_COMMIT.id, origin())
        most = MAX_QUESTIONS_OF_ACTOR + MAX_WAITING_OF_ACTOR
        asking = [
            asyncio.create_task(keeper.judge(MAIN, Anything(), SMALL_COMMIT.id, origin()))
            for _ in range(most)
        ]
        await store.all_asked.wait()
        assert store.asked == MAX_QUESTIONS_OF_ACTOR
        with pytest.raises(Busy, match="too many checks of moves of ada"):
            await keeper.judge(MAIN, Anything(), GROWN_COMMIT.id, origin())
        await keeper.judge(MAIN, Anything(), GROWN_COMMIT.id, origin("modest"))
        await keeper.move(MAIN, Exactly(LARGE_COMMIT.id), GROWN_COMMIT.id, origin())
        store.free.set()
        answers = await asyncio.gather(*asking, return_exceptions=True)
        assert {type(each) for each in answers} == {Unsafe}
        await keeper.judge(MAIN, Exactly(GROWN_COMMIT.id), GROWN_COMMIT.id, origin())


async def test_moves_of_one_actor_leave_room_for_those_of_another(tmp_path: Path) -> None:
    """This holds for any number of checks of any duration."""
    store = BlockedStore(SMALL_COMMIT.id, MAX_OF_ACTOR)
    await store.put([*LARGE_COMMIT.objects, *SMALL_COMMIT.objects, *GROWN_COMMIT.objects])
    async with open_refs(tmp_path / "refs.sqlite3") as tables:
        keeper = RefKeeper(tables, store, lambda *_: None)
        await keeper.register(ZONE, origin())
        await keeper.move(MAIN, Absent(), LARGE_COMMIT.id, origin())
        moving = [
            asyncio.create_task(keeper.move(MAIN, Anything(), SMALL_COMMIT.id, origin("greedy")))
            for _ in range(50)
        ]
        await store.all_asked.wait()
        assert store.asked == MAX_OF_ACTOR
        await keeper.move(MAIN, Exactly(LARGE_COMMIT.id), GROWN_COMMIT.id, origin("modest"))
        store.free.set()
        answers = await asyncio.gather(*moving, return_exceptions=True)
        assert {type(each) for each in answers} == {Unsafe}


async def test_long_checks_let_those_of_other_actors_go_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(judgement_queue, "TURN_S", 0.0)
    queue = JudgementQueue()
    done = asyncio.Event()
    running = 0

    async def check_for_ever(actor: str) -> None:
        nonlocal running
        async with queue.turn(MOVES, actor) as pause:
            running += 1
            while not done.is_set():
                await asyncio.sleep(0)
                await pause()

    actors = [f"greedy{number % 2}" for number in range(MAX_MOVES)]
    checks = [asyncio.create_task(check_for_ever(actor)) for actor in actors]
    await eventually(lambda: running == MAX_MOVES)
    async with queue.turn(MOVES, "modest"):
        done.set()
    await asyncio.gather(*checks)


def damage_commit(rng: random.Random) -> tuple[ObjectId, list[RawObject]]:
    """Return a commit with one damaged object; objects above it have its new id."""
    objects, tip, renamed = (
        list(SMALL_COMMIT.objects),
        ObjectId(SMALL_COMMIT.id),
        dict[bytes, bytes](),
    )
    at = rng.randrange(len(objects))
    for index in range(at, len(objects)):
        kind, payload = objects[index].kind, bytearray(objects[index].payload)
        if index == at:
            payload[rng.randrange(len(payload))] ^= 1 << rng.randrange(8)
            del payload[rng.choice([rng.randrange(len(payload)), len(payload)]) :]
        for old, new in renamed.items():
            payload = payload.replace(old, new).replace(old.hex().encode(), new.hex().encode())
        changed = create_object(kind, bytes(payload))
        renamed[objects[index].id] = changed.id
        tip = changed.id if objects[index].id == tip else tip
        objects[index] = changed
    return tip, objects


async def test_objects_of_a_dry_run_may_be_malformed(tmp_path: Path) -> None:
    """Any reader can send them; the result is a failure, and never a bug."""
    store = MemoryObjects()
    await store.put(LARGE_COMMIT.objects)
    async with open_refs(tmp_path / "refs.sqlite3") as tables:
        keeper = RefKeeper(tables, store, lambda *_: None)
        await keeper.register(ZONE, origin())
        await keeper.move(MAIN, Absent(), LARGE_COMMIT.id, origin())
        rng, codes = random.Random(7), set()
        for _ in range(500):
            tip, objects = damage_commit(rng)
            try:
                await keeper.judge(MAIN, Anything(), tip, origin(), objects)
            except ZonegitError as error:
                codes.add(error.code)
        assert {"corrupt", "unavailable", "unsafe"} <= codes
