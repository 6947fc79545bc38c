"""Merges and their reversal by an operator: output, served records and exit status."""

from pathlib import Path

from tests.e2e.stack import FOO, Stack


def begin(stack: Stack, zone: str) -> None:
    stack.zone(zone)
    stack.run("branch", "canary", "--zone", zone)


def test_a_merged_branch_is_served(stack: Stack) -> None:
    begin(stack, "merge.test")
    stack.run("set", "api", "A", "60", "192.0.2.81", "--branch", "canary")
    stack.run("set", "ftp", "A", "60", "192.0.2.21")
    made = stack.json("merge", "canary", "--wait")
    assert (made["committed"], made["new_commit"], made["serial"]) == (True, True, 3)
    assert stack.answer("api.merge.test", "A") == ["192.0.2.81"]
    assert stack.answer("ftp.merge.test", "A") == ["192.0.2.21"]
    again = stack.run("merge", "canary").out
    assert "already contains canary" in again
    then = stack.run("merge", "main@{1}").out
    assert "merge.test. main already contains main@{1}" in then


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


def test_different_records_of_one_rrset_are_no_conflict(stack: Stack) -> None:
    begin(stack, "union.test")
    stack.run("add", "api", "A", "300", "192.0.2.81", "--branch", "canary")
    stack.run("add", "api", "A", "300", "192.0.2.82")
    stack.run("merge", "canary", "--wait")
    assert sorted(stack.answer("api.union.test", "A")) == [
        "192.0.2.80", "192.0.2.81", "192.0.2.82",
    ]  # fmt: skip


def create_conflicts(stack: Stack, zone: str) -> None:
    """Create conflicts between main and canary at two names."""
    begin(stack, zone)
    for branch, last in (("canary", "81"), ("main", "82")):
        for name in ("api", "ns1"):
            stack.run("set", name, "A", "60", f"192.0.2.{last}", "--branch", branch)


def test_a_stopped_merge_continues_on_the_current_tip_after_decisions(
    stack: Stack,
) -> None:
    create_conflicts(stack, "stop.test")
    stack.run("merge", "canary", status=4)
    assert "a merge of canary is in progress, 2 conflicts left" in stack.run("status").out
    assert stack.run("merge", "canary", status=4).err.count("--abort") == 1
    stack.run("merge", "--theirs", "api", "A")
    assert [each["name"] for each in stack.json("status")["unfinished"]["left"]] == [
        "ns1.stop.test."
    ]
    assert "ns1.stop.test. A" in stack.run("merge", "--continue", status=4).out
    stack.run("merge", "--ours")
    stack.run("set", "ftp", "A", "60", "192.0.2.21")
    made = stack.json("merge", "--continue", "--wait")
    assert (made["committed"], made["new_commit"]) == (True, True)
    assert [stack.answer(f"{name}.stop.test", "A") for name in ("api", "ns1", "ftp")] == [
        ["192.0.2.81"], ["192.0.2.82"], ["192.0.2.21"],
    ]  # fmt: skip
    assert stack.json("status")["unfinished"] is None
    stack.run("merge", "--continue", status=3)


def test_a_decision_about_records_changed_since_is_needed_again(stack: Stack) -> None:
    create_conflicts(stack, "again.test")
    stack.run("merge", "canary", status=4)
    stack.run("merge", "--theirs")
    stack.run("set", "api", "A", "60", "192.0.2.83")
    said = stack.run("merge", "--continue", status=4).out
    assert "1 conflict; again.test. main did not move" in said
    assert "ours    60 192.0.2.83" in said
    stack.run("merge", "--abort")
    stack.run("merge", "--abort", status=3)


def test_an_unfinished_merge_belongs_to_one_operator_and_one_branch(stack: Stack) -> None:
    create_conflicts(stack, "whose.test")
    stack.run("branch", "staging", "main")
    stack.run("merge", "canary", status=4)
    here = ("--zone", "whose.test", "--branch")
    stack.run("merge", "--ours", *here, "main", status=3, env={"ZONEGIT_ACTOR": "op-else"})
    stack.run("merge", "--ours", *here, "staging", status=3)
    stack.run("revert", "--continue", *here, "main", status=1)
    stack.run("merge", "--ours", *here, "main")


