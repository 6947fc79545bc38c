"""Differences that a running resolver sends to secondaries, from its journal and from history."""

import os
import signal
from pathlib import Path

import dns.message
import dns.rdatatype
import dns.rrset
import pytest
from tests.support.framing import connect, frame, receive
from tests.support.waiting import DEADLINE_S
from tests.unit.resolver.backend import Backend, RunningResolver, run_resolver
from tests.unit.resolver.cache_files import LAYOUT_1, files, make_earlier, zone_file

from zonegit_resolver.config.config_file import PlanFile
from zonegit_resolver.follow import differences

UNUSED_URL = "nats://127.0.0.1:1"
FILL = "".join(f"h{number} 300 A 192.0.2.{number}\n" for number in range(30))


def zone(*lines: str) -> str:
    return FILL + "".join(f"{line}\n" for line in lines)


async def ask(running: RunningResolver, serial: int) -> list[dns.rrset.RRset]:
    """Return the records of an IXFR over TCP."""
    query = dns.message.make_query("foo.com.", "IXFR")
    soa = f". . {serial} 0 0 0 0"
    query.authority = [dns.rrset.from_text("foo.com.", 0, "IN", "SOA", soa)]
    async with connect(running.address) as (reader, writer):
        writer.write(frame(query.to_wire()))
        reply = dns.message.from_wire(await receive(reader), one_rr_per_rrset=True)
    assert reply.answer, reply
    return reply.answer


def read_difference(answer: list[dns.rrset.RRset]) -> list[str]:
    """Return the differences: ``-`` and ``+`` before owner and RDATA, or "whole" for a whole
    zone."""
    if len(answer) == 1:
        return ["current"]
    if answer[1].rdtype != dns.rdatatype.SOA:
        return ["whole"]
    sign, lines = "", []
    for each in answer[1:-1]:
        if each.rdtype == dns.rdatatype.SOA:
            sign = "+" if sign else "-"
        else:
            lines.append(f"{sign}{each.name.labels[0].decode()} {each[0]}")
    return lines


async def news(running: RunningResolver, serial: int) -> list[str]:
    return read_difference(await ask(running, serial))


async def wait_until_served(running: RunningResolver, serial: int) -> None:
    """Wait until it serves this serial."""
    said = f"NOERROR ns1.example. hostmaster.example. {serial} 7200 900 1209600 300"
    await running.wait_for_text(said, "foo.com.", "SOA")


def journal(data: Path, statement: str) -> list[tuple[object, ...]]:
    with zone_file(data) as database:
        return database.execute(statement).fetchall()


async def three(backend: Backend, running: RunningResolver) -> None:
    """Commit serials 7, 8 and 9."""
    await backend.commit("foo.com.", zone("www 300 A 192.0.2.100", "old 300 A 192.0.2.101"))
    await wait_until_served(running, 7)
    await backend.commit(
        "foo.com.", zone("www 300 A 192.0.2.102", "old 300 A 192.0.2.101"), serial=8
    )
    await wait_until_served(running, 8)
    await backend.commit("foo.com.", zone("www 300 A 192.0.2.103"), serial=9)
    await wait_until_served(running, 9)


ALL = ["-old 192.0.2.101", "-www 192.0.2.100", "+www 192.0.2.103"]
LAST = ["-old 192.0.2.101", "-www 192.0.2.102", "+www 192.0.2.103"]


async def test_several_changes_are_sent_as_one_difference(backend: Backend, tmp_path: Path) -> None:
    """RFC 1995 section 6."""
    async with run_resolver(backend.url, tmp_path) as running:
        await three(backend, running)
        assert await news(running, 7) == ALL
        assert await news(running, 8) == LAST
        assert await news(running, 9) == ["current"]
        assert await news(running, 6) == ["whole"]


async def test_a_difference_is_sent_after_a_restart_without_the_bus(
    backend: Backend, tmp_path: Path
) -> None:
    async with run_resolver(backend.url, tmp_path) as running:
        await three(backend, running)
    async with run_resolver(UNUSED_URL, tmp_path) as running:
        await wait_until_served(running, 9)
        assert await news(running, 7) == ALL
        assert await news(running, 8) == LAST


