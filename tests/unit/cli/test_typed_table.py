"""The table of typed records in ``set --help`` and in docs/typed-records.md."""

import re
import shlex
from pathlib import Path

import pytest

from zonegit.errors import Invalid
from zonegit.repo.commit.edits import Add, Remove, Set
from zonegit.zone import names, rrtypes
from zonegit.zonefile import typed_records
from zonegit_cli.commands.set import command
from zonegit_cli.parse import edit_scripts
from zonegit_cli.parse.records import parse_remove

ZONE = names.parse("example.com.")
PAGE = (Path(__file__).parents[3] / "docs" / "typed-records.md").read_text()
ROWS = re.findall(
    r"^ *([A-Z].*?) +(\d records?(?:, with a note)?|error)$", command.help or "", re.MULTILINE
)


def parse_rdatas(zone: names.Name, rdtype: str, words: list[str]) -> list[bytes]:
    return list(parse_remove(zone, "@", rdtype, words).rdatas)


def test_the_page_has_the_table_of_the_help() -> None:
    assert re.findall(r"^\| `([A-Z].*)` \| (.*) \|$", PAGE, re.MULTILINE) == ROWS
    assert len(ROWS) > 20


@pytest.mark.parametrize(("typed", "result"), ROWS)
def test_a_row_is_true_on_the_command_line(typed: str, result: str) -> None:
    rdtype, *arguments = shlex.split(typed)
    notes = typed_records.find_notes(rrtypes.from_text(rdtype), arguments)
    assert bool(notes) == result.endswith("a note")
    if result == "error":
        with pytest.raises(Invalid):
            parse_rdatas(ZONE, rdtype, arguments)
    else:
        assert len(parse_rdatas(ZONE, rdtype, arguments)) == int(result[0])


@pytest.mark.parametrize(("typed", "result"), ROWS)
def test_a_row_is_true_in_an_edit_script(typed: str, result: str) -> None:
    rdtype, rdata = typed.split(" ", 1)
    script = "".join(
        f"{line}\n"
        for line in (
            f"set @ {rdtype} 300 {rdata}",
            f"add @ {rdtype} 300 {rdata}",
            f"remove @ {rdtype} {rdata}",
        )
    ).encode()
    if result == "error":
        for line in script.splitlines():
            with pytest.raises(Invalid):
                edit_scripts.read(line, ZONE, "-")
        return
    wanted = sorted(parse_rdatas(ZONE, rdtype, shlex.split(rdata)))
    found = []
    for edit in edit_scripts.read(script, ZONE, "-").edits:
        match edit:
            case Set(value) | Add(value):
                found.append(sorted(value.rdatas))
            case Remove(rdatas=rdatas):
                found.append(sorted(rdatas))
    assert found == [wanted] * 3
    assert len(wanted) == int(result[0])
