"""Read the tables. Each function sees one state of the store.

Long results are split into pages that fit a message; each page has the start of the next one.
"""

from collections.abc import Collection, Iterable
from itertools import groupby
from typing import Any, Final

from zonegit.errors import NotFound
from zonegit.objects.ids import ObjectId
from zonegit.safety.moves import unknown_zone_error
from zonegit.store.ref_log import Ago, At, Back, LogEntry, LogPage, RefAt, When
from zonegit.store.ref_names import RefName
from zonegit.store.refs import Head, HeadsOfOperator, RefsSnapshot, RefTip, ZoneRefs
from zonegit.store.transaction import Row, Transaction
from zonegit.zone import names
from zonegit.zone.names import Name
from zonegit_refs.sql import recovery, schema

PAGE_OCTETS: Final = 400 * 1024
"""The approximate maximum size of a reply."""

PAGE_ZONES: Final = 500
PAGE_ENTRIES: Final = 2_000
ENTRY_OCTETS: Final = 220
"""The maximum size of a log row in a message without its texts, and of a tip."""

_OF_REF: Final = f"{schema.LOG} WHERE zone = ? AND space = ? AND short = ?"
_POINTED: Final = "SELECT to_zone, to_branch FROM head WHERE actor = ? AND zone = ?"
_TIP_OF_BRANCH: Final = f"{schema.TIP} WHERE ref.zone = ? AND ref.space = 'heads' AND ref.short = ?"
_ACCEPTED: Final = (
    "SELECT 1 FROM log WHERE new = ? AND zone = ? AND space IN ('heads', 'tags') LIMIT 1"
)
_BY_THEN: Final = """
    SELECT sequence FROM log WHERE zone = ? AND space = ? AND short = ? AND time <= ?
    ORDER BY sequence DESC LIMIT 1
"""


def read_heads(actor: str) -> Transaction[HeadsOfOperator]:
    """Return the HEADs that apply to an actor."""
    own, own_lost = yield from _read_head(actor)
    default, default_lost = yield from _read_head("")
    return HeadsOfOperator(own, default, own_lost, default_lost)


def _read_head(actor: str) -> Transaction[tuple[Head | None, bool]]:
    """Return the branch that a HEAD points to, and whether its zone was removed."""
    found = schema.POINTED.read_first((yield _POINTED, (actor, schema.NO_ZONE)))
    if found is None:
        return None, False
    zone, branch = found
    if not (yield from schema.is_registered(zone)):
        return None, True
    rows = yield _TIP_OF_BRANCH, (zone, branch)
    return Head(zone, branch, schema.read_tip(rows[0])[1] if rows else None), False


def read_zone(zone: Name, actor: str) -> Transaction[ZoneRefs]:
    """Return the refs of a zone.

    Raises:
        NotFound: The zone is not registered.
    """
    yield from require_zone(zone)
    found = yield f"{schema.TIP} WHERE ref.zone = ?", (zone,)
    remembered = schema.POINTED.read_first((yield _POINTED, (actor, zone)))
    proof = yield from recovery.read_witness()
    awaiting = proof is not None or (yield from recovery.is_awaiting(zone))
    return _zone_refs(zone, found, remembered[1] if remembered else None, awaiting=awaiting)


def require_zone(zone: Name) -> Transaction[None]:
    """Check that a zone is registered.

    Raises:
        NotFound: The zone is not registered.
    """
    if not (yield from schema.is_registered(zone)):
        raise unknown_zone_error(zone)


def _zone_refs(
    zone: Name, found: Iterable[Row], remembered: str | None, *, awaiting: bool
) -> ZoneRefs:
    heads: dict[str, RefTip] = {}
    tags: dict[str, RefTip] = {}
    serving: RefTip | None = None
    for row in found:
        ref, tip = schema.read_tip(row)
        if ref.space == "serving":
            serving = tip
        else:
            (heads if ref.space == "heads" else tags)[ref.short] = tip
    return ZoneRefs(zone, heads, tags, remembered, awaiting, serving)


def read_snapshot(after: Name | None) -> Transaction[RefsSnapshot]:
    """Return a page of zones, sorted by their octets; ``after`` of the result is the start of the
    next one."""
    start = after if after is not None else schema.NO_ZONE
    rows = yield (
        "SELECT zone FROM zone WHERE zone > ? ORDER BY zone LIMIT ?",
        (start, PAGE_ZONES + 1),
    )
    zones = schema.ZONE.read_all(rows)
    page = zones[:PAGE_ZONES]
    refs = yield from _read_refs(page)
    fits = cut_to_page([(_zone_octets(refs.get(zone, [])), zone) for zone in page])
    more = len(fits) < len(zones)
    awaiting = yield from _read_awaiting(page)
    proof = yield from recovery.read_witness()
    return RefsSnapshot(
        (yield from schema.read_epoch()),
        (yield from schema.read_last_sequence()),
        [_zone_refs(zone, refs.get(zone, []), None, awaiting=zone in awaiting) for zone in fits],
        fits[-1] if more else None,
        (yield from recovery.read_past()),
        proof is not None or (yield from recovery.count_awaiting()) > 0,
        operation=(yield from schema.read_last_operation()),
        installation=(yield from schema.read_installation()),
        replaces=(yield from schema.read_replaced()),
    )


