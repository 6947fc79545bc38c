"""Zones served with different settings, and changes of these settings."""

import os
import signal
import sqlite3
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.support.waiting import eventually_true
from tests.unit.resolver import cache_files
from tests.unit.resolver.backend import Backend, run_resolver

from zonegit.bus.resolver_status import ask_status
from zonegit.objects.ids import ObjectId
from zonegit.repo import read_zone
from zonegit.store.reader import Reader
from zonegit.wire.messages import ResolverStatus, ServedZone
from zonegit.zone import names
from zonegit_resolver.config.config_file import PlanFile

OLD, NEW = "www 300 A 192.0.2.1\n", "www 300 A 192.0.2.2\n"
SAYS_OLD, SAYS_NEW = "NOERROR 192.0.2.1", "NOERROR 192.0.2.2"
UNUSED_URL = "nats://127.0.0.1:1"
FOO, BAR = "www.foo.com.", "www.bar.com."


@dataclass
class ServingFile:
    """The configuration file of a resolver in this process."""

    path: Path

    def write(self, text: str) -> PlanFile:
        self.path.write_text(text)
        return PlanFile(self.path, {"branch": "main"})

    def change(self, text: str) -> None:
        """Write another configuration, and reload it."""
        self.write(text)
        os.kill(os.getpid(), signal.SIGHUP)


@pytest.fixture
def config(tmp_path: Path) -> ServingFile:
    return ServingFile(tmp_path / "resolver.toml")


def table(zone: str, *settings: str) -> str:
    return "\n".join([f'[zone."{zone}"]', *settings, ""])


async def states(backend: Backend, zone: str = "foo.com.") -> dict[str, ServedZone]:
    """Return the states of a zone in the status of the resolver, by label."""
    found = (await backend.status())["r"].zones
    return {each.branch: each for each in found if each.zone == names.parse(zone)}


async def two_branches(backend: Backend, *zones: str) -> None:
    """Create ``main`` with the old address, and ``next`` with the new one."""
    for zone in zones:
        first = await backend.commit(zone, OLD)
        await backend.branch(zone, "next", first.commit)
        await backend.commit(zone, NEW, branch="next")


def kept(data: Path) -> set[tuple[str, str]]:
    rows = cache_files.read_branches(data)
    return {(names.text(names.from_wire(zone)), branch) for zone, branch in rows}


async def test_each_zone_is_served_by_its_table(
    backend: Backend, config: ServingFile, tmp_path: Path
) -> None:
    await two_branches(backend, "foo.com.", "bar.com.", "split.com.", "left.com.")
    file = config.write(
        'only = ["foo.com", "bar.com", "split.com"]\n'
        + table("bar.com", 'branch = "next"')
        + table("split.com", 'canary = "next:100"')
    )
    async with run_resolver(backend.url, tmp_path, config=file) as running:
        await running.wait_for_text(SAYS_OLD, FOO)
        await running.wait_for_text(SAYS_NEW, BAR)
        await running.wait_for_text(SAYS_NEW, "www.split.com.")
        assert await running.query_text("www.left.com.") == "REFUSED"
        assert list(await states(backend, "bar.com.")) == ["next"]
        split = await states(backend, "split.com.")
        assert {label: each.percent for label, each in split.items()} == {"main": None, "next": 100}


