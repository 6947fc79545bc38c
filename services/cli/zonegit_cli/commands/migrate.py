"""zonegit migrate: take over a store of the original."""

import click

from zonegit.repo import heads
from zonegit.repo.change import migrate
from zonegit.store.protocols import RefTip, ZoneRefs
from zonegit.zone import names
from zonegit_cli import options
from zonegit_cli.output import columns, commit_id
from zonegit_cli.parse import files
from zonegit_cli.render import zones
from zonegit_cli.session import Session


@options.page("migrate")
@click.option(
    "--from-v03",
    "file",
    required=True,
    metavar="FILE|-",
    help="A dump of the store: JSON with its objects and refs.",
)
@click.option("--force", is_flag=True, help="Though a branch had a later serial here.")
async def command(session: Session, file: str, force: bool) -> None:
    """Take over a store that the original zonegit wrote (v0.3, one zone).

    Its objects keep their ids, and its branches, tags and HEAD arrive where they were. What is here
    already stays as it is: a zone of that name with other commits is a conflict, and nothing is
    changed. It may be interrupted and sent again; sent once more, it changes nothing.

    \b
    zonegit migrate --from-v03 store.json
    zonegit branch
    """
    dump = migrate.read(files.read(file, migrate.MAX_OCTETS), files.shown(file))
    zone = dump.legacy.zone
    async with session.bus() as bus:
        repo = session.repo(bus)
        origin = repo.origin("migrate", force=force)
        moved = await migrate.migrate(repo.objects, session.adopter(bus), dump, origin)
        refs = await repo.refs.zone(zone, repo.actor)
        here = await heads.find_current_branch(repo, zone)
    data = {
        "zone": names.text(zone),
        "objects": len(dump.objects),
        "changed": bool(moved.entries),
        "current": here,
        **zones.tips_json(refs),
    }
    session.output.result(data, _lines(refs, here, changed=bool(moved.entries)))


def _lines(refs: ZoneRefs, here: str | None, *, changed: bool) -> list[str]:
    shown = names.text(refs.zone)
    rows = [
        _row("*" if name == here else "", name, tip) for name, tip in sorted(refs.heads.items())
    ]
    rows += [_row("", f"tag {name}", tip) for name, tip in sorted(refs.tags.items())]
    head = f"you stand on {here}" if here else f"you stand elsewhere: zonegit zone switch {shown}"
    what = "is taken over" if changed else "was taken over before; nothing changed"
    return [f"{shown} {what}", *columns(rows), head]


def _row(mark: str, name: str, tip: RefTip) -> tuple[str, str, str, str]:
    serial = f"serial {tip.serial}" if tip.serial is not None else ""
    return mark, name, commit_id(tip.target), serial
