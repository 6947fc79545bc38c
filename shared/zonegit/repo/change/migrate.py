"""Import a dump of a v0.3 store of the original (docs/object-model.md).

The file is JSON: ``objects`` is a list of ``Kind``, ``Hash`` and ``Payload`` (hex), and ``refs``
maps names to the hex digits of their slots. The whole file is checked before anything is sent.
"""

from collections.abc import Mapping, Sequence
from graphlib import TopologicalSorter
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from zonegit.errors import Invalid, ZonegitError
from zonegit.objects.codec import decode, list_links
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
from zonegit.store.objects import ObjectStore
from zonegit.store.ref_log import Moved, Origin
from zonegit.store.refs import Adopter
from zonegit.store.v03_slots import Slots, V03Refs
from zonegit.wire.messages import MAX_ADOPTED

MAX_OCTETS: Final = 512 << 20
"""Maximum size of a dump."""

_Hex = Annotated[str, Meta(pattern=r"^([0-9a-fA-F]{2})*\Z", max_length=2 * MAX_PAYLOAD)]
_Slot = Annotated[str, Meta(pattern=r"^[0-9a-fA-F]{64}\Z")]


class Dump(msgspec.Struct, frozen=True):
    """A v0.3 store: its objects, children first, its slots, and the refs that these encode."""

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
    """Read a dump.

    Args:
        octets: the content of the file.
        source: the name of the file, for errors.

    Raises:
        Invalid: it is malformed or too large, a slot is malformed, or an object is missing.
        Corrupt: an object does not hash to its id.
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
        return Dump(_sort_children_first(_read_objects(found.objects), meaning), slots, meaning)
    except ZonegitError as error:
        error.message = f"{source}: {error.message}"
        raise


async def migrate(objects: ObjectStore, adopter: Adopter, dump: Dump, origin: Origin) -> Moved:
    """Store the objects of a dump and adopt its refs. Doing so again changes nothing.

    Raises:
        Conflict: its zone exists already and differs.
        Unsafe, Unavailable: errors of the stores.
    """
    await objects.put(dump.objects)
    return await adopter.adopt(dump.slots, origin)


def _read_objects(rows: Sequence[_Row]) -> dict[ObjectId, RawObject]:
    raws = (RawObject(from_hex(row.hash), row.kind, bytes.fromhex(row.payload)) for row in rows)
    return {raw.id: verify(raw) for raw in raws}


def _sort_children_first(
    objects: Mapping[ObjectId, RawObject], meaning: V03Refs
) -> list[RawObject]:
    """Sort the objects, children first.

    Raises:
        Invalid: an object or a ref names an object that is not in the dump.
    """
    named = {raw.id: set(list_links(decode(raw))) for raw in objects.values()}
    for name, (_, target) in meaning.refs.items():
        if target not in objects:
            raise Invalid(f"{name} names {short(target)}, which is not in the dump")
    for object_id, children in named.items():
        for child in children - objects.keys():
            kind = objects[object_id].kind
            raise Invalid(
                f"{kind} {short(object_id)} names {short(child)}, which is not in the dump"
            )
    return [objects[each] for each in TopologicalSorter(named).static_order()]
