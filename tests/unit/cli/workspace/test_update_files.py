"""Files are updated, and changes of their operator are never overwritten."""

import pytest
from tests.support.zone_removal import remove_zone
from tests.unit.cli.workspace.conftest import EXAMPLE, SUB, ZONES, WorkspaceHarness

from zonegit.errors import Conflict
from zonegit.repo.change import tags
from zonegit.repo.commit.outcomes import Committed
from zonegit_cli.workspace.update_files import UpdateOutcome


@pytest.fixture
async def out(harness: WorkspaceHarness) -> WorkspaceHarness:
    """All zones are checked out."""
    await harness.checkout()
    return harness


async def test_a_file_follows_its_branch(out: WorkspaceHarness) -> None:
    tip = await out.others_set(EXAMPLE, "new", "192.0.2.5")
    found = await out.update()
    assert {zone: each.outcome for zone, each in found.items()} == {
        zone: UpdateOutcome.FORWARD if zone == EXAMPLE else UpdateOutcome.CURRENT for zone in ZONES
    }
    assert "192.0.2.5" in out.path(EXAMPLE).read_text()
    assert out.states() == {}
    assert out.files([EXAMPLE])[0].known.commit == tip
    assert {each.outcome for each in (await out.update()).values()} == {UpdateOutcome.CURRENT}


@pytest.mark.parametrize(
    ("old", "new"),
    [("192.0.2.80", "192.0.2.81"), ("$ORIGIN", "; mine\n$ORIGIN"), ("192.0.2.80", "nonsense")],
)
async def test_a_changed_file_is_never_overwritten(
    out: WorkspaceHarness, old: str, new: str
) -> None:
    out.type(EXAMPLE, old, new)
    text = out.path(EXAMPLE).read_text()
    tip = await out.others_set(EXAMPLE, "new", "192.0.2.5")
    await out.others_set(SUB, "new", "192.0.2.5")
    found = await out.update()
    assert (found[EXAMPLE].outcome, found[EXAMPLE].tip) == (UpdateOutcome.LEFT, tip)
    assert found[SUB].outcome is UpdateOutcome.FORWARD
    assert out.path(EXAMPLE).read_text() == text


async def test_a_deleted_file_stays_deleted(out: WorkspaceHarness) -> None:
    path = out.path(EXAMPLE)
    path.unlink()
    await out.others_set(EXAMPLE, "new", "192.0.2.5")
    assert (await out.update())[EXAMPLE].outcome is UpdateOutcome.LEFT
    assert not path.exists()


async def test_both_changes_are_merged_and_ours_is_still_to_be_committed(
    out: WorkspaceHarness,
) -> None:
    out.type(EXAMPLE, "192.0.2.80", "192.0.2.81")
    tip = await out.others_set(EXAMPLE, "new", "192.0.2.5")
    assert (await out.update(merge=True))[EXAMPLE].outcome is UpdateOutcome.MERGED
    text = out.path(EXAMPLE).read_text()
    assert "192.0.2.81" in text
    assert "192.0.2.5" in text
    assert out.states() == {"example.com.": "changed"}
    made = (await out.commit())[EXAMPLE]
    assert isinstance(made, Committed)
    assert made.parent == tip
    assert len(made.changes) == 1


async def test_equal_changes_are_merged_into_no_change(out: WorkspaceHarness) -> None:
    out.type(EXAMPLE, "192.0.2.80", "192.0.2.81")
    await out.others_set(EXAMPLE, "api", "192.0.2.81")
    await out.update(merge=True)
    assert out.states() == {}


async def test_an_rrset_that_both_changed_is_a_conflict_and_the_file_stays(
    out: WorkspaceHarness,
) -> None:
    out.type(EXAMPLE, "192.0.2.80", "192.0.2.81")
    text = out.path(EXAMPLE).read_text()
    await out.others_set(EXAMPLE, "api", "192.0.2.82")
    found = (await out.update(merge=True))[EXAMPLE]
    assert found.outcome is UpdateOutcome.CLASHED
    assert found.conflict is not None
    assert [clash.rdtype for clash in found.conflict.clashes] == [1]
    assert out.path(EXAMPLE).read_text() == text
    with pytest.raises(Conflict):
        await out.commit()


async def test_text_that_records_do_not_hold_is_kept_in_a_copy(out: WorkspaceHarness) -> None:
    for number in range(2):
        out.type(EXAMPLE, "$ORIGIN", f"; mine {number}\n$ORIGIN")
        await out.others_set(EXAMPLE, "new", f"192.0.2.{number}")
        found = (await out.update(merge=True))[EXAMPLE]
        assert found.kept is not None
        assert f"; mine {number}" in (out.root / found.kept).read_text()
    assert len(list((out.root / "com/example").glob("db.zone.orig*"))) == 2
    assert out.states() == {}


async def test_a_file_with_comments_is_kept_in_a_copy_and_one_without_is_not(
    out: WorkspaceHarness,
) -> None:
    out.type(EXAMPLE, "$ORIGIN", "; mine\n$ORIGIN")
    for zone in (EXAMPLE, SUB):
        out.type(zone, "192.0.2.80", "192.0.2.81")
    await out.commit()
    for zone in (EXAMPLE, SUB):
        await out.others_set(zone, "new", "192.0.2.5")
    found = await out.update()
    assert found[EXAMPLE].kept == "com/example/db.zone.orig"
    assert found[SUB].kept is None
    assert {found[zone].outcome for zone in (EXAMPLE, SUB)} == {UpdateOutcome.FORWARD}


async def test_the_file_of_a_removed_zone_is_removed_and_that_of_its_subzone_stays(
    out: WorkspaceHarness,
) -> None:
    repo = out.operators.repo
    await remove_zone(repo.refs, EXAMPLE, repo.origin("zone remove", force=True))
    assert (await out.update())[EXAMPLE].outcome is UpdateOutcome.REMOVED
    assert not (out.root / "com/example/db.zone").exists()
    assert (out.root / "com/example/sub/db.zone").exists()
    await remove_zone(repo.refs, SUB, repo.origin("zone remove", force=True))
    await out.update()
    assert not (out.root / "com").exists()
    assert len(out.files()) == 1


async def test_a_changed_file_of_a_removed_zone_stays(out: WorkspaceHarness) -> None:
    repo = out.operators.repo
    out.type(EXAMPLE, "192.0.2.80", "192.0.2.81")
    await remove_zone(repo.refs, EXAMPLE, repo.origin("zone remove", force=True))
    assert (await out.update())[EXAMPLE].outcome is UpdateOutcome.LEFT
    assert (out.root / "com/example/db.zone").exists()


async def test_a_zone_at_a_tag_is_not_updated(harness: WorkspaceHarness) -> None:
    await tags.create(harness.operators.repo, EXAMPLE, "v1", await harness.tip(EXAMPLE), "v1")
    await harness.checkout("example.com@v1")
    await harness.others_set(EXAMPLE, "new", "192.0.2.5")
    assert (await harness.update())[EXAMPLE].outcome is UpdateOutcome.CURRENT


async def test_a_commit_that_is_missing_from_the_index_is_found_by_an_update(
    out: WorkspaceHarness,
) -> None:
    """The command was killed between the move of the branch and the write of the index."""
    out.type(EXAMPLE, "192.0.2.80", "192.0.2.81")
    index = (out.root / ".zonegit/index").read_bytes()
    await out.commit()
    (out.root / ".zonegit/index").write_bytes(index)
    with pytest.raises(Conflict):
        await out.commit()
    assert (await out.update(merge=True))[EXAMPLE].outcome is UpdateOutcome.MERGED
    assert out.states() == {}
