"""Each store is kept by the backend that its setting names."""

from collections.abc import Mapping
from types import ModuleType

import click
import pytest
from click.testing import CliRunner

from zonegit.process import DEFAULT_BACKEND
from zonegit_objectstore import __main__ as objectstore
from zonegit_objectstore import backends as object_backends
from zonegit_refs import __main__ as refs
from zonegit_refs import backends as ref_backends


@pytest.mark.parametrize("backends", [object_backends, ref_backends])
def test_the_default_backend_exists(backends: ModuleType) -> None:
    assert DEFAULT_BACKEND in backends.BACKENDS


@pytest.mark.parametrize(
    ("main", "backends", "variable"),
    [
        (objectstore.main, object_backends.BACKENDS, "ZONEGIT_OBJECTS_BACKEND"),
        (refs.main, ref_backends.BACKENDS, "ZONEGIT_REFS_BACKEND"),
    ],
)
@pytest.mark.parametrize("by_variable", [False, True])
def test_an_unknown_backend_is_refused_with_the_known_ones(
    main: click.Command, backends: Mapping[str, object], variable: str, *, by_variable: bool
) -> None:
    words = [] if by_variable else ["--backend", "floppy"]
    env = {variable: "floppy"} if by_variable else {}
    failed = CliRunner().invoke(main, words, env=env)
    assert failed.exit_code == 2
    assert f"unknown backend 'floppy'; known: {', '.join(backends)}" in failed.output
