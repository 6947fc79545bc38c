"""Other authoritative servers, started on a loopback port as plain processes, for comparison."""

import os
import shutil
import signal
import socket
import subprocess
import sysconfig
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.support.ports import free_port

from benchmarks import load, zones

Address = tuple[str, int]
START_S: Final = 60.0

_NSD: Final = """
server:
    ip-address: 127.0.0.1@{port}
    server-count: 1
    username: ""
    chroot: ""
    pidfile: "{folder}/nsd.pid"
    database: ""
    zonelistfile: "{folder}/zone.list"
    xfrdfile: "{folder}/xfrd.state"
    xfrdir: "{folder}"
    logfile: "{folder}/nsd.log"
    rrl-ratelimit: 0
    verbosity: 0
remote-control:
    control-enable: no
zone:
    name: "{zone}"
    zonefile: "{zonefile}"
"""
_NAMED: Final = """
options {{
    directory "{folder}";
    pid-file "{folder}/named.pid";
    session-keyfile "{folder}/session.key";
    listen-on port {port} {{ 127.0.0.1; }};
    listen-on-v6 {{ none; }};
    recursion no;
    minimal-responses no-auth;
}};
controls {{ }};
zone "{zone}" {{ type primary; file "{zonefile}"; }};
"""


def installed(program: str) -> str | None:
    """Where a server is, None where it is not; it may lie outside a user's path."""
    ours = sysconfig.get_path("scripts")
    path = f"{ours}:{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
    return shutil.which(program, path=path)


@contextmanager
def nsd(program: str, zone: str, zonefile: Path, core: int | None) -> Iterator[Address]:
    """NSD with one server process (``server-count: 1``) and no rate limit."""
    with _serving(
        lambda config: [program, "-d", "-c", config], _NSD, zone, zonefile, core
    ) as address:
        yield address


@contextmanager
def named(program: str, zone: str, zonefile: Path, core: int | None) -> Iterator[Address]:
    """BIND with one worker thread."""
    with _serving(
        lambda config: [program, "-f", "-n", "1", "-c", config], _NAMED, zone, zonefile, core
    ) as address:
        yield address


@contextmanager
def _serving(
    command: Callable[[str], list[str]], template: str, zone: str, zonefile: Path, core: int | None
) -> Iterator[Address]:
    folder = zonefile.parent
    address = ("127.0.0.1", free_port())
    config = folder / f"{address[1]}.conf"
    config.write_text(template.format(folder=folder, port=address[1], zone=zone, zonefile=zonefile))
    before = load.pin(core)  # a child starts where its parent is
    try:
        process = subprocess.Popen(
            command(str(config)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
    finally:
        if before:
            os.sched_setaffinity(0, before)
    try:
        wait_until_served(address, zone, process)
        yield address
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)


def wait_until_served(
    address: Address, zone: str, process: subprocess.Popen[bytes] | None = None
) -> None:
    """Asks for the zone's SOA until it is answered.

    Raises:
        RuntimeError: the process ended.
        TimeoutError: no answer within ``START_S``.
    """
    query = zones.question(zone, 6)
    deadline = time.monotonic() + START_S
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(address)
        sock.settimeout(0.02)
        while time.monotonic() < deadline:
            if process is not None and process.poll() is not None:
                raise RuntimeError(f"{process.args!r} ended with {process.returncode}")
            try:
                sock.send(query)
                answer = sock.recv(4_096)
            except (TimeoutError, ConnectionRefusedError):
                continue
            if answer[3] & 0x0F == 0 and answer[7]:
                return
            time.sleep(0.005)
    raise TimeoutError(f"{address[0]}:{address[1]} does not serve {zone}")
