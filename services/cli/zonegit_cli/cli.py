"""The command tree: every command with its one line; its page is imported when it is asked for."""

from importlib import import_module
from typing import Final

import click
from click.shell_completion import CompletionItem

SECTIONS: Final[dict[str, dict[str, str]]] = {
    "The stack on this machine": {
        "up": "Start bus, stores and resolvers, and keep them running",
        "down": "Stop the stack that was started here",
        "doctor": "Check bus, services, versions, clock, disk, what is served",
        "fsck": "Check that everything stored is there and whole",
        "recover": "Bring zones back in step with secondaries after a restore",
        "adopt-store": "Let this ref store take the place of another installation",
    },
    "Zones": {
        "init": "Register a zone and stand on its main branch",
        "zone": "Add, list, switch to or remove zones",
        "import": "Make a zone equal a master file, or take in its whole history",
        "lint": "Find faults of a zone or a master file",
        "export": "Print a zone as a master file, or write zones as a git repository",
        "migrate": "Take over the store of the original zonegit",
    },
    "Zones as files": {
        "workspace": "Check zones out, change them with any tool, commit them",
    },
    "Edits, one commit each": {
        "set": "Make an RRset hold exactly these records",
        "add": "Add a record to an RRset",
        "remove": "Remove a record from an RRset",
        "delete": "Delete an RRset, or all of a name",
        "edit": "Change the zone file in your editor",
        "plan": "What a file would change; saved, to be applied later",
        "apply": "Make many edits, or those of a diff, in one commit",
    },
    "History": {
        "status": "Where you stand and what is served",
        "log": "Commits, the latest first",
        "diff": "What differs between two commits",
        "show": "A commit and its changes, or an RRset at any commit",
        "blame": "Which commits gave a name its records",
        "branch": "List, create, rename or delete branches",
        "tag": "List, create or delete tags",
        "checkout": "Stand on another branch",
        "merge": "Bring another branch's changes into this one",
        "cherry-pick": "Make the change of one commit on this branch",
        "revert": "Take back what one commit changed",
        "reset": "Make a branch as it was",
        "reflog": "Where a branch has been, and who moved it",
        "op": "What was done here, operation by operation",
        "undo": "Take an operation back, your own latest or any other",
        "redo": "Make again what the last undo took back",
        "rev-parse": "The id that a refish stands for",
        "cat-object": "A stored object, decoded",
    },
    "Changes that somebody else looks at first": {
        "propose": "Begin a proposal, a branch of its own",
        "review": "What a proposal would change, and whether it merges",
        "approve": "Make a proposal part of what is served",
    },
    "Signatures": {
        "keygen": "A pair of keys to sign commits with",
        "sign-commit": "Sign the tip of a branch",
        "verify": "Who signed a commit, or all that led to it",
    },
    "Serving": {
        "resolvers": "What each resolver serves, and how far it lags",
        "query": "Ask a DNS server",
        "resolve": "What a query gets, or would have got, without a server",
    },
    "Your shell": {
        "config": "Trust the settings file of a folder",
        "completion": "The script that completes what you type",
    },
}

_MODULES: Final = {
    name: f"zonegit_cli.commands.{name.replace('-', '_')}"
    for section in SECTIONS.values()
    for name in section
} | {"import": "zonegit_cli.commands.import_zone"}


class Commands(click.Group):
    """Lists commands without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for section in SECTIONS.values() for name in section]

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in _MODULES:
            return None
        command = import_module(_MODULES[name]).command
        assert isinstance(command, click.Command)
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        every = {name: text for section in SECTIONS.values() for name, text in section.items()}
        found = [
            CompletionItem(name, help=text)
            for name, text in every.items()
            if name.startswith(incomplete)
        ]
        # What any command offers, its options; a group would import all its commands.
        return [*found, *click.Command.shell_complete(self, ctx, incomplete)]

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in _MODULES and not args[0].startswith("-"):
            from difflib import get_close_matches

            near = get_close_matches(args[0], _MODULES, 3)
            meant = f" Did you mean {' or '.join(near)}?" if near else ""
            raise click.UsageError(f"There is no command {args[0]!r}.{meant}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, commands in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl(list(commands.items()))


def _print_version(ctx: click.Context, _param: click.Parameter, wanted: bool) -> None:
    if wanted:
        from zonegit import release

        click.echo(f"zonegit {release()}")
        ctx.exit()


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Start with: zonegit up --detach; zonegit init example.com; zonegit import FILE",
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Show the version and exit.",
)
def cli() -> None:
    """Git for authoritative DNS: every change a commit, live on every resolver at once.

    \b
    zonegit set www A 300 192.0.2.7      change a record; resolvers answer it milliseconds later
    zonegit log                          who changed what, and when
    zonegit show www A HEAD~1            what it was one commit ago
    """
