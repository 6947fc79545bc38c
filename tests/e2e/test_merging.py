"""Merging and taking back as an operator does it: what is printed, what is served, which status."""

from tests.e2e.stack import FOO, Stack


def begin(stack: Stack, zone: str) -> None:
    stack.zone(zone)
    stack.run("branch", "canary", "--zone", zone)


def test_a_merge_brings_a_branch_to_what_is_served(stack: Stack) -> None:
    begin(stack, "merge.test")
    stack.run("set", "api", "A", "60", "192.0.2.81", "--branch", "canary")
    stack.run("set", "ftp", "A", "60", "192.0.2.21")
    made = stack.json("merge", "canary", "--wait")
    assert (made["committed"], made["new_commit"], made["serial"]) == (True, True, 3)
    assert stack.answer("api.merge.test", "A") == ["192.0.2.81"]
    assert stack.answer("ftp.merge.test", "A") == ["192.0.2.21"]
    again = stack.run("merge", "canary").out
    assert "has all of canary already" in again


def test_conflicts_are_listed_and_exit_with_4(stack: Stack) -> None:
    begin(stack, "clash.test")
    stack.run("set", "api", "A", "60", "192.0.2.81", "--branch", "canary")
    stack.run("set", "api", "A", "60", "192.0.2.82")
    before = stack.json("rev-parse", "HEAD")
    said = stack.run("merge", "canary", status=4).out
    assert "api.clash.test. A  one record replaced two ways" in said
    assert "ours    60 192.0.2.82" in said
    assert "theirs  60 192.0.2.81" in said
    assert stack.json("rev-parse", "HEAD") == before


def test_a_dry_run_shows_the_records_and_commits_nothing(stack: Stack) -> None:
    begin(stack, "dry.test")
    before = stack.json("rev-parse", "HEAD")
    for words in (
        ["set", "api", "A", "60", "192.0.2.81"],
        ["add", "api", "A", "300", "192.0.2.81"],
        ["delete", "www"],
        ["remove", "api", "A", "192.0.2.80"],
    ):
        said = stack.run(*words, "--dry-run").out
        assert "would commit to dry.test. main (1 -> 2)" in said
        assert "SOA" not in said
    assert (
        "+ api.dry.test. 60 IN A 192.0.2.81"
        in stack.run("set", "api", "A", "60", "192.0.2.81", "--dry-run").out
    )
    assert stack.json("rev-parse", "HEAD") == before


def test_a_dry_run_of_an_import_commits_nothing(stack: Stack) -> None:
    begin(stack, "dryimport.test")
    before = stack.json("rev-parse", "HEAD")
    for words in (["--merge"], ["--force"], []):
        said = stack.run("import", "-", *words, "--dry-run", stdin=f"{FOO}new IN A 192.0.2.9\n").out
        assert "+ new.dryimport.test. 300 IN A 192.0.2.9" in said
    assert stack.json("rev-parse", "HEAD") == before


def test_a_bad_change_is_undone_in_one_command(stack: Stack) -> None:
    stack.zone("undo.test")
    stack.run("set", "api", "A", "60", "203.0.113.1", "-m", "a mistake", "--wait")
    stack.run("set", "ftp", "A", "60", "192.0.2.21")
    stack.run("revert", "HEAD~1", "--wait")
    assert stack.answer("api.undo.test", "A") == ["192.0.2.80"]
    assert stack.answer("ftp.undo.test", "A") == ["192.0.2.21"]
    assert stack.json("log")[0]["message"].startswith('revert "a mistake"')


def test_a_reset_serves_what_was_under_a_later_serial(stack: Stack) -> None:
    stack.zone("reset.test")
    for number in range(3):
        stack.run("set", "api", "A", "60", f"203.0.113.{number}")
    stack.run("reset", "HEAD~3", status=2)
    stack.run("reset", "--hard", "HEAD~3", "--exact", status=7)
    made = stack.json("reset", "--hard", "HEAD~3", "--wait")
    assert made["serial"] == 5
    assert stack.answer("api.reset.test", "A") == ["192.0.2.80"]
    assert len(stack.json("log")) == 2


def test_a_proposal_is_served_once_it_is_approved(stack: Stack) -> None:
    stack.zone("propose.test")
    stack.run("propose", "new-mail")
    stack.run("set", "mail", "A", "60", "192.0.2.26", "-m", "the new machine")
    said = stack.run("review", "new-mail").out
    assert "new-mail brings 1 commit to main of propose.test." in said
    assert "+ mail.propose.test. 60 IN A 192.0.2.26" in said
    assert "it merges (1 -> 2): zonegit approve new-mail" in said
    assert stack.answer("mail.propose.test", "A") == []
    approved = stack.run("approve", "new-mail", "--wait")
    assert "+ mail.propose.test. 60 IN A 192.0.2.26" in approved.out
    assert "you still stand on new-mail" in approved.err
    assert stack.answer("mail.propose.test", "A") == ["192.0.2.26"]


def test_a_commit_tells_the_record_it_made_so_that_a_forgotten_dot_shows(stack: Stack) -> None:
    stack.zone("dot.test")
    said = stack.run("set", "cdn", "CNAME", "300", "cdn.example.net").out
    assert "+ cdn.dot.test. 300 IN CNAME cdn.example.net.dot.test." in said
    made = stack.json("set", "cdn", "CNAME", "300", "cdn.example.net.")
    assert made["changes"] == [
        {
            "name": "cdn.dot.test.",
            "type": "CNAME",
            "change": "modified",
            "new": {"ttl": 300, "rdata": ["cdn.example.net."]},
        }
    ]


def test_a_branch_is_begun_and_stood_on_at_any_commit(stack: Stack) -> None:
    stack.zone("start.test")
    first = stack.json("rev-parse", "HEAD")["id"]
    stack.run("set", "api", "A", "60", "192.0.2.81")
    stack.run("checkout", "-b", "old", "HEAD~1")
    assert stack.json("rev-parse", "HEAD")["id"] == first
    stack.run("checkout", "main", "HEAD~1", status=2)


def test_log_takes_a_count_as_git_does(stack: Stack) -> None:
    stack.zone("count.test")
    stack.run("set", "api", "A", "60", "192.0.2.81")
    assert len(stack.json("log", "-1")) == 1
    assert "import stdin" in stack.run("log", "-1", "--oneline", "--", "ns1").out
