"""Queries a second: one resolver on one core, and its peers under the very same load."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Final

from tests.support import peers
from tests.support.peers import Address

from benchmarks import load, stack, zones
from benchmarks.figures import Figure, skipped, spread
from benchmarks.load import Load

ROUNDS: Final = 9
SECONDS: Final = 1.0
PROGRAMS: Final = {"NSD": "nsd", "BIND": "named"}


@dataclass(frozen=True, slots=True)
class Contender:
    """A server under load, and what was seen of it."""

    name: str
    address: Address
    runs: list[Load] = field(default_factory=list)

    @property
    def rates(self) -> list[float]:
        """Thousands of answers a second, run by run."""
        return [run.rate / 1_000 for run in self.runs]


def figures() -> list[Figure]:
    """Mixed queries against every server, in turns; then random subdomains."""
    with stack.folder() as folder, ExitStack() as running:
        zonefile = folder / "mixed.zone"
        zonefile.write_text(zones.mixed_zone())
        ours = running.enter_context(stack.running(folder / "data"))
        ours.serve(zones.MIXED_ZONE, zonefile)
        contenders = [Contender("zonegit", ours.address)]
        missing = [name for name, program in PROGRAMS.items() if not peers.installed(program)]
        for name in [name for name in PROGRAMS if name not in missing]:
            peer = running.enter_context(_peer(name, folder, zonefile))
            contenders.append(Contender(name, peer.address))
        mixed = _measure("mixed queries, 1,000 RRsets", contenders, zones.mixed_questions())
        random = _measure("random subdomains (all NXDOMAIN)", contenders, zones.random_subdomains())
    absent = [skipped(f"{name}, mixed queries", "", f"no {name} here") for name in missing]
    return [*mixed, *random, *absent]


def _peer(name: str, folder: Path, zonefile: Path) -> AbstractContextManager[peers.Peer]:
    own = folder / name
    own.mkdir()
    zone = peers.Zone(zones.MIXED_ZONE, zonefile)
    return peers.serving(PROGRAMS[name], own, [zone], core=stack.SERVERS_CORE)


def _measure(
    what: str, contenders: Sequence[Contender], questions: Sequence[bytes]
) -> list[Figure]:
    fresh = [Contender(each.name, each.address) for each in contenders]
    for _ in range(ROUNDS):
        for each in fresh:
            run = load.run(each.address, questions, SECONDS, core=stack.LOAD_CORE)
            each.runs.append(run)
    reference = next((each for each in fresh if each.name == "NSD"), None)
    return [_figure(what, each, reference) for each in fresh]


def _figure(what: str, contender: Contender, reference: Contender | None) -> Figure:
    ratio = ""
    if reference is not None and reference is not contender:
        # Round by round: what slows the machine down for a while slows down both.
        of_each = [a / b for a, b in zip(contender.rates, reference.rates, strict=True)]
        ratio = f"; {spread(of_each, 'of NSD', 2)}"
    idle = median(run.idle_s / run.seconds for run in contender.runs)
    lost = sum(run.lost for run in contender.runs)
    codes = contender.runs[0].by_rcode
    wrong = {code: count for code, count in codes.items() if code not in (0, 3)}
    return Figure(
        f"{contender.name}, {what}",
        "over 0.5 of NSD" if contender.name == "zonegit" else "",
        spread(contender.rates, "thousand/s", 0) + ratio,
        f"server on one core, load on the other; {ROUNDS} rounds of {SECONDS:g} s in turns;"
        f" {lost} lost, generator idle {idle:.0%}" + (f", WRONG RCODES {wrong}" if wrong else ""),
    )
