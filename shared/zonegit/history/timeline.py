"""List the values that an RRset had in the history of a branch. Pure.

The history is that of the first parents, so a value that came with a merge begins with the merge.
A value that differs in spelling only is the same value.
"""

from collections.abc import Callable
from typing import NamedTuple

from zonegit.history.blame import BlameWalk
from zonegit.objects.ids import CommitId
from zonegit.zone import spelling
from zonegit.zone.rrset import RRset


class ValueChange(NamedTuple):
    """The commit that began a value; None if the RRset did not exist since."""

    commit: CommitId
    rrset: RRset | None


def list_values(
    start: CommitId, rdtype: int, is_last: Callable[[CommitId], bool], limit: int
) -> BlameWalk[list[ValueChange]]:
    """Return the values of an RRset, the latest first. Before the last one it did not exist, unless
    the search ended there.

    Args:
        start: the commit to start from.
        rdtype: the type.
        is_last: returns whether a value that began with a commit ends the search.
        limit: the maximum number of values.
    """
    found: list[ValueChange] = []
    at, records = start, (yield [start])[start]
    while len(found) < limit:
        parent = records.parents[0] if records.parents else None
        above = (yield [parent])[parent] if parent is not None else None
        value = records.rrsets.get(rdtype)
        before = above.rrsets.get(rdtype) if above is not None else None
        if not spelling.is_same(value, before):
            found.append(ValueChange(at, value))
            if is_last(at):
                break
        if parent is None or above is None:
            break
        at, records = parent, above
    return found