async def test_one_process_follows_some_zones_and_pins_others(
    backend: Backend, config: ServingFile, tmp_path: Path
) -> None:
    for zone in ("foo.com.", "bar.com."):
        await backend.commit(zone, OLD)
    file = config.write(table("bar.com", 'at = "main"'))
    async with run_resolver(backend.url, tmp_path, config=file) as running:
        await running.wait_for_text(SAYS_OLD, BAR)
        for zone in ("bar.com.", "foo.com."):
            await backend.commit(zone, NEW)
        await running.wait_for_text(SAYS_NEW, FOO)
        assert await running.query_text(BAR) == SAYS_OLD
        (pin,) = (await states(backend, "bar.com.")).values()
        assert (pin.branch, pin.pinned, pin.age) == ("main", True, None)
        (followed,) = (await states(backend)).values()
        assert (followed.pinned, followed.age is None) == (False, False)
        assert (
            'zonegit_zone_age_seconds{branch="main",zone="bar.com."}'
            not in ((await running.page("/metrics"))[1])
        )
        config.change("")
        await running.wait_for_text(SAYS_NEW, BAR)
        config.change(table("bar.com", 'at = "main~1"'))
        await running.wait_for_text(SAYS_OLD, BAR)
        config.change(table("bar.com", 'at = "@{now}"'))
        await running.wait_for_text(SAYS_NEW, BAR)
        config.change(table("bar.com", 'at = "main@{1}"'))
        await running.wait_for_text(SAYS_OLD, BAR)


async def test_a_pin_to_a_missing_tag_is_resolved_when_the_tag_is_created(
    backend: Backend, config: ServingFile, tmp_path: Path
) -> None:
    """It is dropped with its zone."""
    await backend.commit("foo.com.", OLD)
    file = config.write('at = "main~1"')
    async with run_resolver(backend.url, tmp_path, config=file) as running:
        assert await running.wait_for_first_text(FOO) == "REFUSED"
        await backend.commit("foo.com.", NEW)
        await running.wait_for_text(SAYS_OLD, FOO)
        await backend.commit("foo.com.", "www 300 A 192.0.2.3\n")
        await backend.commit("bar.com.", OLD)
        await backend.commit("bar.com.", NEW)
        await running.wait_for_text(SAYS_OLD, BAR)
        assert await running.query_text(FOO) == SAYS_OLD
        await backend.remove("foo.com.")
        await running.wait_for_text("REFUSED", FOO)


async def test_a_zone_changes_branch_while_others_are_not_touched(
    backend: Backend, config: ServingFile, tmp_path: Path
) -> None:
    await two_branches(backend, "foo.com.", "bar.com.")
    async with run_resolver(backend.url, tmp_path, config=config.write("")) as running:
        await running.wait_for_text(SAYS_OLD, FOO)
        await running.wait_for_text(SAYS_OLD, BAR)
        backend.served.clear()
        config.change(table("foo.com", 'branch = "next"'))
        await running.wait_for_text(SAYS_NEW, FOO)
        await backend.commit("foo.com.", "www 300 A 192.0.2.3\n")
        last = await backend.commit("foo.com.", "www 300 A 192.0.2.4\n", branch="next")
        await running.wait_for_text("NOERROR 192.0.2.4", FOO)
        assert list(await states(backend)) == ["next"]
        assert (await states(backend))["next"].commit == last.commit
        assert {each.zone for each in backend.served} == {names.parse("foo.com.")}
        assert await running.query_text(BAR) == SAYS_OLD


async def test_the_old_state_is_served_until_the_new_one_is_loaded(
    backend: Backend, config: ServingFile, tmp_path: Path
) -> None:
    await backend.commit("foo.com.", OLD)
    async with run_resolver(backend.url, tmp_path, config=config.write("")) as running:
        await running.wait_for_text(SAYS_OLD, FOO)
        config.change('branch = "next"')

        async def waits() -> bool:
            found = (await states(backend)).get("main")
            return found is not None and found.problem == "served until next is loaded"

        await eventually_true(waits)
        assert await running.query_text(FOO) == SAYS_OLD
        assert (
            'zonegit_zone_problem{branch="main",zone="foo.com."} 1.0'
            in ((await running.page("/metrics"))[1])
        )
        first = (await states(backend))["main"].commit
        assert first is not None
        await backend.branch("foo.com.", "next", ObjectId(first))
        await backend.commit("foo.com.", NEW, branch="next")
        await running.wait_for_text(SAYS_NEW, FOO)
        (now,) = (await states(backend)).values()
        assert (now.branch, now.problem) == ("next", None)
    assert kept(tmp_path) == {("foo.com.", "next")}


