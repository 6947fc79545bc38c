"""A dry run predicts the result of the command, after any changes and with any force."""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.zone_removal import remove_zone
from tests.unit.repo.conftest import FOO, ZONE, TwoOperators
from tests.unit.repo.zone_contents import address, check_committed
from zonegit.errors import Denied, NotFound, Unsafe, ZonegitError
from zonegit.objects.ids import CommitId, ObjectId, RawObject
from zonegit.objects.model import Identity
from zonegit.repo import heads, refish
from zonegit.repo.change import (
    branches,
    cherry_pick,
    import_series,
    merge,
    proposals,
    reset,
    revert,
    saved_plan,
    sign,
    undo,
)
from zonegit.repo.change.import_series import ImportedVersion
from zonegit.repo.commit import change_plan, commit_loop, dry_runs
from zonegit.repo.commit.conflicts import Conflicted
from zonegit.repo.commit.dry_runs import Judgement, find_refusal
from zonegit.repo.commit.edits import Delete, RRsetEdit, Set
from zonegit.repo.commit.intent import Intent, OnConflict
from zonegit.repo.commit.outcomes import Committed, Preview
from zonegit.repo.heads import BranchPosition
from zonegit.repo.inspect import operations
from zonegit.repo.repo import Repo, make_operation_id
from zonegit.store import ref_names
from zonegit.store.basis import Basis
from zonegit.store.memory import MemoryObjects
from zonegit.store.ref_names import RefName
from zonegit.store.refs import Absent, Exactly, Expected, RefStore
from zonegit.zone import names, rrtypes
from zonegit.zone.names import Name
from zonegit.zone.rrset import RRset, rdata_from_text, rrset
from zonegit.zonefile import reader
from zonegit_refs.keeper import RefKeeper
from zonegit_refs.sql.refs import open_refs

BRANCHES = ("main", "canary")
HOSTS = tuple(f"h{number}" for number in range(10))
SIGNATURE = (
    "SOA 13 2 300 20301231000000 20200101000000 1 @ MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5"
)
DS = "12345 13 2 " + "ab" * 32
ANOTHER_DS = "12345 13 2 " + "cd" * 32

Record = tuple[str, str, str]
"""Owner, type and RDATA of an RRset."""

RECORDS: list[Record] = [
    ("@", "NS", "ns1"),
    ("@", "NS", "ns2"),
    ("@", "RRSIG", SIGNATURE),
    ("sub", "NS", "ns.sub"),
    ("sub", "DS", DS),
    ("sub", "DS", ANOTHER_DS),
    ("h1", "A", "192.0.2.9"),
    *(("@", "SOA", f"ns1 admin {serial} 7200 3600 1209600 300") for serial in (1, 9, 40)),
]
GONE: list[tuple[str, str]] = [
    ("@", "NS"),
    ("@", "RRSIG"),
    ("sub", "NS"),
    ("sub", "DS"),
    ("h1", "A"),
]

_numbers = count()
_branches = st.sampled_from(BRANCHES)
_back = st.integers(0, 5)
_forced = st.sampled_from([(False, None), (False, None), (True, None), (True, "a test")])
_edits = st.lists(
    st.one_of(st.sampled_from(RECORDS), st.sampled_from(GONE)),
    min_size=1,
    max_size=2,
    unique_by=lambda each: each[:2],
)
_zones = st.tuples(
    st.sets(st.sampled_from(HOSTS), max_size=5).map(lambda gone: set(HOSTS) - gone),
    st.sampled_from([1, 9, 40]),
    st.sampled_from([True, True, False]),
)
_edit = st.tuples(st.just("edit"), _forced, _branches, _edits)
_steps = st.lists(
    st.one_of(
        *[_edit] * 4,
        st.tuples(st.just("load"), _forced, _branches, _zones),
        st.tuples(st.just("versions"), _forced, _branches, st.lists(_zones, max_size=3)),
        st.tuples(st.just("merge"), _forced, _branches, _back),
        st.tuples(st.just("revert"), _forced, _branches, _back),
        st.tuples(st.just("pick"), _forced, _branches, _back),
        st.tuples(st.just("reset"), _forced, _branches, _back, st.booleans()),
        st.tuples(st.just("late"), _forced, _branches, _edits),
        st.tuples(st.just("create"), _forced, _branches, _back),
        st.tuples(st.just("point"), _forced, _branches, _back),
        st.tuples(st.just("delete"), _forced, _branches),
        st.tuples(st.just("remove"), _forced),
        st.tuples(st.just("undo"), _forced, _back),
    ),
    min_size=5,
    max_size=15,
)


