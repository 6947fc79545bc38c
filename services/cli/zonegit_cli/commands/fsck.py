"""zonegit fsck: whether everything that is stored is whole."""

from collections.abc import Iterator
from typing import Any

from zonegit.repo.asking import fsck
from zonegit.repo.asking.fsck import Broken, Noticed, Report
from zonegit.zone import names, rrtypes
from zonegit_cli import page
from zonegit_cli.drawn import findings
from zonegit_cli.output import commit_id, count
from zonegit_cli.session import Session

BROKEN = 1
"""The exit status when anything is."""


@page.page("fsck")
async def command(session: Session) -> int:
    """Check that every object is there that any ref leads to, or led to at any time, and that its
    octets are what its id says.

    Exit status 1 when one is missing, corrupt or of another kind than what names it says; each is
    named with its zone, name and commit. What nothing leads to any more is counted, and does no
    harm. To repair an object put it again: zonegit import --force FILE. RRsets that are whole and
    hold what an earlier release accepted are named as warnings, and change nothing about the exit
    status.

    \b
    zonegit fsck
    zonegit fsck --json
    """
    async with session.connected() as repo:
        report = await fsck.check(repo, session.output.progress)
    session.output.progress("")
    session.output.result(lambda: _json(report), _lines(report), paged=True)
    return 0 if report.is_clean else BROKEN


def _lines(report: Report) -> Iterator[str]:
    for each in report.broken:
        yield f"{' or '.join(each.expected)} {commit_id(each.id)}: {each.why}{_place(each)}"
    for noticed in report.noticed:
        where = f"in commit {commit_id(noticed.commit)}, " if noticed.commit is not None else ""
        yield (
            f"{noticed.finding.severity}: blob {commit_id(noticed.id)}: {noticed.finding.message}"
            f" ({where}from {noticed.ref.path()})"
        )
    if report.noticed_count > len(report.noticed):
        yield f"and {count(report.noticed_count - len(report.noticed), 'more warning')}"
    if report.count > len(report.broken):
        yield f"and {count(report.count - len(report.broken), 'more broken object')}"
    dangling = report.dangling.total()
    kinds = ", ".join(count(number, kind) for kind, number in sorted(report.dangling.items()))
    yield (
        f"{count(report.stored, 'object')}, {report.count} broken, {dangling} dangling"
        f"{f' ({kinds})' if kinds else ''}"
    )


def _place(broken: Broken) -> str:
    found = ""
    if broken.owner is not None:
        kind = f" {rrtypes.to_text(broken.rdtype)}" if broken.rdtype is not None else ""
        found = f", {names.text(broken.owner)}{kind}"
    if broken.commit is not None:
        named = "named by" if broken.owner is None else "in"
        found += f", {named} commit {commit_id(broken.commit)}"
    return f"{found}, from {broken.ref.path()}"


def _json(report: Report) -> dict[str, Any]:
    return {
        "clean": report.is_clean,
        "objects": report.stored,
        "reached": report.reached,
        "dangling": dict(sorted(report.dangling.items())),
        "broken": report.count,
        "broken_objects": [_broken_json(each) for each in report.broken],
        "warnings": [_noticed_json(each) for each in report.noticed],
    }


def _noticed_json(noticed: Noticed) -> dict[str, Any]:
    (finding,) = findings.as_json([noticed.finding])
    return {
        **finding,
        "id": noticed.id.hex(),
        "ref": noticed.ref.path(),
        "commit": noticed.commit.hex() if noticed.commit is not None else None,
    }


def _broken_json(broken: Broken) -> dict[str, Any]:
    return {
        "id": broken.id.hex(),
        "expected": list(broken.expected),
        "why": broken.why,
        "ref": broken.ref.path(),
        "commit": broken.commit.hex() if broken.commit is not None else None,
        "owner": names.text(broken.owner) if broken.owner is not None else None,
        "type": rrtypes.to_text(broken.rdtype) if broken.rdtype is not None else None,
    }
