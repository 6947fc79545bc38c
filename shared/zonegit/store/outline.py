"""Outlines of objects: the facts about an object that the check of a tree needs.

Most objects of a large zone are RRsets, and trees with the RRsets of one owner and no subtrees. The
object store returns the outlines of these, so the ref store can check a million records with a
fraction of their octets.
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
"""Objects in one request, so that its reply does not delay other requests."""
MAX_RUN: Final = 1_024
"""Subtrees of a tree with an outline of the kind ``RUN``."""
RUN: Final = "run"
"""The kind of an outline of a tree that has only subtrees, each of them with an outline."""
MAX_TYPES: Final = 32
"""Types of one owner in an outline; the caller reads a tree with more."""


class Outline(msgspec.Struct, frozen=True, array_like=True):
    """The outline of an object.

    There are outlines of RRsets, of trees without subtrees whose RRsets are well-formed and under
    the names of their types, and of trees that have only such trees as subtrees, each under its
    label and without a type of ``rules.CONFLICT_TYPES``. Most parts of a wide tree are of the last
    form, which has the kind ``RUN``. The outline of any other object has no owner, and the caller
    must read the object.

    Args:
        kind: the kind of the object, or ``RUN``.
        owner: the owner of the RRset or RRsets; for a ``RUN``, the parent of all owners.
        types: the types of the RRset or RRsets.
        flaw: the reason why an RRset is malformed; empty if it is valid.
    """

    kind: str
    owner: bytes = b""
    types: Annotated[list[int], Meta(max_length=MAX_TYPES)] = []
    flaw: Annotated[str, Meta(max_length=4_096)] = ""


def outline_object(raw: RawObject) -> Outline:
    """Return the outline of an RRset. The outline of any other object has only its kind.

    Raises:
        Corrupt: the object is malformed.
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
        of_blob: returns the outline of an RRset, or None if it is unknown.
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
    """Return the outline of an object.

    Args:
        raw: the object.
        find: returns a stored object, or None.
    """
    if raw.kind != "tree":
        return outline_object(raw)
    tree = decode(raw)
    if not isinstance(tree, Tree):
        return Outline("tree")
    if is_run(tree):
        return outline_run(tree, lambda below: _outline_below(find(below), find))
    return outline_tree(tree, lambda blob: _outline_found(find(blob)))


def outline_run(tree: Tree, of_tree: Callable[[ObjectId], Outline | None]) -> Outline:
    """Return the outline of a tree that has only subtrees.

    Args:
        tree: the tree.
        of_tree: returns the outline of a subtree, or None if it is unknown.
    """
    above: bytes | None = None
    for key, object_id in tree.entries.items():
        found = of_tree(object_id)
        if found is None or found.kind != "tree" or not found.owner:
            return Outline("tree")
        if not rules.CONFLICT_TYPES.isdisjoint(found.types):
            return Outline("tree")
        size = len(key)  # a key has an octet for its kind, a label one for its length
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
    """Return whether a tree has only subtrees, at most ``MAX_RUN``."""
    return len(tree.entries) <= MAX_RUN and max(tree.entries)[0] == SUBTREE


def is_terminal(tree: Tree) -> bool:
    """Return whether a tree has no subtrees, whose keys would come first."""
    return next(iter(tree.entries))[0] == RRSET


def refuse_malformed(raw: RawObject, blob: Blob) -> None:
    """Check a new RRset before it is stored.

    Raises:
        Invalid: the RRset is malformed; the error names the object.
    """
    flaw = validity.find_malformed(blob.rrset)
    if flaw is not None:
        raise Invalid(
            flaw,
            hint="a malformed RRset cannot be stored",
            object=raw.id.hex(),
        )
