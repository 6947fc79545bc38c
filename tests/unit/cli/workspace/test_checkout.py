"""Check out zones: the files that are written, and the errors after which none is."""

import os
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tests.support.strategies import paths, plain, zone_names
from tests.unit.cli.workspace.conftest import EXAMPLE, REVERSE, SUB, ZONES, Desk
from tests.unit.repo.conftest import FOO

from zonegit.errors import Conflict, Invalid, NotFound
from zonegit.objects.codec import encode
from zonegit.objects.ids import CommitId
from zonegit.objects.model import Commit, Identity
from zonegit.repo import heads
from zonegit.repo.change import branches, tags
from zonegit.repo.commit import change_plan
from zonegit.store.memory import MemoryObjects
from zonegit.store.refs import RefStore, ZoneRefs
from zonegit.zone import names, rrtypes
from zonegit.zone.names import Name
from zonegit.zone.rrset import RRset, rrset
from zonegit.zonefile import reader
from zonegit.zonefile.zone_paths import OPERATOR_SCHEMES, Scheme
from zonegit_cli.workspace import checkout, file_status, working_tree
from zonegit_cli.workspace.checkout import RequestedZone, ZoneCheckout
from zonegit_cli.workspace.index import WorkspaceIndex


async def test_all_zones_are_written_if_none_is_named(desk: Desk) -> None:
    assert sorted(await desk.checkout()) == [
        "arpa/in-addr/192/0/2/0/25/db.zone", "com/example/db.zone", "com/example/sub/db.zone",
    ]  # fmt: skip
    found = reader.read((desk.root / "com/example/db.zone").read_bytes(), EXAMPLE)
    assert found.rrsets == reader.read(FOO.encode(), EXAMPLE).rrsets
    assert desk.states() == {}


class Overlapping:
    """A ref store that counts its concurrent reads of zones."""

    def __init__(self, store: RefStore) -> None:
        self._store = store
        self._now = self.most = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def zone(self, zone: Name, actor: str) -> ZoneRefs:
        self._now += 1
        self.most = max(self.most, self._now)
        try:
            return await self._store.zone(zone, actor)
        finally:
            self._now -= 1


async def test_zones_with_several_branches_are_read_concurrently(desk: Desk) -> None:
    repo = desk.operators.repo
    for zone in ZONES:
        await branches.create(repo, zone, "canary", await desk.tip(zone))
    refs = Overlapping(repo.refs)
    found = await checkout.resolve_zones(
        msgspec.structs.replace(repo, refs=refs), [], lambda said: None
    )
    assert [each.zone for each in found] == sorted(ZONES, key=names.canonical_key)
    assert refs.most == len(ZONES)


async def test_zones_without_a_commit_are_left_out_by_name(desk: Desk) -> None:
    await heads.initialise(desk.operators.repo, names.parse("empty.example."))
    *_, said = await desk.checkout()
    assert said == "left out: empty.example. has no commit yet"
    with pytest.raises(NotFound, match="no commit yet"):
        await desk.checkout("empty.example.")


async def test_a_zone_is_checked_out_at_the_branch_last_used(desk: Desk) -> None:
    repo = desk.operators.repo
    await branches.create(repo, EXAMPLE, "canary", await desk.tip(EXAMPLE))
    await branches.checkout(repo, EXAMPLE, "canary")
    await desk.checkout()
    assert [file.known.branch for file in desk.files([EXAMPLE, SUB])] == ["canary", "main"]


async def test_a_zone_at_a_tag_is_at_no_branch(desk: Desk) -> None:
    await tags.create(desk.operators.repo, EXAMPLE, "v1", await desk.tip(EXAMPLE), "v1")
    await desk.others_set(EXAMPLE, "new", "192.0.2.5")
    await desk.checkout("example.com@v1")
    (file,) = desk.files()
    assert (file.known.branch, file.known.refish) == (None, "v1")
    assert "192.0.2.5" not in desk.path(EXAMPLE).read_text()


@pytest.mark.parametrize(
    ("text", "zone", "refish"),
    [
        ("example.com", "example.com.", None),
        ("example.com@canary", "example.com.", "canary"),
        ("example.com@main@{3}", "example.com.", "main@{3}"),
        ("example.com@{10.minutes.ago}", "example.com.", "@{10.minutes.ago}"),
        (r"a\@b.example@v1", r"a\@b.example.", "v1"),
    ],
)
def test_a_zone_and_a_refish_are_parsed(text: str, zone: str, refish: str | None) -> None:
    assert checkout.parse_zone(text) == RequestedZone(names.parse(zone), refish)


@pytest.mark.parametrize("text", ["example.com@", "@main", ""])
def test_an_incomplete_zone_and_refish_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        checkout.parse_zone(text)


async def test_nothing_is_written_if_zones_collide(desk: Desk) -> None:
    other = names.parse("25.0.2.0.192.in-addr.arpa.")
    await heads.initialise(desk.operators.repo, other)
    await desk.operators.import_file(FOO, other)
    with pytest.raises(Conflict, match="collide"):
        await desk.checkout()
    assert not desk.root.exists()
    assert len(await desk.checkout(fresh=WorkspaceIndex(scheme="flat"))) == 4


async def test_a_zone_may_have_another_scheme_than_the_others(desk: Desk) -> None:
    await desk.checkout(fresh=WorkspaceIndex(particular={REVERSE: "flat"}))
    assert desk.path(REVERSE) == desk.root / "25.2.0.192.in-addr.arpa.zone"
    assert desk.path(EXAMPLE) == desk.root / "com/example/db.zone"