class SealableStore(MemoryObjects):
    """A store that accepts no objects while it is sealed."""

    is_sealed = False

    async def put(self, objects: Sequence[RawObject]) -> None:
        assert not self.is_sealed
        await super().put(objects)


@pytest.fixture
async def repo(tmp_path: Path) -> AsyncIterator[Repo]:
    """Yield a repository without zones, with an object store that can be sealed."""
    who = Identity("Ada", "ada@example.net", 1_795_232_912)
    async with open_refs(tmp_path / "refs.sqlite3") as tables:
        objects = SealableStore()
        yield Repo(objects, RefKeeper(tables, objects, lambda *_: None), "ada", lambda: who)


Answer = tuple[str, str] | None
"""The code and message of an error; None: accepted, or nothing to do."""


@dataclass
class DryRunOperator:
    """An operator who runs each change twice, first as a dry run."""

    repo: Repo
    stored: SealableStore
    zone: Name
    looked: dict[str, BranchPosition] = field(default_factory=dict)
    made: list[CommitId] = field(default_factory=list)
    done: list[str] = field(default_factory=list)

    async def start(self) -> None:
        await heads.initialise(self.repo, self.zone)
        at = BranchPosition(self.zone, "main", None)
        plan = change_plan.plan_replacement(self.content(set(HOSTS), 8, True), self.zone)
        first = check_committed(
            await commit_loop.commit(self.repo, at, plan, Intent("i", "import"))
        )
        self.made.append(first.commit)
        await branches.create(self.repo, self.zone, "canary", first.commit)

    async def take(self, step: tuple[Any, ...]) -> None:
        name, (force, reason), *how = step
        meant = Intent(name, name, force, reason=reason, operation=make_operation_id())
        work: Callable[..., Awaitable[object]] = getattr(self, name)
        await self.compare(lambda dry: work(msgspec.structs.replace(meant, dry_run=dry), *how))

    async def compare(self, work: Callable[[bool], Awaitable[object]]) -> None:
        """Check that a dry run changes nothing, and ends as the real command does."""
        refs, before = self.repo.refs, await self.repo.refs.since("", 0)
        self.stored.is_sealed = True
        promised = await run_to_answer(work(True))
        self.stored.is_sealed = False
        assert (await refs.since("", 0)).sequence == before.sequence
        assert await run_to_answer(work(False), self.keep) == promised
        for entry in (await refs.since(before.epoch, before.sequence)).entries:
            if entry.operation not in self.done:
                self.done.append(entry.operation)

    def keep(self, outcome: object) -> None:
        if isinstance(outcome, Committed) and outcome.is_new:
            self.made.append(outcome.commit)

    def commit(self, back: int) -> CommitId:
        return self.made[-1 - back % len(self.made)]

    async def at(self, branch: str) -> BranchPosition:
        return await heads.find_position(self.repo, self.zone, branch)

    def content(self, hosts: set[str], serial: int, has_ns: bool) -> list[RRset]:
        records = [("@", "SOA", f"ns1 admin {serial} 7200 3600 1209600 300")]
        records += [("@", "NS", "ns1")] if has_ns else []
        records += [(host, "A", "192.0.2.1") for host in sorted(hosts)]
        return [self.rrset(each) for each in records]

    def rrset(self, record: Record) -> RRset:
        owner, rdtype, text = record
        kind = rrtypes.from_text(rdtype)
        return rrset(
            names.parse(owner, self.zone), kind, 300, [rdata_from_text(kind, text, self.zone)]
        )

    def edit_of(self, each: Record | tuple[str, str]) -> RRsetEdit:
        if len(each) == 3:
            return Set(self.rrset(each))
        return Delete(names.parse(each[0], self.zone), rrtypes.from_text(each[1]))

    # The commands, dry or not.

    async def edit(self, meant: Intent, branch: str, todo: list[Any]) -> object:
        plan = change_plan.plan_edits([self.edit_of(each) for each in todo], self.zone)
        return await commit_loop.commit(self.repo, await self.at(branch), plan, meant)

    async def late(self, meant: Intent, branch: str, todo: list[Any]) -> object:
        """Edit an earlier tip that was read before other commits."""
        at = self.looked.setdefault(branch, await self.at(branch))
        plan = change_plan.plan_edits([self.edit_of(each) for each in todo], self.zone)
        meant = msgspec.structs.replace(meant, on_conflict=OnConflict.FAIL)
        return await commit_loop.commit(self.repo, at, plan, meant)

    async def load(self, meant: Intent, branch: str, zone: tuple[set[str], int, bool]) -> object:
        plan = change_plan.plan_replacement(self.content(*zone), self.zone)
        meant = msgspec.structs.replace(meant, imports=True, on_conflict=OnConflict.FAIL)
        return await commit_loop.commit(self.repo, await self.at(branch), plan, meant)

    async def versions(self, meant: Intent, branch: str, zones: list[Any]) -> object:
        who = self.repo.now()
        several = [
            ImportedVersion(
                f"v{number}", {(e.owner, e.rdtype): e for e in self.content(*zone)}, "v", who, who
            )
            for number, zone in enumerate(zones)
        ]
        return await import_series.import_versions(self.repo, await self.at(branch), several, meant)

    async def merge(self, meant: Intent, branch: str, back: int) -> object:
        return await merge.merge(self.repo, await self.at(branch), self.commit(back), meant)

    async def revert(self, meant: Intent, branch: str, back: int) -> object:
        at = await self.at(branch)
        return await revert.revert(self.repo, at, self.commit(back), 1, meant)

    async def pick(self, meant: Intent, branch: str, back: int) -> object:
        at = await self.at(branch)
        return await cherry_pick.cherry_pick(self.repo, at, self.commit(back), 1, meant)

    async def reset(self, meant: Intent, branch: str, back: int, exact: bool) -> object:
        at = await self.at(branch)
        target = self.commit(back)
        return await reset.reset(self.repo, at, target, meant, exact=exact)

    async def create(self, meant: Intent, branch: str, back: int) -> object:
        return await self.move(meant, branch, Absent(), self.commit(back))

    async def point(self, meant: Intent, branch: str, back: int) -> object:
        """Move a branch as another client may, without a check of the serial."""
        expected = Exactly((await self.at(branch)).commit())
        return await self.move(meant, branch, expected, self.commit(back))

    async def delete(self, meant: Intent, branch: str) -> object:
        return await self.move(meant, branch, Exactly((await self.at(branch)).commit()), None)

    async def move(
        self, meant: Intent, branch: str, expected: Expected, new: CommitId | None
    ) -> object:
        ref, origin = ref_names.branch(self.zone, branch), meant.origin(self.repo)
        if meant.dry_run:
            return await dry_runs.judge(self.repo, ref, expected, new, origin)
        return await self.repo.refs.move(ref, expected, new, origin)

    async def remove(self, meant: Intent) -> object:
        """Remove the zone, or register it again without branches; there is no dry run of this."""
        origin = msgspec.structs.replace(meant.origin(self.repo), force=True)
        if not meant.dry_run:
            try:
                await remove_zone(self.repo.refs, self.zone, origin)
            except NotFound:
                await self.repo.refs.register(self.zone, origin)
        return None

    async def undo(self, meant: Intent, back: int) -> object:
        if not self.done:
            return None
        operation = self.done[-1 - back % len(self.done)]
        done = await operations.find_operation(self.repo, operation)
        return await undo.undo(self.repo, done, meant)


