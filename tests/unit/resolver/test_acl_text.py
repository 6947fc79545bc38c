"""Access lists and identification of the server, from the file to the wire, while they change."""

import os
import signal
from functools import partial
from pathlib import Path

import dns.message
import dns.rcode
import pytest
from tests.support.waiting import eventually_true
from tests.unit.resolver.backend import Backend, RunningResolver, run_resolver

from zonegit.nameserver.message.tsig import TsigKey
from zonegit.zone import names
from zonegit_resolver.config.config_file import PlanFile

ZONE = "www 300 A 192.0.2.1\n@ 300 MX 1 www\n"
KEY = TsigKey(names.parse("k."), "hmac-sha256", b"first secret")
OTHER = TsigKey(names.parse("k."), "hmac-sha256", b"other secret")
TEXTS = {KEY: "Zmlyc3Qgc2VjcmV0", OTHER: "b3RoZXIgc2VjcmV0"}
WWW = "www.foo.com."


def write_key(folder: Path, key: TsigKey) -> None:
    path = folder / "keys"
    path.write_text(f'key "k" {{ algorithm hmac-sha256; secret "{TEXTS[key]}"; }};')
    path.chmod(0o640)


def write(folder: Path, text: str) -> PlanFile:
    path = folder / "resolver.toml"
    path.write_text(f'keys = "keys"\n{text}')
    return PlanFile(path, {"branch": "main"})


async def says(running: RunningResolver, key: TsigKey | None) -> str:
    """Return the reply to a query signed with ``key``."""
    query = dns.message.make_query(WWW, "A")
    if key is not None:
        query.use_tsig(key.primitive)
    reply = await running.exchange(query.to_wire())
    if reply is None:
        return "nothing"
    return dns.rcode.to_text(dns.message.from_wire(reply, keyring=False).rcode())


async def test_a_list_and_a_key_change_while_zones_are_answered(
    backend: Backend, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await backend.commit("foo.com.", ZONE)
    write_key(tmp_path, KEY)
    file = write(tmp_path, 'allow-query = "192.0.2.0/24 key:k"')
    async with run_resolver(backend.url, tmp_path, config=file) as running:

        async def comes_to(expected: dict[TsigKey | None, str]) -> None:
            async def is_so() -> bool:
                return {key: await says(running, key) for key in expected} == expected

            await eventually_true(is_so)

        await comes_to({None: "REFUSED", KEY: "NOERROR", OTHER: "NOTAUTH"})
        write_key(tmp_path, OTHER)
        os.kill(os.getpid(), signal.SIGHUP)
        await comes_to({None: "REFUSED", KEY: "NOTAUTH", OTHER: "NOERROR"})
        write(tmp_path, 'allow-query = "127.0.0.1"')
        os.kill(os.getpid(), signal.SIGHUP)
        await comes_to({None: "NOERROR", KEY: "NOTAUTH"})
        (tmp_path / "keys").chmod(0o644)
        write(tmp_path, 'allow-query = ""\nidentity = "ns1"')
        os.kill(os.getpid(), signal.SIGHUP)
        await running.wait_for_text('NOERROR "ns1"', "id.server.", "TXT", rdclass="CH")
    log = capsys.readouterr().out
    assert "keys.exposed" in log
    assert not any(secret in log for secret in ("secret", *TEXTS.values()))


async def test_answers_become_minimal_and_whole_again(backend: Backend, tmp_path: Path) -> None:
    await backend.commit("foo.com.", ZONE)
    write_key(tmp_path, KEY)
    file = write(tmp_path, 'minimal-responses = "no"')
    async with run_resolver(backend.url, tmp_path, config=file) as running:

        async def brings(addresses: int) -> bool:
            reply = await running.ask("foo.com.", "MX")
            return (
                reply is not None and len(reply.answer) == 1 and len(reply.additional) == addresses
            )

        await running.wait_for_text("NOERROR 192.0.2.1", WWW)
        assert await brings(1)
        for setting, expected in (("yes", 0), ("no", 1)):
            write(tmp_path, f'minimal-responses = "{setting}"')
            os.kill(os.getpid(), signal.SIGHUP)
            await eventually_true(partial(brings, expected))
