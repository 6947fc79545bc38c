"""From an edit to a commit: serials, races, signed zones, and errors."""

import asyncio
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest

from tests.unit.repo.conftest import FOO, ZONE, TwoOperators
from tests.unit.repo.zone_contents import address, addresses, check_committed
from zonegit.errors import Conflict, Corrupt, Invalid, Unsafe
from zonegit.objects import tree_node
from zonegit.objects.codec import encode
from zonegit.objects.ids import ObjectId, RawObject
from zonegit.objects.model import Blob, rrset_key, subtree_key
from zonegit.repo import heads, read_zone
from zonegit.repo.change import branches
from zonegit.repo.commit import change_plan, commit_loop
from zonegit.repo.commit.drafts import CommitBase, PlannedChange
from zonegit.repo.commit.edits import Delete, Set
from zonegit.repo.commit.intent import Intent, OnConflict
from zonegit.repo.commit.outcomes import Committed, Outcome
from zonegit.repo.heads import BranchPosition
from zonegit.repo.inspect import log
from zonegit.repo.repo import Repo
from zonegit.store.reader import Reader
from zonegit.store.ref_log import Moved, Origin
from zonegit.store.ref_names import RefName
from zonegit.store.refs import Expected, RefStore
from zonegit.zone import names, rrtypes
from zonegit.zone.rrset import RRset, rrset
from zonegit.zonefile import reader

API = names.parse("api.foo.com.")


async def test_an_import_into_an_empty_zone_takes_the_files_serial(foo: TwoOperators) -> None:
    position = await heads.find_position(foo.repo)
    assert position.tip is not None
    assert (position.branch, position.tip.serial) == ("main", 7)


async def test_an_edit_increments_the_serial_and_keeps_the_history(
    foo: TwoOperators,
) -> None:
    before = (await heads.find_position(foo.repo)).commit()
    edit = check_committed(await foo.edit([Set(address("api", "192.0.2.81"))]))
    assert (edit.before, edit.serial, edit.parent) == (7, 8, before)
    assert await addresses(foo, edit.commit, "api") == ["192.0.2.81"]
    assert await addresses(foo, before, "api") == ["192.0.2.80"]


async def test_an_edit_that_changes_nothing_makes_no_commit(foo: TwoOperators) -> None:
    assert await foo.edit([Set(address("api", "192.0.2.80"))]) is None


async def test_importing_an_equal_file_makes_no_commit(foo: TwoOperators) -> None:
    assert await foo.import_file(FOO) is None


async def test_a_commit_lists_the_soa_unless_only_its_serial_changes(foo: TwoOperators) -> None:
    later = FOO.replace(" 7 7200", " 2018 7200").replace("192.0.2.80", "192.0.2.81")
    done = check_committed(await foo.import_file(later))
    assert (done.serial, done.changes.keys()) == (2018, {(names.parse("api", ZONE), rrtypes.A)})
    mail = check_committed(await foo.import_file(later.replace("ns1 admin", "ns1 hostmaster")))
    assert (mail.serial, mail.changes.keys()) == (2019, {(ZONE, rrtypes.SOA)})


async def test_an_import_makes_the_zone_equal_the_file(foo: TwoOperators) -> None:
    changed = FOO.replace("www   IN CNAME api\n", "ftp   IN A 192.0.2.21\n")
    done = check_committed(await foo.import_file(changed))
    touched = {names.text(owner) for owner, _ in done.changes}
    assert (done.serial, touched) == (8, {"www.foo.com.", "ftp.foo.com."})


async def test_an_import_keeps_a_later_serial(foo: TwoOperators) -> None:
    assert (
        check_committed(await foo.import_file(FOO.replace(" 7 7200", " 2018 7200"))).serial == 2018
    )


async def test_a_branch_has_serials_of_its_own(foo: TwoOperators) -> None:
    tip = (await heads.find_position(foo.repo)).commit()
    await branches.create(foo.repo, ZONE, "canary", tip)
    edit = check_committed(await foo.edit([Set(address("api", "203.0.113.80"))], "canary"))
    main = await heads.find_position(foo.repo, ZONE, "main")
    assert edit.serial == 8
    assert (main.commit(), main.tip.serial if main.tip else None) == (tip, 7)


