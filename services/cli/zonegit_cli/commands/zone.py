"""zonegit zone: add, list, switch to and remove zones."""

from collections.abc import Mapping

import click

from zonegit.repo import read_zones
from zonegit.repo.change import branches, remove_zone
from zonegit.repo.commit import dry_runs
from zonegit.safety import moves
from zonegit.store.ref_log import Moved
from zonegit.store.ref_names import DEFAULT_BRANCH
from zonegit.store.refs import ZoneRefs
from zonegit.views.verdict import make_verdict
from zonegit.views.warning import make_warnings
from zonegit.views.zone import make_listed_zone
from zonegit.zone import names
from zonegit.zone.names import Name
from zonegit_cli import head_notes, options
from zonegit_cli.output import format_id
from zonegit_cli.render import findings, resolvers
from zonegit_cli.session import Session
from zonegit_cli.table import Column, align_columns

COLUMNS = (Column(""), Column("ZONE", "middle"), Column("SERIAL"), Column("BRANCHES", "wrap"))


@options.session_command("add")
@click.argument("zone", type=options.NEW_ZONE)
async def add(session: Session, zone: Name) -> None:
    """Register ZONE, and do not switch to it.

    It is served when it has a commit on main: zonegit import FILE --zone ZONE
    """
    async with session.connect() as repo:
        await repo.refs.register(zone, repo.origin("zone add"))
    shown = names.text(zone)
    text = f"registered {shown}; to add records: zonegit import FILE --zone {shown}"
    session.output.print_result({"zone": names.text(zone)}, [text])


@options.session_command("list")
async def list_zones(session: Session) -> None:
    """List all zones with their branches.

    * marks the current zone. A zone without a commit on main is empty and is not served.
    """
    async with session.connect() as repo:
        found = [refs async for refs in read_zones.iter_zones(repo)]
        where = await repo.refs.where(repo.actor)
    head = where.own or where.default
    here = repo.default.zone or (head.zone if head else None)
    every = sorted(found, key=lambda refs: names.canonical_key(refs.zone))
    rows = [_format_row(refs, here) for refs in every]
    lines = align_columns(rows, COLUMNS) if rows else ["no zones yet"]
    session.output.print_result([make_listed_zone(refs, here) for refs in every], lines, paged=True)


@options.session_command("switch")
@click.argument("zone", type=options.ZONE)
@click.option("--default", is_flag=True, help="Also move the default HEAD there.")
async def switch(session: Session, zone: Name, default: bool) -> None:
    """Switch to ZONE.

    HEAD moves to the branch that you last used there, else to main. Only your own HEAD moves.
    """
    async with session.connect() as repo:
        branch = await branches.switch(repo, zone, default=default)
    found = head_notes.find_overrides(session.default, zone, branch, is_switch=True)
    findings.print_findings(session, found)
    data = {
        "zone": names.text(zone), "branch": branch, "default": default,
        "warnings": make_warnings(found),
    }  # fmt: skip
    session.output.print_result(data, [f"switched to branch {branch} of {names.text(zone)}"])


@options.session_command("remove")
@click.argument("zone", type=options.ZONE)
@click.option("--force", is_flag=True, help="Remove it with its branches and tags.")
@options.REASON
@options.DRY_RUN
@options.WAIT
async def remove(
    session: Session, zone: Name, force: bool, reason: str | None, dry_run: bool, wait: bool
) -> None:
    """Remove ZONE, so that it is no longer served.

    A zone with branches or tags needs --force --reason TEXT: they are deleted first, main last. If
    the command is interrupted, run it again. zonegit undo restores the zone.
    """
    if dry_run:
        await _show_removal(session, zone, force=force, reason=reason)
        return
    from zonegit.bus import propagation  # imports NATS, not needed for --help

    async with session.connect_bus() as bus:
        repo = session.make_repo(bus)
        refs = await repo.refs.zone(zone, repo.actor)
        places = [(zone, branch) for branch in sorted(refs.heads)]
        async with session.watch_branches(bus, places, wanted=wait) as waiters:
            done = await remove_zone.remove_zone(repo, refs, force=force, reason=reason)
            moved: dict[tuple[Name, str | None], Moved] = {
                (zone, branch): each for branch, each in done.moves.items()
            }
            propagated = await propagation.wait_all(waiters, moved)
    gone = {ref.path(): target.hex() for ref, target in sorted(done.removed.items())}
    served_by = resolvers.merge_served_by([[] if wait else None, *propagated.values()])
    data = {"zone": names.text(zone), "removed": gone, **resolvers.served_by_to_json(served_by)}
    lines = [
        f"removed {names.text(zone)}",
        *_format_branches(gone, "was"),
        *resolvers.format_served_by(served_by, "removed from"),
    ]
    session.output.print_result(data, lines)


async def _show_removal(session: Session, zone: Name, *, force: bool, reason: str | None) -> None:
    """Print the refs that a removal would delete, or fail as it would.

    Raises:
        NotFound: the zone is not registered.
        Unsafe: it has branches or tags, and ``--force`` or ``--reason`` is missing.
        Unavailable: the zone is not recovered yet after a restore from a backup.
    """
    async with session.connect() as repo:
        judgement = await dry_runs.judge_zone(repo, zone)
        if judgement.refusal is not None:
            raise judgement.refusal
        refs = await repo.refs.zone(zone, repo.actor)
    branches, tags = sorted(refs.heads), sorted(refs.tags)
    moves.check_removal(zone, branches, tags, force=force, reason=reason)
    tips = remove_zone.list_tips(refs)
    gone = {ref.path(): tip.target.hex() for ref, tip in sorted(tips.items())}
    verdict = {"verdict": make_verdict(judgement)}
    data = {"zone": names.text(zone), "dry_run": True, "removed": gone, **verdict}
    session.output.print_result(
        data, [f"would remove {names.text(zone)}", *_format_branches(gone, "is")]
    )


def _format_branches(gone: Mapping[str, str], verb: str) -> list[str]:
    """Return a line for each branch with its tip, from which it can be created again."""
    heads = [(path, tip) for path, tip in gone.items() if path.startswith("refs/heads/")]
    return [f"  {path} {verb} {tip}" for path, tip in heads]


@click.group("zone")
def command() -> None:
    """Add, list, switch to or remove zones.

    \b
    zonegit zone list
    zonegit zone switch example.net          use this zone from now on
    zonegit log --zone example.net           use it for one command
    """


for _subcommand in (add, list_zones, switch, remove):
    command.add_command(_subcommand)


def _format_row(refs: ZoneRefs, here: Name | None) -> tuple[str, str, str, str]:
    serial = _find_served_serial(refs)
    shown = "empty" if serial is None else str(serial)
    tips = ", ".join(
        f"{branch} {format_id(tip.target)}" for branch, tip in sorted(refs.heads.items())
    )
    return ("*" if refs.zone == here else "", names.text(refs.zone), shown, tips or "-")


def _find_served_serial(refs: ZoneRefs) -> int | None:
    """Return the serial of the served branch; None if it has no commit, so nothing is served."""
    main = refs.heads.get(DEFAULT_BRANCH)
    return main.serial if main is not None else None
