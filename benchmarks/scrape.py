"""Reads a resolver's metrics again and again, as a monitoring system does, only more often.

``python -m benchmarks.scrape URL`` until it is killed; a process of its own, so that the load
generator does not wait for it.
"""

import sys
import time
import urllib.request
from typing import Final

from benchmarks import load, stack

EVERY_S: Final = 1.0


def main(url: str) -> None:
    """Once a second."""
    load.pin(stack.LOAD_CORE)
    while True:
        with urllib.request.urlopen(url) as reply:  # noqa: S310 the caller's own address
            reply.read()
        time.sleep(EVERY_S)


if __name__ == "__main__":
    main(sys.argv[1])
