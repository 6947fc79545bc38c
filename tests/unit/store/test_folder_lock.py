"""A folder belongs to one process, and the kernel releases its lock."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from zonegit.errors import Unavailable
from zonegit.store.folder_lock import LOCK, is_locked, lock_folder, read_pid

HOLD = """
import sys, time
from pathlib import Path
from zonegit.store.folder_lock import lock_folder
with lock_folder(Path(sys.argv[1]), "refs"):
    print("held", flush=True)
    time.sleep(600)
"""


def test_a_second_process_is_refused_with_the_id_of_the_first(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        assert is_locked(tmp_path)
        assert read_pid(tmp_path) == process.pid
        with (
            pytest.raises(Unavailable, match=f"another refs .process {process.pid}. uses"),
            lock_folder(tmp_path, "refs"),
        ):
            pass
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert not is_locked(tmp_path)
    with lock_folder(tmp_path, "refs"):
        assert read_pid(tmp_path) == os.getpid()


def test_a_folder_is_created_and_its_lock_is_accessible_only_to_its_owner(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    assert not is_locked(folder)
    assert read_pid(folder) is None
    with lock_folder(folder, "refs"):
        assert (folder / LOCK).stat().st_mode & 0o077 == 0
    with lock_folder(folder, "refs"):
        pass


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("elsewhere")])
def test_a_lock_that_is_not_a_file_is_ignored(make, tmp_path: Path) -> None:
    """It does not stop a doctor that reads it, either."""
    make(tmp_path / LOCK)
    assert not is_locked(tmp_path)
    assert read_pid(tmp_path) is None
