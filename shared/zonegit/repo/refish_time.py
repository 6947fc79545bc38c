"""Where a branch stood: how a refish says when, and which commit that is (ADR 0025).

10.minutes.ago   2.weeks.ago   yesterday   now      by the clock of the ref store
2026-11-20T14:00Z   2026-11-20 14:00   2026-11-20   with no offset, the operator's local time
3                                                   before its latest three moves
"""

import re
from datetime import UTC, datetime
from typing import Final

from zonegit.errors import Invalid, NotFound
from zonegit.history import commit_graph
from zonegit.objects.ids import CommitId, short
from zonegit.repo.heads import Repo
from zonegit.store.commit_reader import CommitReader
from zonegit.store.protocols import LogEntry
from zonegit.store.reader import Reader
from zonegit.store.ref_names import RefName
from zonegit.store.ref_time import MAX_SECONDS, Ago, At, Back, When
from zonegit.zone import names

DAY: Final = 86_400
_UNITS: Final = {"second": 1, "minute": 60, "hour": 3_600, "day": DAY, "week": 7 * DAY}
_NAMED: Final = {"now": Ago(0), "yesterday": Ago(DAY)}
_AGO: Final = re.compile(
    rf"(\d{{1,9}})[. ]+({'|'.join(_UNITS)})s?[. ]+ago", re.ASCII | re.IGNORECASE
)
_MOVES: Final = re.compile(r"\d{1,6}", re.ASCII)
_TIME: Final = re.compile(
    r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?(?:Z|[+-]\d\d:?\d\d)?)?", re.ASCII
)


def parse(text: str) -> When:
    """What stands between ``@{`` and ``}``.

    Raises:
        Invalid: it says no time.
    """
    said = text.strip()
    if (named := _NAMED.get(said.lower())) is not None:
        return named
    if _MOVES.fullmatch(said):
        return Back(int(said))
    if ago := _AGO.fullmatch(said):
        seconds = int(ago[1]) * _UNITS[ago[2].lower()]
        return Ago(min(seconds, MAX_SECONDS))
    if _TIME.fullmatch(said) and (time := _time(said)) is not None:
        return At(time)
    raise Invalid(
        f"@{{{text}}} says no time since 1970, nor how many moves ago",
        hint="@{10.minutes.ago}, @{yesterday}, @{2026-11-20T14:00Z}, @{2026-11-20}, @{3} do;"
        f" units are {', '.join(_UNITS)}",
    )


def _time(text: str) -> float | None:
    """In seconds since 1970; None: there is no such time, or it is earlier."""
    try:
        time = datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError, OSError):
        return None
    return time if 0 <= time <= MAX_SECONDS else None


def shown(time: float) -> str:
    """A time in seconds since 1970, as the operator's clock has it; the bare number where no
    calendar reaches."""
    try:
        at = datetime.fromtimestamp(time, UTC).astimezone()
    except (ValueError, OverflowError, OSError):
        return f"second {time:.0f}"
    return f"{at:%Y-%m-%d %H:%M:%S %z}"


def only_branches(what: str) -> Invalid:
    """The error for something that has no past of its own."""
    return Invalid(
        f"{what} is no branch, and only a branch has stood elsewhere",
        hint="@{...} goes with a branch, or alone with the one you stand on",
    )


async def commit_of(repo: Repo, reader: Reader, ref: RefName, when: When) -> CommitId:
    """The commit that a branch held. Of the time before its first move, the commit that it would
    have held had it been kept here then; that is noted, for nobody knows.

    Raises:
        NotFound: it did not exist then, or is not as old as that; ``details['moves']`` is 0 where
            it never was.
    """
    stood = await repo.refs.at(ref, when)
    entry = stood.entry
    if entry.new is None:
        raise _deleted(entry)
    if entry.time <= stood.time:
        return CommitId(entry.new)
    past = CommitReader(repo.objects, reader)
    found = await past.answer(commit_graph.as_of(CommitId(entry.new), stood.time))
    dated = shown(found.commit.committer.time)
    if found.commit.committer.time > stood.time:
        raise NotFound(
            f"{_named(ref)} is not as old as that: {short(found.id)}, its oldest commit, is of"
            f" {dated}",
            hint="zonegit log shows its history",
        )
    repo.note(
        f"{_named(ref)} is in the log since {shown(entry.time)} only: before, it goes by the dates"
        f" of its commits, and {short(found.id)} is of {dated}"
    )
    return found.id


def _deleted(entry: LogEntry) -> NotFound:
    was = f": {short(entry.old)} was its last commit" if entry.old is not None else ""
    return NotFound(
        f"{_named(entry.ref)} did not exist then: {entry.actor} had deleted it at"
        f" {shown(entry.time)}",
        hint=f"zonegit reflog {entry.ref.short} shows where it was before{was}",
    )


def _named(ref: RefName) -> str:
    assert ref.zone is not None
    return f"{names.text(ref.zone)} {ref.short}"
