"""Checked master files as JSON."""

from zonegit.views.document import SCHEMA, Document
from zonegit.views.warning import WarningDocument


class FindingCountsDocument(Document, kw_only=True):
    """The number of findings of each severity, those that are not listed included."""

    error: int
    warning: int
    note: int


class CheckDocument(Document, kw_only=True):
    """A checked master file. ``valid`` is true if an import into a new zone would be accepted, with
    the same ``--strict``. ``serial`` and ``records`` are null if the file has errors. ``findings``
    lists the first thousand errors, or the warnings and notes if there are none."""

    schema: int = SCHEMA
    zone: str
    file: str
    valid: bool
    serial: int | None
    records: int | None
    counts: FindingCountsDocument
    findings: list[WarningDocument]