async def test_a_zone_stays_served_if_its_new_branch_cannot_be_read(
    backend: Backend, config: ServingFile, tmp_path: Path
) -> None:
    first = await backend.commit("foo.com.", OLD)
    await backend.branch("foo.com.", "next", first.commit)
    done = await backend.commit("foo.com.", NEW, branch="next")
    tree = (await read_zone.read_commit(Reader(backend.repo.objects), done.commit)).tree
    raw = (await backend.repo.objects.get([tree]))[tree]
    with sqlite3.connect(backend.data / "objects.sqlite3") as database:
        database.execute("DELETE FROM object WHERE id = ?", (tree,))
    database.close()
    async with run_resolver(backend.url, tmp_path, config=config.write("")) as running:
        await running.wait_for_text(SAYS_OLD, FOO)
        config.change('branch = "next"')

        async def says_so() -> bool:
            found = (await states(backend)).get("next")
            return found is not None and found.problem is not None

        await eventually_true(says_so)
        assert await running.query_text(FOO) == SAYS_OLD
        await backend.repo.objects.put([raw])
        await running.wait_for_text(SAYS_NEW, FOO)


async def test_a_zone_that_is_no_longer_listed_is_refused_and_dropped(
    backend: Backend, config: ServingFile, tmp_path: Path
) -> None:
    for zone in ("foo.com.", "bar.com."):
        await backend.commit(zone, OLD)
    async with run_resolver(backend.url, tmp_path, config=config.write("")) as running:
        await running.wait_for_text(SAYS_OLD, FOO)
        config.change('only = ["bar.com"]')
        await running.wait_for_text("REFUSED", FOO)
        assert await running.query_text(BAR) == SAYS_OLD
        config.change("")
        await running.wait_for_text(SAYS_OLD, FOO)
        config.change('only = ["bar.com"]')
        await running.wait_for_text("REFUSED", FOO)
        assert not await states(backend)
    assert kept(tmp_path) == {("bar.com.", "main")}


async def test_a_canary_starts_grows_and_becomes_the_default(
    backend: Backend, config: ServingFile, tmp_path: Path
) -> None:
    await two_branches(backend, "foo.com.")
    async with run_resolver(backend.url, tmp_path, config=config.write("")) as running:
        await running.wait_for_text(SAYS_OLD, FOO)
        config.change(table("foo.com", 'canary = "next:100"'))
        await running.wait_for_text(SAYS_NEW, FOO)
        config.change(table("foo.com", 'canary = "next:0"'))
        await running.wait_for_text(SAYS_OLD, FOO)
        config.change(table("foo.com", 'branch = "next"', 'canary = "main:0"'))
        await running.wait_for_text(SAYS_NEW, FOO)
        config.change(table("foo.com", 'branch = "next"'))

        async def is_alone() -> bool:
            return list(await states(backend)) == ["next"]

        await eventually_true(is_alone)
        assert await running.query_text(FOO) == SAYS_NEW


async def test_a_branch_with_an_older_serial_is_served_and_logged(
    backend: Backend, config: ServingFile, tmp_path: Path
) -> None:
    """Other branches have serials of their own: docs/object-model.md."""
    first = await backend.commit("foo.com.", OLD, serial=10)
    await backend.branch("foo.com.", "next", first.commit)
    await backend.commit("foo.com.", NEW, serial=20)
    async with run_resolver(backend.url, tmp_path, config=config.write("")) as running:
        await running.wait_for_text(SAYS_NEW, FOO)
        config.change('branch = "next"')
        await running.wait_for_text(SAYS_OLD, FOO)
        _, metrics = await running.page("/metrics")
    assert 'zonegit_zone_serial_went_back_total{branch="next",zone="foo.com."} 1.0' in metrics


