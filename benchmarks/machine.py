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
BUSY_LOAD: Final = 0.3
"""Load average above which the report has a warning."""


def describe_machine() -> str:
    """Return a Markdown list of the machine, the system and all versions.

    The list ends with a warning if the machine is busy.
    """
    one_minute = os.getloadavg()[0]
    lines = [
        f"- {_read_processor()}, {os.cpu_count()} cores, {_read_memory()}",
        f"- {platform.system()} {platform.release()}, Python {platform.python_version()}",
        f"- zonegit {release()}; {', '.join(_format_package(name) for name in PACKAGES)}",
        f"- {_read_version('nats-server', '--version')}; {_read_version('nsd', '-v')};"
        f" {_read_version('named', '-v')}; {_read_version('knotd', '--version')}",
        f"- load average at the start {one_minute:.2f}",
    ]
    if one_minute > BUSY_LOAD:
        lines.append("- **the machine was busy: figures are worse than on an idle one**")
    return "\n".join(lines)


def _read_processor() -> str:
    for line in _read_lines(Path("/proc/cpuinfo")):
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _read_memory() -> str:
    for line in _read_lines(Path("/proc/meminfo")):
        if line.startswith("MemTotal"):
            return f"{int(line.split()[1]) / (1 << 20):.0f} GiB"
    return "memory unknown"


def _read_lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def _format_package(name: str) -> str:
    try:
        return f"{name} {version(name)}"
    except ModuleNotFoundError:
        return f"no {name}"


def _read_version(program: str, flag: str) -> str:
    path = peers.find_program(program)
    if path is None:
        return f"no {program}"
    result = subprocess.run([path, flag], capture_output=True, text=True, check=False)
    return (result.stdout or result.stderr).strip().splitlines()[0]
