"""Other authoritative servers, as plain processes on a loopback port, to compare answers with."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import dns.exception
import dns.message
import dns.query
from tests.support.ports import free_port

START_S = 20.0

NSD = """
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
    rrl-ratelimit: 0
    minimal-responses: yes
    zonefiles-check: no
remote-control:
    control-enable: no
"""
NSD_ZONE = 'zone:\n    name: "{zone}"\n    zonefile: "{file}"\n'

KNOT = """
server:
    listen: 127.0.0.1@{port}
    rundir: "{folder}"
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
    automatic-acl: off
database:
    storage: "{folder}/db"
zone:
"""
KNOT_ZONE = (
    '  - domain: "{zone}"\n    file: "{file}"\n    semantic-checks: off\n    zonefile-load: whole\n'
    "    journal-content: none\n"
)


def installed(program: str) -> str | None:
    """Where a server is; servers often lie outside a user's path."""
    return shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


@contextmanager
def serving(program: str, folder: Path, zones: Mapping[str, str]) -> Iterator[int]:
    """The port of ``nsd`` or ``knotd`` with these zones, by their master files."""
    path = installed(program)
    assert path is not None
    head, each = (NSD, NSD_ZONE) if program == "nsd" else (KNOT, KNOT_ZONE)
    port = free_port()
    text = head.format(port=port, folder=folder)
    for number, (zone, content) in enumerate(zones.items()):
        file = folder / f"{number}.zone"
        file.write_text(f"$ORIGIN {zone}\n$TTL 300\n{content}")
        text += each.format(zone=zone, file=file)
    config = folder / f"{program}.conf"
    config.write_text(text)
    (folder / "db").mkdir(exist_ok=True)
    command = [path, "-c", str(config)] + (["-d"] if program == "nsd" else [])
    with (folder / f"{program}.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        _wait(port, next(iter(zones)), process, folder / f"{program}.log")
        yield port
    finally:
        process.terminate()
        process.wait(10)


def _wait(port: int, zone: str, process: subprocess.Popen[bytes], log: Path) -> None:
    query = dns.message.make_query(zone, "SOA")
    deadline = time.monotonic() + START_S
    while True:
        assert process.poll() is None, log.read_text()
        try:
            if dns.query.udp(query, "127.0.0.1", 0.05, port, ignore_unexpected=True).answer:
                return
        except (OSError, dns.exception.DNSException):
            time.sleep(0.01)
        assert time.monotonic() < deadline, log.read_text()
