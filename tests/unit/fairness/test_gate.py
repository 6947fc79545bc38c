"""Tasks at a gate: their order, their refusal, and their cancellation."""

import asyncio
from contextlib import suppress

import pytest

from zonegit.errors import Busy
from zonegit.fairness.fair_queue import Share
from zonegit.fairness.gate import MAX_RETRY_MS, MIN_RETRY_MS, Gate, Turn

ALL = "all"


def gate(depth: int = 1, **share: int) -> Gate:
    return Gate("requests of {flow}", {ALL: Share(**share)}, depth)


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def waits(at: Gate, flow: str, entered: list[str]) -> asyncio.Task[Turn]:
    async def enter() -> Turn:
        turn = await at.enter(ALL, flow)
        entered.append(flow)
        return turn

    return asyncio.create_task(enter())


async def test_a_gate_admits_as_many_tasks_as_it_has_room_for() -> None:
    at = gate(depth=2)
    entered: list[str] = []
    tasks = [waits(at, "a", entered) for _ in range(5)]
    await settle()
    assert (len(entered), at.running, at.waiting()) == (2, 2, {ALL: 3})
    at.leave(await tasks[0], 0.001)
    await settle()
    assert (len(entered), at.waiting()) == (3, {ALL: 2})
    for task in tasks:
        task.cancel()


async def test_a_cancelled_task_leaves_the_queue() -> None:
    at = gate()
    first = await at.enter(ALL, "a")
    entered: list[str] = []
    gives_up, stays = waits(at, "b", entered), waits(at, "c", entered)
    await settle()
    gives_up.cancel()
    await settle()
    assert at.waiting() == {ALL: 1}
    at.leave(first, 0.001)
    await stays
    assert entered == ["c"]


async def test_a_task_that_is_cancelled_at_its_turn_passes_it_on() -> None:
    at = gate()
    first = await at.enter(ALL, "a")
    entered: list[str] = []
    gives_up, stays = waits(at, "b", entered), waits(at, "c", entered)
    await settle()
    at.leave(first, 0.001)
    gives_up.cancel()
    await stays
    with suppress(asyncio.CancelledError):
        await gives_up
    assert entered == ["c"]
    assert at.running == 1


async def test_a_task_beyond_the_bound_is_refused_with_a_time_to_retry() -> None:
    at = gate(max_waiting_of_flow=3)
    await at.enter(ALL, "ada")
    entered: list[str] = []
    tasks = [waits(at, "ada", entered) for _ in range(3)]
    await settle()
    assert at.is_full(ALL, "ada")
    assert not at.is_full(ALL, "bob")
    with pytest.raises(Busy, match="requests of ada") as caught:
        await at.enter(ALL, "ada")
    assert MIN_RETRY_MS <= int(caught.value.details["retry_after_ms"]) <= MAX_RETRY_MS
    assert at.refused == {ALL: 1}
    for task in tasks:
        task.cancel()


async def test_a_waiting_task_is_refused_when_the_whole_queue_is_full() -> None:
    at = gate(max_waiting_of_flow=5_000)
    await at.enter(ALL, "other")
    entered: list[str] = []
    greedy = [waits(at, "greedy", entered) for _ in range(2_048)]
    await settle()
    modest = waits(at, "modest", entered)
    await settle()
    refused = [task for task in greedy if task.done()]
    assert [type(task.exception()) for task in refused] == [Busy]
    assert not modest.done()
    assert at.waiting() == {ALL: 2_048}
    for task in (*greedy, modest):
        task.cancel()


async def test_a_turn_that_is_yielded_lets_another_flow_go_first() -> None:
    at = gate()
    entered: list[str] = []
    async with at.turn(ALL, "a") as held:
        await held.yield_turn()  # nothing waits
        other = waits(at, "b", entered)
        await settle()
        giving = asyncio.create_task(held.yield_turn())
        turn = await other
        assert not giving.done()
        at.leave(turn, 0.001)
        await giving
        assert at.running == 1
    assert (entered, at.running) == (["b"], 0)


async def test_a_task_that_is_cancelled_after_it_yielded_its_turn_has_none() -> None:
    at = gate()
    blocking = waits(at, "b", [])

    async def hold() -> None:
        async with at.turn(ALL, "a") as held:
            await settle()
            await held.yield_turn()

    await blocking
    holding = asyncio.create_task(hold())
    await settle()
    at.leave(await blocking, 0.001)
    blocking = waits(at, "b", [])
    turn = await blocking
    holding.cancel()
    with suppress(asyncio.CancelledError):
        await holding
    at.leave(turn, 0.001)
    assert (at.running, at.waiting()) == (0, {ALL: 0})
