"""A DNS client that sends queries as dig does, with dnspython."""

import time
from ipaddress import ip_network
from typing import Final

import dns.asyncquery
import dns.edns
import dns.exception
import dns.message
import dns.name
import dns.rdatatype
import dns.xfr
import dns.zone
import msgspec

from zonegit.errors import Invalid, Unavailable
from zonegit.zone.names import Name

UDP_PAYLOAD: Final = 1232


class DigResponse(msgspec.Struct, frozen=True):
    """A response, its server, its transport and the elapsed time in milliseconds."""

    message: dns.message.Message
    server: str
    over: str
    elapsed_ms: float


def make_subnet_option(cidr: str) -> dns.edns.ECSOption:
    """Return the client subnet option (RFC 7871) for a network such as ``192.0.2.0/24``.

    Raises:
        Invalid: ``cidr`` is not a network.
    """
    try:
        network = ip_network(cidr, strict=False)
    except ValueError as error:
        raise Invalid(f"invalid subnet {cidr!r}", hint="for example 192.0.2.0/24") from error
    return dns.edns.ECSOption(str(network.network_address), network.prefixlen)


def make_query(
    name: Name, rdtype: int, subnet: str | None = None, *, dnssec: bool = False
) -> dns.message.QueryMessage:
    """Return a query with RD and with EDNS of 1232 octets; with ``dnssec`` also DO (RFC 3225)."""
    options: list[dns.edns.Option] = [make_subnet_option(subnet)] if subnet else []
    owner = dns.name.from_wire(name, 0)[0]
    return dns.message.make_query(
        owner,
        dns.rdatatype.RdataType.make(rdtype),
        use_edns=0,
        payload=UDP_PAYLOAD,
        options=options,
        want_dnssec=dnssec,
    )


async def ask(
    query: dns.message.QueryMessage, host: str, port: int, *, timeout: float, tcp: bool
) -> DigResponse:
    """Send a query over UDP, and over TCP if the response is truncated; with ``tcp`` over TCP only.

    Raises:
        Unavailable: the server does not answer within the timeout; names it.
    """
    started = time.perf_counter()
    over = "tcp" if tcp else "udp"
    try:
        if tcp:
            response = await dns.asyncquery.tcp(query, host, timeout, port)
        else:
            response, fell_back = await dns.asyncquery.udp_with_fallback(
                query, host, timeout, port, ignore_unexpected=True
            )
            over = "tcp" if fell_back else "udp"
    except (dns.exception.Timeout, OSError) as error:
        raise Unavailable(
            f"{host}:{port} did not answer over {over}: {str(error) or 'timed out'}",
            hint="zonegit resolvers shows where resolvers listen",
        ) from error
    except dns.exception.DNSException as error:
        raise Unavailable(f"{host}:{port} sent an invalid DNS message: {error}") from error
    return DigResponse(response, f"{host}:{port}", over, (time.perf_counter() - started) * 1000)


async def transfer(zone: Name, host: str, port: int, *, timeout: float) -> list[str]:
    """Transfer a zone by AXFR, and return its records as master file lines.

    Raises:
        Unavailable: the server does not answer, or refuses the transfer.
    """
    origin = dns.name.from_wire(zone, 0)[0]
    received = dns.zone.Zone(origin, relativize=False)
    try:
        await dns.asyncquery.inbound_xfr(host, received, port=port, timeout=timeout)
    except dns.xfr.TransferError as error:
        raise Unavailable(f"{host}:{port} refuses to transfer {origin}: {error}") from error
    except (dns.exception.DNSException, OSError, EOFError) as error:
        raise Unavailable(f"the transfer of {origin} from {host}:{port} failed: {error}") from error
    return received.to_text(relativize=False).splitlines()
