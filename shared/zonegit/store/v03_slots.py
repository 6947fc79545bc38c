"""The refs of the original's layout v0.3, which knew one zone: slots of 32 octets by name.

A branch or tag holds an id; ``HEAD`` and the name of the zone hold text behind its length, padded
with zeros (docs/object-model.md). Slots come from files of others: nothing in them is believed.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from zonegit.errors import Invalid
from zonegit.objects.ids import ID_OCTETS, ObjectId
from zonegit.store import ref_names
from zonegit.store.ref_names import RefName
from zonegit.zone import names
from zonegit.zone.names import Name

Slots = Mapping[str, bytes]
"""Names of the old layout and the 32 octets that each holds."""

SLOT_OCTETS: Final = 32
HEAD: Final = "HEAD"
ZONE: Final = "refs/zonegit/zone"
_HEADS: Final = "refs/heads/"
_TAGS: Final = "refs/tags/"
_PRINTABLE: Final = range(0x21, 0x7F)


class V03Refs(msgspec.Struct, frozen=True):
    """The meaning of slots. ``refs`` maps an old name to the name within the zone and the id;
    ``head`` is the branch that HEAD is on, None without HEAD."""

    zone: Name
    refs: Mapping[str, tuple[RefName, ObjectId]]
    head: RefName | None


def decode(slots: Slots) -> V03Refs:
    """Decode slots.

    Raises:
        Invalid: a name or a slot is malformed, or the zone has no name; says which.
    """
    if ZONE not in slots:
        raise Invalid(f"{ZONE} is missing: a store of layout v0.3 names its zone there")
    zone = names.parse(_text(ZONE, slots[ZONE]))
    head = _branch_of(zone, HEAD, _text(HEAD, slots[HEAD])) if HEAD in slots else None
    refs = {
        name: (_scoped(zone, name), _id(name, slot))
        for name, slot in sorted(slots.items())
        if name not in (HEAD, ZONE)
    }
    return V03Refs(zone, refs, head)


def _scoped(zone: Name, name: str) -> RefName:
    if name.startswith(_TAGS):
        return ref_names.tag(zone, name.removeprefix(_TAGS))
    return _branch_of(zone, name, name)


def _branch_of(zone: Name, name: str, path: str) -> RefName:
    if not path.startswith(_HEADS):
        raise Invalid(f"{name[:80]!r}: {path[:80]!r} is not the name of a ref in layout v0.3")
    return ref_names.branch(zone, path.removeprefix(_HEADS))


def _id(name: str, slot: bytes) -> ObjectId:
    if len(slot) != ID_OCTETS:
        raise _malformed(name)
    return ObjectId(slot)


def _text(name: str, slot: bytes) -> str:
    if len(slot) != SLOT_OCTETS or slot[0] >= SLOT_OCTETS:
        raise _malformed(name)
    text, padding = slot[1 : 1 + slot[0]], slot[1 + slot[0] :]
    if any(padding) or not all(octet in _PRINTABLE for octet in text):
        raise _malformed(name)
    return text.decode("ascii")


def _malformed(name: str) -> Invalid:
    return Invalid(f"the slot of {name[:80]!r} is malformed", hint="is this a store of v0.3?")
