"""Console sessions in Markdown pages: the commands, and the output that the page shows for each.

The blocks of a session begin with ```console. A line `$ COMMAND` is a command, and the lines up to
the next command are its output. A file for the reader to create has a block of its own, after a
line that ends with "as `NAME`:".
"""

import re
from dataclasses import dataclass

_FENCE = "```"
_FILE = re.compile(r".*\bas `([^`/]+)`:")


@dataclass(frozen=True, slots=True)
class SavedFile:
    """A file that the reader of the page creates."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Command:
    """A command line, and the lines of the page (from, up to) that show its output."""

    line: str
    first: int
    end: int


def parse_session(page: str) -> list[SavedFile | Command]:
    """Return the files and commands of a page, in their order."""
    lines = page.splitlines()
    steps: list[SavedFile | Command] = []
    name: str | None = None
    number = 0
    while number < len(lines):
        line = lines[number]
        number += 1
        if line.startswith(_FENCE):
            end = lines.index(_FENCE, number)
            if line == f"{_FENCE}console":
                steps += _parse_commands(lines, number, end)
            elif name is not None:
                steps.append(SavedFile(name, "".join(f"{each}\n" for each in lines[number:end])))
            number = end + 1
            name = None
        elif line:
            found = _FILE.fullmatch(line)
            name = found[1] if found else None
    return steps


def _parse_commands(lines: list[str], first: int, end: int) -> list[Command]:
    """Return the commands of the block between two line numbers.

    The empty line between an output and the next command is not part of the output.
    """
    starts = [number for number in range(first, end) if lines[number].startswith("$ ")]
    commands = []
    for start, following in zip(starts, [*starts[1:], end], strict=True):
        while following > start + 1 and not lines[following - 1]:
            following -= 1
        commands.append(Command(lines[start].removeprefix("$ "), start + 1, following))
    return commands


def replace_outputs(page: str, outputs: dict[Command, list[str]]) -> str:
    """Return the page with other outputs below some of its commands."""
    lines = page.splitlines()
    for command in sorted(outputs, key=lambda each: each.first, reverse=True):
        lines[command.first : command.end] = outputs[command]
    return "".join(f"{line}\n" for line in lines)