async def test_a_corrupt_journal_causes_whole_transfers_only(
    backend: Backend, tmp_path: Path
) -> None:
    async with run_resolver(backend.url, tmp_path) as running:
        await three(backend, running)
    journal(tmp_path, "UPDATE journal SET payload = x'00' WHERE number = 1 RETURNING 1")
    async with run_resolver(UNUSED_URL, tmp_path) as running:
        await wait_until_served(running, 9)
        assert await news(running, 7) == ["whole"]
        assert await news(running, 8) == LAST


async def test_history_has_differences_that_the_journal_never_had(
    backend: Backend, tmp_path: Path
) -> None:
    """A resolver that did not run at that time finds the base in the log of refs."""
    async with run_resolver(backend.url, tmp_path) as running:
        await three(backend, running)
    async with run_resolver(backend.url, tmp_path, name="new") as running:
        await wait_until_served(running, 9)
        assert await news(running, 7) == ALL
        assert await news(running, 8) == LAST


async def test_the_side_of_a_merge_is_not_a_base(backend: Backend, tmp_path: Path) -> None:
    """It is an ancestor, but the branch never had it: both sides have a serial 8."""
    first = await backend.commit("foo.com.", zone("www 300 A 192.0.2.100"))
    await backend.branch("foo.com.", "side", first.commit)
    for serial, address in ((8, 8), (9, 9)):
        text = zone("www 300 A 192.0.2.100", f"side 300 A 192.0.2.{address}")
        side = await backend.commit("foo.com.", text, "side", serial=serial)
    async with run_resolver(backend.url, tmp_path) as running:
        text = zone("www 300 A 192.0.2.100", "main 300 A 192.0.2.2")
        await backend.commit("foo.com.", text, serial=8)
        await backend.merge("foo.com.", side.commit)
        await wait_until_served(running, 10)
    async with run_resolver(backend.url, tmp_path, name="new") as running:
        await wait_until_served(running, 10)
        assert await news(running, 9) == ["whole"]
        assert await news(running, 8) == ["+side 192.0.2.9"]
        assert await news(running, 7) == ["+main 192.0.2.2", "+side 192.0.2.9"]


async def test_a_serial_of_two_states_is_not_a_base(backend: Backend, tmp_path: Path) -> None:
    """A branch forced to another state with the same serial had 8 twice; secondaries may have
    either."""
    first = await backend.commit("foo.com.", zone("www 300 A 192.0.2.100"))
    await backend.branch("foo.com.", "other", first.commit)
    other = await backend.commit("foo.com.", zone("www 300 A 192.0.2.208"), "other", serial=8)
    await backend.commit("foo.com.", zone("www 300 A 192.0.2.108"), serial=8)
    await backend.force("foo.com.", other.commit)
    await backend.commit("foo.com.", zone("www 300 A 192.0.2.209"), serial=9)
    async with run_resolver(backend.url, tmp_path) as running:
        await wait_until_served(running, 9)
        assert await news(running, 8) == ["whole"]
        assert await news(running, 7) == ["-www 192.0.2.100", "+www 192.0.2.209"]


async def test_no_difference_is_sent_across_a_forced_move_back(
    backend: Backend, tmp_path: Path
) -> None:
    async with run_resolver(backend.url, tmp_path) as running:
        first = await backend.commit("foo.com.", zone("www 300 A 192.0.2.100"))
        await wait_until_served(running, 7)
        await backend.commit("foo.com.", zone("www 300 A 192.0.2.108"), serial=8)
        await wait_until_served(running, 8)
        await backend.force("foo.com.", first.commit)
        await wait_until_served(running, 7)
        await backend.commit("foo.com.", zone("www 300 A 192.0.2.208"), serial=10)
        await wait_until_served(running, 10)
        assert await news(running, 8) == ["whole"]
        assert await news(running, 7) == ["whole"]
        await backend.commit("foo.com.", zone("www 300 A 192.0.2.209"), serial=11)
        await wait_until_served(running, 11)
        assert await news(running, 10) == ["-www 192.0.2.208", "+www 192.0.2.209"]


