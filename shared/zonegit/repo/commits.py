"""One change from an intended edit to an acknowledged commit.

Read the tip, work out the new tree purely, store its objects, then move the branch by
compare-and-swap: objects before refs. A lost race replays the edit on the new tip as long as
nobody else touched the same RRsets.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Collection
from typing import Final

import msgspec

from zonegit.errors import Conflict, Invalid, Unsafe
from zonegit.history import trees
from zonegit.history.trees import Change
from zonegit.objects import asks
from zonegit.objects.canonical import encode
from zonegit.objects.ids import CommitId, ObjectId, RawObject, short
from zonegit.objects.model import Blob, Commit
from zonegit.repo import browse, edits, workspace
from zonegit.repo.edits import Changes, Edit
from zonegit.repo.serials import next_soa
from zonegit.repo.workspace import Position, Repo
from zonegit.store.expected import Absent, Exactly
from zonegit.store.protocols import Moved, ObjectStore
from zonegit.store.reading import Reader
from zonegit.zone import names, rrtypes
from zonegit.zone.names import Name
from zonegit.zone.rrset import RRset, soa, with_serial
from zonegit.zone.serial import later

MAX_REPLAYS: Final = 50
SHOWN: Final = 5
"""How many RRsets an error names before it only counts them."""

Plan = Callable[[Reader, ObjectId | None], Awaitable[Changes]]
"""Works out the changes on a tip's tree; None: the branch has no commit yet."""


class Intent(msgspec.Struct, frozen=True):
    """What a commit is for. ``reason`` is the command's name, for the reflog; ``imports`` says
    that the change is a whole zone from outside, which is why it may replace a signed one and is
    never replayed on a tip it did not see."""

    message: str
    reason: str
    force: bool = False
    imports: bool = False


class Committed(msgspec.Struct, frozen=True):
    """An acknowledged commit. ``before`` is the serial it replaced, None for a first commit;
    ``changes`` what it changed beside the SOA's serial; ``replayed`` how many races it lost."""

    zone: Name
    branch: str
    commit: CommitId
    parent: CommitId | None
    serial: int
    before: int | None
    changes: Changes
    moved: Moved
    replayed: int = 0


class _Tip(msgspec.Struct, frozen=True):
    """What the next commit builds on."""

    tree: ObjectId | None
    soa: RRset | None
    rrsig: RRset | None


class _Draft(msgspec.Struct, frozen=True):
    """A commit made but not yet pointed at, its objects children first."""

    commit: CommitId
    serial: int
    objects: list[RawObject]
    changes: Changes


def plan_edits(todo: Collection[Edit], apex: Name) -> Plan:
    """A plan that applies edits to whatever the tip holds at their owners."""

    async def plan(reader: Reader, tree: ObjectId | None) -> Changes:
        owners = {edits.owner(edit) for edit in todo}
        present = await browse.rrsets_at(reader, tree, owners, apex)
        return edits.apply(todo, present, apex)

    return plan


def plan_replacement(
    rrsets: Collection[RRset], apex: Name, renew: ObjectStore | None = None
) -> Plan:
    """A plan that makes the zone equal ``rrsets``; equal subtrees are never read. ``renew`` is a
    store that is given every object again, what it holds already too: that repairs what rotted."""
    wanted = {(rrset.owner, rrset.rdtype): rrset for rrset in rrsets}

    async def plan(reader: Reader, tree: ObjectId | None) -> Changes:
        if tree is None:
            return dict(wanted)
        objects, built = _build(rrsets, apex)
        if renew is not None:
            await renew.put(objects)
        reader.learn(objects)
        found: list[Change] = []
        await reader.answer(trees.diff(tree, built, found.append))
        keys = [(names.below(apex, change.path), change.rdtype) for change in found]
        return {key: wanted.get(key) for key in keys}

    return plan


def _build(rrsets: Collection[RRset], apex: Name) -> tuple[list[RawObject], ObjectId | None]:
    objects = [encode(Blob(rrset)) for rrset in rrsets]
    placed = {
        (names.path(rrset.owner, apex), rrset.rdtype): raw.id
        for rrset, raw in zip(rrsets, objects, strict=True)
    }
    return objects, asks.run(trees.update(None, placed, objects), {})


