"""Entry point. Nothing heavy is imported before a command asks for it: help answers at once."""

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs one command and exits with its status."""
    from zonegit_cli.cli import cli
    from zonegit_cli.door import leave_through_one_door

    words = list(sys.argv[1:] if arguments is None else arguments)
    sys.exit(leave_through_one_door(cli, words))


if __name__ == "__main__":
    main()
