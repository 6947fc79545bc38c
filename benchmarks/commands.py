"""Measure commands as whole processes, with the start of the interpreter."""

import tarfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Final

from tests.support import peers

from benchmarks import stack, zones
from benchmarks.figures import Figure, skipped, spread

RUNS: Final = 20
SLOW_RUNS: Final = 5
ROOT_ZONES: Final = Path(__file__).parents[2] / "shared" / "data" / "rootzone-2018.tar.xz"
ROOT_ZONE: Final = "root-2018012900.zone"
ZONE: Final = "small.test."


def figures() -> list[Figure]:
    """Measure ``--help``, ``set``, ``undo``, ``up`` and ``import``."""
    with stack.folder() as folder:
        zonefile = folder / "small.zone"
        zonefile.write_text(zones.flat_zone(ZONE, 10))
        with stack.running(folder / "data", core=None) as running:
            running.serve(ZONE, zonefile)
            help_s = [running.zonegit("--help") for _ in range(RUNS)]
            set_s = [
                running.zonegit("set", f"h1.{ZONE}", "A", "300", f"192.0.2.{n}")
                for n in range(RUNS)
            ]
            undo_s = [running.zonegit("undo") for _ in range(RUNS)]
        up_s = [_start(folder / "data") for _ in range(SLOW_RUNS)]
        return [
            _figure("`zonegit set`", "under 200 ms", set_s),
            _figure("`zonegit undo`", "under 250 ms", undo_s, "of an edit, then of the undo"),
            _figure("`zonegit --help`", "under 80 ms", help_s),
            _figure("`zonegit up` to first answer", "under 2 s", up_s, "a zone was there before"),
            _import(folder),
        ]


def _figure(what: str, reach: str, seconds: Sequence[float], how: str = "") -> Figure:
    in_seconds = median(seconds) >= 1
    factor, unit, digits = (1, "s", 2) if in_seconds else (1_000, "ms", 0)
    shown = spread([value * factor for value in seconds], unit, digits)
    runs = f"whole process, {len(seconds)} runs"
    return Figure(what, reach, shown, f"{runs}; {how}" if how else runs)


def _start(data: Path) -> float:
    started = time.perf_counter()
    with stack.running(data, core=None) as running:
        peers.wait_until_served(running.address, ZONE)
        return time.perf_counter() - started


def _import(folder: Path) -> Figure:
    what, reach = "import of the root zone (13,969 RRsets)", "under 4 s"
    if not ROOT_ZONES.exists():
        return skipped(what, reach, f"{ROOT_ZONES.name} is not here")
    zonefile = folder / ROOT_ZONE
    with tarfile.open(ROOT_ZONES) as archive:
        member = next(name for name in archive.getnames() if name.endswith(ROOT_ZONE))
        extracted = archive.extractfile(member)
        assert extracted is not None
        zonefile.write_bytes(extracted.read())
    return _figure(what, reach, [_import_once(folder, n, zonefile) for n in range(SLOW_RUNS)])


def _import_once(folder: Path, number: int, zonefile: Path) -> float:
    with stack.running(folder / f"root-{number}", core=None) as running:
        return running.serve(".", zonefile)
