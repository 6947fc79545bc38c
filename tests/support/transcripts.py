"""Transcripts: commands as typed at a shell and, indented, their output.

# remark
$ NAME=value zonegit set www A 300 192.0.2.7
> a line of standard input
    a line of output
  ! a line of the error output
[status, unless it is 0]
"""

import re
import shlex
from dataclasses import dataclass, field

_SETTING = re.compile(r"([A-Z_]+)=(.*)", re.DOTALL)


@dataclass
class Step:
    """One command. ``lines`` is its text, after the remarks before it."""

    lines: list[str] = field(default_factory=list)

    @property
    def typed(self) -> str:
        """Return the command line."""
        (line,) = [line for line in self.lines if line.startswith("$ ")]
        return line.removeprefix("$ ")

    def command(self, names: dict[str, str]) -> tuple[dict[str, str], list[str]]:
        """Return the environment and the words of the command; ``names`` has the values of
        ``{name}``."""
        environment: dict[str, str] = {}
        words = shlex.split(self.typed)
        while found := _SETTING.fullmatch(words[0]):
            environment[found[1]] = found[2]
            del words[0]
        for name, value in names.items():
            words = [word.replace(f"{{{name}}}", value) for word in words]
            environment = {
                key: text.replace(f"{{{name}}}", value) for key, text in environment.items()
            }
        return environment, words

    @property
    def stdin(self) -> str:
        """Return its standard input."""
        lines = [line.removeprefix("> ") for line in self.lines if line.startswith("> ")]
        return "".join(f"{line}\n" for line in lines)


def steps(transcript: str) -> list[Step]:
    """Return the commands of a transcript."""
    found: list[Step] = []
    remarks: list[str] = []
    for line in transcript.splitlines():
        if line.startswith("# "):
            remarks.append(line)
        elif line.startswith("$ "):
            found.append(Step([*remarks, line]))
            remarks = []
        elif line.startswith("> "):
            found[-1].lines.append(line)
    return found


def text(step: Step, out: str, err: str, status: int) -> str:
    """Return the text of a command and its output in a transcript."""
    lines = [*step.lines]
    lines += [f"    {line}".rstrip() for line in out.splitlines()]
    lines += [f"  ! {line}".rstrip() for line in err.splitlines()]
    if status:
        lines.append(f"[{status}]")
    return "".join(f"{line}\n" for line in lines)