async def commit(repo: Repo, position: Position, plan: Plan, intent: Intent) -> Committed | None:
    """Carries a plan out as one commit; None when there is nothing to commit.

    Raises:
        Conflict: the race was lost to a change of the same RRsets (or too often); names the tip.
        Unsafe: the zone is signed and the change would invalidate signatures.
        Invalid: the result would break a rule of DNS.
        NotFound, Unavailable: as the stores say.
    """
    reader = Reader(repo.objects)
    for replayed in range(MAX_REPLAYS):
        tip = await _read_tip(reader, position)
        changes = await plan(reader, tip.tree)
        draft = await _draft(repo, reader, position, tip, changes, intent)
        if draft is None:
            return None
        await repo.objects.put(draft.objects)
        try:
            moved = await _move(repo, position, draft, intent)
        except Conflict as lost:
            position = await _next_position(repo, reader, position, tip, draft, intent, lost)
            await asyncio.sleep(random.uniform(0, 0.002) * replayed)  # noqa: S311 # no secret
            continue
        return Committed(
            zone=position.zone,
            branch=position.branch,
            commit=draft.commit,
            parent=CommitId(position.tip.target) if position.tip else None,
            serial=draft.serial,
            before=soa(tip.soa).serial if tip.soa else None,
            changes=draft.changes,
            moved=moved,
            replayed=replayed,
        )
    raise Conflict(
        f"{position.branch} moved {MAX_REPLAYS} times while this was tried",
        hint="somebody commits without pause; try again later",
    )


async def _read_tip(reader: Reader, position: Position) -> _Tip:
    if position.tip is None:
        return _Tip(None, None, None)
    found = await browse.read_commit(reader, position.commit())
    apex = position.zone
    at = (await browse.rrsets_at(reader, found.tree, [apex], apex))[apex]
    return _Tip(found.tree, at.get(rrtypes.SOA), at.get(rrtypes.RRSIG))


async def _draft(
    repo: Repo, reader: Reader, position: Position, tip: _Tip, changes: Changes, intent: Intent
) -> _Draft | None:
    new_soa = await _decide_soa(reader, position, tip, changes, intent)
    others = {key: value for key, value in changes.items() if key != (position.zone, rrtypes.SOA)}
    if new_soa is None and not others:
        return None
    serial_rrset = new_soa or tip.soa
    if serial_rrset is None:
        raise Invalid(
            f"{names.text(position.zone)} has no SOA record yet, and a zone needs one",
            hint="import a zone file, or set one: zonegit set @ SOA 3600 'ns1 admin 1 2h 1h 2w 1h'",
        )
    stored: Changes = dict(others)
    if new_soa is not None:
        stored[position.zone, rrtypes.SOA] = new_soa
    objects, tree = await _store(reader, position.zone, tip.tree, stored)
    who = repo.now()
    parents = (position.commit(),) if position.tip else ()
    made = encode(Commit(tree, parents, author=who, committer=who, message=intent.message))
    objects.append(made)
    told = others if new_soa is None or _same_but_serial(new_soa, tip.soa) else changes
    return _Draft(CommitId(made.id), soa(serial_rrset).serial, objects, told)


def _same_but_serial(one: RRset, other: RRset | None) -> bool:
    return other is not None and with_serial(one, 0) == with_serial(other, 0)


