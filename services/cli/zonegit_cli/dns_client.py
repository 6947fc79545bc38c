"""A DNS client that sends queries as dig does, with dnspython."""

import socket
import time
from ipaddress import ip_address, ip_network
from typing import Final

import dns.asyncbackend
import dns.asyncquery
import dns.edns
import dns.exception
import dns.inet
import dns.message
import dns.name
import dns.rdatatype
import dns.xfr
import dns.zone
import msgspec

from zonegit.errors import Invalid, Unavailable
from zonegit.zone.names import Name
from zonegit_cli.parse.addresses import format_address

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
        Invalid: ``host`` is not an IP address.
        Unavailable: nothing listens on the port, or the server does not answer within the timeout;
            names it.
    """
    server = _format_server(host, port)
    started = time.perf_counter()
    over = "tcp" if tcp else "udp"
    try:
        if tcp:
            response = await dns.asyncquery.tcp(query, host, timeout, port)
        else:
            response, fell_back = await _ask_over_udp(query, host, port, timeout)
            over = "tcp" if fell_back else "udp"
    except ConnectionRefusedError as error:
        raise _refused_error(server) from error
    except (dns.exception.Timeout, OSError, EOFError) as error:
        raise Unavailable(
            f"{server} did not answer over {over}: {str(error) or 'timed out'}",
            hint="zonegit resolvers shows where resolvers listen",
        ) from error
    except dns.exception.DNSException as error:
        raise Unavailable(f"{server} sent an invalid DNS message: {error}") from error
    return DigResponse(response, server, over, (time.perf_counter() - started) * 1000)


async def _ask_over_udp(
    query: dns.message.QueryMessage, host: str, port: int, timeout: float
) -> tuple[dns.message.Message, bool]:
    """Return the response, and whether it came over TCP because that of UDP was truncated.

    The socket is connected. The kernel reports an ICMP error only to such a socket, and without it
    a query to a port on which nothing listens fails only after the timeout.
    """
    family = dns.inet.af_for_address(host)
    backend = dns.asyncbackend.get_default_backend()
    udp = await backend.make_socket(family, socket.SOCK_DGRAM, destination=(host, port))
    async with udp:
        return await dns.asyncquery.udp_with_fallback(
            query, host, timeout, port, ignore_unexpected=True, udp_sock=udp
        )


async def transfer(zone: Name, host: str, port: int, *, timeout: float) -> list[str]:
    """Transfer a zone by AXFR, and return its records as master file lines.

    Raises:
        Invalid: ``host`` is not an IP address.
        Unavailable: the server does not answer, or refuses the transfer.
    """
    server = _format_server(host, port)
    origin = dns.name.from_wire(zone, 0)[0]
    received = dns.zone.Zone(origin, relativize=False)
    try:
        await dns.asyncquery.inbound_xfr(host, received, port=port, timeout=timeout)
    except dns.xfr.TransferError as error:
        raise Unavailable(f"{server} refuses to transfer {origin}: {error}") from error
    except ConnectionRefusedError as error:
        raise _refused_error(server) from error
    except (dns.exception.DNSException, OSError, EOFError) as error:
        raise Unavailable(f"the transfer of {origin} from {server} failed: {error}") from error
    return received.to_text(relativize=False).splitlines()


def _format_server(host: str, port: int) -> str:
    """Return the text of a server's address.

    Raises:
        Invalid: ``host`` is not an IP address.
    """
    try:
        ip_address(host)
    except ValueError as error:
        raise Invalid(
            f"invalid server {host!r}: expected an IP address",
            hint="for example @127.0.0.1:5353 or @[::1]:5353",
        ) from error
    return format_address(host, port)


def _refused_error(server: str) -> Unavailable:
    return Unavailable(
        f"no DNS server listens on {server}: connection refused",
        hint="zonegit resolvers shows where resolvers listen; name one with @HOST:PORT",
    )
