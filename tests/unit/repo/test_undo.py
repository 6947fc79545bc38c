"""Undo of operations: the resulting refs, conflicts, and messages."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from itertools import count
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.zone_removal import remove_zone
from tests.unit.repo.conftest import FOO, ZONE, TwoOperators
from tests.unit.repo.zone_contents import address, addresses, check_committed, tip, zone_at
from zonegit.errors import Conflict, Denied, Invalid, NotFound, Unavailable, Unsafe, ZonegitError
from zonegit.objects.ids import CommitId, ObjectId
from zonegit.objects.model import subject
from zonegit.repo import heads, read_zone
from zonegit.repo.change import branches, multi_zone, proposals, reset, tags, undo
from zonegit.repo.change.multi_zone import ZoneCommitRequest
from zonegit.repo.change.undo import UndoneOperation
from zonegit.repo.commit import change_plan, commit_loop
from zonegit.repo.commit.drafts import CommitBase, PlannedChange
from zonegit.repo.commit.edits import Set
from zonegit.repo.commit.intent import Intent
from zonegit.repo.inspect import operations
from zonegit.repo.repo import Repo, make_operation_id
from zonegit.store import ref_names
from zonegit.store.reader import Reader
from zonegit.store.refs import Absent
from zonegit.zone import names, rrtypes
from zonegit.zone.names import Name
from zonegit.zone.rrset import rdata_from_text, rrset, with_serial
from zonegit.zone.serial import is_later
from zonegit.zonefile import reader

BAR = names.parse("bar.org.")

SIGNED = (
    FOO
    + """\
