"""Read master files with progress, and report the records that are skipped."""

from typing import Final

import msgspec

from zonegit.errors import Invalid
from zonegit.repo.commit.edits import RRsetKey
from zonegit.views.outcome import CommitDocument, ImportDocument, SkippedDocument
from zonegit.zone.findings import Finding
from zonegit.zone.line_cache import LineCache
from zonegit.zone.names import Name
from zonegit.zone.rrset import RRset
from zonegit.zonefile import reader
from zonegit.zonefile.reader import Opener, Skipped
from zonegit_cli.parse import file_kinds
from zonegit_cli.session import Session

MAX_SKIPPED: Final = 1_000
"""Skipped records that are reported and kept; the others are counted."""


class SkippedRecords:
    """The records that were skipped."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._first: list[Skipped] = []
        self._count = 0
        self._reported = MAX_SKIPPED

    def add(self, skipped: Skipped) -> None:
        """Count a skipped record, and report it if it is among the first :data:`MAX_SKIPPED`."""
        self._count += 1
        if self._count <= MAX_SKIPPED:
            self._first.append(skipped)
            self._session.output.print_progress("")
            self._session.output.print_note(
                f"{skipped.source}:{skipped.line}: skipped: {skipped.reason}"
            )

    def report_rest(self) -> None:
        """Report the number of skipped records that were not reported yet."""
        if self._count > self._reported:
            self._session.output.print_note(f"{self._count - self._reported} more records skipped")
            self._reported = self._count

    @property
    def count(self) -> int:
        """Return the number of skipped records."""
        return self._count

    def make_documents(self) -> list[SkippedDocument]:
        """Return the records that were kept, for ``--json``."""
        return [
            SkippedDocument(file=each.source, line=each.line, reason=each.reason)
            for each in self._first
        ]


class MasterFiles:
    """Reads the master files of one command; each distinct line is parsed once.

    Args:
        session: the session of the command.
        include: opens the files of ``$INCLUDE``; None if it is not allowed.
        skipped: collects invalid records; None if an invalid record is an error.
    """

    def __init__(
        self, session: Session, include: Opener | None, skipped: SkippedRecords | None = None
    ) -> None:
        self._session = session
        self._include = include
        self._skipped = skipped
        self._line_cache = LineCache()
        self._findings: list[Finding] = []

    def read(
        self, octets: bytes, source: str, zone: Name, *, whole: bool = True
    ) -> dict[RRsetKey, RRset]:
        """Read the RRsets of one file; :meth:`take_findings` returns the findings about it.

        Raises:
            Invalid: it cannot be parsed; names file and line.
        """

        def progress(records: int) -> None:
            self._session.output.print_progress(f"{source}: {records:,} records")

        try:
            found = reader.read(
                octets,
                zone,
                source=source,
                include=self._include,
                whole=whole,
                progress=progress,
                skip=self._skipped.add if self._skipped is not None else None,
                cache=self._line_cache,
            )
        except Invalid as error:
            raise file_kinds.explain(octets, source, error) from None
        self._session.output.print_progress("")
        if self._skipped is not None:
            self._skipped.report_rest()
        self._findings += found.findings
        return found.rrsets

    def take_findings(self) -> tuple[Finding, ...]:
        """Return the findings about the files that were read since the last call."""
        found, self._findings = tuple(self._findings), []
        return found

    def try_read(self, octets: bytes, source: str, zone: Name) -> dict[RRsetKey, RRset] | None:
        """Read the RRsets of one version; None with a note if it cannot be parsed and invalid
        records may be skipped.

        Raises:
            Invalid: it cannot be parsed, and invalid records may not be skipped.
        """
        try:
            return self.read(octets, source, zone)
        except Invalid as error:
            if self._skipped is None:
                raise
            self._session.output.print_progress("")
            self._session.output.print_note(f"skipped: {error.message}")
            return None

    def read_to_compare(self, octets: bytes, zone: Name) -> dict[RRsetKey, RRset] | None:
        """Read the RRsets of a version without notes; None if it cannot be parsed."""
        try:
            skip = _skip if self._skipped is not None else None
            return reader.read(octets, zone, cache=self._line_cache, skip=skip).rrsets
        except Invalid:
            return None

    def extend(self, document: CommitDocument) -> ImportDocument:
        """Return the document with the skipped records."""
        skipped = self._skipped.count if self._skipped is not None else 0
        records = self._skipped.make_documents() if self._skipped is not None else []
        fields = msgspec.structs.asdict(document)
        return ImportDocument(**fields, skipped=skipped, skipped_records=records)


def _skip(_skipped: Skipped) -> None:
    """Skip a record without a note."""
