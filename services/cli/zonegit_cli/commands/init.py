"""zonegit init: register a zone and stand on it."""

import click

from zonegit.repo import heads
from zonegit.zone import names
from zonegit.zone.names import Name
from zonegit_cli import head_notes, options
from zonegit_cli.render import findings
from zonegit_cli.session import Session


@options.page("init")
@click.argument("zone", type=options.NEW_ZONE)
async def command(session: Session, zone: Name) -> None:
    """Register ZONE and stand on its branch main.

    The first zone of all also becomes everybody's default. It is served once it has a commit.

    \b
    zonegit init example.com
    zonegit import example.com.zone
    """
    async with session.connected() as repo:
        first = await heads.initialise(repo, zone)
    found = head_notes.find_overrides(session.default, zone, "main", is_switch=True)
    findings.tell(session, found)
    data = {
        "zone": names.text(zone), "branch": "main", "default": first,
        "warnings": findings.as_json(found),
    }  # fmt: skip
    session.output.result(
        data,
        [
            f"registered {names.text(zone)}; you stand on its branch main",
            "it is empty, so nothing is served yet: zonegit import FILE",
        ],
    )