async def run_to_answer(
    work: Awaitable[object], keep: Callable[[object], None] = lambda made: None
) -> Answer:
    """Return the error or the refusal of a command, dry or not."""
    try:
        outcome = await work
    except ZonegitError as error:
        return error.code, error.message.partition("; restored: ")[0]
    keep(outcome)
    match outcome:
        case Preview(judgement=judgement) | import_series.ImportedSeries(judgement=judgement):
            refusal = find_refusal([judgement])
        case undo.UndoneOperation(restored=restored):
            refusal = find_refusal(each.judgement for each in restored)
        case Judgement(refusal=refusal):
            pass
        case Conflicted(clashes=clashes):
            return "conflict", str(clashes)
        case _:
            refusal = None
    return (refusal.code, refusal.message) if refusal is not None else None


def read_judgement(judgement: Judgement) -> Answer:
    """Return the refusal in a judgement."""
    refusal = judgement.refusal
    return (refusal.code, refusal.message) if refusal is not None else None


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(_steps)
async def test_a_dry_run_predicts_the_result_of_the_command(
    repo: Repo, steps: list[tuple[Any, ...]]
) -> None:
    assert isinstance(repo.objects, SealableStore)
    operator = DryRunOperator(repo, repo.objects, names.parse(f"z{next(_numbers)}.example."))
    await operator.start()
    for step in steps:
        await operator.take(step)


