"""A workspace and a repository, both without a bus."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest
from tests.unit.repo.conftest import FOO, TwoOperators, operators  # noqa: F401  # a fixture

from zonegit.objects.ids import CommitId
from zonegit.repo import heads, read_zones
from zonegit.repo.change.multi_zone import ZoneResult
from zonegit.repo.commit import commit_loop
from zonegit.repo.commit.change_plan import plan_edits
from zonegit.repo.commit.edits import Set
from zonegit.repo.commit.intent import Intent
from zonegit.repo.commit.outcomes import Committed
from zonegit.repo.repo import make_operation_id
from zonegit.zone import names, rrtypes
from zonegit.zone.names import Name
from zonegit.zone.rrset import rdata_from_text, rrset
from zonegit_cli.workspace import checkout, commit_files, update_files, working_tree
from zonegit_cli.workspace.file_status import FileState, FileStatus, compare
from zonegit_cli.workspace.index import WorkspaceIndex
from zonegit_cli.workspace.update_files import UpdatedFile

EXAMPLE = names.parse("example.com.")
SUB = names.parse("sub.example.com.")
REVERSE = names.parse("0/25.2.0.192.in-addr.arpa.")
ZONES = (EXAMPLE, SUB, REVERSE)


class WorkspaceHarness:
    """A workspace of one operator, and the commits of others."""

    def __init__(self, repo: TwoOperators, root: Path) -> None:
        self.operators = repo
        self.root = root

    async def checkout(self, *asked: str, fresh: WorkspaceIndex | None = None) -> list[str]:
        """Check out zones (all, if none is given) and return the paths that were written."""
        left_out: list[str] = []
        repo = self.operators.repo
        fresh = fresh or WorkspaceIndex()
        wanted = [checkout.parse_zone(text) for text in asked]
        chosen = await checkout.resolve_zones(repo, wanted, left_out.append)
        checkout.plan_paths(working_tree.read_index(self.root) or fresh, chosen)
        with working_tree.open_or_create(self.root, fresh) as workspace:
            written = await checkout.write(repo.objects, workspace, chosen, lambda done, of: None)
        return [*(entry.path for entry in written), *left_out]

    def files(self, zones: Iterable[Name] = ()) -> list[FileStatus]:
        """Return the status of each file."""
        with working_tree.open_workspace(self.root, exclusive=False) as workspace:
            return compare(workspace, list(zones))

    def states(self) -> dict[str, FileState]:
        """Return the states by zone, without unchanged files."""
        found = {names.text(file.zone): file.state for file in self.files()}
        return {zone: state for zone, state in found.items() if state != "unchanged"}

    async def commit(
        self, zones: Sequence[Name] = (), *, reason: str | None = None, dry_run: bool = False
    ) -> dict[Name, ZoneResult]:
        """Commit changed and new files, and return the result for each zone; with a reason override
        the safety checks."""
        intent = Intent(
            "edited", "workspace commit", reason is not None,
            reason=reason, dry_run=dry_run, operation=make_operation_id(),
        )  # fmt: skip
        with working_tree.open_workspace(self.root, exclusive=True) as workspace:
            files = [file for file in compare(workspace, zones) if file.state in ("changed", "new")]
            return await commit_files.commit(self.operators.repo, workspace, files, intent)

    async def update(self, *, merge: bool = False) -> dict[Name, UpdatedFile]:
        """Update the files."""
        with working_tree.open_workspace(self.root, exclusive=True) as workspace:
            files = compare(workspace)
            refs = await read_zones.read_refs(self.operators.repo, [file.zone for file in files])
            fates = update_files.plan(files, refs, merge=merge)
            found = await update_files.update(
                self.operators.repo, workspace, fates, lambda done, of: None
            )
        return {each.file.zone: each for each in found}

    def path(self, zone: Name) -> Path:
        """Return the path of a zone's file."""
        (file,) = self.files([zone])
        return self.root / file.path

    def type(self, zone: Name, old: str, new: str) -> None:
        """Change the text of a file as an editor does."""
        path = self.path(zone)
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    async def others_set(self, zone: Name, owner: str, address: str) -> CommitId:
        """Set an A record on main as another operator, and return the tip."""
        value = rrset(
            names.parse(owner, zone), rrtypes.A, 300, [rdata_from_text(rrtypes.A, address)]
        )
        at = await heads.find_position(self.operators.other, zone, "main")
        made = await commit_loop.commit(
            self.operators.other, at, plan_edits([Set(value)], zone), Intent("set", "set")
        )
        assert isinstance(made, Committed)
        return made.commit

    async def tip(self, zone: Name) -> CommitId:
        """Return the tip of main."""
        return (await heads.find_position(self.operators.repo, zone, "main")).commit()


@pytest.fixture
async def harness(operators: TwoOperators, tmp_path: Path) -> WorkspaceHarness:  # noqa: F811
    """Three zones with a commit each, one of them within the folder of another; nothing is
    checked out yet."""
    for zone in ZONES:
        await heads.initialise(operators.repo, zone)
        await operators.import_file(FOO, zone)
    return WorkspaceHarness(operators, tmp_path / "zones")
