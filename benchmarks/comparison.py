"""Compare zonegit with NSD, BIND and Knot: each on the same core, with the same zone.

zonegit is measured twice: with default settings, and with a canary and metrics.
"""

import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

from tests.support import peers
from tests.support.peers import Address
from tests.support.ports import free_port

from benchmarks import stack
from benchmarks.figures import Figure, format_spread, skip_figure
from benchmarks.load import LoadResult
from benchmarks.stack import Stack

OURS: Final = "zonegit"
CANARY_AND_METRICS: Final = "with canary and metrics"
"""A resolver that serves another branch to half of its clients and whose metrics are read every
second."""
REFERENCE: Final = "NSD"
PROGRAMS: Final = {REFERENCE: "nsd", "BIND": "named", "Knot": "knotd"}
_BRANCH: Final = "next"


@dataclass(frozen=True, slots=True)
class Server:
    """A server under comparison, and its address."""

    name: str
    address: Address


@contextmanager
def run_servers(zone: str, zonefile: Path) -> Iterator[list[Server]]:
    """Run zonegit and all installed peers, each serving the zone."""
    folder = zonefile.parent
    with ExitStack() as started:
        ours = started.enter_context(stack.run_stack(folder / "data"))
        ours.serve(zone, zonefile)
        servers = [Server(OURS, ours.address)]
        address = started.enter_context(_run_canary_resolver(ours, zone))
        servers.append(Server(CANARY_AND_METRICS, address))
        for name, program in PROGRAMS.items():
            if peers.find_program(program):
                (folder / name).mkdir()
                zones = [peers.PeerZone(zone, zonefile)]
                peer = peers.run_peer(program, folder / name, zones, core=stack.SERVERS_CORE)
                servers.append(Server(name, started.enter_context(peer).address))
        yield servers


@contextmanager
def _run_canary_resolver(ours: Stack, zone: str) -> Iterator[Address]:
    metrics = f"127.0.0.1:{free_port()}"
    ours.run("branch", _BRANCH, "--zone", zone)
    options = ("--name", "canary", "--canary", f"{_BRANCH}:50", "--metrics", metrics)
    with stack.run_resolver(ours, zone, *options) as address:
        command = [sys.executable, "-m", "benchmarks.scrape", f"http://{metrics}/metrics"]
        scraper = subprocess.Popen(command)
        try:
            yield address
            assert scraper.poll() is None, "the reader of the metrics has ended"
        finally:
            scraper.kill()
            scraper.wait()


Runs = dict[str, list[LoadResult]]
"""The runs of each server, by its name."""


def measure_in_turns(
    servers: Sequence[Server], rounds: int, run: Callable[[Server], LoadResult]
) -> Runs:
    """Measure all servers in turn, round after round.

    A first round is not counted: servers compute some data at the first query.
    """
    runs: Runs = {server.name: [] for server in servers}
    for number in range(1 + rounds):
        for server in servers:
            result = run(server)
            if number:
                runs[server.name].append(result)
    return runs


def format_comparison(runs: Runs) -> str:
    """Format zonegit's rate, and its ratio to the rate of each peer.

    Ratios are taken round by round, because a slow phase of the machine affects all servers.
    """
    rates = _list_rates(runs[OURS])
    parts = [format_spread([rate / 1_000 for rate in rates], "thousand/s", 0)]
    parts += [f"{_format_ratios(rates, runs[name])} of {name}" for name in PROGRAMS if name in runs]
    if REFERENCE in runs and CANARY_AND_METRICS in runs:
        ratios = _format_ratios(_list_rates(runs[CANARY_AND_METRICS]), runs[REFERENCE])
        parts.append(f"{CANARY_AND_METRICS} {ratios} of {REFERENCE}")
    return "; ".join(parts)


def describe_runs(runs: Runs) -> str:
    """Format the losses, the idle time of the generator, and unexpected RCODEs."""
    results = [result for results in runs.values() for result in results]
    idle = {name: median(each.idle_s / each.seconds for each in runs[name]) for name in runs}
    busiest = min(idle, key=lambda name: idle[name])
    codes = {code for result in results for code in result.by_rcode} - {0, 3}
    return (
        f"{sum(result.lost for result in results)} lost; generator idle {idle[OURS]:.0%},"
        f" at least {idle[busiest]:.0%} ({busiest})" + (f"; WRONG RCODES {codes}" if codes else "")
    )


def skip_absent_peers() -> list[Figure]:
    """Return a row for each peer that is not installed."""
    return [
        skip_figure(f"ratio to {name}", "", f"{program} is not installed")
        for name, program in PROGRAMS.items()
        if not peers.find_program(program)
    ]


def format_ratio(runs: Runs, others: Runs) -> str:
    """Format the ratio of zonegit's rates in two measurements."""
    return _format_ratios(_list_rates(runs[OURS]), others[OURS])


def _list_rates(runs: Sequence[LoadResult]) -> list[float]:
    return [run.rate for run in runs]


def _format_ratios(rates: Sequence[float], others: Sequence[LoadResult]) -> str:
    ratios = [rate / other.rate for rate, other in zip(rates, others, strict=True)]
    return format_spread(ratios, "", 2).replace("  ", " ")
