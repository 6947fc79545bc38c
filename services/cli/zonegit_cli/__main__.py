"""Entry point. Nothing heavy is imported before a command asks for it: help answers at once.

A command lives for a tenth of a second, most of it spent importing, so what Python does for
long-lived programs is put off: collecting garbage while modules load, and freeing one by one at
the end what the kernel frees at once. Together they are a fifth of a command's time.
"""

import gc
import os
import sys
from collections.abc import Sequence
from typing import Final

ALLOCATIONS_BETWEEN_COLLECTIONS: Final = 200_000


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs one command and ends the process with its status."""
    gc.set_threshold(ALLOCATIONS_BETWEEN_COLLECTIONS)
    from zonegit_cli.cli import cli
    from zonegit_cli.run import leave_through_one_door

    _open_what_is_closed()
    if "COMP_WORDS" in os.environ:  # a completion script asks
        from zonegit_cli import shells

        shells.register()
    words = list(sys.argv[1:] if arguments is None else arguments)
    status = leave_through_one_door(cli, words)
    sys.stderr.flush()
    os._exit(status)


def _open_what_is_closed() -> None:
    """Standard streams that whoever started this has closed lead nowhere, as they do in git: else
    there is none to print on, and the next file or socket takes its number."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115


if __name__ == "__main__":
    main()
