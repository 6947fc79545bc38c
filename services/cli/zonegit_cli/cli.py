"""The command tree: every command with its summary. A command's module is imported when it runs."""

from importlib import import_module
from typing import Final

import click
from click.shell_completion import CompletionItem

SECTIONS: Final[dict[str, dict[str, str]]] = {
    "The stack on this machine": {
        "up": "Start bus, stores and resolvers, and keep them running",
        "down": "Stop the stack",
        "doctor": "Check bus, services, versions, clock, disk and resolvers",
        "fsck": "Check the stores for missing and corrupt objects",
        "recover": "Raise serials after the ref store was restored from a backup",
        "adopt-store": "Let this ref store replace that of another installation",
    },
    "Zones": {
        "init": "Register a zone and switch to its main branch",
        "zone": "Add, list, switch to or remove zones",
        "import": "Replace a zone by a master file, or import its history",
        "check": "Check a master file, without a running stack",
        "lint": "Find faults in a zone or a master file",
        "export": "Print a zone as a master file, or write zones as a git repository",
        "migrate": "Import the store of the original zonegit",
    },
    "Zones as files": {
        "workspace": "Check out zones as files, edit them with any tool, commit them",
    },
    "Edits, one commit each": {
        "set": "Replace the records of an RRset",
        "add": "Add a record to an RRset",
        "remove": "Remove a record from an RRset",
        "delete": "Delete an RRset, or all RRsets of a name",
        "restore": "Restore an RRset or a name as it was at an earlier commit",
        "edit": "Edit the zone as a master file in your editor",
        "plan": "Show what a file would change, and save it as a plan",
        "apply": "Apply a file of edits, a diff or a saved plan as one commit",
    },
    "History": {
        "status": "Show the current branch and what is served",
        "log": "Show commits, the latest first",
        "diff": "Show the differences between two commits",
        "show": "Show a commit and its changes, or an RRset at any commit",
        "blame": "Show which commit last changed each record of a name",
        "history": "Show the values that an RRset had, from when to when",
        "branch": "List, create, rename or delete branches",
        "tag": "List, create or delete tags",
        "checkout": "Switch to another branch",
        "merge": "Merge another branch into this one",
        "cherry-pick": "Apply the change of one commit to this branch",
        "revert": "Reverse the change of one commit",
        "reset": "Reset a branch to an earlier commit",
        "reflog": "Show the moves of a branch, and who made them",
        "op": "Show the log of operations",
        "undo": "Undo an operation, by default your latest",
        "redo": "Reverse your latest undo",
        "rev-parse": "Print the id of a refish",
        "cat-object": "Print a stored object, decoded",
    },
    "Review workflow": {
        "propose": "Start a proposal, which is a branch",
        "review": "Show what a proposal would change, and whether it merges",
        "approve": "Merge a proposal into its target branch",
    },
    "Signatures": {
        "keygen": "Generate a key pair to sign commits with",
        "sign-commit": "Sign the tip of a branch",
        "verify": "Verify the signature of a commit, or of its whole history",
    },
    "Serving": {
        "canary": "Let another branch answer a share of the clients",
        "reload": "Let resolvers read their configuration files again",
        "resolvers": "Show what each resolver serves, and how far it lags",
        "secondaries": "Show what each secondary was notified of and transferred",
        "query": "Query a DNS server",
        "resolve": "Answer a query from the stored zones, now or at any commit",
    },
    "Your shell": {
        "config": "Trust the settings file of a folder, make bus users",
        "completion": "Print the completion script for your shell",
    },
}

_MODULES: Final = {
    name: f"zonegit_cli.commands.{name.replace('-', '_')}"
    for section in SECTIONS.values()
    for name in section
} | {"import": "zonegit_cli.commands.import_zone"}


class Commands(click.Group):
    """A group that lists its commands without importing them."""

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
        # click.Group.shell_complete would import all commands.
        return [*found, *click.Command.shell_complete(self, ctx, incomplete)]

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in _MODULES and not args[0].startswith("-"):
            from difflib import get_close_matches

            near = get_close_matches(args[0], _MODULES, 3)
            suggestion = f" Did you mean {' or '.join(near)}?" if near else ""
            raise click.UsageError(f"There is no command {args[0]!r}.{suggestion}", ctx)
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
    """Git for authoritative DNS: every change is a commit, and every resolver serves it at once.

    \b
    zonegit set www A 300 192.0.2.7      change a record; resolvers answer it milliseconds later
    zonegit log                          who changed what, and when
    zonegit show www A HEAD~1            the record one commit ago
    """
