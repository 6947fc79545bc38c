"""A dry run ends in the same way as the command without --dry-run."""

import json
from pathlib import Path

import pytest
from tests.e2e.stack import Stack

APEX = """\
$TTL 300
@       IN SOA ns1 admin 1 7200 3600 1209600 300
        IN NS  ns1
ns1     IN A   192.0.2.1
"""
HOSTS = "".join(f"h{number} IN A 192.0.2.{number}\n" for number in range(12))
CHILD = "child IN NS ns.child\nns.child IN A 192.0.2.53\nchild IN DS 12345 13 2 " + "ab" * 32 + "\n"
TEXT = APEX + HOSTS + CHILD
WITHOUT_NS = TEXT.replace("        IN NS  ns1\n", "")


@pytest.fixture
def zone(stack: Stack) -> str:
    """Create a zone with a branch ``bare`` that was forced to have no NS at its apex."""
    zone = f"{stack.environment['ZONEGIT_ACTOR']}.dry.test."
    stack.zone(zone, TEXT)
    stack.run("branch", "bare")
    stack.run("delete", "@", "NS", "--branch", "bare", "--force", "--reason", "a test")
    return zone


def test_a_dry_run_reports_a_refusal_of_refs(stack: Stack, zone: str) -> None:
    for words, stdin in (
        (("delete", "@", "NS"), None),
        (("delete", "@", "NS", "--force"), None),
        (("set", "child", "DS", "300", "1 13 2 " + "cd" * 32), None),
        (("import", "-"), WITHOUT_NS),
        (("import", "-"), APEX),
        (("apply", "-"), "delete @ NS\n"),
        (("merge", "bare"), None),
        (("approve", "bare"), None),
        (("cherry-pick", "bare"), None),
        (("reset", "--hard", "bare"), None),
    ):
        before = stack.run("log", "--json").out
        tried = stack.run(*words, "--dry-run", status=7, stdin=stdin)
        assert "would commit to" in tried.out, words
        done = stack.run(*words, status=7, stdin=stdin)
        assert tried.err.endswith(done.err), words  # after warnings about the resulting records
        assert stack.run("log", "--json").out == before


def test_a_dry_run_accepts_the_moves_that_refs_accepts(stack: Stack, zone: str) -> None:
    assert "h1" in stack.run("delete", "h1", "--dry-run").out
    forced = ("delete", "@", "NS", "--force", "--reason", "a test")
    tried = stack.run(*forced, "--dry-run", "--json")
    verdict = json.loads(tried.out)["verdict"]
    assert (verdict["accepted"], verdict["judged_by"], verdict["code"]) == (True, "refs", None)
    stack.run(*forced)
    stack.run("undo", "--dry-run")
    stack.run("set", "@", "NS", "300", "ns1")
    tried = stack.run("revert", "HEAD", "--dry-run", "--json", status=7)
    verdict = json.loads(tried.out)["verdict"]
    assert (verdict["accepted"], verdict["code"]) == (False, "unsafe")
    assert verdict["message"] == json.loads(tried.err.splitlines()[-1])["error"]["message"]
    stack.run("revert", "HEAD", status=7)


def test_a_dry_run_of_an_undo_reports_its_refusal(stack: Stack, zone: str) -> None:
    """The operation replaced a DS by another with --force."""
    words = ("set", "child", "DS", "300", "1 13 2 " + "cd" * 32)
    stack.run(*words, "--force", "--reason", "the child has a new key")
    tried = stack.run("undo", "--dry-run", status=7)
    assert "would undo" in tried.out
    assert "DS would change" in tried.err
    stack.run("undo", status=7)
    stack.run("undo", "--dry-run", "--force", "--reason", "it has not")
    stack.run("undo", "--force", "--reason", "it has not")


def test_a_plan_and_a_review_report_the_verdict(stack: Stack, zone: str, tmp_path: Path) -> None:
    plan = tmp_path / "bare.plan"
    planned = stack.run("plan", "-", "--out", str(plan), status=7, stdin=WITHOUT_NS)
    assert "verdict: refused (unsafe): " in planned.out
    assert "its apex would lose its NS RRset" in planned.err
    assert json.loads(plan.read_text())["verdict"]["code"] == "unsafe"
    stack.run("apply", str(plan), "--dry-run", status=7)
    stack.run("apply", str(plan), "--dry-run", "--force", "--reason", "a test")
    review = stack.run("review", "bare").out
    assert "it merges" not in review
    assert "the merge would be refused (unsafe): " in review
    assert not stack.json("review", "bare")["merges"]
    stack.run("apply", str(plan), status=7)


def test_a_workspace_with_one_refused_zone_is_not_committed(
    stack: Stack, zone: str, tmp_path: Path
) -> None:
    other = f"sub.{zone}"
    stack.zone(other, TEXT)
    folder = tmp_path / "zones"
    stack.run("workspace", "checkout", "--scheme", "flat", str(folder), zone, other)
    for name, old, new in ((zone, "192.0.2.7", "192.0.2.77"), (other, "NS", "TXT")):
        path = folder / f"{name}zone"
        apex, rest = path.read_text().split("\nh0", 1)
        path.write_text(f"{apex}\nh0{rest}".replace(old, new, 1))
    words = ("workspace", "commit", "-C", str(folder))
    before = stack.run("log", "--zone", zone).out
    tried = stack.run(*words, "--dry-run", status=7)
    assert f"would commit to {zone} main" in tried.out
    assert "nothing would be committed: " in tried.err
    assert "nothing was committed: " in stack.run(*words, status=7).err
    assert stack.run("log", "--zone", zone).out == before


def test_a_change_too_large_for_one_message_is_judged_by_the_command(
    stack: Stack, zone: str
) -> None:
    large = "".join(f"host-{number} IN A 192.0.2.1\n" for number in range(9_000))
    tried = stack.run("import", "-", "--dry-run", status=7, stdin=WITHOUT_NS + large)
    assert "judged by this command, with the rules and limits of refs" in tried.out
    assert "its apex would lose its NS RRset" in tried.err
    said = json.loads(stack.run("import", "-", "--dry-run", "--json", stdin=TEXT + large).out)
    verdict = said["verdict"]
    assert (verdict["accepted"], verdict["judged_by"], verdict["code"]) == (True, "client", None)
