"""Measure queries per second over UDP: one resolver on one core, and its peers at the same load."""

from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks import comparison, load, queries, zones
from benchmarks.comparison import CANARY_AND_METRICS, OURS, Runs, Server
from benchmarks.figures import Figure, percentile
from benchmarks.load import LoadResult
from benchmarks.stack import LOAD_CORE, make_folder
from benchmarks.zones import Names

ROUNDS: Final = 7
SECONDS: Final = 0.5
TARGETS: Final = {
    "mix": "over 0.6 of NSD, over 1 of BIND; with canary and metrics over 0.5",
}
HALF_LOAD_ROUNDS: Final = 3
"""Rounds at half of each server's maximum rate."""

RunsByKind = dict[tuple[str, str], Runs]
"""The runs by kind of query and of client."""


def measure_small() -> list[Figure]:
    """Measure a zone of 1,000 RRsets."""
    return _measure("1,000 RRsets", zones.write_mixed_zone)


def measure_million() -> list[Figure]:
    """Measure a zone of a million address records at 500,000 names."""
    return _measure("1,000,000 records", zones.write_million_zone)


def _measure(size: str, write: Callable[[Path], Names]) -> list[Figure]:
    with make_folder() as folder:
        names = write(folder / "zone")
        with comparison.run_servers(names.zone, folder / "zone") as servers:
            runs: RunsByKind = {
                (kind, client): comparison.measure_in_turns(
                    servers, ROUNDS, _make_full_load(build(names, flags=flags))
                )
                for kind, build in queries.KINDS.items()
                for client, flags in queries.EDNS_FLAGS.items()
            }
            mix = queries.build_mix(names, flags=queries.EDNS_FLAGS["EDNS"])
            half_load = comparison.measure_in_turns(
                servers, HALF_LOAD_ROUNDS, _make_half_load(mix, runs["mix", "EDNS"])
            )
    return [
        *(_make_rate_figure(size, *key, each) for key, each in runs.items()),
        *_make_missing_figures(size, runs),
        _make_latency_figure(size, half_load),
        *comparison.skip_absent_peers(),
    ]


def _make_full_load(datagrams: list[bytes]) -> Callable[[Server], LoadResult]:
    return lambda server: load.run(server.address, datagrams, SECONDS, core=LOAD_CORE)


def _make_half_load(datagrams: list[bytes], runs: Runs) -> Callable[[Server], LoadResult]:
    def run(server: Server) -> LoadResult:
        rate = median(result.rate for result in runs[server.name]) / 2
        return load.run(
            server.address, datagrams, SECONDS, rate=rate, latencies=True, core=LOAD_CORE
        )

    return run


def _make_rate_figure(size: str, kind: str, client: str, runs: Runs) -> Figure:
    return Figure(
        f"{kind}, {client}, {size}",
        TARGETS.get(kind, ""),
        comparison.format_comparison(runs),
        f"{ROUNDS} rounds of {SECONDS:g} s in turns; {comparison.describe_runs(runs)}",
    )


def _make_missing_figures(size: str, runs: RunsByKind) -> list[Figure]:
    return [
        Figure(
            f"missing names relative to the mix, {client}, {size}",
            "over 0.9",
            comparison.format_ratio(runs["missing", client], runs["mix", client]),
        )
        for client in queries.EDNS_FLAGS
    ]


def _make_latency_figure(size: str, runs: Runs) -> Figure:
    """Return the row of the latencies at half load."""
    latencies = []
    for name, results in runs.items():
        p99_us = percentile([us for result in results for us in result.latencies_us], 99)
        shown = f"{OURS} {name}" if name == CANARY_AND_METRICS else name
        latencies.append(f"{shown} {p99_us / 1_000:.2f} ms")
    rate = median(each.rate for each in runs[OURS]) / 1_000
    return Figure(
        f"p99 latency at half load, mix, EDNS, {size}",
        "",
        "; ".join(latencies),
        f"each at half of its maximum rate (zonegit: {rate:.0f} thousand/s), in bursts of"
        f" {load.BURST}; {comparison.describe_runs(runs)}",
    )
