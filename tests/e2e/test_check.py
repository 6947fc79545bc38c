"""zonegit check: without a stack, with the verdict of an import into a new zone."""

import json
import os
from pathlib import Path

import pytest
from tests.e2e.stack import FOO, Stack
from tests.e2e.test_json import validator
from tests.support.commands import run_command
from tests.support.waiting import DEADLINE_S

SOA = "@ 300 SOA ns1 admin 1 7200 3600 1209600 300\n"
LARGE = "".join(f'big 300 TXT "{number:0250}"\n' for number in range(300))

ACCEPTED = {
    "plain": FOO,
    "warnings": FOO + "sub NS ns1\nw.sub A 192.0.2.9\nftp CNAME www.example.org\n",
    "note for --strict": "@ SOA ns1 admin 1 7200 3600 1209600 300\n@ NS ns1\nns1 A 192.0.2.1\n",
    "no NS": SOA,
    "mixed TTLs": FOO + "api 60 A 192.0.2.81\n",
    "spellings": FOO + "a NS X.y.\na NS x.y.\n",
    "serial 0": FOO.replace("admin 1 ", "admin 0 "),
}
REFUSED = {
    "empty": "",
    "no SOA": "@ 300 NS ns1\n",
    "two SOAs": FOO + SOA.replace(" 1 ", " 2 "),
    "malformed RDATA": FOO + "w A 1.2.3\n",
    "CNAME and other data": FOO + "www A 192.0.2.9\n",
    "NS and DNAME": FOO + "d NS ns1\nd DNAME x.\n",
    "DS at the apex": FOO + "@ DS 12345 13 2 " + "ab" * 32 + "\n",
    "outside": FOO + "www.example.org. A 192.0.2.9\n",
    "open parenthesis": FOO + "w TXT (\n",
    "too large": FOO + LARGE,
}


def check_alone(
    folder: Path, *words: str, stdin: str | None = None, **environment: str
) -> tuple[int, str, str]:
    """Run a command in a folder of an empty environment: no stack, context, or home."""
    done = run_command(
        words,
        {"PATH": os.environ["PATH"], **environment},
        stdin,
        timeout=2 * DEADLINE_S,
        cwd=folder,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("strict", [False, True], ids=["usual", "strict"])
@pytest.mark.parametrize("name", [*ACCEPTED, *REFUSED])
def test_the_verdict_and_the_findings_are_those_of_an_import(
    stack: Stack, tmp_path: Path, name: str, strict: bool
) -> None:
    text = {**ACCEPTED, **REFUSED}[name]
    zone = f"{stack.environment['ZONEGIT_ACTOR']}.check.test."
    stack.run("init", zone)
    option = ("--strict",) if strict else ()
    status, out, err = check_alone(
        tmp_path, "check", "-", "--zone", zone, "--json", *option, stdin=text
    )
    checked = json.loads(out)
    validator("check").validate(checked)
    imported = stack.run("import", "-", "--json", *option, stdin=text, status=status)
    assert checked["valid"] == (status == 0)
    assert status == 0 or (strict and name in ACCEPTED) or name in REFUSED
    if name in REFUSED:
        assert (checked["serial"], checked["records"]) == (None, None)
        message = json.loads(imported.err)["error"]["message"]
        assert any(each["message"].startswith(message) for each in checked["findings"])
        assert json.loads(err)["error"]["code"] == "invalid"
    elif status == 0:
        document = json.loads(imported.out)
        assert checked["findings"] == document["warnings"]
        assert checked["serial"] == document["serial"]


def test_check_and_lint_of_a_file_need_nothing_but_the_file(tmp_path: Path) -> None:
    """There is no home, no data folder and no bus; nothing is created."""
    file = tmp_path / "f.example.zone"
    file.write_text(FOO)
    absent = {"ZONEGIT_DATA": str(tmp_path / "absent"), "ZONEGIT_NATS_URL": "nats://127.0.0.1:1"}
    tmp_path.chmod(0o555)
    try:
        for environment in ({}, absent):
            checked = check_alone(tmp_path, "check", file.name, **environment)
            assert checked == (0, "f.example. serial 1, 5 records, no findings\n", "")
            found = check_alone(tmp_path, "lint", file.name, **environment)
            assert found == (0, "f.example. 5 records, no findings\n", "")
    finally:
        tmp_path.chmod(0o755)
    assert list(tmp_path.iterdir()) == [file]


def test_all_unusable_records_are_listed_with_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "more").write_text("x A 192.0.2.300\n")
    (tmp_path / "bad.zone").write_text(FOO + "w A 1.2.3\nwww A 192.0.2.9\n$INCLUDE more\n")
    status, out, err = check_alone(tmp_path, "check", "bad.zone", "--zone", "f.example")
    assert status == 1
    places = [line.split(" ")[1] for line in out.splitlines()]
    assert places == ["bad.zone:7:", "bad.zone:8:", "more:1:"]
    assert err == "zonegit: bad.zone is not a valid zone: 3 errors\n"


def test_errors_are_bounded_and_counted(tmp_path: Path) -> None:
    text = FOO + "".join(f"w{number} A 1.2.3\n" for number in range(1_100))
    (tmp_path / "f.example.zone").write_text(text)
    status, out, err = check_alone(tmp_path, "check", "f.example.zone")
    assert (status, len(out.splitlines())) == (1, 1_001)
    assert out.endswith("\nand 100 more errors\n")
    assert "1100 errors" in err


def test_the_zone_is_that_of_the_soa_or_of_the_name_of_the_file(tmp_path: Path) -> None:
    origin = "$ORIGIN by-origin.example.\n" + FOO
    absolute = FOO.replace("@ ", "by-soa.example. ", 1)
    for name, text, zone in (
        ("db", origin, "by-origin.example."),
        ("db", absolute, "by-soa.example."),
        ("by-name.example.zone", FOO, "by-name.example."),
    ):
        (tmp_path / name).write_text(text)
        assert check_alone(tmp_path, "check", name)[1].startswith(f"{zone} serial 1, 5 records")
    status, out, err = check_alone(tmp_path, "check", "-", stdin=FOO)
    assert (status, out) == (1, "")
    assert "cannot determine the zone of stdin" in err
    assert "--zone" in err


def test_exit_statuses(tmp_path: Path) -> None:
    (tmp_path / "f.example.zone").write_text(ACCEPTED["warnings"])
    assert check_alone(tmp_path, "check", "f.example.zone")[0] == 0
    assert check_alone(tmp_path, "check", "f.example.zone", "--strict")[0] == 1
    assert check_alone(tmp_path, "check")[0] == 2
    assert check_alone(tmp_path, "check", "absent.zone")[0] == 3
    (tmp_path / "edits").write_text("set www A 300 192.0.2.1\n")
    status, _, err = check_alone(tmp_path, "check", "edits")
    assert status == 1
    assert "edits is a file of edits, not a master file" in err
