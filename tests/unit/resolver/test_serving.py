"""Zones served with different settings, and changes of these settings."""

import os
import signal
import sqlite3
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.support.waiting import comes_true
from tests.unit.resolver import cache_files
from tests.unit.resolver.backend import Site, resolver

from zonegit.bus.resolver_status import ask_status
from zonegit.objects.ids import ObjectId
from zonegit.repo import read_zone
from zonegit.store.reader import Reader
from zonegit.wire.messages import ResolverStatus, ServedZone
from zonegit.zone import names
from zonegit_resolver.config.config_file import PlanFile

OLD, NEW = "www 300 A 192.0.2.1\n", "www 300 A 192.0.2.2\n"
SAYS_OLD, SAYS_NEW = "NOERROR 192.0.2.1", "NOERROR 192.0.2.2"
NOWHERE = "nats://127.0.0.1:1"
FOO, BAR = "www.foo.com.", "www.bar.com."


@dataclass
class Config:
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
def config(tmp_path: Path) -> Config:
    return Config(tmp_path / "resolver.toml")


def table(zone: str, *settings: str) -> str:
    return "\n".join([f'[zone."{zone}"]', *settings, ""])


async def states(here: Site, zone: str = "foo.com.") -> dict[str, ServedZone]:
    """Return the states of a zone in the status of the resolver, by label."""
    found = (await here.status())["r"].zones
    return {each.branch: each for each in found if each.zone == names.parse(zone)}


async def two_branches(here: Site, *zones: str) -> None:
    """Create ``main`` with the old address, and ``next`` with the new one."""
    for zone in zones:
        first = await here.commit(zone, OLD)
        await here.branch(zone, "next", first.commit)
        await here.commit(zone, NEW, branch="next")


def kept(data: Path) -> set[tuple[str, str]]:
    rows = cache_files.kept(data)
    return {(names.text(names.from_wire(zone)), branch) for zone, branch in rows}


async def test_each_zone_is_served_by_its_table(here: Site, config: Config, tmp_path: Path) -> None:
    await two_branches(here, "foo.com.", "bar.com.", "split.com.", "left.com.")
    file = config.write(
        'only = ["foo.com", "bar.com", "split.com"]\n'
        + table("bar.com", 'branch = "next"')
        + table("split.com", 'canary = "next:100"')
    )
    async with resolver(here.url, tmp_path, config=file) as running:
        await running.comes_to_say(SAYS_OLD, FOO)
        await running.comes_to_say(SAYS_NEW, BAR)
        await running.comes_to_say(SAYS_NEW, "www.split.com.")
        assert await running.says("www.left.com.") == "REFUSED"
        assert list(await states(here, "bar.com.")) == ["next"]
        split = await states(here, "split.com.")
        assert {label: each.percent for label, each in split.items()} == {"main": None, "next": 100}


async def test_one_process_follows_some_zones_and_pins_others(
    here: Site, config: Config, tmp_path: Path
) -> None:
    for zone in ("foo.com.", "bar.com."):
        await here.commit(zone, OLD)
    file = config.write(table("bar.com", 'at = "main"'))
    async with resolver(here.url, tmp_path, config=file) as running:
        await running.comes_to_say(SAYS_OLD, BAR)
        for zone in ("bar.com.", "foo.com."):
            await here.commit(zone, NEW)
        await running.comes_to_say(SAYS_NEW, FOO)
        assert await running.says(BAR) == SAYS_OLD
        (pin,) = (await states(here, "bar.com.")).values()
        assert (pin.branch, pin.pinned, pin.age) == ("main", True, None)
        (followed,) = (await states(here)).values()
        assert (followed.pinned, followed.age is None) == (False, False)
        assert (
            'zonegit_zone_age_seconds{branch="main",zone="bar.com."}'
            not in ((await running.page("/metrics"))[1])
        )
        config.change("")
        await running.comes_to_say(SAYS_NEW, BAR)
        config.change(table("bar.com", 'at = "main~1"'))
        await running.comes_to_say(SAYS_OLD, BAR)
        config.change(table("bar.com", 'at = "@{now}"'))
        await running.comes_to_say(SAYS_NEW, BAR)
        config.change(table("bar.com", 'at = "main@{1}"'))
        await running.comes_to_say(SAYS_OLD, BAR)


async def test_a_pin_to_a_missing_tag_is_resolved_when_the_tag_is_created(
    here: Site, config: Config, tmp_path: Path
) -> None:
    """It is dropped with its zone."""
    await here.commit("foo.com.", OLD)
    file = config.write('at = "main~1"')
    async with resolver(here.url, tmp_path, config=file) as running:
        assert await running.first_says(FOO) == "REFUSED"
        await here.commit("foo.com.", NEW)
        await running.comes_to_say(SAYS_OLD, FOO)
        await here.commit("foo.com.", "www 300 A 192.0.2.3\n")
        await here.commit("bar.com.", OLD)
        await here.commit("bar.com.", NEW)
        await running.comes_to_say(SAYS_OLD, BAR)
        assert await running.says(FOO) == SAYS_OLD
        await here.remove("foo.com.")
        await running.comes_to_say("REFUSED", FOO)


