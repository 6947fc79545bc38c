"""The documented permissions of the bus are those that the table of verbs gives."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

DOCS = Path(__file__).resolve().parents[3] / "docs"


def load_generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bus_permissions", DOCS / "bus_permissions.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["nats-server.conf", "operations.md", "wire.md"])
def test_generated_files_are_up_to_date(name: str) -> None:
    expected = {path.name: text for path, text in load_generator().build_pages().items()}
    assert (DOCS / name).read_text() == expected[name], "run: make docs"
