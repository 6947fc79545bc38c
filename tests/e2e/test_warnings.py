"""Warnings of commands that commit: on standard error, in JSON, and as errors with --strict."""

import pytest
from tests.e2e.stack import FOO, Stack

MIXED = FOO + "two 60 IN A 192.0.2.1\ntwo 30 IN A 192.0.2.2\n"
SAID = "two.{zone} A has records with the TTLs 60 and 30; the smallest is used"


@pytest.fixture
def zone(stack: Stack) -> str:
    """Create a zone of this test's own with one commit at the operator's HEAD, and return its
    name."""
    zone = f"{stack.environment['ZONEGIT_ACTOR']}.example"
    stack.zone(zone)
    return f"{zone}."


def test_a_warning_is_on_stderr_and_in_json(stack: Stack, zone: str) -> None:
    said = stack.run("import", "-", "--dry-run", stdin=MIXED)
    assert said.err == f"warning: stdin:8: {SAID.format(zone=zone)}\n"
    told = stack.json("import", "-", "--dry-run", stdin=MIXED)
    assert told["warnings"] == [
        {
            "rule": "mixed-ttls",
            "severity": "warning",
            "message": f"stdin:8: {SAID.format(zone=zone)}",
            "name": f"two.{zone}",
            "type": "A",
            "source": "RFC 2181 section 5.2",
        }
    ]


@pytest.mark.usefixtures("zone")
@pytest.mark.parametrize("words", [(), ("--dry-run",)])
def test_strict_refuses_a_change_with_a_warning(stack: Stack, words: tuple[str, ...]) -> None:
    before = stack.json("status")["commit"]
    said = stack.run("import", "-", "--strict", *words, stdin=MIXED, status=1)
    assert "records with the TTLs 60 and 30; the smallest is used (mixed-ttls)" in said.err
    assert stack.json("status")["commit"] == before


@pytest.mark.usefixtures("zone")
def test_strict_refuses_a_series_with_a_warning(stack: Stack) -> None:
    before = stack.json("status")["commit"]
    stack.run("import", "--series", "-", "--strict", stdin=MIXED, status=1)
    assert stack.json("status")["commit"] == before


@pytest.mark.usefixtures("zone")
def test_without_warnings_the_list_is_empty(stack: Stack) -> None:
    for words in (("set", "a", "A", "60", "192.0.2.1"), ("delete", "a"), ("undo",)):
        assert stack.json(*words, "--strict")["warnings"] == []
