"""Report when the answer for a name changes.

This is a separate process, so that it never waits for the process that makes the change. It reads
names from standard input. For each name it prints ``ready`` after the first answer, and then the
time at which a different answer arrived: ``time.perf_counter_ns``, a clock that all processes of a
machine share. It ends at the end of its input.
"""

import socket
import sys
import time
from typing import Final

from benchmarks import load, queries, zones
from benchmarks.stack import LOAD_CORE

PAUSE_S: Final = 0.000_05
"""Pause between an answer and the next query. The kernel adds 50 us; both limit the resolution."""
TIMEOUT_S: Final = 1.0


def main(host: str, port: int) -> None:
    """Watch one name after the other."""
    load.pin(LOAD_CORE)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect((host, port))
        sock.settimeout(TIMEOUT_S)
        for line in sys.stdin:
            query = queries.build_query(line.strip(), zones.A)
            before = _query(sock, query)
            print("ready", flush=True)
            while _query(sock, query) == before:
                time.sleep(PAUSE_S)
            print(time.perf_counter_ns(), flush=True)


def _query(sock: socket.socket, query: bytes) -> bytes:
    sock.send(query)
    return sock.recv(4_096)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
