"""Clashes: RRsets that cannot be merged, and the decisions about them."""

from typing import Literal

import msgspec

from zonegit.merge import records
from zonegit.merge.records import ConflictReason
from zonegit.objects.codec import encode
from zonegit.objects.ids import ObjectId
from zonegit.objects.model import Blob
from zonegit.zone.names import Name
from zonegit.zone.rrset import RRset

Side = Literal["ours", "theirs"]


class Clash(msgspec.Struct, frozen=True):
    """One RRset that cannot be merged.

    Attributes:
        base: the RRset in the merge base; None if it does not exist there, or if the merge bases
            disagree about it (see ``reason``).
        ours: the RRset on our side; None if it does not exist there.
        theirs: the RRset on the other side; None if it does not exist there.
        detail: the records or the rule in question; None if ``reason`` is sufficient.
    """

    owner: Name
    rdtype: int
    reason: ConflictReason
    base: RRset | None
    ours: RRset | None
    theirs: RRset | None
    detail: str | None = None


class Decision(msgspec.Struct, frozen=True):
    """The side chosen for an RRset.

    Attributes:
        ours: the fingerprint of our RRset when the decision was made; None if there was none.
        theirs: the fingerprint of the other side's RRset. The decision does not apply to other
            content.
    """

    owner: Name
    rdtype: int
    side: Side
    ours: ObjectId | None
    theirs: ObjectId | None

    def is_about(self, ours: RRset | None, theirs: RRset | None) -> bool:
        """Return whether the decision was made about these RRsets."""
        return (self.ours, self.theirs) == (fingerprint(ours), fingerprint(theirs))


def decide(clash: Clash, side: Side) -> Decision:
    """Return the decision for one side of a clash."""
    ours, theirs = fingerprint(clash.ours), fingerprint(clash.theirs)
    return Decision(clash.owner, clash.rdtype, side, ours, theirs)


def fingerprint(value: RRset | None) -> ObjectId | None:
    """Return the id of an RRset without the fields that never clash, such as the serial of an SOA.

    Returns:
        None if there is no RRset.
    """
    return encode(Blob(records.clear_ignored_fields(value))).id if value is not None else None
