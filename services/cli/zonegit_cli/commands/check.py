"""zonegit check: check a master file without a stack."""

import gc
from collections.abc import Iterator
from typing import Final

import click
import msgspec

from zonegit.errors import Invalid
from zonegit.repo.inspect import check_file
from zonegit.views.check import CheckDocument, FindingCountsDocument
from zonegit.views.warning import make_warnings
from zonegit.zone import names
from zonegit.zone.findings import Finding, is_strict
from zonegit.zone.names import Name
from zonegit.zonefile.reader import MAX_OCTETS
from zonegit_cli import options
from zonegit_cli.output import format_count
from zonegit_cli.parse import files, zone_files
from zonegit_cli.render import findings
from zonegit_cli.session import Session

MAX_ERRORS: Final = 1_000
"""Errors that are kept; the others are counted."""

INVALID_ZONE: Final = "invalid-zone"
"""The rule about files that cannot be parsed, and about zones that are refused as a whole."""


class CheckedFile(msgspec.Struct):
    """The result of a check.

    Attributes:
        zone: the zone.
        file: the file as the operator named it.
        errors: the first errors.
        error_count: the number of all errors.
        findings: the warnings and notes; empty if there are errors.
        serial: the serial of the zone; None if there are errors.
        records: the number of records; None if there are errors.
    """

    zone: Name
    file: str
    errors: list[Finding] = msgspec.field(default_factory=list)
    error_count: int = 0
    findings: tuple[Finding, ...] = ()
    serial: int | None = None
    records: int | None = None

    def add_error(self, error: Finding) -> None:
        """Count an error, and keep it if it is among the first :data:`MAX_ERRORS`."""
        self.error_count += 1
        if self.error_count <= MAX_ERRORS:
            self.errors.append(error)


@options.session_command("check")
@click.argument("file", type=click.Path(), metavar="FILE|-")
@click.option("--zone", type=options.ZONE, metavar="ZONE", help="The zone of the file.")
@click.option("--strict", is_flag=True, help="Treat warnings as errors.")
async def command(session: Session, file: str, zone: Name | None, strict: bool) -> None:
    """Check that a master file can be imported, without a running stack.

    The file is valid if zonegit import would accept it as the content of a new zone. Each error
    names file and line. The warnings are those that the import would print; with --strict they are
    errors, as in the import. docs/lint.md explains each rule.

    Without --zone the zone is the owner of the SOA record, or is taken from the name of the file
    (example.com.zone). FILE - is standard input.

    Exit status 0 if the file is valid, 1 if it is not, 2 for a wrong command line, 3 if the file
    cannot be read.

    \b
    zonegit check example.com.zone
    zonegit check db.example --zone example.com --strict
    zonegit check - --zone example.com --json < example.com.zone
    """
    gc.disable()  # a zone is millions of objects without cycles, and each collection visits all
    checked = await _check(session, file, zone)
    refusal = _find_refusal(checked, strict=strict)
    session.output.print_result(
        lambda: _make_document(checked, is_valid=refusal is None), _format_lines(checked)
    )
    if refusal is not None:
        raise refusal


async def _check(session: Session, file: str, zone: Name | None) -> CheckedFile:
    octets, source = files.read(file, MAX_OCTETS), files.format_name(file)
    checked = CheckedFile(zone or zone_files.determine_zone(octets, file), file)

    def progress(records: int) -> None:
        session.output.print_progress(f"{source}: {records:,} records")

    try:
        found = zone_files.read(
            octets, file, checked.zone, session.include, checked.add_error, progress
        )
        if not checked.error_count:
            rrsets = list(found.rrsets.values())
            zone_found = await check_file.check_new_zone(checked.zone, rrsets, found.findings)
            checked.findings, checked.serial = zone_found.findings, zone_found.serial
            checked.records = found.records
    except Invalid as error:
        hint = f"; {error.hint}" if error.hint else ""
        checked.add_error(Finding(INVALID_ZONE, "error", error.message + hint))
    session.output.print_progress("")
    return checked


def _find_refusal(checked: CheckedFile, *, strict: bool) -> Invalid | None:
    """Return the error that the command ends with, None for a valid file."""
    source = files.format_name(checked.file)
    if checked.error_count:
        shown = format_count(checked.error_count, "error")
        return Invalid(f"{source} is not a valid zone: {shown}")
    refused = sum(is_strict(each) for each in checked.findings) if strict else 0
    if refused:
        return Invalid(
            f"--strict refuses {source}: {format_count(refused, 'finding')}",
            hint="without --strict the file is valid",
        )
    return None


def _format_lines(checked: CheckedFile) -> Iterator[str]:
    yield from map(findings.format_finding, (*checked.errors, *checked.findings))
    if checked.error_count > MAX_ERRORS:
        yield f"and {format_count(checked.error_count - MAX_ERRORS, 'more error')}"
    if checked.records is not None:
        records = format_count(checked.records, "record")
        counts = findings.format_counts(findings.count_by_severity(checked.findings))
        yield (
            f"{names.text(checked.zone)} serial {checked.serial}, {records},"
            f" {counts or 'no findings'}"
        )


def _make_document(checked: CheckedFile, *, is_valid: bool) -> CheckDocument:
    counts = findings.count_by_severity(checked.findings)
    return CheckDocument(
        zone=names.text(checked.zone),
        file=checked.file,
        valid=is_valid,
        serial=checked.serial,
        records=checked.records,
        counts=FindingCountsDocument(
            error=checked.error_count, warning=counts["warning"], note=counts["note"]
        ),
        findings=make_warnings([*checked.errors, *checked.findings]),
    )
