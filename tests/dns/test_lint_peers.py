"""The rules of lint agree with the checkers of other servers."""

import subprocess
from pathlib import Path

import pytest
from tests.support.peers.process import find_program

from zonegit.zone import names
from zonegit.zone.lint import table
from zonegit.zone.lint.view import WholeZone
from zonegit.zonefile import reader

APEX = names.parse("f.example.")
ZONE = """\
$TTL 300
@ SOA ns1 admin 1 7200 3600 1209600 300
@ NS ns1
ns1 A 192.0.2.1
"""
BIND, NSD = "named-checkzone", "nsd-checkzone"


def rules(text: str) -> list[str]:
    rrsets = reader.read(text.encode(), APEX).rrsets
    view = WholeZone(APEX, rrsets)
    return [finding.rule for rrset in rrsets.values() for finding in table.examine(view, rrset)]


def complaints(checker: str, text: str, folder: Path) -> list[str]:
    """Return the lines in which a checker complains about a zone."""
    program = find_program(checker)
    if program is None:
        pytest.skip(f"{checker} is not installed")
    file = folder / "zone"
    file.write_text(text)
    # It would query the resolver of this machine for external hosts.
    local = ["-i", "local"] if checker == BIND else []
    command = [program, *local, "f.example", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = (done.stdout + done.stderr).splitlines()
    ordinary = ("OK", "loaded serial", "zone f.example is ok")
    return [line for line in lines if not any(word in line for word in ordinary)]


@pytest.mark.parametrize("checker", [BIND, NSD])
def test_an_ordinary_zone_causes_no_complaints(checker: str, tmp_path: Path) -> None:
    text = ZONE + "s NS ns.s\nns.s A 192.0.2.2\nt NS ns.s\nd DNAME x.\n@ MX 10 ns1\n"
    assert not rules(text)
    assert not complaints(checker, text, tmp_path)


@pytest.mark.parametrize(
    ("checker", "records", "rule"),
    [
        (BIND, "s NS ns", "ns-without-address"),
        (BIND, "s NS ns.s", "ns-without-address"),
        (BIND, "@ NS gone", "ns-without-address"),
        (BIND, "@ NS al\nal CNAME ns1", "ns-to-cname"),
        (BIND, "s NS al\nal CNAME ns1", "ns-to-cname"),
        (BIND, "@ MX 10 al\nal CNAME ns1", "mx-to-cname"),
        (BIND, "_a._tcp SRV 0 0 1 al\nal CNAME ns1", "srv-to-cname"),
        (BIND, "@ NS a.d\nd DNAME x.", "ns-below-dname"),
        (BIND, "s NS a.d\nd DNAME x.", "ns-below-dname"),
        (BIND, 'x X25 "123"', "x25-address"),
        (BIND, "i IPSECKEY 10 3 0 gw.", "ipseckey-without-key"),
        (BIND, "n NSEC @", "nsec-without-types"),
        (BIND, "l LOC 90 0 1 N 0 0 0 E 0m", "loc-out-of-range"),
        (BIND, 'n NAPTR 1 1 "u" "x" "!a!" .', "naptr-regexp"),
        (NSD, "d DNAME x.\nw.d A 192.0.2.1", "hidden-by-dname"),
    ],
)
def test_complaints_of_a_checker_have_findings(
    checker: str, records: str, rule: str, tmp_path: Path
) -> None:
    text = f"{ZONE}{records}\n"
    assert rules(text) == [rule]
    assert complaints(checker, text, tmp_path)


def test_a_zone_without_name_servers_is_a_finding(tmp_path: Path) -> None:
    text = ZONE.replace("@ NS ns1\n", "")
    assert rules(text) == ["apex-without-ns"]
    assert complaints(BIND, text, tmp_path)


@pytest.mark.parametrize(
    "regexp",
    [
        "!^.*$!sip:x!", "!a!", "!a!b!c", "!a!b!i", "!(a!b!", r"!(a)!\\1!", r"!(a)!\\2!", "!a!b!!",
        "!*a!b!", "iaibi", "1a1b1", "![a!b!", "![]a]!b!", "!a{2,1}!b!", "!a|!b!", "!()!b!", "!!b!",
    ],
)  # fmt: skip
def test_regexps_are_judged_as_bind_judges_them(regexp: str, tmp_path: Path) -> None:
    text = f'{ZONE}n NAPTR 1 1 "u" "x" "{regexp}" .\n'
    assert bool(rules(text)) == bool(complaints(BIND, text, tmp_path))
