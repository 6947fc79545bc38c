"""Deletion by pattern: what matches, in which order, and what a lost race changes."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.repo.conftest import ZONE, TwoOperators
from tests.unit.repo.zone_contents import address, check_committed, tip
from zonegit.errors import Conflict, Corrupt, Invalid, NotFound
from zonegit.objects import tree_lookup, walk, zone_tree
from zonegit.objects.codec import decode
from zonegit.objects.ids import ObjectId, RawObject
from zonegit.repo import heads, read_zone
from zonegit.repo.commit import change_plan, commit_loop
from zonegit.repo.commit.change_plan import ChangePlanner
from zonegit.repo.commit.drafts import CommitBase, PlannedChange
from zonegit.repo.commit.edits import DeleteMatching, Edit, Set
from zonegit.repo.commit.intent import Intent
from zonegit.repo.commit.outcomes import Committed, Preview
from zonegit.store.reader import Reader
from zonegit.zone import name_pattern, names, rrtypes
from zonegit.zone.rrset import RRset, rrset


def matching(text: str, rdtype: int | None = None) -> DeleteMatching:
    pattern = name_pattern.parse(text, ZONE)
    assert pattern is not None
    return DeleteMatching(pattern, rdtype)


def txt(owner: str) -> RRset:
    return rrset(names.parse(owner, ZONE), rrtypes.TXT, 300, [b"\1x"])


async def commit(operators: TwoOperators, *todo: Edit) -> Committed:
    at = await heads.find_position(operators.repo, ZONE)
    plan = change_plan.plan_edits(todo, ZONE)
    return check_committed(await commit_loop.commit(operators.repo, at, plan, Intent("m", "x")))


async def list_names(operators: TwoOperators) -> list[str]:
    reader = Reader(operators.repo.objects)
    tree = await read_zone.read_tree(reader, await tip(operators))
    rrsets = await read_zone.read_whole_zone(reader, tree)
    return sorted({names.relative_text(each.owner, ZONE) for each in rrsets})


@pytest.fixture
async def lab(foo: TwoOperators) -> TwoOperators:
    """Return foo.com. with names to match, some below a zone cut."""
    owners = ["dhcp-1", "dhcp-2", "dhcp-1.lab", "dhcp-2.lab", "dhcp", "*.lab", "*"]
    ns = rrset(names.parse("lab", ZONE), rrtypes.NS, 300, [names.parse("ns1", ZONE)])
    await foo.edit([Set(ns), *(Set(address(each, "192.0.2.7")) for each in owners)])
    await foo.edit([Set(txt("dhcp-1"))])
    return foo


async def test_all_matching_names_are_deleted_and_counted(lab: TwoOperators) -> None:
    made = await commit(lab, matching("dhcp-*"))
    left = ["*", "*.lab", "@", "api", "dhcp", "dhcp-1.lab", "dhcp-2.lab", "lab", "ns1", "www"]
    assert await list_names(lab) == left
    (note,) = [each for each in made.findings if each.rule == "pattern-matches"]
    assert note.severity == "note"
    assert note.message == "'dhcp-*' deletes 3 RRsets of 2 names"


async def test_names_below_a_zone_cut_match(lab: TwoOperators) -> None:
    await commit(lab, matching("dhcp-*.lab"))
    assert "dhcp-1.lab" not in await list_names(lab)
    assert "dhcp-1" in await list_names(lab)


async def test_one_type_is_deleted(lab: TwoOperators) -> None:
    made = await commit(lab, matching("dhcp-*", rrtypes.TXT))
    assert set(made.changes or ()) == {(names.parse("dhcp-1", ZONE), rrtypes.TXT)}
    assert "'dhcp-*' deletes 1 RRset of 1 name" in [each.message for each in made.findings]


async def test_the_apex_and_its_soa_never_match(lab: TwoOperators) -> None:
    with pytest.raises(NotFound, match=r"no name in foo\.com\. matches '\*\*' with SOA records"):
        await commit(lab, matching("**", rrtypes.SOA))
    await lab.edit([matching("**.lab"), matching("**")], force=True, reason="a test")
    assert await list_names(lab) == ["@"]


async def test_nothing_matched_is_an_error(lab: TwoOperators) -> None:
    with pytest.raises(NotFound, match=r"no name in foo\.com\. matches 'x\*'"):
        await commit(lab, matching("x*"))
    with pytest.raises(NotFound, match=r"no name .* matches 'dhcp-\*' with AAAA records"):
        await commit(lab, matching("dhcp-*", rrtypes.AAAA))


async def test_edits_apply_in_order(lab: TwoOperators) -> None:
    new, again = address("dhcp-3", "192.0.2.9"), address("dhcp-1", "192.0.2.10")
    await commit(lab, Set(new), matching("dhcp-*"), Set(again))
    found = await list_names(lab)
    assert [each for each in found if each.startswith("dhcp-") and "." not in each] == ["dhcp-1"]
    with pytest.raises(NotFound):
        await commit(lab, matching("dhcp-*"), matching("dhcp-*"))


async def test_too_many_patterns_are_refused(lab: TwoOperators) -> None:
    with pytest.raises(Invalid, match="more than 20 patterns"):
        await commit(lab, *[matching("dhcp-*")] * 21)


@dataclass
class RacedDeletion:
    """A plan during which another client commits, between the read of the tip and its move."""

    operators: TwoOperators
    ours: ChangePlanner
    theirs: RRset
    times: int = 1

    async def __call__(self, reader: Reader, tip: CommitBase) -> PlannedChange | None:
        if self.times:
            self.times -= 1
            at = await heads.find_position(self.operators.other, ZONE)
            plan = change_plan.plan_edits([Set(self.theirs)], ZONE)
            await commit_loop.commit(self.operators.other, at, plan, Intent("theirs", "set"))
        return await self.ours(reader, tip)


async def race(operators: TwoOperators, theirs: RRset, intent: Intent) -> object:
    at = await heads.find_position(operators.repo, ZONE)
    ours = change_plan.plan_edits([matching("dhcp-*")], ZONE)
    plan = RacedDeletion(operators, ours, theirs)
    return await commit_loop.commit(operators.repo, at, plan, intent)


async def test_a_name_that_was_added_meanwhile_matches_too(lab: TwoOperators) -> None:
    made = await race(lab, address("dhcp-9", "192.0.2.9"), Intent("ours", "delete"))
    assert isinstance(made, Committed)
    assert made.replayed == 1
    assert not any(each.startswith("dhcp-") and "." not in each for each in await list_names(lab))
    assert "'dhcp-*' deletes 4 RRsets of 3 names" in [each.message for each in made.findings]


async def test_a_matched_name_that_was_changed_meanwhile_is_a_conflict(lab: TwoOperators) -> None:
    with pytest.raises(Conflict, match=r"dhcp-1\.foo\.com\. A was changed meanwhile"):
        await race(lab, address("dhcp-1", "192.0.2.9"), Intent("ours", "delete"))
    assert "dhcp-1" in await list_names(lab)


async def test_a_dry_run_counts_and_deletes_nothing(lab: TwoOperators) -> None:
    at = await heads.find_position(lab.repo, ZONE)
    plan = change_plan.plan_edits([matching("dhcp-*")], ZONE)
    shown = await commit_loop.commit(lab.repo, at, plan, Intent("m", "delete", dry_run=True))
    assert isinstance(shown, Preview)
    assert "'dhcp-*' deletes 3 RRsets of 2 names" in [each.message for each in shown.findings]
    assert "dhcp-1" in await list_names(lab)


def build(
    paths: dict[tuple[tuple[bytes, ...], int], ObjectId | None],
) -> tuple[ObjectId, list[RawObject]]:
    objects: list[RawObject] = []
    root = walk.run(zone_tree.update(None, paths, objects), {})
    assert root is not None
    return root, objects


_label = st.text("ab*", min_size=1, max_size=3).map(str.encode)
_paths = st.lists(st.lists(_label, max_size=3).map(tuple), min_size=1, max_size=12)


@given(_paths, st.lists(st.text("ab*", min_size=1, max_size=3), min_size=1, max_size=3))
def test_the_walk_finds_what_a_search_of_all_names_finds(
    paths: list[tuple[bytes, ...]], labels: list[str]
) -> None:
    pattern = name_pattern.parse(".".join(labels), ZONE)
    if pattern is None:
        return
    placed = {
        (path, 1 + index % 2): ObjectId(bytes([index + 1]) * 32) for index, path in enumerate(paths)
    }
    root, objects = build(dict(placed))
    known = {raw.id: decode(raw) for raw in objects}
    for rdtype in (None, 1, 2):
        found = walk.run(tree_lookup.list_matching(root, pattern, rdtype), known)
        wanted = {path for path, each in placed if pattern.matches(path) and rdtype in (None, each)}
        assert len(found) == len(set(found))
        assert set(found) == wanted


def test_a_tree_at_two_names_is_refused() -> None:
    both = {((label, b"b"), 1): ObjectId(b"1" * 32) for label in (b"x1", b"x2")}
    root, objects = build(dict(both))
    known = {raw.id: decode(raw) for raw in objects}
    pattern = name_pattern.parse("a.**.x*", ZONE)
    assert pattern is not None
    with pytest.raises(Corrupt):
        walk.run(tree_lookup.list_matching(root, pattern, None), known)
