"""zonegit rev-parse: print the id of a refish."""

import click

from zonegit.repo import refish
from zonegit.zone.names import Name
from zonegit_cli import options
from zonegit_cli.session import Session


@options.session_command("rev-parse")
@click.argument("text", type=options.REFISH, metavar="REFISH")
@options.zone_options
async def command(session: Session, text: str, zone: Name | None, branch: str | None) -> None:
    """Print the id of REFISH.

    A time without an offset is local time; a date is its first second. Times before the first entry
    of the log are compared with the dates of commits.

    \b
    main  HEAD  HEAD~3  main^2       branches and their ancestors
    v1.0                             a tag
    0123abcd                         the first digits of an id, 8 or more
    example.com:main                 a branch of another zone
    HEAD^{tree}                      the tree of a commit
    @{10.minutes.ago}                the current branch at that time, by the clock of refs
    main@{yesterday}  main@{2026-11-20T14:00Z}  main@{2026-11-20}
    main@{1}~2                       an ancestor of main before its latest move (zonegit reflog)
    """
    async with session.connect() as repo:
        found = await refish.resolve_id(repo, text, zone=zone, branch=branch)
    session.output.print_result({"refish": text, "id": found.hex()}, [found.hex()])
