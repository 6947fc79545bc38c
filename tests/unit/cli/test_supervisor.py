"""The supervisor also starts children that it cannot start at first."""

import sys
from pathlib import Path

from tests.support.waiting import eventually

from zonegit_cli.stack import supervisor
from zonegit_cli.stack.child import Child


async def test_a_child_that_cannot_be_started_is_tried_again(tmp_path: Path) -> None:
    """Its log cannot be opened at first, as on a disk that is full."""
    folder = tmp_path / "logs"
    command = [sys.executable, "-c", "import time; time.sleep(600)"]
    child = Child("late", command, {}, folder / "late.log")
    other = Child("other", command, {}, tmp_path / "other.log")
    async with supervisor._run_children([child, other], lambda text: None):
        await eventually(lambda: other.process is not None)
        assert child.process is None
        folder.mkdir()
        await eventually(lambda: child.process is not None)


async def test_a_child_without_a_configuration_file_is_restarted_whatever_its_status(
    tmp_path: Path,
) -> None:
    """A panic of nats-server has the status 2, too, which means a wrong configuration for a
    resolver."""
    child = Child("nats", [sys.executable, "-c", "import sys; sys.exit(2)"], {}, tmp_path / "log")
    async with supervisor._run_children([child], lambda text: None):
        await eventually(lambda: child.starts > 1)
        assert not child.has_bad_config
