"""Ports that a stack takes for itself."""

import socket

import pytest

from zonegit.errors import Conflict
from zonegit_cli.stack import ports


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_free_port_can_be_bound_and_lies_where_no_client_is_given_one(host: str) -> None:
    for port in (ports.find_free_port(host) for _ in range(10)):
        assert port in ports.CANDIDATES
        assert ports.choose_dns_port(host, port) == port


def test_a_port_that_is_taken_for_either_protocol_is_refused() -> None:
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(socket.AF_INET, kind) as holder:
            holder.bind(("127.0.0.1", 0))
            taken = holder.getsockname()[1]
            with pytest.raises(Conflict, match=f"127.0.0.1:{taken}"):
                ports.choose_dns_port("127.0.0.1", taken)


def test_a_host_that_is_not_ours_has_no_free_port() -> None:
    with pytest.raises(Conflict, match=r"192\.0\.2\.1"):
        ports.find_free_port("192.0.2.1")
