"""A dry run of a move gets the answer of the move, and changes nothing."""

import secrets
from collections.abc import Awaitable
from dataclasses import dataclass

import pytest
from tests.contract.conftest import ACTOR, RefStoreHarness
from tests.support import commits
from tests.support.commits import StoredCommit
from tests.support.zone_removal import remove_zone

from zonegit.errors import Invalid, ZonegitError
from zonegit.store import ref_names
from zonegit.store.basis import USUAL, Basis, RefState, ServedTree
from zonegit.store.ref_log import Origin
from zonegit.store.ref_names import RefName
from zonegit.store.refs import Absent, Anything, Exactly, Expected
from zonegit.zone import names

FOO = names.parse("foo.com.")
BAR = names.parse("bar.com.")
MAIN = ref_names.branch(FOO, "main")
GONE = ref_names.branch(FOO, "gone")

FIRST = commits.commit(FOO, 10, hosts=20)
SECOND = commits.commit(FOO, 11, hosts=21)
ELSEWHERE = commits.commit(BAR, 12)
AT_SECOND = Exactly(SECOND.id)


def origin(*, force: bool = False, reason: str | None = None) -> Origin:
    return Origin(ACTOR, "test", secrets.token_hex(16), force, reason=reason)


@dataclass(frozen=True)
class JudgedMove:
    """A move and its outcome: the code of an error, None if it is accepted."""

    code: str | None
    new: StoredCommit | None
    ref: RefName = MAIN
    expected: Expected = AT_SECOND
    force: bool = False
    reason: str | None = None
    stored: bool = True


CASES = {
    "a later serial": JudgedMove(None, commits.commit(FOO, 12, hosts=21)),
    "the same commit": JudgedMove(None, SECOND),
    "the same serial, other records": JudgedMove("unsafe", commits.commit(FOO, 11, hosts=22)),
    "an earlier serial": JudgedMove("unsafe", commits.commit(FOO, 9, hosts=21)),
    "an earlier serial, forced": JudgedMove(None, commits.commit(FOO, 9, hosts=21), force=True),
    "most of the zone": JudgedMove("unsafe", commits.commit(FOO, 12, hosts=8)),
    "most of the zone, forced": JudgedMove("unsafe", commits.commit(FOO, 12, hosts=8), force=True),
    "most of the zone, forced with a reason": JudgedMove(
        None, commits.commit(FOO, 12, hosts=8), force=True, reason="a test"
    ),
    "most of the zone, with a reason alone": JudgedMove(
        "unsafe", commits.commit(FOO, 12, hosts=8), reason="a test"
    ),
    "a lost race": JudgedMove(
        "conflict", commits.commit(FOO, 12, hosts=8), expected=Exactly(FIRST.id)
    ),
    "a branch that exists": JudgedMove("conflict", commits.commit(FOO, 12), expected=Absent()),
    "whatever it holds": JudgedMove(None, commits.commit(FOO, 12, hosts=21), expected=Anything()),
    "a new branch": JudgedMove(None, FIRST, ref_names.branch(FOO, "new"), Absent()),
    "a deleted branch, at a later serial": JudgedMove(
        None, commits.commit(FOO, 12), GONE, Absent()
    ),
    "a deleted branch, at an earlier serial": JudgedMove("unsafe", FIRST, GONE, Absent()),
    "a deleted branch, forced": JudgedMove(None, FIRST, GONE, Absent(), force=True),
    "a deleted branch that is expected": JudgedMove("conflict", FIRST, GONE, Exactly(SECOND.id)),
    "a deletion": JudgedMove(None, None),
    "a deletion of another tip": JudgedMove("conflict", None, expected=Exactly(FIRST.id)),
    "a commit of another zone": JudgedMove("invalid", ELSEWHERE),
    "a commit without a SOA": JudgedMove("invalid", commits.commit(FOO, None)),
    "a zone that is not registered": JudgedMove(
        "not-found", ELSEWHERE, ref_names.branch(BAR, "main"), Absent()
    ),
    "a commit that is nowhere": JudgedMove(
        "not-found", commits.commit(FOO, 12, hosts=21), stored=False
    ),
    "a tag": JudgedMove(None, FIRST, ref_names.tag(FOO, "v1"), Absent()),
    "a tag that exists": JudgedMove("conflict", FIRST, ref_names.tag(FOO, "v0"), Absent()),
    "a zone's own ref": JudgedMove("invalid", FIRST, ref_names.marker(FOO), Absent()),
}


