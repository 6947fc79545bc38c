"""zonegit query: query a DNS server, as dig does."""

from collections.abc import Awaitable, Callable
from typing import Final

import click

from zonegit import config
from zonegit.errors import NotFound, ZonegitError
from zonegit.repo import heads
from zonegit.zone import names, rrtypes
from zonegit.zone.names import Name
from zonegit_cli import dns_client, options
from zonegit_cli.dns_client import DigResponse
from zonegit_cli.parse.addresses import parse_address
from zonegit_cli.render import dns_messages
from zonegit_cli.session import Session
from zonegit_cli.stack import record

ANY_ORIGIN: Final = Name(b"\1x\0")
"""An origin that tells relative names from absolute ones."""


@options.session_command("query")
@click.argument("words", nargs=-1, required=True, metavar="NAME [TYPE] [@HOST:PORT]")
@click.option("--subnet", metavar="CIDR", help="Send this client subnet (RFC 7871).")
@click.option("--dnssec", is_flag=True, help="Set DO to request DNSSEC records (RFC 3225).")
@click.option("--tcp", is_flag=True, help="Use TCP.")
@click.option("--short", is_flag=True, help="Print only the RDATA of the answer section.")
@click.option(
    "--exit-code", is_flag=True, help="Exit with 3, 6 or 11 if there is no answer; see above."
)
async def command(
    session: Session,
    words: tuple[str, ...],
    subnet: str | None,
    dnssec: bool,
    tcp: bool,
    short: bool,
    exit_code: bool,
) -> int:
    """Query a DNS server; without @HOST:PORT that of the local stack.

    A NAME without a final dot that is not found is tried again in the current zone; a note on
    standard error says so. TYPE is A by default. With --short, a response without an answer prints
    its reason on standard error.

    \b
    zonegit query www.example.com
    zonegit query www                     www.example.com, if example.com is the current zone
    zonegit query www.example.com AAAA @127.0.0.1:5353
    zonegit query example.com DNSKEY --dnssec
    zonegit query example.com AXFR
    zonegit query www.example.com --short --exit-code || echo 'no address'

    \b
    Exit status:
      0   the server answered; with --exit-code: with records of TYPE, or an alias that leaves
          its zones
      3   with --exit-code: the name does not exist (NXDOMAIN)
      6   no server answered; with --exit-code also: REFUSED, SERVFAIL or another error code
      11  with --exit-code: the name has no records of TYPE, or is delegated to other servers
    """
    name, rdtype, server = _parse(words)
    host, port = parse_address(server) if server else _find_local_server(session)
    if rdtype == rrtypes.AXFR:
        lines = await dns_client.transfer(name, host, port, timeout=session.timeout)
        session.output.print_result({"zone": names.text(name), "records": lines}, lines, paged=True)
        return 0

    async def ask(name: Name) -> DigResponse:
        query = dns_client.make_query(name, rdtype, subnet, dnssec=dnssec)
        return await dns_client.ask(query, host, port, timeout=session.timeout, tcp=tcp)

    answer = await ask(name)
    if dns_messages.is_not_found(answer.message):
        answer = await _try_current_zone(session, _get_name(words), answer, ask)
    failure = dns_messages.find_failure(answer.message)
    if short and failure is not None:
        session.output.print_note(f"{failure.text} ({answer.server})")
    _print_answer(session, answer, short=short)
    return failure.status if exit_code and failure is not None else 0


async def _try_current_zone(
    session: Session, text: str, first: DigResponse, ask: Callable[[Name], Awaitable[DigResponse]]
) -> DigResponse:
    """Ask for a name without a final dot in the current zone.

    Return that answer if the name exists there; otherwise, or without a bus, the first answer.
    """
    name = names.parse(text)
    if session.settings.bus is None or names.parse(text, ANY_ORIGIN) == name:
        return first
    try:
        async with session.connect() as repo:
            zone = await heads.find_zone(repo)
        if names.is_within(name, zone):
            return first
        relative = names.parse(text, zone)
        second = await ask(relative)
    except ZonegitError:  # the question was for the DNS server, which did answer
        return first
    if not dns_messages.is_name_found(second.message):
        session.output.print_note(
            f"{names.text(relative)}, in the current zone, was not found either"
        )
        return first
    session.output.print_note(
        f"{names.text(name)} was not found; this is {names.text(relative)}, in the current zone"
    )
    return second


def _print_answer(session: Session, answer: DigResponse, *, short: bool) -> None:
    transport = f"from {answer.server} over {answer.over} in {answer.elapsed_ms:.1f} ms"
    data = {
        **dns_messages.to_json(answer.message),
        "server": answer.server,
        "over": answer.over,
        "elapsed_ms": round(answer.elapsed_ms, 3),
    }
    if short:
        lines = dns_messages.format_rdatas(answer.message)
    else:
        lines = dns_messages.format_lines(answer.message, transport)
    session.output.print_result(data, lines)


def _parse(words: tuple[str, ...]) -> tuple[names.Name, int, str | None]:
    servers = [word[1:] for word in words if word.startswith("@")]
    plain = [word for word in words if not word.startswith("@")]
    if not 1 <= len(plain) <= 2 or len(servers) > 1:
        raise click.UsageError("expected NAME [TYPE] [@HOST:PORT]")
    rdtype = rrtypes.parse_question_type(plain[1]) if len(plain) == 2 else rrtypes.A
    return names.parse(plain[0]), rdtype, servers[0] if servers else None


def _get_name(words: tuple[str, ...]) -> str:
    return next(word for word in words if not word.startswith("@"))


def _find_local_server(session: Session) -> tuple[str, int]:
    data = session.settings.data
    stack = config.read_stack(data)
    if stack is None or not record.is_running(data):
        raise NotFound(
            f"no server was given, and no stack runs from {data}",
            hint="name the server: zonegit query NAME TYPE @127.0.0.1:53",
        )
    return parse_address(stack["dns"][0])
