"""The commands: their output, their errors, and that a failed command changes nothing."""

from pathlib import Path

import pytest
from tests.e2e.stack import FOO, Stack


@pytest.fixture
def zone(stack: Stack) -> str:
    """Create a zone of this test's own with one commit at the operator's HEAD, and return its
    name."""
    zone = f"{stack.environment['ZONEGIT_ACTOR']}.example"
    stack.zone(zone)
    return f"{zone}."


def test_an_edit_is_served_when_wait_returns(stack: Stack, zone: str) -> None:
    said = stack.run("set", "api", "A", "60", "192.0.2.81", "-m", "move api", "--wait")
    assert "(1 -> 2)" in said.out
    assert "served by resolver-1" in said.out
    assert stack.answer(f"api.{zone}") == ["192.0.2.81"]


def test_every_edit_is_one_commit_with_its_message(stack: Stack, zone: str) -> None:
    stack.run("set", "a", "A", "300", "192.0.2.1")
    stack.run("add", "a", "A", "300", "192.0.2.2", "-m", "second address")
    stack.run("remove", "a", "A", "192.0.2.1")
    stack.run("delete", "a")
    messages = [each["message"] for each in stack.json("log")]
    assert messages == ["delete a", "remove a A", "second address", "set a A", "import stdin"]
    assert stack.json("query", f"a.{zone}")["rcode"] == "NXDOMAIN"
    assert stack.json("show", "a", "A", "HEAD~2")["rdata"] == ["192.0.2.1", "192.0.2.2"]


@pytest.mark.usefixtures("zone")
def test_a_blank_message_counts_as_missing(stack: Stack) -> None:
    stack.run("add", "a", "A", "300", "192.0.2.3", "-m", "\n \n")
    stack.run("add", "a", "A", "300", "192.0.2.4", "-m", "\n\nwhy\n\n")
    messages = [each["message"] for each in stack.json("log", "-n", "2")]
    assert messages == ["why", "add a A"]


def test_an_export_imported_again_is_the_same_tree(stack: Stack, zone: str) -> None:
    stack.run("set", "txt", "TXT", "300", 'tricky "quotes" ; and \\ slashes')
    tree = stack.run("rev-parse", "HEAD^{tree}").out
    exported = stack.run("export").out
    assert "nothing to commit" in stack.run("import", "-", stdin=exported).out
    assert stack.run("rev-parse", "HEAD^{tree}").out == tree
    assert zone in exported


@pytest.mark.usefixtures("zone")
def test_commands_that_change_much_name_the_command_that_takes_them_back(stack: Stack) -> None:
    before = stack.run("show", "api", "A").out
    stack.run("branch", "next")
    stack.run("set", "api", "A", "300", "192.0.2.9", "--branch", "next")
    stack.run("propose", "proposal")
    stack.run("set", "api", "A", "300", "192.0.2.9")
    stack.run("checkout", "main")
    for words, stdin in (
        (("import", "-", "--merge"), "api 300 IN A 192.0.2.5\n"),
        (("apply", "-"), "set api A 300 192.0.2.9\n"),
        (("merge", "next"), None),
        (("approve", "proposal"), None),
    ):
        printed = stack.run(*words, stdin=stdin).out
        assert stack.run("show", "api", "A").out != before
        _, command = printed.splitlines()[-1].split("to reverse: zonegit ")
        stack.run(*command.split())
        assert stack.run("show", "api", "A").out == before


def test_a_merge_adds_and_an_import_replaces(stack: Stack, zone: str) -> None:
    stack.run("import", "-", "--merge", stdin="new 300 IN A 192.0.2.5\n")
    assert stack.json("show", "new", "A")["rdata"] == ["192.0.2.5"]
    assert stack.json("show", "api", "A")["rdata"] == ["192.0.2.80"]
    stack.run("import", "-", stdin=FOO)
    assert stack.run("show", "new", "A", status=3).err
    assert stack.json("status")["zone"] == zone


