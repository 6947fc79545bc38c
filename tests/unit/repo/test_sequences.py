"""Random sequences of commands by two operators.

Secondaries can follow, merges equal naive merges of dictionaries, and history can be read.
"""

from collections.abc import Callable, Coroutine
from itertools import count
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.repo.conftest import FOO, TwoOperators, get_committed
from zonegit.errors import Conflict, Invalid, NotFound, Unsafe
from zonegit.merge import records
from zonegit.objects.ids import CommitId, ObjectId
from zonegit.repo import heads, read_zone
from zonegit.repo.change import branches, merge, reset, revert
from zonegit.repo.commit import change_plan, commit_loop, diff
from zonegit.repo.commit.conflicts import Conflicted
from zonegit.repo.commit.edits import Delete, RRsetEdit, Set
from zonegit.repo.commit.intent import Intent
from zonegit.repo.commit.outcomes import Committed
from zonegit.repo.heads import BranchPosition
from zonegit.repo.inspect import blame, log
from zonegit.repo.repo import Repo
from zonegit.store.reader import Reader
from zonegit.zone import names, rrtypes
from zonegit.zone.names import Name
from zonegit.zone.rrset import RRset, parse_soa, rdata_from_text, rrset, with_serial
from zonegit.zone.serial import MODULUS, is_later
from zonegit.zonefile import reader

Zone = dict[tuple[Name, int], RRset]
"""A zone's records; its SOA under serial 0."""

BRANCHES = ("main", "canary", "staging")
_numbers = count()
_branches = st.sampled_from(BRANCHES)
_commits = st.integers(0, 8)
"""Counted from the latest one back."""
_owners = st.sampled_from(["api", "www", "new"])
_parents = st.sampled_from([None, 1, 2])
_who = st.sampled_from([0, 1])

_edit = st.tuples(st.just("edit"), _who, _branches, _owners, st.integers(0, 5))
_retime = st.tuples(st.just("retime"), _who, _branches, st.integers(1, 3))
_merge = st.tuples(st.just("merge"), _who, _branches, _commits)
_revert = st.tuples(st.just("revert"), _who, _branches, _commits, _parents)
_reset = st.tuples(st.just("reset"), _who, _branches, _commits)
_look = st.tuples(st.just("look"), _who, _branches)
_pointing = st.one_of(
    st.tuples(st.just("branch"), _who, _branches, _commits),
    st.tuples(st.just("delete"), _who, _branches),
    st.tuples(st.just("rename"), _who, _branches, _branches),
)
_often = (_edit, _edit, _retime, _merge, _merge)
_steps = st.lists(
    st.sampled_from([*_often, _revert, _reset, _look, _pointing]).flatmap(lambda step: step),
    min_size=8,
    max_size=30,
)


