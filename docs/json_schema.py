"""Write docs/*.schema.json: the JSON Schemas of the documents that commands print.

``make docs`` runs this; a test compares the files with the types.
"""

import inspect
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from zonegit.views.blame import BlamedRRsetDocument
from zonegit.views.check import CheckDocument
from zonegit.views.commit import ShownCommitDocument, StoredCommitDocument, TagsDocument
from zonegit.views.diff import DiffDocument
from zonegit.views.document import SCHEMA
from zonegit.views.log_entry import ReflogEntryDocument
from zonegit.views.operation import OperationDocument
from zonegit.views.outcome import (
    CommitDocument,
    ImportDocument,
    PlanDocument,
    SeriesDocument,
    SeveralDocument,
    UndoDocument,
)
from zonegit.views.problem import ErrorDocument
from zonegit.views.rrset import StoredRRsetDocument
from zonegit.views.zone import ListedZoneDocument, MigratedZoneDocument, ZoneDocument

FOLDER: Final = Path(__file__).parent

TITLES: Final = {
    "commit": f"Documents printed with --json after a change, schema {SCHEMA}",
    "error": "The document printed with --json on standard error after a failure",
    "history": "Documents about commits, tags and the log",
    "zone": "Documents about zones, their records and differences",
}

DOCUMENTS: Final[Mapping[str, Mapping[str, Any]]] = {
    "commit": {
        each.__name__: each
        for each in (
            CommitDocument,
            ImportDocument,
            SeriesDocument,
            PlanDocument,
            SeveralDocument,
            UndoDocument,
        )
    },
    "error": {"ErrorDocument": ErrorDocument},
    "history": {
        "log": list[StoredCommitDocument],
        "show": ShownCommitDocument,
        "blame": list[BlamedRRsetDocument],
        "tag": TagsDocument,
        "reflog": list[ReflogEntryDocument],
        "op log": list[OperationDocument],
    },
    "zone": {
        "export": ZoneDocument,
        "check": CheckDocument,
        "diff": DiffDocument,
        "show NAME TYPE": StoredRRsetDocument,
        "zone list": list[ListedZoneDocument],
        "migrate": MigratedZoneDocument,
    },
}
"""The documents by file, each by a title or the command that prints it."""


def build_schema(name: str) -> dict[str, Any]:
    """Return the JSON Schema of the documents of a file."""
    kinds = DOCUMENTS[name].values()
    refs, components = msgspec.json.schema_components(kinds, ref_template="#/$defs/{name}")
    for component in components.values():
        component["description"] = inspect.cleandoc(component["description"])
        # A field with a default is printed, too; one that may be absent has no default here.
        required, fields = component.get("required", []), component["properties"]
        component["required"] = [
            key for key, field in fields.items() if key in required or "default" in field
        ]
        for field in fields.values():
            field.pop("default", None)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": TITLES[name],
        "anyOf": list(refs),
        "$defs": components,
    }


def list_schemas() -> dict[Path, str]:
    """Return each file with its whole text."""
    return {
        FOLDER / f"{name}.schema.json": json.dumps(build_schema(name), indent=2) + "\n"
        for name in DOCUMENTS
    }


if __name__ == "__main__":
    for path, text in list_schemas().items():
        path.write_text(text)
    sys.exit(0)
