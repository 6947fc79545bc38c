"""Read master files without a stack: determine their zone, and keep what is wrong as findings."""

from collections.abc import Callable
from pathlib import Path

from zonegit.errors import Invalid
from zonegit.zone.findings import Finding
from zonegit.zone.lint import apex, table
from zonegit.zone.names import Name
from zonegit.zonefile import reader, zone_paths
from zonegit.zonefile.builder import ZoneFile
from zonegit.zonefile.reader import Opener, Skipped
from zonegit_cli.parse import file_kinds, files


def determine_zone(octets: bytes, file: str) -> Name:
    """Return the zone of a master file: the owner of its SOA, or else what the file's name says.

    Args:
        octets: the content of the file.
        file: the file as the operator named it.

    Raises:
        Invalid: neither names a zone, or the file is malformed before its SOA.
    """
    source = files.format_name(file)
    try:
        found = apex.find_apex(octets, source)
    except Invalid as error:
        raise file_kinds.explain(octets, source, error) from error
    found = found or zone_paths.parse_path(Path(file).name, "flat")
    if found is None:
        unknown = Invalid(
            f"cannot determine the zone of {source}",
            hint="name it with --zone example.com, or begin the file with $ORIGIN",
        )
        raise file_kinds.explain(octets, source, unknown)
    return found


def read(
    octets: bytes,
    file: str,
    zone: Name,
    include: Opener,
    report: Callable[[Finding], None],
    progress: Callable[[int], None] | None = None,
) -> ZoneFile:
    """Read a master file; records that cannot be used are left out and reported.

    Args:
        octets: the content of the file.
        file: the file as the operator named it.
        zone: the zone.
        include: opens the files of ``$INCLUDE``.
        report: called for each record that is left out.
        progress: called with the number of records, from time to time.

    Raises:
        Invalid: the file cannot be parsed, or has no SOA; names file and line.
    """
    source = files.format_name(file)

    def skip(skipped: Skipped) -> None:
        report(_make_finding(skipped))

    try:
        return reader.read(
            octets, zone, source=source, include=include, progress=progress, skip=skip
        )
    except Invalid as error:
        raise file_kinds.explain(octets, source, error) from error


def _make_finding(skipped: Skipped) -> Finding:
    message = f"{skipped.source}:{skipped.line}: {skipped.reason}"
    source = table.SOURCES.get(skipped.rule)
    return Finding(skipped.rule, "error", message, skipped.owner, source=source)
