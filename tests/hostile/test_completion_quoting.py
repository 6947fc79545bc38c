"""Hostile names are completed in real shells, and Enter runs only the command.

Each shell runs on a pseudo-terminal: a prefix, Tab and Enter are typed. The names have what shells
expand: command substitution, braces, quotes, variables, history.
"""

import itertools
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.e2e.stack import BIN, Stack
from tests.support.pseudoterminals import Terminal, on_a_terminal
from tests.support.waiting import DEADLINE_S

SHELLS = {
    "bash": ["bash", "--norc", "--noprofile", "-i"],
    "zsh": ["zsh", "-f", "-i"],
    "fish": ["fish", "--no-config", "-i"],
}
SET_UP = {
    "bash": 'eval "$(zonegit completion bash)"; set -o histexpand; PS1=',
    "zsh": 'autoload -U compinit; compinit -D; eval "$(zonegit completion zsh)"; PS1=',
    "fish": "zonegit completion fish | source; function fish_prompt; end",
}
HOSTILE = {
    "backquotes": "a`{touch,pwned}`",
    "substitution": "b$({touch,pwned})",
    "list": "c;{touch,pwned};",
    "redirection": "d>pwned",
    "double-quotes": 'e"`{touch,pwned}`"',
    "single-quotes": "f'`{touch,pwned}`'",
    "pipe": "g|{touch,pwned}",
    "background": "h&{touch,pwned}&",
    "history": "i!touch",
    "variable": "j$_",
    "glob": "k*",
    "comma": "l,m,",
    "hash": "n#o",
}
"""What a zone's first label is, by what it is an example of; each has a first letter of its own."""
_PROMPTS = itertools.count()


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Run a stack with a zone for each hostile name."""
    stack = Stack(tmp_path_factory.mktemp("stack"))
    stack.up()
    for label in HOSTILE.values():
        stack.run("zone", "add", f"{label}.example")
    yield stack
    stack.down()


@pytest.fixture(scope="module", params=SHELLS)
def shell(
    request: pytest.FixtureRequest, stack: Stack, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Terminal, Path]]:
    """Run a shell with completion in a folder of its own."""
    name = request.param
    if shutil.which(SHELLS[name][0]) is None:
        pytest.skip(f"needs {name}")
    folder = tmp_path_factory.mktemp(name)
    env = {
        "PATH": f"{BIN}:/usr/bin:/bin", "HOME": str(folder), "TERM": "dumb", "LANG": "C.UTF-8",
        "ZONEGIT_DATA": str(stack.data), "ZONEGIT_COMPLETION_TIMEOUT": str(DEADLINE_S),
        "ZONEGIT_TIMEOUT": str(DEADLINE_S), "XDG_STATE_HOME": str(stack.state),
        "XDG_DATA_HOME": str(folder / ".data"), "XDG_CONFIG_HOME": str(folder / ".config"),
    }  # fmt: skip
    with on_a_terminal(SHELLS[name], env, folder) as terminal:
        run(terminal, SET_UP[name])
        run(terminal, "echo touch history")
        yield name, terminal, folder


def run(terminal: Terminal, line: str) -> str:
    """Return the output of a line, including its echo."""
    begun, word = len(terminal.seen), f"done-{next(_PROMPTS)}-"
    # The quotes distinguish the echo of the line from its output.
    terminal.type(f"{line}\r")
    terminal.type(f'echo "{word[:4]}""{word[4:]}"\r')
    ended = terminal.wait_for(word, begun)
    return terminal.seen[begun:ended]


@pytest.mark.parametrize("label", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_name_is_completed_and_nothing_else_runs(
    shell: tuple[str, Terminal, Path], stack: Stack, label: str
) -> None:
    name, terminal, folder = shell
    said = run(terminal, f"zonegit zone switch {label[0]}\t")
    assert "pwned" not in os.listdir(folder), said
    assert stack.json("status")["zone"].replace("\\", "") == f"{label}.example.", (name, said)


@pytest.mark.parametrize(
    "words",
    [
        ["branch", "release`{touch,x}`"],
        ["branch", "-m", "main", "a;b", "--force", "--reason", "a test"],
        ["tag", "v$1", "-m", "a test"],
        ["propose", "a(b)"],
    ],
    ids=" ".join,
)
def test_new_names_cannot_have_these_characters(stack: Stack, words: list[str]) -> None:
    zone = "names-of-branches.example"
    if f"{zone}." not in stack.run("zone", "list").out:
        stack.zone(zone)
    before = stack.json("branch", "--zone", zone), stack.json("tag", "--zone", zone)
    failed = stack.run(*words, "--zone", zone, status=1)
    assert "shells and terminals interpret" in failed.err
    assert "existing names stay usable" in failed.err
    assert (stack.json("branch", "--zone", zone), stack.json("tag", "--zone", zone)) == before
