"""zonegit rev-parse: the id that a refish stands for."""

import click

from zonegit.repo import refish
from zonegit.zone.names import Name
from zonegit_cli import options
from zonegit_cli.session import Session


@options.page("rev-parse")
@click.argument("text", type=options.REFISH, metavar="REFISH")
@options.in_zone
async def command(session: Session, text: str, zone: Name | None, branch: str | None) -> None:
    """Print the id that REFISH stands for.

    A time without an offset is your local one, a date alone its beginning. Before the first entry
    of the log, the dates of commits tell.

    \b
    main  HEAD  HEAD~3  main^2       branches, and ways back from them
    v1.0                             a tag
    0123abcd                         the first digits of an id, 8 or more
    example.com:main                 in another zone
    HEAD^{tree}                      the tree of a commit
    @{10.minutes.ago}                where the branch you stand on was then, by the refs' clock
    main@{yesterday}  main@{2026-11-20T14:00Z}  main@{2026-11-20}
    main@{1}~2                       before its latest move (zonegit reflog), and back from there
    """
    async with session.connected() as repo:
        found = await refish.resolve_id(repo, text, zone=zone, branch=branch)
    session.output.result({"refish": text, "id": found.hex()}, [found.hex()])
