"""Stacks for the tests: a shared one for those that use it, a fresh one for those that break it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.e2e.stack import Stack


@pytest.fixture(scope="session")
def shared_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    stack = Stack(tmp_path_factory.mktemp("stack"))
    stack.up()
    yield stack
    stack.down()


@pytest.fixture
def stack(shared_stack: Stack, request: pytest.FixtureRequest) -> Stack:
    """The shared stack, as an operator of this test's own."""
    return Stack(shared_stack.data, {"ZONEGIT_ACTOR": f"op-{abs(hash(request.node.name)) % 10**8}"})


@pytest.fixture
def own_stack(tmp_path: Path) -> Iterator[Stack]:
    """A stack that is not started yet, stopped at the end."""
    stack = Stack(tmp_path / "data")
    yield stack
    stack.down()
