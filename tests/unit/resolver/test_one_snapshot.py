"""Every reply and every transfer is of one commit, however fast commits follow each other."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from pathlib import Path

import dns.message
import dns.rdatatype
from tests.support.framing import frame
from tests.support.waiting import DEADLINE_S
from tests.unit.resolver.backend import Backend, RunningResolver, run_resolver

COMMITS = 6
FILLING = 150
"""RRsets that change too, so that compiling a commit is interrupted for queries."""
QUESTIONS = (
    *(("mail", "MX"), ("alias", "A"), ("many", "TXT"), ("@", "SOA"), ("missing", "A")),
    *(("host.sub", "A"), ("any.wild", "MX"), ("x.away", "A"), ("svc", "SRV")),
)


def zone(number: int) -> str:
    """Return a zone in which every record names its commit."""
    many = "".join(f'many 300 TXT "{number}" "{index}"\n' for index in range(30))
    filling = "".join(f"f{index} 300 MX {number} host{number}\n" for index in range(FILLING))
    return f"""
@ 300 NS host{number}
host{number} 300 A 10.0.0.{number}
mail 300 MX {number} host{number}
*.wild 300 MX {number} host{number}
svc 300 SRV {number} {number} {number} host{number}
alias 300 CNAME host{number}
away 300 DNAME to{number}
x.to{number} 300 A 10.0.0.{number}
sub 300 NS host{number}.sub
host{number}.sub 300 A 10.0.0.{number}
{many}{filling}"""


def numbers(message: dns.message.Message) -> Iterator[int]:
    """Return the commits that the records name."""
    for section in (message.answer, message.authority, message.additional):
        for rrset in section:
            for rdata in rrset:
                match rrset.rdtype:
                    case dns.rdatatype.SOA:
                        yield rdata.serial
                    case dns.rdatatype.A:
                        yield int(rdata.address.rpartition(".")[2])
                    case dns.rdatatype.TXT:
                        yield int(rdata.strings[0])
                    case _:
                        yield from map(int, re.findall(r"(?:host|to)(\d+)", rdata.to_text()))


async def exchange(running: RunningResolver, message: dns.message.Message) -> AsyncIterator[bytes]:
    """Return all messages of a reply over TCP, until the connection is closed."""
    reader, writer = await asyncio.open_connection(*running.address)
    try:
        writer.write(frame(message.to_wire()))
        writer.write_eof()
        while head := await reader.read(2):
            head += await reader.readexactly(2 - len(head))
            yield await reader.readexactly(int.from_bytes(head, "big"))
    finally:
        writer.close()


async def over_udp(running: RunningResolver, seen: set[int], done: asyncio.Event) -> None:
    newest = 0
    while not done.is_set():
        for owner, rdtype in QUESTIONS:
            reply = await running.ask(_name(owner), rdtype, use_edns=0)
            newest = max(newest, _one(list(numbers(reply)), newest)) if reply else newest
            seen.add(newest)


async def over_tcp(running: RunningResolver, seen: set[int], done: asyncio.Event) -> None:
    newest = 0
    while not done.is_set():
        for owner, rdtype in (*QUESTIONS, ("@", "AXFR")):
            query = dns.message.make_query(_name(owner), rdtype)
            found: list[int] = []
            async with asyncio.timeout(DEADLINE_S), aclosing(exchange(running, query)) as replies:
                async for octets in replies:
                    found += numbers(dns.message.from_wire(octets, one_rr_per_rrset=True))
            newest = _one(found, newest)
            seen.add(newest)


def _name(owner: str) -> str:
    return "foo.com." if owner == "@" else f"{owner}.foo.com."


def _one(found: list[int], newest: int) -> int:
    """Return the only commit that all records name, after checking that it is not before
    ``newest``."""
    assert found
    assert len(set(found)) == 1, sorted(set(found))
    assert found[0] >= newest
    return found[0]


async def test_no_reply_and_no_transfer_mixes_two_commits(backend: Backend, tmp_path: Path) -> None:
    """RFC 5936 section 6: a transfer is of one version of the zone, like any reply."""
    await backend.commit("foo.com.", zone(8), serial=8)
    async with run_resolver(backend.url, tmp_path) as running:
        await running.wait_for_text("NOERROR 10.0.0.8", "host8.foo.com.")
        done, seen = asyncio.Event(), set[int]()
        async with asyncio.TaskGroup() as group:
            for ask in (over_udp, over_tcp):
                group.create_task(ask(running, seen, done))
            last = 8 + COMMITS
            for number in range(9, last + 1):
                await backend.commit("foo.com.", zone(number), serial=number)
            await running.wait_for_text(f"NOERROR 10.0.0.{last}", f"host{last}.foo.com.")
            done.set()
    assert len(seen) > 2  # it was asked in between
