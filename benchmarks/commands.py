"""Measure commands as whole processes, with the start of the interpreter."""

import tarfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Final

from tests.support import peers

from benchmarks import zones
from benchmarks.figures import Figure, format_spread, skip_figure
from benchmarks.stack import make_folder, run_stack

RUNS: Final = 20
SLOW_RUNS: Final = 5
ROOT_ZONES: Final = Path(__file__).parents[2] / "shared" / "data" / "rootzone-2018.tar.xz"
ROOT_ZONE: Final = "root-2018012900.zone"
ZONE: Final = "small.test."


def measure() -> list[Figure]:
    """Measure ``--help``, ``set``, ``undo``, ``up`` and ``import``."""
    with make_folder() as folder:
        zonefile = folder / "small.zone"
        zonefile.write_text(zones.format_flat_zone(ZONE, 10))
        with run_stack(folder / "data", core=None) as stack:
            stack.serve(ZONE, zonefile)
            help_s = [stack.run("--help") for _ in range(RUNS)]
            set_s = [
                stack.run("set", f"h1.{ZONE}", "A", "300", f"192.0.2.{n}") for n in range(RUNS)
            ]
            undo_s = [stack.run("undo") for _ in range(RUNS)]
        up_s = [_time_start(folder / "data") for _ in range(SLOW_RUNS)]
        return [
            _make_figure("`zonegit set`", "under 200 ms", set_s),
            _make_figure("`zonegit undo`", "under 250 ms", undo_s, "each undoes one of the edits"),
            _make_figure("`zonegit --help`", "under 80 ms", help_s),
            _make_figure("`zonegit up` to first answer", "under 2 s", up_s, "with one small zone"),
            _measure_import(folder),
        ]


def _make_figure(name: str, target: str, seconds: Sequence[float], note: str = "") -> Figure:
    in_seconds = median(seconds) >= 1
    factor, unit, digits = (1, "s", 2) if in_seconds else (1_000, "ms", 0)
    measured = format_spread([value * factor for value in seconds], unit, digits)
    method = f"whole process, {len(seconds)} runs"
    return Figure(name, target, measured, f"{method}; {note}" if note else method)


def _time_start(data: Path) -> float:
    started = time.perf_counter()
    with run_stack(data, core=None) as stack:
        peers.wait_until_served(stack.address, ZONE)
        return time.perf_counter() - started


def _measure_import(folder: Path) -> Figure:
    name, target = "import of the root zone (13,969 RRsets)", "under 4 s"
    if not ROOT_ZONES.exists():
        return skip_figure(name, target, f"{ROOT_ZONES.name} is missing")
    zonefile = folder / ROOT_ZONE
    with tarfile.open(ROOT_ZONES) as archive:
        member = next(name for name in archive.getnames() if name.endswith(ROOT_ZONE))
        extracted = archive.extractfile(member)
        assert extracted is not None
        zonefile.write_bytes(extracted.read())
    seconds = [_time_import(folder, number, zonefile) for number in range(SLOW_RUNS)]
    return _make_figure(name, target, seconds)


def _time_import(folder: Path, number: int, zonefile: Path) -> float:
    with run_stack(folder / f"root-{number}", core=None) as stack:
        return stack.serve(".", zonefile)
