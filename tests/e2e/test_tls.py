"""Services and commands over a bus with TLS that identifies clients by their certificates."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.e2e.stack import FOO, Stack, wait_until
from tests.support.certificates import Authority
from tests.support.nats import nats_server
from tests.support.processes import ServiceProcess, run_service

SERVICES = {"objectstore": [], "refs": [], "resolver": ["--listen", "127.0.0.1:0", "--name", "one"]}


def wait_until_started(service: ServiceProcess) -> None:
    wait_until(lambda: "service.started" in service.log.read_text(), f"see {service.log}")


@pytest.fixture
def tls_stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    """Run all services on a bus that requires a certificate, and yield commands that have one."""
    authority = Authority(tmp_path, "authority")
    server, client = authority.issue("server", ["127.0.0.1"]), authority.issue("client")
    known = {
        "ZONEGIT_NATS_CA": str(authority.cert),
        "ZONEGIT_NATS_CERT": str(client.cert),
        "ZONEGIT_NATS_KEY": str(client.key),
    }
    for name, path in known.items():
        monkeypatch.setenv(name, path)
    conf = (
        f'tls {{ cert_file: "{server.cert}", key_file: "{server.key}",'
        f' ca_file: "{authority.cert}", verify: true }}'
    )
    with nats_server(conf) as url, ExitStack() as running:
        for name, arguments in SERVICES.items():
            service = running.enter_context(run_service(name, url, tmp_path, arguments))
            wait_until_started(service)
        yield Stack(tmp_path / "nothing", {**known, "ZONEGIT_NATS_URL": url})


def test_a_zone_is_committed_and_served_over_mutual_tls(tls_stack: Stack) -> None:
    tls_stack.zone("example.com", FOO)
    said = tls_stack.run("set", "api", "A", "60", "192.0.2.7", "--wait")
    assert "eof_received" not in said.err
    shown = tls_stack.run("show", "api", "A")
    assert "192.0.2.7" in shown.out
    assert shown.err == ""
    resolvers = tls_stack.run("resolvers")
    assert "one" in resolvers.out
    assert resolvers.err == ""
