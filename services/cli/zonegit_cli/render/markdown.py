"""Format a diff as Markdown, for a comment on a merge request. Pure.

Names and RDATA come from the author of the change, who may try to end the code block, to add markup
or to mention users. All of them are therefore inside a fenced code block, in which Markdown has no
markup (CommonMark 0.31 section 4.5), or in a code span (section 6.1). The fence and the span have
more backticks than any run in the text, and a line of the text has no line end.
"""

import re
from collections.abc import Iterable
from typing import Final

import msgspec

from zonegit.objects.ids import short
from zonegit.repo.commit import patch
from zonegit.repo.commit.diff import RRsetDelta
from zonegit.repo.inspect.compare import Comparison
from zonegit.zone import names
from zonegit_cli.output import format_count

MAX_CHARACTERS: Final = 60_000
"""Characters of the code block. GitHub accepts comments of 65,536 characters, GitLab of more."""

MAX_LINE: Final = 1_000
"""Characters of a line; the others are counted."""

_UNPRINTABLE: Final = re.compile("[^ -~]")
"""Characters that presentation format never has (RFC 1035 section 5.1)."""

_FENCE: Final = 3
"""Backticks of the shortest fence."""


class _Shown(msgspec.Struct):
    """The lines that are shown, and the number of records that are not."""

    lines: list[str]
    removed: int = 0
    added: int = 0


def format_diff(found: Comparison) -> list[str]:
    """Return the lines of a comment about the differences between two commits."""
    zone = _make_span(names.text(found.zone))
    if not found.deltas:
        return [f"**No record of {zone} differs.**"]
    shown = _take_lines(_format_head(found), found.deltas)
    fence = _make_fence(shown.lines, _FENCE)
    lines = [
        f"**{_count_rrsets(found.deltas)} of {zone}**: {_count_records(found.deltas)}",
        "",
        f"{fence}diff",
        *shown.lines,
        fence,
    ]
    if shown.removed or shown.added:
        cut = f"{shown.removed:,} removed and {shown.added:,} added"
        lines += ["", f"**Not shown: {cut} records.** `zonegit diff` prints all."]
    return lines


def _format_head(found: Comparison) -> str:
    old = short(found.old.commit) if found.old.commit else ""
    new = short(found.new.commit) if found.new.commit else ""
    serials = f" (serial {found.old.serial} -> {found.new.serial})" if old else ""
    return f"diff {names.text(found.zone)} {old}..{new}{serials}"


def _take_lines(head: str, deltas: Iterable[RRsetDelta]) -> _Shown:
    """Return the first lines that fit into the block, and the number of the other records."""
    shown = _Shown([_make_line(head)])
    left = MAX_CHARACTERS - len(shown.lines[0]) - 1
    is_full = False
    for text in patch.write(deltas):
        line = _make_line(text)
        left -= len(line) + 1
        is_full = is_full or left < 0
        if not is_full:
            shown.lines.append(line)
        elif line[0] == "-":
            shown.removed += 1
        else:
            shown.added += 1
    return shown


def _make_line(text: str) -> str:
    """Return one line of printable ASCII; it is cut if it is long."""
    line = _UNPRINTABLE.sub(lambda found: f"<{ord(found[0]):02x}>", text)
    if len(line) <= MAX_LINE:
        return line
    return f"{line[:MAX_LINE]}... ({len(line) - MAX_LINE:,} more characters)"


def _make_fence(lines: Iterable[str], least: int) -> str:
    """Return more backticks than any run in the lines has, at least ``least``."""
    runs = (len(run) for line in lines for run in re.findall("`+", line))
    return "`" * max(least, max(runs, default=0) + 1)


def _make_span(text: str) -> str:
    """Return a code span. It is padded, because the text may begin or end with a backtick."""
    line = _make_line(text)
    ticks = _make_fence([line], 1)
    return f"{ticks} {line} {ticks}" if "`" in line else f"{ticks}{line}{ticks}"


def _count_rrsets(deltas: list[RRsetDelta]) -> str:
    return format_count(len(deltas), "changed RRset")


def _count_records(deltas: Iterable[RRsetDelta]) -> str:
    counts = [patch.count_records(each) for each in deltas]
    removed, added = (sum(column) for column in zip(*counts, strict=True))
    return f"{format_count(removed, 'record')} removed, {added} added"
