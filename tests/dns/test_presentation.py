"""BIND, NSD, Knot and ldns parse the text that zonegit prints, for every type."""

import re
import subprocess
from pathlib import Path

import pytest
from tests.support.peers.process import find_program
from tests.support.presentation import PEERS_DIFFER, SAMPLES

from zonegit.zone.rrset import rdata_from_text, rdata_to_text
from zonegit.zone.rrtypes import NUMBERS

HEAD = "$ORIGIN example.\n$TTL 300\n@ SOA ns a 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n"
COMMANDS = {
    "named-compilezone": ("-i", "none", "-k", "ignore", "-s", "full", "-o", "-", "example", "zone"),
    "nsd-checkzone": ("example", "zone"),
    "knotc": ("-c", "knot.conf", "zone-check", "example"),
    "ldns-read-zone": ("zone",),
}
"""Run where the files are."""
KNOT = """\
zone:
  - domain: example
    storage: "{folder}"
    file: zone
    semantic-checks: off
"""
PRINTERS = ("named-compilezone", "ldns-read-zone")
LINE = re.compile(r"x(\d+)\.example\.\s+\d+\s+IN\s+(\S+)\s+(.*)")
RECORDS = [
    f"{mnemonic} {rdata_to_text(NUMBERS[mnemonic], rdata_from_text(NUMBERS[mnemonic], text))}"
    for mnemonic, samples in SAMPLES.items()
    for text, _ in samples
    if mnemonic != "SOA"  # permitted only at an apex
]


def octets_of(record: str) -> bytes:
    mnemonic, _, text = record.partition(" ")
    return rdata_from_text(NUMBERS[mnemonic], text)


def read_by(program: str, records: list[str], folder: Path) -> tuple[bool, dict[int, str], str]:
    """Return whether a program accepts the records, its output for each, and its messages."""
    path = find_program(program)
    if path is None:
        pytest.skip(f"{program} is not installed")
    (folder / "knot.conf").write_text(KNOT.format(folder=folder))
    (folder / "zone").write_text(
        HEAD + "".join(f"x{at} {each}\n" for at, each in enumerate(records))
    )
    done = subprocess.run(
        [path, *COMMANDS[program]], capture_output=True, text=True, check=False, cwd=folder
    )
    lines = filter(None, map(LINE.fullmatch, done.stdout.splitlines()))
    printed = {int(line[1]): f"{line[2]} {line[3]}" for line in lines}
    return done.returncode == 0, printed, done.stdout[:500] + done.stderr[:2_000]


def differs(program: str, record: str) -> bool:
    return any(
        record == start or record.startswith(start if start[-1] == "+" else f"{start} ")
        for start in PEERS_DIFFER[program]
    )


@pytest.mark.parametrize("program", COMMANDS)
def test_a_peer_parses_the_same_octets_from_our_text(program: str, tmp_path: Path) -> None:
    records = [each for each in RECORDS if not differs(program, each)]
    accepted, printed, said = read_by(program, records, tmp_path)
    assert accepted, said
    for at, record in enumerate(records if program in PRINTERS else ()):
        assert octets_of(printed[at]) == octets_of(record), record


@pytest.mark.parametrize("program", COMMANDS)
def test_every_documented_difference_of_a_peer_is_tested(program: str) -> None:
    for start in PEERS_DIFFER[program]:
        assert any(each == start or each.startswith(start) for each in RECORDS), start


def test_bind_stores_the_same_octets_of_every_centimetre_of_altitude(tmp_path: Path) -> None:
    """RFC 1876 section 2; as typed, and in the form that zonegit prints."""
    records = [
        f"LOC 52 14 05 N 00 08 50 E {centimetres // 100}.{centimetres % 100:02}m"
        for centimetres in range(10_000)
    ]
    accepted, printed, said = read_by("named-compilezone", records, tmp_path)
    assert accepted, said
    assert [octets_of(printed[at]) for at in range(len(records))] == list(map(octets_of, records))
