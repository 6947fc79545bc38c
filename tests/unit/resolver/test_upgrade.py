"""A cache of the previous release: served, converted zone by zone, and then deleted."""

import re
from pathlib import Path

import pytest
from tests.support.waiting import eventually
from tests.unit.resolver.backend import Backend, run_resolver
from tests.unit.resolver.cache_files import (
    EARLIER,
    LAYOUT_1,
    LAYOUT_2,
    files,
    make_earlier,
    make_unique_1,
    open_database,
    read_branches,
    root,
)

from zonegit.errors import Invalid
from zonegit_resolver.cache import cache

OLD, NEW = "www 300 A 192.0.2.1\n", "www 300 A 192.0.2.2\n"
SAYS_OLD, SAYS_NEW = "NOERROR 192.0.2.1", "NOERROR 192.0.2.2"
UNUSED_URL = "nats://127.0.0.1:1"
FOO, BAR = "www.foo.com.", "www.bar.com."
HOST_RECORDS = "".join(f"h{number} 300 A 192.0.2.9\n" for number in range(700))
"""More RRsets than are read or written in one go."""


def left(data: Path) -> set[str]:
    return {path.name for path in root(data).iterdir()}


DONE = {"CACHE", "lock", "overall.sqlite3", "unique-2"}


class EventLog:
    """The events that are logged from now on."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self._text = ""
        capsys.readouterr()

    def has(self, pattern: str) -> bool:
        self._text += self._capsys.readouterr().out
        return re.search(pattern, self._text) is not None


async def served_before(backend: Backend, data: Path, schema: tuple[str, ...] = LAYOUT_2) -> None:
    """Write a cache of the previous release with two zones."""
    await backend.commit("foo.com.", OLD)
    await backend.commit("bar.com.", OLD + HOST_RECORDS)
    async with run_resolver(backend.url, data) as running:
        for name in (FOO, BAR):
            await running.wait_for_text(SAYS_OLD, name)
    make_earlier(data, schema=schema)
    assert left(data) == {"lock", EARLIER, f"{EARLIER}-wal", f"{EARLIER}-shm"}


@pytest.mark.parametrize("schema", [LAYOUT_1, LAYOUT_2], ids=["layout 1", "layout 2"])
async def test_with_the_bus_up_an_earlier_cache_is_converted_and_deleted(
    backend: Backend, tmp_path: Path, schema: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    await served_before(backend, tmp_path, schema)
    await backend.commit("foo.com.", NEW)
    told = EventLog(capsys)
    async with run_resolver(backend.url, tmp_path) as running:
        assert await running.wait_for_first_text(FOO) == SAYS_NEW
        assert await running.query_text(BAR) == SAYS_OLD
        await eventually(lambda: told.has(r"last-known\.released"))
    assert told.has(r"last-known\.set-aside.*may be slow")
    assert left(tmp_path) == DONE
    assert len(read_branches(tmp_path)) == len(files(tmp_path)) == 2
    again = EventLog(capsys)
    async with run_resolver(UNUSED_URL, tmp_path) as running:
        await running.wait_for_text(SAYS_NEW, FOO)
        assert await running.query_text(BAR) == SAYS_OLD
        assert await running.query_text("h699.bar.com.") == "NOERROR 192.0.2.9"
    assert not again.has("set-aside")


async def test_with_the_bus_down_an_earlier_cache_is_served_and_kept(
    backend: Backend, tmp_path: Path
) -> None:
    await served_before(backend, tmp_path)
    for _ in range(2):
        async with run_resolver(UNUSED_URL, tmp_path) as running:
            await running.wait_for_text(SAYS_OLD, FOO)
            assert await running.query_text("h699.bar.com.") == "NOERROR 192.0.2.9"
        assert EARLIER in left(tmp_path)
    async with run_resolver(backend.url, tmp_path) as running:
        await running.wait_for_text(SAYS_OLD, FOO)
        await eventually(lambda: EARLIER not in left(tmp_path))
    await eventually(lambda: left(tmp_path) == DONE)


async def test_the_new_cache_has_precedence_over_files_set_aside(
    backend: Backend, tmp_path: Path
) -> None:
    """The bus was up, and the process ended before it had read the log."""
    await served_before(backend, tmp_path)
    saved = {path.name: path.read_bytes() for path in root(tmp_path).iterdir()}
    await backend.commit("foo.com.", NEW)
    async with run_resolver(backend.url, tmp_path) as running:
        await running.wait_for_text(SAYS_NEW, FOO)
        await eventually(lambda: EARLIER not in left(tmp_path))
    for name, octets in saved.items():
        (root(tmp_path) / name).write_bytes(octets)
    (bar,) = (path for path in files(tmp_path) if path.name == "bar.com.")
    bar.unlink()
    async with run_resolver(UNUSED_URL, tmp_path) as running:
        await running.wait_for_text(SAYS_NEW, FOO)
        assert await running.query_text(BAR) == SAYS_OLD
    assert bar in files(tmp_path)


async def test_an_earlier_cache_is_kept_until_every_zone_is_written(
    backend: Backend,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A file cannot be made where a folder is in the way."""
    monkeypatch.setattr(cache, "RETRY_S", 0.01)
    await served_before(backend, tmp_path)
    async with run_resolver(UNUSED_URL, tmp_path) as running:
        await running.wait_for_text(SAYS_OLD, FOO)
    obstacle = root(tmp_path) / "unique-2" / "bar.com."
    obstacle.unlink()
    obstacle.mkdir()
    async with run_resolver(backend.url, tmp_path) as running:
        await backend.commit("foo.com.", NEW)
        await running.wait_for_text(SAYS_NEW, FOO)
        assert EARLIER in left(tmp_path)
        obstacle.rmdir()
        await eventually(lambda: EARLIER not in left(tmp_path))
    assert "last-known.not-written" in capsys.readouterr().out
    async with run_resolver(UNUSED_URL, tmp_path) as running:
        await running.wait_for_text(SAYS_NEW, FOO)
        assert await running.query_text(BAR) == SAYS_OLD


