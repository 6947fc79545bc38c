"""Octets from anybody, guided by coverage: ``make fuzz`` mutates queries towards code not yet run.

    python -m tests.fuzz.respond [SECONDS] [LIBFUZZER_OPTION ...]

What it finds is left as ``crash-...`` in the working folder; given as an option, that is run again.
The corpus lies in ``.fuzz`` and grows from run to run.
"""

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["zonegit", "zonegit_resolver"]):
    from tests.support import hostile

CORPUS = Path(".fuzz")
SECONDS = 60
LONGEST = 1_024
WORLDS = hostile.worlds()


def examine(data: bytes) -> None:
    """The first octet says to whom and over what; the rest is the message."""
    if data:
        world = WORLDS[data[0] & 1]
        hostile.examine(world, data[1:], hostile.LIMITS[data[0] >> 1 & 1])


def main() -> None:
    """Runs until the time is over or something fails."""
    seconds, options = (sys.argv[1], sys.argv[2:]) if sys.argv[1:] else (str(SECONDS), [])
    CORPUS.mkdir(exist_ok=True)
    for number, query in enumerate(hostile.queries().values()):
        for how in range(4):
            (CORPUS / f"query-{number}-{how}").write_bytes(bytes([how]) + query)
    limits = [f"-max_total_time={seconds}", f"-max_len={LONGEST}", "-print_final_stats=1"]
    is_rerun = any(not option.startswith("-") for option in options)
    corpus = [] if is_rerun else [str(CORPUS)]
    atheris.Setup([sys.argv[0], *limits, *options, *corpus], examine)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
