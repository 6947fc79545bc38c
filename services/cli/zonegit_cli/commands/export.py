"""zonegit export: a zone as a master file, or zones with all their past as a repository of git."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

import click

from zonegit.errors import NotFound
from zonegit.repo import browse, heads, lineages, refish, several
from zonegit.repo.heads import Repo
from zonegit.repo.lineages import Lineage
from zonegit.repo.refish import Resolved
from zonegit.store.reading import Reader
from zonegit.zone import layout, names, zonetext
from zonegit.zone.layout import Scheme
from zonegit.zone.names import Name
from zonegit.zone.rrset import RRset, sort_key
from zonegit_cli import gitexport, page, rrsets
from zonegit_cli.output import count
from zonegit_cli.session import Session


@page.page("export")
@click.argument("named", type=page.REFISH, nargs=-1, metavar="[REFISH | ZONE...]")
@click.option(
    "--git",
    "folder",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Make a repository of git there, of these ZONEs (all) and their past.",
)
@click.option(
    "--scheme",
    type=click.Choice(layout.OFFERED),
    default=layout.DEFAULT,
    show_default=True,
    help="How the files of a repository are called.",
)
@page.in_zone
async def command(
    session: Session,
    named: tuple[str, ...],
    folder: Path | None,
    scheme: Scheme,
    zone: Name | None,
    branch: str | None,
) -> None:
    """Print the zone as it is, or was at REFISH, as a master file in canonical order.

    Importing what is printed gives the same tree.

    With --git make a repository of git instead, in a folder that is new or empty: a master file for
    each zone, a commit for each of its commits, by whom and when it was made. Branches are those
    you stand on, or --branch.

    \b
    zonegit export > example.com.zone
    zonegit export HEAD~1                   as it was one commit ago
    zonegit export --git ~/dns              all zones; then git log, git blame
    zonegit export --git ~/dns --scheme flat example.com example.net
    """
    if folder is not None:
        if zone is not None:
            raise click.UsageError("--git takes zones as arguments, not --zone")
        await _export_git(session, folder, scheme, [names.parse(each) for each in named], branch)
        return
    if len(named) > 1:
        raise click.UsageError("one REFISH is printed; --git takes many ZONEs")
    await _print(session, named[0] if named else "HEAD", zone, branch)


async def _print(session: Session, at: str, zone: Name | None, branch: str | None) -> None:
    async with session.connected() as repo:
        resolved = await refish.resolve(repo, at, zone=zone, branch=branch)
        reader = Reader(repo.objects)
        tree = (await browse.read_commit(reader, resolved.commit)).tree
        found = await browse.whole_zone(reader, tree)
    lines = (line.removesuffix("\n") for line in zonetext.write(found, resolved.zone))
    session.output.result(lambda: _json(resolved, found), lines, paged=True)


def _json(resolved: Resolved, found: list[RRset]) -> dict[str, Any]:
    return {
        "zone": names.text(resolved.zone),
        "commit": resolved.commit.hex(),
        "rrsets": [
            rrsets.as_json(rrset)
            for rrset in sorted(found, key=lambda r: sort_key(r.owner, r.rdtype))
        ],
    }


async def _export_git(
    session: Session, folder: Path, scheme: Scheme, wanted: list[Name], branch: str | None
) -> None:
    gitexport.check_empty(folder)
    written = 0

    def told(commits: int) -> None:
        nonlocal written
        written = commits
        session.output.progress(f"{commits:,} commits")

    async with session.connected() as repo:
        chosen = wanted or [refs.zone async for refs in several.every(repo)]
        found = await _lineages(session, repo, dict.fromkeys(chosen), scheme, branch)
        await gitexport.write(folder, lineages.stream(repo, found, told))
    session.output.progress("")
    summary = f"{count(written, 'commit')} of {count(len(found), 'zone')} in {folder}"
    session.output.result(
        lambda: {
            "folder": str(folder),
            "commits": written,
            "zones": [
                {"zone": names.text(each.zone), "path": each.path, "commit": each.tip.hex()}
                for each in found
            ],
        },
        [*(f"  {each.path}  {names.text(each.zone)}" for each in found), summary],
        paged=True,
    )


async def _lineages(
    session: Session, repo: Repo, wanted: Collection[Name], scheme: Scheme, branch: str | None
) -> list[Lineage]:
    """Of the zones that have a commit."""
    paths = gitexport.paths(wanted, scheme)
    found = []
    for zone in wanted:
        at = await heads.locate(repo, zone, branch)
        if at.tip is None:
            session.output.note(f"{names.text(zone)} has no commit yet and is left out")
        else:
            found.append(Lineage(zone, paths[zone], at.commit()))
    if not found:
        raise NotFound("there is no zone with a commit", hint="zonegit zone list shows all zones")
    return sorted(found, key=lambda each: each.path)
