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
from benchmarks.figures import Figure, skipped, spread
from benchmarks.load import Load
from benchmarks.stack import Stack

OURS: Final = "zonegit"
LADEN: Final = "with canary and metrics"
"""A resolver that serves another branch to half of its clients and whose metrics are read every
second."""
REFERENCE: Final = "NSD"
PROGRAMS: Final = {REFERENCE: "nsd", "BIND": "named", "Knot": "knotd"}
_BRANCH: Final = "next"


@dataclass(frozen=True, slots=True)
class Contender:
    """A server under comparison, and its address."""

    name: str
    address: Address


@contextmanager
def serving(zone: str, zonefile: Path) -> Iterator[list[Contender]]:
    """Run zonegit and all installed peers, each serving the zone."""
    folder = zonefile.parent
    with ExitStack() as running:
        ours = running.enter_context(stack.running(folder / "data"))
        ours.serve(zone, zonefile)
        contenders = [Contender(OURS, ours.address)]
        contenders.append(Contender(LADEN, running.enter_context(_laden(ours, zone))))
        for name, program in PROGRAMS.items():
            if peers.installed(program):
                (folder / name).mkdir()
                zones = [peers.Zone(zone, zonefile)]
                peer = peers.serving(program, folder / name, zones, core=stack.SERVERS_CORE)
                contenders.append(Contender(name, running.enter_context(peer).address))
        yield contenders


@contextmanager
def _laden(ours: Stack, zone: str) -> Iterator[Address]:
    metrics = f"127.0.0.1:{free_port()}"
    ours.zonegit("branch", _BRANCH, "--zone", zone)
    options = ("--name", "laden", "--canary", f"{_BRANCH}:50", "--metrics", metrics)
    with stack.resolver(ours, zone, *options) as address:
        command = [sys.executable, "-m", "benchmarks.scrape", f"http://{metrics}/metrics"]
        scraping = subprocess.Popen(command)
        try:
            yield address
            assert scraping.poll() is None, "nobody has read the metrics"
        finally:
            scraping.kill()
            scraping.wait()


Runs = dict[str, list[Load]]
"""The runs of each server, by its name."""


def measured(
    contenders: Sequence[Contender], rounds: int, run: Callable[[Contender], Load]
) -> Runs:
    """Measure all servers in turn, round after round.

    A first round is not counted: servers compute some data at the first query.
    """
    runs: Runs = {each.name: [] for each in contenders}
    for number in range(1 + rounds):
        for each in contenders:
            seen = run(each)
            if number:
                runs[each.name].append(seen)
    return runs


def compared(runs: Runs) -> str:
    """Format zonegit's rate, and its ratio to the rate of each peer.

    Ratios are taken round by round, because a slow phase of the machine affects all servers.
    """
    ours = _rates(runs[OURS])
    parts = [spread([rate / 1_000 for rate in ours], "thousand/s", 0)]
    parts += [f"{_share(ours, runs[name])} of {name}" for name in PROGRAMS if name in runs]
    if REFERENCE in runs and LADEN in runs:
        laden = _share(_rates(runs[LADEN]), runs[REFERENCE])
        parts.append(f"{LADEN} {laden} of {REFERENCE}")
    return "; ".join(parts)


def circumstances(runs: Runs) -> str:
    """Format the losses, the idle time of the generator, and unexpected RCODEs."""
    everything = [each for of_one in runs.values() for each in of_one]
    idle = {name: median(each.idle_s / each.seconds for each in runs[name]) for name in runs}
    busiest = min(idle, key=lambda name: idle[name])
    codes = {code for each in everything for code in each.by_rcode} - {0, 3}
    return (
        f"{sum(each.lost for each in everything)} lost; generator idle {idle[OURS]:.0%},"
        f" at least {idle[busiest]:.0%} ({busiest})" + (f"; WRONG RCODES {codes}" if codes else "")
    )


def absent() -> list[Figure]:
    """Return a row for each peer that is not installed."""
    return [
        skipped(f"ratio to {name}", "", f"no {program} here")
        for name, program in PROGRAMS.items()
        if not peers.installed(program)
    ]


def share(runs: Runs, others: Runs) -> str:
    """Format the ratio of zonegit's rates in two measurements."""
    return _share(_rates(runs[OURS]), others[OURS])


def _rates(runs: Sequence[Load]) -> list[float]:
    return [run.rate for run in runs]


def _share(rates: Sequence[float], others: Sequence[Load]) -> str:
    shares = [mine / other.rate for mine, other in zip(rates, others, strict=True)]
    return spread(shares, "", 2).replace("  ", " ")
