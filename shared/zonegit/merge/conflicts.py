"""Clashes: the RRsets on which two sides disagree and no rule decides; and what somebody did."""

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
    """One RRset that cannot be merged. ``base``, ``ours`` and ``theirs`` None: not there; a base
    that is not agreed on (see ``reason``) is None, too. ``detail`` says what exactly is in the
    way, None: the reason says it all."""

    owner: Name
    rdtype: int
    reason: ConflictReason
    base: RRset | None
    ours: RRset | None
    theirs: RRset | None
    detail: str | None = None


class Decision(msgspec.Struct, frozen=True):
    """Which side an RRset is to be taken from. ``ours`` and ``theirs`` are fingerprints of what
    both sides held when it was decided: it says nothing about other content."""

    owner: Name
    rdtype: int
    side: Side
    ours: ObjectId | None
    theirs: ObjectId | None

    def is_about(self, ours: RRset | None, theirs: RRset | None) -> bool:
        """Return whether the decision was made about these contents."""
        return (self.ours, self.theirs) == (fingerprint(ours), fingerprint(theirs))


def decided(clash: Clash, side: Side) -> Decision:
    """Return the decision for one side of a clash."""
    ours, theirs = fingerprint(clash.ours), fingerprint(clash.theirs)
    return Decision(clash.owner, clash.rdtype, side, ours, theirs)


def fingerprint(value: RRset | None) -> ObjectId | None:
    """The id of an RRset without what never conflicts, such as an SOA's serial, or None."""
    return encode(Blob(records.essence(value))).id if value is not None else None
