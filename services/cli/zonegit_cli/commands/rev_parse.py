"""zonegit rev-parse: the id that a refish stands for."""

import click

from zonegit.repo import browse, refish
from zonegit.store.reading import Reader
from zonegit.zone.names import Name
from zonegit_cli import page
from zonegit_cli.session import Session


@page.page("rev-parse")
@click.argument("text", metavar="REFISH")
@page.in_zone
async def command(session: Session, text: str, zone: Name | None, branch: str | None) -> None:
    """Print the id that REFISH stands for.

    \b
    main  HEAD  HEAD~3  main^2       branches, and ways back from them
    0123abcd                         the first digits of an id, 8 or more
    example.com:main                 in another zone
    HEAD^{tree}                      the tree of a commit
    """
    async with session.connected() as repo:
        resolved = await refish.resolve(repo, text, zone=zone, branch=branch)
        found = resolved.commit.hex()
        if refish.parse(text).tree:
            reader = Reader(repo.objects)
            found = (await browse.read_commit(reader, resolved.commit)).tree.hex()
    session.output.result({"refish": text, "id": found}, [found])
