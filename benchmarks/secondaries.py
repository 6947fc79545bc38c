"""Measure the time from a commit until NSD, Knot and BIND serve it as secondaries.

They are notified (RFC 1996) and transfer the change with IXFR (RFC 1995).
"""

import asyncio
import os
import signal
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from tests.support import peers
from tests.support.peers import Address

from benchmarks import changes, queries, zones
from benchmarks.comparison import PROGRAMS
from benchmarks.figures import Figure, percentile, skip_figure
from benchmarks.stack import Stack, make_folder, run_stack
from zonegit.bus import RemoteObjects, RemoteRefs
from zonegit.repo import heads
from zonegit.repo.commit import change_plan, commit_loop
from zonegit.repo.commit.edits import Set
from zonegit.repo.commit.intent import Intent
from zonegit.repo.repo import Repo
from zonegit.store.ref_names import DEFAULT_BRANCH
from zonegit.zone import names
from zonegit.zone.rrset import rrset

SAMPLES: Final = 40
PAUSE_S: Final = 1.5
"""Pause between changes. NSD reloads at most once a second, and treats a transfer that arrives
meanwhile as failed."""
TIMEOUT_S: Final = 30.0
POLL_INTERVAL_S: Final = 0.001
NAME: Final = "from commit to all secondaries equal"


def measure() -> list[Figure]:
    """Measure one-record changes to a zone of 1,000 RRsets."""
    programs = {name: program for name, program in PROGRAMS.items() if peers.find_program(program)}
    if not programs:
        return [skip_figure(NAME, "", f"none of {', '.join(PROGRAMS)} is installed")]
    with make_folder() as folder:
        zone = zones.write_mixed_zone(folder / "zone")
        settings = folder / "resolver.toml"
        settings.write_text("")
        options = ("--resolver-config", str(settings))
        with run_stack(folder / "data", core=None, options=options) as stack:
            stack.serve(zone.zone, folder / "zone")
            with _run_secondaries(stack, settings, zone.zone, programs) as addresses:
                samples = asyncio.run(_make_changes(stack, zone, addresses))
    return [_make_figure(samples)]


@contextmanager
def _run_secondaries(
    stack: Stack, settings: Path, zone: str, programs: Mapping[str, str]
) -> Iterator[dict[str, Address]]:
    """Run secondaries that have the zone and are notified of its changes."""
    primary = peers.Primary(*stack.address)
    with ExitStack() as started:
        addresses = {}
        for name, program in programs.items():
            own = settings.parent / name
            own.mkdir()
            zone_of_peer = peers.PeerZone(zone, own / "copy.zone", primary)
            peer = started.enter_context(peers.run_peer(program, own, [zone_of_peer]))
            addresses[name] = peer.address
        notified = " ".join(f"{host}:{port}" for host, port in addresses.values())
        settings.write_text(f'notify = "{notified}"\n')
        os.kill(stack.read_record()["pid"], signal.SIGHUP)
        for address in addresses.values():
            peers.wait_until_served(address, zone)
        yield addresses


async def _make_changes(
    stack: Stack, zone: zones.Names, addresses: Mapping[str, Address]
) -> list[dict[str, float]]:
    """Make changes one after the other.

    Returns:
        For each change, the milliseconds from the reply to the ref's move until each secondary
        served it.
    """
    apex = names.parse(zone.zone)
    samples = []
    async with changes.connect_to_bus(stack) as bus:
        objects, refs = RemoteObjects(bus, "bench"), RemoteRefs(bus, "bench")
        repo = Repo(objects, refs, "bench", changes.make_identity)
        for number in range(SAMPLES):
            owner = names.parse(zone.hosts[number], apex)
            edit = Set(rrset(owner, zones.A, 300, [bytes((192, 0, 2, number))]))
            position = await heads.find_position(repo, apex, DEFAULT_BRANCH)
            plan = change_plan.plan_edits([edit], apex)
            await commit_loop.commit(repo, position, plan, Intent("change", "bench"))
            query = queries.build_query(f"{zone.hosts[number]}.{zone.zone}", zones.A, None)
            expected = bytes((192, 0, 2, number))
            samples.append(await asyncio.to_thread(_time_until_served, addresses, query, expected))
            await asyncio.sleep(PAUSE_S)
    return samples


def _time_until_served(
    addresses: Mapping[str, Address], query: bytes, rdata: bytes
) -> dict[str, float]:
    """Return the milliseconds until each secondary answers a query with the RDATA."""
    started = time.perf_counter()
    waiting = dict(addresses)
    times: dict[str, float] = {}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(TIMEOUT_S)
        while waiting:
            for name, address in list(waiting.items()):
                sock.sendto(query, address)
                if rdata in sock.recv(4_096)[len(query) :]:
                    times[name] = (time.perf_counter() - started) * 1_000
                    del waiting[name]
            if time.perf_counter() - started > TIMEOUT_S:
                raise TimeoutError(f"not updated after {TIMEOUT_S:.0f} s: {', '.join(waiting)}")
            time.sleep(POLL_INTERVAL_S)
    return times


def _make_figure(samples: list[dict[str, float]]) -> Figure:
    def format_percentiles(values: list[float]) -> str:
        return f"p50 {percentile(values, 50):,.0f} ms, p99 {percentile(values, 99):,.0f} ms"

    slowest = format_percentiles([max(sample.values()) for sample in samples])
    each = [
        f"{name} {format_percentiles([sample[name] for sample in samples])}" for name in samples[0]
    ]
    return Figure(
        NAME,
        "",
        f"{slowest} ({'; '.join(each)})",
        f"{len(samples)} one-record changes to 1,000 RRsets, {PAUSE_S:g} s apart; queried every"
        f" {POLL_INTERVAL_S * 1_000:g} ms",
    )
