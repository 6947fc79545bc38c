"""Master files as commands take them in: parsed with progress, what was left out told as it is
met."""

from typing import Final

import msgspec

from zonegit.errors import Invalid
from zonegit.repo.commit.edits import RRsetKey
from zonegit.zone.findings import Finding
from zonegit.zone.line_cache import Lines
from zonegit.zone.names import Name
from zonegit.zone.rrset import RRset
from zonegit.zonefile import reader
from zonegit.zonefile.reader import Opener, Skipped
from zonegit_cli.parse import file_kinds
from zonegit_cli.render.documents import CommitDocument, ImportDocument, SkippedDocument
from zonegit_cli.session import Session

MOST_SKIPPED: Final = 1_000
"""Skipped records that are told one by one; beyond that they are counted."""


class SkippedRecords:
    """The records that were skipped: each is told as it is met, the first thousand are kept."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._first: list[Skipped] = []
        self._count = 0
        self._told = MOST_SKIPPED

    def add(self, skipped: Skipped) -> None:
        """Tells one."""
        self._count += 1
        if self._count <= MOST_SKIPPED:
            self._first.append(skipped)
            self._session.output.progress("")
            self._session.output.note(f"{skipped.source}:{skipped.line}: skipped: {skipped.why}")

    def tell_rest(self) -> None:
        """How many were not told, since this was asked last."""
        if self._count > self._told:
            self._session.output.note(f"{self._count - self._told} more records skipped")
            self._told = self._count

    @property
    def count(self) -> int:
        """Return how many records were skipped."""
        return self._count

    def documents(self) -> list[SkippedDocument]:
        """Return the first of them for ``--json``."""
        return [
            SkippedDocument(file=each.source, line=each.line, reason=each.why)
            for each in self._first
        ]


class MasterFiles:
    """Reads the master files of one command, each distinct line once. ``include`` opens what they
    include, None: they may not; ``left_out`` hears of records that cannot stand, None: one is an
    error."""

    def __init__(
        self, session: Session, include: Opener | None, left_out: SkippedRecords | None = None
    ) -> None:
        self._session = session
        self._include = include
        self._left_out = left_out
        self._known = Lines()
        self._findings: list[Finding] = []

    def read(
        self, octets: bytes, source: str, zone: Name, *, whole: bool = True
    ) -> dict[RRsetKey, RRset]:
        """Read the RRsets of one file; :meth:`take_findings` returns the findings about it.

        Raises:
            Invalid: it cannot be read; names file and line.
        """

        def progress(records: int) -> None:
            self._session.output.progress(f"{source}: {records:,} records")

        try:
            found = reader.read(
                octets,
                zone,
                source=source,
                include=self._include,
                whole=whole,
                progress=progress,
                skip=self._left_out.add if self._left_out is not None else None,
                known=self._known,
            )
        except Invalid as error:
            raise file_kinds.explain(octets, source, error) from None
        self._session.output.progress("")
        if self._left_out is not None:
            self._left_out.tell_rest()
        self._findings += found.findings
        return found.rrsets

    def take_findings(self) -> tuple[Finding, ...]:
        """Return the findings about what was read since this was called last."""
        found, self._findings = tuple(self._findings), []
        return found

    def read_if_it_can_be(
        self, octets: bytes, source: str, zone: Name
    ) -> dict[RRsetKey, RRset] | None:
        """As :meth:`read`, but where records may be left out, so may a whole file: None then."""
        try:
            return self.read(octets, source, zone)
        except Invalid as error:
            if self._left_out is None:
                raise
            self._session.output.progress("")
            self._session.output.note(f"left out: {error.message}")
            return None

    def try_read(self, octets: bytes, zone: Name) -> dict[RRsetKey, RRset] | None:
        """Return the RRsets of a version that is only compared; None: it cannot be read."""
        try:
            skip = _skip if self._left_out is not None else None
            return reader.read(octets, zone, known=self._known, skip=skip).rrsets
        except Invalid:
            return None

    def extend(self, document: CommitDocument) -> ImportDocument:
        """Return the document with what was left out."""
        skipped = self._left_out.count if self._left_out is not None else 0
        records = self._left_out.documents() if self._left_out is not None else []
        fields = msgspec.structs.asdict(document)
        return ImportDocument(**fields, skipped=skipped, skipped_records=records)


def _skip(_skipped: Skipped) -> None:
    """Leave a record out of what is only compared."""
