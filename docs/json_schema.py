"""Write docs/commit.schema.json: the JSON Schema of what commands print after a change.

``make docs`` runs this; a test compares the file with the types.
"""

import inspect
import json
import sys
from pathlib import Path
from typing import Any, Final

import msgspec

from zonegit.views.document import SCHEMA
from zonegit.views.outcome import (
    CommitDocument,
    ImportDocument,
    PlanDocument,
    SeriesDocument,
    SeveralDocument,
    UndoDocument,
)

TARGET: Final = Path(__file__).with_name("commit.schema.json")
DOCUMENTS: Final = (
    CommitDocument,
    ImportDocument,
    SeriesDocument,
    PlanDocument,
    SeveralDocument,
    UndoDocument,
)
"""The documents that a command can print."""


def build_schema() -> dict[str, Any]:
    """Return the JSON Schema of every document."""
    refs, components = msgspec.json.schema_components(DOCUMENTS, ref_template="#/$defs/{name}")
    for component in components.values():
        component["description"] = inspect.cleandoc(component["description"])
        # A field with a default is printed, too.
        component["required"] = list(component["properties"])
        for field in component["properties"].values():
            field.pop("default", None)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"Documents printed with --json after a change, schema {SCHEMA}",
        "anyOf": list(refs),
        "$defs": components,
    }


def format_schema() -> str:
    """Return the whole file."""
    return json.dumps(build_schema(), indent=2) + "\n"


if __name__ == "__main__":
    TARGET.write_text(format_schema())
    sys.exit(0)
