"""The limits of the safety checks are settings of the service, which the stack passes on."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.e2e.stack import FOO, Stack

HOSTS = "".join(f"h{number} IN A 192.0.2.{number}\n" for number in range(20))


@pytest.fixture
def lenient(tmp_path: Path) -> Iterator[Stack]:
    """Start a stack with high limits."""
    limits = {"ZONEGIT_MAX_CHANGE": "90", "ZONEGIT_ALLOW_DS_CHANGES": "1"}
    stack = Stack(tmp_path / "data", limits)
    stack.up()
    try:
        yield stack
    finally:
        stack.down()


def test_a_service_can_have_other_limits(lenient: Stack) -> None:
    lenient.zone("foo.com.", FOO + HOSTS)
    lenient.run("import", "-", stdin=FOO)
    lenient.run("set", "sub", "NS", "300", "ns.sub")
    ds = "12345 13 2 " + "00" * 32
    lenient.run("set", "sub", "DS", "300", ds)
    refused = lenient.run("delete", "@", "NS", status=7)
    assert "lose its NS RRset" in refused.err
    lenient.run("import", "-", stdin=FOO + HOSTS)
    apex_alone = "".join(FOO.splitlines(keepends=True)[:3])
    refused = lenient.run("import", "-", status=7, stdin=apex_alone)
    assert "more than 90 %" in refused.err
