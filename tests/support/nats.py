"""Run a real nats-server for tests, on a free port of 127.0.0.1."""

import json
import os
import shutil
import signal
import subprocess
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.waiting import DEADLINE_S


@contextmanager
def nats_server(configuration: str = "") -> Iterator[str]:
    """Run a server, and yield its URL."""
    with (
        tempfile.TemporaryDirectory() as folder,
        start_nats(Path(folder), -1, configuration) as url,
    ):
        yield url


@contextmanager
def start_nats(folder: Path, port: int, configuration: str = "") -> Iterator[str]:
    """Run a server on ``port`` (-1 for a free one) with its files in ``folder``."""
    for left in folder.glob("*.ports"):
        left.unlink()
    config = configure_nats(folder, configuration)
    process = subprocess.Popen(
        [_binary(), "-c", config, "-a", "127.0.0.1", "-p", str(port), "--ports_file_dir", folder],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield _url(folder, process)
    finally:
        process.kill()
        process.wait()


def configure_nats(folder: Path, configuration: str) -> Path:
    """Write the configuration that a server in ``folder`` reads at the start and on SIGHUP."""
    config = folder / "nats.conf"
    config.write_text(configuration)
    return config


def signal_nats(folder: Path, number: signal.Signals) -> None:
    """Send a signal to the server with files in ``folder``; the name of its ports file contains its
    pid."""
    for found in folder.glob("*.ports"):
        os.kill(int(found.stem.rpartition("_")[2]), number)


def _url(folder: Path, process: subprocess.Popen[bytes]) -> str:
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        assert process.poll() is None, "nats-server ended at once"
        for found in folder.glob("*.ports"):
            try:
                return str(json.loads(found.read_text())["nats"][0])
            except ValueError:  # half written
                continue
        time.sleep(0.01)
    raise AssertionError("nats-server did not start")


def _binary() -> str:
    beside = Path(sysconfig.get_path("scripts")) / "nats-server"
    found = os.environ.get("ZONEGIT_NATS_SERVER") or shutil.which(beside) or "nats-server"
    return str(found)
