"""zonegit query: query a DNS server, as dig does."""

import click

from zonegit import config
from zonegit.errors import NotFound
from zonegit.zone import names, rrtypes
from zonegit_cli import dns_client, options
from zonegit_cli.parse.addresses import parse_address
from zonegit_cli.render import dns_messages
from zonegit_cli.session import Session
from zonegit_cli.stack import record


@options.session_command("query")
@click.argument("words", nargs=-1, required=True, metavar="NAME [TYPE] [@HOST:PORT]")
@click.option("--subnet", metavar="CIDR", help="Send this client subnet (RFC 7871).")
@click.option("--dnssec", is_flag=True, help="Set DO to request DNSSEC records (RFC 3225).")
@click.option("--tcp", is_flag=True, help="Use TCP.")
@click.option("--short", is_flag=True, help="Print only the RDATA of the answer section.")
async def command(
    session: Session,
    words: tuple[str, ...],
    subnet: str | None,
    dnssec: bool,
    tcp: bool,
    short: bool,
) -> None:
    """Query a DNS server; without @HOST:PORT that of the local stack.

    \b
    zonegit query www.example.com
    zonegit query www.example.com AAAA @127.0.0.1:5353
    zonegit query example.com DNSKEY --dnssec
    zonegit query example.com AXFR
    """
    name, rdtype, server = _parse(words)
    host, port = parse_address(server) if server else _find_local_server(session)
    if rdtype == rrtypes.AXFR:
        lines = await dns_client.transfer(name, host, port, timeout=session.timeout)
        session.output.print_result({"zone": names.text(name), "records": lines}, lines, paged=True)
        return
    query = dns_client.make_query(name, rdtype, subnet, dnssec=dnssec)
    answer = await dns_client.ask(query, host, port, timeout=session.timeout, tcp=tcp)
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


def _find_local_server(session: Session) -> tuple[str, int]:
    data = session.settings.data
    stack = config.read_stack(data)
    if stack is None or not record.is_running(data):
        raise NotFound(
            f"no server was given, and no stack runs from {data}",
            hint="name the server: zonegit query NAME TYPE @127.0.0.1:53",
        )
    return parse_address(stack["dns"][0])
