"""Entry point of the command line.

Modules are imported when a command needs them, so that ``--help`` is fast. A command runs for about
a tenth of a second and spends most of it on imports. Two costs are avoided, together a fifth of
that time: garbage collection while modules load, and the interpreter's clean-up at exit
(``os._exit``).
"""

import gc
import os
import sys
from collections.abc import Sequence
from typing import Final

ALLOCATIONS_BETWEEN_COLLECTIONS: Final = 200_000


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and end the process with its exit status."""
    gc.set_threshold(ALLOCATIONS_BETWEEN_COLLECTIONS)
    from zonegit_cli.cli import cli
    from zonegit_cli.run import run_cli

    _reopen_closed_streams()
    if "COMP_WORDS" in os.environ:  # called by a completion script
        from zonegit_cli import shells

        shells.register()
    words = list(sys.argv[1:] if arguments is None else arguments)
    status = run_cli(cli, words)
    sys.stderr.flush()
    os._exit(status)


def _reopen_closed_streams() -> None:
    """Open the null device for standard streams that the parent process closed, as git does.

    Without this there is no stream to print to, and the next file or socket that is opened gets the
    descriptor of the closed stream.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115


if __name__ == "__main__":
    main()
