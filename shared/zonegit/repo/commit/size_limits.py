"""Refuse RRsets that are too large to be stored.

RRsets that are stored already are accepted again, so that an undo, a reset, a revert or an import
of the same records succeeds.
"""

from collections.abc import Iterable, Sequence

from zonegit.errors import Invalid
from zonegit.objects.codec import encode
from zonegit.objects.model import Blob
from zonegit.store.objects import ObjectStore
from zonegit.zone import sizing
from zonegit.zone.findings import Finding
from zonegit.zone.rrset import RRset


async def check_sizes(
    objects: ObjectStore, rrsets: Iterable[RRset | None], known: Sequence[Finding] = ()
) -> None:
    """Check that no new RRset is too large.

    Args:
        objects: the store that they would be stored in.
        rrsets: the new RRsets; None for those that are deleted.
        known: findings about the input, which have the place of an RRset in it.

    Raises:
        Invalid: an RRset is too large; names its size and, if known, its place in the input.
    """
    large = {
        encode(Blob(value)).id: value
        for value in rrsets
        if value is not None and sizing.is_too_large(value)
    }
    for object_id in await objects.missing(large.keys()) if large else ():
        raise _locate(large[object_id], known)


def _locate(value: RRset, known: Sequence[Finding]) -> Invalid:
    error = sizing.too_large_error(value)
    for each in known:
        if (each.rule, each.owner, each.rdtype) == (sizing.TOO_LARGE, value.owner, value.rdtype):
            return Invalid(each.message, hint=error.hint)
    return error