async def test_no_query_is_lost_while_a_zone_switches_branches(
    backend: Backend, config: ServingFile, tmp_path: Path
) -> None:
    await two_branches(backend, "foo.com.")
    async with run_resolver(backend.url, tmp_path, config=config.write("")) as running:
        await running.wait_for_text(SAYS_OLD, FOO)
        for number in range(10):
            config.change(f'branch = "{"main" if number % 2 else "next"}"')
            wanted = SAYS_OLD if number % 2 else SAYS_NEW
            while (said := await running.query_text(FOO)) != wanted:
                assert said in (SAYS_OLD, SAYS_NEW)


async def test_a_file_with_an_error_changes_nothing_and_its_line_is_logged(
    backend: Backend, config: ServingFile, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await two_branches(backend, "foo.com.")
    async with run_resolver(backend.url, tmp_path, config=config.write("")) as running:
        await running.wait_for_text(SAYS_OLD, FOO)
        assert "zonegit_config_good 1.0" in (await running.page("/metrics"))[1]
        config.change('branch = "next"\n' + table("foo.com", 'canary = "half"'))

        async def is_bad() -> bool:
            return "zonegit_config_good 0.0" in (await running.page("/metrics"))[1]

        await eventually_true(is_bad)
        assert await running.query_text(FOO) == SAYS_OLD
        assert f"{config.path}:3: 'half' is not" in capsys.readouterr().out
        config.change('branch = "next"')
        await running.wait_for_text(SAYS_NEW, FOO)
        assert "zonegit_config_good 1.0" in (await running.page("/metrics"))[1]
        assert "default: main -> next" in capsys.readouterr().out


async def test_cached_zones_are_served_by_their_settings_without_the_bus(
    backend: Backend, config: ServingFile, tmp_path: Path
) -> None:
    await two_branches(backend, "foo.com.", "bar.com.", "pin.com.", "split.com.")
    file = config.write(
        table("bar.com", 'branch = "next"')
        + table("pin.com", 'at = "next~1"')
        + table("split.com", 'canary = "next:100"')
    )
    answers = {FOO: SAYS_OLD, BAR: SAYS_NEW, "www.pin.com.": SAYS_OLD, "www.split.com.": SAYS_NEW}
    async with run_resolver(backend.url, tmp_path, config=file) as running:
        for name, said in answers.items():
            await running.wait_for_text(said, name)
    async with run_resolver(UNUSED_URL, tmp_path, config=file) as running:
        for name, said in answers.items():
            await running.wait_for_text(said, name)
        config.change('only = ["foo.com", "bar.com"]\n' + table("bar.com", 'branch = "main"'))
        await running.wait_for_text("REFUSED", "www.pin.com.")
        assert (
            await running.query_text(BAR) == SAYS_NEW
        )  # no store can be queried for another branch
        assert await running.query_text(FOO) == SAYS_OLD
    async with run_resolver(backend.url, tmp_path, config=PlanFile(config.path, {})) as running:
        await running.wait_for_text(SAYS_OLD, BAR)


async def test_its_status_says_how_the_requested_zone_is_served(
    backend: Backend, config: ServingFile, tmp_path: Path
) -> None:
    await two_branches(backend, "foo.com.", "bar.com.")
    file = config.write('only = ["foo.com", "bar.com"]\n' + table("foo.com", 'canary = "next:5"'))

    async def status(zone: str | None) -> ResolverStatus:
        found = await ask_status(backend.bus, "r", names.parse(zone) if zone is not None else None)
        assert found is not None
        return found

    async with run_resolver(backend.url, tmp_path, config=file) as running:
        await running.wait_for_text(SAYS_OLD, BAR)
        await backend.status()
        told = (await status("foo.com.")).asked
        assert told is not None
        assert (told.branches, told.at) == (["main", "next"], None)
        told = (await status("bar.com.")).asked
        assert told is not None
        assert told.branches == ["main"]
        assert (await status("other.com.")).asked is None
        assert (await status(None)).asked is None
        assert (await status(None)).only == [names.parse("bar.com."), names.parse("foo.com.")]
