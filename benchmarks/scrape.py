"""Read a resolver's metrics once a second, as a monitoring system does, until killed.

``python -m benchmarks.scrape URL`` is a separate process, so that the load generator does not wait
for it.
"""

import sys
import time
import urllib.request
from typing import Final

from benchmarks import load
from benchmarks.stack import LOAD_CORE

INTERVAL_S: Final = 1.0


def main(url: str) -> None:
    """Read the metrics at a URL once a second."""
    load.pin(LOAD_CORE)
    while True:
        with urllib.request.urlopen(url) as reply:  # noqa: S310 an address of the benchmark
            reply.read()
        time.sleep(INTERVAL_S)


if __name__ == "__main__":
    main(sys.argv[1])