def _read_awaiting(zones: list[Name]) -> Transaction[set[Name]]:
    """Return those of the sorted ``zones`` whose refs may not move yet."""
    if (yield from recovery.read_witness()) is not None:
        return set(zones)
    if not zones:
        return set()
    found = yield "SELECT zone FROM awaiting WHERE zone BETWEEN ? AND ?", (zones[0], zones[-1])
    return set(schema.ZONE.read_all(found))


def _read_refs(zones: list[Name]) -> Transaction[dict[Name, list[Row]]]:
    """Return the refs of ``zones``, which are sorted and contiguous among the registered ones."""
    if not zones:
        return {}
    found = yield (
        f"{schema.TIP} WHERE ref.zone BETWEEN ? AND ? ORDER BY ref.zone",
        (zones[0], zones[-1]),
    )
    return {zone: list(group) for zone, group in groupby(found, key=lambda row: row[6])}


def _zone_octets(refs: list[Row]) -> int:
    return ENTRY_OCTETS + names.MAX_OCTETS + sum(ENTRY_OCTETS + len(row[0]) for row in refs)


def cut_to_page(sized: list[tuple[int, Any]]) -> list[Any]:
    """Return the first values whose sizes together fit a page, at least one."""
    total = 0
    fitting: list[Any] = []
    for size, value in sized:
        total += size
        if fitting and total > PAGE_OCTETS:
            break
        fitting.append(value)
    return fitting


def read_since(epoch: str, sequence: int, operation: str) -> Transaction[LogPage]:
    """Return the log rows after ``sequence`` that fit a page; none if ``epoch`` is another one."""
    ours = yield from schema.read_epoch()
    last = yield from schema.read_last_sequence()
    if epoch != ours:
        return LogPage(ours, last, [])
    if (yield from recovery.is_other_row(sequence, operation)):
        return LogPage(ours, last, [], is_other=True)
    found = yield (
        f"{schema.LOG} WHERE sequence > ? ORDER BY sequence LIMIT ?",
        (sequence, PAGE_ENTRIES),
    )
    return LogPage(ours, last, _page(schema.read_entries(found)))


def read_reflog(ref: RefName, limit: int, serial: int | None) -> Transaction[list[LogEntry]]:
    """Return the last moves of a ref that fit a page, the newest first.

    With ``serial``, only moves to that serial in this epoch are returned: before a restore, the
    serial may have been that of another state, which this log has lost.
    """
    began = (yield from schema.read_epoch_start()) if serial is not None else 0
    found = yield (
        f"{_OF_REF} AND serial IS coalesce(?, serial) AND sequence > ?"
        " ORDER BY sequence DESC LIMIT ?",
        (*_key(ref), serial, began, limit),
    )
    return _page(schema.read_entries(found))


def list_accepted(zone: Name, commits: Collection[ObjectId]) -> Transaction[list[ObjectId]]:
    """Return those of ``commits`` that a branch or tag of the zone ever had."""
    accepted = []
    for commit in commits:
        if (yield _ACCEPTED, (commit, zone)):
            accepted.append(commit)
    return accepted


def _key(ref: RefName) -> tuple[bytes, str, str]:
    return schema.zone_key(ref), ref.space, ref.short


def read_at(ref: RefName, when: When, now: float) -> Transaction[RefAt]:
    """Return the value of a ref at a time.

    Args:
        ref: The ref.
        when: The time, or a number of moves ago.
        now: The current time, in seconds since 1970.

    Raises:
        NotFound: The ref never existed, or has not moved so often.
    """
    match when:
        case Back(moves):
            entry = yield from _read_nth_move(ref, moves)
            return RefAt(entry, entry.time)
        case Ago(seconds):
            time = max(now - seconds, 0.0)
        case At(time):
            pass
    rows = yield f"{schema.LOG} WHERE sequence = ({_BY_THEN})", (*_key(ref), time)
    by_then = schema.read_first_entry(rows)
    return RefAt(by_then or (yield from _read_first_move(ref)), time)


def _read_first_move(ref: RefName) -> Transaction[LogEntry]:
    found = schema.read_first_entry((yield f"{_OF_REF} ORDER BY sequence LIMIT 1", _key(ref)))
    if found is None:
        raise NotFound(f"ref {ref.path()} never existed", moves="0")
    return found


def _read_nth_move(ref: RefName, moves: int) -> Transaction[LogEntry]:
    """Return the move before the latest ``moves`` ones."""
    rows = yield f"{_OF_REF} ORDER BY sequence DESC LIMIT 1 OFFSET ?", (*_key(ref), moves)
    found = schema.read_first_entry(rows)
    if found is not None:
        return found
    yield from _read_first_move(ref)
    ((count,),) = yield (
        "SELECT count(*) FROM log WHERE zone = ? AND space = ? AND short = ?",
        _key(ref),
    )
    raise NotFound(f"{ref.path()} has moved {count} times, not {moves + 1}", moves=str(count))


def _page(entries: list[LogEntry]) -> list[LogEntry]:
    return cut_to_page([(entry_octets(entry), entry) for entry in entries])


def entry_octets(entry: LogEntry) -> int:
    """Return the approximate size of a log row in a message."""
    texts = (
        entry.command, entry.reason or "", entry.actor, entry.operation, entry.undoes or "",
        entry.ref.short,
    )  # fmt: skip
    return (
        ENTRY_OCTETS + len(schema.zone_key(entry.ref)) + sum(len(text.encode()) for text in texts)
    )
