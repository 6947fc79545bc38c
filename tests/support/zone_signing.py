"""Sign zones with the tools of BIND, as operators do."""

import subprocess
from pathlib import Path

import pytest
from tests.support.peers import find_program

ALGORITHM = "ECDSAP256SHA256"
START, END = "20200101000000", "20600101000000"
"""Every test runs within this time."""

NSEC = ()
NSEC3 = ("-3", "aabbccdd", "-H", "5")
NSEC3_OPT_OUT = ("-3", "-", "-H", "0", "-A")


def require_signer() -> None:
    """Skip the test, visibly, without the tools."""
    for tool in ("dnssec-keygen", "dnssec-signzone"):
        if find_program(tool) is None:
            pytest.skip(f"{tool} is not installed")


def sign_zone(folder: Path, zone: str, text: str, *how: str) -> str:
    """Return the master file of ``zone`` signed, with absolute names.

    ``text`` is relative to the zone and has its SOA; ``how`` is NSEC, NSEC3 or NSEC3_OPT_OUT.
    """
    file = folder / "unsigned.zone"
    file.write_text(f"$ORIGIN {zone}\n$TTL 300\n{text}")
    key = ("-q", "-a", ALGORITHM, "-f", "KSK", "-K", str(folder), zone)
    _run("dnssec-keygen", folder, *key)
    result = folder / "signed.zone"
    _run(
        "dnssec-signzone",
        folder,
        *("-S", "-q", "-P", "-z", "-O", "full", "-K", str(folder), "-d", str(folder)),
        *("-s", START, "-e", END, "-o", zone, "-f", str(result), *how, str(file)),
    )
    return result.read_text()


def _run(tool: str, folder: Path, *arguments: str) -> None:
    path = find_program(tool)
    assert path is not None
    done = subprocess.run(
        [path, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
