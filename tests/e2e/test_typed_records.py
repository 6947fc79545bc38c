"""Records and names typed by an operator, from the shell to the answer."""

import os
import subprocess

import pytest
from tests.e2e.stack import BIN, Stack
from tests.e2e.test_paging import on_a_terminal


@pytest.fixture
def zone(stack: Stack) -> str:
    name = f"{stack.environment['ZONEGIT_ACTOR']}.example."
    stack.zone(name)
    return name


def test_a_string_is_stored_as_a_whole_and_can_be_removed(stack: Stack, zone: str) -> None:
    value = "ca.example; accounturi=https://ca.example/acct/1"
    stack.run("set", "@", "CAA", "300", "0", "issue", "ca.example")
    stack.run("add", "@", "CAA", "300", "0", "issue", value)
    wanted = ['0 issue "ca.example"', f'0 issue "{value}"']
    assert sorted(stack.json("show", "@", "CAA")["rdata"]) == wanted
    stack.run("remove", "@", "CAA", "0", "issue", value)
    assert stack.json("show", "@", "CAA")["rdata"] == wanted[:1]


def test_a_value_that_would_be_truncated_changes_nothing(stack: Stack, zone: str) -> None:
    before = stack.run("rev-parse", "HEAD").out
    for words in (
        ["set", "nl", "A", "300", "192.0.2.1\n192.0.2.2"],
        ["set", "@", "CAA", "300", "0 issue ca; a=b"],
        ["remove", "@", "NS", "ns1; ns2"],
    ):
        assert repr(words[-1])[1:-1] in stack.run(*words, status=1).err
    assert stack.run("rev-parse", "HEAD").out == before


def test_unquoted_texts_are_records_and_cause_a_note(stack: Stack, zone: str) -> None:
    made = stack.run("set", "t", "TXT", "300", "v=spf1", "a")
    assert "note: 2 arguments are 2 TXT records" in made.err
    applied = stack.json("apply", "-", stdin="set u TXT 300 v=spf1 a\n")
    assert [each["rule"] for each in applied["warnings"]] == ["txt-arguments-are-records"]


def test_a_name_outside_ascii_is_converted_alike_everywhere(stack: Stack, zone: str) -> None:
    stack.run("set", "straße", "MX", "300", "10", "bücher")
    stack.run("import", "-", "--merge", stdin="faß 300 IN MX 10 bücher\n")
    exported = stack.run("export").out
    assert "xn--strae-oqa" in exported
    assert "xn--fa-hia" in exported
    assert exported.isascii()
    assert stack.json("show", "faß", "MX")["rdata"] == [f"10 xn--bcher-kva.{zone}"]
    resolved = stack.json("resolve", f"straße.{zone}", "MX")
    assert resolved["rcode"] == "NOERROR"
    stack.run("delete", "xn--strae-oqa")
    assert stack.run("show", "straße", "MX", status=3).err.isascii()


def test_a_terminal_shows_the_u_label_after_the_a_label(stack: Stack, zone: str) -> None:
    stack.run("set", "straße", "A", "300", "192.0.2.1")
    assert "ß" not in stack.run("show", "straße", "A").out
    shown = on_a_terminal(stack, "show", "straße", "A", PYTHONIOENCODING="utf-8")
    expected = f"xn--strae-oqa.{zone} 300 IN A 192.0.2.1 ; straße.{zone}"
    assert shown.split() == expected.split()  # the comment may be on a line of its own


def test_pasted_lines_create_the_same_rrsets(stack: Stack, zone: str) -> None:
    script = (
        "set '*.w' TXT 300 \"it's; \\\"so\\\"\" '\\000$x'\n"
        "set @ RESINFO 300 '\"a\"'\n"
        "add @ RESINFO 300 '\"b\"'\n"
        "set ü SVCB 300 1 . alpn=h2 'key65=a b'\n"
    )
    stack.run("apply", "-", stdin=script)
    names = ["*.w TXT", "@ RESINFO", "ü SVCB"]
    lines = [stack.run("show", *name.split(), "--shell").out for name in names]
    assert stack.run("show", "--shell").out.count("zonegit set ") == 3
    for name in names:
        stack.run("delete", *name.split())
    for line in lines:
        run_pasted(stack, line)
    for name, line in zip(names, lines, strict=True):
        assert stack.run("show", *name.split(), "--shell").out == line


def run_pasted(stack: Stack, line: str) -> None:
    """Run a line in a shell with zonegit on its path."""
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    environment = {**stack.environment, "ZONEGIT_DATA": str(stack.data), "PATH": path}
    subprocess.run(["sh", "-c", line], env=environment, check=True, capture_output=True)


def test_a_missing_ttl_is_the_existing_or_configured_one_or_that_of_the_soa(
    stack: Stack, zone: str
) -> None:
    stack.run("set", "host", "300", "A", "192.0.2.1")
    stack.run("set", "host", "A", "192.0.2.2")
    stack.run("add", "host", "A", "192.0.2.3")
    assert stack.json("show", "host", "A")["ttl"] == 300
    stack.run("set", "new", "A", "192.0.2.2", env={"ZONEGIT_TTL": "5m"})
    assert stack.json("show", "new", "A")["ttl"] == 300
    made = stack.run("set", "newer", "A", "192.0.2.2")
    minimum = int(stack.json("show", "@", "SOA")["rdata"][0].split()[-1])
    assert f"note: newer.{zone} A: no TTL is stated, so it is {minimum}" in made.err
    assert stack.json("show", "newer", "A")["ttl"] == minimum
    refused = stack.run("set", "@", "MX", "10", "mail", status=1).err
    assert "read with 10 as the TTL" in refused
    assert "MX TTL 10 mail" in refused
    assert "ZONEGIT_TTL: x is not a TTL" in (
        stack.run("set", "a", "A", "192.0.2.1", status=1, env={"ZONEGIT_TTL": "x"}).err
    )
