"""A bus for the tests of one file, and an installation on it for each test."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from tests.support.nats import nats_server
from tests.support.waiting import open_in_task
from tests.unit.resolver.backend import Backend, run_backend


@pytest.fixture(scope="module")
def nats_url() -> Iterator[str]:
    with nats_server() as url:
        yield url


@pytest_asyncio.fixture
async def backend(tmp_path: Path) -> AsyncIterator[Backend]:
    """Run stores and resolvers on a bus that no other test uses."""
    with nats_server() as url:
        async with open_in_task(run_backend(url, tmp_path / "stores")) as made:
            yield made
