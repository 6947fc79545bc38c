"""Save a change that was computed on a tip, so that it can be reviewed and applied later.

It is applied only if the RRsets that it changes have not changed since. Changes of other RRsets do
not matter. A saved plan is a JSON document, and untrusted input.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from zonegit.errors import Conflict, Invalid, format_list
from zonegit.objects import zone_tree
from zonegit.objects.ids import HEX_ID, CommitId, ObjectId, from_hex
from zonegit.objects.model import Index, Tree
from zonegit.objects.tree_codec import count_entries
from zonegit.repo import read_zone
from zonegit.repo.commit import change_plan, commit_loop, drafts, edits
from zonegit.repo.commit.change_plan import ChangePlanner
from zonegit.repo.commit.diff import RRsetDelta, TreePair
from zonegit.repo.commit.drafts import CommitBase, PlannedChange
from zonegit.repo.commit.dry_runs import Judgement
from zonegit.repo.commit.edits import Delete, RRsetEdit, Set
from zonegit.repo.commit.intent import Intent, OnConflict
from zonegit.repo.commit.outcomes import Preview, Unchanged
from zonegit.repo.heads import BranchPosition
from zonegit.repo.repo import Repo
from zonegit.store import ref_names
from zonegit.store.reader import Reader
from zonegit.zone import lexer, names, rrtypes, rules, spelling
from zonegit.zone.findings import Finding
from zonegit.zone.names import ROOT, Name
from zonegit.zone.rrset import (
    MAX_TTL,
    RRset,
    format_key,
    is_same_except_serial,
    parse_soa,
    rrset,
    with_serial,
)
from zonegit.zone.serial import is_later
from zonegit.zonefile import typed_records
from zonegit.zonefile.conflict_markers import refuse_markers

VERSION: Final = 1
MAX_OCTETS: Final = 64 << 20
MAX_CHANGES: Final = 1_000_000
MAX_NAMED: Final = 1_000
"""Changed RRsets that an error names; the rest is counted."""
EXACT_COUNT_LIMIT: Final = 250
"""RRsets up to which a zone is counted exactly; for a larger zone a lower bound is given."""


class SavedPlan(msgspec.Struct, frozen=True):
    """A plan.

    Attributes:
        base: the commit that it was computed on; None if the branch had none.
        serial: the serial that the commit would have got.
        before: the tip's serial.
        is_import: it was computed from a whole zone, which may replace a signed one.
        deltas: the RRsets that change, without a change of the SOA's serial only.
        findings: findings about the tip it was computed on; empty for a plan that was read.
        judgement: whether the ref store would accept the move; None if nothing would be moved, or
            for a plan that was read.
    """

    zone: Name
    branch: str
    base: CommitId | None
    serial: int
    before: int | None
    is_import: bool
    deltas: list[RRsetDelta]
    findings: tuple[Finding, ...] = ()
    judgement: Judgement | None = None


class ZoneSize(msgspec.Struct, frozen=True):
    """The number of RRsets of a zone; a lower bound unless ``is_exact``."""

    rrsets: int
    is_exact: bool


_Rdata = Annotated[str, Meta(max_length=lexer.MAX_ENTRY)]


class _Content(msgspec.Struct, frozen=True):
    ttl: Annotated[int, Meta(ge=0, le=MAX_TTL)]
    rdata: Annotated[list[_Rdata], Meta(min_length=1, max_length=65_535)]


class _Change(msgspec.Struct, frozen=True):
    name: Annotated[str, Meta(max_length=2_000)]
    type: Annotated[str, Meta(max_length=16)]
    old: _Content | None
    new: _Content | None


class _Document(msgspec.Struct, frozen=True):
    plan: Literal[1]
    zone: Annotated[str, Meta(max_length=2_000)]
    branch: Annotated[str, Meta(max_length=ref_names.MAX_SHORT)]
    base: str | None
    serial: Annotated[int, Meta(ge=0, lt=1 << 32)]
    serial_before: Annotated[int, Meta(ge=0, lt=1 << 32)] | None
    whole_zone: bool
    changes: Annotated[list[_Change], Meta(max_length=MAX_CHANGES)]


async def make_plan(
    repo: Repo, at: BranchPosition, plan: ChangePlanner, *, is_import: bool
) -> tuple[SavedPlan, ZoneSize]:
    """Return the saved plan for a change to a branch, and the size of the zone. Nothing is stored.

    Args:
        repo: the stores.
        at: the branch.
        plan: returns the change for a tip.
        is_import: the change is a whole zone, which may replace a signed one.

    Raises:
        Unsafe: the zone is signed, and this would break it.
        Invalid, NotFound: errors of the plan.
    """
    dry = Intent("plan", "plan", imports=is_import, on_conflict=OnConflict.FAIL, dry_run=True)
    reader = Reader(repo.objects)
    tip = await drafts.read_tip(reader, at)
    preview = await commit_loop.commit(repo, at, plan, dry, reader)
    serial, deltas = tip.serial or 0, []
    if isinstance(preview, Preview):
        serial = preview.serial
        pair = TreePair(at.zone, preview.old, preview.new, reader, preview.objects)
        deltas = await pair.read_deltas()
    found = preview.findings if isinstance(preview, Preview | Unchanged) else ()
    saved = SavedPlan(
        at.zone, at.branch, tip.commit, serial, tip.serial, is_import, deltas, found,
        preview.judgement if isinstance(preview, Preview) else None,
    )  # fmt: skip
    return saved, await _count_rrsets(reader, tip.tree)


async def _count_rrsets(reader: Reader, tree: ObjectId | None) -> ZoneSize:
    if tree is None:
        return ZoneSize(0, is_exact=True)
    root = (await reader.get([tree]))[tree]
    entries = len(root.entries) if isinstance(root, Tree) else 0
    if isinstance(root, Index):
        entries = count_entries(root.rows)
    if entries > EXACT_COUNT_LIMIT:
        return ZoneSize(entries, is_exact=False)
    found = await reader.answer(zone_tree.count(tree, EXACT_COUNT_LIMIT + 1))
    return ZoneSize(found, is_exact=found <= EXACT_COUNT_LIMIT)


def count_kinds(plan: SavedPlan) -> Mapping[str, int]:
    """Count the RRsets that are added, changed and deleted."""
    kinds = Counter(get_kind(delta) for delta in plan.deltas)
    return {each: kinds[each] for each in ("added", "changed", "deleted")}


def get_kind(delta: RRsetDelta) -> str:
    """Return whether an RRset is added, changed or deleted."""
    if delta.old is None:
        return "added"
    return "deleted" if delta.new is None else "changed"


def is_plan(octets: bytes) -> bool:
    """Return whether the input is a saved plan: no edit and no diff begins with a brace."""
    return octets.lstrip()[:1] == b"{"


def read(octets: bytes, source: str) -> SavedPlan:
    """Read a saved plan.

    Raises:
        Invalid: it is not a plan, or it cannot be applied; names ``source`` and the place.
    """
    if len(octets) > MAX_OCTETS:
        raise Invalid(f"{source}: more than {MAX_OCTETS} octets")
    refuse_markers(octets, source)
    try:
        found = msgspec.json.decode(octets, type=_Document)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Invalid(
            f"{source} is not a plan: {error}", hint="zonegit plan FILE --out PLAN writes one"
        ) from None
    if found.base is not None and not HEX_ID.fullmatch(found.base):
        raise Invalid(f"{source}: base {found.base[:80]!r} is not the id of a commit")
    try:
        zone, branch = names.parse(found.zone), ref_names.check_name(found.branch)
    except Invalid as error:
        raise Invalid(f"{source}: {error.message}", hint=error.hint) from None
    plan = SavedPlan(
        zone,
        branch,
        CommitId(from_hex(found.base)) if found.base is not None else None,
        found.serial,
        found.serial_before,
        found.whole_zone,
        [_parse_delta(each, number, zone, source) for number, each in enumerate(found.changes, 1)],
    )
    _check_unique(plan, source)
    return plan


def _parse_delta(change: _Change, number: int, zone: Name, source: str) -> RRsetDelta:
    try:
        owner, rdtype = names.parse(change.name), rrtypes.from_text(change.type)
        rules.check_within(owner, zone)
        old, new = (_parse_rrset(owner, rdtype, each) for each in (change.old, change.new))
        if old == new:
            raise Invalid("the RRset is the same before and after")
        if new is None and (owner, rdtype) == (zone, rrtypes.SOA):
            raise Invalid("a zone must keep its SOA")
    except Invalid as error:
        where = f"{source}: change {number}, {change.name[:80]} {change.type}"
        raise Invalid(f"{where}: {error.message}", hint=error.hint) from None
    return RRsetDelta(owner, rdtype, old, new)


def _parse_rrset(owner: Name, rdtype: int, content: _Content | None) -> RRset | None:
    if content is None:
        return None
    rdatas = [typed_records.read_rdata(rdtype, text, ROOT) for text in content.rdata]
    value = rrset(owner, rdtype, content.ttl, rdatas)
    if rdtype == rrtypes.SOA:
        parse_soa(value)  # raises if it is malformed
    return value


def _check_unique(plan: SavedPlan, source: str) -> None:
    seen = Counter((delta.owner, delta.rdtype) for delta in plan.deltas)
    if twice := [key for key, times in seen.items() if times > 1]:
        raise Invalid(f"{source}: {format_key(*twice[0])} is changed twice")


def plan_saved(plan: SavedPlan) -> ChangePlanner:
    """Return a plan that applies a saved plan to the tip; nothing to do if the tip has its content
    already.

    The returned plan raises:
        Conflict: RRsets are not as the plan saw them; names them.
        Invalid: the result would break a rule of DNS.
    """

    async def plan_on_tip(reader: Reader, tip: CommitBase) -> PlannedChange | None:
        owners = {delta.owner for delta in plan.deltas}
        present = await read_zone.read_rrsets_at(reader, tip.tree, owners, plan.zone)
        now = [(delta, present[delta.owner].get(delta.rdtype)) for delta in plan.deltas]
        serial_alone = (
            not plan.deltas and tip.serial is not None and is_later(plan.serial, tip.serial)
        )
        if all(_is_applied(delta, value) for delta, value in now) and not serial_alone:
            return None
        if moved := [delta for delta, value in now if not _has_same_records(delta.old, value)]:
            raise _changed_error(plan, moved)
        # If the spelling is still as the plan saw it, store the plan's own.
        respell = all(is_same_except_serial(delta.old, value) for delta, value in now)
        changes = edits.apply(map(_make_edit, plan.deltas), present, plan.zone)
        settled = change_plan.drop_respelled(changes, present, respell=respell)
        return _request_serial(settled, plan, tip) if settled.changes or serial_alone else settled

    return plan_on_tip


def _request_serial(settled: PlannedChange, plan: SavedPlan, tip: CommitBase) -> PlannedChange:
    """Request the plan's serial. It is used if it is later than all serials of the branch."""
    key = (plan.zone, rrtypes.SOA)
    if key in settled.changes or tip.soa is None:
        return settled
    changes = {**settled.changes, key: with_serial(tip.soa, plan.serial)}
    return msgspec.structs.replace(settled, changes=changes)


