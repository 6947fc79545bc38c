"""zonegit resolve: what a query gets, or would have got, without a server."""

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
from zonegit_cli.output import commit_id
from zonegit_cli.propagation import survey
from zonegit_cli.render import dns_messages
from zonegit_cli.session import Session

if TYPE_CHECKING:
    from zonegit.bus.connection import Bus


@options.page("resolve")
@click.argument("name")
@click.argument("rdtype", metavar="[TYPE]", default="A")
@click.option(
    "--at", type=options.REFISH, metavar="REFISH", help="As of this commit. [the branch's tip]"
)
@click.option(
    "--branch",
    type=options.BRANCH,
    metavar="BRANCH",
    default=DEFAULT_BRANCH,
    show_default=True,
    help="The branch that is served.",
)
@click.option("--subnet", metavar="CIDR", help="Asked on behalf of this client subnet (RFC 7871).")
@click.option(
    "--canary", "split", metavar="BRANCH:PERCENT", help="Who sees what. [as resolvers have it]"
)
@click.option(
    "--canary-salt", default=canaries.DEFAULT_SALT, show_default=True, help="Of that --canary."
)
@click.option("--dnssec", is_flag=True, help="With signatures and proofs; reads the whole zone.")
@click.option("--short", is_flag=True, help="Print the records of the answer only.")
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
    """Print what a query for NAME and TYPE (A) gets, or would have got at REFISH.

    The answer is made here, by the code that resolvers answer with, from the zones as they are
    stored: no resolver is asked. NAME is absolute. REFISH is looked up in the zone that holds NAME,
    and in those that aliases lead to; one that has no such commit is seen at the branch. With
    --subnet, whoever is shown a canary by the resolvers that run now is shown it here.

    \b
    zonegit resolve www.example.com
    zonegit resolve www.example.com AAAA --at HEAD~3
    zonegit resolve www.example.com --at v1 --dnssec
    zonegit resolve www.example.com --subnet 198.51.100.0/24
    zonegit resolve www.example.com --subnet 198.51.100.0/24 --canary next:10
    """
    owner, qtype = names.parse(name), rrtypes.question_type(rdtype)
    query = dns_client.question(owner, qtype, subnet, dnssec=dnssec)
    query.id = 0
    wire = query.to_wire()
    given = canaries.parse_canary(split, canary_salt) if split else None
    view = QueryView(branch, at, lambda zone: given, whole=dnssec)
    as_now = subnet is not None and given is None and at is None
    async with session.bus() as bus:
        repo = session.repo(bus)

        async def answered_to(view: QueryView) -> ResolvedQuery:
            return await resolve.resolve(repo, wire, owner, qtype, view)

        answered = await (
            _as_shown_now(session, bus, view, answered_to) if as_now else answered_to(view)
        )
    message = dns.message.from_wire(answered.reply)
    lines = dns_messages.rdatas(message) if short else _lines(message, answered)
    session.output.result({**dns_messages.as_json(message), **_json(answered)}, lines)


async def _as_shown_now(
    session: Session,
    bus: "Bus",
    view: QueryView,
    answered_to: Callable[[QueryView], Awaitable[ResolvedQuery]],
) -> ResolvedQuery:
    """The answer with the canary that each zone on the way is served with; one can lead to zones
    that the other branch does not."""
    shown: dict[Name, Canary | None] = {}
    view = msgspec.structs.replace(view, canary_of=shown.get)
    while True:
        answered = await answered_to(view)
        new = [each.zone for each in answered.met if each.zone not in shown]
        found = await asyncio.gather(*(_shown_now(session, bus, zone, view.branch) for zone in new))
        shown.update(zip(new, found, strict=True))
        if not any(found):
            return answered


async def _shown_now(session: Session, bus: "Bus", zone: Name, branch: str) -> Canary | None:
    """Whom the resolvers that serve that branch of a zone show what else; None: nobody."""
    for status in (await survey(session, bus, zone)).statuses:
        asked = status.asked
        if asked is not None and asked.canary and asked.salt and branch in asked.branches[:1]:
            return canaries.parse_canary(asked.canary, asked.salt)
    return None


def _lines(message: dns.message.Message, answered: ResolvedQuery) -> Sequence[str]:
    came = f"as over {answered.over}"
    return [*dns_messages.lines(message, came), *(f";; {_met(each)}" for each in answered.met)]


def _met(each: ZoneConsulted) -> str:
    serial = f", serial {each.serial}" if each.serial is not None else ""
    return f"from {names.text(each.zone)} {each.branch}, commit {commit_id(each.commit)}{serial}"


def _json(answered: ResolvedQuery) -> dict[str, Any]:
    return {
        "over": answered.over,
        "from": [
            {
                "zone": names.text(each.zone),
                "branch": each.branch,
                "commit": each.commit.hex(),
                "serial": each.serial,
            }
            for each in answered.met
        ],
    }
