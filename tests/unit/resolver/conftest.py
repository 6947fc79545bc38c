"""A site on a bus of its own for each test."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from tests.support.nats import nats_server
from tests.support.waiting import DEADLINE_S, open_in_task
from tests.unit.resolver.backend import Backend, run_backend

from zonegit_resolver.follow import differences


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a slow machine send differences, not whole transfers."""
    monkeypatch.setattr(differences, "HISTORY_TIMEOUT_S", DEADLINE_S)


@pytest.fixture
def nats_url() -> Iterator[str]:
    with nats_server() as url:
        yield url


@pytest_asyncio.fixture
async def backend(nats_url: str, tmp_path: Path) -> AsyncIterator[Backend]:
    async with open_in_task(run_backend(nats_url, tmp_path / "stores")) as made:
        yield made
