"""zonegit lint: find faults in a zone or a master file."""

import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import click

from zonegit.repo.inspect import lint
from zonegit.repo.inspect.lint import LintResult
from zonegit.views.warning import make_warnings
from zonegit.zone import names
from zonegit.zone.findings import Finding
from zonegit.zone.lint import table
from zonegit.zone.lint.view import WholeZone
from zonegit.zone.names import Name
from zonegit.zonefile.reader import MAX_OCTETS, Opener
from zonegit_cli import options
from zonegit_cli.output import format_count, to_hex
from zonegit_cli.parse import files, zone_files
from zonegit_cli.render import findings
from zonegit_cli.session import Session
from zonegit_cli.text_width import wrap_line

EXIT_FOUND: Final = 10
"""Exit status if there are findings."""

SCHEMA: Final = 1


@options.session_command("lint")
@click.argument("named", metavar="[ZONE|FILE]", required=False)
@click.option(
    "--at", "at", type=options.REFISH, metavar="REFISH", help="Check the zone at this commit."
)
@options.zone_options
async def command(
    session: Session, named: str | None, at: str | None, zone: Name | None, branch: str | None
) -> int:
    """List the faults of a zone or of a master file: data that other name servers refuse, or that
    clients cannot use.

    An argument that is -, contains a slash, or names an existing file is a FILE; it needs no
    running stack. Its zone is the owner of its SOA record, or is given by --zone. Any other
    argument is a ZONE.

    Exit status 10 if there are findings, else 0. docs/lint.md explains each rule.

    \b
    zonegit lint                            the current zone and branch
    zonegit lint example.com --branch canary
    zonegit lint example.com --at HEAD~1
    zonegit lint db.example.com --zone example.com
    zonegit lint ./example.com.zone --json
    """
    gc.disable()  # a zone is millions of objects without cycles, and each collection visits all
    if named is not None and _is_file(named):
        if at is not None or branch is not None:
            raise click.UsageError(f"{named} is a file; --at and --branch are for a ZONE")
        found = _lint_file(named, zone, session.include)
    else:
        if named is not None and zone is not None:
            raise click.UsageError("name the zone once")
        wanted = zone if named is None else names.parse(named)
        async with session.connect() as repo:
            found = await lint.lint(repo, at or "HEAD", wanted, branch)
    file = named if found.commit is None else None
    session.output.print_result(lambda: _to_json(found, file), _format_lines(found), paged=True)
    return EXIT_FOUND if found.findings else 0


def _is_file(named: str) -> bool:
    return named == files.STDIN or "/" in named or Path(named).is_file()


def _lint_file(named: str, zone: Name | None, include: Opener) -> LintResult:
    octets = files.read(named, MAX_OCTETS)
    origin = zone or zone_files.determine_zone(octets, named)
    from_skipped: list[Finding] = []
    found = zone_files.read(octets, named, origin, include, from_skipped.append)
    about_zone = table.examine_zone(WholeZone(origin, found.rrsets))
    every = [*from_skipped, *found.findings, *about_zone]
    return LintResult(origin, None, found.records, every)


def _format_lines(found: LintResult) -> Iterator[str]:
    for each in found.findings:
        yield from wrap_line(findings.format_finding(each))
    zone, records = names.text(found.zone), format_count(found.records, "record")
    counts = findings.count_by_severity(found.findings)
    yield f"{zone} {records}, {findings.format_counts(counts) or 'no findings'}"


def _to_json(found: LintResult, file: str | None) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "zone": names.text(found.zone),
        "file": file,
        "commit": to_hex(found.commit),
        "records": found.records,
        "counts": findings.count_by_severity(found.findings),
        "findings": make_warnings(found.findings),
    }
