"""The choice of ports for a stack."""

import socket

import pytest

from zonegit.errors import Conflict
from zonegit_cli.stack import ports


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_free_port_can_be_bound_and_is_outside_the_ephemeral_range(host: str) -> None:
    plan = ports.PortPlan()
    found = [plan.find_free(host) for _ in range(10)]
    assert len(set(found)) == len(found)
    assert set(found) <= set(ports.CANDIDATE_PORTS)
    assert any(_is_free(host, port) for port in found)


def _is_free(host: str, port: int) -> bool:
    """Return whether a port can be bound; another process can have taken it since it was found."""
    try:
        return ports.PortPlan().choose(host, port) == port
    except Conflict:
        return False


def test_a_port_in_use_by_either_protocol_is_refused() -> None:
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(socket.AF_INET, kind) as holder:
            holder.bind(("127.0.0.1", 0))
            taken = holder.getsockname()[1]
            with pytest.raises(Conflict, match=f"127.0.0.1:{taken}"):
                ports.PortPlan().choose("127.0.0.1", taken)


def test_a_foreign_address_has_no_free_port() -> None:
    with pytest.raises(Conflict, match=r"192\.0\.2\.1"):
        ports.PortPlan().find_free("192.0.2.1")


def test_a_port_that_the_stack_has_already_is_not_chosen_again() -> None:
    with pytest.raises(Conflict, match="all ports that were tried are taken"):
        ports.PortPlan(ports.CANDIDATE_PORTS).find_free()
