"""Changed files become commits: one for each zone, in one operation, all or none."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest
from tests.support.zone_removal import remove_zone
from tests.unit.cli.workspace.conftest import EXAMPLE, REVERSE, SUB, ZONES, WorkspaceHarness
from tests.unit.repo.conftest import FOO

from zonegit.errors import Conflict, Invalid, Unsafe
from zonegit.objects.ids import short
from zonegit.repo import heads
from zonegit.repo.change import branches, tags
from zonegit.repo.commit import change_plan, commit_loop
from zonegit.repo.commit.intent import Intent
from zonegit.repo.commit.outcomes import Committed, Preview, Unchanged
from zonegit.store import ref_names
from zonegit.store.ref_log import Moved
from zonegit.store.refs import RefStore
from zonegit.zone import names
from zonegit.zonefile import reader
from zonegit_cli.workspace import commit_files
from zonegit_cli.workspace.file_status import compare
from zonegit_cli.workspace.working_tree import INDEX, open_workspace

SIGNED = FOO + (
    "@ RRSIG SOA 8 2 300 20300101000000 20200101000000 1 @ AAAA\n"
    "api RRSIG A 8 3 300 20300101000000 20200101000000 1 @ AAAA\n"
)

INTENT = Intent("m", "workspace commit", operation="0123456789abcdef" * 2)


@pytest.fixture
async def out(harness: WorkspaceHarness) -> WorkspaceHarness:
    """All zones are checked out."""
    await harness.checkout()
    return harness


async def test_each_changed_zone_gets_a_commit_in_one_operation(out: WorkspaceHarness) -> None:
    before = {zone: await out.tip(zone) for zone in ZONES}
    for zone in (EXAMPLE, SUB):
        out.type(zone, "192.0.2.80", "192.0.2.81")
    results = await out.commit()
    made = [each for each in results.values() if isinstance(each, Committed)]
    assert [each.parent for each in made] == [before[EXAMPLE], before[SUB]]
    assert await out.tip(REVERSE) == before[REVERSE]
    operations = set()
    for each in made:
        ref = ref_names.branch(each.zone, "main")
        (entry,) = await out.operators.repo.refs.reflog(ref, 1)
        operations.add(entry.operation)
        assert (entry.new, entry.command) == (each.commit, "workspace commit")
    assert len(operations) == 1


async def test_a_committed_file_keeps_its_text_and_is_unchanged(out: WorkspaceHarness) -> None:
    path = out.path(EXAMPLE)
    path.write_text("; mine\n" + path.read_text().replace("192.0.2.80", "192.0.2.81"))
    text = path.read_text()
    await out.commit()
    assert path.read_text() == text
    assert out.states() == {}
    out.type(EXAMPLE, "; mine", "; yours")
    assert out.states() == {"example.com.": "rewritten"}


async def test_if_the_index_cannot_be_written_an_error_names_the_commits_and_an_update_repairs_it(
    out: WorkspaceHarness,
) -> None:
    out.type(EXAMPLE, "192.0.2.80", "192.0.2.81")
    before, index = await out.tip(EXAMPLE), out.root / INDEX
    with open_workspace(out.root, exclusive=True) as workspace:
        files = compare(workspace, [EXAMPLE])
        kept = index.read_bytes()
        index.unlink()
        index.mkdir()
        with pytest.raises(Invalid, match="the commits were made anyway") as caught:
            await commit_files.commit(
                out.operators.repo, workspace, files, Intent("m", "workspace")
            )
    assert "update --merge" in (caught.value.hint or "")
    assert await out.tip(EXAMPLE) != before
    index.rmdir()
    index.write_bytes(kept)
    await out.update(merge=True)
    assert out.states() == {}


@pytest.mark.parametrize(
    ("typed", "served"), [("7", 8), ("5", 8), ("9", 9), ("2026112100", 2_026_112_100)]
)
async def test_a_files_serial_is_used_if_it_is_later_else_the_tips_is_incremented(
    out: WorkspaceHarness, typed: str, served: int
) -> None:
    """RFC 1982."""
    out.type(EXAMPLE, "192.0.2.80", "192.0.2.81")
    out.type(EXAMPLE, " 7 7200", f" {typed} 7200")
    made = (await out.commit())[EXAMPLE]
    assert isinstance(made, Committed)
    assert made.serial == served
    out.type(EXAMPLE, "192.0.2.81", "192.0.2.82")
    again = (await out.commit())[EXAMPLE]
    assert isinstance(again, Committed)
    assert again.serial == served + 1


async def test_a_serial_that_went_back_is_nothing_to_commit(out: WorkspaceHarness) -> None:
    out.type(EXAMPLE, " 7 7200", " 3 7200")
    (same,) = (await out.commit()).values()
    assert isinstance(same, Unchanged)
    assert out.states() == {}


async def test_if_one_branch_moved_nothing_is_committed_and_its_tip_is_named(
    out: WorkspaceHarness,
) -> None:
    moved = await out.others_set(SUB, "new", "192.0.2.5")
    before = await out.tip(EXAMPLE)
    for zone in (EXAMPLE, SUB):
        out.type(zone, "192.0.2.80", "192.0.2.81")
    with pytest.raises(
        Conflict, match=f"nothing was .*sub.example.com. main moved to {short(moved)}"
    ):
        await out.commit()
    assert await out.tip(EXAMPLE) == before
    assert out.states() == {"example.com.": "changed", "sub.example.com.": "changed"}
    assert list(await out.commit([EXAMPLE])) == [EXAMPLE]


async def test_a_deleted_branch_is_a_conflict(out: WorkspaceHarness) -> None:
    repo = out.operators.repo
    await remove_zone(repo.refs, EXAMPLE, repo.origin("zone remove", force=True))
    out.type(EXAMPLE, "192.0.2.80", "192.0.2.81")
    with pytest.raises(Conflict, match="was deleted after the checkout"):
        await out.commit()


async def test_a_zone_at_a_tag_cannot_be_committed(harness: WorkspaceHarness) -> None:
    await tags.create(harness.operators.repo, EXAMPLE, "v1", await harness.tip(EXAMPLE), "v1")
    await harness.checkout("example.com@v1")
    harness.type(EXAMPLE, "192.0.2.80", "192.0.2.81")
    with pytest.raises(Invalid, match=r"example.com. at v1 is not at a branch"):
        await harness.commit()


async def test_the_branch_that_was_checked_out_gets_the_commit(harness: WorkspaceHarness) -> None:
    repo = harness.operators.repo
    await branches.create(repo, EXAMPLE, "canary", await harness.tip(EXAMPLE))
    await harness.checkout("example.com@canary")
    harness.type(EXAMPLE, "192.0.2.80", "192.0.2.81")
    made = (await harness.commit())[EXAMPLE]
    assert isinstance(made, Committed)
    assert made.branch == "canary"
    assert (await heads.find_position(repo, EXAMPLE, "canary")).commit() == made.commit
    assert await harness.tip(EXAMPLE) == made.parent


async def test_a_new_zone_is_registered_with_its_first_commit(out: WorkspaceHarness) -> None:
    new = names.parse("example.net.")
    path = out.root / "net/example/db.zone"
    path.parent.mkdir(parents=True)
    path.write_text(FOO)
    made = (await out.commit())[new]
    assert isinstance(made, Committed)
    assert (made.serial, made.parent) == (7, None)
    assert await out.tip(new) == made.commit
    assert out.states() == {}


async def test_a_new_file_of_a_zone_that_has_commits_is_refused(harness: WorkspaceHarness) -> None:
    await harness.checkout("example.com")
    path = harness.root / "com/example/sub/db.zone"
    path.parent.mkdir()
    path.write_text(FOO)
    harness.type(EXAMPLE, "192.0.2.80", "192.0.2.81")
    before = await harness.tip(EXAMPLE)
    with pytest.raises(Conflict, match=r"sub.example.com. already has commits"):
        await harness.commit()
    assert await harness.tip(EXAMPLE) == before


async def test_a_signed_zone_is_committed_only_if_it_was_signed_again(
    harness: WorkspaceHarness,
) -> None:
    await harness.operators.import_file(SIGNED.replace(" 7 7200", " 8 7200"), EXAMPLE)
    await harness.checkout()
    harness.type(EXAMPLE, "192.0.2.80", "192.0.2.81")
    harness.type(SUB, "192.0.2.80", "192.0.2.81")
    harness.type(EXAMPLE, " 8 7200", " 9 7200")
    before = await harness.tip(SUB)
    with pytest.raises(Unsafe, match="is signed; this would invalidate the signatures"):
        await harness.commit()
    assert await harness.tip(SUB) == before
    harness.type(EXAMPLE, "20200101000000", "20200102000000")
    results = await harness.commit()
    assert all(isinstance(each, Committed) for each in results.values())


def take_ns_away(out: WorkspaceHarness) -> None:
    """Remove the NS records at the apex of example.com., which the safety checks refuse."""
    path = out.path(EXAMPLE)
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if " NS " not in line))


async def test_if_one_zone_is_refused_none_is_committed(out: WorkspaceHarness) -> None:
    take_ns_away(out)
    out.type(SUB, "192.0.2.80", "192.0.2.81")
    before = await out.tip(SUB), await out.tip(EXAMPLE)
    with pytest.raises(Unsafe, match=r"^nothing was committed: .*example\.com\."):
        await out.commit()
    assert (await out.tip(SUB), await out.tip(EXAMPLE)) == before
    assert out.states() == {"example.com.": "changed", "sub.example.com.": "changed"}
    forced = await out.commit(reason="it moves")
    assert all(isinstance(each, Committed) for each in forced.values())
    assert out.states() == {}


async def test_a_dry_run_names_the_zone_that_would_be_refused(out: WorkspaceHarness) -> None:
    take_ns_away(out)
    out.type(SUB, "192.0.2.80", "192.0.2.81")
    previews = await out.commit(dry_run=True)
    assert all(isinstance(each, Preview) for each in previews.values())
    error = commit_files.find_failure(previews, INTENT)
    assert isinstance(error, Unsafe)
    assert error.message.startswith("nothing would be committed: ")
    assert "sub.example.com." not in error.message


class RefsWithLateMove:
    """A ref store in which one branch moves just before the first move of another."""

    def __init__(self, refs: RefStore, meanwhile: Callable[[], Awaitable[object]]) -> None:
        self._refs = refs
        self._meanwhile: Callable[[], Awaitable[object]] | None = meanwhile

    def __getattr__(self, name: str) -> Any:
        return getattr(self._refs, name)

    async def move(self, *arguments: Any, **named: Any) -> Moved:
        meanwhile, self._meanwhile = self._meanwhile, None
        if meanwhile is not None:
            await meanwhile()
        return await self._refs.move(*arguments, **named)


async def test_a_late_refusal_names_the_commits_and_the_command_to_undo_them(
    out: WorkspaceHarness,
) -> None:
    out.type(EXAMPLE, "192.0.2.80", "192.0.2.81")
    out.type(SUB, "192.0.2.80", "192.0.2.81")
    refs = RefsWithLateMove(
        out.operators.repo.refs, lambda: out.others_set(EXAMPLE, "new", "192.0.2.9")
    )
    out.operators.repo = msgspec.structs.replace(out.operators.repo, refs=refs)
    results = await out.commit()
    assert isinstance(results[SUB], Committed)
    assert isinstance(results[EXAMPLE], Conflict)
    error = commit_files.find_failure(results, INTENT)
    assert isinstance(error, Conflict)
    assert error.message.startswith(
        "sub.example.com. committed, but not all: refs/heads/example.com./main has moved"
    )
    assert str(error.hint).startswith("to undo what was done: zonegit undo 0123456789ab")
    assert out.states() == {"example.com.": "changed"}


async def test_the_registration_of_a_new_zone_without_commit_can_be_undone(
    out: WorkspaceHarness,
) -> None:
    new = names.parse("example.net.")
    path = out.root / "net/example/db.zone"
    path.parent.mkdir(parents=True)
    path.write_text(FOO)

    async def others_begin() -> None:
        """Commit just after the zone was registered."""
        at = heads.BranchPosition(new, "main", None)
        rrsets = list(reader.read(FOO.encode(), new).rrsets.values())
        plan = change_plan.plan_replacement(rrsets, new)
        await commit_loop.commit(out.operators.other, at, plan, Intent("theirs", "import"))

    refs = RefsWithLateMove(out.operators.repo.refs, others_begin)
    out.operators.repo = msgspec.structs.replace(out.operators.repo, refs=refs)
    error = commit_files.find_failure(await out.commit(), INTENT)
    assert isinstance(error, Conflict)
    assert error.message.startswith("only registered example.net.: ")
    assert "zonegit undo 0123456789ab" in str(error.hint)


def test_an_error_of_many_zones_names_a_few_and_is_a_conflict_if_one_is() -> None:
    errors = {
        names.parse(f"z{number}.example."): Conflict("moved", hint="update", tip="77")
        if number == 7
        else Unsafe("much")
        for number in range(9)
    }
    caught = commit_files.combine_errors(errors, "nothing was committed")
    assert isinstance(caught, Conflict)
    assert caught.hint == "update"
    assert caught.message.startswith("nothing was committed: z0.example.: much; z1.example.: much;")
    assert caught.message.endswith("and 4 more zones")
    assert caught.details == {"z7.example.": "77"}


async def test_a_dry_run_shows_the_commits_and_makes_none(out: WorkspaceHarness) -> None:
    before = await out.tip(EXAMPLE)
    out.type(EXAMPLE, "192.0.2.80", "192.0.2.81")
    (preview,) = (await out.commit(dry_run=True)).values()
    assert isinstance(preview, Preview)
    assert (preview.before, preview.serial) == (7, 8)
    assert await out.tip(EXAMPLE) == before
    assert out.states() == {"example.com.": "changed"}