async def test_a_zone_changes_branch_while_others_are_not_touched(
    here: Site, config: Config, tmp_path: Path
) -> None:
    await two_branches(here, "foo.com.", "bar.com.")
    async with resolver(here.url, tmp_path, config=config.write("")) as running:
        await running.comes_to_say(SAYS_OLD, FOO)
        await running.comes_to_say(SAYS_OLD, BAR)
        here.served.clear()
        config.change(table("foo.com", 'branch = "next"'))
        await running.comes_to_say(SAYS_NEW, FOO)
        await here.commit("foo.com.", "www 300 A 192.0.2.3\n")
        last = await here.commit("foo.com.", "www 300 A 192.0.2.4\n", branch="next")
        await running.comes_to_say("NOERROR 192.0.2.4", FOO)
        assert list(await states(here)) == ["next"]
        assert (await states(here))["next"].commit == last.commit
        assert {each.zone for each in here.served} == {names.parse("foo.com.")}
        assert await running.says(BAR) == SAYS_OLD


async def test_the_old_state_is_served_until_the_new_one_is_loaded(
    here: Site, config: Config, tmp_path: Path
) -> None:
    await here.commit("foo.com.", OLD)
    async with resolver(here.url, tmp_path, config=config.write("")) as running:
        await running.comes_to_say(SAYS_OLD, FOO)
        config.change('branch = "next"')

        async def waits() -> bool:
            found = (await states(here)).get("main")
            return found is not None and found.problem == "served until next is loaded"

        await comes_true(waits)
        assert await running.says(FOO) == SAYS_OLD
        assert (
            'zonegit_zone_problem{branch="main",zone="foo.com."} 1.0'
            in ((await running.page("/metrics"))[1])
        )
        first = (await states(here))["main"].commit
        assert first is not None
        await here.branch("foo.com.", "next", ObjectId(first))
        await here.commit("foo.com.", NEW, branch="next")
        await running.comes_to_say(SAYS_NEW, FOO)
        (now,) = (await states(here)).values()
        assert (now.branch, now.problem) == ("next", None)
    assert kept(tmp_path) == {("foo.com.", "next")}


async def test_a_zone_stays_served_if_its_new_branch_cannot_be_read(
    here: Site, config: Config, tmp_path: Path
) -> None:
    first = await here.commit("foo.com.", OLD)
    await here.branch("foo.com.", "next", first.commit)
    done = await here.commit("foo.com.", NEW, branch="next")
    tree = (await read_zone.read_commit(Reader(here.repo.objects), done.commit)).tree
    raw = (await here.repo.objects.get([tree]))[tree]
    with sqlite3.connect(here.data / "objects.sqlite3") as database:
        database.execute("DELETE FROM object WHERE id = ?", (tree,))
    database.close()
    async with resolver(here.url, tmp_path, config=config.write("")) as running:
        await running.comes_to_say(SAYS_OLD, FOO)
        config.change('branch = "next"')

        async def says_so() -> bool:
            found = (await states(here)).get("next")
            return found is not None and found.problem is not None

        await comes_true(says_so)
        assert await running.says(FOO) == SAYS_OLD
        await here.repo.objects.put([raw])
        await running.comes_to_say(SAYS_NEW, FOO)


async def test_a_zone_that_is_no_longer_listed_is_refused_and_dropped(
    here: Site, config: Config, tmp_path: Path
) -> None:
    for zone in ("foo.com.", "bar.com."):
        await here.commit(zone, OLD)
    async with resolver(here.url, tmp_path, config=config.write("")) as running:
        await running.comes_to_say(SAYS_OLD, FOO)
        config.change('only = ["bar.com"]')
        await running.comes_to_say("REFUSED", FOO)
        assert await running.says(BAR) == SAYS_OLD
        config.change("")
        await running.comes_to_say(SAYS_OLD, FOO)
        config.change('only = ["bar.com"]')
        await running.comes_to_say("REFUSED", FOO)
        assert not await states(here)
    assert kept(tmp_path) == {("bar.com.", "main")}


async def test_a_canary_starts_grows_and_becomes_the_default(
    here: Site, config: Config, tmp_path: Path
) -> None:
    await two_branches(here, "foo.com.")
    async with resolver(here.url, tmp_path, config=config.write("")) as running:
        await running.comes_to_say(SAYS_OLD, FOO)
        config.change(table("foo.com", 'canary = "next:100"'))
        await running.comes_to_say(SAYS_NEW, FOO)
        config.change(table("foo.com", 'canary = "next:0"'))
        await running.comes_to_say(SAYS_OLD, FOO)
        config.change(table("foo.com", 'branch = "next"', 'canary = "main:0"'))
        await running.comes_to_say(SAYS_NEW, FOO)
        config.change(table("foo.com", 'branch = "next"'))

        async def is_alone() -> bool:
            return list(await states(here)) == ["next"]

        await comes_true(is_alone)
        assert await running.says(FOO) == SAYS_NEW


