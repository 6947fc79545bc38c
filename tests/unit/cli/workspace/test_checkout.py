"""Check out zones: the files that are written, and the errors after which none is."""

import os
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tests.support.strategies import paths, plain, zone_names
from tests.unit.cli.workspace.conftest import EXAMPLE, REVERSE, SUB, ZONES, WorkspaceHarness
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


async def test_all_zones_are_written_if_none_is_named(harness: WorkspaceHarness) -> None:
    assert sorted(await harness.checkout()) == [
        "arpa/in-addr/192/0/2/0/25/db.zone", "com/example/db.zone", "com/example/sub/db.zone",
    ]  # fmt: skip
    found = reader.read((harness.root / "com/example/db.zone").read_bytes(), EXAMPLE)
    assert found.rrsets == reader.read(FOO.encode(), EXAMPLE).rrsets
    assert harness.states() == {}


class ConcurrencyCounter:
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


async def test_zones_with_several_branches_are_read_concurrently(harness: WorkspaceHarness) -> None:
    repo = harness.operators.repo
    for zone in ZONES:
        await branches.create(repo, zone, "canary", await harness.tip(zone))
    refs = ConcurrencyCounter(repo.refs)
    found = await checkout.resolve_zones(
        msgspec.structs.replace(repo, refs=refs), [], lambda said: None
    )
    assert [each.zone for each in found] == sorted(ZONES, key=names.canonical_key)
    assert refs.most == len(ZONES)


async def test_zones_without_a_commit_are_left_out_by_name(harness: WorkspaceHarness) -> None:
    await heads.initialise(harness.operators.repo, names.parse("empty.example."))
    *_, said = await harness.checkout()
    assert said == "left out: empty.example. has no commit yet"
    with pytest.raises(NotFound, match="no commit yet"):
        await harness.checkout("empty.example.")


async def test_a_zone_is_checked_out_at_the_branch_last_used(harness: WorkspaceHarness) -> None:
    repo = harness.operators.repo
    await branches.create(repo, EXAMPLE, "canary", await harness.tip(EXAMPLE))
    await branches.checkout(repo, EXAMPLE, "canary")
    await harness.checkout()
    assert [file.known.branch for file in harness.files([EXAMPLE, SUB])] == ["canary", "main"]


async def test_a_zone_at_a_tag_is_at_no_branch(harness: WorkspaceHarness) -> None:
    await tags.create(harness.operators.repo, EXAMPLE, "v1", await harness.tip(EXAMPLE), "v1")
    await harness.others_set(EXAMPLE, "new", "192.0.2.5")
    await harness.checkout("example.com@v1")
    (file,) = harness.files()
    assert (file.known.branch, file.known.refish) == (None, "v1")
    assert "192.0.2.5" not in harness.path(EXAMPLE).read_text()


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


async def test_nothing_is_written_if_zones_collide(harness: WorkspaceHarness) -> None:
    other = names.parse("25.0.2.0.192.in-addr.arpa.")
    await heads.initialise(harness.operators.repo, other)
    await harness.operators.import_file(FOO, other)
    with pytest.raises(Conflict, match="collide"):
        await harness.checkout()
    assert not harness.root.exists()
    assert len(await harness.checkout(fresh=WorkspaceIndex(scheme="flat"))) == 4


async def test_a_zone_may_have_another_scheme_than_the_others(harness: WorkspaceHarness) -> None:
    await harness.checkout(fresh=WorkspaceIndex(particular={REVERSE: "flat"}))
    assert harness.path(REVERSE) == harness.root / "25.2.0.192.in-addr.arpa.zone"
    assert harness.path(EXAMPLE) == harness.root / "com/example/db.zone"


async def test_a_folder_with_other_files_is_refused(harness: WorkspaceHarness) -> None:
    harness.root.mkdir()
    (harness.root / "precious").write_text("mine")
    with pytest.raises(Conflict, match="not empty"):
        await harness.checkout()
    assert [each.name for each in harness.root.iterdir()] == ["precious"]


async def test_a_zone_can_be_added_later_unless_it_collides(harness: WorkspaceHarness) -> None:
    await harness.checkout("example.com")
    await harness.checkout("sub.example.com")
    assert [names.text(file.zone) for file in harness.files()] == [
        "example.com.",
        "sub.example.com.",
    ]
    await branches.create(harness.operators.repo, EXAMPLE, "canary", await harness.tip(EXAMPLE))
    with pytest.raises(Conflict, match=r"at main and example.com. at canary"):
        await harness.checkout("example.com@canary")


async def test_a_deleted_file_is_restored(harness: WorkspaceHarness) -> None:
    await harness.checkout()
    harness.path(EXAMPLE).unlink()
    assert await harness.checkout() == ["com/example/db.zone"]
    assert harness.states() == {}


async def test_an_existing_file_is_not_overwritten_and_nothing_else_is_written(
    harness: WorkspaceHarness,
) -> None:
    await harness.checkout("example.com")
    mine = harness.root / "com/example/sub/db.zone"
    mine.parent.mkdir()
    mine.write_text("mine")
    with pytest.raises(Conflict, match="would be overwritten"):
        await harness.checkout()
    assert mine.read_text() == "mine"
    assert not (harness.root / "arpa").exists()


async def test_an_interrupted_checkout_can_be_continued(harness: WorkspaceHarness) -> None:
    """The files exist, and the index does not have them."""
    await harness.checkout()
    with working_tree.open_workspace(harness.root, exclusive=True) as workspace:
        workspace.keep([], [EXAMPLE, SUB])
    assert harness.states() == {"example.com.": "new", "sub.example.com.": "new"}
    assert len(await harness.checkout()) == 2
    assert harness.states() == {}


async def test_a_commit_of_another_zone_is_refused(harness: WorkspaceHarness) -> None:
    other = await harness.others_set(SUB, "x", "192.0.2.1")
    with pytest.raises(Invalid, match=r"not a commit of example.com."):
        await harness.checkout(f"example.com@{other.hex()}")


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


async def test_no_zone_name_leads_out_of_the_folder(
    harness: WorkspaceHarness, tmp_path: Path
) -> None:
    hostile = [r"\.\..", r"\.\./x.", r"\000.", r"\010\127.", "*.", r"\.zonegit."]
    for text in hostile:
        await heads.initialise(harness.operators.repo, names.parse(text))
        await harness.operators.import_file(FOO, names.parse(text))
    before = set(os.listdir(tmp_path))
    for scheme in OPERATOR_SCHEMES:
        harness.root = tmp_path / scheme
        await harness.checkout(*hostile, fresh=WorkspaceIndex(scheme=scheme))
        assert len(harness.files()) == len(hostile)
        assert harness.states() == {}
    assert set(os.listdir(tmp_path)) == before | set(OPERATOR_SCHEMES)
    for zone in ("/etc.", "/."):
        await heads.initialise(harness.operators.repo, names.parse(zone))
        await harness.operators.import_file(FOO, names.parse(zone))
        harness.root = tmp_path / "refused"
        with pytest.raises(Invalid, match="no path"):
            await harness.checkout(zone)
        assert not harness.root.exists()