@ IN RRSIG SOA 13 2 300 20301231000000 20200101000000 1 @ MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5
"""
)


async def run_undo(
    repo: Repo,
    prefix: str | None = None,
    *,
    force: bool = False,
    reason: str | None = None,
    dry_run: bool = False,
    redo: bool = False,
) -> UndoneOperation:
    done = await operations.find_operation(repo, prefix, redo=redo)
    operation = make_operation_id()
    command = "redo" if redo else "undo"
    meant = Intent(
        command, command, force=force, reason=reason, dry_run=dry_run, operation=operation
    )
    return await undo.undo(repo, done, meant)


async def read_latest(repo: Repo) -> str:
    """Return the id of the latest operation."""
    return (await operations.list_latest(repo, 1))[0].operation


async def list_refs(operators: TwoOperators) -> dict[str, ObjectId]:
    """Return the branches and tags of foo.com."""
    refs = await operators.repo.refs.zone(ZONE, "")
    return {name: each.target for name, each in {**refs.heads, **refs.tags}.items()}


async def edited(operators: TwoOperators, text: str, branch: str | None = None) -> CommitId:
    return check_committed(await operators.edit([Set(address("api", text))], branch)).commit


async def test_an_undone_edit_restores_the_records_with_a_later_serial(
    foo: TwoOperators,
) -> None:
    first = await tip(foo)
    await edited(foo, "192.0.2.81")
    done = await run_undo(foo.repo)
    now = (await heads.find_position(foo.repo, ZONE)).tip
    assert now is not None
    assert await addresses(foo, CommitId(now.target), "api") == ["192.0.2.80"]
    assert (now.serial, done.restored[0].commit) == (9, now.target)
    assert await tip(foo) != first


async def test_an_undo_of_an_undo_restores_the_change(foo: TwoOperators) -> None:
    await edited(foo, "192.0.2.81")
    done = await run_undo(foo.repo)
    await run_undo(foo.repo, done.operation)
    assert await addresses(foo, await tip(foo), "api") == ["192.0.2.81"]


async def test_repeated_undos_go_back_and_repeated_redos_go_forward(
    foo: TwoOperators,
) -> None:
    for text in ("192.0.2.81", "192.0.2.82"):
        await edited(foo, text)
    for redo, text in [
        (False, "192.0.2.81"),
        (False, "192.0.2.80"),
        (True, "192.0.2.81"),
        (True, "192.0.2.82"),
        (False, "192.0.2.81"),
    ]:
        before = (await heads.find_position(foo.repo, ZONE)).tip
        await run_undo(foo.repo, redo=redo)
        now = (await heads.find_position(foo.repo, ZONE)).tip
        assert now is not None
        assert before is not None
        assert await addresses(foo, CommitId(now.target), "api") == [text]
        assert is_later(now.serial or 0, before.serial or 0)


async def test_commits_of_undo_and_redo_name_their_operation(foo: TwoOperators) -> None:
    await edited(foo, "192.0.2.81")
    subjects = []
    for redo in (False, True, False):
        await run_undo(foo.repo, redo=redo)
        commit = await read_zone.read_commit(Reader(foo.repo.objects), await tip(foo))
        subjects.append(subject(commit))
    assert subjects == ['undo "edit"', 'redo "edit"', 'undo "edit"']


async def test_the_log_names_the_operation_of_an_undo(foo: TwoOperators) -> None:
    await edited(foo, "192.0.2.81")
    operation = await read_latest(foo.repo)
    done = await run_undo(foo.repo)
    assert done.undone.operation == operation
    (told,) = await operations.list_latest(foo.repo, 1)
    assert {entry.undoes for entry in told.entries} == {operation}


async def test_redo_is_refused_after_others_undid_the_undo(foo: TwoOperators) -> None:
    await edited(foo, "192.0.2.81")
    done = await run_undo(foo.repo)
    await run_undo(foo.other, done.operation)
    assert await addresses(foo, await tip(foo), "api") == ["192.0.2.81"]
    with pytest.raises(NotFound, match="nothing to redo"):
        await run_undo(foo.repo, redo=True)
    await run_undo(foo.repo)
    assert await addresses(foo, await tip(foo), "api") == ["192.0.2.80"]


async def test_a_later_move_by_others_is_a_conflict_for_redo_too(foo: TwoOperators) -> None:
    await edited(foo, "192.0.2.81")
    await run_undo(foo.repo)
    now = await edited(TwoOperators(foo.other, foo.repo), "192.0.2.82")
    with pytest.raises(Conflict, match="moved by bob"):
        await run_undo(foo.repo, redo=True)
    assert await tip(foo) == now


class EarlierRefs:
    """A ref store of an earlier release, which ignores unknown fields."""

    def __init__(self, store: Any) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def operation(self, actor: str, prefix: str | None, after: int = 0, **_: Any) -> Any:
        return await self._store.operation(actor, prefix, after)


async def test_redo_is_unavailable_with_a_ref_store_that_does_not_know_it(
    foo: TwoOperators,
) -> None:
    now = await edited(foo, "192.0.2.81")
    store: Any = EarlierRefs(foo.repo.refs)
    with pytest.raises(Unavailable, match="earlier release"):
        await run_undo(msgspec.structs.replace(foo.repo, refs=store), redo=True)
    assert await tip(foo) == now


async def test_an_undone_operation_is_not_undone_again(foo: TwoOperators) -> None:
    await edited(foo, "192.0.2.81")
    operation = await read_latest(foo.repo)
    done = await run_undo(foo.repo)
    for repo in (foo.repo, foo.other):
        with pytest.raises(Conflict, match="was undone already") as refused:
            await run_undo(repo, operation)
        assert refused.value.details["operations"] == done.operation


async def test_a_killed_undo_is_completed_as_one_operation_by_the_same_command(
    foo: TwoOperators,
) -> None:
    await edited(foo, "192.0.2.81")
    await branches.create(foo.repo, ZONE, "canary", await tip(foo))
    await branches.rename(foo.repo, ZONE, "canary", "trial")
    before = await list_refs(foo)

    async def killed() -> None:
        raise ConnectionError

    store: Any = InterruptedRefs(foo.repo.refs, killed)
    with pytest.raises(ConnectionError):
        await run_undo(msgspec.structs.replace(foo.repo, refs=store))
    begun = await read_latest(foo.repo)
    assert set(await list_refs(foo)) == {"main", "canary", "trial"}
    done = await run_undo(foo.repo)
    assert (done.operation, set(await list_refs(foo))) == (begun, {"main", "canary"})
    await run_undo(foo.repo, redo=True)
    assert await list_refs(foo) == before


async def test_edits_are_undone_one_after_the_other_latest_first(foo: TwoOperators) -> None:
    operations_of: list[str] = []
    for text in ("192.0.2.81", "192.0.2.82", "192.0.2.83"):
        await edited(foo, text)
        operations_of.append(await read_latest(foo.repo))
    for operation, text in zip(
        reversed(operations_of), ("192.0.2.82", "192.0.2.81", "192.0.2.80"), strict=True
    ):
        await run_undo(foo.repo, operation)
        assert await addresses(foo, await tip(foo), "api") == [text]


async def test_a_branch_with_other_records_counts_as_moved(
    foo: TwoOperators,
) -> None:
    await edited(foo, "192.0.2.81")
    operation = await read_latest(foo.repo)
    await edited(foo, "192.0.2.82")
    await edited(foo, "192.0.2.83")
    await run_undo(foo.repo)
    with pytest.raises(Conflict, match="was superseded by later"):
        await run_undo(foo.repo, operation)


async def test_a_created_branch_is_removed_after_its_changes_are_undone(
    foo: TwoOperators,
) -> None:
    await branches.create(foo.repo, ZONE, "mine", await tip(foo))
    making = await read_latest(foo.repo)
    await edited(foo, "192.0.2.81", "mine")
    await run_undo(foo.repo)
    await run_undo(foo.repo, making)
    assert set((await foo.repo.refs.zone(ZONE, "")).heads) == {"main"}


async def test_without_an_id_the_latest_operation_of_the_operator_is_undone(
    foo: TwoOperators,
) -> None:
    await branches.create(foo.repo, ZONE, "alices", await tip(foo))
    await branches.create(foo.other, ZONE, "bobs", await tip(foo))
    await run_undo(foo.repo)
    assert set((await foo.repo.refs.zone(ZONE, "")).heads) == {"main", "bobs"}


async def test_any_operation_is_undone_by_the_first_digits_of_its_id(
    foo: TwoOperators,
) -> None:
    await branches.create(foo.other, ZONE, "bobs", await tip(foo))
    done = await run_undo(foo.repo, (await read_latest(foo.repo))[:12])
    assert done.undone.entries[0].actor == "bob"
    assert set((await foo.repo.refs.zone(ZONE, "")).heads) == {"main"}


async def test_without_operations_there_is_nothing_to_undo(foo: TwoOperators) -> None:
    with pytest.raises(NotFound, match="no operations by bob"):
        await run_undo(foo.other)
    with pytest.raises(NotFound, match="no operation 'ffff"):
        await run_undo(foo.repo, "ffff" * 8)


@pytest.mark.parametrize("prefix", ["", "abc", "f" * 65])
async def test_too_few_digits_name_no_operation(foo: TwoOperators, prefix: str) -> None:
    with pytest.raises(Invalid, match="not the beginning"):
        await run_undo(foo.repo, prefix)


async def test_digits_of_two_operations_are_refused_and_both_are_named(foo: TwoOperators) -> None:
    ids = ["abcd" * 4 + "0" * 16, "abcd" * 4 + "1" * 16]
    for number, operation in enumerate(ids):
        zone = names.parse(f"z{number}.example.")
        await foo.repo.refs.register(zone, foo.repo.origin("zone add", operation=operation))
    with pytest.raises(Invalid) as refused:
        await run_undo(foo.repo, "abcdabcd")
    assert all(operation in refused.value.message for operation in ids)
    await run_undo(foo.repo, ids[0])
    assert (await foo.repo.refs.zone(names.parse("z1.example."), "")).heads == {}


async def test_a_later_move_is_a_conflict_with_its_actor_time_and_operation(
    foo: TwoOperators,
) -> None:
    await edited(foo, "192.0.2.81")
    operation = await read_latest(foo.repo)
    bobs = TwoOperators(foo.other, foo.repo)
    now = await edited(bobs, "192.0.2.82")
    with pytest.raises(Conflict) as refused:
        await run_undo(foo.repo, operation)
    text = refused.value.message
    assert "moved by bob at" in text
    assert (await read_latest(foo.repo))[:12] in text
    assert await tip(foo) == now


async def test_nothing_moves_if_one_of_several_refs_moved_since(foo: TwoOperators) -> None:
    await branches.create(foo.repo, ZONE, "canary", await tip(foo))
    await branches.rename(foo.repo, ZONE, "canary", "trial")
    renaming = await read_latest(foo.repo)
    now = await edited(foo, "192.0.2.9", "trial")
    with pytest.raises(Conflict, match="trial was moved"):
        await run_undo(foo.repo, renaming)
    refs = await foo.repo.refs.zone(ZONE, "")
    assert {name: each.target for name, each in refs.heads.items() if name != "main"} == {
        "trial": now
    }


async def test_a_zone_with_later_commits_is_not_removed(
    operators: TwoOperators,
) -> None:
    await heads.initialise(operators.repo, ZONE)
    init = await read_latest(operators.repo)
    commit = check_committed(await operators.import_file(FOO)).commit
    for force in (False, True):
        with pytest.raises(Conflict, match="import"):
            await run_undo(operators.repo, init, force=force)
    assert await tip(operators) == commit


async def test_an_undone_init_leaves_no_zone_and_no_head(operators: TwoOperators) -> None:
    await heads.initialise(operators.repo, ZONE)
    done = await run_undo(operators.repo)
    where = await operators.repo.refs.where("alice")
    assert (where.own, where.default, where.own_lost, where.default_lost) == (
        None, None, False, False,
    )  # fmt: skip
    assert (await operators.repo.refs.snapshot()).zones == []
    (told,) = await operations.list_latest(operators.repo, 1)
    assert told.operation == done.operation


async def test_a_removed_zone_is_restored_with_its_branches_tags_and_commits(
    foo: TwoOperators,
) -> None:
    await branches.create(foo.repo, ZONE, "canary", await tip(foo))
    await edited(foo, "192.0.2.9", "canary")
    await tags.create(foo.repo, ZONE, "v1", await tip(foo), "released")
    before = await list_refs(foo)
    await remove_zone(foo.repo.refs, ZONE, foo.repo.origin("zone remove", force=True))
    await run_undo(foo.repo)
    assert await list_refs(foo) == before
    assert len(before) == 3


async def test_an_operation_of_several_pages_is_undone_completely(
    foo: TwoOperators, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zonegit_refs.sql.operations.PAGE_ROWS", 4)
    for number in range(30):
        ref = ref_names.tag(ZONE, f"v{number}")
        await foo.repo.refs.move(ref, Absent(), await tip(foo), foo.repo.origin("tag"))
    await remove_zone(foo.repo.refs, ZONE, foo.repo.origin("zone remove", force=True))
    heard: list[tuple[int, int]] = []
    done = await operations.find_operation(foo.repo, None)
    meant = Intent("undo", "undo", operation=make_operation_id())
    await undo.undo(foo.repo, done, meant, lambda at, of: heard.append((at, of)))
    assert len((await foo.repo.refs.zone(ZONE, "")).tags) == 30
    assert heard[-1] == (32, 32)


async def test_removing_a_served_branch_needs_force(foo: TwoOperators) -> None:
    first = (await operations.list_latest(foo.repo, 1))[0].operation
    with pytest.raises(Unsafe, match="served from main"):
        await run_undo(foo.repo, first)
    await run_undo(foo.repo, first, force=True)
    assert (await foo.repo.refs.zone(ZONE, "")).heads == {}


async def test_removing_a_branch_checked_out_by_others_needs_force(
    foo: TwoOperators,
) -> None:
    await branches.create(foo.repo, ZONE, "canary", await tip(foo))
    made = await read_latest(foo.repo)
    await branches.checkout(foo.repo, ZONE, "canary")
    with pytest.raises(Unsafe, match=r"branch canary of .* is checked out"):
        await run_undo(foo.repo, made)
    assert "canary" in (await foo.repo.refs.zone(ZONE, "")).heads


async def test_a_proposal_undone_leaves_neither_branch_nor_head(foo: TwoOperators) -> None:
    await proposals.propose(foo.repo, ZONE, "new-mail", await tip(foo))
    done = await run_undo(foo.repo)
    assert len(done.restored) == 3
    assert set((await foo.repo.refs.zone(ZONE, "")).heads) == {"main"}
    assert (await foo.repo.refs.where("alice")).own is None


async def test_a_branch_that_had_later_serials_is_restored_with_a_later_one(
    foo: TwoOperators,
) -> None:
    """It was deleted, created again with a later serial by others, and deleted again."""
    await branches.create(foo.repo, ZONE, "canary", await tip(foo))
    await branches.delete(foo.repo, ZONE, "canary")
    deletion = await read_latest(foo.repo)
    for number in range(3):
        await edited(foo, f"192.0.2.{number}", "main")
    await branches.create(foo.other, ZONE, "canary", await tip(foo))
    await branches.delete(foo.other, ZONE, "canary")
    await run_undo(foo.repo, deletion)
    now = (await heads.find_position(foo.repo, ZONE, "canary")).tip
    assert now is not None
    assert await addresses(foo, CommitId(now.target), "api") == ["192.0.2.80"]
    assert now.serial == 11


async def test_heads_of_others_are_not_moved(foo: TwoOperators) -> None:
    await branches.checkout(foo.other, ZONE, "main")
    with pytest.raises(Denied, match="HEAD of bob belongs to"):
        await run_undo(foo.repo, await read_latest(foo.repo))
    await proposals.propose(foo.other, ZONE, "new-mail", await tip(foo))
    done = await run_undo(foo.repo, await read_latest(foo.repo))
    assert {ref.short for ref in done.skipped} == {"bob"}
    assert set((await foo.repo.refs.zone(ZONE, "")).heads) == {"main"}
    assert (await foo.other.refs.where("bob")).own is not None


async def test_a_head_in_a_removed_zone_is_removed_with_a_note(foo: TwoOperators) -> None:
    await heads.initialise(foo.repo, BAR)
    await branches.switch(foo.repo, ZONE, default=False)
    switching = await read_latest(foo.repo)
    await foo.repo.refs.unregister(BAR, foo.repo.origin("zone remove"))
    await run_undo(foo.repo, switching)
    assert (await foo.repo.refs.where("alice")).own is None
    assert "HEAD of alice was on bar.org. main, and that zone was removed" in foo.noted[0]


async def test_undo_in_a_signed_zone_needs_force(foo: TwoOperators) -> None:
    signed = check_committed(await foo.import_file(SIGNED.replace(" 7 ", " 8 "), force=True)).commit
    with pytest.raises(Unsafe, match="is signed"):
        await run_undo(foo.repo)
    assert await tip(foo) == signed
    await run_undo(foo.repo, force=True)
    assert rrtypes.RRSIG not in {rdtype for _, rdtype in await zone_at(foo, await tip(foo))}


async def test_safety_checks_apply_to_an_undo(foo: TwoOperators) -> None:
    """The undo of an import that doubled a zone deletes half of it."""
    hosts = "".join(f"h{number} IN A 192.0.2.{number}\n" for number in range(20))
    doubled = check_committed(await foo.import_file(FOO.replace(" 7 ", " 8 ") + hosts)).commit
    with pytest.raises(Unsafe, match=r"more than 30 %") as refused:
        await run_undo(foo.repo)
    assert "--reason" in (refused.value.hint or "")
    assert await tip(foo) == doubled
    await run_undo(foo.repo, force=True, reason="the wrong file")
    assert len(await zone_at(foo, await tip(foo))) == 5
    assert (await operations.list_latest(foo.repo, 1))[0].entries[0].reason == "the wrong file"


async def test_a_commit_to_many_zones_is_undone_in_all_of_them(foo: TwoOperators) -> None:
    zones = [ZONE, *(names.parse(f"z{number}.example.") for number in range(20))]
    for zone in zones[1:]:
        await foo.repo.refs.register(zone, foo.repo.origin("zone add"))
        await foo.import_file(FOO, zone)
    wishes = [
        ZoneCommitRequest(
            await heads.find_position(foo.repo, zone, "main"),
            list(reader.read(f"{FOO}new IN A 192.0.2.5\n".encode(), zone).rrsets.values()),
        )
        for zone in zones
    ]
    together = Intent("all of them", "workspace commit", operation=make_operation_id())
    await multi_zone.commit(foo.repo, wishes, together)
    done = await run_undo(foo.repo)
    assert len(done.restored) == 21
    for zone in zones:
        now = (await heads.find_position(foo.repo, zone, "main")).commit()
        assert len(await zone_at(foo, now)) == 5


async def test_a_branch_that_others_reset_to_the_same_commit_is_not_moved(
    foo: TwoOperators,
) -> None:
    """A second signature gives other commits with the same records."""
    first = await tip(foo)
    at = await heads.find_position(foo.repo, ZONE)
    again = Intent("said again", "set")

    async def plan(reader: Reader, _tip: CommitBase) -> PlannedChange:
        return PlannedChange({}, parents=(first,))

    await commit_loop.commit(foo.repo, at, plan, again)
    saying = await read_latest(foo.repo)
    back = Intent("back", "reset", force=True)
    at = await heads.find_position(foo.other, ZONE)
    await reset.reset(foo.other, at, first, back, exact=True)
    done = await run_undo(foo.repo, saying)
    assert [(each.moved, each.commit) for each in done.restored] == [(None, first)]
    assert await tip(foo) == first


async def test_a_dry_run_shows_the_undone_refs_and_moves_nothing(foo: TwoOperators) -> None:
    now = await edited(foo, "192.0.2.81")
    done = await run_undo(foo.repo, dry_run=True)
    assert [(each.change.ref.short, each.moved) for each in done.restored] == [("main", None)]
    assert await tip(foo) == now


class InterruptedRefs:
    """A ref store in which another client makes a move right after the first one."""

    def __init__(self, store: Any, others: Callable[[], Awaitable[object]]) -> None:
        self._store = store
        self._others = others
        self._moved = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def move(self, *arguments: Any, **named: Any) -> Any:
        moved = await self._store.move(*arguments, **named)
        if not self._moved:
            self._moved = True
            await self._others()
        return moved


async def test_an_interrupted_undo_lists_undone_and_remaining_refs(
    foo: TwoOperators,
) -> None:
    await branches.create(foo.repo, ZONE, "canary", await tip(foo))
    await branches.rename(foo.repo, ZONE, "canary", "trial")
    bobs = TwoOperators(foo.other, foo.repo)
    store: Any = InterruptedRefs(foo.repo.refs, lambda: edited(bobs, "192.0.2.9", "trial"))
    with pytest.raises(Conflict) as stopped:
        await run_undo(msgspec.structs.replace(foo.repo, refs=store))
    said = stopped.value.message
    assert "restored: foo.com. canary; not restored: foo.com. trial" in said
    assert set((await foo.repo.refs.zone(ZONE, "")).heads) == {"main", "canary", "trial"}
    await run_undo(foo.repo, stopped.value.details["operation"])
    assert set((await foo.repo.refs.zone(ZONE, "")).heads) == {"main", "trial"}


Content = dict[str, object]
"""What every ref holds, by a name for it: of a branch its records, the SOA under serial 0."""

_numbers = count()
_names = st.sampled_from(["main", "canary", "trial"])
_who = st.sampled_from([0, 1])
_which = st.sampled_from([0, 1])
_steps = st.lists(
    st.tuples(
        st.sampled_from(
            ["edit", "edit", "create", "delete", "rename", "tag", "untag", "checkout", "switch",
             "switch_all", "remove", "init", "propose", "reset"]
        ),
        _who, _which, _names, _names, st.integers(0, 255),
    ),
    min_size=3,
    max_size=12,
)  # fmt: skip


HEADS_ALONE = ("checkout", "switch", "switch_all")
"""Steps that move HEADs and nothing else: neither undo nor redo means them."""


class OperationSequence:
    """Two operators of two zones, and the content of all refs."""

    def __init__(self, operators: TwoOperators) -> None:
        number = next(_numbers)
        self.operators = operators
        self.repos = (operators.repo, operators.other)
        self.zones = [names.parse(f"{name}{number}.test.") for name in ("one", "two")]

    async def act(
        self, what: str, who: int, which: int, branch: str, other: str, number: int
    ) -> None:
        repo, zone = self.repos[who], self.zones[which]
        match what:
            case "init":
                await heads.initialise(repo, zone)
            case "edit":
                await self._edit(repo, zone, branch, number)
            case "create":
                await branches.create(repo, zone, other, await self._tip(zone, branch))
            case "delete":
                await branches.delete(repo, zone, branch, force=True)
            case "rename":
                await branches.rename(repo, zone, branch, other, force=True)
            case "tag":
                commit = await self._tip(zone, branch)
                await tags.create(repo, zone, other, commit, str(number), force=True)
            case "untag":
                await tags.delete(repo, zone, other)
            case "checkout":
                await branches.checkout(repo, zone, branch)
            case "switch":
                await branches.switch(repo, zone, default=False)
            case "switch_all":
                await branches.switch(repo, zone, default=True)
            case "remove":
                await remove_zone(repo.refs, zone, repo.origin("zone remove", force=True))
            case "propose":
                await proposals.propose(repo, zone, other, await self._tip(zone, branch))
            case "reset":
                at = await heads.find_position(repo, zone, branch)
                target = await self._tip(zone, other)
                await reset.reset(repo, at, target, Intent("reset", "reset"), exact=False)

    async def _tip(self, zone: Name, branch: str) -> CommitId:
        return (await heads.find_position(self.operators.repo, zone, branch)).commit()

    async def _edit(self, repo: Repo, zone: Name, branch: str, number: int) -> None:
        at = await heads.find_position(repo, zone, branch)
        rdata = rdata_from_text(rrtypes.A, f"192.0.2.{number}")
        todo = [Set(rrset(names.parse("api", zone), rrtypes.A, 300, [rdata]))]
        if at.tip is None:
            text = f"ns1 admin {number} 7200 3600 1209600 300"
            soa = rdata_from_text(rrtypes.SOA, text, zone)
            todo.append(Set(rrset(zone, rrtypes.SOA, 300, [soa])))
        await commit_loop.commit(
            repo, at, change_plan.plan_edits(todo, zone), Intent("edit", "set")
        )

    async def content(self) -> Content:
        found: Content = {}
        for repo in self.repos:
            where = await repo.refs.where(repo.actor)
            for name, head in (("own", where.own), ("default", where.default)):
                stands = (head.zone, head.branch) if head is not None else None
                found[f"{name} HEAD of {repo.actor}"] = stands
        for zone in self.zones:
            try:
                refs = await self.operators.repo.refs.zone(zone, "")
            except NotFound:
                continue
            found[f"{zone!r}"] = "registered"
            for branch, at in refs.heads.items():
                found[f"{refs.zone!r} {branch}"] = await self._records(refs.zone, at.target)
            for tag, at in refs.tags.items():
                found[f"{refs.zone!r} tag {tag}"] = at.target
            for repo in self.repos:
                known = await repo.refs.zone(refs.zone, repo.actor)
                found[f"{refs.zone!r} of {repo.actor}"] = known.remembered
        return found

    async def records(self) -> Content:
        """Return the content without HEADs, because one in a zone that was removed is gone."""
        every = await self.content()
        return {name: each for name, each in every.items() if " of " not in name}

    async def _records(self, zone: Name, commit: ObjectId) -> object:
        found = await zone_at(self.operators, CommitId(commit))
        soa = found[zone, rrtypes.SOA]
        return {**found, (zone, rrtypes.SOA): with_serial(soa, 0)}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
@given(steps=_steps)
async def test_an_undo_of_any_operation_restores_every_ref_and_can_be_undone(
    operators: TwoOperators, steps: list[tuple[str, int, int, str, str, int]]
) -> None:
    both = OperationSequence(operators)
    for what, who, *how in [("init", 0, 0, "main", "main", 0), *steps]:
        before = await both.content()
        last = (await operations.list_latest(operators.repo, 1)) or [None]
        try:
            await both.act(what, who, *how)
        except ZonegitError:
            continue
        after = await both.content()
        now = await operations.list_latest(operators.repo, 1)
        if now[0] == last[0]:
            continue
        done = await run_undo(both.repos[who], now[0].operation, force=True, reason="why not")
        assert await both.content() == before
        await run_undo(both.repos[who], done.operation, force=True, reason="why not")
        assert await both.content() == after


_works = _steps.map(lambda steps: [each for each in steps if each[0] not in HEADS_ALONE])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
@given(steps=_works, data=st.data())
async def test_as_many_redos_as_undos_restore_every_ref(
    operators: TwoOperators, steps: list[tuple[str, int, int, str, str, int]], data: st.DataObject
) -> None:
    both = OperationSequence(operators)
    contents = [await both.records()]
    last = await newest(operators)
    for what, _, *how in [("init", 0, 0, "main", "main", 0), *steps]:
        with suppress(ZonegitError):
            await both.act(what, 0, *how)
        if await newest(operators) != last:
            contents.append(await both.records())
            last = await newest(operators)
    repo, at = both.repos[0], len(contents) - 1
    for _ in range(2):
        times = data.draw(st.integers(0, at))
        for undos in range(1, times + 1):
            await run_undo(repo, force=True, reason="why not")
            assert await both.records() == contents[at - undos]
        for redos in range(1, times + 1):
            await run_undo(repo, force=True, reason="why not", redo=True)
            assert await both.records() == contents[at - times + redos]
        with pytest.raises(NotFound, match="nothing to redo"):
            await run_undo(repo, redo=True)


async def test_a_head_moved_since_is_not_a_conflict(
    operators: TwoOperators,
) -> None:
    """The undo of the second init finds no zone for HEAD to return to."""
    await heads.initialise(operators.other, ZONE)  # the default HEAD, which later zones leave
    both = OperationSequence(operators)
    contents = [await both.records()]
    for what, which in (("init", 0), ("edit", 0), ("remove", 0), ("init", 1)):
        await both.act(what, 0, which, "main", "main", 0)
        contents.append(await both.records())
    for before in contents[-2::-1]:
        await run_undo(both.repos[0], force=True, reason="why not")
        assert await both.records() == before


async def newest(operators: TwoOperators) -> str | None:
    found = await operations.list_latest(operators.repo, 1)
    return found[0].operation if found else None
