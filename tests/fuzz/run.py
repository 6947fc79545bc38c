"""Fuzzing with coverage: ``make fuzz`` mutates inputs towards code that has not run yet.

python -m tests.fuzz.run TARGET SECONDS [LIBFUZZER_OPTION ...]

It starts with the inputs of ``tests/fuzz/corpus``, and writes those that reach more code to
``.fuzz``. An input that fails is written to ``crash-...`` in the working folder; as an option, it
is run again.
"""

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["zonegit", "zonegit_resolver"]):
    from tests.fuzz import targets

FOUND = Path(".fuzz")


def main(name: str, seconds: str, *options: str) -> None:
    """Run a target until the time is over or an input fails."""
    target, found = targets.TARGETS[name], FOUND / name
    found.mkdir(parents=True, exist_ok=True)
    for number, octets in enumerate(target.seeds()):
        (found / f"seed-{number}").write_bytes(octets)
    limits = [f"-max_total_time={seconds}", f"-max_len={target.octets}", "-rss_limit_mb=4096"]
    is_rerun = any(not option.startswith("-") for option in options)
    corpus = [] if is_rerun else [str(found), str(targets.CORPUS / name)]
    atheris.Setup([sys.argv[0], *limits, *options, *corpus], target.examine)
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
