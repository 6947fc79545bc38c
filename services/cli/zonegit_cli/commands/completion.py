"""zonegit completion: print the completion script for a shell."""

import click
from click.shell_completion import ShellComplete, get_completion_class

from zonegit_cli import options, shells
from zonegit_cli.cli import cli
from zonegit_cli.session import Session

PROGRAM = "zonegit"


@options.session_command("completion")
@click.argument("shell", metavar="bash|zsh|fish", type=click.Choice(["bash", "zsh", "fish"]))
async def command(session: Session, shell: str) -> None:
    """Print the script for a shell to complete commands, options, zones, branches, tags and record
    types.

    \b
    eval "$(zonegit completion bash)"        in ~/.bashrc
    eval "$(zonegit completion zsh)"         in ~/.zshrc, after compinit
    zonegit completion fish > ~/.config/fish/completions/zonegit.fish
    """
    shells.register()
    kind = get_completion_class(shell)
    assert kind is not None  # click knows all three
    completer = kind(cli, {}, PROGRAM, f"_{PROGRAM}_COMPLETE".upper())
    # Not the method of the class: that of bash runs bash to check its version.
    script = ShellComplete.source(completer)
    session.output.print_result({"shell": shell, "script": script}, [script.strip("\n")])
