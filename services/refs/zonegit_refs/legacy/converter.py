"""Convert the names of the original to those of this store, in durable steps
(docs/object-model.md).

An old name is dropped only after its value has its new name, so no commit is lost at any point, and
a conversion that is restarted after any step has the same result. Steps that were executed already
are recognized by their operation, and steps of another client by their result.
"""

from typing import Protocol

from zonegit.errors import Conflict, NotFound
from zonegit.objects.codec import encode
from zonegit.objects.ids import ObjectId, short
from zonegit.objects.model import Symref
from zonegit.store import ref_names, v03_slots
from zonegit.store.backends import PendingNames
from zonegit.store.objects import ObjectStore
from zonegit.store.ref_log import LogEntry, Moved, Origin
from zonegit.store.ref_names import RefName
from zonegit.store.refs import HeadsOfOperator, RefStore
from zonegit.store.v03_slots import V03Refs
from zonegit.zone.names import Name


class UnconvertedNames(Protocol):
    """The names that are not converted yet."""

    async def pending(self) -> PendingNames | None:
        """Return the names; None if all are converted."""
        ...

    async def drop(self, name: str) -> None:
        """Drop a converted name. The change is durable on return."""
        ...


class NewRefs(RefStore, Protocol):
    """The ref store that gets the names."""

    async def take_over(self, ref: RefName, new: ObjectId, origin: Origin) -> Moved:
        """Create a ref by :meth:`move`, with its value in a store of the original.

        Types in its tree may have any spelling of ``TYPEnnn``.
        """
        ...


async def convert(old: UnconvertedNames, new: NewRefs, objects: ObjectStore) -> list[LogEntry]:
    """Convert all names, and return the log rows of this operation.

    Raises:
        Conflict: A branch or tag has another value.
        Unsafe: A branch of that name had a later serial.
        NotFound, Invalid, Unavailable: Errors of the stores.
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
        written += await _set_heads(new, objects, found.head, origin)
        await old.drop(v03_slots.HEAD)
    await old.drop(v03_slots.ZONE)
    return written


async def list_absent(new: RefStore, found: V03Refs, actor: str) -> list[tuple[RefName, ObjectId]]:
    """Return the refs, with their values, that do not exist in this store yet.

    Raises:
        Conflict: One exists with another value.
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
        return []  # the zone is registered, perhaps by another client


async def _copy(new: NewRefs, ref: RefName, target: ObjectId, origin: Origin) -> list[LogEntry]:
    try:
        return (await new.take_over(ref, target, origin)).entries
    except Conflict as lost:
        if lost.details.get("tip") != target.hex():
            raise
        return []


async def _set_heads(
    new: RefStore, objects: ObjectStore, branch: RefName, origin: Origin
) -> list[LogEntry]:
    """Set the default HEAD, and the remembered branch of the migrating operator, unless they are
    set."""
    assert branch.zone is not None
    await objects.put([encode(Symref(branch.path()))])
    written: list[LogEntry] = []
    if _takes_default(await new.where(origin.actor), branch):
        written += (await new.point(ref_names.default_head(), branch, origin)).entries
    held = await new.zone(branch.zone, origin.actor)
    if held.remembered in (None, branch.short) or held.remembered not in held.heads:
        remembered = ref_names.remembered_branch(origin.actor, branch.zone)
        written += (await new.point(remembered, branch, origin)).entries
    return written


def _takes_default(where: HeadsOfOperator, branch: RefName) -> bool:
    if where.default is None:
        return not where.default_lost
    return (where.default.zone, where.default.branch) == (branch.zone, branch.short)