@pytest.mark.parametrize("restarts", [False, True])
async def test_no_difference_is_sent_across_a_change_of_branch(
    backend: Backend, tmp_path: Path, restarts: bool
) -> None:
    """Both branches had a serial 8 with different content; secondaries have main's."""
    first = await backend.commit("foo.com.", zone("www 300 A 192.0.2.100"))
    await backend.branch("foo.com.", "next", first.commit)
    for serial in (8, 9):
        text = zone(f"www 300 A 192.0.2.20{serial}")
        await backend.commit("foo.com.", text, "next", serial=serial)
    file = tmp_path / "resolver.toml"
    file.write_text('branch = "main"\n')
    config = PlanFile(file, {}, frozenset())
    async with run_resolver(backend.url, tmp_path, config=config) as running:
        await backend.commit("foo.com.", zone("www 300 A 192.0.2.108"), serial=8)
        await wait_until_served(running, 8)
        assert await news(running, 7) == ["-www 192.0.2.100", "+www 192.0.2.108"]
        file.write_text('branch = "next"\n')
        if not restarts:
            os.kill(os.getpid(), signal.SIGHUP)
            await never_wrong_on_next(backend, running)
    if restarts:
        async with run_resolver(backend.url, tmp_path, config=config) as running:
            await never_wrong_on_next(backend, running)


async def never_wrong_on_next(backend: Backend, running: RunningResolver) -> None:
    await wait_until_served(running, 9)
    assert await news(running, 8) == ["whole"]
    assert await news(running, 7) == ["whole"]
    await backend.commit("foo.com.", zone("www 300 A 192.0.2.210"), "next", serial=10)
    await wait_until_served(running, 10)
    assert await news(running, 9) == ["-www 192.0.2.209", "+www 192.0.2.210"]


async def test_a_pin_has_no_differences(backend: Backend, tmp_path: Path) -> None:
    async with run_resolver(backend.url, tmp_path, name="first") as running:
        await three(backend, running)
    async with run_resolver(backend.url, tmp_path, at="main~1") as running:
        await wait_until_served(running, 8)
        assert await news(running, 7) == ["whole"]


async def test_a_cache_without_a_journal_is_loaded(backend: Backend, tmp_path: Path) -> None:
    async with run_resolver(backend.url, tmp_path) as running:
        await backend.commit("foo.com.", zone("www 300 A 192.0.2.100"))
        await wait_until_served(running, 7)
    make_earlier(tmp_path, schema=LAYOUT_1)
    async with run_resolver(backend.url, tmp_path) as running:
        await backend.commit("foo.com.", zone("www 300 A 192.0.2.108"), serial=8)
        await wait_until_served(running, 8)
        assert await news(running, 7) == ["-www 192.0.2.100", "+www 192.0.2.108"]
    assert journal(tmp_path, "PRAGMA user_version") == [(3,)]


async def test_a_removed_zone_leaves_no_journal(backend: Backend, tmp_path: Path) -> None:
    async with run_resolver(backend.url, tmp_path) as running:
        await three(backend, running)
        await backend.remove("foo.com.")
        await running.wait_for_text("REFUSED", "www.foo.com.")
    assert files(tmp_path) == []


async def test_history_that_does_not_answer_causes_a_whole_transfer_only(
    backend: Backend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bus is available, and refs is stopped."""
    await backend.commit("foo.com.", zone("www 300 A 192.0.2.100"))
    await backend.commit("foo.com.", zone("www 300 A 192.0.2.108"), serial=8)
    async with run_resolver(backend.url, tmp_path) as running:
        await wait_until_served(running, 8)
        assert await news(running, 7) == ["-www 192.0.2.100", "+www 192.0.2.108"]
        backend.reflog_enabled.clear()
        monkeypatch.setattr(differences, "HISTORY_TIMEOUT_S", 0.1)
        assert await news(running, 7) == ["whole"]
        backend.reflog_enabled.set()
        monkeypatch.setattr(differences, "HISTORY_TIMEOUT_S", DEADLINE_S)
        assert await news(running, 7) == ["-www 192.0.2.100", "+www 192.0.2.108"]