@pytest.fixture
async def prepared(harness: RefStoreHarness) -> RefStoreHarness:
    """Register foo.com. with two commits on main, a tag, and a branch that was deleted."""
    refs = harness.refs
    await refs.register(FOO, origin())
    await harness.objects.put([*FIRST.objects, *SECOND.objects])
    await refs.move(MAIN, Absent(), FIRST.id, origin())
    await refs.move(MAIN, Exactly(FIRST.id), SECOND.id, origin())
    await refs.move(ref_names.tag(FOO, "v0"), Absent(), FIRST.id, origin())
    await refs.move(GONE, Absent(), SECOND.id, origin())
    await refs.move(GONE, Exactly(SECOND.id), None, origin())
    return harness


Failed = tuple[str, str, str | None, dict[str, str]]


async def outcome(work: Awaitable[object]) -> Failed | None:
    """Return the parts of an error that are compared, None without an error."""
    try:
        await work
    except ZonegitError as error:
        return error.code, error.message, error.hint, error.details
    return None


@pytest.mark.parametrize("name", CASES)
async def test_a_dry_run_of_a_move_has_its_outcome_and_stores_nothing(
    prepared: RefStoreHarness, name: str
) -> None:
    case = CASES[name]
    new = case.new.id if case.new is not None else None
    objects = case.new.objects if case.new is not None and case.stored else []
    absent = await prepared.objects.missing([raw.id for raw in objects])
    before = await prepared.refs.snapshot()
    why = origin(force=case.force, reason=case.reason)
    judged = await outcome(prepared.refs.judge(case.ref, case.expected, new, why, objects))
    assert await prepared.refs.snapshot() == before
    assert await prepared.objects.missing([raw.id for raw in objects]) == absent
    await prepared.objects.put(objects)
    moved = await outcome(prepared.refs.move(case.ref, case.expected, new, why))
    if name == "a zone's own ref":  # the bus names what each verb accepts; judge accepts more
        assert moved is not None
        assert moved[0] == case.code
    else:
        assert judged == moved
    assert (judged[0] if judged is not None else None) == case.code


async def test_stored_objects_need_not_be_sent(prepared: RefStoreHarness) -> None:
    thin = CASES["most of the zone"].new
    assert thin is not None
    await prepared.objects.put(thin.objects)
    judged = prepared.refs.judge(MAIN, Exactly(SECOND.id), thin.id, origin())
    assert (await outcome(judged) or ("",))[0] == "unsafe"


@pytest.mark.parametrize("serial", [11, 12])
async def test_the_judged_operation_may_register_the_zone(
    prepared: RefStoreHarness, serial: int
) -> None:
    """The highest serial of a zone outlives its removal."""
    new = commits.commit(FOO, serial)

    async def judge(*, registers: bool = True) -> Failed | None:
        return await outcome(
            prepared.refs.judge(MAIN, Absent(), new.id, origin(), new.objects, registers=registers)
        )

    assert (await judge() or ("",))[0] == "conflict"
    await remove_zone(prepared.refs, FOO, origin(force=True))
    assert (await judge(registers=False) or ("",))[0] == "not-found"
    judged = await judge()
    await prepared.refs.register(FOO, origin())
    await prepared.objects.put(new.objects)
    moved = await outcome(prepared.refs.move(MAIN, Absent(), new.id, origin()))
    assert judged == moved
    assert (judged is None) == (serial == 12)


async def test_the_basis_of_a_verdict_is_returned(prepared: RefStoreHarness) -> None:
    assert await prepared.refs.basis(MAIN) == Basis(
        RefState(True, SECOND.id, ServedTree(11, SECOND.tree)), USUAL
    )
    gone = RefState(True, None, ServedTree(11, SECOND.tree), refs=2)
    assert await prepared.refs.basis(GONE) == Basis(gone, USUAL)
    tag = RefState(True, FIRST.id)
    assert await prepared.refs.basis(ref_names.tag(FOO, "v0")) == Basis(tag, USUAL)
    nowhere = await prepared.refs.basis(ref_names.branch(BAR, "main"))
    assert nowhere == Basis(RefState(False, None, is_new=True), USUAL)
    with pytest.raises(Invalid):
        await prepared.refs.basis(ref_names.marker(FOO))


@pytest.mark.parametrize("name", ["a later serial", "most of the zone", "a lost race", "a tag"])
async def test_a_zone_that_awaits_recovery_is_judged_as_such(
    prepared: RefStoreHarness, name: str
) -> None:
    case = CASES[name]
    assert case.new is not None
    await prepared.refs.register(BAR, origin())
    await prepared.refs.recover(BAR, [], [], origin())  # the first one begins an epoch
    assert (await prepared.refs.zone(FOO, ACTOR)).awaiting
    await prepared.objects.put(case.new.objects)
    judged = await outcome(prepared.refs.judge(case.ref, case.expected, case.new.id, origin()))
    assert judged == await outcome(
        prepared.refs.move(case.ref, case.expected, case.new.id, origin())
    )
    assert (judged or ("",))[0] == "unavailable"
    assert (await outcome(prepared.refs.basis(case.ref)) or ("",))[0] == "unavailable"