def _make_edit(delta: RRsetDelta) -> RRsetEdit:
    return Delete(delta.owner, delta.rdtype) if delta.new is None else Set(delta.new)


def _is_applied(delta: RRsetDelta, value: RRset | None) -> bool:
    """Return whether an RRset has the new value already. The spelling of its records matters only
    if the plan changes nothing else."""
    if _has_same_records(delta.old, delta.new):
        return is_same_except_serial(delta.new, value)
    return _has_same_records(delta.new, value)


def _has_same_records(one: RRset | None, other: RRset | None) -> bool:
    """Return whether two RRsets have the same records, except for serials, which change with every
    commit."""
    return spelling.is_same(_clear_serial(one), _clear_serial(other))


def _clear_serial(value: RRset | None) -> RRset | None:
    return value if value is None or value.rdtype != rrtypes.SOA else with_serial(value, 0)


def _changed_error(plan: SavedPlan, moved: Iterable[RRsetDelta]) -> Conflict:
    titles = [format_key(delta.owner, delta.rdtype) for delta in moved]
    where = f"{names.text(plan.zone)} {plan.branch}"
    return Conflict(
        f"{where} has changed since the plan was made: {format_list(titles, MAX_NAMED)};"
        " nothing was moved",
        hint="check them (zonegit diff), then make a new plan",
    )
