"""The loser of a race for a ref goes next; no client waits for ever."""

import asyncio

from zonegit.store import ref_names
from zonegit.zone import names
from zonegit_refs.retry_order import MAX_WAITING, RetryQueues

FOO = names.parse("foo.com.")
MAIN = ref_names.branch(FOO, "main")
LONG_S = 3_600.0


def wait_for_turn() -> RetryQueues:
    return RetryQueues(LONG_S, LONG_S)


async def is_let_through(turns: RetryQueues, token: str | None) -> bool:
    """Return whether a client may move the ref now."""
    waiting = asyncio.create_task(turns.wait(MAIN, token))
    for _ in range(5):
        await asyncio.sleep(0)
    done = waiting.done()
    waiting.cancel()
    return done


async def test_without_a_lost_race_no_client_waits() -> None:
    assert await is_let_through(wait_for_turn(), None)


async def test_the_loser_of_a_race_goes_next() -> None:
    turns = wait_for_turn()
    turns.record_loss(MAIN, "ada")
    assert await is_let_through(turns, "ada")
    assert not await is_let_through(turns, "bob")
    assert not await is_let_through(turns, None)


async def test_others_continue_after_a_turn_was_used() -> None:
    turns = wait_for_turn()
    turns.record_loss(MAIN, "ada")
    bob = asyncio.create_task(turns.wait(MAIN, "bob"))
    await asyncio.sleep(0)
    turns.leave(MAIN, "ada")
    await bob


async def test_losers_take_turns_in_the_order_in_which_they_lost() -> None:
    turns = wait_for_turn()
    for who in ("ada", "bob", "cyd"):
        turns.record_loss(MAIN, who)
    turns.record_loss(MAIN, "ada")  # She loses again during her turn, and keeps it.
    order = []
    for _ in range(3):
        (first,) = [who for who in ("ada", "bob", "cyd") if await is_let_through(turns, who)]
        order.append(first)
        turns.leave(MAIN, first)
    assert order == ["ada", "bob", "cyd"]
    assert await is_let_through(turns, None)


async def test_a_loser_without_a_token_has_no_turn() -> None:
    turns = wait_for_turn()
    turns.record_loss(MAIN, None)
    assert await is_let_through(turns, "bob")


async def test_turns_for_other_refs_do_not_matter() -> None:
    turns = wait_for_turn()
    turns.record_loss(ref_names.branch(FOO, "canary"), "ada")
    assert await is_let_through(turns, "bob")


async def test_an_unused_turn_ends() -> None:
    turns = RetryQueues(0.0, LONG_S)
    turns.record_loss(MAIN, "gone")
    turns.record_loss(MAIN, "gone too")
    await turns.wait(MAIN, "bob")
    assert await is_let_through(turns, None)


async def test_the_wait_is_bounded_for_any_length_of_the_queue() -> None:
    turns = RetryQueues(LONG_S, 0.0)
    turns.record_loss(MAIN, "ada")
    await turns.wait(MAIN, "bob")


async def test_a_queue_is_bounded() -> None:
    turns = wait_for_turn()
    for number in range(MAX_WAITING + 1):
        turns.record_loss(MAIN, str(number))
    for number in range(MAX_WAITING):
        turns.leave(MAIN, str(number))
    assert await is_let_through(turns, "bob")
