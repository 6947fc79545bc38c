"""A bus with wrong TLS, or a server that is not a bus, is reported; nothing hangs."""

import asyncio
import os
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.e2e.stack import Stack
from tests.support.certificates import Authority, CertificateFiles
from tests.support.nats import nats_server
from tests.support.processes import run_service
from tests.support.waiting import eventually

from zonegit.bus import connection
from zonegit.bus.connection import connect
from zonegit.config import BusSettings
from zonegit.errors import Invalid, Unavailable, ZonegitError

SECRET = "opensesame"
INFO = b'INFO {"server_id":"x","version":"2.12.0","headers":true,"max_payload":1048576}\r\n'
SERVICES = {"objectstore": [], "refs": [], "resolver": ["--listen", "127.0.0.1:0"]}

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Pki(NamedTuple):
    """An authority with a server and a client, and an authority unknown to both."""

    ca: Path
    server: CertificateFiles
    client: CertificateFiles
    other: Path
    alien: CertificateFiles


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    folder = tmp_path_factory.mktemp("pki")
    authority, other = Authority(folder, "authority"), Authority(folder, "other")
    server = authority.issue("server", ["127.0.0.1", "localhost"])
    return Pki(authority.cert, server, authority.issue("client"), other.cert, other.issue("alien"))


def configuration(pki: Pki, *, mutual: bool = False) -> str:
    verify = f'ca_file: "{pki.ca}", verify: true' if mutual else ""
    return f'tls {{ cert_file: "{pki.server.cert}", key_file: "{pki.server.key}", {verify} }}'


@pytest.fixture
def tls_bus(pki: Pki) -> Iterator[str]:
    """Run a bus with TLS, and yield its host and port."""
    with nats_server(configuration(pki)) as url:
        yield url.partition("://")[2]


@pytest.fixture
def mutual_bus(pki: Pki) -> Iterator[str]:
    """Run a bus that also requires client certificates, and yield its host and port."""
    with nats_server(configuration(pki, mutual=True)) as url:
        yield url.partition("://")[2]


def environment(url: str, **paths: Path) -> dict[str, str]:
    """Return the variables that select the bus for commands and services."""
    return {"ZONEGIT_NATS_URL": url} | {
        f"ZONEGIT_NATS_{name.upper()}": str(path) for name, path in paths.items()
    }


def run_refused(folder: Path, env: dict[str, str]) -> str:
    """Return the error of a command for an unusable bus, which must be its whole output."""
    said = Stack(folder, env).run("zone", "list", status=6)
    assert said.out == ""
    assert said.err.count("\n") == 2, said.err
    assert "hint:" in said.err
    assert SECRET not in said.err
    return said.err


@pytest.mark.parametrize("scheme", ["tls", "nats"])
def test_an_untrusted_authority_is_reported_with_the_setting(
    tmp_path: Path, pki: Pki, tls_bus: str, scheme: str
) -> None:
    url = f"{scheme}://ada:{SECRET}@{tls_bus}"
    assert "ZONEGIT_NATS_CA" in run_refused(tmp_path, environment(url))
    assert str(pki.other) in run_refused(tmp_path, environment(url, ca=pki.other))


def test_a_certificate_for_another_host_is_reported(tmp_path: Path, pki: Pki) -> None:
    files = Authority(tmp_path, "another").issue("elsewhere", ["elsewhere.example"])
    conf = f'tls {{ cert_file: "{files.cert}", key_file: "{files.key}" }}'
    with nats_server(conf) as url:
        env = environment(url, ca=tmp_path / "another.pem")
        assert "is for another host" in run_refused(tmp_path, env)


def test_a_missing_client_certificate_is_reported_with_its_settings(
    tmp_path: Path, pki: Pki, mutual_bus: str
) -> None:
    url = f"tls://{mutual_bus}"
    for shown in ({}, {"cert": pki.alien.cert, "key": pki.alien.key}):
        assert "ZONEGIT_NATS_CERT" in run_refused(tmp_path, environment(url, ca=pki.ca, **shown))


async def test_with_a_tls_url_no_secret_is_sent_without_tls() -> None:
    heard: list[bytes] = []

    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(INFO.replace(b"{", b'{"auth_required":true,', 1))
        heard.append(await reader.read())

    async with run_server(plain) as address:
        settings = BusSettings(f"tls://ada:{SECRET}@{address}")
        with pytest.raises(Unavailable, match="does not speak TLS"):
            async with connect(settings, name="test"):
                pass
        await eventually(lambda: heard)
    assert heard == [b""]


