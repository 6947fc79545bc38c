"""Decode the refs of layout v0.3 of the original zonegit, which had one zone per store.

Each ref is a slot of 32 octets. The slot of a branch or tag is an id. The slots of ``HEAD`` and of
the name of the zone are text after its length, padded with zeros (docs/object-model.md). Slots come
from foreign files, so everything in them is checked.
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
"""The slots of 32 octets by the names of layout v0.3."""

SLOT_OCTETS: Final = 32
HEAD: Final = "HEAD"
ZONE: Final = "refs/zonegit/zone"
_HEADS: Final = "refs/heads/"
_TAGS: Final = "refs/tags/"
_PRINTABLE: Final = range(0x21, 0x7F)


class V03Refs(msgspec.Struct, frozen=True):
    """The decoded refs of a v0.3 store.

    Args:
        zone: the name of the zone.
        refs: the ref and its id by the name in the old layout.
        head: the branch of HEAD, or None without HEAD.
    """

    zone: Name
    refs: Mapping[str, tuple[RefName, ObjectId]]
    head: RefName | None


def decode(slots: Slots) -> V03Refs:
    """Decode the slots of a store.

    Raises:
        Invalid: a name or a slot is malformed, or the name of the zone is missing; the message
            names it.
    """
    if ZONE not in slots:
        raise Invalid(f"{ZONE} is missing: a store of layout v0.3 names its zone there")
    zone = names.parse(_parse_text(ZONE, slots[ZONE]))
    head = _parse_branch(zone, HEAD, _parse_text(HEAD, slots[HEAD])) if HEAD in slots else None
    refs = {
        name: (_parse_ref(zone, name), _parse_id(name, slot))
        for name, slot in sorted(slots.items())
        if name not in (HEAD, ZONE)
    }
    return V03Refs(zone, refs, head)


def _parse_ref(zone: Name, name: str) -> RefName:
    if name.startswith(_TAGS):
        return ref_names.tag(zone, name.removeprefix(_TAGS))
    return _parse_branch(zone, name, name)


def _parse_branch(zone: Name, name: str, path: str) -> RefName:
    if not path.startswith(_HEADS):
        raise Invalid(f"{name[:80]!r}: {path[:80]!r} is not the name of a ref in layout v0.3")
    return ref_names.branch(zone, path.removeprefix(_HEADS))


def _parse_id(name: str, slot: bytes) -> ObjectId:
    if len(slot) != ID_OCTETS:
        raise _malformed_error(name)
    return ObjectId(slot)


def _parse_text(name: str, slot: bytes) -> str:
    if len(slot) != SLOT_OCTETS or slot[0] >= SLOT_OCTETS:
        raise _malformed_error(name)
    text, padding = slot[1 : 1 + slot[0]], slot[1 + slot[0] :]
    if any(padding) or not all(octet in _PRINTABLE for octet in text):
        raise _malformed_error(name)
    return text.decode("ascii")


def _malformed_error(name: str) -> Invalid:
    return Invalid(f"the slot of {name[:80]!r} is malformed", hint="is this a store of v0.3?")
