"""Stacks for tests: a shared one for tests that only use it, a fresh one for tests that break
it."""

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
    """Return the shared stack for an operator with a name of this test's own."""
    return Stack(shared_stack.data, {"ZONEGIT_ACTOR": f"op-{abs(hash(request.node.name)) % 10**8}"})


@pytest.fixture
def own_stack(tmp_path: Path) -> Iterator[Stack]:
    """Yield a stack that is not started yet; it is stopped at the end."""
    stack = Stack(tmp_path / "data")
    yield stack
    stack.down()
