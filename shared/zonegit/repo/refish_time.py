"""Parse the time in a refish, and find the commit that a branch was at (ADR 0025).

10.minutes.ago   2.weeks.ago   yesterday   now      by the clock of the ref store
2026-11-20T14:00Z   2026-11-20 14:00   2026-11-20   without an offset, the operator's local time
3                                                   before its latest three moves
"""

import re
from datetime import UTC, datetime
from typing import Final

from zonegit.errors import Invalid, NotFound
from zonegit.history import commit_graph
from zonegit.objects.ids import CommitId, short
from zonegit.repo.repo import Repo
from zonegit.store.commit_reader import CommitReader
from zonegit.store.reader import Reader
from zonegit.store.ref_log import MAX_SECONDS, Ago, At, Back, LogEntry, When
from zonegit.store.ref_names import RefName
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


def parse_when(text: str) -> When:
    """Parse the text between ``@{`` and ``}``.

    Raises:
        Invalid: it is not a time or a number of moves.
    """
    stripped = text.strip()
    if (named := _NAMED.get(stripped.lower())) is not None:
        return named
    if _MOVES.fullmatch(stripped):
        return Back(int(stripped))
    if ago := _AGO.fullmatch(stripped):
        seconds = int(ago[1]) * _UNITS[ago[2].lower()]
        return Ago(min(seconds, MAX_SECONDS))
    if _TIME.fullmatch(stripped) and (time := _parse_time(stripped)) is not None:
        return At(time)
    raise Invalid(
        f"@{{{text}}} is not a time or a number of moves",
        hint="for example @{10.minutes.ago}, @{yesterday}, @{2026-11-20T14:00Z}, @{2026-11-20},"
        f" @{{3}}; units are {', '.join(_UNITS)}",
    )


def parse_time(text: str, now: float) -> float:
    """Parse a time as in a refish, without ``@{`` and ``}``, and return it in seconds since 1970.

    Args:
        text: ``2.weeks.ago``, ``yesterday``, ``2026-11-20T14:00Z`` or ``2026-11-20``.
        now: the current time in seconds since 1970.

    Raises:
        Invalid: it is not a time.
    """
    try:
        when = parse_when(text)
    except Invalid:
        when = None
    if isinstance(when, Ago):
        return max(0.0, now - when.seconds)
    if isinstance(when, At):
        return when.time
    raise Invalid(
        f"{text[:40]!r} is not a time",
        hint="for example 2.weeks.ago, yesterday, 2026-11-20T14:00Z, 2026-11-20",
    )


def _parse_time(text: str) -> float | None:
    """Return the time in seconds since 1970; None for an earlier or invalid one."""
    try:
        time = datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError, OSError):
        return None
    return time if 0 <= time <= MAX_SECONDS else None


def format_time(time: float) -> str:
    """Return a time in seconds since 1970 in the operator's local time, or as a number if it
    exceeds the calendar."""
    try:
        at = datetime.fromtimestamp(time, UTC).astimezone()
    except (ValueError, OverflowError, OSError):
        return f"second {time:.0f}"
    return f"{at:%Y-%m-%d %H:%M:%S %z}"


def no_branch_error(what: str) -> Invalid:
    """Return the error for ``@{...}`` after something that is not a branch."""
    return Invalid(
        f"{what} is not a branch, and only branches have earlier positions",
        hint="put @{...} after a branch, or use it alone for the current branch",
    )


async def find_commit(repo: Repo, reader: Reader, ref: RefName, when: When) -> CommitId:
    """Return the commit that a branch was at.

    For a time before the branch's first move, this is the latest commit in its history that is not
    dated later. A note says that the log does not have that time.

    Args:
        repo: the stores.
        reader: reads the objects.
        ref: the branch.
        when: the time.

    Raises:
        NotFound: the branch did not exist then, or is not that old; ``details['moves']`` is 0 if it
            never existed.
    """
    found_at = await repo.refs.at(ref, when)
    entry = found_at.entry
    if entry.new is None:
        raise _deleted_error(entry)
    if entry.time <= found_at.time:
        return CommitId(entry.new)
    past = CommitReader(repo.objects, reader)
    found = await past.answer(commit_graph.find_as_of(CommitId(entry.new), found_at.time))
    dated = format_time(found.commit.committer.time)
    if found.commit.committer.time > found_at.time:
        raise NotFound(
            f"{_format_ref(ref)} has no commit as old as that: its oldest, {short(found.id)}, is"
            f" dated {dated}",
            hint="zonegit log shows its history",
        )
    repo.note(
        f"the log has {_format_ref(ref)} only since {format_time(entry.time)}; using the dates of"
        f" its commits instead: {short(found.id)} is dated {dated}"
    )
    return found.id


def _deleted_error(entry: LogEntry) -> NotFound:
    was = f": {short(entry.old)} was its last commit" if entry.old is not None else ""
    return NotFound(
        f"{_format_ref(entry.ref)} did not exist then: {entry.actor} had deleted it at"
        f" {format_time(entry.time)}",
        hint=f"zonegit reflog {entry.ref.short} shows its earlier commits{was}",
    )


def _format_ref(ref: RefName) -> str:
    assert ref.zone is not None
    return f"{names.text(ref.zone)} {ref.short}"
