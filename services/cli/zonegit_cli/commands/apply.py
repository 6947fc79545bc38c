"""zonegit apply: many edits, one commit."""

from pathlib import Path

import click

from zonegit.repo import patch, plans
from zonegit.repo.heads import Position, Repo
from zonegit.repo.plans import Plan
from zonegit_cli import committing, files, page, scripts
from zonegit_cli.page import How
from zonegit_cli.session import Session


@page.page("apply")
@click.argument("file", type=click.Path(), metavar="FILE|-")
@page.commits
async def command(session: Session, file: str, how: How) -> None:
    """Make the edits of FILE, or of standard input, in one commit: all of them or none.

    FILE holds the words of the commands, quoted as in a shell, one edit a line; or it is a diff as
    zonegit diff prints it, which is told by its first line (empty ones and # comments apart): that
    of a diff begins with diff, + or -. What a diff removes must be there with its TTL, what it adds
    may be; a serial goes by itself. Errors name file and line.

    \b
    zonegit apply changes.txt      set www A 300 192.0.2.7
                                   add @ MX 1h 20 mail2    # a comment
                                   remove www AAAA 2001:db8::7
                                   delete old
    zonegit diff main...canary | zonegit apply - --branch staging
    """
    octets = files.read(file, patch.MAX_OCTETS)
    source = files.shown(file)

    def plan_for(_repo: Repo, position: Position) -> Plan:
        parse = patch.read if patch.is_patch(octets) else scripts.read
        return plans.plan_edits(parse(octets, position.zone, source), position.zone)

    intent = committing.intent(how, "apply", f"apply {files.shown(Path(file).name)}")
    await committing.commit(session, how, plan_for, intent)
