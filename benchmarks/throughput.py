"""Measure queries per second over UDP: one resolver on one core, and its peers at the same load."""

from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks import contenders, load, questions, stack, zones
from benchmarks.contenders import LADEN, OURS, Contender, Runs
from benchmarks.figures import Figure, percentile
from benchmarks.load import Load
from benchmarks.zones import Names

ROUNDS: Final = 7
SECONDS: Final = 0.5
REACH: Final = {
    "mix": "over 0.6 of NSD, over 1 of BIND; with canary and metrics over 0.5",
}
HALF_LOADED: Final = 3
"""Rounds at half of each server's maximum rate."""

Measured = dict[tuple[str, str], Runs]
"""The runs by kind of query and of client."""


def small() -> list[Figure]:
    """Measure a zone of 1,000 RRsets."""
    return _figures("1,000 RRsets", zones.mixed_zone)


def million() -> list[Figure]:
    """Measure a zone of a million address records at 500,000 names."""
    return _figures("1,000,000 records", zones.million_zone)


def _figures(size: str, write: Callable[[Path], Names]) -> list[Figure]:
    with stack.folder() as folder:
        names = write(folder / "zone")
        with contenders.serving(names.zone, folder / "zone") as running:
            measured: Measured = {
                (kind, client): contenders.measured(
                    running, ROUNDS, _flood(make(names, flags=flags))
                )
                for kind, make in questions.KINDS.items()
                for client, flags in questions.EDNS.items()
            }
            mix = questions.mix(names, flags=questions.EDNS["EDNS"])
            latencies = contenders.measured(
                running, HALF_LOADED, _at_half(mix, measured["mix", "EDNS"])
            )
    rows = [_rate(size, *key, runs) for key, runs in measured.items()]
    return [*rows, *_missing(size, measured), _latency(size, latencies), *contenders.absent()]


def _flood(asked: list[bytes]) -> Callable[[Contender], Load]:
    return lambda each: load.run(each.address, asked, SECONDS, core=stack.LOAD_CORE)


def _at_half(asked: list[bytes], runs: Runs) -> Callable[[Contender], Load]:
    def run(each: Contender) -> Load:
        rate = median(flood.rate for flood in runs[each.name]) / 2
        core = stack.LOAD_CORE
        return load.run(each.address, asked, SECONDS, rate=rate, latencies=True, core=core)

    return run


def _rate(size: str, kind: str, client: str, runs: Runs) -> Figure:
    return Figure(
        f"{kind}, {client}, {size}",
        REACH.get(kind, ""),
        contenders.compared(runs),
        f"{ROUNDS} rounds of {SECONDS:g} s in turns; {contenders.circumstances(runs)}",
    )


def _missing(size: str, measured: Measured) -> list[Figure]:
    return [
        Figure(
            f"missing names beside the mix, {client}, {size}",
            "over 0.9 of it",
            contenders.share(measured["missing", client], measured["mix", client]),
        )
        for client in questions.EDNS
    ]


def _latency(size: str, runs: Runs) -> Figure:
    """Return the row of the latencies at half load."""
    shown = [
        f"{f'zonegit {name}' if name == LADEN else name}"
        f" {percentile([us for each in seen for us in each.latencies_us], 99) / 1_000:.2f} ms"
        for name, seen in runs.items()
    ]
    rate = median(each.rate for each in runs[OURS]) / 1_000
    return Figure(
        f"p99 latency at half load, mix, EDNS, {size}",
        "",
        "; ".join(shown),
        f"each at half of what it bears (zonegit: {rate:.0f} thousand/s), in bursts of"
        f" {load.BURST}; {contenders.circumstances(runs)}",
    )