@pytest.mark.parametrize("scheme", ["tls", "nats"])
async def test_a_trusted_bus_is_used_and_closed_without_a_warning(
    pki: Pki, tls_bus: str, scheme: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with connect(BusSettings(f"{scheme}://{tls_bus}", ca=pki.ca), name="test") as bus:
        assert bus.connected
    assert caplog.records == []


async def test_a_certificate_and_its_key_may_be_one_file(
    tmp_path: Path, pki: Pki, mutual_bus: str
) -> None:
    both = tmp_path / "both.pem"
    both.write_bytes(pki.client.cert.read_bytes() + pki.client.key.read_bytes())
    settings = BusSettings(f"tls://{mutual_bus}", ca=pki.ca, cert=both)
    async with connect(settings, name="test") as bus:
        assert bus.connected


@pytest.mark.parametrize(
    ("text", "said"), [("no PEM", "cannot use the certificate"), (None, "cannot use")]
)
async def test_invalid_certificate_files_are_named(
    tmp_path: Path, text: str | None, said: str
) -> None:
    file = tmp_path / "file.pem"
    if text is not None:
        file.write_text(text)
    for settings in (
        BusSettings("tls://127.0.0.1:1", ca=file),
        BusSettings("tls://127.0.0.1:1", cert=file),
    ):
        with pytest.raises(Invalid, match=said) as caught:
            async with connect(settings, name="test"):
                pass
        assert str(file) in caught.value.message


@asynccontextmanager
async def run_server(serve: Serve, context: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """Run a server that is not a bus, and yield its host and port."""
    tasks: set[asyncio.Task[None]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        with suppress(OSError, asyncio.CancelledError):
            await serve(reader, writer)
        writer.close()

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=context)
    host, port = server.sockets[0].getsockname()
    try:
        yield f"{host}:{port}"
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks)


async def _for_ever() -> None:
    await asyncio.Event().wait()


async def _silent(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await _for_ever()


async def _closing(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    """Send nothing, and close the connection."""


async def _only_info(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(INFO)
    await _for_ever()


async def _tls_that_never_begins(
    _reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    writer.write(INFO.replace(b"{", b'{"tls_required":true,', 1))
    await _for_ever()


async def _tls_that_ends(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(INFO.replace(b"{", b'{"tls_required":true,', 1))


async def _noise(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    await _for_ever()


@pytest.mark.parametrize(
    "serve", [_silent, _closing, _only_info, _tls_that_never_begins, _tls_that_ends, _noise]
)
@pytest.mark.parametrize("scheme", ["nats", "tls"])
async def test_a_server_that_is_not_a_bus_is_given_up(
    serve: Serve, scheme: str, tmp_path: Path
) -> None:
    async with run_server(serve) as address:
        env = environment(f"{scheme}://ada:{SECRET}@{address}")
        await asyncio.to_thread(run_refused, tmp_path, env)


async def test_a_stalled_bus_does_not_delay_the_end_of_a_command(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection, "CLOSE_TIMEOUT", 0.2)

    async def stall(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(INFO)
        await reader.readuntil(b"PING\r\n")
        writer.write(b"PONG\r\n")
        await _for_ever()

    async with (
        run_server(stall) as address,
        connect(BusSettings(f"nats://{address}"), name="test") as bus,
    ):
        with pytest.raises(ZonegitError):
            async with bus.subscribe("zg.heartbeat", lambda *_: None):
                pass


@pytest.mark.parametrize("name", SERVICES)
async def test_a_starting_service_logs_what_it_waits_for(
    tmp_path: Path, pki: Pki, tls_bus: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in os.environ:
        if variable.startswith("ZONEGIT_NATS"):
            monkeypatch.delenv(variable)
    url = f"tls://ada:{SECRET}@{tls_bus}"
    with run_service(name, url, tmp_path, SERVICES[name]) as service:
        await eventually(lambda: "bus.awaited" in service.log.read_text())
        assert service.terminate() == 0
        log = service.log.read_text()
    starting, awaited = log.find("service.starting"), log.find("bus.awaited")
    assert 0 <= starting < awaited
    assert "ZONEGIT_NATS_CA" in log
    assert SECRET not in log
