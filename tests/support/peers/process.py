"""Start a peer, and wait until it answers."""

import os
import shutil
import socket
import subprocess
import sysconfig
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import dns.message
from tests.support.peers import bind, knot, nsd, powerdns
from tests.support.peers.setup import Address, PeerZone, Setup
from tests.support.ports import free_port
from tests.support.waiting import DEADLINE_S

START_S = DEADLINE_S
"""Seconds until a server answers: enough for the largest zones of the benchmarks."""
STOP_S = 20.0
STARTS = 3
"""Attempts: a free port can be taken before the server binds it."""

_WRITERS: dict[str, Callable[[Setup, str], list[str]]] = {
    module.PROGRAM: module.write_config for module in (nsd, knot, bind, powerdns)
}
_TAKEN = ("address already in use", "address in use")


@dataclass(frozen=True, slots=True)
class Peer:
    """A running server."""

    program: str
    address: Address
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def port(self) -> int:
        """Return the address for UDP and TCP, on 127.0.0.1."""
        return self.address[1]


class _Ended(RuntimeError):
    """Raised if the process has exited."""


def find_program(program: str) -> str | None:
    """Return the path of a program, or None.

    It is searched next to our own programs, on the path, and in Debian's folder for servers.
    """
    ours = sysconfig.get_path("scripts")
    path = f"{ours}:{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
    return shutil.which(program, path=path)


@contextmanager
def run_peer(
    program: str,
    folder: Path,
    zones: Iterable[PeerZone],
    *,
    minimal: bool = False,
    core: int | None = None,
) -> Iterator[Peer]:
    """Run ``nsd``, ``knotd``, ``named`` or ``pdns_server`` with one worker, and yield it.

    At entry, all zones from files are served; secondary zones may still be on their way. ``folder``
    must be used by no other server; ``core`` is the core on which it runs (any if None).

    Raises:
        RuntimeError: it is not installed, or it exited; the message has its log.
        TimeoutError: a zone is not served; the message has its log.
    """
    chosen = tuple(zones)
    path = find_program(program)
    if path is None:
        raise RuntimeError(f"{program} is not installed")
    peer = _started(program, path, folder, chosen, minimal, core)
    try:
        for zone in chosen:
            if zone.primary is None:
                _with_log(peer.log, wait_until_served, peer.address, zone.name, peer.process)
        yield peer
    finally:
        _stop(peer.process)


def _started(
    program: str,
    path: str,
    folder: Path,
    zones: tuple[PeerZone, ...],
    minimal: bool,
    core: int | None,
) -> Peer:
    log = folder / f"{program}.log"
    for left in reversed(range(STARTS)):
        setup = Setup(folder, free_port(), zones, minimal)
        command = _WRITERS[program](setup, path)
        with log.open("wb") as output, _on(core):
            process = subprocess.Popen(command, stdout=output, stderr=output, cwd=folder)
        peer = Peer(program, ("127.0.0.1", setup.port), process, log)
        try:
            _with_log(log, wait_until_answered, peer.address, process)
        except _Ended as ended:
            if left and any(sign in str(ended).lower() for sign in _TAKEN):
                continue
            raise
        except BaseException:
            _stop(process)
            raise
        return peer
    raise AssertionError("a start returns or raises")


@contextmanager
def _on(core: int | None) -> Iterator[None]:
    """Run a child on the cores of its parent."""
    if core is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _with_log(log: Path, wait: Callable[..., None], *arguments: object) -> None:
    try:
        wait(*arguments)
    except (RuntimeError, TimeoutError) as error:
        raise type(error)(f"{error}; its log:\n{log.read_text(errors='replace')}") from None


def wait_until_answered(address: Address, process: subprocess.Popen[bytes] | None = None) -> None:
    """Wait for any answer; a refusal counts.

    Raises:
        RuntimeError: the process exited.
        TimeoutError: no answer within ``START_S``.
    """
    _ask_until(address, ".", lambda reply: True, process)


def wait_until_served(
    address: Address,
    zone: str,
    process: subprocess.Popen[bytes] | None = None,
    patience_s: float = START_S,
) -> None:
    """Wait until the SOA of a zone is answered.

    Raises:
        RuntimeError: the process exited.
        TimeoutError: no answer within ``patience_s``.
    """
    _ask_until(address, zone, _is_answer, process, patience_s)


def _is_answer(reply: bytes) -> bool:
    is_error, has_answers = reply[3] & 0xF, any(reply[6:8])
    return not is_error and has_answers


def _ask_until(
    address: Address,
    zone: str,
    is_enough: Callable[[bytes], bool],
    process: subprocess.Popen[bytes] | None,
    patience_s: float = START_S,
) -> None:
    query = dns.message.make_query(zone, "SOA", flags=0).to_wire()
    deadline = time.monotonic() + patience_s
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(address)
        sock.settimeout(0.02)
        while time.monotonic() < deadline:
            if process is not None and process.poll() is not None:
                raise _Ended(f"{process.args!r} ended with {process.returncode}")
            try:
                sock.send(query)
                if is_enough(sock.recv(4_096)):
                    return
            except (TimeoutError, ConnectionRefusedError):
                continue
            time.sleep(0.005)
    raise TimeoutError(f"{address[0]}:{address[1]} does not serve {zone}")