async def test_an_edit_of_a_zone_without_an_soa_is_refused(operators: TwoOperators) -> None:
    await heads.initialise(operators.repo, ZONE)
    with pytest.raises(Invalid, match="no SOA"):
        await operators.edit([Set(address("api", "192.0.2.80"))])


@dataclass
class RacingPlan:
    """A plan during which another client commits, between the read of the tip and its move."""

    operators: TwoOperators
    ours: change_plan.ChangePlanner
    theirs: RRset
    times: int = 1

    async def __call__(self, reader: Reader, tip: CommitBase) -> PlannedChange | None:
        if self.times:
            self.times -= 1
            await edit_as(self.operators.other, self.theirs)
        return await self.ours(reader, tip)


async def edit_as(repo: Repo, value: RRset) -> Committed:
    position = await heads.find_position(repo, ZONE)
    plan = change_plan.plan_edits([Set(value)], ZONE)
    return check_committed(await commit_loop.commit(repo, position, plan, Intent("theirs", "set")))


async def race(operators: TwoOperators, ours: RRset, theirs: RRset) -> Outcome:
    position = await heads.find_position(operators.repo, ZONE)
    plan = RacingPlan(operators, change_plan.plan_edits([Set(ours)], ZONE), theirs)
    return await commit_loop.commit(operators.repo, position, plan, Intent("ours", "set"))


async def test_edits_of_different_rrsets_are_replayed_after_a_lost_race(foo: TwoOperators) -> None:
    done = check_committed(await race(foo, address("a", "192.0.2.11"), address("b", "192.0.2.12")))
    assert (done.replayed, done.serial) == (1, 9)
    assert await addresses(foo, done.commit, "a") == ["192.0.2.11"]
    assert await addresses(foo, done.commit, "b") == ["192.0.2.12"]


async def test_a_lost_race_for_one_rrset_names_the_new_tip(foo: TwoOperators) -> None:
    with pytest.raises(Conflict, match=r"api\.foo\.com\. A was changed meanwhile") as caught:
        await race(foo, address("api", "192.0.2.11"), address("api", "192.0.2.12"))
    now = (await heads.find_position(foo.repo)).commit()
    assert caught.value.details["tip"] == now.hex()
    assert await addresses(foo, now, "api") == ["192.0.2.12"]


async def test_an_import_is_never_replayed_on_another_tip(foo: TwoOperators) -> None:
    position = await heads.find_position(foo.repo, ZONE)
    text = FOO.replace("192.0.2.80", "192.0.2.99")
    rrsets = list(reader.read(text.encode(), ZONE).rrsets.values())
    plan = RacingPlan(foo, change_plan.plan_replacement(rrsets, ZONE), address("b", "192.0.2.12"))
    intent = Intent("i", "import", imports=True, on_conflict=OnConflict.FAIL)
    with pytest.raises(Conflict):
        await commit_loop.commit(foo.repo, position, plan, intent)


class TurnRecorder:
    """A ref store; ``turns`` are the turns that its moves requested."""

    def __init__(self, refs: RefStore) -> None:
        self._refs = refs
        self.turns: list[str | None] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._refs, name)

    async def move(
        self, ref: RefName, expected: Expected, new: ObjectId, origin: Origin, *objects: Any
    ) -> Moved:
        self.turns.append(origin.turn)
        return await self._refs.move(ref, expected, new, origin, *objects)


def record_turns(foo: TwoOperators, heard: TurnRecorder) -> TwoOperators:
    """Return the operators with the moves of the first one recorded."""
    overheard = msgspec.structs.replace(foo.repo, refs=heard)
    return TwoOperators(overheard, foo.other)


async def test_a_retry_after_a_lost_race_uses_one_turn_throughout(
    foo: TwoOperators,
) -> None:
    heard = TurnRecorder(foo.repo.refs)
    overheard = record_turns(foo, heard)
    await race(overheard, address("a", "192.0.2.11"), address("b", "192.0.2.12"))
    first, second = heard.turns
    assert first is not None
    assert first == second