class CommandSequence:
    """Two operators of one zone, and the expected result.

    An operator who has looked at a branch works on the tip of that time, however old.
    """

    def __init__(self, operators: TwoOperators, zone: Name, first: int) -> None:
        self.zone = zone
        self.first = first
        self.repos = (operators.repo, operators.other)
        self.looked: dict[tuple[int, str], BranchPosition] = {}
        self.made: list[CommitId] = []
        self.served: dict[str, dict[int, ObjectId]] = {}
        self.latest: dict[str, int] = {}

    @property
    def reader(self) -> Reader:
        return Reader(self.repos[0].objects)

    async def start(self) -> None:
        await heads.initialise(self.repos[0], self.zone)
        text = FOO.replace(" 7 ", f" {self.first} ").encode()
        plan = change_plan.plan_replacement(reader.read(text, self.zone).rrsets.values(), self.zone)
        position = BranchPosition(self.zone, "main", None)
        intent = Intent("import", "import", imports=True)
        done = get_committed(await commit_loop.commit(self.repos[0], position, plan, intent))
        assert done is not None
        self.made.append(done.commit)
        for other in BRANCHES[1:]:
            await branches.create(self.repos[0], self.zone, other, done.commit)

    async def take(self, step: tuple[Any, ...]) -> None:
        """Run one step, which may be refused."""
        name, who, branch, *how = step
        act: Callable[..., Coroutine[Any, Any, object]] = getattr(self, name)
        try:
            outcome = await act(self.repos[who], who, branch, *how)
        except (Conflict, Invalid, NotFound, Unsafe):
            return
        if isinstance(outcome, Committed) and outcome.is_new:
            self.made.append(outcome.commit)

    async def position(self, who: int, branch: str) -> BranchPosition:
        stale = self.looked.pop((who, branch), None)
        return stale or await heads.find_position(self.repos[who], self.zone, branch)

    def commit(self, back: int) -> CommitId:
        return self.made[-1 - back % len(self.made)]

    async def look(self, _repo: Repo, who: int, branch: str) -> None:
        self.looked[who, branch] = await heads.find_position(self.repos[who], self.zone, branch)

    async def edit(self, repo: Repo, who: int, branch: str, owner: str, number: int) -> object:
        name = names.parse(owner, self.zone)
        edit: RRsetEdit = Delete(name)
        if number == 5:
            edit = Set(rrset(name, rrtypes.CNAME, 300, [rdata_from_text(5, "ns1", self.zone)]))
        elif number:
            edit = Set(rrset(name, rrtypes.A, 300, [bytes((192, 0, 2, number))]))
        return await self._edit(repo, who, branch, edit)

    async def retime(self, repo: Repo, who: int, branch: str, refresh: int) -> object:
        text = f"ns1 admin {self.first} {refresh} 3600 1209600 300"
        value = rrset(self.zone, rrtypes.SOA, 300, [rdata_from_text(6, text, self.zone)])
        return await self._edit(repo, who, branch, Set(value))

    async def _edit(self, repo: Repo, who: int, branch: str, edit: RRsetEdit) -> object:
        plan = change_plan.plan_edits([edit], self.zone)
        return await commit_loop.commit(
            repo, await self.position(who, branch), plan, Intent("edit", "set")
        )

    async def merge(self, repo: Repo, who: int, branch: str, back: int) -> object:
        at, theirs = await self.position(who, branch), self.commit(back)
        seen = await self.seen(at)
        done = await merge.merge(repo, at, theirs, Intent("merge", "merge"))
        bases = [await self.bases(ours, theirs) for ours in seen]
        if all(len(found) == 1 for found in bases):
            threes = zip((found[0] for found in bases), seen, strict=True)
            await self.check(done, [(base, ours, theirs) for base, ours in threes])
        if isinstance(done, Committed):
            assert {theirs, seen[-1]} <= await self.past(done.commit)
        return done

    async def revert(
        self, repo: Repo, who: int, branch: str, back: int, mainline: int | None
    ) -> object:
        at, undone = await self.position(who, branch), self.commit(back)
        seen = await self.seen(at)
        done = await revert.revert(repo, at, undone, mainline, Intent("revert", "revert"))
        before = (await read_zone.read_commit(self.reader, undone)).parents[(mainline or 1) - 1]
        await self.check(done, [(undone, ours, before) for ours in seen])
        return done

    async def seen(self, at: BranchPosition) -> list[CommitId]:
        """Return the tip at the time of the look, and the current one."""
        now = await heads.find_position(self.repos[0], self.zone, at.branch)
        return [at.commit(), now.commit()]

    async def check(self, done: object, threes: list[tuple[CommitId, CommitId, CommitId]]) -> None:
        """Check that the outcome is the naive merge of one of these (base, ours, theirs)."""
        naive = [merge_naively(*[await self.at(each) for each in three]) for three in threes]
        match done:
            case Conflicted():
                assert None in naive
            case Committed(commit=commit):
                assert await self.at(commit) in naive
            case _:
                assert any([await self.at(three[1]) in naive for three in threes])

    async def reset(self, repo: Repo, who: int, branch: str, back: int) -> object:
        at, target = await self.position(who, branch), self.commit(back)
        done = await reset.reset(repo, at, target, Intent("reset", "reset"), exact=False)
        now = done.commit if isinstance(done, Committed) else at.commit()
        assert await self.at(now) == await self.at(target)
        assert target in await self.past(now)
        return done

    async def branch(self, repo: Repo, _who: int, branch: str, back: int) -> None:
        await branches.create(repo, self.zone, branch, self.commit(back))

    async def delete(self, repo: Repo, _who: int, branch: str) -> None:
        await branches.delete(repo, self.zone, branch)

    async def rename(self, repo: Repo, _who: int, branch: str, other: str) -> None:
        await branches.rename(repo, self.zone, branch, other)

    async def at(self, commit: CommitId) -> Zone:
        tree = (await read_zone.read_commit(self.reader, commit)).tree
        found = {(e.owner, e.rdtype): e for e in await read_zone.read_whole_zone(self.reader, tree)}
        found[self.zone, rrtypes.SOA] = with_serial(found[self.zone, rrtypes.SOA], 0)
        return found

    async def past(self, commit: CommitId) -> set[CommitId]:
        """Return the commit and all its ancestors, found one after the other."""
        found, todo = set[CommitId](), [commit]
        while todo:
            at = todo.pop()
            if at not in found:
                found.add(at)
                todo += (await read_zone.read_commit(self.reader, at)).parents
        return found

    async def bases(self, ours: CommitId, theirs: CommitId) -> list[CommitId]:
        common = await self.past(ours) & await self.past(theirs)
        below = {each: await self.past(each) - {each} for each in common}
        return [each for each in common if not any(each in down for down in below.values())]

    async def check_secondaries_follow(self) -> None:
        """Check that every change of a branch's records has a serial later than all it had.

        No serial may be further ahead than the number of commits.
        """
        refs = await self.repos[0].refs.zone(self.zone, "")
        for branch, tip in refs.heads.items():
            commit = await read_zone.read_commit(self.reader, CommitId(tip.target))
            value = await read_zone.read_rrset(
                self.reader, commit.tree, self.zone, rrtypes.SOA, self.zone
            )
            serial = parse_soa(value).serial
            served = self.served.setdefault(branch, {})
            before = self.latest.setdefault(branch, serial)
            assert served.setdefault(serial, commit.tree) == commit.tree
            assert serial == before or is_later(serial, before)
            assert (serial - self.first) % MODULUS <= len(self.made)
            self.latest[branch] = serial

    async def check_history_reads(self) -> None:
        """Check log, diff and blame of every tip."""
        refs = await self.repos[0].refs.zone(self.zone, "")
        tips = [CommitId(tip.target) for tip in refs.heads.values()]
        for tip in tips:
            logged = await log.read_latest(self.repos[0], self.reader, tip, self.zone, 1_000)
            assert {each.id for each in logged} == await self.past(tip)
            assert len(logged) == len({each.id for each in logged})
            here = await self.at(tip)
            for owner in {owner for owner, _ in here}:
                found = await blame.blame(self.repos[0], self.reader, tip, owner, None, self.zone)
                assert {each.commit for each in found.rrsets} <= await self.past(tip)
            await self.check_diff(tip, tips[0])

    async def check_diff(self, new: CommitId, old: CommitId) -> None:
        trees = [(await read_zone.read_commit(self.reader, each)).tree for each in (old, new)]
        deltas = await diff.diff_trees(self.reader, *trees, self.zone)
        was, now = await self.at(old), await self.at(new)
        told = {(each.owner, each.rdtype) for each in diff.drop_serial_changes(deltas)}
        assert told == {key for key in was.keys() | now.keys() if was.get(key) != now.get(key)}


def merge_naively(base: Zone, ours: Zone, theirs: Zone) -> Zone | None:
    """Merge three zones, RRset by RRset; return None for a conflict."""
    merged: Zone = {}
    for key in base.keys() | ours.keys() | theirs.keys():
        value = records.merge_rrset(base.get(key), ours.get(key), theirs.get(key))
        if isinstance(value, records.Refusal):
            return None
        if value is not None:
            merged[key] = value
    owners = [owner for owner, _ in merged]
    aliases = {owner for owner, rdtype in merged if rdtype == rrtypes.CNAME}
    return merged if all(owners.count(owner) == 1 for owner in aliases) else None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(steps=_steps, serial=st.sampled_from([7, 2**31 - 4, 2**32 - 4]))
async def test_secondaries_follow_and_history_is_readable_after_any_commands(
    operators: TwoOperators, steps: list[tuple[Any, ...]], serial: int
) -> None:
    both = CommandSequence(operators, names.parse(f"zone-{next(_numbers)}.test."), serial)
    await both.start()
    for step in steps:
        await both.take(step)
        await both.check_secondaries_follow()
    await both.check_history_reads()
