"""Clashes: the RRsets on which two sides disagree, and why no one else can decide."""

from typing import Literal

import msgspec

from zonegit.objects.ids import ObjectId
from zonegit.zone.names import Path

Reason = Literal["both modified", "deleted against modified", "add/add", "may not stand together"]


class Clash(msgspec.Struct, frozen=True):
    """One RRset that cannot be merged. ``base``, ``ours`` and ``theirs`` are blobs, None where the
    RRset is absent. ``detail`` says which rule of DNS the sum would break; None: no such rule."""

    path: Path
    rdtype: int
    reason: Reason
    base: ObjectId | None
    ours: ObjectId | None
    theirs: ObjectId | None
    detail: str | None = None


def reason(base: ObjectId | None, ours: ObjectId | None, theirs: ObjectId | None) -> Reason:
    """Why three values that no rule merges do not."""
    if base is None:
        return "add/add"
    return "both modified" if ours and theirs else "deleted against modified"
