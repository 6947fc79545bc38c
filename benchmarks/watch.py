"""Asks one question over and over, and prints when its answer first differs from the one before.

A process of its own, so that waiting for an answer never waits for the one who makes the change.
Prints the clock (``time.perf_counter_ns``, the same for all processes of a machine) at the end of
each answer that differs. Runs until its standard output is closed.
"""

import socket
import sys
import time
from typing import Final

from benchmarks import load, stack, zones

PAUSE_S: Final = 0.000_05
"""Between an answer and the next question: the measurement's grain, with the kernel's own 50 us."""
PATIENCE_S: Final = 1.0


def main(host: str, port: int, name: str) -> None:
    """Watches one name's address."""
    load.pin(stack.LOAD_CORE)
    query = zones.question(name, zones.A)
    before = b""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect((host, port))
        sock.settimeout(PATIENCE_S)
        while True:
            sock.send(query)
            answer = sock.recv(4_096)
            if answer != before:
                print(time.perf_counter_ns(), flush=True)
                before = answer
            time.sleep(PAUSE_S)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