def test_conflicts_are_reported_without_a_writable_state_folder(
    stack: Stack, tmp_path: Path
) -> None:
    create_conflicts(stack, "nowhere.test")
    (tmp_path / "zonegit").touch()
    said = stack.run("merge", "canary", status=4, env={"XDG_STATE_HOME": str(tmp_path)})
    assert "api.nowhere.test. A" in said.out
    assert "cannot save the operation in" in said.err


def test_status_works_with_a_damaged_sequencer_state(stack: Stack) -> None:
    create_conflicts(stack, "torn.test")
    kept = stack.state / "zonegit" / "unfinished"
    before = set(kept.iterdir()) if kept.exists() else set()
    stack.run("merge", "canary", status=4)
    (file,) = set(kept.iterdir()) - before
    file.write_bytes(b"{")
    said = stack.run("status")
    assert "main of torn.test." in said.out
    assert "zonegit merge --abort removes the file" in said.err
    stack.run("merge", "--abort")


def test_an_option_for_one_side_decides_all_conflicts(stack: Stack) -> None:
    create_conflicts(stack, "side.test")
    stack.run("merge", "canary", "--theirs", "--wait")
    assert stack.answer("api.side.test", "A") == ["192.0.2.81"]


def test_only_one_branch_is_merged_at_a_time(stack: Stack) -> None:
    begin(stack, "octopus.test")
    said = stack.run("merge", "canary", "main", status=2).err
    assert "one REFISH at a time: zonegit merge canary" in said


def test_a_commit_is_picked_with_its_author_and_message(stack: Stack) -> None:
    begin(stack, "pick.test")
    stack.run("set", "a", "A", "60", "192.0.2.1", "--branch", "canary")
    by_ada = {"ZONEGIT_AUTHOR_NAME": "Ada", "ZONEGIT_AUTHOR_EMAIL": "ada@example.com"}
    words = ("set", "b", "A", "60", "192.0.2.2", "--branch", "canary", "-m", "a second one")
    stack.run(*words, env=by_ada)
    stack.run("cherry-pick", "canary", "--wait")
    assert stack.answer("b.pick.test", "A") == ["192.0.2.2"]
    assert stack.answer("a.pick.test", "A") == []
    latest = stack.json("log", "-1")[0]
    assert latest["message"] == "a second one"
    assert "Ada" in str(latest["author"])
    assert "already has the change of canary" in stack.run("cherry-pick", "canary").out
    stack.run("cherry-pick", "canary~2", status=1)


def test_a_stopped_revert_can_be_continued(stack: Stack) -> None:
    stack.zone("back.test")
    stack.run("set", "api", "A", "60", "192.0.2.81")
    stack.run("set", "api", "A", "90", "192.0.2.82")
    stack.run("revert", "HEAD~1", status=4)
    stack.run("revert", "--theirs", "api", "A")
    stack.run("revert", "--continue", "--wait")
    assert stack.answer("api.back.test", "A") == ["192.0.2.80"]


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


def test_an_approval_of_reverted_commits_names_the_revert_and_the_remedy(stack: Stack) -> None:
    stack.zone("reverted.test")
    stack.run("propose", "new-mail")
    stack.run("set", "mail", "A", "60", "192.0.2.26")
    stack.run("checkout", "main")
    stack.run("approve", "new-mail")
    stack.run("revert", "HEAD", "--message", "not yet")
    revert = stack.json("log")[0]
    assert "This takes back" in revert["message"]
    for command in ("approve", "merge"):
        refused = stack.run(command, "new-mail", status=4)
        assert "reverted it since" in refused.err
        assert f"zonegit revert {revert['commit'][:12]}" in refused.err
    assert stack.json("review", "new-mail")["reverted_by"] == [revert["commit"]]
    stack.run("revert", revert["commit"][:12], "--wait")
    assert stack.answer("mail.reverted.test", "A") == ["192.0.2.26"]
    assert "already contains it" in stack.run("approve", "new-mail").out


def test_a_review_has_the_warnings_of_the_merge(stack: Stack) -> None:
    stack.zone("warned.test")
    stack.run("propose", "cut")
    stack.run("set", "sub", "NS", "300", "ns.elsewhere.example.")
    stack.run("checkout", "main")
    stack.run("set", "www.sub", "A", "60", "192.0.2.9")
    (warning, *_) = stack.json("review", "cut")["warnings"]
    assert warning["rule"] == "hidden-by-cut"
    assert f"warning: {warning['message']}" in stack.run("review", "cut").err
    assert f"warning: {warning['message']}" in stack.run("approve", "cut").err


