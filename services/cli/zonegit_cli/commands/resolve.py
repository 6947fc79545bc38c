"""zonegit resolve: answer a query from the stored zones, now or at any commit."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

import click
import dns.message
import msgspec

from zonegit.nameserver.answer import canary as canaries
from zonegit.nameserver.answer.canary import Canary
from zonegit.repo.inspect import resolve
from zonegit.repo.inspect.resolve import QueryView, ResolvedQuery, ZoneConsulted
from zonegit.store.ref_names import DEFAULT_BRANCH
from zonegit.zone import names, rrtypes
from zonegit.zone.names import Name
from zonegit_cli import dns_client, options
from zonegit_cli.output import format_id
from zonegit_cli.render import dns_messages
from zonegit_cli.session import Session

if TYPE_CHECKING:
    from zonegit.bus.connection import Bus


@options.session_command("resolve")
@click.argument("name")
@click.argument("rdtype", metavar="[TYPE]", default="A")
@click.option(
    "--at", type=options.REFISH, metavar="REFISH", help="Use this commit. [the branch's tip]"
)
@click.option(
    "--branch",
    type=options.BRANCH,
    metavar="BRANCH",
    default=DEFAULT_BRANCH,
    show_default=True,
    help="Answer from this branch.",
)
@click.option("--subnet", metavar="CIDR", help="Client subnet of the query (RFC 7871).")
@click.option(
    "--canary",
    "split",
    metavar="BRANCH:PERCENT",
    help="Canary to choose the branch by. [that of the resolvers]",
)
@click.option(
    "--canary-salt", default=canaries.DEFAULT_SALT, show_default=True, help="Salt of --canary."
)
@click.option("--dnssec", is_flag=True, help="Include DNSSEC records; reads the whole zone.")
@click.option("--short", is_flag=True, help="Print only the RDATA of the answer section.")
async def command(
    session: Session,
    name: str,
    rdtype: str,
    at: str | None,
    branch: str,
    subnet: str | None,
    split: str | None,
    canary_salt: str,
    dnssec: bool,
    short: bool,
) -> None:
    """Print the answer to a query for NAME and TYPE (A), now or at REFISH.

    The answer is computed here from the stored zones, with the code that resolvers use; no resolver
    is queried. NAME is absolute. REFISH is looked up in the zone that holds NAME, and in the zones
    that CNAME and DNAME lead to; a zone without that commit is used at the branch. With --subnet
    the canary of the running resolvers applies, as it does for clients of that subnet.

    \b
    zonegit resolve www.example.com
    zonegit resolve www.example.com AAAA --at HEAD~3
    zonegit resolve www.example.com --at v1 --dnssec
    zonegit resolve www.example.com --subnet 198.51.100.0/24
    zonegit resolve www.example.com --subnet 198.51.100.0/24 --canary next:10
    """
    owner, qtype = names.parse(name), rrtypes.parse_question_type(rdtype)
    query = dns_client.make_query(owner, qtype, subnet, dnssec=dnssec)
    query.id = 0
    wire = query.to_wire()
    given = canaries.parse_canary(split, canary_salt) if split else None
    view = QueryView(branch, at, lambda zone: given, whole=dnssec)
    as_now = subnet is not None and given is None and at is None
    async with session.connect_bus() as bus:
        repo = session.make_repo(bus)

        async def answer(view: QueryView) -> ResolvedQuery:
            return await resolve.resolve(repo, wire, owner, qtype, view)

        answered = await (_apply_canaries(session, bus, view, answer) if as_now else answer(view))
    message = dns.message.from_wire(answered.reply)
    lines = dns_messages.format_rdatas(message) if short else _format_lines(message, answered)
    session.output.print_result({**dns_messages.to_json(message), **_to_json(answered)}, lines)


async def _apply_canaries(
    session: Session,
    bus: "Bus",
    view: QueryView,
    answer: Callable[[QueryView], Awaitable[ResolvedQuery]],
) -> ResolvedQuery:
    """Answer with the canaries that the resolvers serve.

    The canaries of the zones that the answer comes from are read from the resolvers. A canary may
    lead to further zones, so the query is repeated until no zone has a canary that was not applied.
    """
    canaries_of: dict[Name, Canary | None] = {}
    view = msgspec.structs.replace(view, canary_of=canaries_of.get)
    while True:
        answered = await answer(view)
        new = [each.zone for each in answered.zones if each.zone not in canaries_of]
        found = await asyncio.gather(
            *(_read_canary(session, bus, zone, view.branch) for zone in new)
        )
        canaries_of.update(zip(new, found, strict=True))
        if not any(found):
            return answered


async def _read_canary(session: Session, bus: "Bus", zone: Name, branch: str) -> Canary | None:
    """Return the canary of the resolvers that serve this branch of a zone; None if there is
    none."""
    for status in (await session.survey_resolvers(bus, zone)).statuses:
        asked = status.asked
        if asked is not None and asked.canary and asked.salt and branch in asked.branches[:1]:
            return canaries.parse_canary(asked.canary, asked.salt)
    return None


def _format_lines(message: dns.message.Message, answered: ResolvedQuery) -> Sequence[str]:
    transport = f"as over {answered.transport}"
    sources = (f";; {_format_source(each)}" for each in answered.zones)
    return [*dns_messages.format_lines(message, transport), *sources]


def _format_source(each: ZoneConsulted) -> str:
    serial = f", serial {each.serial}" if each.serial is not None else ""
    return f"from {names.text(each.zone)} {each.branch}, commit {format_id(each.commit)}{serial}"


def _to_json(answered: ResolvedQuery) -> dict[str, Any]:
    return {
        "over": answered.transport,
        "from": [
            {
                "zone": names.text(each.zone),
                "branch": each.branch,
                "commit": each.commit.hex(),
                "serial": each.serial,
            }
            for each in answered.zones
        ],
    }
