"""Rules for the tip of a branch: the serial rules of docs/object-model.md, and the safety checks
that limit how much of a zone one move can change (docs/adr/0026-safety-checks.md). Pure.

Secondaries compare serials (RFC 1982). If the serial of a branch went back, or the branch served
other records with a serial that it has served already, they would keep the old zone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from zonegit.errors import Unsafe
from zonegit.store.basis import MoveLimits, ServedTree
from zonegit.store.ref_names import RefName
from zonegit.zone.names import Name
from zonegit.zone.rrset import format_key
from zonegit.zone.serial import increment, is_later

MAX_NAMED: Final = 5
"""RRsets that a verdict names; the rest is counted."""

RRsetKey = tuple[Name, int]
"""An RRset of a zone: its owner and type."""


@dataclass(frozen=True, slots=True)
class Facts:
    """The changes of a move to the RRsets of a zone, as far as a verdict depends on them.

    The counts exclude the types that signers generate (``facts.SIGNER_TYPES``), and an SOA that
    differs in its serial only.

    Attributes:
        touched: the number of RRsets that are changed or deleted.
        first: the first of these.
        total: the number of RRsets that the zone had, or a lower bound that is sufficient for the
            verdict.
        loses_ns: the apex loses its NS RRset.
        ds: the DS RRsets that differ, of delegations that existed before.
        is_complete: False if there are more changes than were examined.
    """

    touched: int = 0
    first: tuple[RRsetKey, ...] = ()
    total: int = 0
    loses_ns: bool = False
    ds: tuple[RRsetKey, ...] = ()
    is_complete: bool = True


def list_reasons(facts: Facts, limits: MoveLimits) -> list[str]:
    """Return the reasons to refuse a move, empty if it passes the safety checks."""
    found = []
    if not facts.is_complete:
        found.append("it changes more than is examined for one move")
    elif facts.total >= limits.floor and limits.min_rrsets(facts.touched) > facts.total:
        found.append(
            f"{facts.touched} of its {facts.total} RRsets would be changed or deleted, more than"
            f" {limits.percent} % ({_format_rrsets(facts.first, facts.touched)})"
        )
    if facts.loses_ns:
        found.append("its apex would lose its NS RRset")
    if facts.ds and not limits.ds:
        shown = _format_rrsets(facts.ds, len(facts.ds))
        found.append(
            f"DS would change ({shown}), and a child zone that is signed with other keys becomes"
            " bogus"
        )
    return found


def refusal_error(branch: RefName, reasons: Sequence[str], *, force: bool) -> Unsafe:
    """Return the error for a move that does not pass the safety checks.

    Args:
        branch: the branch.
        reasons: the reasons, from :func:`list_reasons`.
        force: the move was forced, but the operator gave no reason.
    """
    hint = "--force --reason TEXT moves it anyway; the reason is recorded in the reflog"
    if force:
        hint = f"--force is not enough here: {hint}"
    return Unsafe(f"{branch.path()} is not moved: {'; '.join(reasons)}", hint=hint)


def _format_rrsets(keys: Sequence[RRsetKey], count: int) -> str:
    """Format the first RRsets, and the number of the others."""
    shown = [format_key(*key) for key in keys[:MAX_NAMED]]
    more = [f"{count - len(shown)} more"] if count > len(shown) else []
    return ", ".join([*shown, *more])


def check_serial(
    branch: RefName, new: ServedTree, highest: ServedTree | None, *, force: bool
) -> None:
    """Check the serial rule.

    Args:
        branch: the branch.
        new: the tree and serial that it would serve.
        highest: the tree that it served with its highest serial; None if it served none.
        force: accept any serial.

    Raises:
        Unsafe: the serial of ``new`` is not later, and it is not the tree that was served with that
            serial; without ``force``.
    """
    if force or highest is None or new == highest or is_later(new.serial, highest.serial):
        return
    raise Unsafe(
        f"serial {new.serial} is not later than {highest.serial}, which {branch.path()} had"
        " already (RFC 1982): secondaries would keep the old zone",
        hint=f"use serial {increment(highest.serial)} or later, or --force",
        serial=str(new.serial),
        highest=str(highest.serial),
    )


def update_highest(new: ServedTree, highest: ServedTree | None) -> ServedTree:
    """Return the tree that a branch served with its highest serial, after it serves ``new``."""
    if highest is None or new.serial == highest.serial or is_later(new.serial, highest.serial):
        return new
    return highest
