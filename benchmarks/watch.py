"""Tells when the answer for a name changes.

A process of its own, so that waiting for an answer never waits for the one who makes the change.
Reads names from standard input; for each prints ``ready`` once it is answered, and then, when the
answer differs, the clock (``time.perf_counter_ns``, the same for all processes of a machine) at
which it came. Ends with its input.
"""

import socket
import sys
import time
from typing import Final

from benchmarks import load, questions, stack, zones

PAUSE_S: Final = 0.000_05
"""Between an answer and the next question: the measurement's grain, with the kernel's own 50 us."""
PATIENCE_S: Final = 1.0


def main(host: str, port: int) -> None:
    """Watches one name after the other."""
    load.pin(stack.LOAD_CORE)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect((host, port))
        sock.settimeout(PATIENCE_S)
        for line in sys.stdin:
            query = questions.question(line.strip(), zones.A)
            before = _ask(sock, query)
            print("ready", flush=True)
            while _ask(sock, query) == before:
                time.sleep(PAUSE_S)
            print(time.perf_counter_ns(), flush=True)


def _ask(sock: socket.socket, query: bytes) -> bytes:
    sock.send(query)
    return sock.recv(4_096)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