async def _decide_soa(
    reader: Reader, position: Position, tip: _Tip, changes: Changes, intent: Intent
) -> RRset | None:
    """The SOA to store, None where it stays; see docs/object-model.md, Serials."""
    apex = position.zone
    wanted = changes.get((apex, rrtypes.SOA))
    others = any(key != (apex, rrtypes.SOA) for key in changes)
    if _signs_soa(tip.rrsig) and changes and not intent.imports and not intent.force:
        raise await _would_break_signatures(reader, apex, tip, changes)
    after = changes.get((apex, rrtypes.RRSIG), tip.rrsig)
    highest = position.tip.highest if position.tip else None
    if not _signs_soa(after):
        return next_soa(tip.soa, wanted, highest, others)
    # A signed SOA is never touched: its serial is whatever was signed.
    kept = wanted or tip.soa
    if changes and not intent.force and kept is not None and tip.soa is not None:
        reached = soa(tip.soa).serial if highest is None else highest
        if not later(soa(kept).serial, reached):
            raise Unsafe(
                f"the signed zone's serial {soa(kept).serial} is not later than {reached}",
                hint="sign it again with a later serial; --force serves it all the same",
            )
    return wanted


def _signs_soa(rrsig: RRset | None) -> bool:
    covered = rrtypes.SOA.to_bytes(2, "big")
    return rrsig is not None and any(rdata[:2] == covered for rdata in rrsig.rdatas)


async def _would_break_signatures(
    reader: Reader, apex: Name, tip: _Tip, changes: Changes
) -> Unsafe:
    owners = {owner for owner, _ in changes}
    present = await browse.rrsets_at(reader, tip.tree, owners, apex)
    broken = []
    for owner, rdtype in sorted(changes):
        rrsig = present[owner].get(rrtypes.RRSIG)
        covered = rdtype.to_bytes(2, "big")
        if rrsig is not None and any(rdata[:2] == covered for rdata in rrsig.rdatas):
            broken.append(f"{names.text(owner)} {rrtypes.to_text(rdtype)}")
    shown = ", ".join(broken[:SHOWN]) or "none of the RRsets changed, but the proofs around them"
    more = f" and {len(broken) - SHOWN} more" if len(broken) > SHOWN else ""
    return Unsafe(
        f"{names.text(apex)} is signed; this would invalidate the signatures of {shown}{more}",
        hint="import a newly signed zone instead; --force changes it all the same",
    )


async def _store(
    reader: Reader, apex: Name, tree: ObjectId | None, changes: Changes
) -> tuple[list[RawObject], ObjectId]:
    """The new blobs and trees, and the new tree's id."""
    objects: list[RawObject] = []
    placed: dict[tuple[names.Path, int], ObjectId | None] = {}
    for (owner, rdtype), rrset in changes.items():
        blob = None
        if rrset is not None:
            objects.append(encode(Blob(rrset)))
            blob = objects[-1].id
        placed[names.path(owner, apex), rdtype] = blob
    root = await reader.answer(trees.update(tree, placed, objects))
    assert root is not None  # it holds an SOA
    return objects, root


async def _move(repo: Repo, position: Position, draft: _Draft, intent: Intent) -> Moved:
    expected = Exactly(position.tip.target) if position.tip else Absent()
    origin = repo.origin(intent.reason, force=intent.force)
    return await repo.refs.move(position.ref, expected, draft.commit, origin, draft.objects)


async def _next_position(
    repo: Repo,
    reader: Reader,
    position: Position,
    tip: _Tip,
    draft: _Draft,
    intent: Intent,
    lost: Conflict,
) -> Position:
    """Where to replay after a lost race.

    Raises:
        Conflict: the winner changed the same RRsets, or this change is not one to replay.
    """
    now = await workspace.locate(repo, position.zone, position.branch)
    if position.tip is None or now.tip is None or intent.imports:
        raise lost
    theirs = (await browse.read_commit(reader, now.commit())).tree
    found: list[Change] = []
    await reader.answer(trees.diff(tip.tree, theirs, found.append))
    touched = {(names.below(position.zone, change.path), change.rdtype) for change in found}
    apex_soa = (position.zone, rrtypes.SOA)
    both = sorted((touched & draft.changes.keys()) - {apex_soa})
    if not both:
        return msgspec.structs.replace(position, tip=now.tip)
    owner, rdtype = both[0]
    raise Conflict(
        f"{names.text(owner)} {rrtypes.to_text(rdtype)} was changed meanwhile:"
        f" {position.branch} is now at {short(now.commit())}",
        hint="look at it (zonegit show), then send the change again",
        tip=now.commit().hex(),
    )
