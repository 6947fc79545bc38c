"""zonegit export: print a zone as a master file, or write zones as a git repository."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from zonegit.errors import Invalid, NotFound
from zonegit.repo import read_zone, refish
from zonegit.repo.inspect import git_export
from zonegit.repo.inspect.git_export import Lineage
from zonegit.repo.refish import Resolved
from zonegit.repo.repo import Repo
from zonegit.store.reader import Reader
from zonegit.store.ref_names import DEFAULT_HEAD
from zonegit.views.zone import make_zone
from zonegit.zone import names
from zonegit.zone.names import Name
from zonegit.zonefile import writer
from zonegit.zonefile.zone_paths import OPERATOR_SCHEMES, Scheme
from zonegit_cli import options
from zonegit_cli.output import format_count
from zonegit_cli.session import Session
from zonegit_cli.table import align_columns

if TYPE_CHECKING:
    from zonegit_cli.workspace.checkout import RequestedZone, ZoneCheckout


@options.session_command("export")
@click.argument("named", type=options.REFISH, nargs=-1, metavar="[REFISH | ZONE[@REFISH]...]")
@click.option(
    "--git",
    "folder",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Write these ZONEs (all) and their history as a git repository.",
)
@click.option(
    "--scheme",
    type=click.Choice(OPERATOR_SCHEMES),
    help="Layout of the files in DIR (ZONEGIT_WORKSPACE_SCHEME).",
)
@options.zone_options
async def command(
    session: Session,
    named: tuple[str, ...],
    folder: Path | None,
    scheme: Scheme | None,
    zone: Name | None,
    branch: str | None,
) -> None:
    """Print the zone at REFISH (HEAD) as a master file in canonical order.

    ZONE is the same as --zone ZONE. Importing the output gives the same tree.

    With --git write a git repository, in a folder that is new or empty. It has a master file for
    each ZONE (all), and a git commit for each commit, with the same author, committer and dates. A
    zone is exported at its current branch or at REFISH. If the folder holds an earlier export, the
    commits made since are added; existing git commits keep their ids.

    \b
    zonegit export > example.com.zone
    zonegit export HEAD~1                   the zone one commit ago
    zonegit export example.net              another zone
    zonegit export example.net@canary
    zonegit export --git ~/dns              all zones; then use git log, git blame
    zonegit export --git ~/dns --scheme flat example.com example.net@canary
    """
    if folder is not None:
        if zone is not None or branch is not None:
            raise click.UsageError("--git takes zones as arguments: ZONE@BRANCH")
        await _export_git(session, folder, scheme, named)
        return
    if scheme is not None:
        raise click.UsageError("--scheme requires --git")
    if len(named) > 1:
        raise click.UsageError("expected one REFISH; --git takes several ZONEs")
    await _print(session, named[0] if named else DEFAULT_HEAD, zone, branch)


async def _print(session: Session, at: str, zone: Name | None, branch: str | None) -> None:
    async with session.connect() as repo:
        resolved = await _resolve(repo, at, zone, branch)
        reader = Reader(repo.objects)
        tree = (await read_zone.read_commit(reader, resolved.commit)).tree
        found = await read_zone.read_whole_zone(reader, tree)
    lines = (line.removesuffix("\n") for line in writer.write(found, resolved.zone))
    session.output.print_result(
        lambda: make_zone(resolved.zone, resolved.commit, found), lines, paged=True
    )


async def _resolve(repo: Repo, text: str, zone: Name | None, branch: str | None) -> Resolved:
    """Return the commit to print.

    Args:
        text: a refish, or a zone with or without a refish.

    Raises:
        Invalid: it is ambiguous or malformed.
        NotFound: there is no such zone, branch, tag or commit.
    """
    named = await _find_zone(repo, text) if zone is None and text != DEFAULT_HEAD else None
    if named is None:
        try:
            return await refish.resolve(repo, text, zone=zone, branch=branch)
        except NotFound as error:
            if zone is not None or text == DEFAULT_HEAD:
                raise
            raise NotFound(f"{error.message}, nor a zone", hint=error.hint) from error
    there = await refish.resolve(
        repo, named.refish or DEFAULT_HEAD, zone=named.zone, branch=None if named.refish else branch
    )
    try:
        here = await refish.resolve(repo, text, branch=branch)
    except (Invalid, NotFound):
        return there
    raise Invalid(
        f"{text!r} could mean the zone {names.text(named.zone)}, or a branch, tag or commit of"
        f" {names.text(here.zone)}",
        hint=f"use --zone {names.text(named.zone)}, or {names.text(here.zone)}:{text}",
    )


async def _find_zone(repo: Repo, text: str) -> "RequestedZone | None":
    """Return the zone that an argument begins with; None if there is no zone of that name."""
    from zonegit_cli.workspace import checkout

    try:
        requested = checkout.parse_zone(text)
        await repo.refs.zone(requested.zone, repo.actor)
    except (Invalid, NotFound):
        return None
    return requested


async def _export_git(
    session: Session, folder: Path, scheme: Scheme | None, named: tuple[str, ...]
) -> None:
    from zonegit_cli.import_export import git_repository
    from zonegit_cli.workspace import checkout

    continued = git_repository.is_earlier_export(folder)
    requested = [checkout.parse_zone(text) for text in named]
    written = 0

    def progress(commits: int) -> None:
        nonlocal written
        written = commits
        session.output.print_progress(f"{commits:,} commits")

    async with session.connect() as repo:
        chosen = await checkout.resolve_zones(repo, requested, session.output.print_note)
        found = _make_lineages(session, chosen, scheme, leaves_out=not requested)
        await git_repository.write(
            folder, lambda branch: git_export.iter_stream(repo, found, progress, branch)
        )
    session.output.print_progress("")
    summary = f"{format_count(written, 'commit')} of {format_count(len(found), 'zone')} in {folder}"
    session.output.print_result(
        lambda: {
            "folder": str(folder),
            "commits": written,
            "continued": continued,
            "zones": [
                {"zone": names.text(each.zone), "path": each.path, "commit": each.tip.hex()}
                for each in found
            ],
        },
        [*align_columns([(f"  {each.path}", names.text(each.zone)) for each in found]), summary],
        paged=True,
    )


def _make_lineages(
    session: Session, chosen: "Sequence[ZoneCheckout]", scheme: Scheme | None, *, leaves_out: bool
) -> list[Lineage]:
    """Return the zones with their paths, sorted by path.

    With ``leaves_out`` a zone that cannot have a path is left out with a note; otherwise it is an
    error.
    """
    from zonegit_cli.import_export import git_repository
    from zonegit_cli.workspace import index, paths

    if not chosen:
        raise NotFound("there is no zone with a commit", hint="zonegit zone list shows all zones")
    scheme_of = index.make_index(session.settings, scheme).scheme_of
    if leaves_out:
        chosen = paths.leave_out(
            chosen,
            lambda each: (each.zone, each.at),
            scheme_of,
            git_repository.check_path,
            session.output.print_note,
        )
    placed = paths.place_zones([(each.zone, each.at) for each in chosen], scheme_of)
    git_repository.check_paths(placed)
    both = zip(chosen, placed, strict=True)
    found = [Lineage(each.zone, at.path, each.commit) for each, at in both]
    return sorted(found, key=lambda each: each.path)
