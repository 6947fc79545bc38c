"""A repository without a bus: the real ref store on SQLite, objects in a strict memory store."""

import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from tests.support.counting_store import CountingStore
from zonegit.objects.model import Identity
from zonegit.repo import heads
from zonegit.repo.commit import change_plan, commit_loop
from zonegit.repo.commit.edits import Edit
from zonegit.repo.commit.intent import Intent, OnConflict
from zonegit.repo.commit.outcomes import Committed, Outcome, Unchanged
from zonegit.repo.repo import Repo
from zonegit.zone import names
from zonegit.zone.names import Name
from zonegit.zonefile import reader
from zonegit_refs.keeper import RefKeeper
from zonegit_refs.sql.refs import open_refs

ZONE = names.parse("foo.com.")

FOO = """\
$TTL 300
@     IN SOA ns1 admin 7 7200 3600 1209600 300
      IN NS  ns1
ns1   IN A   192.0.2.1
api   IN A   192.0.2.80
www   IN CNAME api
"""


def get_committed(outcome: Outcome) -> Committed | None:
    """Return the commit of an outcome that is neither a dry run nor a conflict; None if nothing
    changed."""
    assert isinstance(outcome, Committed | Unchanged), outcome
    return outcome if isinstance(outcome, Committed) else None


class RefsClock:
    """The clock of the ref store. ``now`` is its time in seconds since 1970; None for the real
    time."""

    now: float | None = None

    def __call__(self) -> float:
        return time.time() if self.now is None else self.now


class TwoOperators:
    """One repository as seen by two operators. ``clock`` is the ref store's; ``noted`` has the
    notes to both."""

    def __init__(self, repo: Repo, other: Repo) -> None:
        self.repo = repo
        self.other = other
        self.clock = RefsClock()
        self.noted: list[str] = []

    async def import_file(
        self, text: str, zone: Name = ZONE, *, force: bool = False, reason: str | None = None
    ) -> Committed | None:
        """Import a master file into the branch that a command would select."""
        position = await heads.find_position(self.repo, zone)
        rrsets = list(reader.read(text.encode(), zone).rrsets.values())
        plan = change_plan.plan_replacement(rrsets, zone)
        intent = Intent(
            "import", "import", force, imports=True, on_conflict=OnConflict.FAIL, reason=reason
        )
        return get_committed(await commit_loop.commit(self.repo, position, plan, intent))

    async def edit(
        self,
        todo: Sequence[Edit],
        branch: str | None = None,
        *,
        force: bool = False,
        reason: str | None = None,
    ) -> Committed | None:
        """Commit edits to foo.com."""
        position = await heads.find_position(self.repo, ZONE, branch)
        plan = change_plan.plan_edits(todo, ZONE)
        intent = Intent("edit", "set", force, reason=reason)
        return get_committed(await commit_loop.commit(self.repo, position, plan, intent))


@pytest.fixture
async def operators(tmp_path: Path) -> AsyncIterator[TwoOperators]:
    objects = CountingStore()
    async with open_refs(tmp_path / "refs.sqlite3") as refs:
        clock = RefsClock()
        keeper = RefKeeper(refs, objects, lambda objects, entries: None, clock)
        noted: list[str] = []

        def operator(name: str) -> Repo:
            who = Identity(name, f"{name}@example.net", 1_795_232_912)
            return Repo(objects, keeper, name, lambda: who, note=noted.append)

        operators = TwoOperators(operator("alice"), operator("bob"))
        operators.clock, operators.noted = clock, noted
        yield operators


@pytest.fixture
async def foo(operators: TwoOperators) -> TwoOperators:
    """Return foo.com. with one commit, serial 7."""
    await heads.initialise(operators.repo, ZONE)
    await operators.import_file(FOO)
    return operators
