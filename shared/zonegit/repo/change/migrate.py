"""A dump of a store that the original wrote at v0.3 (docs/object-model.md), taken over.

The file is JSON: ``objects``, a list of ``Kind``, ``Hash`` and ``Payload`` (hex), and ``refs``, a
map of names to the hex digits of their slots. All of it is checked before any of it is sent.
"""

from collections.abc import Mapping, Sequence
from graphlib import TopologicalSorter
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from zonegit.errors import Invalid, ZonegitError
from zonegit.objects.codec import decode, links
from zonegit.objects.ids import (
    MAX_PAYLOAD,
    ObjectId,
    ObjectKind,
    RawObject,
    from_hex,
    short,
    verify,
)
from zonegit.store import v03_slots
from zonegit.store.protocols import Adopter, Moved, ObjectStore, Origin
from zonegit.store.v03_slots import Slots, V03Refs
from zonegit.wire.messages import MAX_ADOPTED

MAX_OCTETS: Final = 512 << 20
"""A larger dump is not read."""

_Hex = Annotated[str, Meta(pattern=r"^([0-9a-fA-F]{2})*\Z", max_length=2 * MAX_PAYLOAD)]
_Slot = Annotated[str, Meta(pattern=r"^[0-9a-fA-F]{64}\Z")]


class Dump(msgspec.Struct, frozen=True):
    """A store of the original: its objects, children first, its slots and what they mean."""

    objects: Sequence[RawObject]
    slots: Slots
    legacy: V03Refs


class _Row(msgspec.Struct, rename="pascal", gc=False):
    kind: ObjectKind
    hash: str
    payload: _Hex


class _File(msgspec.Struct):
    objects: list[_Row]
    refs: Annotated[dict[str, _Slot], Meta(max_length=MAX_ADOPTED)]


def read(octets: bytes, source: str) -> Dump:
    """Reads a dump; ``source`` is what errors call it.

    Raises:
        Invalid: it is none, it is too large, a slot is malformed, or something is missing.
        Corrupt: an object is not what its hash promises.
    """
    if len(octets) > MAX_OCTETS:
        raise Invalid(f"{source}: more than {MAX_OCTETS} octets")
    try:
        found = msgspec.json.decode(octets, type=_File)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Invalid(f"{source}: not a dump of a store of v0.3: {error}") from error
    try:
        slots = {name: bytes.fromhex(slot) for name, slot in found.refs.items()}
        meaning = v03_slots.decode(slots)
        return Dump(_children_first(_objects(found.objects), meaning), slots, meaning)
    except ZonegitError as error:
        error.message = f"{source}: {error.message}"
        raise


async def migrate(objects: ObjectStore, adopter: Adopter, dump: Dump, origin: Origin) -> Moved:
    """Puts the objects of a dump and has its names taken over; sent again, it changes nothing.

    Raises:
        Conflict: its zone is here already and differs.
        Unsafe, Unavailable: as the stores say.
    """
    await objects.put(dump.objects)
    return await adopter.adopt(dump.slots, origin)


def _objects(rows: Sequence[_Row]) -> dict[ObjectId, RawObject]:
    raws = (RawObject(from_hex(row.hash), row.kind, bytes.fromhex(row.payload)) for row in rows)
    return {raw.id: verify(raw) for raw in raws}


def _children_first(objects: Mapping[ObjectId, RawObject], meaning: V03Refs) -> list[RawObject]:
    """Raises:
    Invalid: an object or a ref names an object that is not in the dump.
    """
    named = {raw.id: set(links(decode(raw))) for raw in objects.values()}
    for name, (_, target) in meaning.refs.items():
        if target not in objects:
            raise Invalid(f"{name} holds {short(target)}, which is not in it")
    for object_id, children in named.items():
        for child in children - objects.keys():
            kind = objects[object_id].kind
            raise Invalid(f"{kind} {short(object_id)} names {short(child)}, which is not in it")
    return [objects[each] for each in TopologicalSorter(named).static_order()]
