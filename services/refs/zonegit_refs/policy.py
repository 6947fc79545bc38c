"""Which tips a branch may take: the serial rules of docs/object-model.md, and nothing but them.

Secondaries follow a zone by its serial (RFC 1982). A branch whose serial went back, or that serves
other records under a serial already served, would leave them with the old zone for ever.
"""

from dataclasses import dataclass

from zonegit.errors import Unsafe
from zonegit.objects.ids import ObjectId
from zonegit.store.refnames import RefName
from zonegit.zone.serial import following, later


@dataclass(frozen=True, slots=True)
class Served:
    """What a commit gives to the world: a tree, under the serial of its SOA."""

    serial: int
    tree: ObjectId


def check(branch: RefName, new: Served, highest: Served | None, *, force: bool) -> None:
    """``highest`` is what the branch served under the highest serial it ever had.

    Raises:
        Unsafe: the serial of ``new`` is not later, its records are not those already served under
            it, and the move is not forced.
    """
    if force or highest is None or new == highest or later(new.serial, highest.serial):
        return
    raise Unsafe(
        f"serial {new.serial} is not later than {highest.serial}, which {branch.path()} had"
        " already (RFC 1982): secondaries would keep the old zone",
        hint=f"take {following(highest.serial)} or later, or use --force",
        serial=str(new.serial),
        highest=str(highest.serial),
    )


def highest_after(new: Served, highest: Served | None) -> Served:
    """What is remembered once the branch serves ``new``: a forced step back forgets nothing."""
    if highest is None or new.serial == highest.serial or later(new.serial, highest.serial):
        return new
    return highest