def make_large_zone(text: str, hosts: int) -> list[RRset]:
    """Return a zone with so many more names that its objects do not fit one message."""
    words = " ".join(f'"{"x" * 255}"' for _ in range(4))
    lines = [f"h{number:05d} IN TXT {words}\n" for number in range(hosts)]
    return list(reader.read("".join([text, *lines]).encode(), ZONE).rrsets.values())


class JudgementCounter:
    """A ref store that counts requests to judge, and for the basis of a judgement."""

    def __init__(self, refs: RefStore) -> None:
        self._refs = refs
        self.judged: list[list[RawObject]] = []
        self.bases = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._refs, name)

    async def judge(self, *arguments: Any, **named: Any) -> None:
        self.judged.append(list(arguments[4]))
        await self._refs.judge(*arguments, **named)

    async def basis(self, ref: RefName, about: Collection[ObjectId] = ()) -> Basis:
        self.bases += 1
        return await self._refs.basis(ref, about)


@pytest.mark.parametrize(
    ("text", "code"), [(FOO, None), (FOO.replace("      IN NS  ns1\n", ""), "unsafe")]
)
async def test_a_change_too_large_for_a_message_is_judged_by_the_client(
    foo: TwoOperators, text: str, code: str | None
) -> None:
    asked = JudgementCounter(foo.repo.refs)
    repo = msgspec.structs.replace(foo.repo, refs=asked)
    at = await heads.find_position(repo)
    plan = change_plan.plan_replacement(make_large_zone(text, 1_000), ZONE)
    meant = Intent("i", "import", imports=True, on_conflict=OnConflict.FAIL)
    preview = await commit_loop.commit(repo, at, plan, msgspec.structs.replace(meant, dry_run=True))
    assert isinstance(preview, Preview)
    assert preview.judgement.judged_by == "client"
    assert (asked.judged, asked.bases) == ([], 1)
    assert await run_to_answer(commit_loop.commit(repo, at, plan, meant)) == read_judgement(
        preview.judgement
    )
    assert (preview.judgement.refusal.code if preview.judgement.refusal else None) == code


