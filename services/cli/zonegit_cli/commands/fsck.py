"""zonegit fsck: check the stores for missing and corrupt objects."""

from collections.abc import Iterator
from typing import Any

import click
import msgspec

from zonegit.repo.inspect import fsck
from zonegit.repo.inspect.fsck_report import BrokenObject, FsckReport, ObjectFinding
from zonegit.repo.inspect.tip_flaws import TipFlaw
from zonegit.views.warning import make_warnings
from zonegit.zone import names, rrtypes
from zonegit_cli import options
from zonegit_cli.output import format_count, format_id, to_hex
from zonegit_cli.session import Session

EXIT_BROKEN = 1
"""Exit status if an object is broken."""


@options.session_command("fsck")
@click.option("--history", is_flag=True, help="Also fail for damage that only the log refers to.")
async def command(session: Session, history: bool) -> int:
    """Check that all objects that refs refer to, now or earlier, exist and match their ids, and
    that the tips of branches and tags are valid zones.

    Exit status 1 if an object that is reachable from a ref is missing, corrupt or of the wrong
    kind, if a tip is not a valid zone, or if the ref store found damage in its own file. Each
    problem is listed with its zone, name and commit. Damage that only the log refers to is a
    warning, unless --history is given: such objects are not served, but undo needs them.

    Objects that are not reachable (dangling) are counted; they are no problem. To repair an object,
    store it again: zonegit import --force FILE. RRsets with content that only an earlier release
    accepted are listed as warnings, and do not change the exit status.

    \b
    zonegit fsck
    zonegit fsck --history
    zonegit fsck --json
    """
    async with session.connect() as repo:
        report = await fsck.check(repo, session.output.print_progress)
    session.output.print_progress("")
    is_clean = report.is_clean and not (history and report.past_count)
    session.output.print_result(
        lambda: _to_json(report, is_clean=is_clean), _format_lines(report, history), paged=True
    )
    return 0 if is_clean else EXIT_BROKEN


def _format_lines(report: FsckReport, history: bool) -> Iterator[str]:
    yield from _format_refs(report)
    for each in report.broken:
        mark = "warning: " if each.is_past and not history else ""
        rest = " (in the log only)" if each.is_past else ""
        what = f"{' or '.join(each.expected)} {format_id(each.id)}"
        yield f"{mark}{what}: {each.fault}{_format_place(each)}{rest}"
    for flawed in report.flawed:
        yield (
            f"commit {format_id(flawed.commit)} is not a valid zone: {flawed.flaw.message}"
            f" (from {flawed.ref.path()})"
        )
    if report.flawed_count > len(report.flawed):
        yield f"and {format_count(report.flawed_count - len(report.flawed), 'more flaw')}"
    for noticed in report.noticed:
        where = f"in commit {format_id(noticed.commit)}, " if noticed.commit is not None else ""
        yield (
            f"{noticed.finding.severity}: blob {format_id(noticed.id)}: {noticed.finding.message}"
            f" ({where}from {noticed.ref.path()})"
        )
    if report.noticed_count > len(report.noticed):
        yield f"and {format_count(report.noticed_count - len(report.noticed), 'more warning')}"
    more = report.count + report.past_count - len(report.broken)
    if more > 0:
        yield f"and {format_count(more, 'more broken object')}"
    dangling = report.dangling.total()
    kinds = ", ".join(
        format_count(number, kind) for kind, number in sorted(report.dangling.items())
    )
    past = f" and {report.past_count} in the log only" if report.past_count else ""
    flaws = f", {format_count(report.flawed_count, 'flaw')}" if report.flawed_count else ""
    yield (
        f"{format_count(report.stored, 'object')}, {report.count} broken{past}{flaws},"
        f" {dangling} dangling{f' ({kinds})' if kinds else ''}"
    )


def _format_refs(report: FsckReport) -> Iterator[str]:
    if report.refs is None:
        return
    for each in report.refs.damage:
        yield f"refs: {each}"
    if report.refs.count > len(report.refs.damage):
        more = report.refs.count - len(report.refs.damage)
        yield f"refs: and {format_count(more, 'more fault')}"


def _format_place(broken: BrokenObject) -> str:
    found = ""
    if broken.owner is not None:
        kind = f" {rrtypes.to_text(broken.rdtype)}" if broken.rdtype is not None else ""
        found = f", {names.text(broken.owner)}{kind}"
    if broken.commit is not None:
        named = "named by" if broken.owner is None else "in"
        found += f", {named} commit {format_id(broken.commit)}"
    return f"{found}, from {broken.ref.path()}"


def _to_json(report: FsckReport, *, is_clean: bool) -> dict[str, Any]:
    return {
        "clean": is_clean,
        "objects": report.stored,
        "reached": report.reached,
        "dangling": dict(sorted(report.dangling.items())),
        "refs_damage": report.refs.damage if report.refs is not None else [],
        "broken": report.count,
        "broken_in_log_alone": report.past_count,
        "broken_objects": [_broken_to_json(each) for each in report.broken],
        "flaws": report.flawed_count,
        "flawed_tips": [_flaw_to_json(each) for each in report.flawed],
        "warnings": [_finding_to_json(each) for each in report.noticed],
    }


def _flaw_to_json(flawed: TipFlaw) -> dict[str, Any]:
    rdtype = flawed.flaw.rdtype
    return {
        "ref": flawed.ref.path(),
        "commit": flawed.commit.hex(),
        "owner": names.text(flawed.flaw.owner),
        "type": rrtypes.to_text(rdtype) if rdtype is not None else None,
        "message": flawed.flaw.message,
    }


def _finding_to_json(noticed: ObjectFinding) -> dict[str, Any]:
    (finding,) = make_warnings([noticed.finding])
    return {
        **msgspec.structs.asdict(finding),
        "id": noticed.id.hex(),
        "ref": noticed.ref.path(),
        "commit": to_hex(noticed.commit),
    }


def _broken_to_json(broken: BrokenObject) -> dict[str, Any]:
    return {
        "id": broken.id.hex(),
        "expected": list(broken.expected),
        "why": broken.fault,
        "ref": broken.ref.path(),
        "commit": to_hex(broken.commit),
        "owner": names.text(broken.owner) if broken.owner is not None else None,
        "type": rrtypes.to_text(broken.rdtype) if broken.rdtype is not None else None,
        "log_alone": broken.is_past,
    }
