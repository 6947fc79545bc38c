"""zonegit migrate: import a store of the original zonegit."""

import click

from zonegit.repo import heads
from zonegit.repo.change import migrate
from zonegit.store.refs import RefTip, ZoneRefs
from zonegit.views.zone import make_migrated_zone
from zonegit.zone import names
from zonegit_cli import options
from zonegit_cli.output import format_id
from zonegit_cli.parse import files
from zonegit_cli.session import Session
from zonegit_cli.table import align_columns


@options.session_command("migrate")
@click.option(
    "--from-v03",
    "file",
    required=True,
    metavar="FILE|-",
    help="A dump of the store: JSON with its objects and refs.",
)
@click.option("--force", is_flag=True, help="Even if a branch had a later serial here.")
async def command(session: Session, file: str, force: bool) -> None:
    """Import a store that the original zonegit wrote (v0.3, one zone).

    Objects keep their ids, and branches, tags and HEAD keep their targets. If a zone of that name
    exists with other commits, that is a conflict, and nothing is changed. If the command was
    interrupted, run it again; after it completed, running it again changes nothing.

    \b
    zonegit migrate --from-v03 store.json
    zonegit branch
    """
    dump = migrate.read(files.read(file, migrate.MAX_OCTETS), files.format_name(file))
    zone = dump.legacy.zone
    async with session.connect_bus() as bus:
        repo = session.make_repo(bus)
        origin = repo.origin("migrate", force=force)
        moved = await migrate.migrate(repo.objects, session.make_adopter(bus), dump, origin)
        refs = await repo.refs.zone(zone, repo.actor)
        here = await heads.find_current_branch(repo, zone)
    changed = bool(moved.entries)
    data = make_migrated_zone(refs, len(dump.objects), here, changed=changed)
    session.output.print_result(data, _format_lines(refs, here, changed=changed))


def _format_lines(refs: ZoneRefs, here: str | None, *, changed: bool) -> list[str]:
    shown = names.text(refs.zone)
    rows = [
        _format_row("*" if name == here else "", name, tip)
        for name, tip in sorted(refs.heads.items())
    ]
    rows += [_format_row("", f"tag {name}", tip) for name, tip in sorted(refs.tags.items())]
    switch = f"HEAD is in another zone; to switch: zonegit zone switch {shown}"
    head = f"HEAD is {here}" if here else switch
    outcome = "imported" if changed else "was imported before; nothing changed"
    return [f"{shown} {outcome}", *align_columns(rows), head]


def _format_row(mark: str, name: str, tip: RefTip) -> tuple[str, str, str, str]:
    serial = f"serial {tip.serial}" if tip.serial is not None else ""
    return mark, name, format_id(tip.target), serial