async def test_a_branch_with_an_older_serial_is_served_and_logged(
    here: Site, config: Config, tmp_path: Path
) -> None:
    """Other branches have serials of their own: docs/object-model.md."""
    first = await here.commit("foo.com.", OLD, serial=10)
    await here.branch("foo.com.", "next", first.commit)
    await here.commit("foo.com.", NEW, serial=20)
    async with resolver(here.url, tmp_path, config=config.write("")) as running:
        await running.comes_to_say(SAYS_NEW, FOO)
        config.change('branch = "next"')
        await running.comes_to_say(SAYS_OLD, FOO)
        _, metrics = await running.page("/metrics")
    assert 'zonegit_zone_serial_went_back_total{branch="next",zone="foo.com."} 1.0' in metrics


async def test_no_query_is_lost_while_a_zone_switches_branches(
    here: Site, config: Config, tmp_path: Path
) -> None:
    await two_branches(here, "foo.com.")
    async with resolver(here.url, tmp_path, config=config.write("")) as running:
        await running.comes_to_say(SAYS_OLD, FOO)
        for number in range(10):
            config.change(f'branch = "{"main" if number % 2 else "next"}"')
            wanted = SAYS_OLD if number % 2 else SAYS_NEW
            while (said := await running.says(FOO)) != wanted:
                assert said in (SAYS_OLD, SAYS_NEW)


async def test_a_file_with_an_error_changes_nothing_and_its_line_is_logged(
    here: Site, config: Config, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await two_branches(here, "foo.com.")
    async with resolver(here.url, tmp_path, config=config.write("")) as running:
        await running.comes_to_say(SAYS_OLD, FOO)
        assert "zonegit_config_good 1.0" in (await running.page("/metrics"))[1]
        config.change('branch = "next"\n' + table("foo.com", 'canary = "half"'))

        async def is_bad() -> bool:
            return "zonegit_config_good 0.0" in (await running.page("/metrics"))[1]

        await comes_true(is_bad)
        assert await running.says(FOO) == SAYS_OLD
        assert f"{config.path}:3: 'half' is not" in capsys.readouterr().out
        config.change('branch = "next"')
        await running.comes_to_say(SAYS_NEW, FOO)
        assert "zonegit_config_good 1.0" in (await running.page("/metrics"))[1]
        assert "default: main -> next" in capsys.readouterr().out


async def test_cached_zones_are_served_by_their_settings_without_the_bus(
    here: Site, config: Config, tmp_path: Path
) -> None:
    await two_branches(here, "foo.com.", "bar.com.", "pin.com.", "split.com.")
    file = config.write(
        table("bar.com", 'branch = "next"')
        + table("pin.com", 'at = "next~1"')
        + table("split.com", 'canary = "next:100"')
    )
    answers = {FOO: SAYS_OLD, BAR: SAYS_NEW, "www.pin.com.": SAYS_OLD, "www.split.com.": SAYS_NEW}
    async with resolver(here.url, tmp_path, config=file) as running:
        for name, said in answers.items():
            await running.comes_to_say(said, name)
    async with resolver(NOWHERE, tmp_path, config=file) as running:
        for name, said in answers.items():
            await running.comes_to_say(said, name)
        config.change('only = ["foo.com", "bar.com"]\n' + table("bar.com", 'branch = "main"'))
        await running.comes_to_say("REFUSED", "www.pin.com.")
        assert await running.says(BAR) == SAYS_NEW  # no store can be queried for another branch
        assert await running.says(FOO) == SAYS_OLD
    async with resolver(here.url, tmp_path, config=PlanFile(config.path, {})) as running:
        await running.comes_to_say(SAYS_OLD, BAR)


async def test_its_status_says_how_the_requested_zone_is_served(
    here: Site, config: Config, tmp_path: Path
) -> None:
    await two_branches(here, "foo.com.", "bar.com.")
    file = config.write('only = ["foo.com", "bar.com"]\n' + table("foo.com", 'canary = "next:5"'))

    async def status(zone: str | None) -> ResolverStatus:
        found = await ask_status(here.bus, "r", names.parse(zone) if zone is not None else None)
        assert found is not None
        return found

    async with resolver(here.url, tmp_path, config=file) as running:
        await running.comes_to_say(SAYS_OLD, BAR)
        await here.status()
        told = (await status("foo.com.")).asked
        assert told is not None
        assert (told.branches, told.at) == (["main", "next"], None)
        told = (await status("bar.com.")).asked
        assert told is not None
        assert told.branches == ["main"]
        assert (await status("other.com.")).asked is None
        assert (await status(None)).asked is None
        assert (await status(None)).only == [names.parse("bar.com."), names.parse("foo.com.")]
