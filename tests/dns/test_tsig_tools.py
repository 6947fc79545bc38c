"""BIND's own tools, if installed: tsig-keygen creates the key, dig signs and verifies."""

import asyncio
from pathlib import Path

import pytest
from tests.dns.local_server import LocalServer
from tests.dns.loopback import serve_on_loopback
from tests.support.peers import find_program
from tests.support.waiting import DEADLINE_S

from zonegit.nameserver.acl import Address
from zonegit.nameserver.answer.server_options import ServerOptions
from zonegit.nameserver.message.tsig import ALGORITHMS
from zonegit_resolver.config import tsig_keys

LARGE_ZONE = "\n".join(f'big 300 TXT "{number} {"x" * 200}"' for number in range(250))


def tool(name: str) -> str:
    path = find_program(name)
    if path is None:
        pytest.skip(f"{name} is not installed")
    return path


async def run(*words: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    async with asyncio.timeout(DEADLINE_S):
        return (await process.communicate())[0].decode()


async def dig(address: Address, key: Path, *words: str) -> str:
    """Run dig without retries, which would hide errors."""
    at = (f"@{address.host}", "-p", str(address.port), "-k", str(key))
    return await run(tool("dig"), *at, "+tries=1", f"+time={DEADLINE_S:.0f}", *words)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_dig_and_zonegit_accept_the_signatures_of_each_other(
    algorithm: str, tmp_path: Path
) -> None:
    path = tmp_path / "keys"
    path.write_text(await run(tool("tsig-keygen"), "-a", algorithm, "Two.hosts"))
    server = LocalServer({"foo.com.": LARGE_ZONE}, conduct=ServerOptions(keys=tsig_keys.read(path)))
    async with serve_on_loopback(server) as (address, _):
        said = {
            words: (await dig(address, path, *words.split()), expected)
            for words, expected in (
                ("foo.com SOA +notcp", "status: NOERROR"),
                ("no.foo.com A +notcp", "status: NXDOMAIN"),
                ("big.foo.com TXT +tcp", "status: NOERROR"),
                ("foo.com SOA +opcode=notify", "status: NOERROR"),
                ("foo.com AXFR", "XFR size: 252 records (messages 4"),
            )
        }
    for words, (text, expected) in said.items():
        assert expected in text, words
        assert "two.hosts." in text.lower(), words
        assert "verify" not in text, words
        assert "could not be validated" not in text, words


async def test_dig_gets_the_error_of_its_key(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    for path in (ours, theirs):
        path.write_text(await run(tool("tsig-keygen"), "two.hosts"))
    server = LocalServer({"foo.com.": LARGE_ZONE}, conduct=ServerOptions(keys=tsig_keys.read(ours)))
    async with serve_on_loopback(server) as (address, _):
        assert "BADSIG" in await dig(address, theirs, "foo.com", "SOA")
        server.zones.clock = lambda: 0.0
        assert "BADTIME" in await dig(address, ours, "foo.com", "SOA")
        server.zones.options = ServerOptions()
        assert "BADKEY" in await dig(address, ours, "foo.com", "SOA")
