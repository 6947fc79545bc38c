"""zonegit lint: of files without a stack, and of zones at any commit."""

import json
from pathlib import Path

import pytest
from tests.e2e.stack import FOO, Stack

FAULTS = FOO + "sub NS ns1\nw.sub A 192.0.2.9\nftp CNAME www.example.org\n"


@pytest.fixture
def zone(stack: Stack) -> str:
    """Create a zone of this test's own with one commit at the operator's HEAD, and return its
    name."""
    zone = f"{stack.environment['ZONEGIT_ACTOR']}.example"
    stack.zone(zone)
    return f"{zone}."


def test_a_zone_is_examined_at_the_tip_and_at_earlier_commits(stack: Stack, zone: str) -> None:
    assert "no findings" in stack.run("lint").out
    stack.run("import", "-", stdin=FAULTS)
    said = stack.run("lint", zone, status=10).out
    assert (
        f"warning: w.sub.{zone} A is below the zone cut sub.{zone}, which hides it"
        " (hidden-by-cut, RFC 1034 section 4.2.1)\n"
    ) in said
    assert said.endswith("records, 2 warnings\n")
    assert "no findings" in stack.run("lint", "--at", "HEAD~1").out
    assert "no findings" in stack.run("lint", zone, "--at", "HEAD~1").out


def test_findings_are_one_json_document(stack: Stack, zone: str) -> None:
    stack.run("import", "-", stdin=FAULTS)
    found = json.loads(stack.run("lint", "--json", status=10).out)
    assert (found["schema"], found["zone"], found["file"]) == (1, zone, None)
    assert found["commit"] == stack.json("status")["commit"]
    assert found["counts"] == {"error": 0, "warning": 2, "note": 0}
    assert [(each["rule"], each["name"], each["source"]) for each in found["findings"]] == [
        ("missing-dot", f"ftp.{zone}", "RFC 1035 section 5.1"),
        ("hidden-by-cut", f"w.sub.{zone}", "RFC 1034 section 4.2.1"),
    ]


def test_an_import_warns_of_what_lint_finds_once(stack: Stack, zone: str) -> None:
    told = stack.json("import", "-", stdin=FAULTS)["warnings"]
    assert [each["rule"] for each in told] == ["missing-dot", "hidden-by-cut"]
    assert stack.json("set", "a", "A", "60", "192.0.2.1")["warnings"] == []
    said = stack.run("set", "b", "CNAME", "60", "www.example.org", "--strict", status=1)
    assert "(missing-dot)" in said.err
    assert f"b.{zone} CNAME names www.example.org.{zone}, which does not exist" in said.err


def test_a_file_needs_no_stack(stack: Stack, tmp_path: Path) -> None:
    file = tmp_path / "f.example.zone"
    file.write_text(FAULTS + "d NS ns1\nd DNAME x.\nw A 1.2.3\n")
    found = json.loads(
        stack.run("lint", str(file), "--json", "--data", str(tmp_path), status=10).out
    )
    assert (found["zone"], found["file"], found["commit"]) == ("f.example.", str(file), None)
    assert [(each["rule"], each["severity"], each["name"]) for each in found["findings"]] == [
        ("unusable-record", "error", None),
        ("ns-and-dname", "error", "d.f.example."),
        ("missing-dot", "warning", "ftp.f.example."),
        ("hidden-by-cut", "warning", "w.sub.f.example."),
    ]
    said = stack.run("lint", "-", stdin="@ 60 SOA a. b. 1 2 3 4 5\n", status=1)
    assert "cannot determine the zone of stdin" in said.err
    named = ("lint", "-", "--zone", "f.example")
    said = stack.run(*named, stdin="@ 60 SOA a. b. 1 2 3 4 5\n@ 60 NS a.\n")
    assert said.out == "f.example. 2 records, no findings\n"


def test_lenient_skips_a_dname_at_a_zone_cut(stack: Stack, zone: str) -> None:
    text = FOO + "d NS ns1\nd DNAME x.\n"
    said = stack.run("import", "-", stdin=text, status=1)
    assert f"stdin:8: d.{zone} has NS and DNAME records (RFC 6672 section 2.3)" in said.err
    said = stack.run("import", "-", "--lenient", stdin=text)
    assert f"stdin:8: skipped: d.{zone} has NS and DNAME records" in said.err


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ('{"plan": 1}', "a saved plan"),
        ("+ www.f.example. 300 IN A 192.0.2.1\n", "a diff"),
        ("set www A 300 192.0.2.1\n", "a file of edits"),
    ],
)
def test_a_file_of_another_kind_is_named(
    stack: Stack, tmp_path: Path, text: str, kind: str
) -> None:
    file = tmp_path / "changes"
    file.write_text(text)
    for words in ((), ("--zone", "f.example")):
        said = stack.run("lint", str(file), *words, status=1).err
        assert f"{file} is {kind}, not a master file" in said
        assert f"zonegit apply {file}" in said