async def test_a_folder_with_other_files_is_refused(desk: Desk) -> None:
    desk.root.mkdir()
    (desk.root / "precious").write_text("mine")
    with pytest.raises(Conflict, match="not empty"):
        await desk.checkout()
    assert [each.name for each in desk.root.iterdir()] == ["precious"]


async def test_a_zone_can_be_added_later_unless_it_collides(desk: Desk) -> None:
    await desk.checkout("example.com")
    await desk.checkout("sub.example.com")
    assert [names.text(file.zone) for file in desk.files()] == ["example.com.", "sub.example.com."]
    await branches.create(desk.operators.repo, EXAMPLE, "canary", await desk.tip(EXAMPLE))
    with pytest.raises(Conflict, match=r"at main and example.com. at canary"):
        await desk.checkout("example.com@canary")


async def test_a_deleted_file_is_restored(desk: Desk) -> None:
    await desk.checkout()
    desk.path(EXAMPLE).unlink()
    assert await desk.checkout() == ["com/example/db.zone"]
    assert desk.states() == {}


async def test_an_existing_file_is_not_overwritten_and_nothing_else_is_written(desk: Desk) -> None:
    await desk.checkout("example.com")
    mine = desk.root / "com/example/sub/db.zone"
    mine.parent.mkdir()
    mine.write_text("mine")
    with pytest.raises(Conflict, match="would be overwritten"):
        await desk.checkout()
    assert mine.read_text() == "mine"
    assert not (desk.root / "arpa").exists()


async def test_an_interrupted_checkout_can_be_continued(desk: Desk) -> None:
    """The files exist, and the index does not have them."""
    await desk.checkout()
    with working_tree.open_workspace(desk.root, exclusive=True) as workspace:
        workspace.keep([], [EXAMPLE, SUB])
    assert desk.states() == {"example.com.": "new", "sub.example.com.": "new"}
    assert len(await desk.checkout()) == 2
    assert desk.states() == {}


async def test_a_commit_of_another_zone_is_refused(desk: Desk) -> None:
    other = await desk.others_set(SUB, "x", "192.0.2.1")
    with pytest.raises(Invalid, match=r"not a commit of example.com."):
        await desk.checkout(f"example.com@{other.hex()}")


types = st.sampled_from([1, 2, 16, 28, 65400])
contents = st.dictionaries(paths, st.sets(types, min_size=1), max_size=4)


def whole_zone(zone: Name, content: dict[names.Path, set[int]]) -> list[RRset]:
    soa = rrset(zone, rrtypes.SOA, 300, [plain(rrtypes.SOA)])
    others = [
        rrset(names.below(zone, path), rdtype, 300, [plain(rdtype)])
        for path, rdtypes in content.items()
        for rdtype in rdtypes
        if len(zone) + sum(len(label) + 1 for label in path) <= names.MAX_OCTETS
    ]
    return [soa, *others]


@settings(max_examples=50)
@given(
    st.dictionaries(zone_names, contents, min_size=1, max_size=4), st.sampled_from(OPERATOR_SCHEMES)
)
async def test_checked_out_files_have_the_same_trees_for_all_names(
    tmp_path_factory: pytest.TempPathFactory,
    zones: dict[Name, dict[names.Path, set[int]]],
    scheme: Scheme,
) -> None:
    objects = MemoryObjects()
    trees, chosen = {}, []
    who = Identity("ann", "ann@example.net", 0)
    for zone, content in zones.items():
        made, tree = change_plan.build_zone(whole_zone(zone, content), zone)
        commit = encode(Commit(tree, (), who, who, ""))
        await objects.put([*made, commit])
        trees[zone] = tree
        chosen.append(ZoneCheckout(zone, "main", "main", CommitId(commit.id)))
    root = tmp_path_factory.mktemp("checkouts") / "zones"
    try:
        checkout.plan_paths(WorkspaceIndex(scheme=scheme), chosen)
    except (Conflict, Invalid):
        assume(False)
    with working_tree.open_or_create(root, WorkspaceIndex(scheme=scheme)) as workspace:
        await checkout.write(objects, workspace, chosen, lambda done, of: None)
        found = file_status.compare(workspace)
    assert {file.zone: file.known.tree for file in found} == trees
    for file in found:
        octets = (root / file.path).read_bytes()
        assert file_status.parse(octets, file.zone, file.path).tree == trees[file.zone]


async def test_no_zone_name_leads_out_of_the_folder(desk: Desk, tmp_path: Path) -> None:
    hostile = [r"\.\..", r"\.\./x.", r"\000.", r"\010\127.", "*.", r"\.zonegit."]
    for text in hostile:
        await heads.initialise(desk.operators.repo, names.parse(text))
        await desk.operators.import_file(FOO, names.parse(text))
    before = set(os.listdir(tmp_path))
    for scheme in OPERATOR_SCHEMES:
        desk.root = tmp_path / scheme
        await desk.checkout(*hostile, fresh=WorkspaceIndex(scheme=scheme))
        assert len(desk.files()) == len(hostile)
        assert desk.states() == {}
    assert set(os.listdir(tmp_path)) == before | set(OPERATOR_SCHEMES)
    for zone in ("/etc.", "/."):
        await heads.initialise(desk.operators.repo, names.parse(zone))
        await desk.operators.import_file(FOO, names.parse(zone))
        desk.root = tmp_path / "refused"
        with pytest.raises(Invalid, match="no path"):
            await desk.checkout(zone)
        assert not desk.root.exists()
