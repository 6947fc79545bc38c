"""Describe the machine and the software of a measurement."""

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Final

from tests.support import peers

from zonegit import release

PACKAGES: Final = ("nats-py", "msgspec", "immutables", "dnspython")
BUSY: Final = 0.3
"""Load average above which the report has a warning."""


def described() -> str:
    """Return a Markdown list of the machine, the system and all versions.

    The list ends with a warning if the machine is busy.
    """
    one_minute = os.getloadavg()[0]
    lines = [
        f"- {_processor()}, {os.cpu_count()} cores, {_memory()}",
        f"- {platform.system()} {platform.release()}, Python {platform.python_version()}",
        f"- zonegit {release()}; {', '.join(_package(name) for name in PACKAGES)}",
        f"- {_first_line('nats-server', '--version')}; {_first_line('nsd', '-v')};"
        f" {_first_line('named', '-v')}; {_first_line('knotd', '--version')}",
        f"- load average at the start {one_minute:.2f}",
    ]
    if one_minute > BUSY:
        lines.append("- **the machine was busy with something else: figures are worse than true**")
    return "\n".join(lines)


def _processor() -> str:
    for line in _lines(Path("/proc/cpuinfo")):
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _memory() -> str:
    for line in _lines(Path("/proc/meminfo")):
        if line.startswith("MemTotal"):
            return f"{int(line.split()[1]) / (1 << 20):.0f} GiB"
    return "memory unknown"


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def _package(name: str) -> str:
    try:
        return f"{name} {version(name)}"
    except ModuleNotFoundError:
        return f"no {name}"


def _first_line(program: str, flag: str) -> str:
    found = peers.installed(program)
    if found is None:
        return f"no {program}"
    done = subprocess.run([found, flag], capture_output=True, text=True, check=False)
    return (done.stdout or done.stderr).strip().splitlines()[0]