@pytest.mark.usefixtures("zone")
@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["set", "api", "A", "300", "192.0.2.300"], 1, "192.0.2.300"),
        (["set", "api", "NOPE", "300", "x"], 1, "NOPE"),
        (["set", "api", "A", "soon", "192.0.2.1"], 1, "soon"),
        (["set", "a..b", "A", "300", "192.0.2.1"], 1, "a..b"),
        (["set", "www.elsewhere.", "A", "300", "192.0.2.1"], 1, "not within"),
        (["set", "www", "A", "300", "192.0.2.1"], 1, "CNAME"),
        (["delete", "@", "SOA"], 1, "SOA"),
        (["delete", "nothing"], 3, "nothing"),
        (["remove", "api", "A", "192.0.2.9"], 3, "192.0.2.80"),
        (["show", "nothing", "A"], 3, "nothing"),
        (["show", "api", "A", "mian"], 3, "mian"),
        (["log", "main~abc"], 1, "main~abc"),
        (["checkout", "nope"], 3, "nope"),
        (["zone", "switch", "unknown.example"], 3, "unknown.example"),
        (["set", "api", "A", "300", "192.0.2.1", "--branch", "nope"], 3, "nope"),
        (["import", "/nonexistent.zone"], 3, "/nonexistent.zone"),
        (["frobnicate"], 2, "frobnicate"),
        (["set", "api", "A"], 2, "zonegit set [OPTIONS] NAME TYPE [TTL] RDATA..."),
        (["set", "txt", "TXT", "300", "-all"], 2, "put -- before it"),
        (["log", "--timeout", "soon"], 2, "soon"),
        (["set", "api", "A", "300", "192.0.2.1", "-m", "caf\udce9"], 1, "not UTF-8"),
        (["branch", "HEAD"], 1, "HEAD"),
        (["branch", "-d", "main"], 7, "served from main"),
        (["up", "--detach"], 4, "already"),
    ],
)
def test_a_refused_command_has_a_reason_and_changes_nothing(
    stack: Stack, words: list[str], status: int, said: str
) -> None:
    before = stack.json("status")["commit"]
    failed = stack.run(*words, status=status)
    assert said in failed.err
    assert len(failed.err.splitlines()) <= 2
    assert "Traceback" not in failed.err
    assert stack.json("status")["commit"] == before


@pytest.mark.usefixtures("zone")
def test_an_error_in_a_zone_file_has_file_line_and_record(stack: Stack, tmp_path: Path) -> None:
    path = tmp_path / "bad.zone"
    path.write_text(FOO + "ftp IN A 192.0.2.300\n")
    before = stack.json("status")["commit"]
    said = stack.run("import", str(path), status=1)
    assert f"{path}:7:" in said.err
    assert "192.0.2.300" in said.err
    assert stack.json("status")["commit"] == before


@pytest.mark.usefixtures("zone")
def test_standard_input_is_named_stdin(stack: Stack) -> None:
    assert "stdin:7:" in stack.run("import", "-", stdin=FOO + "ftp IN A x\n", status=1).err


def test_a_thousand_skipped_records_are_listed_and_the_rest_are_counted(
    stack: Stack, zone: str
) -> None:
    bad = "".join(f"h{n}.bar.example. IN A 192.0.2.1\n" for n in range(1_002))
    text = FOO + bad + "ftp IN A 192.0.2.2\n"
    said = stack.run("import", "-", "--lenient", "--dry-run", stdin=text)
    notes = said.err.splitlines()
    assert len(notes) == 1_001
    assert f"stdin:7: skipped: h0.bar.example. is not within the zone {zone}" in notes[0]
    assert notes[-1] == "note: 2 more records skipped"
    assert f"+ ftp.{zone} 300 IN A 192.0.2.2" in said.out
    told = stack.json("import", "-", "--lenient", "--dry-run", stdin=text)
    assert (told["skipped"], len(told["skipped_records"])) == (1_002, 1_000)


