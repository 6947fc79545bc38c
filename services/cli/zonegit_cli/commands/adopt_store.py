"""zonegit adopt-store: let this ref store replace that of another installation."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import click

from zonegit.errors import ZonegitError
from zonegit.store.recovery import Recovery
from zonegit.store.refs import Installation
from zonegit.wire.messages import ResolverStatus
from zonegit_cli import options
from zonegit_cli.installations import StoreInstances, ask_instances
from zonegit_cli.session import Session
from zonegit_cli.table import align_columns

if TYPE_CHECKING:
    from zonegit.bus.connection import Bus

_ID: Final = re.compile(r"[0-9a-f]{16}")

TableRow = tuple[str, str, str]


def _check_id(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    if value is not None and not _ID.fullmatch(value):
        raise click.BadParameter(
            "expected an installation id of 16 hex digits; zonegit adopt-store lists the ids"
        )
    return value


@options.session_command("adopt-store")
@click.argument("installation", metavar="[ID]", required=False, callback=_check_id)
async def command(session: Session, installation: str | None) -> None:
    """Let the running ref store replace that of installation ID.

    Resolvers store the id of the first ref store that they follow, and follow no other one. This
    command records in the running ref store that it replaces ID. Resolvers with that id then follow
    it, and serve its zones only. Import the zones first, with serials later than those that
    secondaries have. A store that was moved or restored keeps its id and does not need this
    command.

    Without ID, list the installation of each store and resolver, and change nothing.

    \b
    zonegit adopt-store
    zonegit adopt-store 6c1f0a9be2d84f37
    """
    async with session.connect_bus() as bus:
        repo = session.make_repo(bus)
        if installation is not None:
            held = await _list_known_ids(session, bus)
            done = await repo.refs.replace(installation, repo.origin("adopt-store"))
            session.output.print_result(_to_json(done), _format_lines(done, installation))
            if held is not None and installation not in held:
                session.output.print_note(
                    f"no store or resolver that answers has the id {installation}"
                )
            return
        recovery = await repo.refs.recovery()
        instances = await ask_instances(bus)
        statuses = (await session.survey_resolvers(bus)).statuses
    found = Installation(recovery.installation, recovery.replaces)
    rows = _format_rows(recovery, instances, statuses)
    session.output.print_result(
        {
            **_to_json(found),
            "members": [
                {"name": name, "installation": held or None, "refused": bool(note)}
                for name, held, note in rows[1:]
            ],
        },
        align_columns(rows),
    )


def _format_rows(
    recovery: Recovery, instances: StoreInstances, statuses: Sequence[ResolverStatus]
) -> list[TableRow]:
    """Return the ref store first, then each store and resolver with the id that it has."""
    replaced = f"replaces {', '.join(recovery.replaces)}" if recovery.replaces else ""
    rows = [("refs", recovery.installation, replaced)]
    rows += [
        ("objectstore", each.installation, _format_refusal(each.refuses))
        for each in instances["objectstore"]
    ]
    return rows + [
        (each.resolver, each.installation, _format_refusal(each.refuses)) for each in statuses
    ]


async def _list_known_ids(session: Session, bus: "Bus") -> set[str] | None:
    """Return the ids of installations and of logs that the object store and resolvers have; None if
    they cannot be read."""
    try:
        instances = await ask_instances(bus)
        statuses = (await session.survey_resolvers(bus)).statuses
    except ZonegitError:
        return None
    of_stores = {each.installation for each in instances["objectstore"]}
    of_resolvers = {each.installation for each in statuses}
    return of_stores | of_resolvers | {each.epoch for each in statuses if each.held}


def _format_refusal(refuses: str) -> str:
    return f"does not follow {refuses}" if refuses else ""


def _format_lines(done: Installation, installation: str) -> list[str]:
    return [
        f"the ref store (installation {done.id}) replaces {installation}: resolvers with that id"
        " follow it"
    ]


def _to_json(found: Installation) -> dict[str, Any]:
    return {"installation": found.id, "replaces": found.replaces}
