"""Two clients edit one branch concurrently: no edit is lost, and none is made twice."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.e2e.stack import FOO, Stack
from tests.support.remote_stores import objects_of, refs_of

from zonegit.bus import connect
from zonegit.config import BusSettings, read_stack
from zonegit.history import commit_graph
from zonegit.objects.ids import CommitId
from zonegit.objects.model import Identity
from zonegit.repo import heads
from zonegit.repo.commit import change_plan, commit_loop
from zonegit.repo.commit.edits import Set
from zonegit.repo.commit.intent import Intent
from zonegit.repo.commit.outcomes import Committed
from zonegit.repo.repo import Repo
from zonegit.store.commit_reader import CommitReader
from zonegit.store.reader import Reader
from zonegit.zone import names, rrtypes
from zonegit.zone.rrset import rrset

EDITS_EACH = 250
ZONE = names.parse("race.test.")
CLIENTS = ("ada", "bob")


def bus_of(data: Path) -> BusSettings:
    record = read_stack(data)
    assert record is not None
    url, users = record["bus"]["url"], record["bus"]["users"]
    return BusSettings(url.replace("://", f"://cli:{users['cli']}@"))


async def make_edits(data: Path, who: str) -> tuple[list[CommitId], list[str]]:
    """Commit one edit after the other.

    Return the acknowledged commits, and the history that this client then sees.
    """
    async with connect(bus_of(data), name=who) as bus:
        identity = Identity(who, f"{who}@example.net", 1_795_232_912)
        repo = Repo(
            objects_of(bus, who),
            refs_of(bus, who),
            who,
            lambda: identity,
        )
        made: list[CommitId] = []
        for number in range(EDITS_EACH):
            owner = names.parse(f"{who}-{number}", ZONE)
            value = rrset(owner, rrtypes.A, 300, [bytes((192, 0, 2, number % 256))])
            position = await heads.find_position(repo, ZONE, "main")
            plan = change_plan.plan_edits([Set(value)], ZONE)
            done = await commit_loop.commit(repo, position, plan, Intent(f"{who} {number}", "set"))
            assert isinstance(done, Committed)
            made.append(done.commit)
        return made, await first_parents(repo)


async def first_parents(repo: Repo) -> list[str]:
    """Return the messages of a branch's history, latest first; fail for a commit with two
    parents."""
    tip = (await heads.find_position(repo, ZONE, "main")).commit()
    found = await CommitReader(repo.objects, Reader(repo.objects)).answer(
        commit_graph.LogWalk([tip]).take(10_000)
    )
    assert all(len(each.commit.parents) <= 1 for each in found)
    return [each.commit.message for each in found]


async def race(data: Path) -> None:
    (ada, seen_by_ada), (bob, seen_by_bob) = await asyncio.gather(
        *(make_edits(data, who) for who in CLIENTS)
    )
    assert len({*ada, *bob}) == 2 * EDITS_EACH
    wanted = [f"{who} {number}" for who in CLIENTS for number in range(EDITS_EACH)]
    history = max(seen_by_ada, seen_by_bob, key=len)
    assert sorted(history[:-1]) == sorted(wanted)  # the last one is the import
    # Each sees its own edits in the order in which they were acknowledged.
    for who in CLIENTS:
        mine = [message for message in reversed(history) if message.startswith(f"{who} ")]
        assert mine == [f"{who} {number}" for number in range(EDITS_EACH)]
    # The other client has seen the same history up to an earlier tip.
    shorter = min(seen_by_ada, seen_by_bob, key=len)
    assert history[len(history) - len(shorter) :] == shorter


def test_two_clients_with_500_racing_edits_lose_none_and_repeat_none(stack: Stack) -> None:
    stack.zone("race.test", FOO)
    before = stack.json("status")["serial"]
    asyncio.run(race(stack.data))
    assert stack.json("status")["serial"] == before + 2 * EDITS_EACH
    exported = stack.run("export", "--zone", "race.test").out
    for who in CLIENTS:
        assert all(f"\n{who}-{number} " in exported for number in range(EDITS_EACH))


def test_eight_commands_that_add_to_one_rrset_at_once_all_succeed(stack: Stack) -> None:
    stack.zone("pool.test", FOO)
    addresses = [f"192.0.2.{number}" for number in range(1, 9)]
    with ThreadPoolExecutor(len(addresses)) as threads:
        adding = [
            threads.submit(stack.run, "add", "pool", "A", "300", each, "--zone", "pool.test")
            for each in addresses
        ]
    assert [each.result().status for each in adding] == [0] * len(addresses)
    assert stack.json("show", "pool", "A", "--zone", "pool.test")["rdata"] == addresses
    with ThreadPoolExecutor(len(addresses)) as threads:
        removing = [
            threads.submit(stack.run, "remove", "pool", "A", each, "--zone", "pool.test")
            for each in addresses[1:]
        ]
    assert [each.result().status for each in removing] == [0] * len(addresses[1:])
    assert stack.json("show", "pool", "A", "--zone", "pool.test")["rdata"] == addresses[:1]