def test_changes_are_listed_apex_first_and_a_new_serial_is_not_a_change(
    stack: Stack, zone: str
) -> None:
    text = FOO.replace("admin 1 ", "admin 9 ") + "a.api IN A 192.0.2.9\n@ IN MX 10 api\n"
    said = stack.json("import", "-", stdin=text)
    assert (said["serial_before"], said["serial"]) == (1, 9)
    changed = [(each["name"], each["type"]) for each in said["changes"]]
    assert changed == [(zone, "MX"), (f"a.api.{zone}", "A")]


def test_a_branch_is_edited_without_touching_main(stack: Stack, zone: str) -> None:
    stack.run("branch", "canary")
    stack.run("checkout", "canary")
    stack.run("set", "api", "A", "60", "203.0.113.80")
    stack.run("checkout", "main")
    assert stack.json("show", "api", "A")["rdata"] == ["192.0.2.80"]
    assert stack.json("show", "api", "A", "canary")["rdata"] == ["203.0.113.80"]
    assert stack.json("show", "api", "A", "--branch", "canary")["rdata"] == ["203.0.113.80"]
    assert stack.json("show", "api", "A", f"{zone}:canary")["rdata"] == ["203.0.113.80"]
    assert stack.json("branch")["current"] == "main"
    stack.run("branch", "-d", "canary")
    assert list(stack.json("branch")["branches"]) == ["main"]


def test_deleting_the_current_branch_needs_force(stack: Stack, zone: str) -> None:
    stack.run("checkout", "-b", "canary", "--wait")
    assert "branch canary of" in stack.run("branch", "-d", "canary", status=7).err
    stack.run("branch", "-d", "canary", "--force")
    stack.run("branch", "-d", "main", "--force", "--wait")
    listed = {each["zone"]: each["empty"] for each in stack.json("zone", "list")}
    assert listed[zone] is True


def test_a_zone_without_its_served_branch_is_listed_as_empty(stack: Stack, zone: str) -> None:
    stack.run("branch", "canary")
    stack.run("branch", "-d", "main", "--force")
    listed = {each["zone"]: each["empty"] for each in stack.json("zone", "list")}
    assert listed[zone] is True


def test_with_wait_a_removed_zone_is_gone_from_every_resolver(stack: Stack, zone: str) -> None:
    said = stack.json("zone", "remove", zone, "--force", "--reason", "over", "--wait")
    assert said["served_by"] == ["resolver-1"]
    assert stack.json("query", zone, "SOA")["rcode"] == "REFUSED"


@pytest.mark.usefixtures("zone")
def test_txt_may_have_any_octets_and_begin_with_a_dash(stack: Stack) -> None:
    stack.run("set", "dash", "TXT", "300", "--", "-all")
    assert stack.json("show", "dash", "TXT")["rdata"] == ['"-all"']
    stack.run("set", "raw", "TXT", "300", "caf\udce9")
    assert stack.json("show", "raw", "TXT")["rdata"] == ['"caf\\233"']


def test_zone_options_apply_to_one_command(stack: Stack, zone: str) -> None:
    other = f"other-{zone}"
    stack.run("zone", "add", other)
    assert stack.json("status")["zone"] == zone
    stack.run("import", "-", "--zone", other, "--wait", stdin=FOO)
    assert stack.json("status")["zone"] == zone
    assert stack.answer(f"api.{other}") == ["192.0.2.80"]
    stack.run("zone", "remove", other, status=7)
    stack.run("zone", "remove", other, "--force", "--reason", "over")
    assert other not in stack.run("zone", "list").out


def test_nested_zones_and_odd_names_are_served(stack: Stack, zone: str) -> None:
    nested = f"sub.{zone}"
    slashed = f"0/25.2.0.192.{zone}"
    for name in (nested, slashed):
        stack.zone(name, FOO.replace("192.0.2.80", "192.0.2.99"))
    assert stack.answer(f"api.{nested}") == ["192.0.2.99"]
    assert stack.answer(f"api.{slashed}") == ["192.0.2.99"]
    assert stack.answer(f"api.{zone}") == ["192.0.2.80"]
    stack.run("zone", "remove", nested, "--force", "--reason", "over")