async def test_all_new_objects_are_sent_to_refs_for_a_judgement(foo: TwoOperators) -> None:
    asked = JudgementCounter(foo.repo.refs)
    repo = msgspec.structs.replace(foo.repo, refs=asked)
    text = f"{FOO}text IN TXT {' '.join([chr(34) + 'x' * 255 + chr(34)] * 200)}\n"
    zone = reader.read((text + text.replace("text", "more")).encode(), ZONE)
    plan = change_plan.plan_replacement(list(zone.rrsets.values()), ZONE)
    dry = Intent("i", "import", imports=True, dry_run=True)
    preview = await commit_loop.commit(repo, await heads.find_position(repo), plan, dry)
    assert isinstance(preview, Preview)
    assert preview.judgement == Judgement(None, "refs")
    (sent,) = asked.judged
    assert list(sent) == preview.objects


async def test_a_plan_and_a_review_report_the_judgement_of_refs(foo: TwoOperators) -> None:
    repo, at = foo.repo, await heads.find_position(foo.repo)
    plan = change_plan.plan_edits([Delete(ZONE, rrtypes.NS)], ZONE)
    saved, _ = await saved_plan.make_plan(repo, at, plan, is_import=False)
    assert saved.deltas
    assert saved.judgement is not None
    assert isinstance(saved.judgement.refusal, Unsafe)
    await branches.create(repo, ZONE, "bare", at.commit())
    forced = Intent("f", "set", force=True, reason="a test")
    there = await heads.find_position(repo, ZONE, "bare")
    theirs = check_committed(await commit_loop.commit(repo, there, plan, forced))
    review = await proposals.review(repo, at, theirs.commit)
    assert isinstance(review.outcome, Preview)
    assert isinstance(review.outcome.judgement.refusal, Unsafe)


async def test_a_dry_run_of_signing_a_tip_is_judged_too(foo: TwoOperators) -> None:
    at = await refish.resolve(foo.repo, "HEAD")
    refs = await foo.repo.refs.zone(ZONE, "alice")
    signed = await sign.sign_tip(foo.repo, at, lambda payload: "AAAA", dry_run=True)
    assert signed.judgement == Judgement(None, "refs")
    assert await foo.repo.refs.zone(ZONE, "alice") == refs


class RacingRefs:
    """A ref store in which a branch moves just before the first request about it."""

    def __init__(self, refs: RefStore, meanwhile: Callable[[], Awaitable[object]]) -> None:
        self._refs = refs
        self._meanwhile: Callable[[], Awaitable[object]] | None = meanwhile

    def __getattr__(self, name: str) -> Any:
        return getattr(self._refs, name)

    async def judge(self, *arguments: Any, **named: Any) -> None:
        meanwhile, self._meanwhile = self._meanwhile, None
        if meanwhile is not None:
            await meanwhile()
        await self._refs.judge(*arguments, **named)


@pytest.mark.parametrize(("theirs", "code"), [("api", "conflict"), ("ns1", None)])
async def test_a_dry_run_that_lost_a_race_is_retried_like_the_command(
    foo: TwoOperators, theirs: str, code: str | None
) -> None:
    async def meanwhile() -> None:
        await foo.edit([Set(address(theirs, "192.0.2.99"))])

    repo = msgspec.structs.replace(foo.repo, refs=RacingRefs(foo.repo.refs, meanwhile))
    plan = change_plan.plan_edits([Set(address("api", "192.0.2.81"))], ZONE)
    dry = Intent("e", "set", dry_run=True)
    said = await run_to_answer(commit_loop.commit(repo, await heads.find_position(repo), plan, dry))
    assert (said[0] if said is not None else None) == code


async def test_a_request_denied_by_the_bus_is_a_refusal(foo: TwoOperators) -> None:
    class Denying(JudgementCounter):
        async def judge(self, *arguments: Any, **named: Any) -> None:
            raise Denied("the bus does not let this user ask that")

    repo = msgspec.structs.replace(foo.repo, refs=Denying(foo.repo.refs))
    plan = change_plan.plan_edits([Set(address("api", "192.0.2.81"))], ZONE)
    dry = Intent("e", "set", dry_run=True)
    preview = await commit_loop.commit(repo, await heads.find_position(repo), plan, dry)
    assert isinstance(preview, Preview)
    assert isinstance(preview.judgement.refusal, Denied)
