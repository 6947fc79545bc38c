"""zonegit diff and apply: the output of diff is a file for apply."""

import pytest
from tests.e2e.stack import Stack


@pytest.fixture
def zone(stack: Stack) -> str:
    """Create a zone of this test's own with two commits, and canary at the first."""
    zone = f"{stack.environment['ZONEGIT_ACTOR']}.example"
    stack.zone(zone)
    stack.run("branch", "canary")
    stack.run("set", "api", "A", "300", "192.0.2.81", "192.0.2.80")
    return f"{zone}."


def test_a_diff_lists_records_and_names_its_sides(stack: Stack, zone: str) -> None:
    head, *records = stack.run("diff").out.splitlines()
    assert head.startswith(f"diff {zone} ")
    assert head.endswith("(serial 1 -> 2)")
    assert records == [f"+ api.{zone} 300 IN A 192.0.2.81"]


def test_stat_counts_records(stack: Stack, zone: str) -> None:
    _, row, total = stack.run("diff", "main..canary", "--stat").out.splitlines()
    assert row.split() == [f"api.{zone}", "A", "-1"]
    assert total == "1 RRset differs: -1"


def test_json_holds_rrsets_before_and_after(stack: Stack, zone: str) -> None:
    (change,) = stack.json("diff")["changes"]
    assert change == {
        "name": f"api.{zone}",
        "type": "A",
        "change": "modified",
        "old": {"ttl": 300, "rdata": ["192.0.2.80"]},
        "new": {"ttl": 300, "rdata": ["192.0.2.80", "192.0.2.81"]},
    }


@pytest.mark.usefixtures("zone")
def test_the_exit_status_shows_a_difference(stack: Stack) -> None:
    assert stack.run("diff", "main", "canary", "--exit-code", status=10).out
    assert stack.run("diff", "main", "canary", "--exit-code", "--json", status=10).out
    assert stack.run("diff", "main", "canary", "--exit-code", "--", "www").out == ""
    assert stack.run("diff", "main", "main", "--exit-code").out == ""
    assert "after --" in stack.run("diff", "main", "canary", "www", status=2).err


def test_many_edits_are_one_commit(stack: Stack, zone: str) -> None:
    script = "set a A 300 192.0.2.1  # one\nadd a A 300 192.0.2.2\ndelete www\n"
    made = stack.json("apply", "-", stdin=script)
    assert [(each["name"], each["change"]) for each in made["changes"]] == [
        (f"a.{zone}", "added"),
        (f"www.{zone}", "deleted"),
    ]
    assert made["serial"] == 3
    assert stack.json("log")[0]["message"] == "apply stdin"


@pytest.mark.usefixtures("zone")
def test_a_printed_diff_can_be_applied_to_another_branch(stack: Stack) -> None:
    patch = stack.run("diff", "main").out + stack.run("diff", "canary..main").out
    stack.run("apply", "-", "--branch", "canary", stdin=patch)
    assert stack.run("diff", "main", "canary", "--exit-code").out == ""
    assert "nothing to commit" in stack.run("apply", "-", stdin="+ api 300 IN A 192.0.2.80").out


@pytest.mark.usefixtures("zone")
@pytest.mark.parametrize(
    ("text", "status", "said"),
    [
        ("set a A 300 192.0.2.1\nset b A 300 x\n", 1, "stdin:2: "),
        ("set a A 300 192.0.2.1\nremove api A 192.0.2.9\n", 3, "stdin:2: "),
        ("set a A 300 192.0.2.1\ndelete @ SOA\n", 1, "stdin:2: "),
        ("+ a 300 IN A 192.0.2.1\n- api 60 IN A 192.0.2.80\n", 3, "stdin:2: "),
        ("+ a 300 IN A 192.0.2.1\nset b A 300 192.0.2.1\n", 1, "stdin:2: "),
    ],
)
def test_a_line_that_cannot_be_applied_is_named_and_nothing_is_committed(
    stack: Stack, text: str, status: int, said: str
) -> None:
    before = stack.run("rev-parse", "HEAD").out
    assert said in stack.run("apply", "-", status=status, stdin=text).err
    assert stack.run("rev-parse", "HEAD").out == before


@pytest.mark.usefixtures("zone")
def test_a_dry_run_of_apply_changes_nothing(stack: Stack) -> None:
    before = stack.run("rev-parse", "HEAD").out
    said = stack.run("apply", "-", "--dry-run", stdin="set a A 300 192.0.2.1\n").out
    assert "300 IN A 192.0.2.1" in said
    assert stack.run("rev-parse", "HEAD").out == before