def test_a_reset_serves_the_earlier_records_with_a_later_serial(stack: Stack) -> None:
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
    assert "new-mail has 1 commit for main of propose.test." in said
    assert "+ mail.propose.test. 60 IN A 192.0.2.26" in said
    assert "it merges (1 -> 2): zonegit approve new-mail" in said
    assert stack.answer("mail.propose.test", "A") == []
    approved = stack.run("approve", "new-mail", "--wait")
    assert "+ mail.propose.test. 60 IN A 192.0.2.26" in approved.out
    assert "HEAD is still new-mail" in approved.err
    assert stack.answer("mail.propose.test", "A") == ["192.0.2.26"]


def test_a_commit_prints_its_records_so_that_a_missing_dot_is_visible(stack: Stack) -> None:
    stack.zone("dot.test")
    said = stack.run("set", "cdn", "CNAME", "300", "cdn.example.net").out
    assert "+ cdn.dot.test. 300 IN CNAME cdn.example.net.dot.test." in said
    made = stack.json("set", "cdn", "CNAME", "300", "cdn.example.net.")
    assert made["changes"] == [
        {
            "name": "cdn.dot.test.",
            "type": "CNAME",
            "change": "modified",
            "old": {"ttl": 300, "rdata": ["cdn.example.net.dot.test."]},
            "new": {"ttl": 300, "rdata": ["cdn.example.net."]},
        }
    ]


def test_a_branch_can_be_created_and_checked_out_at_any_commit(stack: Stack) -> None:
    stack.zone("start.test")
    first = stack.json("rev-parse", "HEAD")["id"]
    stack.run("set", "api", "A", "60", "192.0.2.81")
    stack.run("checkout", "-b", "old", "HEAD~1")
    assert stack.json("rev-parse", "HEAD")["id"] == first
    stack.run("checkout", "main", "HEAD~1", status=2)


def test_log_accepts_a_count_as_in_git(stack: Stack) -> None:
    stack.zone("count.test")
    stack.run("set", "api", "A", "60", "192.0.2.81")
    assert len(stack.json("log", "-1")) == 1
    assert "import stdin" in stack.run("log", "-1", "--oneline", "--", "ns1").out


def test_log_and_show_name_the_approver_of_a_merge_and_of_a_fast_forward(stack: Stack) -> None:
    stack.zone("approved.test")
    bob = {"ZONEGIT_ACTOR": "bob"}
    for proposal in ("forward", "merged"):
        stack.run("propose", proposal)
        stack.run("set", proposal, "A", "60", "192.0.2.26", "-m", f"add {proposal}")
        stack.run("checkout", "main")
    stack.run("approve", "forward", "--zone", "approved.test", env=bob)
    stack.run("set", "other", "A", "60", "192.0.2.27", "-m", "add other")
    stack.run("approve", "merged", "--zone", "approved.test", "-m", "both", env=bob)
    found = {each["message"]: each for each in stack.json("log", "main")}
    approvers = {
        message: each["approver"] and each["approver"]["actor"] for message, each in found.items()
    }
    assert approvers == {
        "both": "bob",
        "add merged": "bob",
        "add other": None,
        "add forward": "bob",
        "import stdin": None,
    }
    assert found["both"]["approver"] == found["add merged"]["approver"]
    (operation,) = stack.json("op", "log", "-n", "1", "--zone", "approved.test")
    assert found["both"]["approver"]["operation"] == operation["operation"]
    forward = found["add forward"]["commit"]
    assert stack.json("show", forward)["approver"] == found["add forward"]["approver"]
    assert "\nApproved: bob, 20" in stack.run("show", forward).out
    assert stack.run("log", "main").out.count("\nApproved: bob, 20") == 3
    (filtered,) = stack.json("log", "main", "--grep", "add forward")
    assert filtered["approver"] == found["add forward"]["approver"]
    assert [each["approver"] for each in stack.json("log", "merged")] == [None, None]
    assert stack.json("show", "main~1")["approver"] is None
