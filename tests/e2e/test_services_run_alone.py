"""Each store as a process of its own: start, wait, end and failure."""

import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.nats import nats_server, start_nats
from tests.support.processes import run_service
from tests.support.waiting import eventually, eventually_true

from zonegit.bus import RemoteRefs, connect, discovery
from zonegit.config import BusSettings
from zonegit.process import FILE_STATUS

SERVICES = ["objectstore", "refs"]


@pytest.mark.parametrize("name", SERVICES)
async def test_a_service_answers_ping_and_stops_cleanly_on_sigterm(
    tmp_path: Path, name: str
) -> None:
    with nats_server() as url, run_service(name, url, tmp_path) as service:
        await eventually(lambda: "service.started" in service.log.read_text())
        async with connect(BusSettings(url), name="test") as bus:

            async def is_found() -> bool:
                return [each.name for each in await discovery.ping(bus, 0.2)] == [name]

            await eventually_true(is_found)
        assert service.terminate() == 0
        assert "service.stopped" in service.log.read_text()


@pytest.mark.parametrize("name", SERVICES)
async def test_a_service_waits_for_its_bus_until_sigterm(tmp_path: Path, name: str) -> None:
    with start_nats(tmp_path, -1) as url:
        pass
    with run_service(name, url, tmp_path) as service:
        await eventually(lambda: "bus.awaited" in service.log.read_text())
        assert service.terminate() == 0


@pytest.mark.parametrize("name", SERVICES)
async def test_a_service_refused_by_the_bus_fails_without_printing_its_password(
    tmp_path: Path, name: str
) -> None:
    with nats_server('authorization { user: "ada", password: "right" }') as url:
        wrong = url.replace("://", "://ada:opensesame@")
        with run_service(name, wrong, tmp_path) as service:
            assert service.wait() == 1
            log = service.log.read_text()
    assert "service.failed" in log
    assert "opensesame" not in log


@pytest.mark.parametrize("name", SERVICES)
async def test_a_service_with_a_damaged_store_names_it_and_fails(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    file = folder / ("objects.sqlite3" if name == "objectstore" else "refs.sqlite3")
    file.write_bytes(b"rot" * 4096)
    with nats_server() as url, run_service(name, url, tmp_path) as service:
        assert service.wait() == FILE_STATUS
        assert str(file) in service.log.read_text()


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_prints_its_flags_and_its_version(name: str) -> None:
    for flag, expected in (("--help", "--nats-url"), ("--version", "zonegit")):
        command = [sys.executable, "-m", f"zonegit_{name}", flag]
        told = subprocess.run(command, capture_output=True, text=True, check=True)
        assert expected in told.stdout


@pytest.mark.parametrize("level", ["info", "debug"])
async def test_a_request_is_logged_only_at_debug_level(tmp_path: Path, level: str) -> None:
    arguments = ["--log-level", level]
    with nats_server() as url, run_service("refs", url, tmp_path, arguments) as service:
        await eventually(lambda: "service.started" in service.log.read_text())
        async with connect(BusSettings(url), name="test") as bus:
            await RemoteRefs(bus, "ada").where("ada")
        assert service.terminate() == 0
        assert ("request.answered" in service.log.read_text()) == (level == "debug")
