"""The check of a whole store finds real damage."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from tests.support.earlier_release import accept_any_tip
from tests.support.forge import Forge, entry, label
from tests.support.zone_removal import remove_zone
from tests.unit.repo.conftest import FOO, ZONE
from zonegit.objects import zone_tree
from zonegit.objects.codec import encode
from zonegit.objects.ids import CommitId, ObjectId
from zonegit.objects.model import Blob, Commit, Doc, Identity, Tree, rrset_key, subtree_key
from zonegit.repo import heads, read_zone
from zonegit.repo.change import tags
from zonegit.repo.commit import change_plan, commit_loop, edits
from zonegit.repo.commit.drafts import CommitBase, PlannedChange
from zonegit.repo.commit.intent import Intent
from zonegit.repo.commit.outcomes import Committed
from zonegit.repo.inspect import fsck, object_walk
from zonegit.repo.inspect.fsck_report import FsckReport
from zonegit.repo.repo import Repo
from zonegit.store import ref_names
from zonegit.store.objects import ObjectStore
from zonegit.store.reader import Reader
from zonegit.store.refs import Anything
from zonegit.zone import names
from zonegit.zone.rrset import RRset, rrset
from zonegit.zone.rrtypes import NUMBERS, SOA, A
from zonegit.zonefile import reader
from zonegit_objectstore.sql.objects import open_objects
from zonegit_refs.keeper import RefKeeper
from zonegit_refs.sql.refs import open_refs

WHO = Identity("alice", "alice@example.net", 1_795_232_912)


class DamageableRepository:
    """A repository whose objects are in a file that can be damaged."""

    def __init__(self, repo: Repo, path: Path) -> None:
        self.repo = repo
        self.path = path

    async def import_file(self, text: str) -> Committed:
        rrsets = list(reader.read(text.encode(), ZONE).rrsets.values())
        return await self.committed(change_plan.plan_replacement(rrsets, ZONE), imports=True)

    async def edit(self, *todo: edits.RRsetEdit) -> Committed:
        return await self.committed(change_plan.plan_edits(todo, ZONE))

    async def committed(
        self, plan: change_plan.ChangePlanner, *, imports: bool = False
    ) -> Committed:
        at = await heads.find_position(self.repo, ZONE)
        made = await commit_loop.commit(self.repo, at, plan, Intent("m", "set", imports=imports))
        assert isinstance(made, Committed)
        return made

    async def blob(self, commit: CommitId, name: str, rdtype: int) -> ObjectId:
        reader = Reader(self.repo.objects)
        tree = (await read_zone.read_commit(reader, commit)).tree
        path = names.path(names.parse(name, ZONE), ZONE)
        found = await reader.answer(zone_tree.find_one(tree, path, rdtype))
        assert found is not None
        return found

    def spoil(self, statement: str, object_id: ObjectId) -> None:
        with closing(sqlite3.connect(self.path)) as other, other:
            assert other.execute(statement, (object_id,)).rowcount == 1

    def delete(self, object_id: ObjectId) -> None:
        self.spoil("DELETE FROM object WHERE id = ?", object_id)

    def alter(self, object_id: ObjectId) -> None:
        longer = "CAST(payload || x'00' AS BLOB)"
        self.spoil(f"UPDATE object SET payload = {longer} WHERE id = ?", object_id)

    async def checked(self) -> FsckReport:
        return await fsck.check(self.repo)


@pytest.fixture
async def stored(tmp_path: Path) -> AsyncIterator[DamageableRepository]:
    path = tmp_path / "objects.sqlite3"
    async with open_objects(path) as objects, open_refs(tmp_path / "refs.sqlite3") as refs:
        keeper = RefKeeper(refs, objects, lambda objects, entries: None)
        repo = Repo(objects, keeper, "alice", lambda: WHO)
        await heads.initialise(repo, ZONE)
        yield DamageableRepository(repo, path)


def address(name: str, last: int) -> RRset:
    return rrset(names.parse(name, ZONE), A, 300, [bytes((192, 0, 2, last))])


async def test_every_object_of_an_undamaged_store_is_reached(stored):
    await stored.import_file(FOO)
    await stored.edit(edits.Set(address("a.b.c", 1)))
    report = await stored.checked()
    assert report.is_clean
    assert report.dangling == {}
    assert report.reached == report.stored > 10


async def test_the_heads_of_a_new_store_are_checked(stored):
    report = await stored.checked()
    assert (report.is_clean, report.reached, report.stored) == (True, 1, 1)


async def test_unreferenced_objects_are_counted_by_kind_and_are_not_damage(stored):
    await stored.import_file(FOO)
    await stored.repo.objects.put([encode(Blob(address("x", 1))), encode(Doc({"n": 1}))])
    report = await stored.checked()
    assert report.is_clean
    assert report.dangling == {"blob": 1, "doc": 1}


@pytest.mark.parametrize(("damage", "why"), [("alter", "corrupt"), ("delete", "missing")])
async def test_a_broken_rrset_is_named_by_zone_owner_type_and_commit(stored, damage, why):
    await stored.import_file(FOO)
    made = await stored.edit(edits.Set(address("a.b.c", 1)))
    blob = await stored.blob(made.commit, "a.b.c", A)
    getattr(stored, damage)(blob)
    report = await stored.checked()
    (broken,) = report.broken
    assert (broken.id, broken.expected, broken.fault) == (blob, ("blob",), f"it is {why}")
    assert (names.text(broken.owner), broken.rdtype) == ("a.b.c.foo.com.", A)
    assert (broken.commit, broken.ref.path()) == (made.commit, "refs/heads/foo.com./main")


async def test_a_broken_tree_is_named_by_its_name_in_the_zone(stored):
    made = await stored.import_file(FOO.replace("www ", "www.sub"))
    reader = Reader(stored.repo.objects)
    tree = (await read_zone.read_commit(reader, made.commit)).tree
    sub = await reader.answer(zone_tree.find_subtree(tree, (b"sub",)))
    stored.delete(sub)
    (broken,) = (await stored.checked()).broken
    assert (broken.expected, broken.rdtype) == (("tree",), None)
    assert names.text(broken.owner) == "sub.foo.com."


async def test_a_missing_commit_is_named_by_its_child(stored):
    """The log does not name it: the branch only had the last commit of its series."""
    first = await stored.import_file(FOO)
    tree = (await read_zone.read_commit(Reader(stored.repo.objects), first.commit)).tree
    inner = encode(Commit(tree, (first.commit,), WHO, WHO, "m"))
    last = encode(Commit(tree, (CommitId(inner.id),), WHO, WHO, "m"))
    await stored.repo.objects.put([inner, last])
    await moved_to(stored, CommitId(last.id))
    stored.delete(inner.id)
    (broken,) = (await stored.checked()).broken
    assert (broken.id, broken.commit, broken.owner) == (inner.id, last.id, None)


async def test_a_missing_commit_that_a_branch_once_had_is_named_by_the_branch(stored):
    first = await stored.import_file(FOO)
    await stored.edit(edits.Set(address("new", 1)))
    stored.delete(first.commit)
    (broken,) = (await stored.checked()).broken
    assert (broken.id, broken.ref.path()) == (first.commit, "refs/heads/foo.com./main")


async def test_all_damage_is_found_at_once(stored):
    made = await stored.import_file(FOO)
    wrong = [await stored.blob(made.commit, name, A) for name in ("api", "ns1")]
    stored.alter(wrong[0])
    stored.delete(wrong[1])
    soa = await stored.blob(made.commit, "@", SOA)
    stored.alter(soa)
    report = await stored.checked()
    assert {each.id for each in report.broken} == {*wrong, soa}
    assert report.count == 3
    assert report.dangling == {}


async def test_a_wide_zone_is_walked_and_its_names_are_reported(stored):
    await stored.import_file(FOO + "".join(f"h{n} A 192.0.2.1\n" for n in range(2_500)))
    made = (await heads.find_position(stored.repo, ZONE)).commit()
    stored.delete(await stored.blob(made, "h777", A))
    (broken,) = (await stored.checked()).broken
    assert names.text(broken.owner) == "h777.foo.com."


async def test_commits_named_only_by_the_log_are_checked_too(stored):
    """Undo and ``@{}`` may return to it."""
    first = await stored.import_file(FOO)
    made = await stored.edit(edits.Set(address("gone", 1)))
    blob = await stored.blob(made.commit, "gone", A)
    at = await heads.find_position(stored.repo, ZONE)
    back = stored.repo.origin("reset", force=True)
    await stored.repo.refs.move(at.ref, at.expected, first.commit, back)
    assert (await stored.checked()).dangling == {}
    stored.alter(blob)
    report = await stored.checked()
    assert [(each.id, each.is_past) for each in report.broken] == [(blob, True)]
    assert (report.count, report.past_count) == (0, 1)
    assert report.is_clean


async def test_removed_zones_are_checked_through_the_log(stored):
    made = await stored.import_file(FOO)
    await remove_zone(stored.repo.refs, ZONE, stored.repo.origin("remove", force=True))
    stored.alter(made.commit)
    (broken,) = (await stored.checked()).broken
    assert (broken.id, broken.is_past) == (made.commit, True)


async def accept(
    stored: DamageableRepository, forge: Forge, tree: ObjectId, branch: str = "main"
) -> CommitId:
    """Move a branch to a tree that later releases refuse."""
    commit = forge.commit(tree)
    await stored.repo.objects.put(forge.objects)
    force = msgspec.structs.replace(stored.repo.origin("set", force=True), reason="a test")
    with accept_any_tip():
        await stored.repo.refs.move(ref_names.branch(ZONE, branch), Anything(), commit, force)
    return commit


async def test_the_flaws_of_a_tip_are_reported_once_with_the_ref(
    stored: DamageableRepository,
) -> None:
    await stored.import_file(FOO)
    forge = Forge(ZONE)
    both = {"A": "192.0.2.9", "CNAME": "www"}
    alias = {entry(each): forge.text("x", each, record) for each, record in both.items()}
    hosts = {label("x"): forge.tree(alias)}
    first = await accept(stored, forge, forge.apex(20, hosts))
    stranger = forge.tree({entry("A"): forge.text("y", "A", "192.0.2.9")})
    second = await accept(stored, forge, forge.apex(21, {**hosts, label("z"): stranger}), "other")
    report = await stored.checked()
    assert report.broken == []
    assert not report.is_clean
    assert [(each.ref.path(), each.commit, each.flaw.message) for each in report.flawed] == [
        ("refs/heads/foo.com./main", first, "x.foo.com. has a CNAME and other data (A)"),
        ("refs/heads/foo.com./other", second,
         "y.foo.com. A is stored in place of z.foo.com. A"),
    ]  # fmt: skip
    assert report.flawed_count == 2


async def test_a_tip_that_readers_refuse_has_a_flaw(stored: DamageableRepository) -> None:
    await stored.import_file(FOO)
    forge = Forge(ZONE)
    below = forge.tree({entry("A"): forge.text("x", "A", "192.0.2.9")})
    for _ in range(40):
        below = forge.tree({label("a"): below, label("b"): below})
    await accept(stored, forge, forge.apex(20, {label("x"): below}))
    (flawed,) = (await stored.checked()).flawed
    assert "at two names of one zone" in flawed.flaw.message


async def test_a_broken_object_is_not_also_a_flaw(stored: DamageableRepository) -> None:
    made = await stored.import_file(FOO)
    stored.alter((await read_zone.read_commit(Reader(stored.repo.objects), made.commit)).tree)
    report = await stored.checked()
    assert (report.count, report.flawed_count) == (1, 0)


async def test_an_object_of_the_wrong_kind_is_reported(stored):
    soa = reader.read(FOO.encode(), ZONE).rrsets[ZONE, SOA]
    blob = encode(Blob(soa))
    inner = encode(Tree({rrset_key(SOA): blob.id}))
    tree = encode(Tree({subtree_key(b"x"): blob.id, rrset_key(SOA): blob.id}))
    liar = encode(Tree({rrset_key(SOA): blob.id, rrset_key(A): inner.id}))
    assert tree.id != liar.id
    made = encode(Commit(tree.id, (), WHO, WHO, "m"))
    later = encode(Commit(liar.id, (CommitId(made.id),), WHO, WHO, "m"))
    await stored.repo.objects.put([blob, inner, tree, liar, made, later])
    with accept_any_tip():
        await moved_to(stored, CommitId(later.id))
    report = await stored.checked()
    found = {(each.id, each.expected, each.fault) for each in report.broken}
    assert found == {(blob.id, ("tree",), "it is a blob"), (inner.id, ("blob",), "it is a tree")}


async def test_a_type_without_a_mnemonic_is_shown_by_its_number(stored):
    made = await stored.import_file(FOO + "odd TYPE65400 \\# 1 aa\n")
    stored.alter(await stored.blob(made.commit, "odd", 65400))
    (broken,) = (await stored.checked()).broken
    assert broken.rdtype == 65400


async def test_tags_and_their_commits_are_checked(stored):
    made = await stored.import_file(FOO)
    await tags.create(stored.repo, ZONE, "v1", made.commit, "released")
    assert (await stored.checked()).is_clean
    tip = (await stored.repo.refs.zone(ZONE, "alice")).tags["v1"]
    stored.alter(tip.target)
    (broken,) = (await stored.checked()).broken
    assert (broken.expected, broken.ref.path()) == (("tag", "commit"), "refs/tags/foo.com./v1")


async def test_damage_beyond_the_bound_is_counted(stored, monkeypatch):
    monkeypatch.setattr(object_walk, "MAX_REPORTED", 1)
    made = await stored.import_file(FOO)
    for name, rdtype in (("api", A), ("ns1", A), ("www", NUMBERS["CNAME"])):
        stored.alter(await stored.blob(made.commit, name, rdtype))
    report = await stored.checked()
    assert (len(report.broken), report.count) == (1, 3)


async def moved_to(stored: DamageableRepository, commit: CommitId) -> None:
    at = await heads.find_position(stored.repo, ZONE)
    objects: ObjectStore = stored.repo.objects
    assert await objects.missing([commit]) == set()
    origin = stored.repo.origin("test", force=True)
    await stored.repo.refs.move(at.ref, at.expected, commit, origin)


async def test_two_spellings_of_an_earlier_release_are_named_and_are_not_damage(
    stored: DamageableRepository,
) -> None:
    await stored.import_file(FOO)
    owner = names.parse("mail", ZONE)
    twins = RRset(owner, NUMBERS["PTR"], 300, (b"\1A\0", b"\1a\0"))

    async def plan(_reader: Reader, _tip: CommitBase) -> PlannedChange:
        return PlannedChange({(owner, twins.rdtype): twins}, {(owner, twins.rdtype)})

    made = await stored.committed(plan)
    report = await stored.checked()
    assert report.is_clean
    (noticed,) = report.noticed
    assert noticed.finding.rule == "case-twins"
    assert noticed.id == await stored.blob(made.commit, "mail", twins.rdtype)
    assert (noticed.commit, noticed.ref.path()) == (made.commit, "refs/heads/foo.com./main")
    assert report.noticed_count == 1
