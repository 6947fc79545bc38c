"""Outlines: what judging a tree needs to know of an object, without the object.

An object store gives the outline of an RRset, which it judged when it took it, and that of a tree
with the RRsets of one owner and nothing below it, which is what most objects of a large zone are.
So the ref store learns what it needs of a million records from a fraction of their octets.
"""

from collections.abc import Callable
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from zonegit.errors import Invalid
from zonegit.objects.codec import decode
from zonegit.objects.ids import ObjectId, RawObject
from zonegit.objects.model import RRSET, SUBTREE, Blob, Tree, rrset_key
from zonegit.zone import rules, validity

MAX_OUTLINED: Final = 256
"""Objects of one question: what it takes to answer does not keep others waiting."""
MAX_RUN: Final = 1_024
"""Subtrees that a run has, of which an outline is given."""
RUN: Final = "run"
MAX_TYPES: Final = 32
"""Types of one owner in an outline; the caller reads a tree with more."""


class Outline(msgspec.Struct, frozen=True, array_like=True):
    """The outline of an object.

    ``kind`` is the object's. ``owner`` and ``types`` are those of an RRset, or of all RRsets of a
    tree that has no subtrees, each of them well-formed and under the name of its type. A tree of
    nothing but such trees, each under its label, none with a type that may clash
    (``rules.WATCHED``), is of the kind ``RUN``, and ``owner`` is the name above all of them: most
    parts of a wide tree are that. Of any other object ``owner`` is empty, and the caller has to
    read it. ``flaw`` says what is wrong with an RRset wherever it stands; empty: nothing.
    """

    kind: str
    owner: bytes = b""
    types: Annotated[list[int], Meta(max_length=MAX_TYPES)] = []
    flaw: Annotated[str, Meta(max_length=4_096)] = ""


def outline_object(raw: RawObject) -> Outline:
    """Return the outline of an object that is at hand; of a tree it says: look at it.

    Raises:
        Corrupt: the object does not decode.
    """
    value = decode(raw)
    if not isinstance(value, Blob):
        return Outline(raw.kind)
    rrset = value.rrset
    return Outline("blob", rrset.owner, [rrset.rdtype], validity.find_malformed(rrset) or "")


def outline_tree(tree: Tree, of_blob: Callable[[ObjectId], Outline | None]) -> Outline:
    """Return the outline of a tree.

    Args:
        tree: any tree.
        of_blob: returns the outline of an RRset, or None if unknown.
    """
    owner: bytes | None = None
    types: list[int] = []
    if not is_terminal(tree) or len(tree.entries) > MAX_TYPES:
        return Outline("tree")
    for key, object_id in tree.entries.items():
        found = of_blob(object_id)
        if found is None or found.flaw or found.kind != "blob":
            return Outline("tree")
        (rdtype,) = found.types
        if rrset_key(rdtype) != key or owner not in (None, found.owner):
            return Outline("tree")
        owner = found.owner
        types.append(rdtype)
    return Outline("tree", owner or b"", types)


def outline_known(raw: RawObject, find: Callable[[ObjectId], RawObject | None]) -> Outline:
    """Return the outline of an object from objects at hand."""
    if raw.kind != "tree":
        return outline_object(raw)
    tree = decode(raw)
    if not isinstance(tree, Tree):
        return Outline("tree")
    if is_run(tree):
        return outline_run(tree, lambda below: _outline_below(find(below), find))
    return outline_tree(tree, lambda blob: _outline_found(find(blob)))


def outline_run(tree: Tree, of_tree: Callable[[ObjectId], Outline | None]) -> Outline:
    """Return the outline of a tree that has nothing but subtrees.

    Args:
        tree: the tree.
        of_tree: returns the outline of a subtree, or None if unknown.
    """
    above: bytes | None = None
    for key, object_id in tree.entries.items():
        found = of_tree(object_id)
        if found is None or found.kind != "tree" or not found.owner:
            return Outline("tree")
        if not rules.WATCHED.isdisjoint(found.types):
            return Outline("tree")
        size = len(key)  # the octet of kind takes the place of that of the label's length
        if found.owner[0] != size - 1 or found.owner[1:size] != key[1:]:
            return Outline("tree")
        if above is None:
            above = found.owner[size:]
        elif found.owner[size:] != above:
            return Outline("tree")
    return Outline(RUN, above or b"")


def _outline_below(
    raw: RawObject | None, find: Callable[[ObjectId], RawObject | None]
) -> Outline | None:
    tree = decode(raw) if raw is not None else None
    if not isinstance(tree, Tree):
        return None
    return outline_tree(tree, lambda blob: _outline_found(find(blob)))


def _outline_found(raw: RawObject | None) -> Outline | None:
    return outline_object(raw) if raw is not None else None


def is_run(tree: Tree) -> bool:
    """Return whether a tree has nothing but subtrees, and few enough for an outline."""
    return len(tree.entries) <= MAX_RUN and max(tree.entries)[0] == SUBTREE


def is_terminal(tree: Tree) -> bool:
    """Return whether a tree has no subtrees; the keys of these come first."""
    return next(iter(tree.entries))[0] == RRSET


def refuse_malformed(raw: RawObject, blob: Blob) -> None:
    """Check a new RRset before it is stored.

    Raises:
        Invalid: it is malformed; names the object.
    """
    flaw = validity.find_malformed(blob.rrset)
    if flaw is not None:
        raise Invalid(
            flaw,
            hint="an RRset that is malformed is stored nowhere",
            object=raw.id.hex(),
        )
