"""Zones signed by ``dnssec-signzone``: with NSEC, with NSEC3, with NSEC3 and opt-out."""

import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support import peers

SIGNER = "dnssec-signzone"
KEY_MAKER = "dnssec-keygen"
DENIALS = {
    "nsec": (),
    "nsec3": ("-3", "beef", "-H", "1"),
    "opt-out": ("-3", "-", "-H", "0", "-A"),
}
"""What the signer is told of how absence is to be proved (RFC 4034 section 4, RFC 5155)."""


def is_installed() -> bool:
    """Whether zones can be signed here."""
    return all(peers.installed(program) for program in (SIGNER, KEY_MAKER))


def signed(apex: str, text: str, denial: str) -> str:
    """A master file, relative to its apex, with signatures by one key."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        key = _run(KEY_MAKER, "-q", "-a", "ECDSAP256SHA256", "-f", "KSK", apex, folder=folder)
        public = (folder / f"{key.strip()}.key").read_text()
        (folder / "zone").write_text(f"$ORIGIN {apex}\n$TTL 300\n{text}{public}")
        # -z: the one key signs all. -P: what nobody may see below a cut is there on purpose.
        options = ("-z", "-P", "-O", "full", *DENIALS[denial])
        _run(SIGNER, *options, "-o", apex, "-f", "signed", "zone", key.strip(), folder=folder)
        return (folder / "signed").read_text()


def _run(program: str, *arguments: str, folder: Path) -> str:
    path = peers.installed(program)
    assert path is not None
    done = subprocess.run(
        [path, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
