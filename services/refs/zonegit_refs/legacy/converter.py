"""From the original's names to ours, one durable step after the other (docs/object-model.md).

An old name goes only when what it held stands under its new one, so at no point is a commit lost,
and whoever begins again after any step comes to the same end. Steps that were carried out already
are known by their operation; those that somebody else was ahead with, by their result.
"""

from typing import Protocol

from zonegit.errors import Conflict, NotFound
from zonegit.objects.codec import encode
from zonegit.objects.ids import ObjectId, short
from zonegit.objects.model import Symref
from zonegit.store import ref_names, v03_slots
from zonegit.store.protocols import HeadsOfOperator, LogEntry, Moved, ObjectStore, Origin, RefStore
from zonegit.store.ref_names import RefName
from zonegit.store.v03_slots import V03Refs
from zonegit.zone.names import Name
from zonegit_refs.legacy.pending_names import PendingNames


class UnconvertedNames(Protocol):
    """The names still to be converted."""

    async def pending(self) -> PendingNames | None:
        """None when all is done."""
        ...

    async def drop(self, name: str) -> None:
        """That name is done; durable when it returns."""
        ...


class NewRefs(RefStore, Protocol):
    """The names of our own store."""

    async def take_over(self, ref: RefName, new: ObjectId, origin: Origin) -> Moved:
        """Move a ref that is absent, as :meth:`move` does, to what the original's store had there:
        a type may stand as ``TYPEnnn`` under any of its spellings."""
        ...


async def convert(old: UnconvertedNames, new: NewRefs, objects: ObjectStore) -> list[LogEntry]:
    """Converts every old name, and returns the rows of the log that this operation wrote.

    Raises:
        Conflict: a branch or tag came to hold something else.
        Unsafe: a branch of that name had a later serial.
        NotFound, Invalid, Unavailable: as the stores say.
    """
    pending = await old.pending()
    if pending is None:
        return []
    found = v03_slots.decode(pending.slots)
    origin = pending.origin
    written = await _register(new, found.zone, origin)
    for name, (ref, target) in found.refs.items():
        written += await _copy(new, ref, target, origin)
        await old.drop(name)
    if found.head is not None:
        written += await _stand(new, objects, found.head, origin)
        await old.drop(v03_slots.HEAD)
    await old.drop(v03_slots.ZONE)
    return written


async def absent(new: RefStore, found: V03Refs, actor: str) -> list[tuple[RefName, ObjectId]]:
    """The refs, and what they hold, that are not here yet.

    Raises:
        Conflict: one is here, and holds something else.
    """
    try:
        held = await new.zone(found.zone, actor)
    except NotFound:
        return list(found.refs.values())
    tips = {ref_names.branch(held.zone, name): tip.target for name, tip in held.heads.items()}
    tips |= {ref_names.tag(held.zone, name): tip.target for name, tip in held.tags.items()}
    for ref, target in found.refs.values():
        tip = tips.get(ref, target)
        if tip != target:
            raise Conflict(
                f"{ref.path()} is {short(tip)} here, and {short(target)} in the old store",
                hint="nothing was changed; delete it here first if the old store is right",
                tip=tip.hex(),
            )
    return [(ref, target) for ref, target in found.refs.values() if ref not in tips]


async def _register(new: RefStore, zone: Name, origin: Origin) -> list[LogEntry]:
    try:
        return list((await new.register(zone, origin)).entries)
    except Conflict:
        return []  # it is registered, and whoever did so need not have been this


async def _copy(new: NewRefs, ref: RefName, target: ObjectId, origin: Origin) -> list[LogEntry]:
    try:
        return (await new.take_over(ref, target, origin)).entries
    except Conflict as lost:
        if lost.details.get("tip") != target.hex():
            raise
        return []


async def _stand(
    new: RefStore, objects: ObjectStore, branch: RefName, origin: Origin
) -> list[LogEntry]:
    """HEAD becomes the default one where there is none yet, and the branch that the operator who
    migrates is taken to in this zone, unless they know one there already."""
    assert branch.zone is not None
    await objects.put([encode(Symref(branch.path()))])
    written: list[LogEntry] = []
    if _takes_default(await new.where(origin.actor), branch):
        written += (await new.point(ref_names.default_head(), branch, origin)).entries
    held = await new.zone(branch.zone, origin.actor)
    if held.remembered in (None, branch.short) or held.remembered not in held.heads:
        remembered = ref_names.remembered(origin.actor, branch.zone)
        written += (await new.point(remembered, branch, origin)).entries
    return written


def _takes_default(where: HeadsOfOperator, branch: RefName) -> bool:
    if where.default is None:
        return not where.default_lost
    return (where.default.zone, where.default.branch) == (branch.zone, branch.short)
