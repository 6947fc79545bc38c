"""Rules for moves that depend on the ref's state: names, races, serials, counts. Pure.

The ref store asks this inside the transaction that moves the ref, and asks the same of a move that
is only judged.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from zonegit.errors import Conflict, Invalid, NotFound, Unsafe
from zonegit.objects.ids import ObjectId, short
from zonegit.safety import policy
from zonegit.store import ref_names
from zonegit.store.basis import RefState, ServedTree
from zonegit.store.expected import Absent, Expected, holds
from zonegit.store.ref_names import RefName
from zonegit.zone import names
from zonegit.zone.names import Name

MAX_NAMED: Final = 10
"""Branches, and tags, that an error names."""

MAX_REFS: Final = 2_000
"""Branches and tags of one zone; they travel in one message."""


class MoveRequest(msgspec.Struct, frozen=True):
    """A move of a ref to ``new``, None to delete it, from what ``expected`` says. ``force`` and
    ``reason`` as :class:`zonegit.store.protocols.Origin` has them. ``registers``: the same
    operation registers the zone first."""

    ref: RefName
    expected: Expected
    new: ObjectId | None
    force: bool = False
    reason: str | None = None
    registers: bool = False


def require_movable(ref: RefName) -> Name:
    """Return the zone of a branch or tag.

    Raises:
        Invalid: the ref is neither.
    """
    if ref.zone is None or ref.space not in ("heads", "tags"):
        raise Invalid(f"{ref.path()} is neither a branch nor a tag")
    return ref.zone


def check_expected(
    ref: RefName, state: RefState, expected: Expected, *, registers: bool = False
) -> None:
    """Refuse a move that is not from the state its sender expects.

    Raises:
        NotFound: the zone is not registered.
        Conflict: the ref does not hold what was expected, and the error names the tip; or the zone
            is registered already, and the move ``registers`` it.
    """
    zone = require_movable(ref)
    if registers and state.is_registered:
        raise zone_exists(zone)
    if not registers and not state.is_registered:
        raise unknown_zone(zone)
    if not holds(expected, state.tip):
        raise _lost_race(ref, expected, state.tip)


def check_new(
    ref: RefName,
    state: RefState,
    new: ObjectId | None,
    served: ServedTree | None,
    *,
    force: bool,
) -> None:
    """Refuse a commit whose serial is not later, a name unfit for a new ref, and one ref too many.

    Args:
        new: None deletes the ref.
        served: what a branch would serve; None for a tag, and where ``new`` is None.

    Raises:
        Unsafe: the serial would not be later, and it is not forced.
        Invalid: the zone has as many branches and tags as it may have, or the ref is a new one
            whose name a shell would interpret.
    """
    if new is None or new == state.tip:
        return
    if state.tip is None and state.is_new:
        ref_names.require_new(ref.short, ref_names.kind(ref))
    if served is not None:
        policy.check(ref, served, state.highest, force=force)
    if state.tip is None and state.refs >= MAX_REFS:
        raise Invalid(
            f"zone {names.text(require_movable(ref))} has {state.refs} branches and tags, and may"
            " not have more",
            hint="delete some first",
        )


def check_empty(zone: Name, branches: Sequence[str], tags: Sequence[str]) -> None:
    """Refuse to unregister a zone that still has branches or tags.

    These are deleted by moves of their own, so that an operator who may not move a branch cannot
    take it away with its zone either. Forcing it makes no difference.

    Raises:
        Unsafe: it has some.
    """
    if branches or tags:
        raise Unsafe(
            f"zone {names.text(zone)} has {_name_refs(branches, tags)}",
            hint="zonegit zone remove --force --reason TEXT deletes them first; a client that did"
            " so and is answered this is of an earlier release: upgrade it",
        )


def check_removal(
    zone: Name,
    branches: Sequence[str],
    tags: Sequence[str],
    *,
    force: bool,
    reason: str | None,
) -> None:
    """Refuse to remove a zone with its branches and tags, unless that is meant.

    Raises:
        Unsafe: it has some, and it is not forced, or no reason is given.
    """
    if (branches or tags) and not (force and reason):
        raise Unsafe(
            f"zone {names.text(zone)} has {_name_refs(branches, tags)}",
            hint="--force --reason TEXT removes it with them; its objects and its log stay",
        )


def _name_refs(branches: Sequence[str], tags: Sequence[str]) -> str:
    """Return the first branches and tags, as an error names them."""
    parts = []
    for kind, named in (("branches", branches), ("tags", tags)):
        if named:
            more = f" and {len(named) - MAX_NAMED} more" if len(named) > MAX_NAMED else ""
            parts.append(f"{kind}: {', '.join(named[:MAX_NAMED])}{more}")
    return "; ".join(parts)


def zone_exists(zone: Name) -> Conflict:
    """Return the error for a zone that is registered twice."""
    return Conflict(
        f"zone {names.text(zone)} exists already", hint="zonegit zone switch goes to it"
    )


def unknown_zone(zone: Name) -> NotFound:
    """Return the error for a zone that is not registered."""
    return NotFound(
        f"zone {names.text(zone)} does not exist here",
        hint="zonegit zone list shows those that do",
    )


def _lost_race(ref: RefName, expected: Expected, current: ObjectId | None) -> Conflict:
    if current is None:
        return Conflict(f"{ref.path()} does not exist any more", tip="")
    if isinstance(expected, Absent):
        return Conflict(f"{ref.path()} exists already", tip=current.hex())
    return Conflict(
        f"{ref.path()} has moved to {short(current)} meanwhile",
        hint="check what changed, then repeat the change",
        tip=current.hex(),
    )
