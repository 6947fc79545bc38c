"""Count the functions of zonegit that this process enters; Python imports this module at its start.

:mod:`benchmarks.entered` puts this folder on the path of the processes that it measures. A process
answers requests at a socket of its own, ``PID.socket`` in the folder ``ZONEGIT_ENTRIES``: ``reset``
sets the counts to zero, ``read`` returns them as JSON. A command writes them to ``PID.json`` when
it ends.
"""

import json
import os
import socket
import sys
import threading
from types import CodeType, FrameType
from typing import Any, Final, NoReturn

FOLDER: Final = os.environ.get("ZONEGIT_ENTRIES", "")
PACKAGES: Final = ("zonegit.", "zonegit_")
_IS_FUNCTION: Final = 1
"""The flag of code that has local variables: of functions, and not of modules or classes."""
_INNER: Final = ("<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>")
"""Code that is part of the function around it."""

_counts: dict[CodeType, int] = {}
_names: dict[CodeType, str | None] = {}


def _count(frame: FrameType, event: str, _argument: object) -> None:
    """Count an entry into a function; the profile function of all threads."""
    if event != "call":
        return
    code = frame.f_code
    if code not in _names:
        _names[code] = _name(code, frame.f_globals.get("__name__", ""))
    if _names[code] is not None:
        _counts[code] = _counts.get(code, 0) + 1


def _name(code: CodeType, module: Any) -> str | None:
    """Return module, name and line of a function of zonegit, None for other code."""
    is_ours = isinstance(module, str) and f"{module}.".startswith(PACKAGES)
    if not is_ours or not code.co_flags & _IS_FUNCTION or code.co_name in _INNER:
        return None
    return f"{module}:{code.co_qualname}:{code.co_firstlineno}"


def _dump() -> bytes:
    entries = {_names[code]: count for code, count in list(_counts.items())}
    modules = sum(f"{name}.".startswith(PACKAGES) for name in list(sys.modules))
    return json.dumps({"command": sys.argv, "entries": entries, "modules": modules}).encode()


def _answer(listener: socket.socket) -> None:
    """Answer the requests of the script that measures."""
    while True:
        connection, _ = listener.accept()
        with connection:
            if connection.recv(16) == b"read":
                connection.sendall(_dump())
            else:
                _counts.clear()
                connection.sendall(b"done")


def _exit(status: int) -> NoReturn:
    """Write the counts and end the process, as a command does with ``os._exit``."""
    sys.setprofile(None)
    with open(f"{FOLDER}/{os.getpid()}.json", "wb") as file:
        file.write(_dump())
    _os_exit(status)


if FOLDER:
    _os_exit = os._exit
    os._exit = _exit
    _listener = socket.socket(socket.AF_UNIX)
    _listener.bind(f"{FOLDER}/{os.getpid()}.socket")
    _listener.listen()
    threading.Thread(target=_answer, args=(_listener,), daemon=True).start()
    threading.setprofile(_count)
    sys.setprofile(_count)