async def test_a_client_without_a_retry_requests_no_turn(foo: TwoOperators) -> None:
    heard = TurnRecorder(foo.repo.refs)
    await record_turns(foo, heard).import_file(FOO.replace("192.0.2.80", "192.0.2.99"))
    assert heard.turns == [None]


async def test_racing_edits_are_neither_lost_nor_repeated(foo: TwoOperators) -> None:
    async def writer(repo: Repo, prefix: str) -> None:
        for number in range(10):
            await edit_as(repo, address(f"{prefix}{number}", f"192.0.2.{number}"))

    async with asyncio.TaskGroup() as group:
        group.create_task(writer(foo.repo, "alice"))
        group.create_task(writer(foo.other, "bob"))
    position = await heads.find_position(foo.repo, ZONE)
    reader = Reader(foo.repo.objects)
    history = [each async for each in log.iter_log(foo.repo, reader, position.commit(), ZONE)]
    assert len(history) == 21
    assert all(len(each.commit.parents) <= 1 for each in history)
    assert position.tip is not None
    assert position.tip.serial == 27


SIGNED = FOO + (
    "@ IN RRSIG SOA 8 2 300 20300101000000 20200101000000 1 foo.com. AAAA\n"
    "api IN RRSIG A 8 3 300 20300101000000 20200101000000 1 foo.com. AAAA\n"
)


async def test_editing_a_signed_zone_needs_force_and_the_signatures_are_named(
    foo: TwoOperators,
) -> None:
    await foo.import_file(SIGNED.replace(" 7 7200", " 8 7200"))
    with pytest.raises(Unsafe, match=r"signatures of api\.foo\.com\. A"):
        await foo.edit([Set(address("api", "192.0.2.81"))])
    forced = check_committed(await foo.edit([Set(address("api", "192.0.2.81"))], force=True))
    assert forced.serial == 8


async def test_importing_a_signed_zone_needs_a_later_serial(
    foo: TwoOperators,
) -> None:
    await foo.import_file(SIGNED.replace(" 7 7200", " 8 7200"))
    changed = SIGNED.replace("192.0.2.80", "192.0.2.81")
    with pytest.raises(Unsafe, match="serial 8 is not later"):
        await foo.import_file(changed.replace(" 7 7200", " 8 7200"))
    assert check_committed(await foo.import_file(changed.replace(" 7 7200", " 9 7200"))).serial == 9


async def test_deleting_a_name_leaves_no_empty_tree(foo: TwoOperators) -> None:
    before = (await heads.find_position(foo.repo)).commit()
    deep = rrset(names.parse("a.b.c.foo.com."), rrtypes.A, 300, [b"\1\2\3\4"])
    await foo.edit([Set(deep)])
    gone = check_committed(await foo.edit([Delete(deep.owner)]))
    reader = Reader(foo.repo.objects)
    trees = [(await read_zone.read_commit(reader, each)).tree for each in (before, gone.commit)]
    zones = [await read_zone.read_whole_zone(reader, tree) for tree in trees]
    soa = (ZONE, rrtypes.SOA)
    kept = [{r for r in zone if (r.owner, r.rdtype) != soa} for zone in zones]
    assert kept[0] == kept[1]


async def test_a_position_on_an_unborn_branch_has_no_commit(operators: TwoOperators) -> None:
    await heads.initialise(operators.repo, ZONE)
    position = await heads.find_position(operators.repo)
    assert position == BranchPosition(ZONE, "main", None)


async def test_a_tree_with_one_rrset_twice_is_not_listed(foo: TwoOperators) -> None:
    """A hundred objects can contain one 2^100 times."""
    out: list[RawObject] = []
    blob = encode(Blob(rrset(ZONE, rrtypes.A, 300, [bytes(4)])))
    tree = tree_node.build({rrset_key(rrtypes.A): blob.id}, out)
    for _ in range(100):
        tree = tree_node.build({subtree_key(b"a"): tree, subtree_key(b"b"): tree}, out)
    await foo.repo.objects.put([blob, *out])
    with pytest.raises(Corrupt, match="two names"):
        await read_zone.read_whole_zone(Reader(foo.repo.objects), tree)
