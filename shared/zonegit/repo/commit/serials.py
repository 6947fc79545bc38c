"""Choose the SOA of a new commit (docs/object-model.md, Serials; RFC 1982). Pure."""

from typing import Final

from zonegit.zone import rrtypes
from zonegit.zone.findings import Finding
from zonegit.zone.rrset import RRset, is_same_except_serial, parse_soa, with_serial
from zonegit.zone.serial import increment, is_later, latest, lead

NOT_TAKEN: Final = "serial-not-taken"
FAR_AHEAD: Final = "serial-far-ahead"
MAX_STEP: Final = 1 << 30
"""Increase of a serial up to which there is no note: half of what RFC 1982 allows."""


def choose_soa(
    tip: RRset | None, wanted: RRset | None, highest: int | None, others: bool
) -> RRset | None:
    """Return the SOA RRset of the next commit, None if there is nothing to commit.

    An edit takes the serial after the tip's. An SOA that was given keeps its own serial if that is
    later.

    Args:
        tip: the branch's SOA; None if it has none yet.
        wanted: the SOA that was given; None if none was.
        highest: the highest serial that the branch ever had.
        others: whether anything other than the SOA changes.
    """
    if tip is None:
        return wanted
    reached = parse_soa(tip).serial
    if highest is not None:
        reached = latest(reached, highest)
    if wanted is None:
        return with_serial(tip, increment(reached)) if others else None
    if is_later(parse_soa(wanted).serial, reached):
        return wanted
    if others or not is_same_except_serial(wanted, tip):
        return with_serial(wanted, increment(reached))
    return None


def find_notes(
    stated: int | None, tip: RRset | None, highest: int | None, stored: RRset | None
) -> list[Finding]:
    """Return notes about the serial that an input states.

    Args:
        stated: the serial in the file or the edit; None if it states none.
        tip: the SOA RRset of the branch; None if it has none yet.
        highest: the highest serial that the branch ever had.
        stored: the SOA RRset of the commit; None if it stays.
    """
    if stated is None or tip is None or stated == parse_soa(tip).serial:
        return []
    reached = parse_soa(tip).serial if highest is None else latest(parse_soa(tip).serial, highest)
    kept = parse_soa(stored or tip).serial
    if kept != stated:
        which = f"{kept} is stored" if stored is not None else f"{kept} stays"
        message = f"the serial {stated} is not later than {reached}: {which}"
        return [Finding(NOT_TAKEN, "note", message, tip.owner, rrtypes.SOA, "RFC 1982")]
    if (ahead := lead(stated, reached)) > MAX_STEP:
        message = (
            f"the serial {stated} is {ahead:,} ahead of {reached}, and a serial cannot go back"
        )
        return [Finding(FAR_AHEAD, "note", message, tip.owner, rrtypes.SOA, "RFC 1982")]
    return []