async def test_a_cache_without_digests_is_taken_over(backend: Backend, tmp_path: Path) -> None:
    await backend.commit("foo.com.", OLD)
    await backend.commit("bar.com.", OLD + HOST_RECORDS)
    async with run_resolver(backend.url, tmp_path) as running:
        for name in (FOO, BAR):
            await running.wait_for_text(SAYS_OLD, name)
    make_unique_1(tmp_path)
    async with run_resolver(UNUSED_URL, tmp_path) as running:
        for name in (FOO, BAR):
            await running.wait_for_text(SAYS_OLD, name)
        assert await running.query_text("h699.bar.com.") == "NOERROR 192.0.2.9"
    assert "unique-1" in left(tmp_path)
    async with run_resolver(backend.url, tmp_path) as running:
        await running.wait_for_text(SAYS_OLD, FOO)
        await eventually(lambda: "unique-1" not in left(tmp_path))
    async with run_resolver(UNUSED_URL, tmp_path) as running:
        await running.wait_for_text(SAYS_OLD, BAR)
    assert left(tmp_path) == DONE


@pytest.mark.parametrize("url", [None, UNUSED_URL], ids=["up", "down"])
async def test_a_cache_of_another_scheme_or_version_is_converted(
    backend: Backend, tmp_path: Path, url: str | None
) -> None:
    await backend.commit("foo.com.", OLD)
    async with run_resolver(backend.url, tmp_path) as running:
        await running.wait_for_text(SAYS_OLD, FOO)
    (root(tmp_path) / "unique-2").rename(root(tmp_path) / "flat-7")
    marker = root(tmp_path) / "CACHE"
    marker.write_text('{"owner": "resolver", "scheme": "flat", "version": 7, "later": true}')
    async with run_resolver(url or backend.url, tmp_path) as running:
        await running.wait_for_text(SAYS_OLD, FOO)
        await eventually(lambda: url is not None or "flat-7" not in left(tmp_path))
    assert marker.read_text() == '{"owner":"resolver","scheme":"unique","version":2}\n'
    assert left(tmp_path) - {"flat-7"} == DONE
    async with run_resolver(UNUSED_URL, tmp_path) as running:
        await running.wait_for_text(SAYS_OLD, FOO)


async def test_a_damaged_earlier_cache_is_logged_and_deleted(
    backend: Backend, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await backend.commit("foo.com.", OLD)
    root(tmp_path).mkdir(parents=True)
    (root(tmp_path) / EARLIER).write_bytes(b"rot" * 4096)
    async with run_resolver(backend.url, tmp_path) as running:
        await running.wait_for_text(SAYS_OLD, FOO)
        await eventually(lambda: EARLIER not in left(tmp_path))
    assert re.search(rf"last-known\.dropped.*{EARLIER}", capsys.readouterr().out)


async def test_only_the_zone_that_does_not_verify_is_dropped(
    backend: Backend, tmp_path: Path
) -> None:
    await served_before(backend, tmp_path)
    with open_database(root(tmp_path) / EARLIER) as database:
        harm = "UPDATE rrset SET payload = zeroblob(20) WHERE rdtype = 1 AND tip IN"
        database.execute(f"{harm} (SELECT id FROM tip WHERE zone = x'03666f6f03636f6d00')")
    async with run_resolver(UNUSED_URL, tmp_path) as running:
        await running.wait_for_text(SAYS_OLD, BAR)
        assert await running.query_text(FOO) == "REFUSED"


async def test_a_folder_with_unknown_files_is_refused_and_not_changed(
    backend: Backend, tmp_path: Path
) -> None:
    root(tmp_path).mkdir(parents=True)
    for name in ("example.com.zone", EARLIER):
        (root(tmp_path) / name).write_text("precious")
    with pytest.raises(Invalid, match=r"example\.com\.zone"):
        async with run_resolver(UNUSED_URL, tmp_path) as running:
            await running.task
    assert left(tmp_path) == {"example.com.zone", EARLIER}
    assert (root(tmp_path) / EARLIER).read_text() == "precious"
