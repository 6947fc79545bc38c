"""zonegit init: register a zone and switch to it."""

import click

from zonegit.repo import heads
from zonegit.views.warning import make_warnings
from zonegit.zone import names
from zonegit.zone.names import Name
from zonegit_cli import head_notes, options
from zonegit_cli.render import findings
from zonegit_cli.session import Session


@options.session_command("init")
@click.argument("zone", type=options.NEW_ZONE)
async def command(session: Session, zone: Name) -> None:
    """Register ZONE and switch to its branch main.

    The first zone also becomes the default HEAD. The zone is served when it has a commit.

    \b
    zonegit init example.com
    zonegit import example.com.zone
    """
    async with session.connect() as repo:
        first = await heads.initialise(repo, zone)
    found = head_notes.find_overrides(session.default, zone, "main", is_switch=True)
    findings.print_findings(session, found)
    data = {
        "zone": names.text(zone), "branch": "main", "default": first,
        "warnings": make_warnings(found),
    }  # fmt: skip
    session.output.print_result(
        data,
        [
            f"registered {names.text(zone)}; switched to its branch main",
            "it is empty and not served yet; to add records: zonegit import FILE",
        ],
    )