def test_an_empty_zone_is_not_served_and_its_parent_keeps_answering(
    stack: Stack, zone: str
) -> None:
    nested = f"empty.{zone}"
    stack.run("zone", "add", nested)
    listed = {each["zone"]: each["empty"] for each in stack.json("zone", "list")}
    assert listed[nested] is True
    answer = stack.json("query", nested, "SOA")
    assert answer["rcode"] == "NXDOMAIN"
    assert answer["authority"][0].startswith(zone)
    stack.run("zone", "remove", nested)


def test_objects_can_be_shown(stack: Stack, zone: str) -> None:
    commit = stack.json("cat-object", "HEAD")
    assert commit["kind"] == "commit"
    tree = stack.json("cat-object", "HEAD^{tree}")
    keys = [entry["key"] for entry in tree["entries"]]
    assert keys == ["api/", "ns1/", "www/", "NS", "SOA"]
    blob = stack.json("cat-object", tree["entries"][-1]["id"][:12])
    assert (blob["name"], blob["type"]) == (zone, "SOA")


@pytest.mark.usefixtures("zone")
def test_errors_are_json_with_json(stack: Stack) -> None:
    import json

    said = stack.run("show", "nothing", "A", "--json", status=3)
    assert json.loads(said.err)["error"]["code"] == "not-found"


def test_init_twice_is_a_conflict(stack: Stack, zone: str) -> None:
    stack.run("init", zone, status=4)


def test_query_shows_signatures_on_request_and_the_reason_of_a_refusal(
    stack: Stack, tmp_path: Path, zone: str
) -> None:
    file = tmp_path / "signed.zone"
    file.write_text(
        f"$ORIGIN {zone}\n$TTL 300\n@ SOA ns1 admin 9 7200 3600 1209600 300\n@ NS ns1\n"
        "ns1 A 192.0.2.1\n"
        f"ns1 RRSIG A 8 3 300 20300101000000 20260101000000 1 {zone} c2ln\n"
    )
    stack.run("import", str(file), "--wait")
    assert len(stack.json("query", f"ns1.{zone}", "A")["answer"]) == 1
    signed = stack.json("query", f"ns1.{zone}", "A", "--dnssec")["answer"]
    assert [line.split()[3] for line in signed] == ["A", "RRSIG"]
    elsewhere = stack.json("query", "www.elsewhere.example", "A")
    assert elsewhere["extended_errors"] == ["EDE 20 (Not Authoritative)"]


def test_a_name_that_is_not_found_is_tried_in_the_current_zone(stack: Stack, zone: str) -> None:
    stack.run("set", "near", "A", "300", "192.0.2.7", "--wait")
    said = stack.run("query", "near", "A", "--short", "--exit-code")
    assert said.out == "192.0.2.7\n"
    assert f"near. was not found; this is near.{zone}, in the current zone" in said.err
    absolute = stack.run("query", "near.", "A", "--short", "--exit-code", status=6)
    assert (absolute.out, "REFUSED" in absolute.err) == ("", True)
    gone = stack.run("query", "gone", "A", "--short", "--exit-code", status=6)
    assert f"note: gone.{zone}, in the current zone, was not found either" in gone.err


def test_the_exit_status_of_a_query_names_the_failure(stack: Stack, zone: str) -> None:
    stack.run("set", "near", "A", "300", "192.0.2.7", "--wait")
    for name, rdtype, status, text in (
        (f"near.{zone}", "A", 0, ""),
        (f"gone.{zone}", "A", 3, f"gone.{zone} A: NXDOMAIN"),
        (f"near.{zone}", "AAAA", 11, f"near.{zone} AAAA: no data"),
        ("www.elsewhere.example.", "A", 6, "the server answered REFUSED, EDE 20"),
    ):
        said = stack.run("query", name, rdtype, "--short", "--exit-code", status=status)
        assert text in said.err
        assert bool(said.err) == bool(text)
        assert stack.run("query", name, rdtype, "--short").err == said.err


