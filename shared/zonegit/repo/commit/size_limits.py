"""RRsets that are too large to be stored as new ones.

What is stored already may come back: an undo, a reset, a revert and an import of the same records
take it as it is.
"""

from collections.abc import Iterable, Sequence

from zonegit.errors import Invalid
from zonegit.objects.codec import encode
from zonegit.objects.model import Blob
from zonegit.store.protocols import ObjectStore
from zonegit.zone import sizing
from zonegit.zone.findings import Finding
from zonegit.zone.rrset import RRset


async def check_sizes(
    objects: ObjectStore, rrsets: Iterable[RRset | None], known: Sequence[Finding] = ()
) -> None:
    """Check that no RRset that is not stored yet is too large.

    Args:
        objects: where they would be stored.
        rrsets: what RRsets become; None: they go.
        known: findings about the input, which say where in it an RRset is.

    Raises:
        Invalid: one is; says how large it is, and where it is in the input, if that is known.
    """
    large = {
        encode(Blob(value)).id: value
        for value in rrsets
        if value is not None and sizing.is_too_large(value)
    }
    for object_id in await objects.missing(large.keys()) if large else ():
        raise _locate(large[object_id], known)


def _locate(value: RRset, known: Sequence[Finding]) -> Invalid:
    error = sizing.refusal(value)
    for each in known:
        if (each.rule, each.owner, each.rdtype) == (sizing.TOO_LARGE, value.owner, value.rdtype):
            return Invalid(each.message, hint=error.hint)
    return error
