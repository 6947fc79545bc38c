"""Rules for moves that depend on the state of the ref: names, races, serials, limits. Pure.

The ref store applies them in the transaction that moves the ref, and to the moves of dry runs.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from zonegit.errors import Conflict, Invalid, NotFound, Unsafe, format_list
from zonegit.objects.ids import ObjectId, short
from zonegit.safety import policy
from zonegit.store import ref_names
from zonegit.store.basis import RefState, ServedTree
from zonegit.store.ref_names import RefName
from zonegit.store.refs import Absent, Expected, is_expected
from zonegit.zone import names
from zonegit.zone.names import Name

MAX_NAMED: Final = 10
"""Branches that an error names, and tags; the rest is counted."""

MAX_REFS: Final = 2_000
"""Branches and tags of one zone. They are sent in one message."""


class MoveRequest(msgspec.Struct, frozen=True):
    """A move of a ref.

    Attributes:
        expected: the state that the ref must be in.
        new: the new value; None deletes the ref.
        force: override the safety checks.
        reason: the operator's reason; None if none was given.
        registers: the same operation registers the zone first.
    """

    ref: RefName
    expected: Expected
    new: ObjectId | None
    force: bool = False
    reason: str | None = None
    registers: bool = False


def require_movable(ref: RefName) -> Name:
    """Return the zone of a branch, a tag or serving settings.

    Raises:
        Invalid: the ref is another one.
    """
    if ref.zone is None or ref.space not in ("heads", "tags", "serving"):
        raise Invalid(f"{ref.path()} is neither a branch, nor a tag, nor serving settings")
    return ref.zone


def check_expected(
    ref: RefName, state: RefState, expected: Expected, *, registers: bool = False
) -> None:
    """Check that the ref is in the state that the sender expects.

    Args:
        ref: the branch or tag.
        state: its state.
        expected: the expected state.
        registers: the same operation registers the zone first.

    Raises:
        NotFound: the zone is not registered.
        Conflict: the ref is in another state, and ``details['tip']`` is its value; or the zone is
            registered already, and the move ``registers`` it.
    """
    zone = require_movable(ref)
    if registers and state.is_registered:
        raise zone_exists_error(zone)
    if not registers and not state.is_registered:
        raise unknown_zone_error(zone)
    if not is_expected(expected, state.tip):
        raise _lost_race_error(ref, expected, state.tip)


def check_new(
    ref: RefName,
    state: RefState,
    new: ObjectId | None,
    served: ServedTree | None,
    *,
    force: bool,
) -> None:
    """Check the serial of the new value, the name of a new ref, and the number of refs.

    Args:
        ref: the branch or tag.
        state: its state.
        new: the new value; None deletes the ref.
        served: the tree and serial that a branch would serve; None for a tag, and if ``new`` is
            None.
        force: accept a serial that is not later.

    Raises:
        Unsafe: the serial is not later; without ``force``.
        Invalid: the zone has the maximum number of branches and tags, or the ref is new and its
            name has a character that a shell interprets.
    """
    if new is None or new == state.tip or ref.space == "serving":
        return
    if state.tip is None and state.is_new:
        ref_names.require_new(ref.short, ref_names.kind(ref))
    if served is not None:
        policy.check_serial(ref, served, state.highest, force=force)
    if state.tip is None and state.refs >= MAX_REFS:
        raise Invalid(
            f"zone {names.text(require_movable(ref))} has {state.refs} branches and tags, which is"
            " the maximum",
            hint="delete some first",
        )


def check_empty(
    zone: Name, branches: Sequence[str], tags: Sequence[str], *, has_settings: bool = False
) -> None:
    """Check that a zone to unregister has no branches, tags and serving settings.

    They must be deleted by separate moves, so that an operator who is not permitted to move a
    branch cannot delete it with its zone. ``force`` does not override this.

    Raises:
        Unsafe: it has one of these.
    """
    if branches or tags or has_settings:
        found = _format_refs(branches, tags) or "serving settings"
        raise Unsafe(
            f"zone {names.text(zone)} has {found}",
            hint="zonegit zone remove --force --reason TEXT deletes them first; if that command"
            " reports this, it is of an earlier release: upgrade it",
        )


def check_removal(
    zone: Name,
    branches: Sequence[str],
    tags: Sequence[str],
    *,
    force: bool,
    reason: str | None,
) -> None:
    """Check that a zone may be removed together with its branches and tags.

    Args:
        zone: the zone.
        branches: its branches.
        tags: its tags.
        force: the operator overrides this check.
        reason: the operator's reason; None if none was given.

    Raises:
        Unsafe: it has branches or tags; without ``force`` and a reason.
    """
    if (branches or tags) and not (force and reason):
        raise Unsafe(
            f"zone {names.text(zone)} has {_format_refs(branches, tags)}",
            hint="--force --reason TEXT removes them too; the objects and the log stay",
        )


def _format_refs(branches: Sequence[str], tags: Sequence[str]) -> str:
    """Format the first branches and tags for an error."""
    kinds = (("branches", branches), ("tags", tags))
    return "; ".join(f"{kind}: {format_list(some, MAX_NAMED)}" for kind, some in kinds if some)


def zone_exists_error(zone: Name) -> Conflict:
    """Return the error for a zone that is registered twice."""
    return Conflict(
        f"zone {names.text(zone)} exists already", hint="zonegit zone switch switches to it"
    )


def unknown_zone_error(zone: Name) -> NotFound:
    """Return the error for a zone that is not registered."""
    return NotFound(
        f"zone {names.text(zone)} does not exist here",
        hint="zonegit zone list shows all zones",
    )


def _lost_race_error(ref: RefName, expected: Expected, current: ObjectId | None) -> Conflict:
    """Return the error for a ref that is not in the expected state."""
    if current is None:
        return Conflict(f"{ref.path()} no longer exists", tip="")
    if isinstance(expected, Absent):
        return Conflict(f"{ref.path()} exists already", tip=current.hex())
    return Conflict(
        f"{ref.path()} has moved to {short(current)} meanwhile",
        hint="check what changed, then repeat the change",
        tip=current.hex(),
    )