@pytest.mark.usefixtures("zone")
def test_records_may_be_in_the_order_of_a_master_file(stack: Stack) -> None:
    stack.run("set", "order", "300", "IN", "A", "192.0.2.7")
    stack.run("add", "order", "IN", "A", "192.0.2.8")
    stack.run("apply", "-", stdin="set mail 1h IN MX 10 order\nadd mail IN MX 20 order\n")
    for name, rdtype, expected in (
        ("order", "A", ["300 IN A 192.0.2.7", "300 IN A 192.0.2.8"]),
        ("mail", "MX", ["3600 IN MX 10", "3600 IN MX 20"]),
    ):
        lines = stack.run("show", name, rdtype).out.splitlines()
        assert [" ".join(line.split()[1:5]) for line in lines] == expected
    said = stack.run("set", "text", "IN", "TXT", "300", "x", status=1).err
    assert "300 after IN TXT can be the TTL or RDATA" in said


@pytest.mark.usefixtures("zone")
def test_an_export_of_neither_a_zone_nor_a_commit_names_both(stack: Stack) -> None:
    said = stack.run("export", "nowhere.example", status=3).err
    assert "'nowhere.example' is not a branch, tag or commit of " in said
    assert said.partition("\n")[0].endswith(", nor a zone")


def test_a_zone_is_exported_by_its_name_as_with_the_option(stack: Stack, zone: str) -> None:
    stack.run("set", "new", "A", "300", "192.0.2.7")
    stack.run("init", f"other.{zone}")
    expected = stack.run("export", "--zone", zone).out
    assert stack.run("export", zone).out == expected
    assert stack.run("export", zone.removesuffix("."), "--branch", "main").out == expected
    before = stack.run("export", "HEAD~1", "--zone", zone).out
    assert stack.run("export", f"{zone}@HEAD~1").out == before != expected


def test_an_argument_that_is_a_zone_and_a_branch_is_ambiguous(stack: Stack, zone: str) -> None:
    other = f"x-{zone.removesuffix('.')}"
    stack.zone(other)
    stack.run("branch", other, "--zone", zone)
    stack.run("zone", "switch", zone)
    refused = stack.run("export", other, status=1)
    assert f"the zone {other}., or a branch" in refused.err
    assert f"--zone {other}." in refused.err


def test_a_dry_run_of_a_removal_shows_its_records_and_removes_nothing(
    stack: Stack, zone: str
) -> None:
    tip = stack.json("status")["commit"]
    assert stack.run("zone", "remove", zone, status=7).err == (
        stack.run("zone", "remove", zone, "--dry-run", status=7).err
    )
    shown = stack.json("zone", "remove", zone, "--force", "--reason", "over", "--dry-run")
    assert (shown["zone"], shown["dry_run"]) == (zone, True)
    assert shown["removed"] == {f"refs/heads/{zone}/main": tip}
    assert shown["verdict"]["accepted"]
    assert stack.json("status")["commit"] == tip
    stack.run("zone", "remove", f"no.{zone}", "--dry-run", status=3)


@pytest.mark.parametrize("command", [("init",), ("zone", "add")])
def test_a_network_is_not_a_zone_and_the_error_names_its_reverse_zone(
    stack: Stack, command: tuple[str, ...]
) -> None:
    refused = stack.run(*command, "192.0.2.0/24", status=1)
    assert f"zonegit {' '.join(command)} 2.0.192.in-addr.arpa." in refused.err
    refused = stack.run(*command, "10.16.0.0/12", status=1)
    assert "16.10.in-addr.arpa. and so on to 31.10.in-addr.arpa., 16 zones" in refused.err


@pytest.mark.usefixtures("zone")
def test_a_review_counts_records(stack: Stack) -> None:
    stack.run("propose", "new")
    assert "no RRset differs" in stack.run("review", "new", "--stat").out
    stack.run("set", "a", "A", "300", "192.0.2.1", "192.0.2.2")
    said = stack.run("review", "new", "--stat").out
    assert "1 RRset differs: +2" in said
    assert "192.0.2.1" not in said
