"""Run ``zonegit`` in processes forked from a server that has already imported it.

Most of the time of a command is the start of Python and its imports, and the suite runs thousands
of commands. Each command is a process with its own arguments, environment, folder and standard
streams; it runs the function that the installed program runs. Tests of the installed program itself
start it by its path.
"""

import atexit
import json
import os
import selectors
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final, NoReturn

PROGRAM: Final = str(Path(sys.executable).with_name("zonegit"))
MAX_FILES: Final = 1_024
"""Files that the server may have open."""
_LENGTH: Final = struct.Struct("!I")
_STATUS: Final = struct.Struct("!i")
_STREAMS: Final = 3


def run_command(
    words: Sequence[str],
    env: Mapping[str, str],
    stdin: str | None,
    timeout: float,
    cwd: Path | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run one command until it ends.

    Args:
        words: the arguments.
        env: the whole environment.
        stdin: the standard input; empty if None.
        timeout: seconds after which the command is killed.
        cwd: the working folder; that of the caller if None.

    Raises:
        subprocess.TimeoutExpired: the command did not end in time.
    """
    out, err = (os.memfd_create(name) for name in ("stdout", "stderr"))
    reads, writes = os.pipe()
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(_address())
            request = json.dumps(
                {"words": list(words), "env": dict(env), "cwd": str(cwd or Path.cwd())}
            )
            octets = request.encode()
            socket.send_fds(connection, [_LENGTH.pack(len(octets))], [reads, out, err])
            connection.sendall(octets)
            (pid,) = _STATUS.unpack(_receive(connection, _STATUS.size))
            feeding = threading.Thread(target=_feed, args=(writes, stdin or ""))
            feeding.start()
            connection.settimeout(timeout)
            try:
                (status,) = _STATUS.unpack(_receive(connection, _STATUS.size))
            except TimeoutError:
                os.kill(pid, signal.SIGKILL)
                raise subprocess.TimeoutExpired([PROGRAM, *words], timeout) from None
            finally:
                os.close(reads)
                reads = -1
                feeding.join()
        return subprocess.CompletedProcess([PROGRAM, *words], status, _text(out), _text(err))
    finally:
        for each in (reads, out, err):
            if each >= 0:
                os.close(each)


def _feed(pipe: int, text: str) -> None:
    with open(pipe, "w") as stream:
        try:
            stream.write(text)
            stream.flush()
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), pipe)  # nothing reads the rest


def _text(file: int) -> str:
    os.lseek(file, 0, os.SEEK_SET)
    with open(file, closefd=False) as stream:
        return stream.read()


def _receive(connection: socket.socket, size: int) -> bytes:
    octets = b""
    while len(octets) < size:
        more = connection.recv(size - len(octets))
        if not more:
            raise EOFError("the server of commands ended")
        octets += more
    return octets


@cache
def _address() -> str:
    """Start the server, and return its address."""
    folder = tempfile.TemporaryDirectory(prefix="zonegit-commands-")
    path = str(Path(folder.name, "socket"))
    ends, lifeline = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-m", __name__, path, str(ends)],
        pass_fds=[ends], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
        cwd=Path(__file__).parents[2],
    )  # fmt: skip
    os.close(ends)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"

    def end() -> None:
        os.close(lifeline)
        process.wait()
        folder.cleanup()

    atexit.register(end)
    return path


class _Server:
    """Accepts requests, forks, and reports how each process ended."""

    def __init__(self, path: str, lifeline: int) -> None:
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(path)
        self._listener.listen(64)
        self._lifeline = lifeline
        self._woken, self._wakes = os.pipe()
        self._running: dict[int, socket.socket] = {}

    def serve(self) -> None:
        """Serve requests until the process that started the server exits."""
        os.set_blocking(self._wakes, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wakes)
        selector = selectors.DefaultSelector()
        for each in (self._listener, self._lifeline, self._woken):
            selector.register(each, selectors.EVENT_READ)
        print("ready", flush=True)
        while True:
            ready = {key.fileobj for key, _ in selector.select()}
            if self._lifeline in ready:
                return
            if self._woken in ready:
                os.read(self._woken, 1_024)
                self._report()
            if self._listener in ready:
                self._start()

    def _start(self) -> None:
        connection, _ = self._listener.accept()
        head, files, _, _ = socket.recv_fds(connection, _LENGTH.size, _STREAMS)
        (length,) = _LENGTH.unpack(head)
        request = json.loads(_receive(connection, length))
        pid = os.fork()
        if pid == 0:
            connection.close()
            self._become(request, files)
        for each in files:
            os.close(each)
        self._running[pid] = connection
        connection.sendall(_STATUS.pack(pid))

    def _report(self) -> None:
        for pid, connection in list(self._running.items()):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                del self._running[pid]
                with connection:
                    connection.sendall(_STATUS.pack(os.waitstatus_to_exitcode(status)))

    def _become(self, request: Mapping[str, Any], files: Sequence[int]) -> NoReturn:
        """Run the command in the forked process."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for stream, each in enumerate(files):
            os.dup2(each, stream)
        os.closerange(_STREAMS, MAX_FILES)
        os.environ.clear()
        os.environ.update(request["env"])
        time.tzset()
        os.chdir(request["cwd"])
        sys.argv[:] = [PROGRAM, *request["words"]]
        from zonegit_cli.__main__ import main

        main()
        raise AssertionError("main ends the process")


def _import_everything() -> None:
    import gc
    import pkgutil
    from importlib import import_module

    import zonegit_cli

    for module in pkgutil.walk_packages(zonegit_cli.__path__, "zonegit_cli."):
        import_module(module.name)
    import_module("zonegit.bus")
    gc.collect()
    gc.freeze()  # A collection in a child then copies no page of the server.


if __name__ == "__main__":
    _import_everything()
    _Server(sys.argv[1], int(sys.argv[2])).serve()
