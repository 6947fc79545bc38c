"""Find the move that brought each commit to a branch. Pure."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from zonegit.history.commit_graph import LoggedCommit
from zonegit.objects.ids import CommitId, ObjectId
from zonegit.store.ref_log import LogEntry


class Position(NamedTuple):
    """A tip that a branch had, and the move to it; None if that move is not known."""

    tip: ObjectId
    move: LogEntry | None


def list_positions(moves: Iterable[LogEntry]) -> list[Position]:
    """Return the tips that led to the tip of a branch, the oldest first.

    A move back to an earlier tip removes the tips after it, and a deletion removes all.

    Args:
        moves: moves of one branch, the oldest first.
    """
    found: list[Position] = []
    index: dict[ObjectId, int] = {}
    for move in moves:
        if not found and move.old is not None:
            found.append(Position(move.old, None))
            index[move.old] = 0
        if move.new is None:
            found.clear()
            index.clear()
        elif move.new in index:
            kept = index[move.new] + 1
            for each in found[kept:]:
                del index[each.tip]
            del found[kept:]
        else:
            index[move.new] = len(found)
            found.append(Position(move.new, move))
    return found


def find_arrivals(
    positions: Sequence[Position], walked: Iterable[LoggedCommit]
) -> dict[CommitId, LogEntry | None]:
    """Return the move that brought each commit to a branch: the first to a tip that has the commit
    in its history. None: it came with a move that is not known.

    Args:
        positions: the tips that the branch had, the oldest first.
        walked: the latest tip and its ancestors, each after all of its descendants.
    """
    first: dict[ObjectId, int] = {each.tip: at for at, each in enumerate(positions)}
    found: dict[CommitId, LogEntry | None] = {}
    for each in walked:
        at = first[each.id]
        found[each.id] = positions[at].move
        for parent in each.commit.parents:
            first[parent] = min(at, first.get(parent, at))
    return found
